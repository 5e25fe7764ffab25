package pages

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/schemaorg"
)

// An entry is a product as a list shows it, with what a tracker.Product does not
// hold.
type entry struct {
	tracker.Product
	strangePrice bool // there is a price, but nothing tells its currency
}

// ofRow reads a row.
func (s *storefront) ofRow(d *document, row *html.Node, by map[tracker.ProductID]*schemaorg.Product) (e entry, err error) {
	r := s.rules
	link := s.linkOf(d, row)
	if link == nil {
		return e, errors.New("it has no link that can be followed")
	}
	if !sameSite(link, s.address) {
		return e, fmt.Errorf("it leads to %s, which is another website", market.Clip(link.Host, 100))
	}
	fromLink, err := s.idOfLink(link)
	e.ID = fromLink
	if r.List.ID.Attr != "" {
		e.ID, err = s.idOfAttr(row)
	}
	if err != nil {
		return e, err
	}
	e.URL = s.canonical(link)
	e.Title = s.title(row)
	e.Image = s.picture(d, row)
	if r.price != nil || r.List.Price.Attr != nil {
		e.price(s, row)
	}
	if !r.soldOut.none() {
		e.Availability = tracker.Available
		if _, shown := r.soldOut.in(row); shown {
			e.Availability = tracker.SoldOut
		}
	}
	if p := by[fromLink]; p != nil {
		e.fill(p)
	}
	if e.Title == "" {
		return e, errors.New("it has no title")
	}
	return e, nil
}

// price reads the price of a row.
func (e *entry) price(s *storefront, row *html.Node) {
	r := s.rules
	text := fieldOf(row, r.price, r.List.Price.Attr, maxPrice+1)
	e.Price = r.readPrice(text)
	e.strangePrice = e.Price.Currency == "" && number.MatchString(text)
}

// fill fills in what a row does not show.
func (e *entry) fill(p *schemaorg.Product) {
	if e.Title == "" {
		e.Title = title(p.Name)
	}
	if e.Image == "" {
		e.Image = p.Image
	}
	if !e.Price.Known() && (e.Price.Currency == "" || e.Price.Currency == p.Price.Currency) {
		e.Price, e.strangePrice = priceOfData(&p.Price), false
	}
	if e.Availability == tracker.AvailabilityUnknown && p.Stock != schemaorg.Unstated {
		e.Availability = tracker.SoldOut
		if p.Stock == schemaorg.Available {
			e.Availability = tracker.Available
		}
	}
}

// title is the title of a row: that of its field, else what its link says.
func (s *storefront) title(row *html.Node) string {
	r := s.rules
	if r.title != nil || r.List.Title.Attr != nil {
		return fieldOf(row, r.title, r.List.Title.Attr, market.MaxTitle)
	}
	a := r.link.findShown(row)
	if r.link == nil {
		// Of several links the first with words: that before it is the picture's.
		a = first(row, func(n *html.Node) bool { return n.DataAtom == atom.A && words(n, 200) != "" })
	}
	if t := words(a, market.MaxTitle); t != "" {
		return t
	}
	for _, key := range []string{"title", "aria-label"} {
		if a != nil && attr(a, key) != "" {
			return title(attr(a, key))
		}
	}
	img := first(row, func(n *html.Node) bool { return n.DataAtom == atom.Img && attr(n, "alt") != "" })
	if img == nil {
		return ""
	}
	return title(attr(img, "alt"))
}

// title is a text as titles are kept.
func title(s string) string {
	return market.Clip(strings.Join(strings.Fields(printable(market.Clip(s, 4*market.MaxTitle))), " "), market.MaxTitle)
}

// fieldOf is the value of a field of a row: of the first element that is
// displayed, its text or the first of the attributes that it has.
func fieldOf(row *html.Node, css *selector, attrs Names, most int) string {
	n := row
	if css != nil {
		if n = css.findShown(row); n == nil {
			return ""
		}
	}
	for _, key := range attrs {
		if v := strings.Join(strings.Fields(printable(attr(n, strings.ToLower(key)))), " "); v != "" {
			return market.Clip(v, most)
		}
	}
	if attrs != nil {
		return ""
	}
	return words(n, most)
}

// pictureAttrs are where pictures stand, those of pages that load them late
// before the others.
var pictureAttrs = Names{"data-src", "data-original", "data-lazy-src", "data-lazy", "data-srcset", "srcset", "src"}

// picture is the address of the main picture of a row.
func (s *storefront) picture(d *document, row *html.Node) string {
	img := s.rules.image.find(row)
	if s.rules.image == nil {
		img = first(row, func(n *html.Node) bool { return n.DataAtom == atom.Img })
	}
	if img == nil {
		return ""
	}
	attrs := s.rules.List.Image.Attr
	if attrs == nil {
		attrs = pictureAttrs
	}
	for _, key := range attrs {
		key = strings.ToLower(key)
		v := strings.TrimSpace(attr(img, key))
		if strings.HasSuffix(key, "srcset") {
			v = largest(v)
		}
		if u := webAddress(d.base, v); u != nil {
			return u.String()
		}
	}
	return ""
}

// largest is the address of the largest picture of a srcset.
func largest(srcset string) (best string) {
	size := -1.0
	for part := range strings.SplitSeq(market.Clip(srcset, 20_000), ", ") {
		words := strings.Fields(strings.Trim(part, ", \n\t"))
		if len(words) == 0 {
			continue
		}
		n := 0.0
		if len(words) > 1 {
			n, _ = strconv.ParseFloat(strings.TrimRight(words[1], "wx"), 64) // 0 is the smallest
		}
		if n > size {
			best, size = words[0], n
		}
	}
	return best
}
