package prestashop

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// elsewhere is the state of an answer from a site that is not the shop's.
func (s *storefront) elsewhere(a *market.Answer) *market.State {
	u, err := url.Parse(a.URL)
	if err == nil && s.Home(u.Hostname()) {
		return nil
	}
	to := "a strange address"
	if err == nil {
		to = u.Host
	}
	return &market.State{
		Name: "another site", Verdict: tracker.Failed,
		Reason: fmt.Sprintf("%s leads to %s: when the shop has moved there, write that address", s.host, market.Clip(to, 100)),
	}
}

// scripts is what a page tells the shop's scripts, nil when it is not the shop's.
func scripts(a *market.Answer) []byte {
	body := a.Body[:min(len(a.Body), 4<<20)]
	if i := bytes.Index(body, []byte("var prestashop = {")); i >= 0 {
		return body[i:]
	}
	return nil
}

// own reports whether a page is one that the shop itself made: it holds what
// the shop's scripts know.
func own(a *market.Answer) bool {
	return a.HTML() && scripts(a) != nil
}

// login reports whether a page of the shop asks for a login.
func login(a *market.Answer) bool {
	return a.HTML() && a.Holds(`<body id="authentication"`, `id="login-form"`)
}

// state returns the state of an answer that is no list (NOTES.md, 4).
func state(a *market.Answer) *market.State {
	if a.Status == http.StatusUnauthorized || login(a) && !a.Holds(`<body id="category"`) {
		return &market.State{Name: "login page", Verdict: tracker.Login, Reason: "the shop shows its products only to people who are logged in; ask its owner to open them"}
	}
	if st := market.Refusal(a); st != nil {
		return st
	}
	switch {
	case a.Status == http.StatusOK && !a.HTML():
		return nil
	case a.Status == http.StatusOK:
		return &market.State{Name: "a page", Verdict: tracker.Failed, Transient: true, Reason: "the shop answers with a page where its list should be: check that the address is one of a category, as the browser shows it; the shop may be no PrestaShop shop, or its theme brings lists in another way"}
	case a.Status == http.StatusNotFound || a.Status == http.StatusGone:
		return &market.State{Name: "no category", Verdict: tracker.Failed, Reason: fmt.Sprintf("there is no category at this address (status %d)", a.Status)}
	}
	return &market.State{Name: "strange status", Verdict: tracker.Failed, Transient: true, Reason: fmt.Sprintf("the shop answered with status %d", a.Status)}
}

// currencyText is how a page says in which currency its prices are. It is large,
// and compiled when it is first needed.
var currencyText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`"currency":\{[^{}]{0,300}?"iso_code":"([A-Z]{3})"`)
})

// currencyOf is the currency of a page for people, "" when it names none.
func currencyOf(a *market.Answer) string {
	if a.Status != http.StatusOK || !a.HTML() {
		return ""
	}
	if m := currencyText().FindSubmatch(scripts(a)); m != nil {
		return string(m[1])
	}
	return ""
}
