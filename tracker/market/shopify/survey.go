package shopify

import (
	"fmt"
	"net/url"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// A fact is what is kept of an answer beside what it lists.
type fact struct {
	base     string // where the shop answered: "https://www.shop.example"
	meta     meta
	currency string                        // of the visit
	count    int                           // of products that a collection says it has
	ids      []tracker.ProductID           // of the second look
	amounts  map[tracker.ProductID]amounts // of the products listed
	absent   string                        // why there is no such answer, which is not worth another try
	closed   string                        // why the feed is taken for closed
	again    bool                          // the redirect forgot what was asked for
	end      bool                          // the page of the feed is empty
	files    []string                      // of products, in the sitemap
	handles  []string                      // in a file of the sitemap
}

// A survey is what the answers of one pass amount to.
type survey struct {
	base     string
	country  string // that is pinned; empty for none
	meta     meta
	pages    []market.Listing // of the feed, or of the products in the sitemap
	again    bool             // the last answer forgot what was asked for
	forgot   int              // answers that did
	ended    bool             // the feed ended in an empty page
	closed   string           // why the feed is taken for closed
	refused  int              // times that it was
	carts    []string
	items    []string // currencies that products named, "" where one did not
	look     *market.Listing
	shelf    *market.Listing
	index    *market.Listing
	files    []string
	mapped   int // files of the sitemap that were asked for
	handles  []string
	unmapped string // why a file of the sitemap could not be read
	opened   int    // products of the sitemap that were asked for
	lost     int    // those that are not there
}

// trouble says why an answer tells nothing, "" when it does.
func trouble(l *market.Listing) string {
	if len(l.Problems) > 0 {
		return l.Problems[0]
	}
	if f, ok := l.Read.(*fact); ok {
		return f.absent
	}
	return "it was not read"
}

// survey goes over the answers of one pass.
func (s *storefront) survey(read []market.Listing) *survey {
	v := &survey{base: s.scheme + "://" + s.host, country: s.country}
	for i := range read {
		l := &read[i]
		f, _ := l.Read.(*fact)
		if f == nil {
			f = new(fact)
		}
		if f.base != "" {
			v.base = f.base
		}
		if v.again = f.again; v.again {
			v.forgot++
		}
		switch kindOf(&l.Request) {
		case metaData:
			if v.meta = f.meta; v.country == "" {
				v.country = f.meta.Country
			}
		case cartData:
			v.carts = append(v.carts, f.currency)
		case itemData:
			v.items = append(v.items, f.currency)
		case shelfData:
			v.shelf = l
		case secondLook:
			v.look = l
		case mapIndex:
			v.index, v.files = l, f.files
		case mapFile:
			v.mapped++
			v.handles = append(v.handles, f.handles...)
			if why := trouble(l); why != "" {
				v.unmapped = why
			}
		case itemPage:
			if v.opened++; l.Witness {
				v.lost++
			} else {
				v.pages = append(v.pages, *l)
			}
		case feedPage:
			switch {
			case f.again:
			case f.closed != "":
				v.closed = f.closed
				v.refused++
			case f.end:
				v.ended = true
			default:
				v.closed = ""
				v.pages = append(v.pages, *l)
			}
		}
	}
	return v
}

// mostForgot is how many redirects in one pass may forget what was asked for, and
// mostRefused how often the first page of the feed is asked for before the feed
// is taken for closed.
const (
	mostForgot  = 3
	mostRefused = 2
)

// Next leads from what the shop says of itself over the currency, the feed and
// the currency again to what else judges it (NOTES.md, 4). Of a feed that proves
// nothing the rest is not asked for.
func (s *storefront) Next(read []market.Listing) (*market.Request, string) {
	v := s.survey(read)
	switch {
	case len(v.carts) == 0:
		return s.witness(v.base, s.folder+"/cart.js", v.country), ""
	case s.collection != "" && v.shelf == nil:
		return s.witness(v.base, s.folder+"/collections/"+s.collection+".json", v.country), ""
	case v.forgot > mostForgot:
		return nil, "redirects in circles"
	case v.again:
		again := s.feed(v.base, v.country, read[len(read)-1].Request.Page)
		return &again, ""
	case s.sitemap || v.closed != "" && v.refused >= mostRefused:
		return s.nextOfSitemap(v)
	case len(v.pages) == 0:
		first := s.feed(v.base, v.country, 1)
		return &first, ""
	}
	if look := s.currencyLook(v, 1); look != nil {
		return look, ""
	}
	last := &v.pages[len(v.pages)-1]
	stop := "empty page"
	switch {
	case v.ended:
	case len(last.Problems) > 0:
		stop = "a page that proves nothing"
	case len(v.pages) == mostPages:
		stop = "25,000 products"
	default:
		next := s.feed(v.base, v.country, len(v.pages)+1)
		return &next, ""
	}
	if look := s.currencyLook(v, 2); look != nil {
		return look, ""
	}
	if c := v.walk(); !c.Complete {
		return nil, stop
	}
	return s.nextWitness(v), stop
}

// currencyLook is the request for the nth look at the currency, nil when that was
// done. Where the cart may not be asked for, which is what most shops want of
// programs, a product tells.
func (s *storefront) currencyLook(v *survey, n int) *market.Request {
	if v.carts[0] != "" {
		if len(v.carts) >= n {
			return nil
		}
		return s.witness(v.base, s.folder+"/cart.js", v.country)
	}
	first := v.firstProduct()
	if len(v.items) >= n || first == "" || n > 1 && v.items[0] == "" {
		return nil
	}
	return s.witness(first, ".json", v.country)
}

// firstProduct is the address of the first product that was listed, without its
// query.
func (v *survey) firstProduct() string {
	for i := range v.pages {
		for j := range v.pages[i].Products {
			address, _, _ := strings.Cut(v.pages[i].Products[j].URL, "?")
			return address
		}
	}
	return ""
}

// nextWitness is the request for what else judges a feed that was walked to its
// end; nil when everything was asked for.
func (s *storefront) nextWitness(v *survey) *market.Request {
	switch {
	case v.look == nil:
		r := s.feed(v.base, v.country, 1)
		r.Witness = true
		return &r
	case s.collection != "" || s.alone:
		return nil
	case v.index == nil:
		return s.witness(v.base, "/sitemap.xml", "")
	case v.mapped < len(v.files) && len(v.handles) <= mostHandles:
		return s.witness(v.files[v.mapped], "", "")
	}
	return nil
}

// mostItems is how many products are opened one by one at most.
const mostItems = 1000

// nextOfSitemap leads over the products of the sitemap, each of which is opened.
func (s *storefront) nextOfSitemap(v *survey) (*market.Request, string) {
	plain := func(address string) *market.Request {
		r := s.request(address, "", "")
		return &r
	}
	switch {
	case v.index == nil:
		return plain(v.base + "/sitemap.xml"), ""
	case len(v.handles) > mostItems:
		return nil, "too many products to open"
	case v.mapped < len(v.files):
		return plain(v.files[v.mapped]), ""
	}
	if v.opened > 0 {
		if look := s.currencyLook(v, 1); look != nil {
			return look, ""
		}
	}
	if v.opened < len(v.handles) {
		r := s.request(v.base, s.folder+"/products/"+url.PathEscape(v.handles[v.opened])+".js", v.country)
		r.Page = v.opened + 1
		return &r, ""
	}
	if look := s.currencyLook(v, 2); look != nil {
		return look, ""
	}
	return nil, "end of the sitemap"
}

// walk judges the pages of the feed by themselves: it was walked to an empty
// page, over full ones (NOTES.md, 4).
func (v *survey) walk() market.Completeness {
	pages := append([]market.Listing(nil), v.pages...)
	if n := len(pages); n > 0 {
		pages[n-1].Last = v.ended
		if n == mostPages {
			pages[n-1].Last = true
			pages[n-1].Cut = "Shopify lists 25,000 products and no more, so the list may be cut: watch collections of the shop instead"
		}
	}
	c := market.Assess(pages)
	if len(pages) > 1 && pages[0].Cells != feedSize && pages[0].Cells != usualSize {
		c.Doubt(fmt.Sprintf("page 1 has %d products of %d, yet more follow", pages[0].Cells, feedSize), true)
	}
	if len(c.Repeated) > 0 {
		// Nothing declares how many there are, so that only a walk without a
		// duplicate shows that none was missed.
		c.Doubt(c.Reason, true)
	}
	return c
}
