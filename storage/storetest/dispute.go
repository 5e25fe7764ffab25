package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// change finds the change of a kind.
func change(t testing.TB, list []tracker.Change, k tracker.Kind) tracker.Change {
	t.Helper()
	for _, c := range list {
		if c.Kind == k {
			return c
		}
	}
	t.Fatalf("no %s change in %v", k, Told(list))
	return tracker.Change{}
}

func dispute(t testing.TB, db storage.Store, seq uint64) tracker.Change {
	t.Helper()
	c, err := db.Dispute(ctx, seq, " seen in the shop myself\n", Day.AddDate(0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	stored, _, err := db.Change(ctx, c.Seq)
	if diff := cmp.Diff(c, stored); diff != "" || err != nil {
		t.Errorf("the corrected change was stored otherwise (%v):\n%s", err, diff)
	}
	if c.Kind != tracker.Corrected || c.Corrects != seq || c.Reason != "seen in the shop myself" || c.Product == nil {
		t.Errorf("corrected change %+v", c)
	}
	Sound(t, db)
	return c
}

func gone(list []tracker.Product, s *tracker.Scan) *tracker.Scan {
	for _, p := range list {
		s.Probes = append(s.Probes, tracker.Probe{Product: p.ID, State: tracker.PageGone, At: s.Began, URL: p.URL})
	}
	return s
}

func (e Engine) testDispute(t *testing.T) {
	list := Products(10)
	at := func(h int) time.Time { return Day.Add(time.Duration(h) * time.Hour) }
	item := func(t *testing.T, db storage.Store, p tracker.Product) (tracker.Item, bool) {
		t.Helper()
		it, found, err := db.Product(ctx, "tencent", p.ID)
		if err != nil {
			t.Fatal(err)
		}
		return it, found
	}
	t.Run("a wrong removal: the product is listed again", func(t *testing.T) {
		db := e.Open(t)
		c := change(t, Commit(t, db, Complete("tencent", at(0), list...), gone(list[:1], Complete("tencent", at(1), list[1:]...))), tracker.Removed)
		dispute(t, db, c.Seq)
		if it, _ := item(t, db, list[0]); !it.Listed() || it.Missing != 0 {
			t.Errorf("item %+v, want it listed", it)
		}
		if got := Commit(t, db, Complete("tencent", at(2), list...)); got != nil {
			t.Errorf("the next scan reports %v, want nothing", Told(got))
		}
		got := Commit(t, db, gone(list[:1], Complete("tencent", at(3), list[1:]...)))
		if diff := cmp.Diff([]string{"removed " + string(list[0].ID)}, Told(got)); diff != "" {
			t.Errorf("a later removal (-want +got):\n%s", diff)
		}
		Sound(t, db)
	})
	t.Run("a wrong removal that is still missing is not listed for ever", func(t *testing.T) {
		db := e.Open(t)
		c := change(t, Commit(t, db, Complete("tencent", at(0), list...), gone(list[:1], Complete("tencent", at(1), list[1:]...))), tracker.Removed)
		dispute(t, db, c.Seq)
		got := Commit(t, db, gone(list[:1], Complete("tencent", at(2), list[1:]...)))
		if diff := cmp.Diff([]string{"removed " + string(list[0].ID)}, Told(got)); diff != "" {
			t.Errorf("the next removal (-want +got):\n%s", diff)
		}
	})
	t.Run("a wrong addition is taken out", func(t *testing.T) {
		db := e.Open(t)
		c := change(t, Commit(t, db, Complete("tencent", at(0), list[1:]...), Complete("tencent", at(1), list...)), tracker.Added)
		dispute(t, db, c.Seq)
		if it, found := item(t, db, list[0]); found {
			t.Errorf("item %+v, want none", it)
		}
		if got := Commit(t, db, Complete("tencent", at(2), list[1:]...)); got != nil {
			t.Errorf("the next scan reports %v, want nothing", Told(got))
		}
		if h, err := db.History(ctx, "tencent", list[0].ID, 0, 0); len(h) != 2 || err != nil {
			t.Errorf("history %v, %v; want added and corrected", Told(h), err)
		}
	})
	t.Run("a wrong return is taken back", func(t *testing.T) {
		db := e.Open(t)
		all := Commit(t, db, Complete("tencent", at(0), list...), gone(list[:1], Complete("tencent", at(1), list[1:]...)), Complete("tencent", at(2), list...))
		removed, relisted := change(t, all, tracker.Removed), change(t, all, tracker.Relisted)
		dispute(t, db, relisted.Seq)
		if it, _ := item(t, db, list[0]); !it.Removed.Equal(removed.At) {
			t.Errorf("item %+v, want it removed %v", it, removed.At)
		}
		if got := Commit(t, db, Complete("tencent", at(3), list[1:]...)); got != nil {
			t.Errorf("the next scan reports %v, want nothing", Told(got))
		}
	})
	t.Run("a wrong price, title, picture or availability is as before", func(t *testing.T) {
		db := e.Open(t)
		list := slices.Clone(list)
		list[3].Availability, list[4].Availability = tracker.Available, tracker.SoldOut
		now := slices.Clone(list)
		now[3].Availability, now[4].Availability = tracker.SoldOut, tracker.Available
		now[0].Price.Low += 50
		now[1].Title = "补差价"
		now[2].Image = "https://img.alicdn.com/wrong.jpg"
		all := Commit(t, db, Complete("tencent", at(0), list...), Complete("tencent", at(1), now...))
		if len(all) != 5 {
			t.Fatalf("changes %v, want 5", Told(all))
		}
		for i, c := range all {
			fixed := dispute(t, db, c.Seq)
			if diff := cmp.Diff(list[i], *fixed.Product); diff != "" {
				t.Errorf("corrected to (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.Product, fixed.Before); diff != "" {
				t.Errorf("corrected from (-want +got):\n%s", diff)
			}
		}
		if got := Commit(t, db, Complete("tencent", at(2), list...)); got != nil {
			t.Errorf("the next scan reports %v, want nothing", Told(got))
		}
	})
	t.Run("what was learnt later stays", func(t *testing.T) {
		db := e.Open(t)
		now := append([]tracker.Product(nil), list...)
		now[0].Price.Low += 50
		all := Commit(t, db, Complete("tencent", at(0), list...), Complete("tencent", at(1), now...))
		now = append([]tracker.Product(nil), now...)
		now[0].Price.Low += 50
		Commit(t, db, Complete("tencent", at(2), now...))
		fixed := dispute(t, db, all[0].Seq)
		if it, _ := item(t, db, list[0]); it.Price != now[0].Price || fixed.Product.Price != now[0].Price {
			t.Errorf("price %v, corrected to %v; want %v", it.Price, fixed.Product.Price, now[0].Price)
		}
	})
	t.Run("what cannot be disputed", func(t *testing.T) {
		db := e.Open(t)
		all := Commit(t, db, Complete("tencent", at(0), list[1:]...), Complete("tencent", at(1), list...), Walled("tencent", at(2)), Walled("tencent", at(3)), Walled("tencent", at(4)))
		fixed := dispute(t, db, change(t, all, tracker.Added).Seq)
		for seq, want := range map[uint64]string{
			0: "no such change", 99: "no such change", change(t, all, tracker.Stalled).Seq: "of kind stalled",
			fixed.Seq: "of kind corrected", fixed.Corrects: "corrected already, by change 3",
		} {
			if _, err := db.Dispute(ctx, seq, "", at(9)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Dispute(%d): error %v, want %q", seq, err, want)
			}
		}
	})
}
