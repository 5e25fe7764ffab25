// Package schemaorg reads what a page says of products in the vocabulary of
// schema.org, as JSON-LD or as microdata. What pages write is hostile and often
// broken: what cannot be read is left out and named, and never spoils the rest.
package schemaorg

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Data is what a page says.
type Data struct {
	// Products are those that stand by themselves, in the order of the page.
	Products []Product
	Lists    []List
	// Broken says of each block that could not be read why.
	Broken []string
}

// A List is a list of things that a page shows, which may be products.
type List struct {
	Products []Product
	// Typed says that its entries call themselves products. Those of others
	// may be articles: their addresses have to tell.
	Typed bool
	// Stated is the number of entries that the list states. Sites write the
	// length of the part that the page shows.
	Stated int
}

// A Product is what a page says of one product. All of it may be empty.
type Product struct {
	ID    string // its stock-keeping unit or number
	Name  string
	URL   string // absolute
	Image string // absolute
	Price Price
	Stock Stock
}

// A Price is what a product costs, as decimal numbers: "1299.00". High is empty
// but for a range.
type Price struct {
	Low, High string
	Currency  string // ISO 4217
}

// Stock says whether a product can be bought.
type Stock int

const (
	Unstated     Stock = iota // the page does not say, or in words that are not known
	Available                 // it can be bought or ordered
	SoldOut                   // it cannot be bought now
	Discontinued              // it is not made or sold any more
)

// What is taken of a page at most.
const (
	maxBlocks   = 50
	maxBytes    = 8 << 20 // of all blocks together
	maxProducts = 20_000  // of all lists together, and of those by themselves
	maxDepth    = 60
	maxText     = 3000
	maxAddress  = 2000
	maxID       = 120
)

// All are the products of the page, each once: first those of lists whose
// entries call themselves products, then those that stand by themselves.
func (d *Data) All() (all []Product) {
	seen := map[string]bool{}
	take := func(products []Product) {
		for _, p := range products {
			key := p.URL
			if key == "" {
				key = "\x00" + p.ID + "\x00" + p.Name
			}
			if !seen[key] {
				seen[key] = true
				all = append(all, p)
			}
		}
	}
	for i := range d.Lists {
		if d.Lists[i].Typed {
			take(d.Lists[i].Products)
		}
	}
	take(d.Products)
	return all
}

// Own returns the product of which the page is the page: the one that gives one
// of the addresses of the page as its own, or the only one when it gives none.
// It is nil when there is no such product.
func (d *Data) Own(addresses ...*url.URL) *Product {
	for _, a := range addresses {
		if a == nil {
			continue
		}
		for i := range d.Products {
			if u, err := url.Parse(d.Products[i].URL); err == nil && d.Products[i].URL != "" && samePage(u, a) {
				return &d.Products[i]
			}
		}
	}
	if len(d.Products) == 1 && d.Products[0].URL == "" {
		return &d.Products[0]
	}
	return nil
}

// samePage reports whether a page that says its address is u was reached at a.
// What a says behind the question mark may be of the visit only.
func samePage(u, a *url.URL) bool {
	place := func(u *url.URL) string {
		return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.") + strings.TrimRight(u.EscapedPath(), "/")
	}
	return place(u) == place(a) && (u.RawQuery == "" || u.Query().Encode() == a.Query().Encode())
}

// A reader gathers what the blocks of one page say.
type reader struct {
	base *url.URL
	data Data
	left int // products that are still taken
}

func newReader(base *url.URL) *reader { return &reader{base: base, left: maxProducts} }

// take takes in a value, which may be anything.
func (r *reader) take(v any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			r.take(e, depth+1)
		}
	case map[string]any:
		r.thing(v, depth)
	}
}

// parts are where a page, a graph or a catalogue holds things that it shows.
// What a product says is related to it is not among them.
var parts = []string{"@graph", "mainEntity", "hasPart", "hasOfferCatalog", "itemListElement", "itemOffered", "item"}

func (r *reader) thing(m map[string]any, depth int) {
	switch {
	case is(m, "BreadcrumbList"):
	case isProduct(m):
		if r.left--; r.left >= 0 {
			r.data.Products = append(r.data.Products, r.product(m))
		}
	case is(m, "ItemList", "OfferCatalog") && get(m, "itemListElement") != nil:
		r.list(m, depth)
	default:
		for _, key := range parts {
			r.take(get(m, key), depth+1)
		}
	}
}

// list takes in a list. Its entries are products, or name them, or say only
// where they are.
func (r *reader) list(m map[string]any, depth int) {
	l := List{Stated: count(get(m, "numberOfItems"))}
	untyped := false
	for _, e := range all(get(m, "itemListElement")) {
		if r.left <= 0 {
			break
		}
		p, typed, ok := r.entry(e)
		if !ok {
			r.take(e, depth+1) // a catalogue within a catalogue
			continue
		}
		r.left--
		untyped = untyped || !typed
		l.Products = append(l.Products, p)
	}
	l.Typed = !untyped && len(l.Products) > 0
	if len(l.Products) > 0 {
		r.data.Lists = append(r.data.Lists, l)
	}
}

// entry reads an entry of a list, and says whether it calls itself a product.
func (r *reader) entry(v any) (p Product, typed, ok bool) {
	m, isThing := v.(map[string]any)
	if !isThing {
		address := r.address(v)
		return Product{URL: address}, false, address != ""
	}
	if isProduct(m) {
		return r.product(m), true, true
	}
	for _, key := range []string{"item", "itemOffered"} {
		inner, isThing := get(m, key).(map[string]any)
		if isThing && isProduct(inner) {
			p = r.product(inner)
			if p.URL == "" {
				p.URL = r.address(get(m, "url"))
			}
			return p, true, true
		}
		if isThing && p.URL == "" {
			p.URL = r.addressOf(inner)
		}
		if !isThing && p.URL == "" {
			p.URL = r.address(get(m, key))
		}
	}
	if is(m, "ItemList", "OfferCatalog") {
		return Product{}, false, false
	}
	if p.URL == "" {
		p.URL = r.addressOf(m)
	}
	p.Name = words(get(m, "name"))
	return p, false, p.URL != ""
}

// product reads a product.
func (r *reader) product(m map[string]any) Product {
	p := Product{Name: words(get(m, "name")), URL: r.addressOf(m), Image: r.image(get(m, "image"), 0)}
	for _, key := range []string{"sku", "productID", "productGroupID", "mpn"} {
		if p.ID == "" {
			p.ID = clip(words(get(m, key)), maxID)
		}
	}
	var o offers
	o.take(get(m, "offers"), 0)
	if o.none() {
		for _, variant := range all(get(m, "hasVariant")) {
			if v, ok := variant.(map[string]any); ok {
				o.take(get(v, "offers"), 0)
			}
		}
	}
	p.Price, p.Stock = o.price(), o.stock()
	return p
}

// addressOf is the address that a thing gives as its own.
func (r *reader) addressOf(m map[string]any) string {
	if a := r.address(get(m, "url")); a != "" {
		return a
	}
	id := words(get(m, "@id"))
	if u, err := url.Parse(id); err != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return r.address(id)
}

// address resolves an address, "" for one that is none of the web.
func (r *reader) address(v any) string {
	s := words(v)
	if s == "" || len(s) > maxAddress {
		return ""
	}
	u, err := r.base.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	u.Fragment = ""
	return u.String()
}

// image returns the first of the pictures of a product.
func (r *reader) image(v any, depth int) string {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if depth < 3 {
				if a := r.image(e, depth+1); a != "" {
					return a
				}
			}
		}
	case map[string]any:
		for _, key := range []string{"contentUrl", "url", "@id"} {
			if a := r.address(get(v, key)); a != "" {
				return a
			}
		}
	default:
		return r.address(v)
	}
	return ""
}

// get returns a property. Names are written in any case.
func get(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	for key, v := range m {
		if strings.EqualFold(key, name) {
			return v
		}
	}
	return nil
}

// all are the values of a property, which may be one or several.
func all(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// is reports whether a thing is of one of the types.
func is(m map[string]any, names ...string) bool {
	for i, t := range all(get(m, "@type")) {
		s, _ := t.(string)
		s = last(s)
		for _, name := range names {
			if strings.EqualFold(s, name) {
				return true
			}
		}
		if i > 10 {
			break
		}
	}
	return false
}

func isProduct(m map[string]any) bool {
	return is(m, "Product", "ProductGroup", "IndividualProduct", "ProductModel", "SomeProducts")
}

// last is the last part of the address of a term: "InStock" of
// "http://schema.org/InStock".
func last(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), "/#")
	return s[strings.LastIndexAny(s, "/#:")+1:]
}

// words is the text of a value: of the first when there are several.
func words(v any) string {
	switch v := v.(type) {
	case string:
		return clip(strings.Join(strings.Fields(html.UnescapeString(clip(v, 4*maxText))), " "), maxText)
	case []any:
		for _, e := range v {
			if _, nested := e.([]any); nested {
				continue
			}
			if s := words(e); s != "" {
				return s
			}
		}
	case map[string]any:
		if s, ok := get(v, "@value").(string); ok {
			return words(s)
		}
	case interface{ String() string }: // json.Number
		return clip(v.String(), maxText)
	}
	return ""
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(strings.Clone(s[:most]), "")
}
