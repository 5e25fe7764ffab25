package pages

import (
	"net/url"
	"slices"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// A walk is what was read so far.
type walk struct {
	pages   []market.Listing // of the list
	ids     map[tracker.ProductID]bool
	total   int  // that is declared; 0 when it is not
	beyond  bool // the page behind the last one was asked for: there is none
	look    *look
	files   []*file // robots.txt and the sitemap, in the order in which they were read
	repeats bool    // the last page lists what one before it does, in whatever order
}

// A look is a second look at the first page.
type look struct {
	ids map[tracker.ProductID]bool
}

// walkOf sorts what was read.
func walkOf(read []market.Listing) *walk {
	w := &walk{ids: map[tracker.ProductID]bool{}}
	for i := range read {
		switch data := read[i].Read.(type) {
		case *look:
			w.look = data
		case *file:
			w.files = append(w.files, data)
		case *found:
			if data.beyond {
				w.beyond = true
				continue
			}
			w.page(&read[i])
		}
	}
	return w
}

func (w *walk) page(l *market.Listing) {
	before := len(w.ids)
	for i := range l.Products {
		w.ids[l.Products[i].ID] = true
	}
	w.repeats = len(l.Products) > 0 && len(w.ids) == before
	if w.total == 0 {
		w.total = l.Total
	}
	w.pages = append(w.pages, *l)
}

// Why a list ended, for the evidence.
const (
	stopEmpty    = "no products"
	stopLast     = "last page"
	stopNoNext   = "no next page"
	stopEnd      = "the list says that it ends"
	stopNoButton = "no button any more"
	stopBeyond   = "empty page"
	stopTotal    = "total reached"
	stopNone     = "one page"
	stopGrowth   = "no growth"
	stopLooped   = "looped"
	stopCap      = "max_pages"
)

// ended says why no page of the list follows, "" when one does.
func (s *storefront) ended(w *walk) string {
	last := &w.pages[len(w.pages)-1]
	f := last.Read.(*found)
	n := &s.rules.List.Next
	switch {
	case last.Empty && len(w.pages) == 1:
		return stopEmpty
	case w.beyond:
		return stopBeyond
	case n.None:
		return stopNone
	case f.end != "" && (!n.Scroll || w.still(f.grown)):
		return stopEnd
	case f.grown != nil:
		return s.stillGrows(w, f.grown)
	case f.next == "":
		return stopNoNext
	case w.repeats, slices.ContainsFunc(w.pages, func(l market.Listing) bool { return samePlace(l.Request.URL, f.next) }):
		return stopLooped
	case n.Param != "" && w.total > 0 && len(w.ids) >= w.total && len(w.pages) > 1:
		return stopTotal
	case len(w.pages) >= s.rules.List.MaxPages:
		return stopCap
	}
	return ""
}

// stillGrows says why a list that grows does not grow any more, "" when it does.
func (s *storefront) stillGrows(w *walk, g *growth) string {
	onlyButton := !s.rules.List.Next.Scroll
	switch {
	case w.still(g):
		return stopGrowth
	case onlyButton && !g.Button:
		return stopNoButton
	case len(w.pages) >= s.rules.List.MaxPages:
		return stopCap
	}
	return ""
}

// still reports whether the last step brought no rows. A page that had to be
// opened anew shows those of the steps before once more.
func (w *walk) still(g *growth) bool {
	return len(w.pages) > 1 && (g == nil || g.Rows == 0 || w.repeats)
}

// samePlace reports whether two addresses are of one page.
func samePlace(a, b string) bool {
	x, err := url.Parse(a)
	y, err2 := url.Parse(b)
	if err != nil || err2 != nil {
		return a == b
	}
	return bareHost(x.Host) == bareHost(y.Host) && strings.TrimRight(x.EscapedPath(), "/") == strings.TrimRight(y.EscapedPath(), "/") && x.Query().Encode() == y.Query().Encode()
}

// Next is the next page of the list, then what judges it: the sitemap, or a
// second look at the first page.
func (s *storefront) Next(read []market.Listing) (*market.Request, string) {
	w := walkOf(read)
	if len(w.pages) == 0 {
		return nil, "no page"
	}
	stop := s.ended(w)
	if stop == "" {
		next := s.following(w)
		return &next, ""
	}
	if !provable(stop) || w.pages[0].Empty {
		return nil, stop
	}
	return s.witness(w), stop
}

// following is the request for the page that follows.
func (s *storefront) following(w *walk) market.Request {
	n := len(w.pages) + 1
	if s.rules.grows() {
		return s.page(n, s.address.String())
	}
	r := s.page(n, w.pages[n-2].Read.(*found).next)
	if s.rules.List.Next.Param != "" && w.total > 0 && len(w.ids) >= w.total {
		r.Kind = kindBeyond
	}
	return r
}

// provable reports whether a list that ended so may be whole.
func provable(stop string) bool { return stop != stopLooped && stop != stopCap }

// witness is the request for what is still to be asked to judge the list, nil
// when nothing is.
func (s *storefront) witness(w *walk) *market.Request {
	switch {
	case s.rules.List.Total.Sitemap != "":
		return s.nextFile(w)
	case s.rules.total != nil, s.rules.grows(), w.look != nil:
		return nil
	}
	r := s.page(1, s.address.String())
	r.Page, r.Kind = 0, kindLook
	return &r
}

// secondLook reads the first page again.
func (s *storefront) secondLook(a *market.Answer) (market.Reading, error) {
	first := *a
	first.Request.Page = 1
	reading, err := s.list(&first)
	if err != nil || reading.State != nil {
		return reading, err
	}
	l := &look{ids: map[tracker.ProductID]bool{}}
	for _, p := range reading.Listing.Products {
		l.ids[p.ID] = true
	}
	return market.Reading{Listing: market.Listing{Witness: true, Read: l, Problems: reading.Listing.Problems}}, nil
}
