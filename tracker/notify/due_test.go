package notify_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/report"
)

func TestFilter(t *testing.T) {
	p := func(title string, fen int64) *tracker.Product {
		pr := product("1")
		pr.Title, pr.Price.Low = title, fen
		return &pr
	}
	change := func(k tracker.Kind, now, before *tracker.Product) tracker.Change {
		return tracker.Change{Storefront: "tencent", Kind: k, Product: now, Before: before}
	}
	ignored := change(tracker.Added, p("a", 1), nil)
	ignored.Ignored = true
	speakers := notify.Filter{Watched: func(p *tracker.Product) bool { return strings.Contains(p.Title, "音箱") }}
	tests := []struct {
		name   string
		filter notify.Filter
		change tracker.Change
		want   bool
	}{
		{"everything by default", notify.Filter{}, change(tracker.Added, p("a", 1), nil), true},
		{"ignored products never", notify.Filter{}, ignored, false},
		{"storefront listed", notify.Filter{Storefronts: []tracker.StorefrontName{"tencent"}}, change(tracker.Added, p("a", 1), nil), true},
		{"storefront not listed", notify.Filter{Storefronts: []tracker.StorefrontName{"oppo"}}, change(tracker.Added, p("a", 1), nil), false},
		{"kind listed", notify.Filter{Kinds: []tracker.Kind{tracker.Removed}}, change(tracker.Removed, p("a", 1), nil), true},
		{"kind not listed", notify.Filter{Kinds: []tracker.Kind{tracker.Removed}}, change(tracker.Added, p("a", 1), nil), false},
		{"watched word in the title", speakers, change(tracker.Added, p("蓝牙音箱", 1), nil), true},
		{"watched word only in the old title", speakers, change(tracker.Retitled, p("蓝牙", 1), p("蓝牙音箱", 1)), true},
		{"no watched word", speakers, change(tracker.Added, p("投影仪", 1), nil), false},
		{"matters of the storefront pass", speakers, change(tracker.Stalled, nil, nil), true},
		{"small price change", notify.Filter{LeastPercent: 5}, change(tracker.Repriced, p("a", 9600), p("a", 10000)), false},
		{"great price change down", notify.Filter{LeastPercent: 5}, change(tracker.Repriced, p("a", 9500), p("a", 10000)), true},
		{"great price change up", notify.Filter{LeastPercent: 5}, change(tracker.Repriced, p("a", 10500), p("a", 10000)), true},
		{"price that cannot be compared", notify.Filter{LeastPercent: 5}, change(tracker.Repriced, p("a", 1), p("a", 0)), true},
		{"least percent is of prices only", notify.Filter{LeastPercent: 5}, change(tracker.Added, p("a", 1), nil), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.filter.Wants(&tt.change); got != tt.want {
				t.Errorf("Wants = %v, want %v", got, tt.want)
			}
		})
	}
}

// A daily time of day, in UTC.
type daily time.Duration

func (d daily) Next(t time.Time) time.Time {
	next := t.UTC().Truncate(24 * time.Hour).Add(time.Duration(d))
	for !next.After(t) {
		next = next.Add(24 * time.Hour)
	}
	return next
}

// A weekly time on Saturdays, such as 1 January 2000.
type weekly time.Duration

func (d weekly) Next(t time.Time) time.Time {
	next := time.Date(2000, 1, 1, 0, 0, 0, int(d), time.UTC)
	for !next.After(t) {
		next = next.Add(7 * 24 * time.Hour)
	}
	return next
}

// A notebook is a sender that writes down when what came.
type notebook struct {
	mu    sync.Mutex
	lines []string
	texts []string
	fail  func() error
}

func (b *notebook) Recipients() []string { return []string{"notebook"} }

func (b *notebook) Send(_ context.Context, l *notify.Message) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		if err := b.fail(); err != nil {
			return "", err
		}
	}
	b.texts = append(b.texts, l.Mail.Text(report.Foot{}))
	b.lines = append(b.lines, time.Now().UTC().Format("02 15:04")+" "+l.Mail.Subject())
	return "noted", nil
}

func (b *notebook) read() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, "\n")
}

// days runs the notifier while steps happen, each at its hour since midnight of
// the first day, 1 January 2000 in a bubble of synctest.
func days(t *testing.T, c notify.Channel, end time.Duration, steps map[time.Duration]func(*bolt.DB)) {
	t.Helper()
	db := fresh(t)
	n := notifier(t, db, quietLog(), c)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		_ = n.Run(ctx) // ends with ctx
		close(ended)
	}()
	began := time.Now()
	for at := time.Duration(0); at <= end; at += 30 * time.Minute {
		time.Sleep(time.Until(began.Add(at)))
		synctest.Wait()
		if step := steps[at]; step != nil {
			step(db)
			n.Wake()
		}
	}
	synctest.Wait()
	stop()
	<-ended
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// lists returns a step that commits a complete scan of the products: "1", "1=99"
// at a price, "-1" for one that is missing and whose page says that it is gone.
func lists(t *testing.T, name tracker.StorefrontName, ids ...string) func(*bolt.DB) {
	return func(db *bolt.DB) {
		var list []tracker.Product
		var gone []tracker.Probe
		for _, id := range ids {
			if missing, ok := strings.CutPrefix(id, "-"); ok {
				gone = append(gone, tracker.Probe{Product: tracker.ProductID(missing), State: tracker.PageGone, At: time.Now()})
				continue
			}
			id, fen, dear := strings.Cut(id, "=")
			p := product(id)
			if dear {
				fmt.Sscan(fen, &p.Price.Low)
			}
			list = append(list, p)
		}
		s := complete(name, time.Now().Add(-time.Second), list...)
		s.Probes = gone
		if _, err := db.Commit(ctx, s, tracker.DefaultRules()); err != nil {
			t.Error(err)
		}
	}
}

const h = time.Hour

func TestDigestTellsNetChangesAtItsTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &notebook{}
		days(t, notify.Channel{Name: "daily", Sender: book, Digest: daily(8 * h)}, 80*h, map[time.Duration]func(*bolt.DB){
			1 * h:  lists(t, "tencent", "1", "2"),
			9 * h:  lists(t, "tencent", "1", "2", "3"),
			12 * h: lists(t, "tencent", "1=100", "2", "3"), // far off: waits for a second look
			13 * h: lists(t, "tencent", "1=100", "2", "3"),
			20 * h: lists(t, "tencent", "1=200", "2", "3", "4"),
			34 * h: lists(t, "tencent", "1=200", "2", "3", "4", "5"),
		})
		want := "02 08:00 [Tencent flagship] +2 new, 1 price change · 2 Jan 08:00\n" +
			"03 08:00 [Tencent flagship] +1 new · 2 Jan 10:00"
		if got := book.read(); got != want {
			t.Errorf("deliveries:\n%s\nwant\n%s", got, want)
		}
	})
}

// TestDigestFiltersWhatChangesCameTo: a filter never makes a digest tell half of
// what happened to a product.
func TestDigestFiltersWhatChangesCameTo(t *testing.T) {
	five := notify.Filter{LeastPercent: 5}
	tests := []struct {
		name   string
		filter notify.Filter
		lists  [][]string // products of the scans after the first, as "number=price"
		want   string     // parts of the text
		not    string
	}{
		{"a price that creeps", five, [][]string{{"1=9700", "2"}, {"1=9400", "2"}}, "¥100.00 -> ¥94.00  −6.0%", ""},
		{"a price that falls much and rises little", five, [][]string{{"1=9000", "2"}, {"1=9300", "2"}}, "¥100.00 -> ¥93.00", "¥90.00"},
		{"a price that changes little", five, [][]string{{"1=9900", "2"}, {"1=9800", "2"}}, "", "¥98.00"},
		{"a removal that was taken back", notify.Filter{Kinds: []tracker.Kind{tracker.Removed}}, [][]string{{"1=10000", "-2"}, {"1=10000", "2"}},
			"CHANGED AND CHANGED BACK", "REMOVED"},
		{"what the filter leaves out", notify.Filter{Kinds: []tracker.Kind{tracker.Removed}}, [][]string{{"1=9000", "2", "3"}}, "", "No. 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				book := &notebook{}
				others := []string{"7", "8", "9"} // so that one that is missing is not a great loss
				steps := map[time.Duration]func(*bolt.DB){h: lists(t, "tencent", append(others, "1=10000", "2")...)}
				for i, ids := range tt.lists {
					steps[time.Duration(i+2)*h] = lists(t, "tencent", append(others[:3:3], ids...)...)
				}
				days(t, notify.Channel{Name: "daily", Sender: book, Filter: tt.filter, Digest: daily(20 * h)}, 21*h, steps)
				got := strings.Join(book.texts, "\n")
				if (tt.want == "") != (got == "") || !strings.Contains(strings.ToUpper(got), strings.ToUpper(tt.want)) || tt.not != "" && strings.Contains(got, tt.not) {
					t.Errorf("deliveries:\n%s\nwant %q and not %q", got, tt.want, tt.not)
				}
			})
		})
	}
}

func TestQuietHoursHoldBackAndTellAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &notebook{}
		days(t, notify.Channel{
			Name: "days", Sender: book, Quiet: notify.Hours{From: 22 * h, To: 7 * h}, Zone: time.FixedZone("", 8*3600),
		}, 40*h, map[time.Duration]func(*bolt.DB){
			1 * h:  lists(t, "tencent", "1"),                // 09:00 there
			5 * h:  lists(t, "tencent", "1", "2"),           // 13:00
			15 * h: lists(t, "tencent", "1", "2", "3"),      // 23:00
			18 * h: lists(t, "tencent", "1", "2", "3", "4"), // 02:00
			24 * h: lists(t, "tencent", "1", "2", "3", "4", "5"),
		})
		want := "01 05:00 [Tencent flagship] +1 new · 1 Jan 13:00\n" +
			"01 23:00 [Tencent flagship] +2 new · 2 Jan 07:00\n" +
			"02 00:00 [Tencent flagship] +1 new · 2 Jan 08:00"
		if got := book.read(); got != want {
			t.Errorf("deliveries:\n%s\nwant\n%s", got, want)
		}
	})
}

func TestHeartbeatProvesQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &notebook{}
		steps := map[time.Duration]func(*bolt.DB){}
		for day := range 20 {
			ids := []string{"1"}
			if day >= 10 {
				ids = append(ids, "2")
			}
			at := time.Duration(day)*24*h + 3*h
			steps[at] = lists(t, "tencent", ids...)
		}
		days(t, notify.Channel{Name: "weekly", Sender: book, Heartbeat: weekly(9 * h)}, 22*24*h, steps)
		want := "01 09:00 [Tencent flagship] No change: 1 of 1 scans complete · 1 Jan 09:00\n" +
			"08 09:00 [Tencent flagship] No change: 7 of 7 scans complete · 8 Jan 09:00\n" +
			"11 03:00 [Tencent flagship] +1 new · 11 Jan 03:00\n" + // so none on the 15th
			"22 09:00 [Tencent flagship] No change: 9 of 9 scans complete · 22 Jan 09:00"
		if got := book.read(); got != want {
			t.Errorf("deliveries:\n%s\nwant\n%s", got, want)
		}
	})
}

// TestHeartbeatClaimsNoMoreThanIsKnown: it does not say that nothing changed
// when a digest is going to tell of a change, or when the filter left one out.
func TestHeartbeatClaimsNoMoreThanIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &notebook{}
		days(t, notify.Channel{Name: "both", Sender: book, Heartbeat: daily(9 * h), Digest: weekly(8 * h)}, 8*24*h, map[time.Duration]func(*bolt.DB){
			h:      lists(t, "tencent", "1"),
			30 * h: lists(t, "tencent", "1", "2"),
		})
		want := "01 09:00 [Tencent flagship] No change: 1 of 1 scans complete · 1 Jan 09:00\n" +
			"08 08:00 [Tencent flagship] +1 new · 2 Jan 06:00"
		if got := book.read(); got != want {
			t.Errorf("deliveries:\n%s\nwant\n%s", got, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		book := &notebook{}
		c := notify.Channel{Name: "removals", Sender: book, Heartbeat: daily(9 * h), Filter: notify.Filter{Kinds: []tracker.Kind{tracker.Removed}}}
		days(t, c, 10*h, map[time.Duration]func(*bolt.DB){h: lists(t, "tencent", "1"), 2 * h: lists(t, "tencent", "1", "2")})
		want := "01 09:00 [Tencent flagship] Nothing to report: 2 of 2 scans complete · 1 Jan 09:00"
		if got := book.read(); got != want {
			t.Errorf("deliveries:\n%s\nwant\n%s", got, want)
		}
	})
}

// TestRetriesForDays: a server that is down for four days gets the delivery on
// the fifth; nothing is tried more often than once an hour.
func TestRetriesForDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		tries := 0
		book := &notebook{fail: func() error {
			tries++
			if time.Since(began) < 96*h {
				return &notify.Unreachable{Err: fmt.Errorf("connection refused")}
			}
			return nil
		}}
		db := fresh(t)
		n, err := notify.New(ctx, db, notify.Options{Channels: []notify.Channel{{Name: "patient", Sender: book}}}, quietLog())
		if err != nil {
			t.Fatal(err)
		}
		lists(t, "tencent", "1")(db)
		lists(t, "tencent", "1", "2")(db)
		time.Sleep(time.Minute)
		lists(t, "tencent", "1", "2", "3")(db)
		ctx, stop := context.WithTimeout(t.Context(), 100*h)
		defer stop()
		_ = n.Run(ctx) // ends with ctx
		if got := strings.Count(book.read(), "+1 new"); got != 2 {
			t.Errorf("%d deliveries came, want 2:\n%s", got, book.read())
		}
		if tries > 110 {
			t.Errorf("%d attempts in 96 hours, want about one an hour for the channel", tries)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestGivesUpAfterDays: what cannot be delivered ends as dead, with the reason.
func TestGivesUpAfterDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &notebook{fail: func() error { return fmt.Errorf("mailbox full") }}
		db := fresh(t)
		var log bytes.Buffer
		n, err := notify.New(ctx, db, notify.Options{Channels: []notify.Channel{{Name: "full", Sender: book}}}, logTo(&log))
		if err != nil {
			t.Fatal(err)
		}
		lists(t, "tencent", "1")(db)
		time.Sleep(time.Minute)
		lists(t, "tencent", "1", "2")(db)
		ctx, stop := context.WithTimeout(t.Context(), 7*24*h)
		defer stop()
		_ = n.Run(ctx) // ends with ctx
		l := allReports(t, db)[0].Deliveries[0]
		if l.State != tracker.Dead || !strings.Contains(l.Answer, "mailbox full") || !strings.Contains(l.Answer, "given up") {
			t.Errorf("delivery is %s: %q, want dead with the reason", l.State, l.Answer)
		}
		if d := l.Tried.Sub(allReports(t, db)[0].Created); d < 5*24*h || d > 5*24*h+2*h {
			t.Errorf("given up after %v, want five days", d)
		}
		if !strings.Contains(log.String(), "level=ERROR") {
			t.Error("nobody is told in the log")
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What was planned by a clock that was years ahead does not wait for years.
func TestClockPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &notebook{}
		db := fresh(t)
		c := notify.Channel{Name: "daily", Sender: book, Digest: daily(8 * h), Heartbeat: daily(9 * h)}
		n := notifier(t, db, quietLog(), c)
		ahead := time.Now().AddDate(5, 0, 0)
		commit(t, db, "tencent", ahead, product("1"))
		commit(t, db, "tencent", ahead.Add(h), product("1"), product("2"))
		waiting := tracker.Delivery{To: "notebook", State: tracker.Waiting, Attempts: 1, Next: ahead}
		if err := db.AddReport(ctx, &tracker.Report{Channel: "daily", Created: ahead, About: report.Heartbeat, Deliveries: []tracker.Delivery{waiting}}); err != nil {
			t.Fatal(err)
		}
		beats := func() int { return strings.Count(book.read(), "complete") }
		for range 3 {
			if err := n.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := book.read(); strings.Count(got, "+1 new") != 1 || beats() == 0 {
			t.Errorf("deliveries after the clock was put back:\n%s\nwant the digest and the delivery that waited", got)
		}
		before := beats()
		for range 3 {
			time.Sleep(24 * h)
			if err := n.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := beats() - before; got < 2 || got > 3 {
			t.Errorf("%d heartbeats in three days, want one a day:\n%s", got, book.read())
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}
