package storetest

import (
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

func (e Engine) testScanRecordsThinOut(t *testing.T) {
	db := e.Open(t)
	list := Products(3)
	at := Day.Truncate(24 * time.Hour)
	Commit(t, db, Complete("tencent", at, list...))
	// Four scans a Day for 100 days; on every tenth Day the first two are
	// walled, and at noon a price changes.
	for i := 1; i < 400; i++ {
		began := at.Add(time.Duration(i) * 6 * time.Hour)
		s := Complete("tencent", began, list...)
		if i/4%10 == 9 && i%4 < 2 {
			s = Walled("tencent", began)
		} else if i/4%10 == 9 && i%4 == 2 {
			list = append([]tracker.Product(nil), list...)
			list[0].Price.Low += 10
			s = Complete("tencent", began, list...)
		}
		Commit(t, db, s)
	}
	Commit(t, db, Complete("oppo", at, list...))
	now := at.AddDate(0, 0, 150)
	n, err := db.ThinScans(ctx, 90*24*time.Hour, now)
	// 60 days are old: 4 of each but those that stay.
	if want := 60*4 - 60; n != want || err != nil {
		t.Errorf("thinned %d, error %v; want %d", n, err, want)
	}
	scans, err := db.Scans(ctx, storage.ScanQuery{Storefront: "tencent", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	days, young, changed := make(map[string]int), 0, 0
	for _, s := range scans {
		if !s.Began.Before(now.AddDate(0, 0, -90)) {
			young++
			continue
		}
		days[s.Began.Format(time.DateOnly)]++
		changed += s.Changes
		if s.Verdict != tracker.Complete {
			t.Errorf("%v stayed though the Day has a complete scan", s.Began)
		}
	}
	if len(days) != 60 || young != 160 || changed != 6 {
		t.Errorf("%d old days, %d young scans, %d changes; want 60, 160, 6", len(days), young, changed)
	}
	if n, err := db.ThinScans(ctx, 90*24*time.Hour, now); n != 0 || err != nil {
		t.Errorf("second time: %d, %v; want nothing", n, err)
	}
	if log, err := db.Changes(ctx, storage.Query{Limit: 1 << 30}); len(log) != 10 || err != nil {
		t.Errorf("%d changes, error %v; want all 10", len(log), err)
	}
	Sound(t, db)
}

// A daemon thins out every hour: each time the days that have become old.
func (e Engine) testScanRecordsAreThinnedDayByDay(t *testing.T) {
	db := e.Open(t)
	list := Products(2)
	thinned := 0
	for hour := range 30 * 24 {
		at := Day.Add(time.Duration(hour) * time.Hour)
		Commit(t, db, Complete("tencent", at, list...))
		n, err := db.ThinScans(ctx, 10*24*time.Hour, at)
		if err != nil {
			t.Fatal(err)
		}
		thinned += n
	}
	all, err := db.Scans(ctx, storage.ScanQuery{Storefront: "tencent", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	perDay := map[string]int{}
	for i := range all {
		perDay[all[i].Began.Format(time.DateOnly)]++
	}
	last := Day.Add((30*24 - 1) * time.Hour)
	for d, n := range perDay {
		began, err := time.Parse(time.DateOnly, d)
		if err != nil {
			t.Fatal(err)
		}
		if old := began.AddDate(0, 0, 1).Before(last.AddDate(0, 0, -10)); old && n != 1 {
			t.Errorf("%s has %d records, want 1", d, n)
		}
	}
	if len(all)+thinned != 30*24 || thinned < 18*23 {
		t.Errorf("%d records, %d thinned", len(all), thinned)
	}
}
