package pages

import (
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/schemaorg"
)

// What is taken of a page at most.
const (
	maxRows = 20_000
	maxID   = 120
)

// A found is what else a listing page says, for Next and Assess.
type found struct {
	next    string   // address of the next page; "" when there is none
	end     string   // the words by which the page says that it is the last
	grown   *growth  // of a list that grows
	bad     []string // rows that cannot be read
	noPrice int      // products whose price is known but for its currency
	beyond  bool     // the page behind the last one
}

// list reads a listing page.
func (s *storefront) list(a *market.Answer) (market.Reading, error) {
	d, err := s.read(a)
	if err != nil {
		if wrong := (*notHTMLError)(nil); errors.As(err, &wrong) {
			return market.Reading{State: &market.State{Name: "not a page", Verdict: tracker.Failed, Transient: true, Reason: err.Error()}}, nil
		}
		return market.Reading{}, err
	}
	rows := s.rowsOf(d)
	data := s.dataOf(d)
	some := len(rows) > 0 || s.rules.row == nil && len(s.products(&data)) > 0
	further := d.grown != nil && a.Request.Page > 1 // a step may bring nothing
	if w := s.wall(d, some || further); w != nil {
		return market.Reading{State: w}, nil
	}
	_, none := s.rules.empty.shownIn(d)
	none = none && !some
	if !some && s.beyond(a, d, none) {
		return market.Reading{Listing: market.Listing{Witness: true, Read: &found{beyond: true}}}, nil
	}
	if d.status >= 400 || s.elsewhere(d, a.Request.URL) != "" || !some && !none && !further {
		return market.Reading{State: s.failure(d, a.Request.URL)}, nil
	}
	return market.Reading{Listing: s.listing(a.Request.Page, d, rows, &data, none)}, nil
}

// beyond reports whether a page without products is the one behind the last: it
// says that it has none, or none is left by the declared total.
func (s *storefront) beyond(a *market.Answer, d *document, none bool) bool {
	if d.status >= 400 && d.status != http.StatusNotFound {
		return false
	}
	return a.Request.Kind == kindBeyond || none && s.rules.List.Next.Param != "" && a.Request.Page > 1
}

// listing reads page n, which shows rows or says that there are none.
func (s *storefront) listing(n int, d *document, rows []*html.Node, data *schemaorg.Data, none bool) market.Listing {
	f := &found{grown: d.grown}
	l := market.Listing{Layout: s.layout(), Page: n, Empty: none, Grown: d.grown != nil, Read: f, Seller: s.seller(d)}
	var err error
	if l.Total, err = s.total(d); err != nil {
		l.Problem("%v", err)
	}
	f.end, _ = s.rules.end.shownIn(d)
	if !s.rules.grows() {
		s.follow(d, &l, f)
	}
	if none {
		if l.Total > 0 {
			l.Problem("the page says that there are no products, and that there are %d", l.Total)
		}
		l.Last = true
		return l
	}
	s.take(&l, f, d, rows, data)
	for _, b := range f.bad {
		if l.Total == 0 { // with a total, the number of products tells
			l.Problem("%s", b)
		}
	}
	if d.cut && l.Total == 0 {
		l.Problem("the page is cut off: its end is missing")
	}
	if d.why == "time" && l.Total == 0 {
		l.Problem("the page was not ready in time")
	}
	return l
}

// take takes in the products of a page.
func (s *storefront) take(l *market.Listing, f *found, d *document, rows []*html.Node, data *schemaorg.Data) {
	seen := map[tracker.ProductID]bool{}
	one := func(e entry, err error) {
		if err != nil {
			l.Cells++
			f.bad = append(f.bad, err.Error())
			return
		}
		if e.strangePrice {
			f.noPrice++
		}
		l.Take(e.Product, nil, seen)
	}
	if s.rules.row == nil {
		for _, b := range data.Broken {
			l.Problem("%s", b)
		}
		for i, p := range s.products(data) {
			e, err := s.ofData(&p)
			if err != nil {
				err = fmt.Errorf("product %d: %w", i+1, err)
			}
			one(e, err)
		}
		return
	}
	by := s.byID(data)
	for i, row := range rows {
		e, err := s.ofRow(d, row, by)
		if err != nil {
			err = fmt.Errorf("row %d: %w", i+1, err)
		}
		one(e, err)
	}
}

// rowsOf returns the rows of the list.
func (s *storefront) rowsOf(d *document) (rows []*html.Node) {
	r := s.rules
	if r.row == nil {
		return nil
	}
	within := func(n *html.Node) bool {
		for up := n; up != nil && r.within != nil; up = up.Parent {
			if up.Type == html.ElementNode && r.within.group.Match(up) {
				return true
			}
		}
		return r.within == nil
	}
	for n := range d.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if r.stop != nil && r.stop.group.Match(n) && within(n) || len(rows) == maxRows {
			return rows
		}
		if r.row.group.Match(n) && displayed(n) && within(n) {
			rows = append(rows, n)
		}
	}
	return rows
}

// seller is what the website says of itself.
func (s *storefront) seller(d *document) tracker.SellerIdentity {
	name := ""
	if m := first(d.root, func(n *html.Node) bool { return n.DataAtom == atom.Meta && attr(n, "property") == "og:site_name" }); m != nil {
		name = title(attr(m, "content"))
	}
	return market.Seller(bareHost(s.address.Hostname()), "", name)
}
