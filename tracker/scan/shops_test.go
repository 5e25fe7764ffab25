package scan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/woocommerce"
	"shopwatch/tracker"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/scan"
)

// httpShopper scans simulated shops that are read over HTTP.
func httpShopper(t *testing.T) *shopper {
	t.Helper()
	o, err := fetch.FromFlags(mall.Flags())
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(o)
	t.Cleanup(client.Close)
	return newShopper(t, func(o *scan.Options) { o.HTTP, o.PageTimeout, o.Retries = client, 10*time.Second, 1 })
}

// scanShop scans a simulated shop and returns what it told of products.
func (sh *shopper) scanShop(market string, shop markets.Shop) (*tracker.Scan, []string) {
	sh.t.Helper()
	s, changes := sh.scanStorefront(sh.t.Context(), tracker.Storefront{Name: "s", URL: shop.URL(), Marketplace: market, Options: shop.Options()})
	var told []string
	for _, c := range changes {
		if c.Product != nil {
			told = append(told, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Kind, c.Product.ID, c.Proof)))
		}
	}
	return s, told
}

// A product that a shop hides because it is sold out is never gone. It is
// removed when enough scans did not list it, with the words for it; one that is
// deleted is gone at once; one that is a draft again still answers.
func TestHiddenProductsOfWooCommerce(t *testing.T) {
	shop := fill(woocommerce.Open("hidden.woocommerce.example"), []string{woocommerce.ID(0), woocommerce.ID(1), woocommerce.ID(2), woocommerce.ID(3)})
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	sh := httpShopper(t)
	if s, told := sh.scanShop("woocommerce", shop); s.Verdict != tracker.Complete || len(told) > 0 || s.Evidence.Declared.Products != 234 || s.Evidence.Pages != 3 {
		t.Fatalf("%s (%s), %+v, told %v", s.Verdict, s.Reason, s.Evidence, told)
	}
	shop.Unlist(woocommerce.ID(0))
	shop.Delete(woocommerce.ID(1))
	shop.(*woocommerce.Shop).Draft(woocommerce.ID(2))
	for i, want := range []string{
		"removed " + woocommerce.ID(1) + " gone", "",
		"removed " + woocommerce.ID(0) + " unlisted, removed " + woocommerce.ID(2) + " unlisted",
	} {
		s, told := sh.scanShop("woocommerce", shop)
		if got := strings.Join(told, ", "); got != want || s.Verdict != tracker.Complete {
			t.Errorf("scan %d: %s (%s), told %q, want %q; %+v", i+1, s.Verdict, s.Reason, got, want, s.Probes)
		}
		for _, p := range s.Probes {
			if p.Product == tracker.ProductID(woocommerce.ID(0)) && p.Says != "sold out, hidden by the shop" {
				t.Errorf("probe = %+v", p)
			}
		}
	}
	shop.Put(markets.Product{ID: woocommerce.ID(0), Title: "Product 0", Price: "9.90"})
	if _, told := sh.scanShop("woocommerce", shop); strings.Join(told, ", ") != "relisted "+woocommerce.ID(0) {
		t.Errorf("told %v", told)
	}
}
