package report

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes a string that others wrote fit for one line of anything: white
// space of every kind becomes one space, and characters that are not seen but
// change what is (controls, marks of writing direction, invisible joints) go.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '\uFFFD'
		case unicode.IsSpace(r):
			return ' '
		case r == '\u200d': // joins emoji
			return r
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), r >= 0xE0000 && r <= 0xE0FFF:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// cut shortens a string to at most n characters, the last one an ellipsis when
// something is missing.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return strings.TrimRight(string(r[:n-1]), " ") + "…"
}

// link returns an address that may stand in a mail, "" for any that is not of
// the web.
func link(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.String()
}
