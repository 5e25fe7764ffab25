package pages

import (
	"bytes"
	"encoding/json"
	"errors"

	"shopwatch/tracker/market"
)

// Options say how a storefront is read. They are what stands under options in
// the configuration.
type Options struct {
	List List `json:"list"`
	Item Item `json:"item"`
	// Robots is ignore for a website whose robots.txt is not to be asked.
	// Over HTTP only: a browser opens what a person could.
	Robots market.Robots `json:"robots"`
}

// A List says how the list of products is read.
type List struct {
	// Transport is page for a list that Chrome has to show, http for one that
	// is sent whole. Page when empty.
	Transport string `json:"transport"`
	// Ready says that a page that Chrome shows is worth reading. When it is
	// left out, the first row says so.
	Ready Sign `json:"ready"`
	// Row is a selector of the products. Rows outside of Within, and those
	// behind the first element of Stop, are no part of the list.
	Row    string `json:"row"`
	Within string `json:"within"`
	Stop   string `json:"stop"`
	// Data takes products from structured data: jsonld or microdata. With a
	// Row it only fills in what the rows do not show.
	Data string `json:"data"`
	// The fields of a product, within its row.
	ID      ID       `json:"id"`
	Link    string   `json:"link"`  // of the product's page; the first link when empty
	Keep    []string `json:"keep"`  // parameters without which a link leads elsewhere
	Title   Field    `json:"title"` // the text of the link when empty
	Price   Price    `json:"price"`
	Image   Field    `json:"image"` // the first picture when empty
	SoldOut Sign     `json:"soldout"`
	// How the list goes on, what says how long it is, and what says that it
	// has no products.
	Next     Next  `json:"next"`
	Total    Total `json:"total"`
	Empty    Sign  `json:"empty"`
	MaxPages int   `json:"max_pages"` // 100 when zero
}

// A Field is where a value stands: the text of an element, or the first of some
// attributes that it has. It may be given as a selector alone.
type Field struct {
	CSS  string `json:"css"`
	Attr Names  `json:"attr"`
}

// A Price is where a price stands and how it is written. It may be given as a
// selector alone.
type Price struct {
	CSS    string `json:"css"`
	Attr   Names  `json:"attr"`
	Locale string `json:"locale"` // de: 1.299,00; en: 1,299.00; told from the text when empty
	// Currency is the ISO 4217 code; told from the text when empty.
	Currency string `json:"currency"`
}

// A Sign is something that a visitor sees: an element, a text, or an element
// with a text. It may be given as a selector alone.
type Sign struct {
	CSS  string `json:"css"`
	Text string `json:"text"`
}

// An ID says what tells products apart: an attribute of the row (or of an
// element in it), or a part of the link. When both are empty it is the path of
// the link.
type ID struct {
	CSS  string `json:"css"`
	Attr string `json:"attr"`
	Link string `json:"link"` // a regular expression with one group
}

// Next says how the list goes on.
type Next struct {
	Link   string `json:"link"`   // a link to the next page
	Button string `json:"button"` // a button that loads more
	Scroll bool   `json:"scroll"` // more is loaded when the end is shown; also with Button
	Param  string `json:"param"`  // a parameter of the address with the page's number
	Step   int    `json:"step"`   // by which Param grows; 1 when zero
	Second int    `json:"second"` // the value of Param for the second page; 2 for a Step of 1, else Step, when zero
	None   bool   `json:"none"`   // the list is one page
	// End is what a page shows when the list ends with it.
	End Sign `json:"end"`
}

// A Total says where the number of products is declared: on the page, or, as a
// witness, in the sitemap.
type Total struct {
	CSS   string `json:"css"`
	Match string `json:"match"` // a regular expression whose group is the number; the first number when empty
	// Sitemap is true, or the address of the sitemap.
	Sitemap Sitemap `json:"sitemap"`
	Product string  `json:"product"` // a regular expression of addresses of products; id.link when empty
}

// An Item says what the page of a product shows.
type Item struct {
	Gone Gone `json:"gone"`
	// Selling is what a page shows that offers the product.
	Selling Sign `json:"selling"`
}

// Gone says what all must hold on the page of a product that is no more.
type Gone struct {
	Status Statuses `json:"status"` // 404 and 410 when empty
	CSS    string   `json:"css"`
	Text   string   `json:"text"`
}

// Names are names of attributes. They may be given as one text.
type Names []string

// Statuses are HTTP statuses.
type Statuses []int

// A Sitemap is "true", or an address, or empty.
type Sitemap string

// auto is a sitemap that is found by itself.
const auto Sitemap = "true"

// UnmarshalText reads the short form.
func (f *Field) UnmarshalText(b []byte) error { f.CSS = string(b); return nil }

// UnmarshalText reads the short form.
func (p *Price) UnmarshalText(b []byte) error { p.CSS = string(b); return nil }

// UnmarshalText reads the short form.
func (s *Sign) UnmarshalText(b []byte) error { s.CSS = string(b); return nil }

// UnmarshalText reads the short form.
func (n *Names) UnmarshalText(b []byte) error { *n = Names{string(b)}; return nil }

// UnmarshalText reads true, false or an address.
func (s *Sitemap) UnmarshalText(b []byte) error {
	if *s = Sitemap(b); *s == "false" {
		*s = ""
	}
	return nil
}

// UnmarshalJSON reads the short form and the long one.
func (f *Field) UnmarshalJSON(b []byte) error {
	type long Field
	return readEither(b, f, (*long)(f))
}

// UnmarshalJSON reads the short form and the long one.
func (p *Price) UnmarshalJSON(b []byte) error {
	type long Price
	return readEither(b, p, (*long)(p))
}

// UnmarshalJSON reads the short form and the long one.
func (s *Sign) UnmarshalJSON(b []byte) error {
	type long Sign
	return readEither(b, s, (*long)(s))
}

// UnmarshalJSON reads the short form and the long one.
func (n *Names) UnmarshalJSON(b []byte) error {
	type long Names
	return readEither(b, n, (*long)(n))
}

// UnmarshalJSON reads true, false or an address.
func (s *Sitemap) UnmarshalJSON(b []byte) error {
	if string(b) == "true" || string(b) == "false" {
		return s.UnmarshalText(b)
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return errors.New("want true or the address of the sitemap")
	}
	return s.UnmarshalText([]byte(text))
}

// readEither reads a value that is a text or written out.
func readEither(b []byte, short interface{ UnmarshalText([]byte) error }, long any) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		return short.UnmarshalText([]byte(text))
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(long)
}
