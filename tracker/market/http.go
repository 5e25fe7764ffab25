package market

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"shopwatch/tracker"
)

// HTML reports whether the answer is a page for people.
func (a *Answer) HTML() bool {
	return strings.Contains(a.Header.Get("Content-Type"), "html") || bytes.HasPrefix(bytes.TrimSpace(a.Body[:min(len(a.Body), 512)]), []byte("<"))
}

// Holds reports whether the beginning of the answer holds one of the words.
func (a *Answer) Holds(words ...string) bool {
	begin := a.Body[:min(len(a.Body), 64<<10)]
	for _, w := range words {
		if bytes.Contains(begin, []byte(w)) {
			return true
		}
	}
	return false
}

// Names reports whether one of the groups of a pattern catches a text in the
// page, such as the number of a product that it says it shows.
func (a *Answer) Names(pattern *regexp.Regexp, text string) bool {
	for _, m := range pattern.FindAllSubmatch(a.Body[:min(len(a.Body), 4<<20)], 50) {
		for _, group := range m[1:] {
			if string(group) == text {
				return true
			}
		}
	}
	return false
}

// SamePath reports whether the page came from where it was asked for, whatever
// the host: shops lead on to www.
func (a *Answer) SamePath() bool {
	u, err := url.Parse(a.URL)
	asked, err2 := url.Parse(a.Request.URL)
	return err == nil && err2 == nil && strings.TrimRight(u.Path, "/") == strings.TrimRight(asked.Path, "/")
}

// Challenged reports whether a check that only a browser passes stands before
// the site.
func Challenged(a *Answer) bool {
	return a.Header.Get("Cf-Mitigated") != "" ||
		a.HTML() && a.Holds("<title>Just a moment", "/cdn-cgi/challenge-platform/", "Attention Required! | Cloudflare", "/.well-known/sgcaptcha/")
}

// Refusal returns the state of an answer over HTTP by which any site may refuse,
// whatever it is built with, or nil. What a platform says in its own words
// should be looked for before.
func Refusal(a *Answer) *State {
	const fix = "open it in an ordinary browser, wait some hours, and scan less often"
	wait := RetryAfter(a.Header, time.Now())
	refused := func(name string) *State {
		return &State{Name: name, Verdict: tracker.Blocked, Wait: wait, Reason: fmt.Sprintf("the shop refuses to answer (%s): %s", name, fix)}
	}
	switch {
	case a.Status == http.StatusTooManyRequests, a.Status == 430: // 430 is Shopify's own
		return refused("too many requests")
	case Challenged(a):
		return refused("a check whether a browser asks")
	case a.Status == http.StatusServiceUnavailable && wait > 0:
		return refused("closed for a moment")
	case (a.Status == http.StatusForbidden || a.Status == http.StatusNotAcceptable) && (a.HTML() || len(bytes.TrimSpace(a.Body)) == 0):
		return refused(fmt.Sprintf("a firewall, status %d", a.Status))
	case a.Status >= 500:
		return &State{Name: "server error", Verdict: tracker.Failed, Transient: true, Reason: fmt.Sprintf("the shop answered with status %d", a.Status)}
	}
	return nil
}
