package tracker_test

import (
	"testing"
	"time"

	"shopwatch/tracker"
)

func TestPriorPrice(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC).AddDate(0, 0, n) }
	type prices struct {
		day           int
		before, after int64
	}
	euro := func(n int64) tracker.Price {
		return tracker.Price{Kind: tracker.PriceExact, Low: n, Currency: "EUR"}
	}
	change := func(seq int, p prices) tracker.Change {
		c := tracker.Change{Seq: uint64(seq + 1), Kind: tracker.Repriced, At: day(p.day), Product: &tracker.Product{ID: "1"}, Before: &tracker.Product{ID: "1"}}
		if p.after > 0 {
			c.Product.Price = euro(p.after)
		}
		if p.before > 0 {
			c.Before.Price = euro(p.before)
		}
		return c
	}
	for _, tt := range []struct {
		rule   string
		list   []prices // the last is the one asked about
		change func([]tracker.Change) []tracker.Change
		want   string
	}{
		{"without an earlier change it is the price before", []prices{{0, 300, 200}}, nil, "3.00"},
		{"a rise has none", []prices{{0, 200, 300}}, nil, ""},
		{"a cut after a rise shows what the price was", []prices{{-10, 200, 300}, {0, 300, 250}}, nil, "2.00"},
		{"the new price does not count", []prices{{-10, 200, 300}, {0, 300, 100}}, nil, "2.00"},
		{"a rise thirty days ago counts", []prices{{-30, 200, 300}, {0, 300, 250}}, nil, "2.00"},
		{"a rise thirty-one days ago does not", []prices{{-31, 200, 300}, {0, 300, 250}}, nil, "3.00"},
		{"a price that began before and lasted into the period counts", []prices{{-60, 300, 200}, {-20, 200, 300}, {0, 300, 250}}, nil, "2.00"},
		{"a short cut in between counts", []prices{{-9, 300, 150}, {-8, 150, 300}, {0, 300, 250}}, nil, "1.50"},
		{"what came later does not", []prices{{1, 300, 100}, {0, 300, 250}}, nil, "3.00"},
		{"nor what is unknown", []prices{{-9, 0, 300}, {0, 300, 250}}, nil, "3.00"},
		{"nor another currency", []prices{{-9, 100, 300}, {0, 300, 250}}, func(l []tracker.Change) []tracker.Change {
			l[0].Before.Price.Currency = "USD"
			return l
		}, "3.00"},
		{"nor another basis", []prices{{-9, 100, 300}, {0, 300, 250}}, func(l []tracker.Change) []tracker.Change {
			l[0].Before.Price.Tax = tracker.TaxExcluded
			return l
		}, "3.00"},
		{"nor what was corrected", []prices{{-9, 300, 100}, {0, 300, 250}}, func(l []tracker.Change) []tracker.Change {
			return append(l[:1], tracker.Change{Seq: 9, Kind: tracker.Corrected, Corrects: 1, Product: l[0].Product, Before: l[0].Before}, l[1])
		}, "3.00"},
		{"a change of title is none of a price", []prices{{0, 300, 200}}, func(l []tracker.Change) []tracker.Change {
			l[0].Kind = tracker.Retitled
			return l
		}, ""},
	} {
		var list []tracker.Change
		for i, p := range tt.list {
			list = append(list, change(i, p))
		}
		if tt.change != nil {
			list = tt.change(list)
		}
		got, ok := tracker.PriorPrice(&list[len(list)-1], list)
		if got.String() != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: PriorPrice = %q, %v, want %q", tt.rule, got, ok, tt.want)
		}
	}
}
