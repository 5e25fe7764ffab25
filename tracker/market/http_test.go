package market_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker/market"
)

func TestRefusal(t *testing.T) {
	const page = "<!doctype html><title>x</title>"
	for _, c := range []struct {
		rule   string
		status int
		header http.Header
		body   string
		want   string // verdict and name; empty for none
		wait   time.Duration
	}{
		{"an answer", 200, nil, "[]", "", 0},
		{"a page", 200, nil, page, "", 0},
		{"nothing there", 404, nil, page, "", 0},
		{"the platform's own refusal", 403, nil, `{"code":"x"}`, "", 0},
		{"too many", 429, http.Header{"Retry-After": {"7"}}, "", "blocked too many requests", 7 * time.Second},
		{"too many, as Shopify says it", 430, nil, page, "blocked too many requests", 0},
		{"a firewall", 403, nil, page, "blocked a firewall, status 403", 0},
		{"a firewall without words", 403, nil, " ", "blocked a firewall, status 403", 0},
		{"another firewall", 406, nil, page, "blocked a firewall, status 406", 0},
		{"a challenge by its header", 404, http.Header{"Cf-Mitigated": {"challenge"}}, "", "blocked a check whether a browser asks", 0},
		{"a challenge by its words", 200, nil, page + "<title>Just a moment...</title>", "blocked a check whether a browser asks", 0},
		{"its words in data", 200, nil, `{"name":"<title>Just a moment...</title>"}`, "", 0},
		{"its words far down", 200, nil, page + strings.Repeat(" ", 1<<20) + "<title>Just a moment", "", 0},
		{"maintenance", 503, http.Header{"Retry-After": {"60"}}, page, "blocked closed for a moment", time.Minute},
		{"overload", 503, nil, page, "failed server error", 0},
		{"failure", 500, nil, `{"code":"x"}`, "failed server error", 0},
	} {
		s, got := market.Refusal(&market.Answer{Status: c.status, Header: c.header, Body: []byte(c.body)}), ""
		if s != nil {
			got = string(s.Verdict) + " " + s.Name
			if s.Wait != c.wait || s.Reason == "" || s.Transient && s.Verdict.Wall() {
				t.Errorf("%s: %+v", c.rule, s)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}
