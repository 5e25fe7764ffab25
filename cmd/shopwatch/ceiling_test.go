package main

import (
	"testing"
	"time"

	"shopwatch/tracker"
)

// Pages of scans that are to come, by a clock that was put back since, are none of
// the day's: the storefront would not be read until the clock has caught up.
func TestScansToComeTakeNothingOfTheDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.configure(map[string]any{"browser": map[string]any{"pace": "0s", "page_timeout": "10s", "daily_pages": 20, "flags": w.mall.Flags()}})
	_, db := w.store()
	ahead := &tracker.Scan{Storefront: "tencent", Began: time.Now().AddDate(1, 0, 0), Verdict: tracker.Failed, Reason: "of next year"}
	ahead.Evidence.Opened = 20
	_, err := db.Commit(t.Context(), ahead, tracker.DefaultRules())
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.want(0, "scan")
}
