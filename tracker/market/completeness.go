package market

import (
	"fmt"
	"slices"

	"shopwatch/tracker"
)

// Completeness says whether listing pages together are the whole list, and what
// they list.
type Completeness struct {
	Complete bool
	// Moved says that the list moved while it was read, so that a second pass
	// over the pages may show what the first one missed.
	Moved    bool
	Reason   string // why it is not complete
	Products []tracker.Product
	Declared tracker.Declared
	Repeated []tracker.ProductID // met again, in the order of their ids, each as often as it was
	Warnings []string
	cells    int
	doubt    doubt
}

// A doubt is what speaks against a pass being whole.
type doubt int

const (
	none    doubt = iota
	broken        // pages are missing, cut, or not what was asked for
	moved         // the list changed while it was read
	slipped       // products slipped between pages: some were seen twice, as many not at all
	twice         // nothing but products listed twice on one page
)

// Assess says whether the pages of one pass over a list, in the order in which
// they were read, are the whole of it. They are when each proves what it shows,
// they lead from one to the next up to one that says that it is the last, and
// what the storefront declares of pages and products agrees with what was seen.
func Assess(pages []Listing) Completeness {
	var j Completeness
	pages = slices.DeleteFunc(slices.Clone(pages), func(l Listing) bool { return l.Witness })
	at := map[tracker.ProductID]int{}
	across := 0
	for i := range pages {
		l := &pages[i]
		j.cells += l.Cells
		j.Repeated = append(j.Repeated, l.Repeated...)
		for _, p := range l.Products {
			if _, ok := at[p.ID]; ok {
				j.Repeated = append(j.Repeated, p.ID)
				across++
				continue
			}
			at[p.ID] = len(j.Products)
			j.Products = append(j.Products, p)
		}
		j.Declared.Pages = max(j.Declared.Pages, l.Pages)
		j.Declared.Products = max(j.Declared.Products, l.Total)
	}
	slices.Sort(j.Repeated)
	j.Reason, j.doubt = j.doubtOf(pages, across)
	j.Complete, j.Moved = j.doubt == none, j.doubt > broken
	return j
}

// Doubt adds a reason why the pages may not be the whole list, which the
// marketplace has found by its own means. Moves says that the list moved while
// it was read. A graver doubt stays.
func (c *Completeness) Doubt(reason string, moves bool) {
	d := broken
	if moves {
		d = moved
	}
	if c.doubt == broken || c.doubt == moved && moves {
		return
	}
	c.Reason, c.doubt = reason, d
	c.Complete, c.Moved = false, moves
}

// doubtOf returns the first reason why the pages may not be the whole list, and
// of what kind it is.
func (j *Completeness) doubtOf(pages []Listing, across int) (reason string, d doubt) {
	if len(pages) == 0 {
		return "no page was read", broken
	}
	first, last := &pages[0], &pages[len(pages)-1]
	if first.Empty && len(pages) == 1 {
		if p := firstProblem(first); p != "" {
			return p, broken
		}
		return "", none
	}
	for i := range pages {
		l := &pages[i]
		if l.Pages != first.Pages || l.Total != first.Total {
			return fmt.Sprintf("the list changed while it was read: %s, then %s", l.declared(first), l.declared(l)), moved
		}
	}
	for i := range pages {
		l := &pages[i]
		if l.Empty {
			return fmt.Sprintf("page %d is empty", i+1), moved
		}
		if p := firstProblem(l); p != "" {
			return fmt.Sprintf("page %d: %s", i+1, p), broken
		}
		if l.Page != i+1 {
			return fmt.Sprintf("page %d calls itself %d", i+1, l.Page), broken
		}
		if i < len(pages)-1 && l.Last {
			return fmt.Sprintf("page %d calls itself the last of %d", i+1, first.Pages), broken
		}
		if i < len(pages)-1 && l.Cells != first.Cells || l.Cells > first.Cells {
			return fmt.Sprintf("page %d has %d products, page 1 has %d", i+1, l.Cells, first.Cells), moved
		}
	}
	if first.Pages > 0 && len(pages) != first.Pages {
		return fmt.Sprintf("%d of %d pages were read", len(pages), first.Pages), broken
	}
	if !last.Last {
		return fmt.Sprintf("page %d does not say that it is the last", len(pages)), broken
	}
	if last.Cut != "" {
		return last.Cut, broken
	}
	if across > 0 {
		return fmt.Sprintf("%d listed twice on different pages, so as many may have been missed", across), slipped
	}
	if n := len(j.Repeated); n > 0 {
		return fmt.Sprintf("%d listed twice on one page", n), twice
	}
	if first.Total > 0 && first.Total != len(j.Products) {
		return fmt.Sprintf("%d products are declared, %d were seen", first.Total, len(j.Products)), slipped
	}
	return "", none
}

func firstProblem(l *Listing) string {
	if len(l.Problems) == 0 {
		return ""
	}
	return l.Problems[0]
}

func (l *Listing) declared(of *Listing) string {
	if of.Total > 0 {
		return fmt.Sprintf("%d products", of.Total)
	}
	return fmt.Sprintf("%d pages", of.Pages)
}

// MergePasses judges a second pass together with the first, after the first found
// that the list moved. The second counts by itself when it is whole. Otherwise
// what one pass missed the other may have seen: the passes together are whole
// when they saw exactly as many products as the pages hold. Products listed
// twice on one page are believed to be so when both passes agree on the rest.
func MergePasses(first, second Completeness) Completeness {
	if second.Complete {
		second.Warnings = append(second.Warnings, "read again, because at first "+first.Reason)
		return second
	}
	j := second
	j.Products = slices.Clone(second.Products)
	seen := make(map[tracker.ProductID]bool, len(second.Products))
	for _, p := range second.Products {
		seen[p.ID] = true
	}
	for _, p := range first.Products {
		if !seen[p.ID] {
			j.Products = append(j.Products, p)
		}
	}
	if first.Declared != second.Declared || first.cells != second.cells {
		return j
	}
	seenAll := len(j.Products) == second.cells
	if second.Declared.Products > 0 {
		seenAll = len(j.Products) == second.Declared.Products
	}
	agree := len(j.Products) == len(first.Products) && len(j.Products) == len(second.Products) && slices.Equal(first.Repeated, second.Repeated) && second.Declared.Products == 0
	switch {
	case seenAll && first.doubt == slipped && second.doubt == slipped:
		j.Warnings = append(j.Warnings, fmt.Sprintf("the list moved while it was read (%s); two passes together saw all of it", first.Reason))
	case agree && first.doubt == twice && second.doubt == twice:
		j.Warnings = append(j.Warnings, second.Reason+", the same in two passes")
	default:
		return j
	}
	j.Complete, j.Moved, j.Reason = true, false, ""
	return j
}
