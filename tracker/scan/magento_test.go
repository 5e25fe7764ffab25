package scan_test

import (
	"strings"
	"testing"

	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/magento"
	"shopwatch/tracker"
)

// A product that Magento hides because it is sold out is unknown to its API, and
// its page stays: it is never gone. One that is deleted is gone at once.
func TestHiddenProductsOfMagento(t *testing.T) {
	shop := magento.Open("hidden.magento.example")
	shop.Choose(`{"store":"en_SA"}`)
	fill(shop, []string{magento.ID(0), magento.ID(1), magento.ID(2)})
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	sh := httpShopper(t)
	s, told := sh.scanShop("magento", shop)
	if s.Verdict != tracker.Complete || len(told) > 0 || s.Evidence.Declared.Products != 233 || s.Evidence.Pages != 3 {
		t.Fatalf("%s (%s), %+v, told %v", s.Verdict, s.Reason, s.Evidence, told)
	}
	kinds := map[tracker.PriceKind]int{}
	for _, p := range s.Products {
		kinds[p.Price.Kind]++
		if !strings.HasSuffix(p.Title, "(en_SA)") || p.Image == "" || p.URL != "https://hidden.magento.example/product-"+string(p.ID)+".html" {
			t.Fatalf("product = %+v", p)
		}
	}
	if kinds[tracker.PriceExact] != 80 || kinds[tracker.PriceFrom] != 77 || kinds[tracker.PriceRange] != 76 {
		t.Errorf("prices of simple, grouped and configurable products: %v", kinds)
	}
	shop.Unlist(magento.ID(0))
	shop.Delete(magento.ID(1))
	for i, want := range []string{"removed " + magento.ID(1) + " gone", "", "removed " + magento.ID(0) + " unlisted"} {
		s, told := sh.scanShop("magento", shop)
		if got := strings.Join(told, ", "); got != want || s.Verdict != tracker.Complete {
			t.Errorf("scan %d: %s (%s), told %q, want %q; %+v", i+1, s.Verdict, s.Reason, got, want, s.Probes)
		}
		for _, p := range s.Probes {
			if p.Product == tracker.ProductID(magento.ID(0)) && !strings.Contains(p.Reason, "sold out and hidden, perhaps") {
				t.Errorf("probe = %+v", p)
			}
		}
	}
	shop.Put(markets.Product{ID: magento.ID(0), Title: "Product 0", Price: "9.90"})
	if _, told := sh.scanShop("magento", shop); strings.Join(told, ", ") != "relisted "+magento.ID(0) {
		t.Errorf("told %v", told)
	}
	for _, soldOut := range []bool{true, false} {
		shop.Put(markets.Product{ID: magento.ID(2), Title: "Product 2", Price: "9.90", SoldOut: soldOut})
		want := map[bool]string{true: "soldout ", false: "restocked "}[soldOut] + magento.ID(2)
		if _, told := sh.scanShop("magento", shop); strings.Join(told, ", ") != want {
			t.Errorf("told %v, want %s", told, want)
		}
	}
	shop.Choose(`{"store":"nowhere"}`)
	if s, told := sh.scanShop("magento", shop); s.Verdict != tracker.Failed || !strings.Contains(s.Reason, "Requested store is not found") || len(told) > 0 {
		t.Errorf("a store view that does not exist: %s (%s), told %v", s.Verdict, s.Reason, told)
	}
}
