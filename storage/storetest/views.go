package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// seen is a database with products that come, go, return and are missed, walls
// between, and a correction.
func (e Engine) seen(t *testing.T) storage.Store {
	t.Helper()
	s := e.Open(t)
	r := rand.New(rand.NewPCG(3, 4))
	rules := Rules
	important, err := tracker.ParsePattern("第[0-9]*7款")
	if err != nil {
		t.Fatal(err)
	}
	rules.Important = tracker.Patterns{important}
	list := Products(60)
	for i := range list {
		list[i].Title += []string{" 儿童音箱", " Projector MINI", " 遥控笔"}[i%3]
	}
	at := Day
	for i := range 120 {
		at = at.Add(6 * time.Hour)
		name := tracker.StorefrontName([]string{"tencent", "tencent", "oppo"}[i%3])
		shown := slices.Clone(list)
		if i > 2 {
			shown = slices.DeleteFunc(shown, func(tracker.Product) bool { return r.IntN(12) == 0 })
		}
		for range 3 {
			list[r.IntN(len(list))].Price.Low += 100
		}
		list[r.IntN(len(list))].Title += "新"
		scan := Complete(name, at, shown...)
		switch r.IntN(6) {
		case 0:
			scan = Walled(name, at)
		case 1:
			scan = Partial(name, at, shown...)
		}
		changes, err := s.Commit(ctx, scan, rules)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			if c.Product != nil && r.IntN(40) == 0 {
				if _, err := s.Dispute(ctx, c.Seq, "wrong", at.Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	Sound(t, s)
	return s
}

func (e Engine) testOverviews(t *testing.T) {
	s := e.seen(t)
	since := Day.AddDate(0, 0, 10)
	for _, names := range [][]tracker.StorefrontName{nil, {"oppo"}, {"tencent", "nobody", "oppo"}, {}} {
		got, err := s.Overviews(ctx, storage.OverviewQuery{Names: names, Scans: 7, Since: since})
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.Storefronts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var want []storage.Overview
		for _, sf := range all {
			if names != nil && !slices.Contains(names, sf.Name) {
				continue
			}
			o := storage.Overview{Storefront: sf, Changes: map[tracker.Kind]int{}}
			for _, err := range storage.AllSuspects(ctx, s, sf.Name) {
				if err != nil {
					t.Fatal(err)
				}
				o.Suspects++
			}
			if o.Scans, err = s.Scans(ctx, storage.ScanQuery{Storefront: sf.Name, Limit: 7}); err != nil {
				t.Fatal(err)
			}
			changes, err := s.Changes(ctx, storage.Query{Storefront: sf.Name, Since: since, Limit: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range changes {
				o.Changes[c.Kind]++
			}
			if len(changes) == 0 {
				t.Fatalf("%s has no change: the test proves nothing", sf.Name)
			}
			want = append(want, o)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", names, diff)
		}
	}
	got, err := s.Overviews(ctx, storage.OverviewQuery{})
	if err != nil || len(got) != 2 || len(got[0].Scans) > 0 || len(got[0].Changes) > 0 {
		t.Errorf("without scans and changes %+v, %v", got, err)
	}
}

func (e Engine) testTally(t *testing.T) {
	s := e.seen(t)
	shanghai := time.FixedZone("CST", 8*3600)
	for _, zone := range []*time.Location{time.UTC, shanghai} {
		for _, b := range [][2]time.Time{{}, {Day.AddDate(0, 0, 3), Day.AddDate(0, 0, 9)}} {
			changes, err := s.Changes(ctx, storage.Query{Storefront: "tencent", Since: b[0], Until: b[1], Limit: 1 << 20})
			if err != nil || len(changes) == 0 {
				t.Fatalf("%d changes, %v", len(changes), err)
			}
			want := map[string]int{}
			for _, c := range changes {
				want[c.At.In(zone).Format(time.DateOnly)+string(c.Kind)]++
			}
			tally, err := s.Tally(ctx, "tencent", b[0], b[1], zone)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for i, d := range tally {
				if d.Day.Format("15:04:05") != "00:00:00" || i > 0 && !tally[i-1].Day.Before(d.Day) {
					t.Errorf("day %v after %v", d.Day, tally[max(i-1, 0)].Day)
				}
				for k, n := range d.Changes {
					got[d.Day.Format(time.DateOnly)+string(k)] += n
				}
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("Tally in %v (-want +got):\n%s", zone, diff)
			}
		}
	}
}

func (e Engine) testShelf(t *testing.T) {
	s := e.seen(t)
	items, err := s.Products(ctx, "tencent", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	var all []storage.ShelfRow
	for _, it := range items {
		h, err := s.History(ctx, "tencent", it.ID, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, storage.ShelfRow{Item: it, Changes: h})
	}
	for _, q := range []storage.ShelfQuery{
		{}, {Limit: 7}, {Limit: 7, Skip: 50}, {Skip: 500}, {ID: items[3].ID}, {ID: "7"},
		{Order: storage.OrderRemoved}, {Order: storage.OrderTitle}, {Order: storage.OrderPrice},
		{Presence: storage.PresentListed}, {Presence: storage.PresentMissing}, {Presence: storage.PresentRemoved, Order: storage.OrderRemoved},
		{Text: "童音"}, {Text: "projector mini"}, {Text: string(items[3].ID[4:])}, {Text: "笔", Presence: storage.PresentListed, Limit: 5}, {Text: "nothing"},
	} {
		q.Storefront = "tencent"
		var want []storage.ShelfRow
		for _, row := range all {
			missing := row.Listed() && row.Missing > 0
			if q.ID != "" && row.ID != q.ID || q.Text != "" && !storage.Contains(row.Title, row.ID, q.Text) ||
				q.Presence == storage.PresentListed && !row.Listed() || q.Presence == storage.PresentMissing && !missing ||
				q.Presence == storage.PresentRemoved && row.Listed() {
				continue
			}
			want = append(want, row)
		}
		slices.SortFunc(want, func(a, b storage.ShelfRow) int {
			by := 0
			switch q.Order {
			case storage.OrderChanged:
				by = -cmp.Compare(newest(a), newest(b))
			case storage.OrderRemoved:
				by = -a.Removed.Compare(b.Removed)
			case storage.OrderTitle:
				by = cmp.Compare(a.Title, b.Title)
			case storage.OrderPrice:
				by = cmp.Compare(a.Price.Low, b.Price.Low)
			}
			return cmp.Or(by, cmp.Compare(a.ID, b.ID))
		})
		total := len(want)
		want = want[min(q.Skip, total):]
		want = want[:min(storage.PageSize(q.Limit), len(want))]
		got, err := s.Shelf(ctx, q)
		if err != nil || got.Total != total || !got.Exact.IsZero() {
			t.Errorf("%+v: %d of %d in all, exact from %v, %v", q, got.Total, total, got.Exact, err)
		}
		if diff := gocmp.Diff(want, got.Rows, cmpopts.IgnoreFields(storage.ShelfRow{}, "Absences"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", q, diff)
		}
		for _, row := range got.Rows {
			if err := plausible(&row); err != nil {
				t.Errorf("%s: %v", row.ID, err)
			}
		}
	}
	if got, err := s.Shelf(ctx, storage.ShelfQuery{Storefront: "nobody"}); err != nil || got.Total != 0 {
		t.Errorf("Shelf of nobody = %+v, %v", got, err)
	}
}

func newest(r storage.ShelfRow) uint64 {
	if len(r.Changes) == 0 {
		return 0
	}
	return r.Changes[len(r.Changes)-1].Seq
}

// plausible says what absences get wrong that follows from the item.
func plausible(r *storage.ShelfRow) error {
	open := 0
	for i, a := range r.Absences {
		if a.Until.IsZero() {
			open++
		} else if a.Until.Before(a.From) {
			return fmt.Errorf("absence %d ends before it begins", i)
		}
	}
	if shown := r.Listed() && r.Missing == 0; shown == (open > 0) || open > 1 {
		return fmt.Errorf("shown %v, %d absences that last", shown, open)
	}
	return nil
}

// testAbsences: what complete scans did not show is known for ever, also where
// no removal came of it.
func (e Engine) testAbsences(t *testing.T) {
	s := e.Open(t)
	list := Products(4)
	hour := func(n int) time.Time { return Day.Add(time.Duration(n) * time.Hour) }
	row := func() storage.ShelfRow {
		t.Helper()
		shelf, err := s.Shelf(ctx, storage.ShelfQuery{Storefront: "tencent", ID: list[0].ID})
		if err != nil || len(shelf.Rows) != 1 {
			t.Fatalf("Shelf = %+v, %v", shelf, err)
		}
		return shelf.Rows[0]
	}
	expect := func(what string, want ...storage.Absence) {
		t.Helper()
		if diff := gocmp.Diff(want, row().Absences, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		Sound(t, s)
	}
	Commit(t, s, Complete("tencent", hour(0), list...))
	expect("shown")
	Commit(t, s, Partial("tencent", hour(1), list[1:]...))
	expect("a partial scan proves no absence")
	Commit(t, s, Complete("tencent", hour(2), list[1:]...), Complete("tencent", hour(3), list[1:]...))
	expect("missed twice", storage.Absence{From: hour(2)})
	Commit(t, s, Partial("tencent", hour(4), list[0]))
	first := storage.Absence{From: hour(2), Until: hour(4)}
	expect("seen again, if only in part", first)
	scan := Complete("tencent", hour(5), list[1:]...)
	gone(list[:1], scan)
	Commit(t, s, scan)
	expect("removed with proof", first, storage.Absence{From: hour(5)})
	Commit(t, s, Walled("tencent", hour(6)), Complete("tencent", hour(7), list...))
	second := storage.Absence{From: hour(5), Until: hour(7)}
	expect("relisted", first, second)
	scan = Complete("tencent", hour(8), list[1:]...)
	gone(list[:1], scan)
	removed := Commit(t, s, scan)
	if len(removed) != 1 {
		t.Fatalf("changes %v, want one", Told(removed))
	}
	if _, err := s.Dispute(ctx, removed[0].Seq, "it is there", hour(9)); err != nil {
		t.Fatal(err)
	}
	expect("a person has seen it", first, second, storage.Absence{From: hour(8), Until: hour(9)})
}

func (e Engine) testSearch(t *testing.T) {
	s := e.seen(t)
	all, err := s.Changes(ctx, storage.Query{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	found, marked := 0, 0
	for range 300 {
		q := storage.Query{
			Storefront: []tracker.StorefrontName{"", "tencent", "oppo"}[r.IntN(3)],
			Text:       []string{"", "童音", "PROJECTOR", "第7款", "新", "mini新", "nothing", string(Product(5).ID[2:9])}[r.IntN(8)],
			Important:  r.IntN(3) == 0,
			Kinds:      [][]tracker.Kind{nil, {tracker.Removed, tracker.Relisted}, {tracker.Corrected}}[r.IntN(3)],
			Limit:      []int{0, 5, 1000}[r.IntN(3)], Newest: r.IntN(2) == 0,
		}
		if r.IntN(3) == 0 {
			q.After, q.Before = uint64(r.IntN(len(all))), uint64(r.IntN(len(all)))
		}
		if r.IntN(3) == 0 {
			q.Since, q.Until = all[r.IntN(len(all))].At, all[r.IntN(len(all))].At
		}
		var fit []tracker.Change
		for _, c := range all {
			if q.Selects(&c) {
				fit = append(fit, c)
			}
		}
		want := selected(fit, q)
		got, err := s.Changes(ctx, q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if diff := gocmp.Diff(Numbers(want), Numbers(got)); diff != "" {
			t.Fatalf("%+v (-want +got):\n%s", q, diff)
		}
		if q.Text != "" {
			found += len(got)
		}
		if q.Important {
			marked += len(got)
		}
	}
	if found == 0 || marked == 0 {
		t.Errorf("%d changes found by text, %d marked: the test proves nothing", found, marked)
	}
	scans, err := s.Scans(ctx, storage.ScanQuery{Incomplete: true, Limit: 1000})
	if err != nil || len(scans) == 0 {
		t.Errorf("%d scans, %v; want some that are not complete", len(scans), err)
	}
	for _, sc := range scans {
		if sc.Verdict == tracker.Complete {
			t.Errorf("scan %v is complete", sc.Began)
		}
	}
}
