package bolt_test

import (
	"slices"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// The clock steps forth and back by years while scans are committed. Nothing is
// lost, told twice or out of its place in the log, whatever the times say.
func TestClockSteps(t *testing.T) {
	db := fresh(t)
	if err := db.Join(ctx, "analysts"); err != nil {
		t.Fatal(err)
	}
	list := products(4)
	years := []int{0, 0, 5, -3, 0, -50, 20, 0}
	var scans []time.Time
	var told []uint64
	for i, year := range years {
		list[0].Price.Low += 10
		s := whole("tencent", day.AddDate(year, 0, i), list...)
		for _, c := range commit(t, db, s) {
			told = append(told, c.Seq)
		}
		scans = append(scans, s.Began)
		if st, err := db.State(ctx, "tencent"); err != nil || !st.LastScan.Equal(s.Began) || !st.LastComplete.Equal(s.Began) {
			t.Errorf("after a scan at %v the state is %+v, error %v", s.Began, st, err)
		}
		sound(t, db)
	}
	if want := []uint64{1, 2, 3, 4, 5, 6, 7}; !slices.Equal(told, want) {
		t.Errorf("changes %v, want %v", told, want)
	}
	log, err := db.Changes(ctx, queryAll)
	if err != nil || !slices.Equal(numbers(log), told) {
		t.Errorf("the log has %v, error %v; want %v", numbers(log), err, told)
	}
	for i := range log { // each is found by its own time, and no other
		got, err := db.Changes(ctx, storage.Query{Since: log[i].At, Until: log[i].At.Add(time.Millisecond)})
		if err != nil || len(got) != 1 || got[0].Seq != log[i].Seq {
			t.Errorf("changes at %v: %v, error %v; want %d", log[i].At, numbers(got), err, log[i].Seq)
		}
	}
	all, err := db.Scans(ctx, storage.ScanQuery{Storefront: "tencent"})
	if err != nil || len(all) != len(scans) {
		t.Fatalf("%d scans, error %v; want %d", len(all), err, len(scans))
	}
	if !slices.IsSortedFunc(all, func(a, b tracker.Scan) int { return b.Began.Compare(a.Began) }) {
		t.Error("scans are not listed newest first")
	}
	r, err := one(db, "analysts", []string{"a@example.com"}, day.AddDate(-9, 0, 0), func(pending []tracker.Change) (int, []uint64) {
		return len(pending), numbers(pending)
	})
	if err != nil || r == nil || !slices.Equal(r.Changes, told) {
		t.Fatalf("report %+v, error %v; want all changes", r, err)
	}

	// Also by a clock that is far ahead the only scan of a day stays.
	if _, err := db.ThinScans(ctx, 90*24*time.Hour, day.AddDate(30, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if left, err := db.Scans(ctx, storage.ScanQuery{Storefront: "tencent"}); err != nil || len(left) != len(scans) {
		t.Errorf("%d scans are left, error %v; want all, each is the only one of its day", len(left), err)
	}
	if _, err := db.ThinScans(ctx, 90*24*time.Hour, day.AddDate(-60, 0, 0)); err != nil {
		t.Fatal(err)
	}
	sound(t, db)
}

// Whoever reads a list page by page, or waits between two calls, keeps nothing
// open: a reader that sleeps makes the file grow with every commit.
func TestNothingIsOpenWhileSomebodyWaits(t *testing.T) {
	db := fresh(t)
	if err := db.Join(ctx, "analysts"); err != nil {
		t.Fatal(err)
	}
	list := products(300)
	commit(t, db, whole("tencent", day, list[:100]...), whole("tencent", day.Add(time.Hour), list...))
	hour := 2
	waits := func(what string) {
		t.Helper()
		if n := db.Bolt().Stats().OpenTxN; n != 0 {
			t.Errorf("%s: %d transactions are open", what, n)
		}
		hour++
		list[hour].Price.Low += 10
		if got := commit(t, db, whole("tencent", day.Add(time.Duration(hour)*time.Hour), list...)); len(got) != 1 {
			t.Errorf("%s: a commit meanwhile brings %v, want one change", what, got)
		}
	}
	var after tracker.ProductID
	for seen := 0; seen < len(list); {
		page, err := db.Products(ctx, "tencent", after, 70)
		if err != nil || len(page) == 0 {
			t.Fatalf("%d products, error %v", len(page), err)
		}
		seen, after = seen+len(page), page[len(page)-1].ID
		waits("products")
	}
	for seq := uint64(0); seq < 200; {
		page, err := db.Changes(ctx, storage.Query{After: seq, Limit: 70})
		if err != nil || len(page) == 0 {
			t.Fatalf("%d changes, error %v", len(page), err)
		}
		seq = page[len(page)-1].Seq
		waits("changes")
	}
	for before := day.AddDate(1, 0, 0); ; {
		page, err := db.Scans(ctx, storage.ScanQuery{Before: storage.ScanPlace{Began: before}, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) < 2 {
			break
		}
		before = page[1].Began
		waits("scans")
	}
	if _, err := db.History(ctx, "tencent", list[0].ID, 0, 1); err != nil {
		t.Fatal(err)
	}
	waits("history")
	if _, err := db.CheckEvidence(ctx, 1<<20); err != nil {
		t.Fatal(err)
	}
	waits("evidence")
	picked := false
	_, err := one(db, "analysts", []string{"a@example.com"}, day, func(pending []tracker.Change) (int, []uint64) {
		if !picked {
			waits("a report in the making")
		}
		picked = true
		return len(pending), numbers(pending)
	})
	if err != nil || !picked {
		t.Fatal(err)
	}
	sound(t, db)
}
