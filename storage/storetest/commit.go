package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/tracker"
)

func (e Engine) testCommit(t *testing.T) {
	db := e.Open(t)
	list := Products(300)
	baseline := Complete("tencent", Day, list...)
	if got := Commit(t, db, baseline); got != nil {
		t.Errorf("baseline reported %v, want nothing", Told(got))
	}
	Sound(t, db)

	twice := Complete("oppo", Day, list...)
	twice.Repeated, twice.ReadAs = []tracker.ProductID{list[3].ID, list[5].ID}, 7
	Commit(t, db, twice)
	st, err := db.State(ctx, "oppo")
	if diff := cmp.Diff(tracker.Repeated{Products: twice.Repeated, Scans: 1, Always: 2}, st.Repeated); diff != "" || err != nil || st.ReadAs != 7 {
		t.Errorf("read as %d; what the list repeats differs (-want +got), error %v:\n%s", st.ReadAs, err, diff)
	}

	more := append(list[5:], Product(900))
	more[3].Price.Low++
	s := Complete("tencent", Day.Add(time.Hour), more...)
	s.Probes = []tracker.Probe{{Product: list[0].ID, State: tracker.PageGone, At: Day.Add(time.Hour), URL: "https://detail.tmall.com/auction/noitem.htm", Reason: "noitem"}}
	changes := Commit(t, db, s)
	want := []string{"repriced " + string(more[3].ID), "added " + string(Product(900).ID), "removed " + string(list[0].ID)}
	if diff := cmp.Diff(want, Told(changes)); diff != "" {
		t.Errorf("changes differ (-want +got):\n%s", diff)
	}
	if s.Changes != 3 {
		t.Errorf("Changes = %d, want 3", s.Changes)
	}
	Sound(t, db)

	stored, err := db.Changes(ctx, storage.Query{Limit: 1 << 30})
	if diff := cmp.Diff(changes, stored); diff != "" || err != nil {
		t.Errorf("stored changes differ from those that Commit returned (-returned +stored), error %v:\n%s", err, diff)
	}
	st, err = db.State(ctx, "tencent")
	want2 := tracker.State{
		Baseline: Day, LastScan: s.Began, LastComplete: s.Began, LastVerdict: tracker.Complete, Parser: 1,
		Listed: 300, Removed: 1, Shop: Shop,
	}
	if diff := cmp.Diff(want2, st); diff != "" || err != nil {
		t.Errorf("state differs (-want +got), error %v:\n%s", err, diff)
	}
	got, found, err := db.Scan(ctx, "tencent", s.Began)
	wantScan := *s
	wantScan.Products, wantScan.Probes = nil, nil
	if diff := cmp.Diff(wantScan, got); diff != "" || err != nil || !found {
		t.Errorf("scan differs (-want +got), found %v, error %v:\n%s", found, err, diff)
	}
}

func (e Engine) testScanOfATakenMillisecondMovesOn(t *testing.T) {
	db := e.Open(t)
	for i := range 3 {
		s := Complete("tencent", Day, Products(3)...)
		Commit(t, db, s)
		if want := Day.Add(time.Duration(i) * time.Millisecond); !s.Began.Equal(want) {
			t.Errorf("scan %d began %v, want %v", i, s.Began, want)
		}
	}
	scans, err := db.Scans(ctx, storage.ScanQuery{})
	if len(scans) != 3 || err != nil {
		t.Errorf("Scans gave %d scans, error %v; want 3", len(scans), err)
	}
}

func (e Engine) testScanThatCannotBeStoredIsRefused(t *testing.T) {
	db := e.Open(t)
	for name, s := range map[string]*tracker.Scan{
		"no storefront": Complete("", Day),
		"no time":       Complete("tencent", time.Time{}),
		"no verdict":    {Storefront: "tencent", Began: Day},
		"no id":         Complete("tencent", Day, tracker.Product{Title: "糖大夫"}),
		"zero in id":    Complete("tencent", Day, tracker.Product{ID: "1\x002", Title: "糖大夫"}),
	} {
		if _, err := db.Commit(ctx, s, Rules); err == nil {
			t.Errorf("%s: committed, want an error", name)
		}
	}
	if list, err := db.Storefronts(ctx); len(list) != 0 || err != nil {
		t.Errorf("Storefronts = %v, %v after refused scans; want none", list, err)
	}
}

func (e Engine) testTitlesOfASecondScan(t *testing.T) {
	db := e.Open(t)
	commit := func(scan int, prefix string) (told []string) {
		t.Helper()
		list := Products(6)
		for i := range list {
			list[i].Title = prefix + list[i].Title
		}
		return Told(Commit(t, db, Complete("tencent", Day.Add(time.Duration(scan)*time.Hour), list...)))
	}
	for i, prefix := range []string{"", "Lampe ", "", "Lampe "} {
		if told := commit(i, prefix); len(told) != 0 {
			t.Errorf("scan %d, of other titles once, told %q", i, told)
		}
	}
	if told := commit(4, "Lampe "); len(told) != 6 {
		t.Errorf("the second scan of them told %q, want six", told)
	}
}

func (e Engine) testPreviewIsCommitWithoutWriting(t *testing.T) {
	db := e.Open(t)
	Commit(t, db, Complete("tencent", Day, Products(20)...))
	before := known(t, db)
	s := Complete("tencent", Day.Add(time.Hour), Products(22)[1:]...)
	out, err := db.Preview(ctx, s, Rules)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, known(t, db)); diff != "" {
		t.Errorf("Preview wrote (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(Told(out.Changes), Told(Commit(t, db, s))); diff != "" {
		t.Errorf("Preview and Commit differ (-preview +commit):\n%s", diff)
	}
	if len(out.Missed) != 1 || out.Missed[0].ID != Product(0).ID {
		t.Errorf("Missed = %v, want the first product", out.Missed)
	}
}
