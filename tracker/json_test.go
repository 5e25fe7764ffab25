package tracker_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker"
)

func TestProductJSON(t *testing.T) {
	known := tracker.Product{ID: "45123456789", Title: "糖大夫", URL: "https://detail.tmall.com/item.htm?id=45123456789",
		Image: "https://img.alicdn.com/a.jpg", Price: tracker.Price{Kind: tracker.PriceExact, Low: 29900, Currency: "CNY"}}
	hidden := known
	hidden.Price = tracker.Price{Currency: "CNY"}
	gone := known
	gone.Availability, gone.Variants = tracker.SoldOut, 3
	german := known
	german.Price.Basis = tracker.Basis{Market: "DE", Tax: tracker.TaxIncluded}
	yen, dinar := known, known
	yen.Price = tracker.Price{Kind: tracker.PriceExact, Low: 29900, Currency: "JPY"}
	dinar.Price = tracker.Price{Kind: tracker.PriceRange, Low: 5, High: 12500, Currency: "KWD"}
	ranged := known
	ranged.Price = tracker.Price{Kind: tracker.PriceRange, Low: 19900, High: 29900, Currency: "CNY"}
	cases := []struct {
		p    tracker.Product
		want string
	}{
		{known, `"price":"299.00","currency":"CNY"}`},
		{yen, `"price":"29900","currency":"JPY"}`},
		{dinar, `"price":"0.005","currency":"KWD","price_kind":"range","price_high":"12.500"}`},
		{gone, `"price":"299.00","currency":"CNY","availability":"soldout","variants":3}`},
		{german, `"price":"299.00","currency":"CNY","price_market":"DE","price_tax":"included"}`},
		{hidden, `"price":null,"currency":"CNY"}`},
		{ranged, `"price":"199.00","currency":"CNY","price_kind":"range","price_high":"299.00"}`},
	}
	for _, c := range cases {
		b, err := json.Marshal(c.p)
		if err != nil || !strings.HasSuffix(string(b), c.want) {
			t.Errorf("json = %s, %v, want it to end in %s", b, err, c.want)
		}
		var back tracker.Product
		if err := json.Unmarshal(b, &back); err != nil || back != c.p {
			t.Errorf("back = %+v, %v, want %+v", back, err, c.p)
		}
	}
}

func TestScanAndChangeJSONReadBack(t *testing.T) {
	began := time.Date(2026, 11, 22, 9, 0, 0, 123e6, time.UTC)
	s := tracker.Scan{Storefront: "tencent", Began: began, Took: 812 * time.Millisecond, Verdict: tracker.Complete,
		Evidence: tracker.Evidence{Pages: 1, Products: 6, Declared: tracker.Declared{Pages: 1}}}
	b, err := json.Marshal(s)
	want := `{"storefront":"tencent","scan":"2026-11-22T09:00:00.123Z","verdict":"complete","reason":"","products":6,"pages":1,"declared":{"pages":1,"products":0},"took_ms":812,`
	if err != nil || !strings.HasPrefix(string(b), want) {
		t.Errorf("json = %s, %v, want it to begin with %s", b, err, want)
	}
	var back tracker.Scan
	if err := json.Unmarshal(b, &back); err != nil || !back.Began.Equal(began) || back.Evidence.Products != 6 || back.Took != s.Took {
		t.Errorf("back = %+v, %v", back, err)
	}

	cut := tracker.Change{Seq: 8, Kind: tracker.Repriced, At: began, Scan: began, Prior: tracker.Price{Kind: tracker.PriceExact, Low: 1200, Currency: "JPY"},
		Product: &tracker.Product{ID: "1", Price: tracker.Price{Kind: tracker.PriceExact, Low: 900, Currency: "JPY"}}}
	b, err = json.Marshal(cut)
	if err != nil || !strings.HasSuffix(string(b), `,"price_30_days":"1200"}`) {
		t.Errorf("json = %s, %v", b, err)
	}
	var read tracker.Change
	if err := json.Unmarshal(b, &read); err != nil || read.Prior != cut.Prior {
		t.Errorf("back = %+v, %v", read, err)
	}

	c := tracker.Change{Seq: 7, Kind: tracker.Removed, Storefront: "tencent", At: began, Scan: began, Proof: tracker.ProofGone,
		Product: &tracker.Product{ID: "1"}, Probe: &tracker.Probe{Product: "1", State: tracker.PageGone, At: began}}
	b, err = json.Marshal(c)
	if err != nil || !strings.Contains(string(b), `"before":null`) || !strings.HasPrefix(string(b), `{"seq":7,"kind":"removed","storefront":"tencent","at":"2026-11-22T09:00:00.123Z"`) {
		t.Errorf("json = %s, %v", b, err)
	}
	var again tracker.Change
	if err := json.Unmarshal(b, &again); err != nil || again.Probe.State != tracker.PageGone || again.Product.ID != "1" {
		t.Errorf("back = %+v, %v", again, err)
	}
}
