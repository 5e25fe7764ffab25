package web

import (
	"net/http"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// suspectsShown is how many suspects a page shows.
const suspectsShown = 200

func (p *Pages) suspects(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "suspects", "Missing, not proven")
	all, err := p.o.List(r.Context())
	if err != nil {
		return err
	}
	type group struct {
		Shop   tracker.StorefrontName
		Misses int
		Items  []tracker.Item
	}
	known, err := p.o.Store.Overviews(r.Context(), storage.OverviewQuery{})
	if err != nil {
		return err
	}
	n, skip := pageNumber(r, suspectsShown)
	var groups []group
	total := 0
	for i := range known {
		o := &known[i]
		if o.Suspects == 0 || pg.Get("storefront") != "" && pg.Get("storefront") != string(o.Name) {
			continue
		}
		first, last := max(skip-total, 0), min(skip+suspectsShown-total, o.Suspects)
		if total += o.Suspects; first >= last {
			continue
		}
		items, err := p.o.Store.Suspects(r.Context(), o.Name, "", last)
		if err != nil {
			return err
		}
		groups = append(groups, group{o.Name, p.misses(o.Name), items[min(first, len(items)):]})
	}
	pages := newPager(n, suspectsShown, total)
	if pages.Behind() {
		return pg.toLast(w, pages)
	}
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Groups []group
		Shops  []choice
		Pager  pager
	}{pg, groups, shopChoices(pg, all), pages})
}

// misses is how many complete scans must miss a product of a storefront.
func (p *Pages) misses(name tracker.StorefrontName) int {
	for _, shop := range p.o.Shops {
		if shop.Name == name {
			return shop.Misses
		}
	}
	return tracker.DefaultRules().Misses
}

// Waits says what is waited for before a removal is believed.
func (p *page) Waits(it tracker.Item, misses int) string {
	said := p.T("missed by %d of %d required scans", it.Missing, misses)
	if it.Missing > misses {
		said = p.T("missed by %d scans, of which %d are required", it.Missing, misses)
	}
	switch {
	case it.Probe == nil:
		return said + "; " + p.T("its page was not opened yet")
	case it.Probe.State == tracker.PageSold:
		return said + "; " + p.T("its page still sells it")
	case it.Probe.State == tracker.PageUnknown:
		return said + "; " + p.T("its page could not be read: %s", p.Clean(it.Probe.Reason))
	}
	return said + "; " + p.T("the next complete scan decides")
}
