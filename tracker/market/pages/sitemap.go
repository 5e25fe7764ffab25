package pages

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"shopwatch/tracker/market"
	"shopwatch/tracker/market/sitemap"
)

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

// quote writes a text as JavaScript does.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings can be written
	}
	return string(b)
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
