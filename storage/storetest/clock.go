package storetest

import (
	"slices"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// The clock steps forth and back by years while scans are committed. Nothing is
// lost, told twice or out of its place in the log, whatever the times say.
func (e Engine) testClockSteps(t *testing.T) {
	db := e.Open(t)
	if err := db.Join(ctx, "analysts"); err != nil {
		t.Fatal(err)
	}
	list := Products(4)
	years := []int{0, 0, 5, -3, 0, -50, 20, 0}
	var scans []time.Time
	var told []uint64
	for i, year := range years {
		list[0].Price.Low += 10
		s := Complete("tencent", Day.AddDate(year, 0, i), list...)
		for _, c := range Commit(t, db, s) {
			told = append(told, c.Seq)
		}
		scans = append(scans, s.Began)
		if st, err := db.State(ctx, "tencent"); err != nil || !st.LastScan.Equal(s.Began) || !st.LastComplete.Equal(s.Began) {
			t.Errorf("after a scan at %v the state is %+v, error %v", s.Began, st, err)
		}
		Sound(t, db)
	}
	if want := []uint64{1, 2, 3, 4, 5, 6, 7}; !slices.Equal(told, want) {
		t.Errorf("changes %v, want %v", told, want)
	}
	log, err := db.Changes(ctx, storage.Query{Limit: 1 << 30})
	if err != nil || !slices.Equal(Numbers(log), told) {
		t.Errorf("the log has %v, error %v; want %v", Numbers(log), err, told)
	}
	for i := range log { // each is found by its own time, and no other
		got, err := db.Changes(ctx, storage.Query{Since: log[i].At, Until: log[i].At.Add(time.Millisecond)})
		if err != nil || len(got) != 1 || got[0].Seq != log[i].Seq {
			t.Errorf("changes at %v: %v, error %v; want %d", log[i].At, Numbers(got), err, log[i].Seq)
		}
	}
	all, err := db.Scans(ctx, storage.ScanQuery{Storefront: "tencent"})
	if err != nil || len(all) != len(scans) {
		t.Fatalf("%d scans, error %v; want %d", len(all), err, len(scans))
	}
	if !slices.IsSortedFunc(all, func(a, b tracker.Scan) int { return b.Began.Compare(a.Began) }) {
		t.Error("scans are not listed newest first")
	}
	r, err := one(db, "analysts", []string{"a@example.com"}, Day.AddDate(-9, 0, 0), func(pending []tracker.Change) (int, []uint64) {
		return len(pending), Numbers(pending)
	})
	if err != nil || r == nil || !slices.Equal(r.Changes, told) {
		t.Fatalf("report %+v, error %v; want all changes", r, err)
	}

	// Also by a clock that is far ahead the only scan of a day stays.
	if _, err := db.ThinScans(ctx, 90*24*time.Hour, Day.AddDate(30, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if left, err := db.Scans(ctx, storage.ScanQuery{Storefront: "tencent"}); err != nil || len(left) != len(scans) {
		t.Errorf("%d scans are left, error %v; want all, each is the only one of its day", len(left), err)
	}
	if _, err := db.ThinScans(ctx, 90*24*time.Hour, Day.AddDate(-60, 0, 0)); err != nil {
		t.Fatal(err)
	}
	Sound(t, db)
}
