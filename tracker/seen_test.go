package tracker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker"
)

func TestLastSeenIsAScanThatSawIt(t *testing.T) {
	a, b := tracker.Product{ID: "a", Title: "a"}, tracker.Product{ID: "b", Title: "b"}
	var c tracker.Items
	scan := func(hour int, v tracker.Verdict, products ...tracker.Product) {
		s := &tracker.Scan{Storefront: "x", Began: day0.Add(time.Duration(hour) * time.Hour), Verdict: v, Products: products}
		c.Apply(c.Reconcile(s, tracker.DefaultRules()))
	}
	scan(0, tracker.Complete, a, b)
	scan(1, tracker.Complete, b)
	scan(2, tracker.Partial, a) // seen again, in a scan that is not complete
	scan(3, tracker.Complete, b)
	if got, want := c.Item("a").LastSeen, day0.Add(2*time.Hour); !got.Equal(want) {
		t.Errorf("LastSeen = %v, want %v", got, want)
	}
	scan(4, tracker.Complete, a, b)
	scan(5, tracker.Complete, a, b)
	scan(6, tracker.Complete, b)
	if got, want := c.Item("a").LastSeen, day0.Add(5*time.Hour); !got.Equal(want) {
		t.Errorf("LastSeen = %v, want %v", got, want)
	}
}

func TestProductListedTwiceCountsAtItsLastPlace(t *testing.T) {
	at := func(id tracker.ProductID, fen int64) tracker.Product {
		return tracker.Product{ID: id, Title: "糖大夫", Price: tracker.Price{Kind: tracker.PriceExact, Low: fen, Currency: "CNY"}}
	}
	var c tracker.Items
	hour := 0
	scan := func(products ...tracker.Product) (told []string) {
		hour++
		s := &tracker.Scan{Storefront: "x", Began: day0.Add(time.Duration(hour) * time.Hour), Verdict: tracker.Complete, Products: products}
		o := c.Reconcile(s, tracker.DefaultRules())
		c.Apply(o)
		for _, ch := range o.Changes {
			told = append(told, fmt.Sprintf("%s %s %d", ch.Kind, ch.Product.ID, ch.Product.Price.Low))
		}
		return told
	}
	a, b := at("a", 100), at("b", 100)
	for _, tt := range []struct {
		name     string
		products []tracker.Product
		want     string
	}{
		{"the baseline", []tracker.Product{a, b}, ""},
		{"twice the same", []tracker.Product{a, b, a}, ""},
		{"first as known, then another price", []tracker.Product{a, b, at("a", 120)}, "repriced a 120"},
		{"first another price, then as known", []tracker.Product{a, b, at("a", 120)}, ""},
		{"two other prices", []tracker.Product{at("a", 130), b, at("a", 140)}, "repriced a 140"},
		{"a new one at two prices", []tracker.Product{at("a", 140), at("c", 1), b, at("c", 2)}, "added c 2"},
		{"a new one before and after", []tracker.Product{at("d", 1), at("a", 140), b, at("c", 2), at("d", 1)}, "added d 1"},
	} {
		if got := strings.Join(scan(tt.products...), ", "); got != tt.want {
			t.Errorf("%s: told %q, want %q", tt.name, got, tt.want)
		}
	}
}
