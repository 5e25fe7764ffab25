package config

import (
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

// secretKeys are those whose values nobody is shown.
var secretKeys = []string{"token", "viewer_token", "password", "secret", "secret_key"}

const hidden = "(not shown)"

// Shown returns the keys of the configuration with their values, for people. Of
// secrets it says only that they are set, of addresses only where they lead.
func (c *Config) Shown() [][2]string {
	var list [][2]string
	show("", reflect.ValueOf(c).Elem(), &list)
	return list
}

func show(key string, v reflect.Value, list *[][2]string) {
	name := key[strings.LastIndexAny(key, ".")+1:]
	if m, ok := v.Interface().(encoding.TextMarshaler); ok && v.Kind() != reflect.Pointer {
		if b, err := m.MarshalText(); err == nil && len(b) > 0 {
			*list = append(*list, [2]string{key, string(b)})
		}
		return
	}
	switch {
	case v.IsZero():
		return
	case slices.Contains(secretKeys, name):
		*list = append(*list, [2]string{key, hidden})
		return
	}
	if s, ok := v.Interface().(fmt.Stringer); ok {
		*list = append(*list, [2]string{key, s.String()})
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			tag := v.Type().Field(i).Tag.Get("yaml")
			if tag == "" || !v.Type().Field(i).IsExported() {
				continue
			}
			show(strings.TrimPrefix(key+"."+tag, "."), v.Field(i), list)
		}
	case reflect.Slice:
		for i := range v.Len() {
			show(fmt.Sprintf("%s[%d]", key, i), v.Index(i), list)
		}
	case reflect.Map:
		var names []string
		for _, k := range v.MapKeys() {
			names = append(names, k.String())
		}
		slices.Sort(names)
		for _, k := range names {
			text := fmt.Sprint(v.MapIndex(reflect.ValueOf(k)))
			*list = append(*list, [2]string{key + "." + k, address(text)})
		}
	default:
		*list = append(*list, [2]string{key, address(fmt.Sprint(v.Interface()))})
	}
}

// address leaves out of an address what may be a secret: who signs in, the query
// and, of hooks of chats, the path.
func address(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	if u.User == nil && u.RawQuery == "" && len(u.Path) < 24 {
		return text
	}
	return u.Scheme + "://" + u.Host + "/…"
}

// String writes a duration as UnmarshalText reads it.
func (d Duration) String() string {
	const day = 24 * time.Hour
	if t := time.Duration(d); t >= day && t%day == 0 {
		return fmt.Sprintf("%dd", t/day)
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// String writes a pause as UnmarshalText reads it.
func (p Pace) String() string {
	if p.Min == p.Max {
		return Duration(p.Min).String()
	}
	return Duration(p.Min).String() + "-" + Duration(p.Max).String()
}

// String writes the hours as UnmarshalText reads them.
func (h Hours) String() string {
	clock := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60) }
	return clock(h.From) + "-" + clock(h.To)
}
