package bolt_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/tracker"
)

func TestCommit(t *testing.T) {
	db := fresh(t)
	list := products(300)
	if got := commit(t, db, whole("tencent", day, list...)); got != nil {
		t.Errorf("baseline reported %v, want nothing", told(got))
	}
	sound(t, db)

	more := append(list[5:], product(900))
	more[3].Price.Low++
	s := whole("tencent", day.Add(time.Hour), more...)
	s.Probes = []tracker.Probe{{Product: list[0].ID, State: tracker.PageGone, At: day.Add(time.Hour), URL: "https://detail.tmall.com/auction/noitem.htm", Reason: "noitem"}}
	changes := commit(t, db, s)
	want := []string{"repriced " + string(more[3].ID), "added " + string(product(900).ID), "removed " + string(list[0].ID)}
	if diff := cmp.Diff(want, told(changes)); diff != "" {
		t.Errorf("changes differ (-want +got):\n%s", diff)
	}
	if s.Changes != 3 {
		t.Errorf("Changes = %d, want 3", s.Changes)
	}
	sound(t, db)

	stored, err := db.Changes(ctx, queryAll)
	if diff := cmp.Diff(changes, stored); diff != "" || err != nil {
		t.Errorf("stored changes differ from those that Commit returned (-returned +stored), error %v:\n%s", err, diff)
	}
	st, err := db.State(ctx, "tencent")
	want2 := tracker.State{
		Baseline: day, LastScan: s.Began, LastComplete: s.Began, LastVerdict: tracker.Complete, Parser: 1,
		Listed: 300, Removed: 1, Shop: shop,
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

func TestScanOfATakenMillisecondMovesOn(t *testing.T) {
	db := fresh(t)
	for i := range 3 {
		s := whole("tencent", day, products(3)...)
		commit(t, db, s)
		if want := day.Add(time.Duration(i) * time.Millisecond); !s.Began.Equal(want) {
			t.Errorf("scan %d began %v, want %v", i, s.Began, want)
		}
	}
	scans, err := db.Scans(ctx, storage.ScanQuery{})
	if len(scans) != 3 || err != nil {
		t.Errorf("Scans gave %d scans, error %v; want 3", len(scans), err)
	}
}

func TestWalledScanWritesOnlyItsRecord(t *testing.T) {
	db := fresh(t)
	commit(t, db, whole("tencent", day, products(50)...))
	before := dump(t, db)
	s := wall("tencent", day.Add(time.Hour))
	commit(t, db, s)
	want := []string{fmt.Sprintf("scans/tencent/%x", be(uint64(s.Began.UnixMilli()))), "storefronts/tencent"}
	if diff := cmp.Diff(want, written(before, dump(t, db))); diff != "" {
		t.Errorf("written keys differ (-want +got):\n%s", diff)
	}
}

func TestScanThatCannotBeStoredIsRefused(t *testing.T) {
	db := fresh(t)
	for name, s := range map[string]*tracker.Scan{
		"no storefront": whole("", day),
		"no time":       whole("tencent", time.Time{}),
		"no verdict":    {Storefront: "tencent", Began: day},
		"no id":         whole("tencent", day, tracker.Product{Title: "糖大夫"}),
		"zero in id":    whole("tencent", day, tracker.Product{ID: "1\x002", Title: "糖大夫"}),
	} {
		if _, err := db.Commit(ctx, s, rules); err == nil {
			t.Errorf("%s: committed, want an error", name)
		}
	}
	if list, err := db.Storefronts(ctx); len(list) != 0 || err != nil {
		t.Errorf("Storefronts = %v, %v after refused scans; want none", list, err)
	}
}

func TestPreviewIsCommitWithoutWriting(t *testing.T) {
	db := fresh(t)
	commit(t, db, whole("tencent", day, products(20)...))
	before := dump(t, db)
	s := whole("tencent", day.Add(time.Hour), products(22)[1:]...)
	out, err := db.Preview(ctx, s, rules)
	if err != nil {
		t.Fatal(err)
	}
	if got := written(before, dump(t, db)); len(got) > 0 {
		t.Errorf("Preview wrote %v", got)
	}
	if diff := cmp.Diff(told(out.Changes), told(commit(t, db, s))); diff != "" {
		t.Errorf("Preview and Commit differ (-preview +commit):\n%s", diff)
	}
	if len(out.Missed) != 1 || out.Missed[0].ID != product(0).ID {
		t.Errorf("Missed = %v, want the first product", out.Missed)
	}
}
