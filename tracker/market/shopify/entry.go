package shopify

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// An entry is a product as the feed writes it (NOTES.md, 2).
type entry struct {
	ID       number    `json:"id"`
	Title    string    `json:"title"`
	Handle   string    `json:"handle"`
	Variants []variant `json:"variants"`
	Images   []image   `json:"images"`
}

type variant struct {
	Price     number `json:"price"`
	Available flag   `json:"available"`
}

type image struct {
	Src      string `json:"src"`
	Position int    `json:"position"`
}

// An itemEntry is a product as its own address writes it: amounts are whole
// numbers of hundredths, and pictures are addresses.
type itemEntry struct {
	ID       number    `json:"id"`
	Title    string    `json:"title"`
	Handle   string    `json:"handle"`
	Variants []variant `json:"variants"`
	Images   []string  `json:"images"`
}

func (e *itemEntry) entry() entry {
	x := entry{ID: e.ID, Title: e.Title, Handle: e.Handle, Variants: slices.Clone(e.Variants)}
	for i := range x.Variants {
		x.Variants[i].Price = number(hundredths(string(x.Variants[i].Price)))
	}
	for i, src := range e.Images {
		x.Images = append(x.Images, image{src, i + 1})
	}
	return x
}

// A number is written as such, or as a text.
type number string

func (n *number) UnmarshalJSON(b []byte) error {
	*n = number(market.Clip(string(bytes.Trim(b, `"`)), market.MaxID))
	return nil
}

// A flag is "true" or "false", or empty where something else is written.
type flag string

func (f *flag) UnmarshalJSON(b []byte) error {
	if *f = ""; string(b) == "true" || string(b) == "false" {
		*f = flag(b)
	}
	return nil
}

// A product is an entry as it was read. Its price is known when the currency is.
type product struct {
	tracker.Product
	amounts amounts
}

var productID = regexp.MustCompile(`^[1-9]\d{0,18}$`)

// product reads an entry; at is where the pages of products are.
func (e *entry) product(at, country string) (product, error) {
	id := string(e.ID)
	if !productID.MatchString(id) {
		return product{}, fmt.Errorf("an entry has no number but %q", id)
	}
	title := market.Clip(strings.Join(strings.Fields(market.Clip(e.Title, 4*market.MaxTitle)), " "), market.MaxTitle)
	if title == "" || !validHandle(e.Handle) {
		return product{}, fmt.Errorf("product %s has no title or no handle", id)
	}
	p := product{amounts: amountsOf(e.Variants)}
	p.Product = tracker.Product{
		ID: tracker.ProductID(id), Title: title, URL: at + url.PathEscape(e.Handle), Image: e.picture(),
		Availability: availability(e.Variants), Variants: len(e.Variants),
	}
	if country != "" {
		p.URL += "?country=" + country // the prices are those of that market
	}
	return p, nil
}

// availability is what the variants of a product say together: one that can be
// bought is enough, but all must say that they are sold out.
func availability(variants []variant) tracker.Availability {
	soldOut := len(variants) > 0
	for _, v := range variants {
		switch v.Available {
		case "true":
			return tracker.Available
		case "":
			soldOut = false
		}
	}
	if soldOut {
		return tracker.SoldOut
	}
	return tracker.AvailabilityUnknown
}

// validHandle reports whether a handle can be part of an address.
func validHandle(handle string) bool {
	return handle != "" && len(handle) <= 300 && !strings.ContainsFunc(handle, func(r rune) bool {
		return r == '/' || r == '?' || r == '#' || r == unicode.ReplacementChar || unicode.IsControl(r)
	}) && strings.Trim(handle, ".") != ""
}

// picture is the main picture without the version in its query, which changes
// though the picture does not; "" for none.
func (e *entry) picture() string {
	best := ""
	for i, at := 0, 0; i < len(e.Images); i++ {
		if x := &e.Images[i]; best == "" || x.Position < at {
			best, at = x.Src, x.Position
		}
	}
	if strings.HasPrefix(best, "//") {
		best = "https:" + best
	}
	u, err := url.Parse(strings.TrimSpace(best))
	if err != nil || len(best) > market.MaxAddress || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	u.RawQuery, u.Fragment, u.RawFragment = "", "", ""
	return u.String()
}

// amounts are the least and the greatest price of a product's variants, in
// ten-thousandths of whatever the currency is; zero when there is none.
type amounts struct{ low, high int64 }

// amountsOf returns the prices of variants. A price of 0 is one that was never
// set (NOTES.md, 2).
func amountsOf(variants []variant) (a amounts) {
	for _, v := range variants {
		n, ok := parse(string(v.Price))
		if !ok || n == 0 {
			continue
		}
		if a.low == 0 || n < a.low {
			a.low = n
		}
		a.high = max(a.high, n)
	}
	return a
}

// decimals is how many decimals are kept of a price whose currency is not known
// yet: more than any currency has.
const decimals = 4

// parse reads a decimal number as ten-thousandths.
func parse(text string) (int64, bool) {
	whole, frac, _ := strings.Cut(text, ".")
	if len(frac) > decimals && strings.Trim(frac[decimals:], "0") != "" || len(whole) > 12 {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+(frac + "0000")[:decimals], 10, 62)
	return int64(n), err == nil && whole != ""
}

// hundredths writes a whole number of hundredths as a decimal number.
func hundredths(text string) string {
	if len(text) > 2 {
		return text[:len(text)-2] + "." + text[len(text)-2:]
	}
	return "0." + strings.Repeat("0", 2-len(text)) + text
}

// price is what the amounts are in a currency.
func (a amounts) price(currency string) tracker.Price {
	low, ok := tracker.ScaleMinor(strconv.FormatInt(a.low, 10), decimals, currency)
	if !ok || low == 0 || currency == "" {
		return tracker.Price{}
	}
	p := tracker.Price{Kind: tracker.PriceExact, Low: low, Currency: currency}
	if high, ok := tracker.ScaleMinor(strconv.FormatInt(a.high, 10), decimals, currency); ok && high > low {
		p.Kind, p.High = tracker.PriceRange, high
	}
	return p
}
