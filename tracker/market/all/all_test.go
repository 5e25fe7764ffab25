package all_test

import (
	"testing"

	"shopwatch/tracker/market/all"
)

// A marketplace is one website with many sellers; a platform is many websites.
func TestEveryShopOfAPlatformHasAGateOfItsOwn(t *testing.T) {
	for _, m := range all.Markets() {
		want := m.Name
		switch m.Name {
		case "shopify", "woocommerce", "magento", "prestashop", "pages":
			want = "shop.example"
		}
		if got := m.GateOf("https://www.shop.example/en/"); got != want {
			t.Errorf("a storefront of %s has the gate %q, want %q", m.Name, got, want)
		}
	}
}
