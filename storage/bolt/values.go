package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// The types of this file are what is stored, as JSON with short names. Fields
// may be added, never renamed; times are milliseconds since 1970.

// read decodes the value of a key into a stored type. It reports false when
// there is no such key.
func (b bucket) read(key []byte, v any) (bool, error) {
	p, err := b.get(key)
	if p == nil || err != nil {
		return false, err
	}
	if err := json.Unmarshal(p, v); err != nil {
		return false, b.damaged(key, err)
	}
	return true, nil
}

// write encodes a stored type.
func (b bucket) write(key []byte, v any) error {
	p, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.put(key, p)
}

// metaValue says what the file is.
type metaValue struct {
	What    string `json:"what"` // sentinel
	Schema  int    `json:"schema"`
	Created int64  `json:"created"`
	ID      string `json:"id"` // random, told apart from every other file

	Signer      string `json:"signer,omitempty"`      // the key that signs checkpoints of the log
	Unwitnessed uint64 `json:"unwitnessed,omitempty"` // changes that are older than the log's tree
}

type priceValue struct {
	Kind     tracker.PriceKind `json:"k,omitempty"` // empty for an exact price
	Low      int64             `json:"l"`
	High     int64             `json:"h,omitempty"`
	Currency string            `json:"c,omitempty"` // empty for CNY
	Market   string            `json:"m,omitempty"`
	Tax      tracker.Tax       `json:"t,omitempty"`
}

func newPrice(p tracker.Price) *priceValue {
	if p == (tracker.Price{}) {
		return nil
	}
	v := &priceValue{Kind: p.Kind, Low: p.Low, High: p.High, Currency: p.Currency, Market: p.Market, Tax: p.Tax}
	switch p.Kind {
	case tracker.PriceExact:
		v.Kind = ""
	case tracker.PriceUnknown:
		v.Kind = "?"
	}
	switch p.Currency {
	case "CNY":
		v.Currency = ""
	case "":
		v.Currency = "?"
	}
	return v
}

func (v *priceValue) price() tracker.Price {
	if v == nil {
		return tracker.Price{}
	}
	p := tracker.Price{Kind: v.Kind, Low: v.Low, High: v.High, Currency: v.Currency, Basis: tracker.Basis{Market: v.Market, Tax: v.Tax}}
	switch v.Kind {
	case "":
		p.Kind = tracker.PriceExact
	case "?":
		p.Kind = tracker.PriceUnknown
	}
	switch v.Currency {
	case "":
		p.Currency = "CNY"
	case "?":
		p.Currency = ""
	}
	return p
}

type productValue struct {
	ID    tracker.ProductID `json:"id,omitempty"` // empty where the key says it
	Title string            `json:"t"`
	URL   string            `json:"u,omitempty"`
	Image string            `json:"i,omitempty"`
	Price *priceValue       `json:"p,omitempty"`

	Availability tracker.Availability `json:"a,omitempty"`
	Variants     int                  `json:"v,omitempty"`
}

func newProduct(p *tracker.Product) *productValue {
	if p == nil {
		return nil
	}
	return &productValue{
		ID: p.ID, Title: p.Title, URL: p.URL, Image: p.Image, Price: newPrice(p.Price),
		Availability: p.Availability, Variants: p.Variants,
	}
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

// A beforeValue is a product as it was, without what is still the same.
type beforeValue struct {
	Title *string     `json:"t,omitempty"`
	URL   *string     `json:"u,omitempty"`
	Image *string     `json:"i,omitempty"`
	Price *priceValue `json:"p,omitempty"`

	Availability *tracker.Availability `json:"a,omitempty"`
	Variants     *int                  `json:"v,omitempty"`
}

func newBefore(was, is *tracker.Product) *beforeValue {
	if was == nil || is == nil {
		return nil
	}
	differs := func(was, is string) *string {
		if was == is {
			return nil
		}
		return &was
	}
	v := &beforeValue{Title: differs(was.Title, is.Title), URL: differs(was.URL, is.URL), Image: differs(was.Image, is.Image)}
	if was.Availability != is.Availability {
		v.Availability = &was.Availability
	}
	if was.Variants != is.Variants {
		v.Variants = &was.Variants
	}
	if was.Price != is.Price {
		if v.Price = newPrice(was.Price); v.Price == nil {
			v.Price = &priceValue{Kind: "?", Currency: "?"}
		}
	}
	return v
}

func (v *beforeValue) product(is *tracker.Product) *tracker.Product {
	if v == nil || is == nil {
		return nil
	}
	was := *is
	for _, f := range []struct{ from, to *string }{{v.Title, &was.Title}, {v.URL, &was.URL}, {v.Image, &was.Image}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if v.Price != nil {
		was.Price = v.Price.price()
	}
	if v.Availability != nil {
		was.Availability = *v.Availability
	}
	if v.Variants != nil {
		was.Variants = *v.Variants
	}
	return &was
}

type probeValue struct {
	State   tracker.PageState `json:"s"`
	At      int64             `json:"a"`
	URL     string            `json:"u,omitempty"`
	Reason  string            `json:"r,omitempty"`
	Says    string            `json:"w,omitempty"`
	Picture string            `json:"i,omitempty"`
	Detail  string            `json:"d,omitempty"`
	Capture string            `json:"c,omitempty"`
}

func newProbe(p *tracker.Probe) *probeValue {
	if p == nil {
		return nil
	}
	return &probeValue{State: p.State, At: storage.Millis(p.At), URL: p.URL, Reason: p.Reason, Says: p.Says, Picture: p.Picture, Detail: p.Detail, Capture: p.Capture}
}

func (v *probeValue) probe(id tracker.ProductID) *tracker.Probe {
	if v == nil {
		return nil
	}
	return &tracker.Probe{Product: id, State: v.State, At: storage.FromMillis(v.At), URL: v.URL, Reason: v.Reason, Says: v.Says, Picture: v.Picture, Detail: v.Detail, Capture: v.Capture}
}

// An itemValue is stored behind a header that a walk of the catalog reads
// without decoding: flags (1 byte), the fingerprint, or when it was removed (8 bytes,
// big endian; files of schema 1 have 0 for the latter), and with flagChanged
// the numbers of the product's last changes: how many (1 byte), the first, and
// of each further one how much greater it is (uvarints).
type itemValue struct {
	productValue
	FirstSeen int64             `json:"f"`
	LastSeen  int64             `json:"s,omitempty"`
	Missing   int               `json:"m,omitempty"`
	Removed   int64             `json:"r,omitempty"`
	Pending   *priceValue       `json:"w,omitempty"`
	Probe     *probeValue       `json:"q,omitempty"`
	Look      tracker.ImageHash `json:"k,omitempty"`
}

const (
	itemHeader  = 9
	flagRemoved = 1 << 0
	flagMissing = 1 << 1
	flagChanged = 1 << 2
)

// encodeItem encodes an item with the numbers of its last changes, which
// increase and are at most 255.
func encodeItem(it *tracker.Item, changes []uint64) ([]byte, error) {
	v := itemValue{
		productValue: *newProduct(&it.Product),
		FirstSeen:    storage.Millis(it.FirstSeen), LastSeen: storage.Millis(it.LastSeen), Missing: it.Missing, Removed: storage.Millis(it.Removed),
		Pending: newPrice(it.Pending), Probe: newProbe(it.Probe), Look: it.ImageHash,
	}
	v.ID = "" // the key
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	e := tracker.EntryOf(it)
	h := append(make([]byte, 0, itemHeader+1+10*len(changes)+len(b)), 0) // the flags
	if e.Removed {
		h[0] |= flagRemoved
	} else if it.Missing > 0 {
		h[0] |= flagMissing
	}
	fingerprint := uint64(e.Fingerprint)
	if e.Removed {
		fingerprint = uint64(storage.Millis(e.Gone))
	}
	h = binary.BigEndian.AppendUint64(h, fingerprint)
	if len(changes) > 0 {
		h[0] |= flagChanged
		h = append(h, byte(len(changes)))
		before := uint64(0)
		for _, seq := range changes {
			h = binary.AppendUvarint(h, seq-before)
			before = seq
		}
	}
	return append(h, b...), nil
}

// splitItem reads the numbers of an item's last changes and returns what
// follows them.
func splitItem(p []byte) (changes []uint64, rest []byte, err error) {
	if len(p) < itemHeader {
		return nil, nil, errors.New("too short")
	}
	rest = p[itemHeader:]
	if p[0]&flagChanged == 0 {
		return nil, rest, nil
	}
	if len(rest) == 0 {
		return nil, nil, errors.New("too short")
	}
	changes, rest = make([]uint64, rest[0]), rest[1:]
	before := uint64(0)
	for i := range changes {
		more, n := binary.Uvarint(rest)
		if n <= 0 || more == 0 {
			return nil, nil, errors.New("its last changes make no sense")
		}
		before, rest = before+more, rest[n:]
		changes[i] = before
	}
	return changes, rest, nil
}

func decodeItem(id tracker.ProductID, p []byte) (tracker.Item, error) {
	_, rest, err := splitItem(p)
	if err != nil {
		return tracker.Item{}, err
	}
	var v itemValue
	if err := json.Unmarshal(rest, &v); err != nil {
		return tracker.Item{}, err
	}
	v.ID = id
	return tracker.Item{
		Product:   *v.product(),
		FirstSeen: storage.FromMillis(v.FirstSeen), LastSeen: storage.FromMillis(v.LastSeen), Missing: v.Missing, Removed: storage.FromMillis(v.Removed),
		Pending: v.Pending.price(), Probe: v.Probe.probe(id), ImageHash: v.Look,
	}, nil
}

// decodeEntry reads the header of an item, all but its id.
func decodeEntry(p []byte) (e tracker.Entry, missing bool, err error) {
	if len(p) < itemHeader {
		return e, false, errors.New("too short")
	}
	fingerprint := binary.BigEndian.Uint64(p[1:])
	if p[0]&flagRemoved != 0 {
		e.Removed, e.Gone = true, storage.FromMillis(int64(fingerprint))
	} else {
		e.Fingerprint = tracker.Fingerprint(fingerprint)
	}
	return e, p[0]&flagMissing != 0, nil
}

// A stateValue leaves out what an ordinary complete scan implies.
type stateValue struct {
	Baseline     int64           `json:"b,omitempty"`
	LastScan     int64           `json:"s,omitempty"`
	LastComplete int64           `json:"c,omitempty"` // left out when the last scan was complete
	LastVerdict  tracker.Verdict `json:"v,omitempty"` // left out when complete
	Parser       int             `json:"a,omitempty"`
	Listed       int             `json:"l,omitempty"`
	Removed      int             `json:"r,omitempty"`
	Sum          uint64          `json:"m,omitempty"`
	Incomplete   int             `json:"i,omitempty"`
	Gone         int             `json:"g,omitempty"`
	Stalled      bool            `json:"st,omitempty"`
	Closed       bool            `json:"cl,omitempty"`
	Shop         uint64          `json:"o,omitempty"` // its place in shops, from 1

	Repeated      []tracker.ProductID `json:"rp,omitempty"`
	RepeatedScans int                 `json:"rs,omitempty"`
}

func newState(s *tracker.State, shop uint64) stateValue {
	v := stateValue{
		Baseline: storage.Millis(s.Baseline), LastScan: storage.Millis(s.LastScan), LastComplete: storage.Millis(s.LastComplete), LastVerdict: s.LastVerdict,
		Parser: s.Parser, Listed: s.Listed, Removed: s.Removed, Sum: uint64(s.Sum),
		Incomplete: s.Incomplete, Gone: s.Gone, Stalled: s.Stalled, Closed: s.Closed, Shop: shop,
		Repeated: s.Repeated.Products, RepeatedScans: s.Repeated.Scans,
	}
	if v.LastVerdict == tracker.Complete && v.LastComplete == v.LastScan {
		v.LastVerdict, v.LastComplete = "", 0
	}
	return v
}

func (v *stateValue) state(shop tracker.SellerIdentity) tracker.State {
	s := tracker.State{
		Baseline: storage.FromMillis(v.Baseline), LastScan: storage.FromMillis(v.LastScan), LastComplete: storage.FromMillis(v.LastComplete), LastVerdict: v.LastVerdict,
		Parser: v.Parser, Listed: v.Listed, Removed: v.Removed, Sum: tracker.Fingerprint(v.Sum),
		Incomplete: v.Incomplete, Gone: v.Gone, Stalled: v.Stalled, Closed: v.Closed, Shop: shop,
		Repeated: tracker.Repeated{Products: v.Repeated, Scans: v.RepeatedScans},
	}
	if v.LastVerdict == "" && v.LastScan != 0 {
		s.LastVerdict, s.LastComplete = tracker.Complete, s.LastScan
	}
	return s
}

type scanValue struct {
	Verdict          tracker.Verdict `json:"v,omitempty"` // left out when complete
	Reason           string          `json:"r,omitempty"`
	Took             int64           `json:"t,omitempty"` // ms
	Layout           string          `json:"l,omitempty"`
	Parser           int             `json:"a,omitempty"`
	Pages            int             `json:"p,omitempty"`
	Products         int             `json:"n,omitempty"`
	DeclaredPages    int             `json:"dp,omitempty"`
	DeclaredProducts int             `json:"dn,omitempty"`
	Duplicates       int             `json:"du,omitempty"`
	Passes           int             `json:"pa,omitempty"`
	Retries          int             `json:"re,omitempty"`
	Opened           int             `json:"op,omitempty"`
	Stop             string          `json:"e,omitempty"`
	Shop             uint64          `json:"o,omitempty"`
	Probed           int             `json:"q,omitempty"`
	Wall             tracker.Verdict `json:"wl,omitempty"`
	RetryAfter       int             `json:"ra,omitempty"`
	Warnings         []string        `json:"w,omitempty"`
	Changes          int             `json:"c,omitempty"`
	Doubted          bool            `json:"d,omitempty"`
	Capture          string          `json:"cp,omitempty"`
}

func newScan(s *tracker.Scan, shop uint64) scanValue {
	e := &s.Evidence
	v := scanValue{
		Verdict: s.Verdict, Reason: s.Reason, Took: s.Took.Milliseconds(), Layout: e.Layout, Parser: e.Parser,
		Pages: e.Pages, Products: e.Products, DeclaredPages: e.Declared.Pages, DeclaredProducts: e.Declared.Products,
		Duplicates: e.Duplicates, Passes: e.Passes, Retries: e.Retries, Opened: e.Opened, Stop: e.Stop, Shop: shop, Probed: e.Probed,
		Wall: e.Wall, RetryAfter: e.RetryAfter, Warnings: e.Warnings, Changes: s.Changes, Doubted: s.Doubted, Capture: e.Capture,
	}
	if v.Verdict == tracker.Complete {
		v.Verdict = ""
	}
	return v
}

func (v *scanValue) scan(name tracker.StorefrontName, began uint64, shop tracker.SellerIdentity) tracker.Scan {
	s := tracker.Scan{
		Storefront: name, Began: storage.FromMillis(int64(began)), Took: time.Duration(v.Took) * time.Millisecond,
		Verdict: v.Verdict, Reason: v.Reason, Changes: v.Changes, Doubted: v.Doubted,
		Evidence: tracker.Evidence{
			Layout: v.Layout, Parser: v.Parser, Pages: v.Pages, Products: v.Products,
			Declared:   tracker.Declared{Pages: v.DeclaredPages, Products: v.DeclaredProducts},
			Duplicates: v.Duplicates, Passes: v.Passes, Retries: v.Retries, Opened: v.Opened, Stop: v.Stop, Shop: shop, Probed: v.Probed,
			Wall: v.Wall, RetryAfter: v.RetryAfter, Warnings: v.Warnings, Capture: v.Capture,
		},
	}
	if s.Verdict == "" {
		s.Verdict = tracker.Complete
	}
	return s
}

type shopValue struct {
	ID     string `json:"id,omitempty"`
	Seller string `json:"s,omitempty"`
	Name   string `json:"n,omitempty"`
}

// A changeValue is stored behind a header that a walk of the log reads
// without decoding: the time (8 bytes, big endian) and the kind's code
// (1 byte).
type changeValue struct {
	Kind       tracker.Kind           `json:"k"`
	Storefront tracker.StorefrontName `json:"n"`
	Scan       int64                  `json:"sc,omitempty"`
	Product    *productValue          `json:"p,omitempty"`
	Before     *beforeValue           `json:"b,omitempty"`
	Proof      tracker.Proof          `json:"o,omitempty"`
	Probe      *probeValue            `json:"q,omitempty"`
	Missing    int                    `json:"m,omitempty"`
	Away       int64                  `json:"aw,omitempty"` // ms
	Reason     string                 `json:"r,omitempty"`
	Verdict    tracker.Verdict        `json:"v,omitempty"`
	SameAs     *tracker.SameAs        `json:"sa,omitempty"`
	Important  string                 `json:"im,omitempty"`
	Ignored    bool                   `json:"ig,omitempty"`
	Corrects   uint64                 `json:"co,omitempty"`
	Pictures   tracker.Evidenced      `json:"pi,omitzero"`
}

const changeHeader = 9

// kindCodes never change; a kind without one is 0.
var kindCodes = map[tracker.Kind]byte{
	tracker.Added: 1, tracker.Removed: 2, tracker.Relisted: 3, tracker.Repriced: 4, tracker.Retitled: 5,
	tracker.Repictured: 6, tracker.Stalled: 7, tracker.Recovered: 8, tracker.Closed: 9, tracker.Corrected: 10, tracker.Soldout: 11, tracker.Restocked: 12,
}

// headOf is the header of a change, which is also its entry in logs.
func headOf(c *tracker.Change) []byte {
	return append(number(uint64(max(storage.Millis(c.At), 0))), kindCodes[c.Kind])
}

// encodeChange encodes a change, and returns it as decodeChange would read it
// back.
func encodeChange(c *tracker.Change) (p []byte, kept tracker.Change, err error) {
	v := changeValue{
		Kind: c.Kind, Storefront: c.Storefront, Scan: storage.Millis(c.Scan), Product: newProduct(c.Product), Before: newBefore(c.Before, c.Product),
		Proof: c.Proof, Probe: newProbe(c.Probe), Missing: c.Missing, Away: c.Away.Milliseconds(), Reason: c.Reason,
		Verdict: c.Verdict, SameAs: c.SameAs, Important: c.Important, Ignored: c.Ignored, Corrects: c.Corrects, Pictures: c.Pictures,
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, kept, err
	}
	p = append(headOf(c), b...)
	if bytes.Contains(b, []byte(`\ufffd`)) { // which stands for bytes that are no text
		kept, err = decodeChange(c.Seq, p)
		return p, kept, err
	}
	return p, v.change(c.Seq, p), nil
}

func decodeChange(seq uint64, p []byte) (tracker.Change, error) {
	if len(p) < changeHeader {
		return tracker.Change{}, errors.New("too short")
	}
	var v changeValue
	if err := json.Unmarshal(p[changeHeader:], &v); err != nil {
		return tracker.Change{}, err
	}
	return v.change(seq, p), nil
}

func (v *changeValue) change(seq uint64, head []byte) tracker.Change {
	c := tracker.Change{
		Seq: seq, Kind: v.Kind, Storefront: v.Storefront, At: storage.FromMillis(int64(binary.BigEndian.Uint64(head))), Scan: storage.FromMillis(v.Scan),
		Product: v.Product.product(), Proof: v.Proof, Missing: v.Missing,
		Away: time.Duration(v.Away) * time.Millisecond, Reason: v.Reason, Verdict: v.Verdict, SameAs: v.SameAs,
		Important: v.Important, Ignored: v.Ignored, Corrects: v.Corrects, Pictures: v.Pictures,
	}
	c.Before = v.Before.product(c.Product)
	if c.Product != nil {
		c.Probe = v.Probe.probe(c.Product.ID)
	}
	return c
}

type deliveryValue struct {
	To       string                `json:"to"`
	State    tracker.DeliveryState `json:"s"`
	Attempts int                   `json:"n,omitempty"`
	Tried    int64                 `json:"t,omitempty"`
	Next     int64                 `json:"x,omitempty"`
	Answer   string                `json:"a,omitempty"`
	Unsure   bool                  `json:"u,omitempty"`
}

type reportValue struct {
	Channel    string          `json:"c"`
	Created    int64           `json:"t"`
	First      uint64          `json:"f,omitempty"`
	Last       uint64          `json:"l,omitempty"`
	Changes    [][2]uint64     `json:"n,omitempty"` // runs: first and last number of each
	About      string          `json:"a,omitempty"`
	Deliveries []deliveryValue `json:"w,omitempty"`
}

func newReport(r *tracker.Report) reportValue {
	v := reportValue{Channel: r.Channel, Created: storage.Millis(r.Created), First: r.First, Last: r.Last, About: r.About}
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

func newDelivery(l tracker.Delivery) deliveryValue {
	return deliveryValue{To: l.To, State: l.State, Attempts: l.Attempts, Tried: storage.Millis(l.Tried), Next: storage.Millis(l.Next), Answer: l.Answer, Unsure: l.Unsure}
}

func (v *reportValue) report(id uint64) tracker.Report {
	r := tracker.Report{ID: id, Channel: v.Channel, Created: storage.FromMillis(v.Created), First: v.First, Last: v.Last, About: v.About}
	for _, run := range v.Changes {
		for n := run[0]; n <= run[1]; n++ {
			r.Changes = append(r.Changes, n)
		}
	}
	for _, l := range v.Deliveries {
		r.Deliveries = append(r.Deliveries, tracker.Delivery{
			To: l.To, State: l.State, Attempts: l.Attempts, Tried: storage.FromMillis(l.Tried), Next: storage.FromMillis(l.Next), Answer: l.Answer, Unsure: l.Unsure,
		})
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
