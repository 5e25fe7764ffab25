package storetest

import (
	"fmt"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// Fill gives an empty store the storefront tencent with six products, of which
// one was removed with proof, one was repriced, and one is missing without proof.
// Its scans are an hour apart; the first began at the given time.
func Fill(t testing.TB, s storage.Store, began time.Time) {
	t.Helper()
	commit := func(i int, probes []tracker.Probe, products ...tracker.Product) {
		t.Helper()
		scan := &tracker.Scan{
			Storefront: "tencent", Began: began.Add(time.Duration(i) * time.Hour), Took: time.Second, Verdict: tracker.Complete,
			Products: products, Probes: probes, Evidence: tracker.Evidence{Pages: 1, Products: len(products), Declared: tracker.Declared{Pages: 1}, Parser: 1},
		}
		if _, err := s.Commit(ctx, scan, tracker.DefaultRules()); err != nil {
			t.Fatal(err)
		}
	}
	p := func(n int, fen int64) tracker.Product {
		return tracker.Product{
			ID: tracker.ProductID(fmt.Sprint("4512345678", n)), Title: fmt.Sprint("糖大夫 血糖仪 ", n), URL: "https://detail.tmall.com/item.htm?id=1",
			Price: tracker.Price{Kind: tracker.PriceExact, Low: fen, Currency: "CNY"},
		}
	}
	commit(0, nil, p(1, 100), p(2, 200), p(3, 300), p(4, 400), p(5, 500), p(6, 600))
	name, err := s.KeepEvidence(ctx, []byte("a picture"), "webp")
	if err != nil {
		t.Fatal(err)
	}
	gone := tracker.Probe{Product: p(1, 0).ID, State: tracker.PageGone, At: began, URL: "https://detail.tmall.com/", Picture: name}
	commit(1, []tracker.Probe{gone}, p(2, 200), p(3, 300), p(4, 400), p(5, 555), p(6, 600))
	commit(2, nil, p(3, 300), p(4, 400), p(5, 555), p(6, 600))
}
