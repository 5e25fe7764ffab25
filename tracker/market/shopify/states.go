package shopify

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// state returns the state of an answer that is not even worth reading, whatever
// was asked for.
func (s *storefront) state(a *market.Answer) *market.State {
	if st := s.elsewhere(a); st != nil {
		return st
	}
	if password(a) || a.Status == http.StatusUnauthorized && s.last(&a.Request) {
		return &market.State{Name: "password page", Verdict: tracker.Login, Reason: "the owner has closed the shop with a password; wait until it opens, or ask them"}
	}
	return market.Refusal(a)
}

// last reports whether a request is for the last place in which the list may be:
// the feed of a collection, or the sitemap of a shop that has closed its feed.
func (s *storefront) last(r *market.Request) bool {
	k := kindOf(r)
	return !r.Witness && (k == mapIndex || k == feedPage && s.collection != "")
}

// elsewhere is the state of an answer from a site that is not the shop's. Where
// the address is the one that the shop has at Shopify itself, it leads to the
// shop's own, whatever that is.
func (s *storefront) elsewhere(a *market.Answer) *market.State {
	asked, err := url.Parse(a.Request.URL)
	u, err2 := url.Parse(a.URL)
	if err == nil && err2 == nil && (bare(u.Host) == bare(asked.Host) || onPlatform(asked.Hostname())) {
		return nil
	}
	to := ""
	if err2 == nil {
		to = u.Host
	}
	return &market.State{
		Name: "another site", Verdict: tracker.Failed,
		Reason: fmt.Sprintf("%s leads to %s: when the shop has moved there, write that address", s.host, market.Clip(to, 100)),
	}
}

// password reports whether the answer is the password page of a shop that its
// owner has closed (NOTES.md, 5).
func password(a *market.Answer) bool {
	u, err := url.Parse(a.URL)
	return err == nil && strings.HasSuffix(u.Path, "/password") ||
		a.HTML() && a.Holds(`action="/password"`, "shopify-section-main-password", "template-password", `id="login_form"`)
}
