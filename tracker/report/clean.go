package report

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"shopwatch/tracker"
)

// clean makes a text that others wrote fit for a report.
func clean(s string) string { return tracker.SingleLine(s) }

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
