package shopify

import (
	"fmt"
	"slices"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// Assess says whether the answers of one pass prove the list, and gives the
// products their prices.
func (s *storefront) Assess(read []market.Listing) market.Completeness {
	v := s.survey(read)
	var c market.Completeness
	if s.sitemap || v.closed != "" {
		c = s.assessSitemap(v)
	} else {
		c = s.assessFeed(v)
	}
	code, note := v.currency()
	if note != "" {
		c.Warnings = append(c.Warnings, note)
	}
	if a, b := v.looks(); a != "" && b != "" && a != b {
		c.Doubt(fmt.Sprintf("the currency changed from %s to %s while the list was read", a, b), true)
	}
	known := map[tracker.ProductID]amounts{}
	for i := range v.pages {
		for id, a := range v.pages[i].Read.(*fact).amounts {
			known[id] = a
		}
	}
	for i := range c.Products {
		p := &c.Products[i]
		if p.Price = known[p.ID].price(code); p.Price.Known() {
			p.Price.Market = v.country
		}
	}
	return c
}

// assessFeed judges the feed and what else was asked for because of it (NOTES.md,
// 4).
func (s *storefront) assessFeed(v *survey) market.Completeness {
	c := v.walk()
	if v.forgot > mostForgot {
		const reason = "redirects between the hosts of the shop forget what was asked for: write the address at which the shop answers"
		c.Doubt(reason, false)
		c.Reason = reason
	}
	if !c.Complete {
		return c
	}
	if v.pages[0].Empty {
		v.assessEmpty(&c)
		return c
	}
	switch {
	case v.look == nil || trouble(v.look) != "":
		c.Doubt("page 1 could not be read once more, so the list may have moved", false)
	case !slices.EqualFunc(v.look.Read.(*fact).ids, v.pages[0].Products, func(id tracker.ProductID, p tracker.Product) bool { return id == p.ID }):
		c.Doubt("page 1 is another one after the last page was read", true)
	}
	if s.collection != "" {
		v.assessShelf(&c)
		return c
	}
	switch n := len(v.handles); {
	case v.index == nil:
	case trouble(v.index) != "":
		c.Warnings = append(c.Warnings, "no sitemap confirms the list: "+trouble(v.index))
	case v.unmapped != "":
		c.Warnings = append(c.Warnings, "no sitemap confirms the list: "+v.unmapped)
	case n == 0:
		c.Warnings = append(c.Warnings, "no sitemap confirms the list: it has no products")
	case len(c.Products)+few(n) < n:
		c.Doubt(fmt.Sprintf("the list has %d products, the shop's sitemap %d: when the others are not for sale in the country, write options: {sitemap: ignore}", len(c.Products), n), false)
	}
	return c
}

// assessEmpty judges a collection that lists nothing, which collections also do
// when they have products.
func (v *survey) assessEmpty(c *market.Completeness) {
	switch n, known := v.shelfCount(); {
	case !known:
		c.Doubt("the collection lists nothing, and does not say how many products it has", false)
	case n > 0:
		c.Doubt(fmt.Sprintf("the collection lists nothing, and says that it has %d", n), false)
	}
}

// few is by how many a witness may differ from the list: sitemaps lag, and
// collections count what is not published.
func few(n int) int { return max(2, n/50) }

// assessShelf judges the feed of a collection by what that says of itself.
func (v *survey) assessShelf(c *market.Completeness) {
	switch n, known := v.shelfCount(); {
	case !known:
		c.Warnings = append(c.Warnings, "the collection does not say how many products it has")
	case len(c.Products)+few(n) < n:
		c.Doubt(fmt.Sprintf("the list has %d products, the collection says %d", len(c.Products), n), false)
	}
}

// shelfCount is how many products the collection says that it has.
func (v *survey) shelfCount() (n int, known bool) {
	if v.shelf == nil || trouble(v.shelf) != "" {
		return 0, false
	}
	return v.shelf.Read.(*fact).count, true
}

// assessSitemap judges products that were opened one by one, because the sitemap
// lists them. That proves little: a sitemap lags, and leaves products out.
func (s *storefront) assessSitemap(v *survey) market.Completeness {
	all := market.Listing{Page: 1, Last: true}
	for i := range v.pages {
		all.Products = append(all.Products, v.pages[i].Products...)
		all.Problems = append(all.Problems, v.pages[i].Problems...)
	}
	seen := map[tracker.ProductID]bool{}
	all.Products = slices.DeleteFunc(all.Products, func(p tracker.Product) bool {
		again := seen[p.ID] // under two handles
		seen[p.ID] = true
		return again
	})
	all.Cells = len(all.Products)
	c := market.Assess([]market.Listing{all})
	n := len(v.handles)
	c.Declared.Products = n
	closed := "the shop has closed its list of products"
	if v.closed != "" {
		closed += " (" + v.closed + ")"
	}
	switch {
	case v.unmapped != "":
		c.Doubt("a part of the sitemap could not be read: "+v.unmapped, false)
	case n == 0:
		c.Doubt(closed+", and its sitemap has none", false)
	case n > mostItems:
		c.Doubt(fmt.Sprintf("%s; its sitemap has more than are opened one by one (%d)", closed, mostItems), false)
	case len(all.Products) == 0 || v.lost > few(n):
		c.Doubt(fmt.Sprintf("%s; %d of %d products of its sitemap are not there", closed, v.lost, n), false)
	case v.opened < n:
		c.Doubt(fmt.Sprintf("%d of %d products of the sitemap were opened", v.opened, n), false)
	case !s.sitemap:
		c.Doubt(closed+"; those of its sitemap were opened instead, which proves nothing of the others: to watch the sitemap alone, write options: {list: sitemap}", false)
	default:
		c.Warnings = append(c.Warnings, "read from the sitemap, which may lag and leave products out")
	}
	return c
}

// looks are the currencies of the visit before and after the list was read, ""
// where it could not be learned.
func (v *survey) looks() (first, last string) {
	all := v.carts
	if len(all) == 0 || all[0] == "" {
		all = v.items
	}
	if len(all) > 0 {
		first = all[0]
	}
	if len(all) > 1 {
		last = all[1]
	}
	return first, last
}

// currency is that of the prices, "" with the reason when it is not certain.
func (v *survey) currency() (code, note string) {
	first, last := v.looks()
	switch {
	case v.country == "":
		return "", "prices are left out, because nothing says which country they are for: write options: {country: DE}, or the country that you mean"
	case first != "" && first == last:
		return first, ""
	case first == "" && last == "" && v.meta.Country == v.country && v.meta.Currency != "":
		return v.meta.Currency, "the currency is the one that the shop names as its own; no price names one"
	case len(v.pages) == 0:
		return "", ""
	}
	return "", "prices are left out, because their currency is not certain"
}
