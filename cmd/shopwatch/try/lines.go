package try

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"
)

// text is the JSON of options, "" for the defaults.
func text(options any) (string, error) {
	if options == nil {
		return "", nil
	}
	b, err := json.Marshal(options)
	return string(b), err
}

// lines are those of a way for the configuration.
func lines(r *Result, found bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "storefronts:\n  - name: %s\n    url: %s\n", Name(r.URL), Scalar(r.URL))
	if !found {
		fmt.Fprintf(&b, "    marketplace: %s\n", r.Marketplace)
	}
	b.WriteString("    schedule: \"@every 12h\"\n")
	if r.way.Options != nil && r.m.Options != nil {
		o, defaults := reflect.ValueOf(r.way.Options).Elem(), reflect.ValueOf(r.m.Options()).Elem()
		if inner := keys(o, defaults, "      "); inner != "" {
			b.WriteString("    options:\n" + inner)
		}
	}
	return b.String()
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// Name is one for a storefront at an address.
func Name(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "shop"
	}
	host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
	label, _, _ := strings.Cut(host, ".")
	if n := strings.Trim(notInNames.ReplaceAllString(label, "-"), "-"); n != "" {
		return n[:min(len(n), 30)]
	}
	return "shop"
}

// keys are the lines of those fields of options that are not as by default.
func keys(v, defaults reflect.Value, indent string) string {
	var b strings.Builder
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("json")
		f, d := v.Field(i), defaults.Field(i)
		if key == "" || key == "-" || reflect.DeepEqual(f.Interface(), d.Interface()) {
			continue
		}
		if short, ok := flow(f, d); ok && len(indent)+len(key)+len(short) < 100 {
			fmt.Fprintf(&b, "%s%s: %s\n", indent, key, short)
			continue
		}
		fmt.Fprintf(&b, "%s%s:\n%s", indent, key, keys(f, d, indent+"  "))
	}
	return b.String()
}

// flow writes a value in one line. It reports false for one that holds structs
// in structs.
func flow(v, defaults reflect.Value) (string, bool) {
	switch v.Kind() {
	case reflect.String:
		return Scalar(v.String()), true
	case reflect.Slice:
		var all []string
		for i := range v.Len() {
			s, ok := flow(v.Index(i), reflect.Zero(v.Type().Elem()))
			if !ok {
				return "", false
			}
			all = append(all, s)
		}
		return "[" + strings.Join(all, ", ") + "]", true
	case reflect.Struct:
		return flowStruct(v, defaults)
	}
	return fmt.Sprint(v.Interface()), true
}

func flowStruct(v, defaults reflect.Value) (string, bool) {
	var all []string
	only := ""
	for i := range v.NumField() {
		f, d := v.Field(i), defaults.Field(i)
		if reflect.DeepEqual(f.Interface(), d.Interface()) {
			continue
		}
		if f.Kind() == reflect.Struct {
			if inner, ok := flow(f, d); !ok || strings.HasPrefix(inner, "{") {
				return "", false
			}
		}
		s, ok := flow(f, d)
		if !ok {
			return "", false
		}
		key := v.Type().Field(i).Tag.Get("json")
		all = append(all, key+": "+s)
		if i == 0 && f.Kind() == reflect.String {
			only = s
		}
	}
	// A type that reads text is written so when its first field says all.
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok && len(all) == 1 && only != "" {
		return only, true
	}
	return "{" + strings.Join(all, ", ") + "}", true
}

var (
	plain = regexp.MustCompile(`^[A-Za-z./][\w./-]*$`)
	link  = regexp.MustCompile(`^(https|smtps?)://`)
)

// Scalar writes a text as YAML reads it. What a person would take for a text is
// written as it is.
func Scalar(s string) string {
	switch strings.ToLower(s) {
	case "true", "false":
		return s // true is what such an option means
	case "null", "yes", "no", "on", "off", "y", "n":
		return `"` + s + `"`
	}
	if plain.MatchString(s) || link.MatchString(s) && !strings.ContainsAny(s, " #{}[],\"'\\") {
		return s
	}
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	// JSON escapes what YAML need not.
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}
