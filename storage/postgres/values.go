package postgres

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// The types of this file are what is stored as json. Fields may be added, never
// renamed; times are milliseconds since 1970, 0 for the zero time.

func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// decode reads what was stored. what names it for people.
func decode(b []byte, v any, what string, args ...any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s is %w (%w)", fmt.Sprintf(what, args...), storage.ErrDamaged, err)
	}
	return nil
}

// stamp is a time for a column: null for the zero time.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

func fromStamp(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// name is a name to look for. PostgreSQL refuses some texts: nothing has them
// as its name, nor the empty one.
func name[T ~string](s T) string {
	if !utf8.ValidString(string(s)) || strings.ContainsRune(string(s), 0) {
		return ""
	}
	return string(s)
}

// checkName returns why a text cannot be the name of something.
func checkName[T ~string](what string, s T) error {
	if !utf8.ValidString(string(s)) {
		return fmt.Errorf("%s %q is no valid text", what, s)
	}
	return nil
}

type priceValue struct {
	Kind     tracker.PriceKind `json:"kind,omitempty"`
	Low      int64             `json:"low,omitempty"`
	High     int64             `json:"high,omitempty"`
	Currency string            `json:"currency,omitempty"`
	Market   string            `json:"market,omitempty"`
	Tax      tracker.Tax       `json:"tax,omitempty"`
}

func newPrice(p tracker.Price) priceValue {
	return priceValue{p.Kind, p.Low, p.High, p.Currency, p.Market, p.Tax}
}

func (v priceValue) price() tracker.Price {
	return tracker.Price{Kind: v.Kind, Low: v.Low, High: v.High, Currency: v.Currency, Basis: tracker.Basis{Market: v.Market, Tax: v.Tax}}
}

type productValue struct {
	ID    tracker.ProductID `json:"id,omitempty"` // empty where a column says it
	Title string            `json:"title,omitempty"`
	URL   string            `json:"url,omitempty"`
	Image string            `json:"image,omitempty"`
	Price priceValue        `json:"price,omitzero"`

	Availability tracker.Availability `json:"availability,omitempty"`
	Variants     int                  `json:"variants,omitempty"`
}

func newProduct(p *tracker.Product) *productValue {
	if p == nil {
		return nil
	}
	return &productValue{p.ID, p.Title, p.URL, p.Image, newPrice(p.Price), p.Availability, p.Variants}
}

func (v *productValue) product() *tracker.Product {
	if v == nil {
		return nil
	}
	return &tracker.Product{
		ID: v.ID, Title: v.Title, URL: v.URL, Image: v.Image, Price: v.Price.price(),
		Availability: v.Availability, Variants: v.Variants,
	}
}

type probeValue struct {
	State   tracker.PageState `json:"state"`
	At      int64             `json:"at,omitempty"`
	URL     string            `json:"url,omitempty"`
	Reason  string            `json:"reason,omitempty"`
	Says    string            `json:"says,omitempty"`
	Picture string            `json:"picture,omitempty"`
	Detail  string            `json:"detail,omitempty"`
	Capture string            `json:"capture,omitempty"`
}

func newProbe(p *tracker.Probe) *probeValue {
	if p == nil {
		return nil
	}
	return &probeValue{p.State, storage.Millis(p.At), p.URL, p.Reason, p.Says, p.Picture, p.Detail, p.Capture}
}

func (v *probeValue) probe(id tracker.ProductID) *tracker.Probe {
	if v == nil {
		return nil
	}
	return &tracker.Probe{Product: id, State: v.State, At: storage.FromMillis(v.At), URL: v.URL, Reason: v.Reason, Says: v.Says, Picture: v.Picture, Detail: v.Detail, Capture: v.Capture}
}

type itemValue struct {
	productValue
	FirstSeen int64             `json:"first_seen,omitempty"`
	LastSeen  int64             `json:"last_seen,omitempty"`
	Missing   int               `json:"missing,omitempty"`
	Removed   int64             `json:"removed,omitempty"`
	Pending   priceValue        `json:"pending,omitzero"`
	NewTitle  string            `json:"new_title,omitempty"`
	Probe     *probeValue       `json:"probe,omitempty"`
	ImageHash tracker.ImageHash `json:"image_hash,omitempty"`
	ByName    bool              `json:"by_name,omitempty"`
	Former    bool              `json:"former,omitempty"`
}

func newItem(it *tracker.Item) itemValue {
	v := itemValue{
		productValue: *newProduct(&it.Product),
		FirstSeen:    storage.Millis(it.FirstSeen), LastSeen: storage.Millis(it.LastSeen), Missing: it.Missing, Removed: storage.Millis(it.Removed),
		Pending: newPrice(it.Pending), NewTitle: it.PendingTitle, Probe: newProbe(it.Probe), ImageHash: it.ImageHash, ByName: it.ByName, Former: it.Former,
	}
	v.ID = ""
	return v
}

func (v *itemValue) item(id tracker.ProductID) tracker.Item {
	v.ID = id
	return tracker.Item{
		Product:   *v.product(),
		FirstSeen: storage.FromMillis(v.FirstSeen), LastSeen: storage.FromMillis(v.LastSeen), Missing: v.Missing, Removed: storage.FromMillis(v.Removed),
		Pending: v.Pending.price(), PendingTitle: v.NewTitle, Probe: v.Probe.probe(id), ImageHash: v.ImageHash, ByName: v.ByName, Former: v.Former,
	}
}

type sellerValue struct {
	ID     string `json:"id,omitempty"`
	Seller string `json:"seller,omitempty"`
	Name   string `json:"name,omitempty"`
}

type stateValue struct {
	Baseline     int64           `json:"baseline,omitempty"`
	LastScan     int64           `json:"last_scan,omitempty"`
	LastComplete int64           `json:"last_complete,omitempty"`
	LastVerdict  tracker.Verdict `json:"last_verdict,omitempty"`
	Parser       int             `json:"parser,omitempty"`
	ReadAs       uint32          `json:"read_as,omitempty"`
	Listed       int             `json:"listed,omitempty"`
	Removed      int             `json:"removed,omitempty"`
	Sum          uint64          `json:"sum,omitempty"`
	Incomplete   int             `json:"incomplete,omitempty"`
	Gone         int             `json:"gone,omitempty"`
	Stalled      bool            `json:"stalled,omitempty"`
	Closed       bool            `json:"closed,omitempty"`
	Shop         sellerValue     `json:"shop,omitzero"`

	Repeated      []tracker.ProductID `json:"repeated,omitempty"`
	RepeatedScans int                 `json:"repeated_scans,omitempty"`
	Always        int                 `json:"repeated_always,omitempty"`
}

func newState(s *tracker.State) stateValue {
	return stateValue{
		storage.Millis(s.Baseline), storage.Millis(s.LastScan), storage.Millis(s.LastComplete), s.LastVerdict, s.Parser, s.ReadAs, s.Listed, s.Removed, uint64(s.Sum),
		s.Incomplete, s.Gone, s.Stalled, s.Closed, sellerValue(s.Shop), s.Repeated.Products, s.Repeated.Scans, s.Repeated.Always,
	}
}

func (v *stateValue) state() tracker.State {
	return tracker.State{
		Baseline: storage.FromMillis(v.Baseline), LastScan: storage.FromMillis(v.LastScan), LastComplete: storage.FromMillis(v.LastComplete), LastVerdict: v.LastVerdict,
		Parser: v.Parser, ReadAs: v.ReadAs, Listed: v.Listed, Removed: v.Removed, Sum: tracker.Fingerprint(v.Sum),
		Incomplete: v.Incomplete, Gone: v.Gone, Stalled: v.Stalled, Closed: v.Closed, Shop: tracker.SellerIdentity(v.Shop),
		Repeated: tracker.Repeated{Products: v.Repeated, Scans: v.RepeatedScans, Always: v.Always},
	}
}

type scanValue struct {
	Verdict          tracker.Verdict `json:"verdict"`
	Reason           string          `json:"reason,omitempty"`
	Took             int64           `json:"took_ms,omitempty"`
	Layout           string          `json:"layout,omitempty"`
	Parser           int             `json:"parser,omitempty"`
	Pages            int             `json:"pages,omitempty"`
	Products         int             `json:"products,omitempty"`
	DeclaredPages    int             `json:"declared_pages,omitempty"`
	DeclaredProducts int             `json:"declared_products,omitempty"`
	Duplicates       int             `json:"duplicates,omitempty"`
	Passes           int             `json:"passes,omitempty"`
	Retries          int             `json:"retries,omitempty"`
	Opened           int             `json:"opened,omitempty"`
	Stop             string          `json:"stop,omitempty"`
	Shop             sellerValue     `json:"shop,omitzero"`
	Probed           int             `json:"probed,omitempty"`
	Wall             tracker.Verdict `json:"wall,omitempty"`
	RetryAfter       int             `json:"retry_after,omitempty"`
	Warnings         []string        `json:"warnings,omitempty"`
	Changes          int             `json:"changes,omitempty"`
	Doubted          bool            `json:"doubted,omitempty"`
	Capture          string          `json:"capture,omitempty"`
}

func newScan(s *tracker.Scan) scanValue {
	e := &s.Evidence
	return scanValue{
		Verdict: s.Verdict, Reason: s.Reason, Took: s.Took.Milliseconds(), Layout: e.Layout, Parser: e.Parser,
		Pages: e.Pages, Products: e.Products, DeclaredPages: e.Declared.Pages, DeclaredProducts: e.Declared.Products,
		Duplicates: e.Duplicates, Passes: e.Passes, Retries: e.Retries, Opened: e.Opened, Stop: e.Stop, Shop: sellerValue(e.Shop), Probed: e.Probed,
		Wall: e.Wall, RetryAfter: e.RetryAfter, Warnings: e.Warnings, Changes: s.Changes, Doubted: s.Doubted, Capture: e.Capture,
	}
}

func (v *scanValue) scan(name tracker.StorefrontName, began time.Time) tracker.Scan {
	return tracker.Scan{
		Storefront: name, Began: began.UTC(), Took: time.Duration(v.Took) * time.Millisecond,
		Verdict: v.Verdict, Reason: v.Reason, Changes: v.Changes, Doubted: v.Doubted,
		Evidence: tracker.Evidence{
			Layout: v.Layout, Parser: v.Parser, Pages: v.Pages, Products: v.Products,
			Declared:   tracker.Declared{Pages: v.DeclaredPages, Products: v.DeclaredProducts},
			Duplicates: v.Duplicates, Passes: v.Passes, Retries: v.Retries, Opened: v.Opened, Stop: v.Stop, Shop: tracker.SellerIdentity(v.Shop), Probed: v.Probed,
			Wall: v.Wall, RetryAfter: v.RetryAfter, Warnings: v.Warnings, Capture: v.Capture,
		},
	}
}

type sameAsValue struct {
	ID         tracker.ProductID `json:"id"`
	Confidence float64           `json:"confidence"`
}

type picturesValue struct {
	Picture string `json:"picture,omitempty"`
	Card    string `json:"card,omitempty"`
	Page    string `json:"page,omitempty"`
	Before  string `json:"before,omitempty"`
}

type changeValue struct {
	Kind      tracker.Kind    `json:"kind"`
	At        int64           `json:"at"`
	Scan      int64           `json:"scan,omitempty"`
	Product   *productValue   `json:"product,omitempty"`
	Before    *productValue   `json:"before,omitempty"`
	Proof     tracker.Proof   `json:"proof,omitempty"`
	Probe     *probeValue     `json:"probe,omitempty"`
	Missing   int             `json:"missing,omitempty"`
	Away      int64           `json:"away_ms,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Verdict   tracker.Verdict `json:"verdict,omitempty"`
	SameAs    *sameAsValue    `json:"same_as,omitempty"`
	Important string          `json:"important,omitempty"`
	Ignored   bool            `json:"ignored,omitempty"`
	Corrects  uint64          `json:"corrects,omitempty"`
	Pictures  picturesValue   `json:"pictures,omitzero"`
}

func newChange(c *tracker.Change) changeValue {
	return changeValue{
		Kind: c.Kind, At: storage.Millis(c.At), Scan: storage.Millis(c.Scan), Product: newProduct(c.Product), Before: newProduct(c.Before), Proof: c.Proof, Probe: newProbe(c.Probe),
		Missing: c.Missing, Away: c.Away.Milliseconds(), Reason: c.Reason, Verdict: c.Verdict, SameAs: (*sameAsValue)(c.SameAs),
		Important: c.Important, Ignored: c.Ignored, Corrects: c.Corrects, Pictures: picturesValue(c.Pictures),
	}
}

func (v *changeValue) change(seq uint64, name tracker.StorefrontName) tracker.Change {
	c := tracker.Change{
		Seq: seq, Kind: v.Kind, Storefront: name, At: storage.FromMillis(v.At), Scan: storage.FromMillis(v.Scan),
		Product: v.Product.product(), Before: v.Before.product(), Proof: v.Proof, Missing: v.Missing,
		Away: time.Duration(v.Away) * time.Millisecond, Reason: v.Reason, Verdict: v.Verdict, SameAs: (*tracker.SameAs)(v.SameAs),
		Important: v.Important, Ignored: v.Ignored, Corrects: v.Corrects, Pictures: tracker.Evidenced(v.Pictures),
	}
	if c.Product != nil {
		c.Probe = v.Probe.probe(c.Product.ID)
	}
	return c
}

type deliveryValue struct {
	To       string                `json:"to"`
	State    tracker.DeliveryState `json:"state"`
	Attempts int                   `json:"attempts,omitempty"`
	Tried    int64                 `json:"tried,omitempty"`
	Next     int64                 `json:"next,omitempty"`
	Answer   string                `json:"answer,omitempty"`
	Unsure   bool                  `json:"unsure,omitempty"`
}

func newDelivery(l tracker.Delivery) deliveryValue {
	return deliveryValue{l.To, l.State, l.Attempts, storage.Millis(l.Tried), storage.Millis(l.Next), l.Answer, l.Unsure}
}

func (v *deliveryValue) delivery() tracker.Delivery {
	return tracker.Delivery{To: v.To, State: v.State, Attempts: v.Attempts, Tried: storage.FromMillis(v.Tried), Next: storage.FromMillis(v.Next), Answer: v.Answer, Unsure: v.Unsure}
}

type reportValue struct {
	Created    int64           `json:"created,omitempty"`
	First      uint64          `json:"first,omitempty"`
	Last       uint64          `json:"last,omitempty"`
	Changes    [][2]uint64     `json:"changes,omitempty"` // runs: first and last number of each
	About      string          `json:"about,omitempty"`
	Deliveries []deliveryValue `json:"deliveries,omitempty"`
}

func newReport(r *tracker.Report) reportValue {
	v := reportValue{Created: storage.Millis(r.Created), First: r.First, Last: r.Last, About: r.About}
	for _, n := range r.Changes {
		if k := len(v.Changes) - 1; k >= 0 && v.Changes[k][1]+1 == n {
			v.Changes[k][1] = n
		} else {
			v.Changes = append(v.Changes, [2]uint64{n, n})
		}
	}
	for _, l := range r.Deliveries {
		v.Deliveries = append(v.Deliveries, newDelivery(l))
	}
	return v
}

func (v *reportValue) report(id uint64, channel string) tracker.Report {
	r := tracker.Report{ID: id, Channel: channel, Created: storage.FromMillis(v.Created), First: v.First, Last: v.Last, About: v.About}
	for _, run := range v.Changes {
		for n := run[0]; n <= run[1]; n++ {
			r.Changes = append(r.Changes, n)
		}
	}
	for i := range v.Deliveries {
		r.Deliveries = append(r.Deliveries, v.Deliveries[i].delivery())
	}
	r.Delivered = delivered(r.Deliveries)
	return r
}

// delivered reports whether no delivery is waiting.
func delivered(deliveries []tracker.Delivery) bool {
	for _, l := range deliveries {
		if l.State != tracker.Sent && l.State != tracker.Dead && l.State != tracker.Left {
			return false
		}
	}
	return true
}

// states are those of deliveries, each once.
func states(deliveries []tracker.Delivery) []string {
	var all []string
	seen := make(map[tracker.DeliveryState]bool)
	for _, l := range deliveries {
		if !seen[l.State] {
			seen[l.State] = true
			all = append(all, name(l.State))
		}
	}
	if all == nil {
		all = []string{} // not null
	}
	return all
}
