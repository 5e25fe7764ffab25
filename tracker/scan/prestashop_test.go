package scan_test

import (
	"strings"
	"testing"

	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/prestashop"
	"shopwatch/tracker"
)

// A product of PrestaShop that is deleted is gone at once. One that left the
// category still has its page, and is removed when enough scans did not list it.
func TestRemovalsOfPrestaShop(t *testing.T) {
	shop := fill(prestashop.Open("removals.prestashop.example"), []string{prestashop.ID(0), prestashop.ID(1), prestashop.ID(2)})
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	sh := httpShopper(t)
	s, told := sh.scanShop("prestashop", shop)
	if s.Verdict != tracker.Complete || len(told) > 0 || s.Evidence.Declared.Products != 37 || s.Evidence.Pages != 4 || s.Evidence.Layout != "from-xhr" {
		t.Fatalf("%s (%s), %+v, told %v", s.Verdict, s.Reason, s.Evidence, told)
	}
	for _, p := range s.Products {
		if !p.Price.Known() || p.Price.Currency != "EUR" || p.Image == "" || p.URL != "https://removals.prestashop.example/home/"+string(p.ID)+"-product-"+string(p.ID)+".html" {
			t.Fatalf("product = %+v", p)
		}
	}
	shop.Unlist(prestashop.ID(0))
	shop.Delete(prestashop.ID(1))
	for i, want := range []string{"removed " + prestashop.ID(1) + " gone", "", "removed " + prestashop.ID(0) + " unlisted"} {
		s, told := sh.scanShop("prestashop", shop)
		if got := strings.Join(told, ", "); got != want || s.Verdict != tracker.Complete {
			t.Errorf("scan %d: %s (%s), told %q, want %q; %+v", i+1, s.Verdict, s.Reason, got, want, s.Probes)
		}
	}
	shop.Put(markets.Product{ID: prestashop.ID(0), Title: "Product 0", Price: "9.90"})
	if _, told := sh.scanShop("prestashop", shop); strings.Join(told, ", ") != "relisted "+prestashop.ID(0) {
		t.Errorf("told %v", told)
	}
}
