package shopify

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// ItemPage asks for the data of a product, in the market in which it was listed.
func (s *storefront) ItemPage(p *tracker.Product) market.Request {
	address, _, _ := strings.Cut(p.URL, "?")
	pin := s.country
	if pin == "" {
		pin = pinned(&market.Request{URL: p.URL})
	}
	r := s.request(address, ".js", pin)
	r.Product = p.ID
	return r
}

// ReadItem judges the data of a product, and where there is none, its page. Only
// when neither is there it is gone: the scan has seen that the list lacks its
// number (NOTES.md, 6).
func (s *storefront) ReadItem(a *market.Answer) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown}
	if st := s.state(a); st != nil {
		f.Reason = st.Name
		if st.Verdict.Wall() {
			f.Wall = st
		}
		return f
	}
	page := kindOf(&a.Request) != itemPage
	missing := a.Status == http.StatusNotFound || a.Status == http.StatusGone
	if !page && a.Status == http.StatusUnauthorized {
		f.Reason, f.Wall = "status 401", &market.State{Name: "password", Verdict: tracker.Login, Reason: "the shop asks for a password"}
		return f
	}
	switch {
	case missing && page:
		f.State, f.Reason = tracker.PageGone, fmt.Sprintf("neither its data nor its page is there (status %d)", a.Status)
		return f
	case missing:
		f.Reason, f.More = "no data", s.pageOf(&a.Request)
		return f
	case len(a.Via) > 0 && (page || a.HTML()):
		f.Reason = "leads to " + market.Clip(pathOf(a.URL), 100)
		return f
	case page && a.Status == http.StatusOK:
		f.State, f.Reason = tracker.PageSold, "its page is there, though its data is not"
		return f
	}
	var e itemEntry
	if err := decode(a, &e); err != nil {
		f.Reason = err.Error()
		return f
	}
	if string(e.ID) != string(a.Request.Product) {
		f.Reason = fmt.Sprintf("its address belongs to product %q now", e.ID)
		return f
	}
	f.State, f.Reason = tracker.PageSold, "its page sells it"
	x := e.entry()
	if p, err := x.product("", ""); err == nil && p.Availability == tracker.SoldOut {
		f.Reason, f.Says = "sold out, and not listed", "sold out, and not listed"
	}
	return f
}

// pageOf is the request for the page for people of the product whose data was
// asked for.
func (s *storefront) pageOf(r *market.Request) *market.Request {
	page := *r
	if i := strings.LastIndex(r.URL, ".js"); i >= 0 {
		page.URL = r.URL[:i] + r.URL[i+len(".js"):]
	}
	page.Header = r.Header.Clone()
	page.Header.Set("Accept", "text/html")
	return &page
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}
