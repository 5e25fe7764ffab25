package magento

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// An apiError is how the API refuses, alone or beside what it answers.
type apiError struct {
	Message    string `json:"message"`
	Extensions struct {
		Category string `json:"category"`
	} `json:"extensions"`
}

func (e *apiError) String() string { return market.Clip(e.Message, 300) }

// customersOnly reports whether guests are shown nothing.
func (e *apiError) customersOnly() bool {
	return e.Extensions.Category == "graphql-authorization" || e.Extensions.Category == "graphql-authentication"
}

// plain is a body without what modules write before the JSON.
func plain(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\ufeff")))
}

// errorsOf returns the errors of an answer.
func errorsOf(a *market.Answer) []apiError {
	var all struct {
		Errors []apiError `json:"errors"`
	}
	if json.Unmarshal(plain(a.Body), &all) != nil {
		return nil
	}
	return all.Errors
}

// elsewhere is the state of an answer from a site that is not the shop's.
func (s *storefront) elsewhere(a *market.Answer) *market.State {
	u, err := url.Parse(a.URL)
	if err == nil && s.Home(u.Hostname()) {
		return nil
	}
	return &market.State{
		Name: "another site", Verdict: tracker.Failed,
		Reason: fmt.Sprintf("the shop leads to %s: when it has moved there, write that address", market.Clip(strings.ToLower(hostOf(u)), 100)),
	}
}

func hostOf(u *url.URL) string {
	if u == nil {
		return "a strange address"
	}
	return u.Host
}

// state returns the state of an answer that is none of the API (NOTES.md, 4).
func state(a *market.Answer) *market.State {
	for _, e := range errorsOf(a) {
		if e.customersOnly() {
			return &market.State{Name: "customers only", Verdict: tracker.Login, Reason: fmt.Sprintf("the shop shows its products only to customers who are logged in (%s); ask its owner to open them", &e)}
		}
	}
	if a.Status == http.StatusUnauthorized {
		return &market.State{Name: "unauthorized", Verdict: tracker.Login, Reason: "the shop wants a login before it answers (status 401); ask its owner to open it"}
	}
	if st := market.Refusal(a); st != nil {
		return st
	}
	switch {
	case a.Status == http.StatusOK && !a.HTML():
		return nil
	case a.Status == http.StatusOK:
		return &market.State{Name: "a page", Verdict: tracker.Failed, Transient: true, Reason: "the shop answers with a page where its GraphQL API should be: check the address, or write that of the API in options: {endpoint: …}"}
	case a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed || a.Status == http.StatusGone:
		return &market.State{Name: "no GraphQL API", Verdict: tracker.Failed, Reason: fmt.Sprintf("no GraphQL API answers there (status %d): check the address, write that of the API in options: {endpoint: …}; or the shop is no Magento shop or has shut the API off", a.Status)}
	}
	if all := errorsOf(a); len(all) > 0 {
		return &market.State{Name: "API refuses", Verdict: tracker.Failed, Transient: true, Reason: fmt.Sprintf("the API refuses with status %d: %s", a.Status, &all[0])}
	}
	return &market.State{Name: "strange status", Verdict: tracker.Failed, Transient: true, Reason: fmt.Sprintf("the shop answered with status %d", a.Status)}
}
