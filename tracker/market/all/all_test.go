package all_test

import (
	"strings"
	"testing"

	"shopwatch/tracker"
	"shopwatch/tracker/market/all"
)

// Addresses tell the marketplace where they can. Where not, the user is told what
// to write.
func TestFind(t *testing.T) {
	markets := all.Markets()
	for address, want := range map[string]string{
		"https://tencent.tmall.com/": "tmall", "https://lamps.myshopify.com/": "shopify", "https://shop.example/": "",
	} {
		m, err := markets.Find(address)
		switch {
		case want == "" && (err == nil || !strings.Contains(err.Error(), "write marketplace: with one of "+strings.Join(markets.Names(), ", "))):
			t.Errorf("%s: %v", address, err)
		case want != "" && (err != nil || m.Name != want):
			t.Errorf("%s: %v, %v, want %s", address, m, err, want)
		}
	}
	for _, name := range []string{"shopify", "woocommerce"} {
		m, sf, err := markets.Open(tracker.Storefront{URL: "https://shop.example/", Marketplace: name})
		if err != nil || m.Name != name || !sf.Home("www.shop.example") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
