package pages

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/schemaorg"
)

// ReadItem tells what an item page says of its product. A wall answers nothing,
// whatever status it comes with, nor does a page to which the product's address
// only leads.
func (s *storefront) ReadItem(a *market.Answer) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown}
	d, err := s.read(a)
	if err != nil {
		f.Reason = err.Error()
		return f
	}
	says, selling := s.rules.selling.shownIn(d)
	if f.Wall = s.wall(d, selling); f.Wall != nil {
		f.Reason = f.Wall.Name
		return f
	}
	if away := s.itemElsewhere(d, a); away != "" {
		f.Reason = away
		return f
	}
	own := s.ownProduct(d)
	notice, gone := s.saysGone(d)
	switch {
	case gone && selling:
		f.Reason = "the page sells it and says that it is gone"
	case gone:
		f.State, f.Says = tracker.PageGone, notice
		f.Reason = fmt.Sprintf("status %d", d.status)
		if notice != "" {
			f.Reason += ": " + market.Clip(notice, 200)
		}
	case d.status >= 400:
		f.Reason = fmt.Sprintf("the page came with status %d, which by the configuration does not say that it is gone", d.status)
	case own != nil && own.Stock == schemaorg.Discontinued:
		f.State, f.Reason, f.Says = tracker.PageOffshelf, "its structured data says that it is discontinued", "Discontinued"
	case selling:
		f.State, f.Reason = tracker.PageSold, strings.TrimSuffix("its page sells it: "+market.Clip(says, 100), ": ")
	case own != nil && (own.Stock != schemaorg.Unstated || own.Price.Low != ""):
		f.State, f.Reason = tracker.PageSold, "its structured data offers it"
	default:
		f.Reason = "the page says neither that it is sold nor that it is gone"
	}
	return f
}

// itemElsewhere returns why a page is not that of the product that was asked
// for, "" when it is.
func (s *storefront) itemElsewhere(d *document, a *market.Answer) string {
	asked, err := url.Parse(a.Request.URL)
	if err != nil {
		return "the address cannot be read"
	}
	if !sameSite(d.url, s.address) {
		return "the page leads to " + market.Clip(d.url.Host, 100) + ", which is another website"
	}
	same := func(u *url.URL) string { return strings.TrimRight(u.EscapedPath(), "/") + "?" + s.kept(u) }
	if same(asked) == same(d.url) {
		return ""
	}
	if id, err := s.idOfLink(d.url); err == nil && id == a.Request.Product && s.rules.idLink != nil {
		return "" // another address of the same product
	}
	return "the page leads to " + market.Clip(d.url.String(), 200) + ", which says nothing of the product"
}

// saysGone reports whether a page says that its product is gone, and the words
// for it. All that the configuration asks for must hold, and a page must have
// come: an empty answer may be anybody's.
func (s *storefront) saysGone(d *document) (notice string, gone bool) {
	g := &s.rules.Item.Gone
	if !slices.Contains(g.Status, d.status) {
		return "", false
	}
	if s.rules.gone != nil {
		sg := sign{s.rules.gone, strings.Join(strings.Fields(g.Text), " ")}
		return sg.in(d.root)
	}
	body := first(d.root, func(n *html.Node) bool { return n.DataAtom == atom.Body })
	heading := first(d.root, func(n *html.Node) bool { return n.DataAtom == atom.H1 && displayed(n) })
	return words(heading, 200), words(body, 200) != ""
}

// ownProduct is what the page's structured data says of the product of which it
// is the page, nil for nothing.
func (s *storefront) ownProduct(d *document) *schemaorg.Product {
	var canonical *url.URL
	if n := first(d.root, func(n *html.Node) bool {
		return n.DataAtom == atom.Link && strings.EqualFold(attr(n, "rel"), "canonical")
	}); n != nil {
		if u := webAddress(d.base, attr(n, "href")); u != nil && sameHost(u, s.address) {
			canonical = u
		}
	}
	for _, data := range []schemaorg.Data{schemaorg.JSONLD(d.root, d.base), schemaorg.Microdata(d.root, d.base)} {
		if p := data.Own(d.url, canonical); p != nil {
			return p
		}
	}
	return nil
}
