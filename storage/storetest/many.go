package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// each is a pick that makes a report of every change.
func each(pending []tracker.Change) (portions []storage.Portion) {
	for _, c := range pending {
		portions = append(portions, storage.Portion{Take: 1, Tell: []uint64{c.Seq}})
	}
	return portions
}

// many is a database with so many reports of one change each, to two people.
func (e Engine) many(t testing.TB, n int) storage.Store {
	t.Helper()
	db := e.joined(t)
	Commit(t, db, Complete("tencent", Day.Add(time.Hour), Products(10+n)...))
	made, err := storage.NextReports(ctx, db, "analysts", []string{"a@example.com", "b@example.com"}, Day, 0, each)
	if err != nil || len(made) != n {
		t.Fatalf("%d reports, error %v; want %d", len(made), err, n)
	}
	return db
}

func (e Engine) testManyReportsInOneTransaction(t *testing.T) {
	const n = 1500
	db := e.joined(t)
	Commit(t, db, Complete("tencent", Day.Add(time.Hour), Products(10+n)...))
	var made []tracker.Report
	e.costs(t, db, 1, 1, "dividing the log into reports", func() {
		var err error
		if made, err = storage.NextReports(ctx, db, "analysts", []string{"a@example.com"}, Day, 1000, each); err != nil {
			t.Fatal(err)
		}
	})
	if len(made) != 1000 {
		t.Fatalf("%d reports, want one of each of the 1,000 changes that were looked at", len(made))
	}
	rest, err := storage.NextReports(ctx, db, "analysts", []string{"a@example.com"}, Day, 1000, each)
	if made = append(made, rest...); err != nil || len(made) != n {
		t.Fatalf("%d reports, error %v; want %d", len(made), err, n)
	}
	stored, err := db.Reports(ctx, storage.ReportQuery{Channel: "analysts", Limit: 2 * n})
	if diff := cmp.Diff(made, stored); diff != "" || err != nil {
		t.Errorf("stored reports differ, error %v:\n%s", err, diff)
	}
	for i := range made {
		if want := []uint64{uint64(i + 1)}; !slices.Equal(made[i].Changes, want) || made[i].ID != uint64(i+1) {
			t.Fatalf("report %d is number %d and tells of %v, want %v", i+1, made[i].ID, made[i].Changes, want)
		}
	}
	Sound(t, db)
}

// TestPortionsAreOneAfterAnother: also those that tell nothing, and nothing is
// written of a division that cannot be.
func (e Engine) testPortionsAreOneAfterAnother(t *testing.T) {
	db := e.joined(t)
	Commit(t, db, Complete("tencent", Day.Add(time.Hour), Products(20)...))
	divide := func(portions ...storage.Portion) ([]tracker.Report, error) {
		return storage.NextReports(ctx, db, "analysts", nil, Day, 0, func([]tracker.Change) []storage.Portion { return portions })
	}
	for what, portions := range map[string][]storage.Portion{
		"a change of the portion before": {{Take: 3, Tell: []uint64{1}}, {Take: 3, Tell: []uint64{2}}},
		"more than is left":              {{Take: 6}, {Take: 5}},
		"a portion of nothing":           {{Take: 2, Tell: []uint64{1}}, {}},
	} {
		if made, err := divide(portions...); err == nil || len(made) > 0 {
			t.Errorf("%s: %+v, error %v", what, made, err)
		}
	}
	made, err := divide(storage.Portion{Take: 2, Tell: []uint64{2}}, storage.Portion{Take: 3}, storage.Portion{Take: 1, Tell: []uint64{6}}, storage.Portion{Take: 2})
	if err != nil || len(made) != 2 || made[0].First != 1 || made[0].Last != 2 || made[1].First != 6 || made[1].Last != 6 {
		t.Fatalf("reports %+v, error %v; want one of 1 to 2 and one of 6", made, err)
	}
	if _, left, err := db.Pending(ctx, "analysts", 0); err != nil || !slices.Equal(Numbers(left), []uint64{9, 10}) {
		t.Errorf("pending are %v, error %v; want 9 and 10", Numbers(left), err)
	}
	Sound(t, db)
}

func (e Engine) testChangeDeliveries(t *testing.T) {
	const n = 1000
	db := e.many(t, n)
	sent := tracker.Delivery{To: "a@example.com", State: tracker.Sent, Attempts: 1, Tried: Day, Answer: "250 queued"}
	if err := db.NoteDelivery(ctx, 7, sent); err != nil {
		t.Fatal(err)
	}
	var ids []uint64
	for id := range uint64(n) {
		ids = append(ids, id+1)
	}
	e.costs(t, db, 0, 1, "altering the deliveries of 1,000 reports", func() {
		changed, err := db.ChangeDeliveries(ctx, ids, func(report uint64, l *tracker.Delivery) {
			if l.To == "a@example.com" || report%2 == 0 {
				l.State, l.Answer = tracker.Dead, fmt.Sprint("no ", report)
			}
		})
		if want := n - 1 + n/2; changed != want || err != nil {
			t.Errorf("%d deliveries changed, error %v; want %d, all but the one that was sent", changed, err, want)
		}
	})
	seven, _, err := db.Report(ctx, 7)
	if diff := cmp.Diff(sent, seven.Deliveries[0]); diff != "" || err != nil {
		t.Errorf("the sent delivery changed (-want +got), error %v:\n%s", err, diff)
	}
	if eight, _, err := db.Report(ctx, 8); !eight.Delivered || eight.Deliveries[1].Answer != "no 8" || err != nil {
		t.Errorf("report 8 = %+v, error %v", eight, err)
	}
	waiting, err := db.Reports(ctx, storage.ReportQuery{Channel: "analysts", With: tracker.Waiting, Limit: n})
	if len(waiting) != n/2 || err != nil {
		t.Errorf("%d reports wait, error %v; want %d", len(waiting), err, n/2)
	}
	if changed, err := db.ChangeDeliveries(ctx, ids, func(_ uint64, l *tracker.Delivery) { l.To = "c@example.com" }); changed != 0 || err != nil {
		t.Errorf("%d deliveries got another recipient, error %v", changed, err)
	}
	if _, err := db.ChangeDeliveries(ctx, []uint64{1, n + 1}, func(_ uint64, l *tracker.Delivery) { l.Answer = "lost" }); err == nil {
		t.Error("no error for a report that is not there")
	}
	if one, _, err := db.Report(ctx, 1); one.Deliveries[1].Answer == "lost" || err != nil {
		t.Errorf("report 1 = %+v, error %v; want it as it was, because nothing was written", one, err)
	}
	Sound(t, db)
}

func (e Engine) testUndeliveredPageByPage(t *testing.T) {
	db := e.many(t, 250)
	if err := db.AddReport(ctx, &tracker.Report{Channel: "chat", Created: Day, About: "heartbeat", Deliveries: []tracker.Delivery{{To: "x", State: tracker.Waiting}}}); err != nil {
		t.Fatal(err)
	}
	var got []uint64
	for after := uint64(0); ; {
		page, err := db.Reports(ctx, storage.ReportQuery{Channel: "analysts", With: tracker.Waiting, After: after})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			got = append(got, r.ID)
		}
		after = got[len(got)-1]
	}
	if len(got) != 250 || !slices.IsSorted(got) || got[0] != 1 || got[249] != 250 {
		t.Errorf("pages have %v, want 1 to 250", got)
	}
	if page, err := db.Reports(ctx, storage.ReportQuery{Channel: "analysts", With: tracker.Waiting, After: 98, Limit: 2}); err != nil || len(page) != 2 || page[0].ID != 99 {
		t.Errorf("page after 98 = %v, %v", page, err)
	}
}

func (e Engine) testToldOfManyChanges(t *testing.T) {
	db := e.many(t, 1000)
	Commit(t, db, Complete("tencent", Day.Add(2*time.Hour), Products(1015)...))
	next(t, db, "chat", func(p []tracker.Change) (int, []uint64) { return len(p), []uint64{2, 1001, 1005} })
	seqs := []uint64{0, 5000}
	for seq := range uint64(1005) {
		seqs = append(seqs, seq+1)
	}
	for channel, want := range map[string]func(uint64) bool{
		"analysts": func(seq uint64) bool { return 1 <= seq && seq <= 1000 },
		"chat":     func(seq uint64) bool { return seq == 2 || seq == 1001 || seq == 1005 },
		"cha":      func(uint64) bool { return false },
	} {
		e.costs(t, db, 1, 0, "looking up 1,000 changes", func() {
			told, err := db.Told(ctx, channel, seqs)
			if err != nil {
				t.Fatal(err)
			}
			for _, seq := range seqs {
				if told[seq] != want(seq) {
					t.Errorf("%s was told of change %d: %v", channel, seq, told[seq])
				}
			}
		})
	}
}

func (e Engine) testChangesByNumber(t *testing.T) {
	db := e.joined(t)
	want := Commit(t, db, Complete("tencent", Day.Add(time.Hour), Products(3010)...))
	var seqs []uint64
	for i := range want {
		seqs = append(seqs, want[i].Seq)
	}
	e.costs(t, db, 1, 0, "reading 3,000 changes", func() {
		got, err := db.ChangesOf(ctx, append([]uint64{0}, append(seqs, 3001)...))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("changes differ, error %v:\n%s", err, diff)
		}
	})
	if got, err := db.ChangesOf(ctx, []uint64{3, 1}); err != nil || !slices.Equal(Numbers(got), []uint64{3, 1}) {
		t.Errorf("changes %v, error %v; want them in the order of the numbers", Numbers(got), err)
	}
}

func (e Engine) testScansOf(t *testing.T) {
	db := e.Open(t)
	list := Products(3)
	hour := func(n int) time.Time { return Day.Add(time.Duration(n) * time.Hour) }
	Commit(t, db, Walled("tencent", hour(0)), Partial("tencent", hour(1), list...), Complete("tencent", hour(2), list...),
		Partial("tencent", hour(3), list...), Complete("oppo", hour(4), list...), Walled("tencent", hour(5)), Complete("tencent", hour(6), list...), Complete("tencent", hour(7), list...))
	complete := map[int]time.Time{2: {}, 3: hour(2), 5: hour(2), 6: hour(2), 7: hour(6)}
	for _, hours := range [][]int{{0}, {1}, {2}, {3}, {5}, {6}, {7}, {3, 6}, {7, 5, 2}, {1, 3, 4, 5, 9}, {4}, {-1}, {9}, nil} {
		var began []time.Time
		want := map[int]bool{}
		for _, h := range hours {
			began = append(began, hour(h))
			want[h] = h >= 0 && h <= 7 && h != 4
		}
		var got []storage.ScanRecord
		read := min(len(hours), 1)
		e.costs(t, db, read, 0, fmt.Sprint("scans of hours ", hours), func() {
			var err error
			if got, err = db.ScansOf(ctx, "tencent", began); err != nil {
				t.Fatal(err)
			}
		})
		for _, s := range got {
			h := int(s.Began.Sub(Day).Hours())
			if !want[h] {
				t.Errorf("hours %v: a scan of hour %d", hours, h)
			}
			delete(want, h)
			if !s.LastComplete.Equal(complete[h]) {
				t.Errorf("hours %v: the last complete scan before hour %d began at %v, want %v", hours, h, s.LastComplete, complete[h])
			}
			one, _, err := db.Scan(ctx, "tencent", s.Began)
			if diff := cmp.Diff(one, s.Scan); diff != "" || err != nil {
				t.Errorf("hour %d: the scan differs, error %v:\n%s", h, err, diff)
			}
		}
		for h, missing := range want {
			if missing {
				t.Errorf("hours %v: the scan of hour %d is not among them", hours, h)
			}
		}
		if !slices.IsSortedFunc(got, func(a, b storage.ScanRecord) int { return a.Began.Compare(b.Began) }) {
			t.Errorf("hours %v: not the oldest first", hours)
		}
	}
	if got, err := db.ScansOf(ctx, "nobody", []time.Time{Day}); len(got) != 0 || err != nil {
		t.Errorf("scans of nobody: %v, %v", got, err)
	}
}
