package tracker

import (
	"cmp"
	"encoding/json"
	"math/bits"
	"time"
)

// A StorefrontName is the name that the configuration gives to a storefront. It is the
// key under which everything about the storefront is kept.
type StorefrontName string

// A ProductID is the number under which a marketplace sells a product. It is a
// string because it outgrew 32 bits long ago and is never computed with:
// Tmall's had 11 digits in 2015 and have 12 or 13 in 2026.
type ProductID string

// A Storefront is one seller's shop on a marketplace, as the configuration
// names it.
type Storefront struct {
	Name StorefrontName
	URL  string // where its listing begins
	// Marketplace is its name; empty where the address tells.
	Marketplace string
	// Options are what the marketplace lets one choose for a storefront, as a
	// JSON object; empty for its defaults.
	Options string
}

// ReadAs stands for the address and the options by which it is read: others may
// show the same products otherwise, such as in another language or currency.
func (sf *Storefront) ReadAs() uint32 {
	h := uint64(mix(0).text(sf.URL).text(sf.Marketplace).text(sf.Options))
	return max(uint32(h^h>>32), 1)
}

// A Product is one entry of a catalog as a listing page showed it.
type Product struct {
	ID    ProductID
	Title string // never empty, white space around it trimmed
	URL   string // its item page, without the parameters that change from load to load
	Image string // its main picture without the size suffix; empty when not shown
	Price Price
	// Availability is what the listing states of whether it can be bought.
	Availability Availability
	// Variants is how many variants of it the listing counts, such as its sizes;
	// zero when it does not say. Variants are no products of their own.
	Variants int
}

// An Availability says whether a product can be bought, where the marketplace
// states it.
type Availability string

const (
	// AvailabilityUnknown is the zero value: the marketplace does not say. It
	// is never a change.
	AvailabilityUnknown Availability = ""
	Available           Availability = "available"
	SoldOut             Availability = "soldout" // it is listed, but no variant of it can be bought
)

// A Fingerprint is a fingerprint of what may change about a product: its title, its
// picture, its price and what else is known of it. Equal products have equal fingerprints. It saves reading the
// catalog's copy of a product that did not change; it is no protection against
// a forger.
type Fingerprint uint64

// Fingerprint returns the product's fingerprint.
func (p *Product) Fingerprint() Fingerprint {
	h := mix(0x9e3779b97f4a7c15).text(string(p.ID)).text(p.Title).text(p.Image)
	h = h.text(string(p.Price.Kind)).text(p.Price.Currency)
	h = h.number(uint64(p.Price.Low)).number(uint64(p.Price.High)).number(0)
	// What is not known leaves the fingerprint as it was before shopwatch knew
	// of such things, so that the stored ones stay valid.
	if p.Availability != AvailabilityUnknown {
		h = h.number(1).text(string(p.Availability))
	}
	if p.Variants != 0 {
		h = h.number(2).number(uint64(p.Variants))
	}
	if b := p.Price.Basis; b != (Basis{}) {
		h = h.number(3).text(b.Market).text(string(b.Tax))
	}
	return Fingerprint(h)
}

// print is the fingerprint of a product as its entry has it. Where pages are found by
// names it is of the address too, which may change like everything that it is of.
func (p *Product) print(byName bool) Fingerprint {
	f := p.Fingerprint()
	if byName {
		f = Fingerprint(mix(f).number(4).text(p.URL))
	}
	return f
}

// A mix is a hash that takes in eight bytes at a time, because a scan asks for
// the fingerprints of all its products. Its sums are stored: it must never change.
type mix uint64

func (h mix) number(n uint64) mix {
	hi, lo := bits.Mul64(uint64(h)^n^0xbf58476d1ce4e5b9, 0x94d049bb133111eb)
	return mix(hi ^ lo)
}

// text takes in a string and its length, so that no two rows of strings are
// taken for the same.
func (h mix) text(s string) mix {
	n := len(s)
	at := 0
	for ; n-at >= 8; at += 8 {
		h = h.number(eight(s[at : at+8]))
	}
	rest := uint64(n) << 56
	if left := n - at; left > 0 && n >= 8 { // the end of the last eight bytes
		rest |= eight(s[n-8:]) >> (64 - 8*left)
	} else {
		for i := range left {
			rest |= uint64(s[i]) << (8 * i)
		}
	}
	return h.number(rest)
}

// eight is the number that eight bytes spell, the least first.
func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// A PriceKind says how a listed price is to be read.
type PriceKind string

const (
	// PriceUnknown is a price that is hidden, written in the glyphs of a
	// private font, or not there. It is the zero value and never a change.
	PriceUnknown PriceKind = ""
	PriceExact   PriceKind = "exact"
	PriceFrom    PriceKind = "from"  // the least of several: "￥199起"
	PriceRange   PriceKind = "range" // from Low to High: "199.00-299.00"
)

// A Price is a listed price in minor units of its currency (fen, cents, yen).
// The zero value is an unknown price.
type Price struct {
	Kind     PriceKind
	Low      int64
	High     int64  // of a range; zero otherwise
	Currency string // ISO 4217: "CNY"
	Basis
}

// A Basis is what a listed price is for, as far as the marketplace declares it.
type Basis struct {
	Market string // the country of the buyer, ISO 3166: "DE"; empty when not declared
	Tax    Tax
}

// A Tax says whether a price includes tax.
type Tax string

const (
	TaxUnknown  Tax = "" // not declared
	TaxIncluded Tax = "included"
	TaxExcluded Tax = "excluded"
)

// Known reports whether the price was shown in a form that could be read.
func (p Price) Known() bool { return p.Kind != PriceUnknown }

// Comparable reports whether the amounts of two prices can be compared: those of
// unlike currencies or of unlike basis cannot.
func (p Price) Comparable(q Price) bool { return p.Currency == q.Currency && p.Basis == q.Basis }

// Agrees reports whether two prices say the same. What one of them does not
// declare is no difference.
func (p Price) Agrees(q Price) bool {
	p.Basis, q.Basis = p.merge(q.Basis), q.merge(p.Basis)
	return p == q
}

// merge returns the basis with what it does not declare taken from another.
func (b Basis) merge(other Basis) Basis {
	return Basis{cmp.Or(b.Market, other.Market), cmp.Or(b.Tax, other.Tax)}
}

// far reports whether two prices are so far from each other that one of them may
// be a mistake: they cannot be compared, or one is more than ten times the other.
func (p Price) far(q Price) bool {
	return !p.Comparable(q) || p.Low > 10*q.Low || q.Low > 10*p.Low
}

// String returns the price as a decimal number, "" when it is unknown. A range
// reads "199.00-299.00", a least price "199.00+".
func (p Price) String() string {
	low := FormatMinor(p.Low, p.Currency)
	switch p.Kind {
	case PriceUnknown:
		return ""
	case PriceFrom:
		return low + "+"
	case PriceRange:
		return low + "-" + FormatMinor(p.High, p.Currency)
	}
	return low
}

// A productJSON is the form of a product in everything that shopwatch prints
// or sends (docs/commands.md).
type productJSON struct {
	ID        ProductID `json:"id"`
	Title     string    `json:"title"`
	URL       string    `json:"url"`
	Image     string    `json:"image"`
	Price     *string   `json:"price"` // the low end of a range; null when unknown
	Currency  string    `json:"currency"`
	PriceKind PriceKind `json:"price_kind,omitempty"` // left out for an exact or an unknown price
	PriceHigh string    `json:"price_high,omitempty"` // of a range
	Market    string    `json:"price_market,omitempty"`
	Tax       Tax       `json:"price_tax,omitempty"`

	Availability Availability `json:"availability,omitempty"` // left out when not stated
	Variants     int          `json:"variants,omitempty"`
}

// MarshalJSON writes the product in its public form.
func (p Product) MarshalJSON() ([]byte, error) { return json.Marshal(p.public()) }

func (p Product) public() productJSON {
	j := productJSON{
		ID: p.ID, Title: p.Title, URL: p.URL, Image: p.Image, Currency: p.Price.Currency,
		Market: p.Price.Market, Tax: p.Price.Tax, Availability: p.Availability, Variants: p.Variants,
	}
	if p.Price.Known() {
		low := FormatMinor(p.Price.Low, p.Price.Currency)
		j.Price = &low
	}
	if p.Price.Kind != PriceExact {
		j.PriceKind = p.Price.Kind
	}
	if p.Price.Kind == PriceRange {
		j.PriceHigh = FormatMinor(p.Price.High, p.Price.Currency)
	}
	return j
}

// UnmarshalJSON reads the public form of a product.
func (p *Product) UnmarshalJSON(b []byte) error {
	var j productJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*p = j.product()
	return nil
}

func (j productJSON) product() Product {
	p := Product{
		ID: j.ID, Title: j.Title, URL: j.URL, Image: j.Image, Price: Price{Currency: j.Currency, Basis: Basis{j.Market, j.Tax}},
		Availability: j.Availability, Variants: j.Variants,
	}
	if j.Price == nil {
		return p
	}
	if low, ok := ParseMinor(*j.Price, j.Currency); ok {
		p.Price.Kind, p.Price.Low = PriceExact, low
	}
	if j.PriceKind != PriceUnknown {
		p.Price.Kind = j.PriceKind
	}
	p.Price.High, _ = ParseMinor(j.PriceHigh, j.Currency)
	return p
}

// An Item is what is known of one product over time.
type Item struct {
	Product
	FirstSeen time.Time
	// LastSeen is when a scan last saw the product, as far as that was worth
	// a write: while it is listed and not missing, the storefront's last
	// complete scan implies it. Storage fills it in when it reads an item for
	// people.
	LastSeen time.Time
	Missing  int       // complete scans in a row that did not list it
	Removed  time.Time // zero while it is listed
	// Pending is a listed price more than ten times above or below the known
	// one, or one that cannot be compared with it. It is believed when a second
	// scan shows it, or one near it: prices creep, and shops convert them at the
	// rate of the day.
	Pending Price
	// PendingTitle is another listed title, of a scan in which most titles were
	// others. It is believed when a second scan shows it.
	PendingTitle string
	// Probe is the last look at the item page since the product is missing.
	Probe *Probe
	// ImageHash is that of the main picture; empty when it was never loaded.
	ImageHash ImageHash
	// ByName is that of the scan which saw it last: its page is found by a name.
	ByName bool
	// Former says that it was listed by an address or options that the storefront
	// had before, and never by those of now.
	Former bool
}

// Listed reports whether the storefront offers the product as far as is known.
// A product that is missing without proof is still listed.
func (it *Item) Listed() bool { return it.Removed.IsZero() }

// Settled reports whether the catalog's copy of the product needs no look when
// a scan shows the same fingerprint again.
func (it *Item) Settled() bool {
	return it.Listed() && it.Missing == 0 && !it.Pending.Known() && it.PendingTitle == ""
}

type itemJSON struct {
	productJSON
	FirstSeen time.Time  `json:"first_seen"`
	LastSeen  time.Time  `json:"last_seen"`
	Listed    bool       `json:"listed"`
	Missing   int        `json:"missing"`
	Removed   *time.Time `json:"removed,omitempty"`
	Probe     *Probe     `json:"probe,omitempty"`
}

// MarshalJSON writes the item in its public form (docs/commands.md).
func (it Item) MarshalJSON() ([]byte, error) {
	j := itemJSON{
		productJSON: it.public(), FirstSeen: it.FirstSeen, LastSeen: it.LastSeen,
		Listed: it.Listed(), Missing: it.Missing, Probe: it.Probe,
	}
	if !it.Listed() {
		j.Removed = &it.Removed
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads the public form of an item.
func (it *Item) UnmarshalJSON(b []byte) error {
	var j itemJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*it = Item{
		Product: j.product(), FirstSeen: j.FirstSeen, LastSeen: j.LastSeen,
		Missing: j.Missing, Probe: j.Probe,
	}
	if j.Removed != nil {
		it.Removed = *j.Removed
	}
	return nil
}
