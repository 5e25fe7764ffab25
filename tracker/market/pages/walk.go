package pages

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/sitemap"
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

// A file is a robots.txt or a file of the sitemap.
type file struct {
	address string
	robots  bool
	// named are the addresses of further files, in robots.txt or an index.
	named    []string
	products map[string]bool // what tells the products apart that it names
	missing  bool            // there is no such file
	err      string          // why it could not be read
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

// maxFiles are the files of a sitemap that are read at most.
const maxFiles = 60

// nextFile is the request for the next file of the sitemap, nil when all were
// read.
func (s *storefront) nextFile(w *walk) *market.Request {
	wanted, done := s.filesOf(w)
	if done || len(w.files) >= maxFiles {
		return nil
	}
	return s.fileRequest(wanted)
}

func (s *storefront) fileRequest(address string) *market.Request {
	r := market.Request{URL: address, Kind: kindSitemap, Header: http.Header{"Accept": {"application/xml,text/xml,text/plain;q=0.8,*/*;q=0.5"}}}
	if strings.HasSuffix(address, "/robots.txt") {
		r.Kind = kindRobots
	}
	if !s.rules.http {
		// The page that the tab shows asks for it, so that it is read as it
		// was sent.
		r.URL, r.Turn, r.Keep = s.address.String(), "true", true
		r.Wait = fmt.Sprintf("shopwatch.file(%s, %d, ms)", quote(address), longestPage)
	}
	return &r
}

// filesOf says which file is wanted next; done when the sitemap was read, or
// cannot be.
func (s *storefront) filesOf(w *walk) (wanted string, done bool) {
	read := map[string]*file{}
	for _, f := range w.files {
		read[f.address] = f
	}
	var tries []string
	if s.rules.sitemap != nil {
		tries = []string{s.rules.sitemap.String()}
	} else {
		robots := s.address.ResolveReference(&url.URL{Path: "/robots.txt"}).String()
		r := read[robots]
		if r == nil {
			return robots, false
		}
		tries = s.ours(r.named)
		if len(tries) == 0 {
			tries = sitemap.Usual(s.address)
		}
	}
	found := false
	for _, t := range tries {
		f := read[t]
		if f == nil {
			// Those that robots.txt names are all read; of the usual ones the
			// first that is there.
			if found && s.rules.sitemap == nil && slices.Equal(tries, sitemap.Usual(s.address)) {
				break
			}
			return t, false
		}
		found = found || !f.missing
		for _, child := range s.ours(sitemap.OfProducts(f.named)) {
			if read[child] == nil {
				return child, false
			}
		}
	}
	return "", true
}

// ours are those of addresses that are of the website.
func (s *storefront) ours(addresses []string) (ours []string) {
	for _, a := range addresses {
		if u := webAddress(s.address, a); u != nil && sameHost(u, s.address) {
			ours = append(ours, u.String())
		}
	}
	return ours
}

// readFile reads a robots.txt or a file of the sitemap. One that cannot be read
// is a problem, so that it is asked for again.
func (s *storefront) readFile(a *market.Answer) (market.Reading, error) {
	f, status, body, state, err := s.fileIn(a)
	if err != nil || state != nil {
		return market.Reading{State: state}, err
	}
	l := market.Listing{Witness: true, Read: f}
	switch {
	case f.err != "":
	case status == http.StatusNotFound || status == http.StatusGone:
		f.missing = true
	case status != http.StatusOK:
		f.err = fmt.Sprintf("%s came with status %d", f.address, status)
	case f.robots:
		f.named = sitemap.InRobots(body)
	default:
		s.sitemap(f, body)
	}
	if f.err != "" {
		l.Problem("%s", f.err)
	}
	return market.Reading{Listing: l}, nil
}

// sitemap reads a file of the sitemap.
func (s *storefront) sitemap(f *file, body []byte) {
	m, err := sitemap.Read(body)
	switch {
	case err != nil:
		f.err = fmt.Sprintf("%s: %v", f.address, err)
	case m.Index:
		f.named = m.Addresses
	default:
		f.products = map[string]bool{}
		for _, a := range m.Addresses {
			if key := s.productAt(a); key != "" {
				f.products[key] = true
			}
		}
	}
}

// productAt is what tells a product apart that a sitemap names, "" for an address
// of something else.
func (s *storefront) productAt(address string) string {
	u := webAddress(s.address, address)
	if u == nil || !sameSite(u, s.address) {
		return ""
	}
	m := s.rules.product.FindStringSubmatch(u.String())
	switch {
	case m == nil:
		return ""
	case len(m) > 1:
		return m[1]
	}
	if id, err := s.idOfLink(u); err == nil {
		return string(id)
	}
	return s.canonical(u)
}

// quote writes a text as JavaScript does.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings can be written
	}
	return string(b)
}

// fileIn takes a file out of the answer that brought it: over HTTP the answer
// itself, in a tab what the page was answered when it asked for the file.
func (s *storefront) fileIn(a *market.Answer) (f *file, status int, body []byte, wall *market.State, err error) {
	d := &document{status: a.Status, header: a.Header, url: s.address, root: &html.Node{Type: html.DocumentNode}}
	f = &file{address: a.Request.URL, robots: a.Request.Kind == kindRobots}
	body = a.Body
	final := a.URL
	if !s.rules.http {
		var sent struct {
			Address, URL, Err string
			Status            int
			Challenge         bool
			Body              []byte
		}
		if err := json.Unmarshal(a.Body, &sent); err != nil {
			return nil, 0, nil, nil, fmt.Errorf("read a file: %w", err)
		}
		f.address, f.err, body, final = sent.Address, market.Clip(sent.Err, 200), sent.Body, sent.URL
		d.status, d.header = sent.Status, http.Header{}
		if sent.Challenge {
			d.header.Set("Cf-Mitigated", "challenge")
		}
	}
	switch {
	case f.err != "":
		f.err = fmt.Sprintf("%s did not load: %s", f.address, f.err)
	case len(body) > longestPage:
		f.err = fmt.Sprintf("%s is longer than %d bytes", f.address, longestPage)
	default:
		if u, err := url.Parse(final); err != nil || !sameHost(u, s.address) {
			f.err = fmt.Sprintf("%s leads to %s, which is another website", f.address, market.Clip(final, 100))
		}
	}
	// A refusal of the file alone is no wall: robots are kept from sitemaps
	// where people may read the list.
	if w := s.wall(d, true); w != nil && d.status != http.StatusForbidden && d.status != http.StatusUnauthorized || d.header.Get("Cf-Mitigated") != "" {
		return nil, 0, nil, w, nil
	}
	return f, d.status, body, nil, nil
}
