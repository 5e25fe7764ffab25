package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
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
func (e Engine) joined(t testing.TB) storage.Store {
	t.Helper()
	db := e.Open(t)
	Commit(t, db, Complete("tencent", Day, Products(10)...))
	for _, c := range []string{"analysts", "chat"} {
		if err := db.Join(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// one makes a single report of what pick takes and tells; nil for none.
func one(db storage.Store, channel string, to []string, now time.Time, pick func([]tracker.Change) (int, []uint64)) (*tracker.Report, error) {
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

func next(t testing.TB, db storage.Store, channel string, pick func([]tracker.Change) (int, []uint64)) *tracker.Report {
	t.Helper()
	r, err := one(db, channel, []string{"a@example.com", "b@example.com"}, Day, pick)
	if err != nil {
		t.Fatalf("NextReports: %v", err)
	}
	return r
}

func (e Engine) testEveryChangeIsInOneReportPerChannel(t *testing.T) {
	db := e.joined(t)
	if r := next(t, db, "analysts", everything); r != nil {
		t.Fatalf("report %+v before any change", r)
	}
	Commit(t, db, Complete("tencent", Day.Add(time.Hour), Products(12)...))
	r := next(t, db, "analysts", everything)
	want := &tracker.Report{
		ID: 1, Channel: "analysts", Created: Day, First: 1, Last: 2, Changes: []uint64{1, 2},
		Deliveries: []tracker.Delivery{{To: "a@example.com", State: tracker.Waiting}, {To: "b@example.com", State: tracker.Waiting}},
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
	Sound(t, db)
}

func (e Engine) testPickDecides(t *testing.T) {
	db := e.joined(t)
	Commit(t, db, Complete("tencent", Day.Add(time.Hour), Products(15)...))
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
		if _, err := one(db, "analysts", nil, Day, pick); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	for seq, want := range map[uint64]int{1: 0, 2: 1, 3: 0, 4: 1} {
		if list, err := db.ReportsOf(ctx, seq); len(list) != want || err != nil {
			t.Errorf("ReportsOf(%d) = %v, %v; want %d", seq, list, err, want)
		}
	}
	Sound(t, db)
}

func (e Engine) testDeliveriesUntilDelivered(t *testing.T) {
	db := e.joined(t)
	Commit(t, db, Complete("tencent", Day.Add(time.Hour), Products(11)...))
	next(t, db, "analysts", everything)
	undelivered := func(want int) {
		t.Helper()
		for _, channel := range []string{"analysts", ""} {
			if list, err := db.Reports(ctx, storage.ReportQuery{Channel: channel, With: tracker.Waiting}); len(list) != want || err != nil {
				t.Errorf("Undelivered(%q) = %v, %v; want %d", channel, list, err, want)
			}
		}
		Sound(t, db)
	}
	note := func(l tracker.Delivery) {
		t.Helper()
		for range 2 { // twice is once
			if err := db.NoteDelivery(ctx, 1, l); err != nil {
				t.Fatal(err)
			}
		}
	}
	undelivered(1)
	sent := tracker.Delivery{To: "a@example.com", State: tracker.Sent, Attempts: 1, Tried: Day, Answer: "250 queued"}
	note(sent)
	undelivered(1)
	note(tracker.Delivery{To: "b@example.com", State: tracker.Dead, Attempts: 9, Tried: Day, Answer: "550 no such user"})
	undelivered(0)
	if list, err := db.Reports(ctx, storage.ReportQuery{With: tracker.Dead, Since: Day}); len(list) != 1 || err != nil {
		t.Errorf("Dead = %v, %v; want the report with the delivery to b", list, err)
	}
	if list, err := db.Reports(ctx, storage.ReportQuery{With: tracker.Dead, Since: Day.Add(24 * time.Hour)}); len(list) != 0 || err != nil {
		t.Errorf("Dead since the Day after = %v, %v; want none", list, err)
	}
	r, _, err := db.Report(ctx, 1)
	if !r.Delivered || err != nil {
		t.Errorf("Delivered = %v, %v; want true", r.Delivered, err)
	}
	// A dead delivery may be tried again, one that was sent stays sent.
	note(tracker.Delivery{To: "b@example.com", State: tracker.Waiting, Attempts: 9, Unsure: true})
	undelivered(1)
	note(tracker.Delivery{To: "a@example.com", State: tracker.Waiting})
	r, _, err = db.Report(ctx, 1)
	if diff := cmp.Diff(sent, r.Deliveries[0]); diff != "" || err != nil {
		t.Errorf("the sent delivery changed (-want +got), error %v:\n%s", err, diff)
	}
	if !r.Deliveries[1].Unsure {
		t.Error("it is not kept that the outcome of an attempt is not known")
	}
	note(tracker.Delivery{To: "b@example.com", State: tracker.Left})
	undelivered(0)
	for what, err := range map[string]error{
		"no report": db.NoteDelivery(ctx, 7, sent), "no delivery": db.NoteDelivery(ctx, 1, tracker.Delivery{To: "c@example.com"}),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func (e Engine) testReportWithoutRecipientsIsDelivered(t *testing.T) {
	db := e.joined(t)
	r := &tracker.Report{Channel: "chat", Created: Day, About: "heartbeat"}
	if err := db.AddReport(ctx, r); err != nil || r.ID != 1 || !r.Delivered {
		t.Errorf("AddReport: %+v, %v; want report 1, delivered", r, err)
	}
	if list, err := db.Reports(ctx, storage.ReportQuery{Channel: "chat", With: tracker.Waiting}); len(list) != 0 || err != nil {
		t.Errorf("Undelivered = %v, %v; want none", list, err)
	}
	Sound(t, db)
}

func (e Engine) testReportsArePaged(t *testing.T) {
	db := e.joined(t)
	for i := range 9 {
		r := &tracker.Report{Channel: []string{"analysts", "chat", "chats"}[i%3], Created: Day, About: "heartbeat"}
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

func (e Engine) testTwoCallersShareTheLog(t *testing.T) {
	db := e.joined(t)
	Commit(t, db, Complete("tencent", Day.Add(time.Hour), Products(60)...))
	var mu sync.Mutex
	got := make(map[uint64]int)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				r, err := one(db, "chat", nil, Day, func(p []tracker.Change) (int, []uint64) { return 1, []uint64{p[0].Seq} })
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

// testReportQuery compares queries with what they mean.
func (e Engine) testReportQuery(t *testing.T) {
	s := e.joined(t)
	states := []tracker.DeliveryState{tracker.Waiting, tracker.Sent, tracker.Dead, tracker.Left}
	var all []tracker.Report
	for i := range 120 {
		r := tracker.Report{Channel: []string{"analysts", "chat", "chats"}[i%3], Created: Day.Add(time.Duration(i) * time.Hour), About: "heartbeat"}
		for k := range i % 3 {
			r.Deliveries = append(r.Deliveries, tracker.Delivery{To: fmt.Sprint(k, "@example.com"), State: states[(i/3+k)%4]})
		}
		if err := s.AddReport(ctx, &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	r := rand.New(rand.NewPCG(1, 2))
	number := func() uint64 { return uint64(r.IntN(2) * r.IntN(len(all)+3)) }
	for range 500 {
		q := storage.ReportQuery{
			Channel: []string{"", "analysts", "chat", "nobody"}[r.IntN(4)], With: append(states, "")[r.IntN(5)],
			After: number(), Before: number(), Limit: []int{0, 1, 7, 1000}[r.IntN(4)], Newest: r.IntN(2) == 0,
		}
		if r.IntN(3) == 0 {
			q.Since = Day.Add(time.Duration(r.IntN(120)) * time.Hour)
		}
		var want []uint64
		for i := range all {
			c := &all[i]
			if q.Newest {
				c = &all[len(all)-1-i]
			}
			if (q.Channel == "" || c.Channel == q.Channel) && c.ID > q.After && (q.Before == 0 || c.ID < q.Before) && !c.Created.Before(q.Since) &&
				(q.With == "" || slices.ContainsFunc(c.Deliveries, func(l tracker.Delivery) bool { return l.State == q.With })) && len(want) < storage.PageSize(q.Limit) {
				want = append(want, c.ID)
			}
		}
		list, err := s.Reports(ctx, q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		var got []uint64
		for _, c := range list {
			got = append(got, c.ID)
			if diff := cmp.Diff(all[c.ID-1], c); diff != "" {
				t.Fatalf("report %d differs (-want +got):\n%s", c.ID, diff)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v gives other reports (-want +got):\n%s", q, diff)
		}
		if q.Limit = 7; len(want) == 0 {
			continue
		}
		n := 0
		for c, err := range storage.AllReports(ctx, s, q) {
			if n < len(want) && c.ID != want[n] || err != nil {
				t.Fatalf("%+v: report %d of all is %d, %v; want %d", q, n, c.ID, err, want[n])
			}
			n++
		}
		if n < len(want) {
			t.Fatalf("%+v: all are %d, want %d at least", q, n, len(want))
		}
	}
}
