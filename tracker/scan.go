package tracker

import (
	"encoding/json"
	"time"
)

// A Verdict is what a scan amounts to.
type Verdict string

const (
	Complete Verdict = "complete" // every declared listing page was read and the counts agree
	Partial  Verdict = "partial"  // some products were read, but not provably all
	Login    Verdict = "login"    // the marketplace demands a login
	Blocked  Verdict = "blocked"  // slider, deny page, "unusual traffic"
	Gone     Verdict = "gone"     // the marketplace says that there is no such storefront, or that it is closed
	Failed   Verdict = "failed"   // Chrome, network, time-out, a layout that no parser knows
)

// Wall reports whether the marketplace refused to answer. After a wall the
// marketplace is left alone for a while.
func (v Verdict) Wall() bool { return v == Login || v == Blocked }

// A Scan is one reading of a storefront, whole or not, also when it failed.
type Scan struct {
	Storefront StorefrontName
	Began      time.Time // to the millisecond; the scan's name among those of its storefront
	Took       time.Duration
	Verdict    Verdict
	Reason     string // why it is not complete, one line for people; empty when it is
	// Retry says that it tries again one that failed, before the storefront is
	// due again. Such a scan does not count as one more without success.
	Retry    bool
	Evidence Evidence
	// Products are those seen, each once, in the order of the listing. Only a
	// scan on its way into the catalog has them: of a stored one Evidence
	// keeps the count.
	Products []Product
	// Repeated are the products that were met again, in the order of their ids,
	// each as often as it was. Like Products they are not stored.
	Repeated []ProductID
	// ReadAs is that of the storefront; zero when it is not known. It is not stored.
	ReadAs uint32
	// ByName says that the page of a product is found by a name in its address,
	// which the seller may change, and not by its number. It is not stored.
	ByName bool
	// Probes are the looks at item pages of products that the listing missed.
	Probes []Probe
	// Pictures are what was found of main pictures that were looked at because their product is new, missing or repictured.
	Pictures map[ProductID]Picture
	// Changes counts what the scan changed. Set by the commit.
	Changes int
	// Doubted says that the scan would have lost more of the catalog than the
	// rules believe at once. Set by the commit.
	Doubted bool
}

// Evidence is what a scan can show for its verdict.
type Evidence struct {
	Layout     string         `json:"layout,omitempty"` // which template the storefront uses: classic, cshop, react
	Parser     int            `json:"parser,omitempty"` // version of the parser that read it
	Pages      int            `json:"pages"`            // listing pages read, each counted once
	Products   int            `json:"products"`         // different products seen
	Declared   Declared       `json:"declared"`         // what the storefront itself says
	Duplicates int            `json:"duplicates"`       // products met again on another page or the same one
	Passes     int            `json:"passes,omitempty"` // times the pages were walked; more than 1 when the list moved
	Retries    int            `json:"retries,omitempty"`
	Opened     int            `json:"opened,omitempty"` // pages asked of the marketplace, all kinds and tries together
	Stop       string         `json:"stop,omitempty"`   // why reading ended: "last page", "no more products", "login", …
	Shop       SellerIdentity `json:"shop,omitzero"`
	Probed     int            `json:"probed,omitempty"` // item pages opened
	Wall       Verdict        `json:"wall,omitempty"`   // a wall met on an item page, after the list was read
	// RetryAfter is for how many seconds the marketplace asked to be left
	// alone.
	RetryAfter int      `json:"retry_after,omitempty"`
	Warnings   []string `json:"warnings,omitempty"`
	// Capture names the evidence file that holds what was read; empty for
	// most scans.
	Capture string `json:"capture,omitempty"`
}

// Declared is what a storefront says about the length of its list. A zero
// means that it does not say.
type Declared struct {
	Pages    int `json:"pages"`
	Products int `json:"products"`
}

// A SellerIdentity is the identity that a storefront states for itself.
type SellerIdentity struct {
	ID     string `json:"id,omitempty"`
	Seller string `json:"seller,omitempty"`
	Name   string `json:"name,omitempty"`
}

// other reports whether another storefront than before states an identity. Where
// one does not name itself, nothing is known. Some were once kept under the number
// of their seller.
func (s SellerIdentity) other(now SellerIdentity) bool {
	bySeller := s.ID == s.Seller && s.Seller == now.Seller
	return s.ID != "" && now.ID != "" && s.ID != now.ID && !bySeller
}

// A PageState is what an item page says of its product.
type PageState string

const (
	PageGone     PageState = "gone"     // the product does not exist
	PageOffshelf PageState = "offshelf" // the page stays and says that the product is off the shelf
	PageSold     PageState = "sold"     // it is offered, also when it is sold out
	PageUnknown  PageState = "unknown"  // a wall, a time-out, a page that says nothing
)

// A Probe is one look at the item page of a missing product.
type Probe struct {
	Product ProductID `json:"product"`
	State   PageState `json:"state"`
	At      time.Time `json:"at"`
	URL     string    `json:"url"`              // where the look ended, after redirects
	Reason  string    `json:"reason,omitempty"` // the words or marks that the state rests on
	Says    string    `json:"says,omitempty"`   // the page's own words for it, where it has some
	// Picture names the evidence file that shows the page as it was seen.
	Picture string `json:"picture,omitempty"`
	// Detail names the one that shows, at twice the size, the part of the page
	// where the words stand that decide; empty where that is not known.
	Detail string `json:"detail,omitempty"`
	// Capture names the one that holds what was answered, as a WACZ file.
	Capture string `json:"capture,omitempty"`
}

// gone reports whether the page said that the product is gone or off the shelf.
func (p *Probe) gone() bool {
	return p != nil && (p.State == PageGone || p.State == PageOffshelf)
}

// Files are the names of the evidence files of the probe, of which there may be
// none.
func (p *Probe) Files() []string {
	if p == nil {
		return nil
	}
	return []string{p.Picture, p.Detail, p.Capture}
}

// A Picture is what a look at a product's main picture gave.
type Picture struct {
	Hash ImageHash // empty when it could not be had
	File string    // evidence file; empty when none was kept
	Card string    // evidence file of the product's card in the list; empty when none
	// Was and WasFile are those of the picture that this one replaces, when
	// its address is another one.
	Was     ImageHash
	WasFile string
}

// TimeFormat is how times are printed in JSON: UTC, to the millisecond.
const TimeFormat = "2006-01-02T15:04:05.000Z07:00"

type scanJSON struct {
	Storefront StorefrontName `json:"storefront"`
	Scan       string         `json:"scan"`
	Verdict    Verdict        `json:"verdict"`
	Reason     string         `json:"reason"`
	Products   int            `json:"products"`
	Pages      int            `json:"pages"`
	Declared   Declared       `json:"declared"`
	TookMS     int64          `json:"took_ms"`
	Changed    int            `json:"changed"`
	Doubted    bool           `json:"doubted,omitempty"`
	Evidence   Evidence       `json:"evidence"`
}

// MarshalJSON writes the scan in its public form (docs/commands.md),
// without products.
func (s Scan) MarshalJSON() ([]byte, error) {
	return json.Marshal(scanJSON{
		Storefront: s.Storefront, Scan: s.Began.UTC().Format(TimeFormat),
		Verdict: s.Verdict, Reason: s.Reason, Products: s.Evidence.Products,
		Pages: s.Evidence.Pages, Declared: s.Evidence.Declared, TookMS: s.Took.Milliseconds(),
		Changed: s.Changes, Doubted: s.Doubted, Evidence: s.Evidence,
	})
}

// UnmarshalJSON reads the public form of a scan.
func (s *Scan) UnmarshalJSON(b []byte) error {
	var j scanJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	began, err := time.Parse(TimeFormat, j.Scan)
	if err != nil {
		return err
	}
	*s = Scan{
		Storefront: j.Storefront, Began: began, Took: time.Duration(j.TookMS) * time.Millisecond,
		Verdict: j.Verdict, Reason: j.Reason, Evidence: j.Evidence, Changes: j.Changed, Doubted: j.Doubted,
	}
	return nil
}
