package bolt

import (
	"encoding/json"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// Types whose names end with Value are what is stored, as JSON with short
// names. Fields may be added, never renamed; times are milliseconds since 1970.

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
