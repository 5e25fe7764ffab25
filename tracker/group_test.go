package tracker_test

import (
	"strings"
	"testing"
	"time"

	"shopwatch/tracker"
)

func TestLowest(t *testing.T) {
	offer := func(name, price string) tracker.Offer {
		o := tracker.Offer{Storefront: tracker.StorefrontName(name)}
		amount, rest, _ := strings.Cut(price, " ")
		currency, basis, _ := strings.Cut(rest, " ")
		if low, ok := tracker.ParseMinor(amount, currency); ok {
			o.Item.Price = tracker.Price{Kind: tracker.PriceExact, Low: low, Currency: currency, Basis: tracker.Basis{Tax: tracker.Tax(basis)}}
		}
		return o
	}
	soldOut, removed := offer("c", "1 EUR"), offer("d", "1 EUR")
	soldOut.Item.Availability = tracker.SoldOut
	removed.Item.Removed = time.Unix(1, 0)
	for _, tt := range []struct {
		rule   string
		offers []tracker.Offer
		want   string
	}{
		{"the lowest wins", []tracker.Offer{offer("a", "12 EUR"), offer("b", "11.99 EUR")}, "b"},
		{"two may have it", []tracker.Offer{offer("a", "12 EUR"), offer("b", "12 EUR"), offer("c", "13 EUR")}, "a b"},
		{"unlike currencies are not compared", []tracker.Offer{offer("a", "12 EUR"), offer("b", "1400 JPY"), offer("c", "1300 JPY")}, "a c"},
		{"nor prices of unlike basis", []tracker.Offer{offer("a", "12 EUR included"), offer("b", "10.08 EUR excluded"), offer("c", "11 EUR included")}, "b c"},
		{"what cannot be bought does not count", []tracker.Offer{offer("a", "12 EUR"), offer("b", ""), soldOut, removed}, "a"},
		{"nothing to buy", []tracker.Offer{soldOut, removed}, ""},
	} {
		var got []string
		for _, o := range tracker.Lowest(tt.offers) {
			got = append(got, string(o.Storefront))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.rule, got, tt.want)
		}
	}
}

func TestProductKey(t *testing.T) {
	for text, want := range map[string]tracker.ProductKey{
		"tencent/45123456789":          {Storefront: "tencent", ID: "45123456789"},
		"acme/https://acme.example/a?": {Storefront: "acme", ID: "https://acme.example/a?"},
	} {
		var k tracker.ProductKey
		if err := k.UnmarshalText([]byte(text)); err != nil || k != want || k.String() != text {
			t.Errorf("%s is read as %+v, %v", text, k, err)
		}
	}
	for _, text := range []string{"", "tencent", "tencent/", "/45123456789"} {
		var k tracker.ProductKey
		if err := k.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %+v, want an error", text, k)
		}
	}
}
