package market

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"shopwatch/tracker"
)

// A Listing is what one listing page shows.
type Listing struct {
	Request  Request // that it answers; set by the scan
	Layout   string  // the template or form, as the marketplace names it
	Page     int     // the number that the page gives itself
	Pages    int     // pages declared; 0 when it does not say
	Total    int     // products declared; 0 when it does not say
	Products []tracker.Product
	Cells    int                 // entries, repeated ones counted
	Repeated []tracker.ProductID // of entries whose product stands on the same page already
	Last     bool                // it says that no page follows
	Next     int                 // the number to which its "next" leads; 0 when there is none
	Empty    bool                // the marketplace's own "no products"
	Grown    bool                // it is the page before, grown; entries may be met again
	// Witness says that the answer is no part of the list, but was asked for
	// to judge it. It is no page and has no products.
	Witness  bool
	Problems []string // why the page does not prove what it shows
	// Read is for the marketplace, which keeps here what it needs of the
	// answer to judge the list.
	Read any
	// Cut says why the list may end before its end, though nothing is wrong
	// with its pages: the marketplace shows no more of any list.
	Cut    string
	Seller tracker.SellerIdentity
}

// Take takes in one entry of the page: a product that was not met on it
// before, one that was, or what is wrong with the entry. Seen are the products
// met.
func (l *Listing) Take(p tracker.Product, err error, seen map[tracker.ProductID]bool) {
	l.Cells++
	switch {
	case err != nil:
		l.Problem("%v", err)
	case seen[p.ID]:
		l.Repeated = append(l.Repeated, p.ID)
	default:
		seen[p.ID] = true
		l.Products = append(l.Products, p)
	}
}

// Problem notes why the page does not prove what it shows.
func (l *Listing) Problem(format string, a ...any) {
	l.Problems = append(l.Problems, fmt.Sprintf(format, a...))
}

// Repeats notes as a problem that the page lists what one before it listed.
func (l *Listing) Repeats(before []Listing) {
	if l.Grown {
		return
	}
	for k := range before {
		if same(&before[k], l) {
			l.Problem("it repeats page %d", k+1)
			return
		}
	}
}

// same reports whether two pages list the same products.
func same(a, b *Listing) bool {
	if len(a.Products) != len(b.Products) || len(a.Products) == 0 {
		return false
	}
	return slices.EqualFunc(a.Products, b.Products, func(x, y tracker.Product) bool { return x.ID == y.ID })
}

// Stop says why no page follows those read, by what the last one says of
// itself: "last page". It is empty when one follows.
func Stop(read []Listing) string {
	n, l := len(read), &read[len(read)-1]
	switch {
	case l.Empty && n == 1:
		return "no products"
	case l.Last:
		return "last page"
	case l.Pages > 0 && n >= l.Pages:
		return "declared number of pages"
	case len(l.Products) == 0:
		return "empty page"
	case l.Next != n+1:
		return fmt.Sprintf("page %d leads on to page %d", n, l.Next)
	}
	return ""
}

// What is taken of a page at most, in bytes. A page may hold anything, and what
// is read of it is kept for ever.
const (
	MaxAddress = 2000
	MaxTitle   = 3000
	MaxName    = 200 // of a seller
	MaxID      = 40
)

// Clip cuts a text to at most so many bytes, between characters. Nothing keeps
// the rest of it in memory.
func Clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return strings.Clone(s[:most])
}

// Seller is the identity that a page states, as far as it is kept.
func Seller(id, seller, name string) tracker.SellerIdentity {
	return tracker.SellerIdentity{ID: Clip(id, MaxID), Seller: Clip(seller, MaxID), Name: Clip(name, MaxName)}
}
