package market_test

import (
	"strings"
	"testing"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

func listing(page, pages int, ids ...string) market.Listing {
	l := market.Listing{Layout: "classic", Page: page, Pages: pages, Cells: len(ids), Last: page == pages}
	if page < pages {
		l.Next = page + 1
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			l.Repeated = append(l.Repeated, tracker.ProductID(id))
			continue
		}
		seen[id] = true
		l.Products = append(l.Products, tracker.Product{ID: tracker.ProductID(id)})
	}
	return l
}

func but(l market.Listing, change func(*market.Listing)) market.Listing {
	change(&l)
	return l
}

func total(n int) func(*market.Listing) { return func(l *market.Listing) { l.Total = n } }

func TestAssess(t *testing.T) {
	cases := []struct {
		rule  string
		pages []market.Listing
		why   string // words of the doubt; empty: whole
		moved bool
	}{
		{"all pages, equal but the last", []market.Listing{listing(1, 2, "a", "b"), listing(2, 2, "c")}, "", false},
		{"one page", []market.Listing{listing(1, 1, "a")}, "", false},
		{"empty with the marketplace's own words", []market.Listing{{Layout: "classic", Empty: true, Last: true}}, "", false},
		{"no page", nil, "no page", false},
		{"a page missing at the end", []market.Listing{listing(1, 2, "a", "b")}, "1 of 2 pages", false},
		{"page count changed", []market.Listing{listing(1, 2, "a", "b"), listing(2, 3, "c", "d"), listing(3, 3, "e")}, "changed while it was read", true},
		{"page size changed", []market.Listing{listing(1, 3, "a", "b"), listing(2, 3, "c"), listing(3, 3, "d")}, "page 2 has 1", true},
		{"a last page longer than the others", []market.Listing{listing(1, 2, "a"), listing(2, 2, "b", "c")}, "page 2 has 2", true},
		{"a product on two pages", []market.Listing{listing(1, 2, "a", "b"), listing(2, 2, "b")}, "listed twice on different pages", true},
		{"a product twice on a page", []market.Listing{listing(1, 2, "a", "a"), listing(2, 2, "b")}, "listed twice on one page", true},
		{"an empty page in between", []market.Listing{listing(1, 2, "a", "b"), {Page: 2, Pages: 2, Empty: true}}, "page 2 is empty", true},
		{"pages in another order", []market.Listing{listing(2, 2, "a"), listing(1, 2, "b")}, "calls itself 2", false},
		{"the last page too early", []market.Listing{but(listing(1, 2, "a"), func(l *market.Listing) { l.Last = true }), listing(2, 2, "b")}, "calls itself the last", false},
		{"no end", []market.Listing{but(listing(1, 1, "a"), func(l *market.Listing) { l.Last = false })}, "does not say that it is the last", false},
		{"a problem on a page", []market.Listing{but(listing(1, 1, "a"), func(l *market.Listing) { l.Problems = []string{"cut off"} })}, "page 1: cut off", false},
		{"total that agrees", []market.Listing{but(listing(1, 1, "a", "b"), total(2))}, "", false},
		{"total too high", []market.Listing{but(listing(1, 1, "a", "b"), total(3))}, "3 products are declared, 2 were seen", true},
		{"total too low", []market.Listing{but(listing(1, 1, "a", "b"), total(1))}, "1 products are declared, 2 were seen", true},
		{"total changed", []market.Listing{but(listing(1, 2, "a"), total(2)), but(listing(2, 2, "b"), total(3))}, "changed while it was read", true},
	}
	for _, c := range cases {
		j := market.Assess(c.pages)
		if j.Complete != (c.why == "") || !strings.Contains(j.Reason, c.why) || j.Moved != c.moved {
			t.Errorf("%s: complete %v (%s), moved %v", c.rule, j.Complete, j.Reason, j.Moved)
		}
	}
	var capped []market.Listing
	for n := 1; n <= 100; n++ {
		capped = append(capped, but(listing(n, 100, "p"+strings.Repeat("x", n)), func(l *market.Listing) { l.Cut = "the list may be cut" }))
	}
	if j := market.Assess(capped); j.Complete || !strings.Contains(j.Reason, "may be cut") {
		t.Errorf("a list at the cap: complete %v (%s)", j.Complete, j.Reason)
	}
}

func TestMergePasses(t *testing.T) {
	slipped := []market.Listing{listing(1, 2, "a", "b"), listing(2, 2, "b")}  // c was missed
	other := []market.Listing{listing(1, 2, "b", "c"), listing(2, 2, "c")}    // a was missed
	clean := []market.Listing{listing(1, 2, "c", "a"), listing(2, 2, "b")}    // everything
	grown := []market.Listing{listing(1, 2, "d", "c"), listing(2, 2, "c")}    // another product came
	twice := []market.Listing{listing(1, 2, "a", "a"), listing(2, 2, "b")}    // listed twice
	twiceToo := []market.Listing{listing(1, 2, "a", "a"), listing(2, 2, "c")} // but not the same rest
	longer := []market.Listing{listing(1, 3, "a", "b"), listing(2, 3, "b", "c"), listing(3, 3, "d")}
	cases := []struct {
		rule          string
		first, second []market.Listing
		whole         bool
		products      int
	}{
		{"a clean second pass counts by itself", slipped, clean, true, 3},
		{"two passes that together saw as many as there are", slipped, other, true, 3},
		{"two passes that missed the same", slipped, slipped, false, 2},
		{"two passes that saw more than there are", slipped, grown, false, 4},
		{"listed twice on a page, and both passes agree", twice, twice, true, 2},
		{"listed twice on a page, and the passes differ", twice, twiceToo, false, 3},
		{"another number of pages", slipped, longer, false, 4},
	}
	for _, c := range cases {
		j := market.MergePasses(market.Assess(c.first), market.Assess(c.second))
		if j.Complete != c.whole || len(j.Products) != c.products {
			t.Errorf("%s: complete %v (%s) with %d products, want %v with %d", c.rule, j.Complete, j.Reason, len(j.Products), c.whole, c.products)
		}
		if c.whole && len(j.Warnings) == 0 {
			t.Errorf("%s: no warning says how it was healed", c.rule)
		}
	}
}

func TestDoubt(t *testing.T) {
	whole := []market.Listing{listing(1, 1, "a")}
	cut := []market.Listing{listing(1, 2, "a")}
	slipped := []market.Listing{listing(1, 2, "a"), listing(2, 2, "a")}
	for _, c := range []struct {
		rule  string
		pages []market.Listing
		moves bool
		why   string
		moved bool
	}{
		{"of a whole list", whole, false, "doubt", false},
		{"that a whole list moved", whole, true, "doubt", true},
		{"beside a graver one", cut, true, "1 of 2 pages", false},
		{"graver than the first", slipped, false, "doubt", false},
		{"that what slipped moved", slipped, true, "doubt", true},
	} {
		j := market.Assess(c.pages)
		j.Doubt("a doubt", c.moves)
		if j.Complete || j.Moved != c.moved || !strings.Contains(j.Reason, c.why) {
			t.Errorf("%s: complete %v, moved %v, %q", c.rule, j.Complete, j.Moved, j.Reason)
		}
	}
	// Two passes that together saw all that slipped are no whole list beside
	// another doubt.
	first := market.Assess([]market.Listing{listing(1, 2, "a", "b"), listing(2, 2, "b")})
	second := market.Assess([]market.Listing{listing(1, 2, "a", "c"), listing(2, 2, "c")})
	if j := market.MergePasses(first, second); !j.Complete {
		t.Fatalf("not complete: %+v", j)
	}
	second.Doubt("a doubt", false)
	if j := market.MergePasses(first, second); j.Complete {
		t.Errorf("complete, though in doubt: %+v", j)
	}
}

func TestRepeats(t *testing.T) {
	grown := func(l *market.Listing) { l.Grown = true }
	before := []market.Listing{listing(1, 3, "a", "b"), listing(2, 3, "c", "d")}
	for _, c := range []struct {
		rule    string
		page    market.Listing
		repeats bool
	}{
		{"other products", listing(3, 3, "e"), false},
		{"those of a page before", listing(3, 3, "a", "b"), true},
		{"no products", listing(3, 3), false},
		{"those of a page that has grown", but(listing(3, 3, "a", "b"), grown), false},
	} {
		if c.page.Repeats(before); (len(c.page.Problems) > 0) != c.repeats {
			t.Errorf("%s: problems %q", c.rule, c.page.Problems)
		}
	}
}
