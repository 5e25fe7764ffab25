package tracker_test

import (
	"testing"
	"time"

	"shopwatch/tracker"
)

func TestLastSeenIsAScanThatSawIt(t *testing.T) {
	a, b := tracker.Product{ID: "a", Title: "a"}, tracker.Product{ID: "b", Title: "b"}
	var c tracker.Items
	scan := func(hour int, v tracker.Verdict, products ...tracker.Product) {
		s := &tracker.Scan{Storefront: "x", Began: day0.Add(time.Duration(hour) * time.Hour), Verdict: v, Products: products}
		c.Apply(tracker.Reconcile(&c, s, tracker.DefaultRules()))
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
