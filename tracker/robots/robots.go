// Package robots reads robots.txt, by which the owner of a site tells programs
// what to leave alone, as RFC 9309 says.
package robots

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Most is how much of a robots.txt is read, in bytes; the rest says nothing.
const Most = 512 << 10

const maxDelay = time.Minute

// Rules are what a robots.txt asks of one program. The zero value allows
// everything.
type Rules struct {
	// Delay is the pause that it wants between two requests, a minute at
	// most. The RFC does not know it, many sites do.
	Delay time.Duration
	rules []rule
}

// A rule allows or disallows the paths that its pattern fits.
type rule struct {
	pattern string // normalized; may hold * and end in $
	allow   bool
}

// Parse returns what a robots.txt asks of the program that names itself agent.
// The groups for that name count, or when there are none those for *. What
// cannot be understood is passed over.
func Parse(body []byte, agent string) *Rules {
	if len(body) > Most {
		body = body[:Most]
		body = body[:bytes.LastIndexByte(body, '\n')+1] // a rule that is cut says something else
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	own, all := new(Rules), new(Rules)
	named := false      // a group is for the agent by name
	var groups []*Rules // those that the lines belong to
	begun := false      // the group has a rule, so the next agent begins another
	for line := range bytes.FieldsFuncSeq(body, func(r rune) bool { return r == '\n' || r == '\r' }) {
		key, value, ok := field(line)
		if !ok {
			continue
		}
		if key == "user-agent" {
			if begun {
				groups, begun = nil, false
			}
			switch name := product(value); {
			case name == "*":
				groups = append(groups, all)
			case strings.EqualFold(name, agent):
				groups, named = append(groups, own), true
			}
			continue
		}
		if key != "allow" && key != "disallow" && key != "crawl-delay" {
			continue
		}
		begun = true
		for _, g := range groups {
			g.add(key, value)
		}
	}
	if named {
		return own
	}
	return all
}

// field takes a line apart into its key, in lower case, and its value.
func field(line []byte) (key, value string, ok bool) {
	line, _, _ = bytes.Cut(line, []byte("#"))
	k, v, ok := strings.Cut(string(line), ":")
	return strings.ToLower(strings.TrimSpace(k)), strings.TrimSpace(v), ok
}

// product is the name of the program that a line is for, without its version.
func product(value string) string {
	if strings.HasPrefix(value, "*") {
		return "*"
	}
	end := strings.IndexFunc(value, func(r rune) bool {
		return r != '-' && r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		end = len(value)
	}
	return value[:end]
}

func (r *Rules) add(key, value string) {
	switch {
	case key == "crawl-delay":
		if s, err := strconv.ParseFloat(value, 64); err == nil && s > 0 {
			r.Delay = time.Duration(min(s, maxDelay.Seconds()) * float64(time.Second))
		}
	case value == "": // it disallows nothing
	default:
		r.rules = append(r.rules, rule{normalize(value), key == "allow"})
	}
}

// Allows reports whether the address may be asked for. The longest pattern that
// fits decides; of an allow and a disallow of one length, the allow.
func (r *Rules) Allows(u *url.URL) bool {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if path == "/robots.txt" {
		return true
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	path = normalize(path)
	best := rule{allow: true}
	for _, rule := range r.rules {
		longer := len(rule.pattern) > len(best.pattern) || len(rule.pattern) == len(best.pattern) && rule.allow
		if longer && fits(rule.pattern, path) {
			best = rule
		}
	}
	return best.allow
}

// fits reports whether a pattern fits the beginning of a path, or all of it when
// the pattern ends in $. A * stands for any characters.
func fits(pattern, path string) bool {
	pattern, whole := strings.CutSuffix(pattern, "$")
	parts := strings.Split(pattern, "*")
	path, ok := strings.CutPrefix(path, parts[0])
	if !ok {
		return false
	}
	if len(parts) == 1 {
		return !whole || path == ""
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(path, part)
		if !found {
			return false
		}
		path = after
	}
	if whole {
		return strings.HasSuffix(path, last)
	}
	return strings.Contains(path, last)
}

// unreserved are the characters that may be written as they are or by their
// number, which is the same.
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// normalize writes a path in the one way in which paths are compared: what is not
// ASCII as %XX, what need not be as itself.
func normalize(path string) string {
	plain := func(c byte) bool { return c < 0x80 && c != '%' }
	if !slices.ContainsFunc([]byte(path), func(c byte) bool { return !plain(c) }) {
		return path
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch n, err := strconv.ParseUint(path[min(i+1, len(path)):min(i+3, len(path))], 16, 8); {
		case plain(c):
			b.WriteByte(c)
		case c == '%' && (err != nil || i+2 >= len(path)):
			b.WriteByte(c)
		case c == '%' && strings.IndexByte(unreserved, byte(n)) >= 0:
			b.WriteByte(byte(n))
			i += 2
		case c == '%':
			b.WriteString(strings.ToUpper(path[i : i+3]))
			i += 2
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
