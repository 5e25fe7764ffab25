package tracker_test

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"shopwatch/tracker"
)

// markOf is what Mark is defined as. Marks are stored: a file that was written
// with other ones would find every product changed.
func markOf(p *tracker.Product) tracker.Fingerprint {
	h := uint64(0x9e3779b97f4a7c15)
	number := func(n uint64) {
		hi, lo := bits.Mul64(h^n^0xbf58476d1ce4e5b9, 0x94d049bb133111eb)
		h = hi ^ lo
	}
	for _, s := range []string{string(p.ID), p.Title, p.Image, string(p.Price.Kind), p.Price.Currency} {
		var n uint64
		for i := range len(s) {
			n |= uint64(s[i]) << (8 * (i % 8))
			if i%8 == 7 {
				number(n)
				n = 0
			}
		}
		number(n | uint64(len(s))<<56)
	}
	number(uint64(p.Price.Low))
	number(uint64(p.Price.High))
	number(0)
	return tracker.Fingerprint(h)
}

func TestFingerprintHasWhatIsKnown(t *testing.T) {
	p := tracker.Product{ID: "1", Title: "a"}
	seen := map[tracker.Fingerprint]tracker.Product{p.Fingerprint(): p}
	for _, change := range []func(*tracker.Product){
		func(p *tracker.Product) { p.Availability = tracker.Available },
		func(p *tracker.Product) { p.Availability = tracker.SoldOut },
		func(p *tracker.Product) { p.Variants = 1 },
		func(p *tracker.Product) { p.Variants = 2 },
		func(p *tracker.Product) { p.Price.Market = "DE" },
		func(p *tracker.Product) { p.Price.Tax = "DE" },
		func(p *tracker.Product) { p.Price.Tax = tracker.TaxIncluded },
		func(p *tracker.Product) { p.Availability, p.Variants = tracker.SoldOut, 2 },
	} {
		q := p
		change(&q)
		if other, found := seen[q.Fingerprint()]; found {
			t.Errorf("%+v and %+v have the same fingerprint", q, other)
		}
		seen[q.Fingerprint()] = q
	}
}

func TestMarksStayWhatTheyAre(t *testing.T) {
	p := tracker.Product{
		ID: "45123456789", Title: "腾讯官方 糖大夫 智能血糖仪", URL: "https://detail.tmall.com/item.htm?id=45123456789",
		Image: "https://img.alicdn.com/bao/uploaded/i1/O1CN01.jpg", Price: tracker.Price{Kind: tracker.PriceExact, Low: 29900, Currency: "CNY"},
	}
	if got, want := p.Fingerprint(), tracker.Fingerprint(0xc10fae0e31ff9c87); got != want {
		t.Errorf("Mark = %#x, want %#x", uint64(got), uint64(want))
	}
	r := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		b := make([]byte, r.IntN(30))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}
	for range 2000 {
		p := tracker.Product{
			ID: tracker.ProductID(text()), Title: text(), Image: text(),
			Price: tracker.Price{Kind: tracker.PriceKind(text()), Low: r.Int64(), High: r.Int64(), Currency: text()},
		}
		if got, want := p.Fingerprint(), markOf(&p); got != want {
			t.Fatalf("Mark of %+v = %#x, want %#x", p, uint64(got), uint64(want))
		}
	}
}
