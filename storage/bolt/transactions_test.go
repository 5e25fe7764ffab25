package bolt_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/tracker"
)

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

// The changes of a product stand with its item, the older ones in an index.
func TestOlderChangesOfAProductAreInTheIndex(t *testing.T) {
	db := fresh(t)
	list := products(3)
	for i := range 60 {
		list[0].Price.Low += 10
		commit(t, db, whole("tencent", day.Add(time.Duration(i)*time.Hour), list...))
	}
	indexed := 0
	for k := range dump(t, db) {
		if strings.HasPrefix(k, "history/") {
			indexed++
		}
	}
	if all, err := db.Changes(ctx, queryAll); indexed == 0 || indexed == len(all) || err != nil {
		t.Errorf("%d of %d changes are in the index, %v; want some", indexed, len(all), err)
	}
}

func TestLongHistoryOfScansIsThinnedInBatches(t *testing.T) {
	db := fresh(t)
	db.Bolt().NoSync = true
	list := products(2)
	for i := range 12_000 {
		commit(t, db, whole("tencent", day.Add(time.Duration(i)*time.Minute), list...))
	}
	n, err := db.ThinScans(ctx, time.Hour, day.AddDate(1, 0, 0))
	days := 9 // 12,000 minutes from nine o'clock
	if n != 12_000-days || err != nil {
		t.Errorf("thinned %d, error %v; want %d", n, err, 12_000-days)
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
	_, err := storage.NextReports(ctx, db, "analysts", []string{"a@example.com"}, day, 0, func(pending []tracker.Change) []storage.Portion {
		if !picked {
			waits("a report in the making")
		}
		picked = true
		return []storage.Portion{{Take: len(pending), Tell: numbers(pending)}}
	})
	if err != nil || !picked {
		t.Fatal(err)
	}
	sound(t, db)
}
