package market_test

import (
	"testing"

	"shopwatch/tracker/market"
)

func TestGateOf(t *testing.T) {
	shared, own := &market.Market{Name: "mall"}, &market.Market{Name: "platform", Gate: market.HostGate}
	for _, tt := range []struct {
		m             *market.Market
		address, want string
	}{
		{shared, "https://a.mall.example/", "mall"},
		{shared, "https://b.mall.example/", "mall"},
		{own, "https://shop.example/", "shop.example"},
		{own, "https://www.Shop.example/collections/pens?country=DE", "shop.example"},
		{own, "http://shop.example:8080/", "shop.example:8080"},
		{own, "https://other.example/", "other.example"},
		{own, "no address", "platform"},
	} {
		if got := tt.m.GateOf(tt.address); got != tt.want {
			t.Errorf("gate of %s at %s = %q, want %q", tt.m.Name, tt.address, got, tt.want)
		}
	}
}
