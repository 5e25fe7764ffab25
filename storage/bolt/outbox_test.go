package bolt_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// everything is a pick that covers and tells all that is pending.
func everything(pending []tracker.Change) (int, []uint64) {
	var all []uint64
	for _, c := range pending {
		all = append(all, c.Seq)
	}
	return len(pending), all
}

// joined is a database with a baseline and two channels behind it.
func joined(t testing.TB) *bolt.DB {
	t.Helper()
	db := fresh(t)
	commit(t, db, whole("tencent", day, products(10)...))
	for _, c := range []string{"analysts", "chat"} {
		if err := db.Join(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// one makes a single report of what pick takes and tells; nil for none.
func one(db *bolt.DB, channel string, to []string, now time.Time, pick func([]tracker.Change) (int, []uint64)) (*tracker.Report, error) {
	made, err := storage.NextReports(ctx, db, channel, to, now, 0, func(pending []tracker.Change) []storage.Portion {
		if take, tell := pick(pending); take != 0 {
			return []storage.Portion{{Take: take, Tell: tell}}
		}
		return nil
	})
	if len(made) == 0 || err != nil {
		return nil, err
	}
	return &made[0], nil
}

func next(t testing.TB, db *bolt.DB, channel string, pick func([]tracker.Change) (int, []uint64)) *tracker.Report {
	t.Helper()
	r, err := one(db, channel, []string{"a@example.com", "b@example.com"}, day, pick)
	if err != nil {
		t.Fatalf("NextReports: %v", err)
	}
	return r
}

func TestEveryChangeIsInOneReportPerChannel(t *testing.T) {
	db := joined(t)
	if r := next(t, db, "analysts", everything); r != nil {
		t.Fatalf("report %+v before any change", r)
	}
	commit(t, db, whole("tencent", day.Add(time.Hour), products(12)...))
	r := next(t, db, "analysts", everything)
	want := &tracker.Report{
		ID: 1, Channel: "analysts", Created: day, First: 1, Last: 2, Changes: []uint64{1, 2},
		Letters: []tracker.Letter{{To: "a@example.com", State: tracker.Waiting}, {To: "b@example.com", State: tracker.Waiting}},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("report differs (-want +got):\n%s", diff)
	}
	if stored, found, err := db.Report(ctx, 1); !found || err != nil || cmp.Diff(*want, stored) != "" {
		t.Errorf("stored report: found %v, error %v, differs:\n%s", found, err, cmp.Diff(*want, stored))
	}
	if r := next(t, db, "analysts", everything); r != nil {
		t.Errorf("second report %+v of the same changes", r)
	}
	if r := next(t, db, "chat", everything); r == nil || r.ID != 2 {
		t.Errorf("the other channel got %+v, want report 2", r)
	}
	sound(t, db)
}

func TestNewChannelStartsAtTheEnd(t *testing.T) {
	db := joined(t)
	commit(t, db, whole("tencent", day.Add(time.Hour), products(12)...))
	for _, c := range []string{"late", "analysts"} { // joining again moves nothing
		if err := db.Join(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if r := next(t, db, "late", everything); r != nil {
		t.Errorf("the late channel got %+v, want nothing", r)
	}
	if r := next(t, db, "analysts", everything); r == nil {
		t.Error("the early channel lost its place")
	}
	if _, err := one(db, "stranger", nil, day, everything); err == nil || !strings.Contains(err.Error(), "never joined") {
		t.Errorf("error %v for a channel that never joined", err)
	}
}

func TestPickDecides(t *testing.T) {
	db := joined(t)
	commit(t, db, whole("tencent", day.Add(time.Hour), products(15)...))
	if r := next(t, db, "analysts", func(p []tracker.Change) (int, []uint64) { return 0, nil }); r != nil {
		t.Errorf("take 0 gave %+v", r)
	}
	if r := next(t, db, "analysts", func(p []tracker.Change) (int, []uint64) { return 1, nil }); r != nil {
		t.Errorf("tell nothing gave %+v", r)
	}
	r := next(t, db, "analysts", func(p []tracker.Change) (int, []uint64) {
		if p[0].Seq != 2 {
			t.Errorf("pending begins with %d, want 2: an empty tell moves the place", p[0].Seq)
		}
		return 3, []uint64{4, 2}
	})
	if r == nil || r.First != 2 || r.Last != 4 || !slices.Equal(r.Changes, []uint64{2, 4}) {
		t.Errorf("report %+v, want 2 and 4 of 2 to 4", r)
	}
	for what, pick := range map[string]func([]tracker.Change) (int, []uint64){
		"more than there is": func(p []tracker.Change) (int, []uint64) { return 5, nil },
		"one not covered":    func(p []tracker.Change) (int, []uint64) { return 1, []uint64{4} },
	} {
		if _, err := one(db, "analysts", nil, day, pick); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	for seq, want := range map[uint64]int{1: 0, 2: 1, 3: 0, 4: 1} {
		if list, err := db.ReportsOf(ctx, seq); len(list) != want || err != nil {
			t.Errorf("ReportsOf(%d) = %v, %v; want %d", seq, list, err, want)
		}
	}
	sound(t, db)
}

func TestLettersUntilDelivered(t *testing.T) {
	db := joined(t)
	commit(t, db, whole("tencent", day.Add(time.Hour), products(11)...))
	next(t, db, "analysts", everything)
	undelivered := func(want int) {
		t.Helper()
		for _, channel := range []string{"analysts", ""} {
			if list, err := db.Reports(ctx, storage.ReportQuery{Channel: channel, With: tracker.Waiting}); len(list) != want || err != nil {
				t.Errorf("Undelivered(%q) = %v, %v; want %d", channel, list, err, want)
			}
		}
		sound(t, db)
	}
	note := func(l tracker.Letter) {
		t.Helper()
		for range 2 { // twice is once
			if err := db.NoteLetter(ctx, 1, l); err != nil {
				t.Fatal(err)
			}
		}
	}
	undelivered(1)
	sent := tracker.Letter{To: "a@example.com", State: tracker.Sent, Attempts: 1, Tried: day, Answer: "250 queued"}
	note(sent)
	undelivered(1)
	note(tracker.Letter{To: "b@example.com", State: tracker.Dead, Attempts: 9, Tried: day, Answer: "550 no such user"})
	undelivered(0)
	if list, err := db.Reports(ctx, storage.ReportQuery{With: tracker.Dead, Since: day}); len(list) != 1 || err != nil {
		t.Errorf("Dead = %v, %v; want the report with the letter to b", list, err)
	}
	if list, err := db.Reports(ctx, storage.ReportQuery{With: tracker.Dead, Since: day.Add(24 * time.Hour)}); len(list) != 0 || err != nil {
		t.Errorf("Dead since the day after = %v, %v; want none", list, err)
	}
	r, _, err := db.Report(ctx, 1)
	if !r.Delivered || err != nil {
		t.Errorf("Delivered = %v, %v; want true", r.Delivered, err)
	}
	// A dead letter may be tried again, one that was sent stays sent.
	note(tracker.Letter{To: "b@example.com", State: tracker.Waiting, Attempts: 9, Unsure: true})
	undelivered(1)
	note(tracker.Letter{To: "a@example.com", State: tracker.Waiting})
	r, _, err = db.Report(ctx, 1)
	if diff := cmp.Diff(sent, r.Letters[0]); diff != "" || err != nil {
		t.Errorf("the sent letter changed (-want +got), error %v:\n%s", err, diff)
	}
	if !r.Letters[1].Unsure {
		t.Error("it is not kept that the outcome of an attempt is not known")
	}
	note(tracker.Letter{To: "b@example.com", State: tracker.Left})
	undelivered(0)
	for what, err := range map[string]error{
		"no report": db.NoteLetter(ctx, 7, sent), "no letter": db.NoteLetter(ctx, 1, tracker.Letter{To: "c@example.com"}),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestReportWithoutRecipientsIsDelivered(t *testing.T) {
	db := joined(t)
	r := &tracker.Report{Channel: "chat", Created: day, About: "heartbeat"}
	if err := db.AddReport(ctx, r); err != nil || r.ID != 1 || !r.Delivered {
		t.Errorf("AddReport: %+v, %v; want report 1, delivered", r, err)
	}
	if list, err := db.Reports(ctx, storage.ReportQuery{Channel: "chat", With: tracker.Waiting}); len(list) != 0 || err != nil {
		t.Errorf("Undelivered = %v, %v; want none", list, err)
	}
	sound(t, db)
}

func TestReportsArePaged(t *testing.T) {
	db := joined(t)
	for i := range 9 {
		r := &tracker.Report{Channel: []string{"analysts", "chat", "chats"}[i%3], Created: day, About: "heartbeat"}
		if err := db.AddReport(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(channel string, after uint64, limit int, newest bool) []uint64 {
		t.Helper()
		list, err := db.Reports(ctx, storage.ReportQuery{Channel: channel, After: after, Limit: limit, Newest: newest})
		if err != nil {
			t.Fatal(err)
		}
		var ids []uint64
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		return ids
	}
	for _, c := range []struct {
		channel string
		after   uint64
		limit   int
		newest  bool
		want    []uint64
	}{
		{"chat", 0, 0, false, []uint64{2, 5, 8}},
		{"chat", 2, 1, false, []uint64{5}},
		{"chat", 2, 0, true, []uint64{8, 5}},
		{"chats", 0, 0, true, []uint64{9, 6, 3}},
		{"", 7, 0, false, []uint64{8, 9}},
		{"", 0, 2, true, []uint64{9, 8}},
		{"nobody", 0, 0, true, nil},
	} {
		if got := ids(c.channel, c.after, c.limit, c.newest); !slices.Equal(got, c.want) {
			t.Errorf("Reports(%q, %d, %d, %v) = %v, want %v", c.channel, c.after, c.limit, c.newest, got, c.want)
		}
	}
}

func TestTwoCallersShareTheLog(t *testing.T) {
	db := joined(t)
	commit(t, db, whole("tencent", day.Add(time.Hour), products(60)...))
	var mu sync.Mutex
	got := make(map[uint64]int)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				r, err := one(db, "chat", nil, day, func(p []tracker.Change) (int, []uint64) { return 1, []uint64{p[0].Seq} })
				if err != nil {
					t.Error(err)
				}
				if r == nil {
					return
				}
				mu.Lock()
				got[r.Changes[0]]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for seq := range uint64(50) {
		if got[seq+1] != 1 {
			t.Errorf("change %d is in %d reports, want 1", seq+1, got[seq+1])
		}
	}
}

func TestChannelNames(t *testing.T) {
	db := fresh(t)
	for _, name := range []string{"", "a\x00b"} {
		if err := db.Join(ctx, name); err == nil {
			t.Errorf("Join(%q) succeeded", name)
		}
	}
	if err := errors.Join(db.Join(ctx, "分析员"), db.Join(ctx, "a b/c")); err != nil {
		t.Error(err)
	}
	all, err := db.Channels(ctx)
	if err != nil || len(all) != 2 || all[0].Name != "a b/c" || all[1].Name != "分析员" {
		t.Errorf("Channels = %+v, %v; want both, by name", all, err)
	}
}
