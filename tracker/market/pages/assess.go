package pages

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// undeclared begins the warning in every scan whose list is not proven by a
// declared number of products.
const undeclared = "undeclared: the website does not say how many products it has"

// Assess says whether the pages are the whole list (NOTES.md, 3). A declared
// total proves it when as many products were seen. Without one the list must
// have ended as it should, and its pages must fit together, and then every
// report says that nothing was declared.
func (s *storefront) Assess(read []market.Listing) market.Completeness {
	w := walkOf(read)
	if len(w.pages) == 0 {
		return market.Assess(nil)
	}
	var c market.Completeness
	if s.rules.grows() {
		c = s.assessGrowth(w)
	} else {
		c = s.assessPages(w)
	}
	if n := w.noPrices(); n > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%d prices are unknown, because nothing tells their currency; set list.price.currency", n))
	}
	return c
}

// noPrices are the products whose price lacks a currency.
func (w *walk) noPrices() (n int) {
	for i := range w.pages {
		n += w.pages[i].Read.(*found).noPrice
	}
	return n
}

// counted reports whether a total is declared, the same by all pages that
// declare one.
func (w *walk) counted() bool {
	return w.total > 0 && !slices.ContainsFunc(w.pages, func(l market.Listing) bool { return l.Total != 0 && l.Total != w.total })
}

// assessPages judges a list on pages.
func (s *storefront) assessPages(w *walk) market.Completeness {
	stop := s.ended(w)
	pages := slices.Clone(w.pages)
	for i := range pages {
		if pages[i].Total == 0 {
			pages[i].Total = w.total // stated on some of the pages only
		}
		pages[i].Last = i == len(pages)-1 && stop != "" && provable(stop)
	}
	c := market.Assess(pages)
	switch {
	case stop == stopEmpty:
		return c
	case w.counted() && len(c.Products) == w.total && stop != "":
		return proven(c, w)
	case stop == stopCap:
		return refuse(c, fmt.Sprintf("the list goes on after %d pages; raise max_pages, or watch categories of the shop instead", len(pages)))
	case stop == stopLooped:
		return moved(c, fmt.Sprintf("the list leads from page %d back to one that was read before", len(pages)))
	case !c.Complete:
		c.Reason = withBad(c.Reason, w)
		return c
	}
	return s.assessUndeclared(c, w, stop)
}

// assessGrowth judges a list that grows. Its rows may be met again and again, so
// that nothing follows from that.
func (s *storefront) assessGrowth(w *walk) market.Completeness {
	stop := s.ended(w)
	c := market.Completeness{Declared: tracker.Declared{Products: w.total}}
	seen := map[tracker.ProductID]bool{}
	problem, twice := "", 0
	for i := range w.pages {
		if g := w.pages[i].Read.(*found).grown; g != nil {
			twice = max(twice, g.Twice)
		}
		l := &w.pages[i]
		for _, p := range l.Products {
			if !seen[p.ID] {
				seen[p.ID] = true
				c.Products = append(c.Products, p)
			}
		}
		if len(l.Problems) > 0 && problem == "" {
			problem = l.Problems[0]
		}
	}
	switch {
	case w.counted() && len(c.Products) == w.total:
		return proven(c, w)
	case w.total > 0 && !w.counted():
		return moved(c, "the list changed while it was read: it declared several numbers of products")
	case w.total > 0:
		return moved(c, withBad(fmt.Sprintf("%d products are declared, %d were seen", w.total, len(c.Products)), w))
	case problem != "":
		return refuse(c, problem)
	case twice > 0:
		return moved(c, fmt.Sprintf("%d products stand in the list twice, so as many may have been missed; say where its total stands, with list.total", twice))
	case stop == stopCap:
		return refuse(c, fmt.Sprintf("the list goes on after %d steps; raise max_pages, or watch categories of the shop instead", len(w.pages)))
	}
	c.Complete = true
	if stop == stopEmpty {
		return c
	}
	return s.assessUndeclared(c, w, stop)
}

// refuse says why the pages may not be the whole list, and moved that a second
// pass may show it.
func refuse(c market.Completeness, reason string) market.Completeness {
	c.Complete, c.Moved, c.Reason = false, false, reason
	return c
}

func moved(c market.Completeness, reason string) market.Completeness {
	c.Complete, c.Moved, c.Reason = false, true, reason
	return c
}

// proven is a list of which as many products were seen as are declared. What its
// pages lack does not count then.
func proven(c market.Completeness, w *walk) market.Completeness {
	c.Complete, c.Moved, c.Reason = true, false, ""
	if bad := w.bad(); len(bad) > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%d rows are no products: %s", len(bad), bad[0]))
	}
	return c
}

// bad are the rows that could not be read.
func (w *walk) bad() (all []string) {
	for i := range w.pages {
		for _, b := range w.pages[i].Read.(*found).bad {
			all = append(all, fmt.Sprintf("page %d, %s", i+1, b))
		}
	}
	return all
}

// withBad adds the first row that could not be read to a reason.
func withBad(reason string, w *walk) string {
	if bad := w.bad(); len(bad) > 0 && !strings.Contains(reason, bad[0]) {
		return reason + " (" + bad[0] + ")"
	}
	return reason
}

// assessUndeclared judges a list without a declared total, whose pages fit
// together: it must have ended as it should, and a witness must agree.
func (s *storefront) assessUndeclared(c market.Completeness, w *walk, stop string) market.Completeness {
	if s.rules.total != nil {
		return refuse(c, "the number of products is not declared where list.total says")
	}
	how, doubt := s.ending(w, stop)
	if doubt != "" {
		return moved(c, doubt)
	}
	switch {
	case s.rules.List.Total.Sitemap != "":
		witness, doubt := s.bySitemap(w, len(c.Products))
		if doubt != "" {
			return refuse(c, doubt) // it lags for hours; another pass would not help
		}
		how += ", and " + witness
	case s.rules.grows():
	case w.look == nil || !maps.Equal(w.look.ids, idsOf(&w.pages[0])):
		return moved(c, "the list changed while it was read: a second look at its first page shows other products; if it does so always, name an address that sorts them")
	default:
		how += ", and a second look at the first page agrees"
	}
	c.Warnings = append(c.Warnings, undeclared+"; "+how)
	return c
}

func idsOf(l *market.Listing) map[tracker.ProductID]bool {
	ids := map[tracker.ProductID]bool{}
	for i := range l.Products {
		ids[l.Products[i].ID] = true
	}
	return ids
}

// ending says how a list showed that it ended, or why that is in doubt.
func (s *storefront) ending(w *walk, stop string) (how, doubt string) {
	r := s.rules
	last := w.pages[len(w.pages)-1].Read.(*found)
	switch {
	case last.end != "":
		return "the list showed that it ends", ""
	case stop == stopBeyond:
		return "the page behind the last one is empty", ""
	case !r.end.none():
		return "", fmt.Sprintf("the list does not show that it ends: nothing matches list.next.end (%s)", r.end.name())
	case stop == stopNoNext:
		return "its last page has no link to a next one", ""
	case stop == stopNone:
		return "it is one page by its configuration", ""
	case last.grown == nil:
		return "", "the list ended in a way that proves nothing: " + stop
	case stop == stopNoButton && len(w.pages) == 1:
		return "", fmt.Sprintf("there was no button to load more (%s), and nothing else tells that the list ends; say with list.next.end what is shown then, or where its total stands", r.button.text)
	case stop == stopNoButton && last.grown.Clicked && last.grown.Rows > 0:
		return "it grew until its button went away", ""
	case last.grown.Button:
		return "", "the button to load more is still there and brings no products"
	}
	return "", "the button to load more went away and brought no products"
}

// bySitemap judges the number of products by the sitemap, a witness that lags
// behind. Fewer products than it names are too few; more are fine.
func (s *storefront) bySitemap(w *walk, seen int) (witness, doubt string) {
	named := map[string]bool{}
	read := false
	for _, f := range w.files {
		switch {
		case f.err != "":
			return "", "the sitemap could not be read, so nothing tells how long the list is: " + f.err
		case f.missing && s.promised(w, f):
			return "", "a file of the sitemap is missing, so nothing tells how long the list is: " + f.address
		}
		read = read || f.products != nil
		maps.Copy(named, f.products)
	}
	_, done := s.filesOf(w)
	switch {
	case !done:
		return "", "the sitemap has more files than are read, so nothing tells how long the list is"
	case !read:
		return "", "the website has no sitemap, so nothing tells how long the list is"
	case len(named) == 0:
		return "", "the sitemap names no products: no address in it matches list.total.product"
	case seen*100 < len(named)*98:
		return "", fmt.Sprintf("the sitemap names %d products, %d were seen", len(named), seen)
	}
	return fmt.Sprintf("the sitemap, which names %d products, agrees", len(named)), ""
}

// promised reports whether a file of the sitemap was named by another, or by the
// configuration, and so must be there.
func (s *storefront) promised(w *walk, f *file) bool {
	if s.rules.sitemap != nil && f.address == s.rules.sitemap.String() {
		return true
	}
	return !f.robots && slices.ContainsFunc(w.files, func(o *file) bool { return slices.Contains(s.ours(o.named), f.address) })
}
