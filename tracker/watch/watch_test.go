package watch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/schedule"
	"shopwatch/tracker/watch"
)

// A mall stands for scan and storage: it notes what the watcher does.
type mall struct {
	t       *testing.T
	options watch.Options
	took    time.Duration                                           // of every scan
	verdict func(tracker.StorefrontName, time.Time) tracker.Verdict // nil: complete

	mu        sync.Mutex
	known     map[tracker.StorefrontName]tracker.State
	began     map[tracker.StorefrontName][]time.Time
	committed map[tracker.StorefrontName]int
	retries   map[tracker.StorefrontName][]bool // whether each scan said that it tries again
	in        map[string]int                    // scans that run, by marketplace
	refuse    error                             // of commits
	wall      tracker.Verdict                   // met on item pages
}

func newMall(t *testing.T, plans ...watch.Plan) *mall {
	return &mall{
		t: t, took: time.Minute, options: watch.Options{Plans: plans, CoolDowns: newStore(t)},
		known: map[tracker.StorefrontName]tracker.State{}, began: map[tracker.StorefrontName][]time.Time{},
		committed: map[tracker.StorefrontName]int{}, retries: map[tracker.StorefrontName][]bool{}, in: map[string]int{},
	}
}

// newStore opens a database of a test's own.
func newStore(t *testing.T) storage.Store {
	t.Helper()
	store, err := bolt.Open(filepath.Join(t.TempDir(), "shopwatch.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// cool leaves a marketplace alone until a time after a first wall.
func (m *mall) cool(marketplace string, until time.Time) {
	m.t.Helper()
	_, err := m.options.CoolDowns.ChangeCoolDown(m.t.Context(), marketplace, func(c *storage.CoolDown) {
		*c = storage.CoolDown{Walls: 1, Until: until}
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// run starts a watcher and returns how to stop it.
func (m *mall) run() (*watch.Watcher, func()) {
	m.options.Scan, m.options.Commit, m.options.State = m.scan, m.commit, m.state
	w := watch.New(m.options, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	return w, func() {
		m.t.Helper()
		cancel()
		if err := <-ended; err != nil {
			m.t.Errorf("Run = %v", err)
		}
	}
}

func (m *mall) scan(ctx context.Context, sf tracker.Storefront, progress func(tracker.Progress)) *tracker.Scan {
	began := time.Now()
	m.mu.Lock()
	place := m.place(sf.Name)
	m.began[sf.Name] = append(m.began[sf.Name], began)
	if m.in[place]++; m.in[place] > 1 {
		m.t.Errorf("%d scans at once on %s, want one", m.in[place], place)
	}
	m.mu.Unlock()
	progress(tracker.Progress{Storefront: sf.Name, Pages: 1})
	select {
	case <-time.After(m.took):
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.in[place]--
	v := tracker.Complete
	if m.verdict != nil {
		v = m.verdict(sf.Name, began)
	}
	return &tracker.Scan{Storefront: sf.Name, Began: began, Took: m.took, Verdict: v, Evidence: tracker.Evidence{Wall: m.wall}}
}

func (m *mall) place(name tracker.StorefrontName) string {
	i := slices.IndexFunc(m.options.Plans, func(p watch.Plan) bool { return p.Name == name })
	return m.options.Plans[i].Gate
}

func (m *mall) commit(_ context.Context, s *tracker.Scan) ([]tracker.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		return nil, m.refuse
	}
	m.committed[s.Storefront]++
	m.retries[s.Storefront] = append(m.retries[s.Storefront], s.Retry)
	st := m.known[s.Storefront]
	st.LastScan, st.LastVerdict = s.Began, s.Verdict
	if st.Incomplete++; s.Verdict == tracker.Complete {
		st.Incomplete = 0
	}
	m.known[s.Storefront] = st
	return nil, nil
}

func (m *mall) state(_ context.Context, name tracker.StorefrontName) (tracker.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[name], nil
}

// times are when scans of a storefront began, since the given time.
func (m *mall) times(name tracker.StorefrontName, since time.Time) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var s []string
	for _, t := range m.began[name] {
		s = append(s, t.Sub(since).Round(time.Second).String())
	}
	return s
}

// scans is how many scans of the storefronts began.
func (m *mall) scans(names ...tracker.StorefrontName) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		n += len(m.began[name])
	}
	return n
}

func (m *mall) wantTimes(name tracker.StorefrontName, since time.Time, want ...string) {
	m.t.Helper()
	if got := m.times(name, since); !slices.Equal(got, want) {
		m.t.Errorf("%s began after %v, want %v", name, got, want)
	}
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func plan(t *testing.T, name, marketplace, cron string) watch.Plan {
	t.Helper()
	p := watch.Plan{Storefront: tracker.Storefront{Name: tracker.StorefrontName(name)}, Gate: marketplace}
	if cron != "" {
		s, err := schedule.Parse(cron, zone(t, "Asia/Shanghai"))
		if err != nil {
			t.Fatal(err)
		}
		p.Schedule = s
	}
	return p
}

func TestEveryDueScanHappensOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ny := zone(t, "America/New_York")
		s, err := schedule.Parse("30 1,2,21 * * *", ny) // skipped in March, doubled in November
		if err != nil {
			t.Fatal(err)
		}
		m := newMall(t, watch.Plan{Storefront: tracker.Storefront{Name: "a"}, Gate: "tmall", Schedule: s},
			plan(t, "b", "tmall", "0 */2 * * *"), plan(t, "c", "tmall", "@daily"))
		start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, p := range m.options.Plans {
			m.known[p.Name] = tracker.State{LastScan: start.Add(-time.Second)}
		}
		_, stop := m.run()
		end := time.Date(2000, 12, 1, 0, 0, 0, 0, time.UTC).Add(-time.Nanosecond)
		time.Sleep(time.Until(end))
		stop()
		days := int(end.Sub(start)/(24*time.Hour)) + 1
		for name, want := range map[tracker.StorefrontName]int{"a": 3 * days, "b": 12 * days, "c": days} {
			if got := len(m.began[name]); got != want {
				t.Errorf("%s was scanned %d times in %d days, want %d", name, got, days, want)
			}
			if got, want := m.committed[name], len(m.began[name]); got != want {
				t.Errorf("%s: %d of %d scans committed", name, got, want)
			}
		}
		for i, at := range m.began["a"][1:] {
			if gap := at.Sub(m.began["a"][i]); gap < 25*time.Minute {
				t.Errorf("a was scanned twice within %s, at %s", gap, at.In(ny))
			}
		}
	})
}

func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var plans []watch.Plan
		for i := range 20 {
			// A marketplace of its own for each, so that only jitter spreads them.
			p := plan(t, fmt.Sprint("shop", i), fmt.Sprint("market", i), "0 9,21 * * *")
			plans = append(plans, p)
		}
		plans = append(plans, plan(t, "often", "x", "* * * * *"))
		m := newMall(t, plans...)
		m.took, m.options.Jitter = time.Second, 5*time.Minute
		for _, p := range plans {
			m.known[p.Name] = tracker.State{LastScan: time.Now()}
		}
		_, stop := m.run()
		time.Sleep(48 * time.Hour)
		stop()
		different := map[time.Duration]bool{}
		for _, p := range plans[:20] {
			began := m.began[p.Name]
			if len(began) != 4 {
				t.Fatalf("%s was scanned %d times in two days, want 4", p.Name, len(began))
			}
			late := began[0].Sub(began[0].Truncate(time.Hour))
			if late > 5*time.Minute {
				t.Errorf("%s began %s late, want 5m at most", p.Name, late)
			}
			different[late] = true
			for _, at := range began {
				if got := at.Sub(at.Truncate(time.Hour)); got != late {
					t.Errorf("%s began %s late, then %s, want the same every time", p.Name, late, got)
				}
			}
		}
		if len(different) < 18 {
			t.Errorf("20 storefronts began at %d different times, want nearly all different", len(different))
		}
		if got := len(m.began["often"]); got < 2879 {
			t.Errorf("a scan every minute happened %d times in two days, want 2880", got)
		}
	})
}

func TestMissedScansAreOne(t *testing.T) {
	for _, tt := range []struct {
		name string
		last time.Duration // before the start
		want []string
	}{
		{"a new storefront is scanned at once", 0, []string{"0s", "6h0m0s"}},
		{"ten missed days are one scan", 240 * time.Hour, []string{"0s", "6h0m0s"}},
		{"nothing missed, nothing to catch up with", time.Hour, []string{"6h0m0s"}},
		{"a scan in the future does not stop the watch", -1000 * time.Hour, []string{"6h0m0s"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMall(t, plan(t, "a", "tmall", "0 2,14 * * *")) // the bubble begins at 08:00 in Shanghai
				if tt.last != 0 {
					m.known["a"] = tracker.State{LastScan: time.Now().Add(-tt.last)}
				}
				start := time.Now()
				_, stop := m.run()
				time.Sleep(10 * time.Hour)
				stop()
				m.wantTimes("a", start, tt.want...)
			})
		})
	}
}

// A scan that takes longer than its schedule leaves out what came due
// meanwhile.
func TestSlowScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "0 * * * *"))
		m.took = 150 * time.Minute
		start := time.Now()
		_, stop := m.run()
		time.Sleep(7 * time.Hour)
		stop()
		m.wantTimes("a", start, "0s", "3h0m0s", "6h0m0s")
	})
}

func TestWallCoolsTheMarketplaceDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "0 * * * *"), plan(t, "b", "tmall", "0 * * * *"), plan(t, "c", "jd", "5 * * * *"))
		start := time.Now()
		for _, p := range m.options.Plans {
			m.known[p.Name] = tracker.State{LastScan: start}
		}
		up := start.Add(20 * time.Hour)
		m.verdict = func(name tracker.StorefrontName, at time.Time) tracker.Verdict {
			if name != "c" && at.Before(up) {
				return tracker.Blocked
			}
			return tracker.Complete
		}
		w, stop := m.run()
		time.Sleep(20*time.Hour + 30*time.Minute)
		m.mu.Lock()
		var attempts []time.Duration
		for _, name := range []tracker.StorefrontName{"a", "b"} {
			for _, at := range m.began[name] {
				attempts = append(attempts, at.Sub(start).Round(time.Minute))
			}
		}
		m.mu.Unlock()
		slices.Sort(attempts)
		// From the end of a scan: 10, 20, 40, 80, 160, 320 and 360 minutes.
		least := []time.Duration{10, 20, 40, 80, 160, 320, 360}
		for i := 1; i < len(attempts); i++ {
			if gap := attempts[i] - attempts[i-1]; gap < least[min(i-1, 6)]*time.Minute {
				t.Errorf("attempts at %v: %s after wall %d, want %dm at least", attempts, gap, i, least[min(i-1, 6)])
			}
		}
		if len(attempts) < 6 {
			t.Errorf("attempts at %v, want 6 or more in 20 hours", attempts)
		}
		if got := m.scans("c"); got != 21 {
			t.Errorf("another marketplace was scanned %d times, want 21", got)
		}
		if st := w.Status(t.Context()); st[0].Cooling.IsZero() || st[2].Cooling != (time.Time{}) {
			t.Errorf("Status = %+v, want tmall to cool down and jd not", st)
		}
		before := m.scans("a", "b")
		time.Sleep(20 * time.Hour)
		stop()
		if got := m.scans("a", "b") - before; got < 26 {
			t.Errorf("%d scans after the wall was down, want the schedule again", got)
		}
	})
}

func TestCoolDownOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "*/5 * * * *"), plan(t, "b", "tmall", "*/5 * * * *"))
		start := time.Now()
		m.verdict = func(tracker.StorefrontName, time.Time) tracker.Verdict { return tracker.Login }
		_, stop := m.run()
		time.Sleep(40 * time.Minute) // walls about 0, 11 and 32 minutes after the start
		stop()
		c, err := m.options.CoolDowns.CoolDown(t.Context(), "tmall")
		if err != nil || c.Walls != 3 || c.Until.Before(start.Add(70*time.Minute)) {
			t.Fatalf("cool-down %+v, %v; want that of three walls", c, err)
		}
		before := m.scans("a", "b")
		_, stop = m.run()
		time.Sleep(time.Until(c.Until) - time.Second)
		if got := m.scans("a", "b") - before; got != 0 {
			t.Errorf("%d scans began before the marketplace had cooled down", got)
		}
		time.Sleep(6 * time.Minute)
		stop()
		if got := m.scans("a", "b") - before; got != 1 {
			t.Errorf("%d scans after the marketplace had cooled down, want 1", got)
		}
	})
}

// What was planned by a clock that was years ahead does not wait for years.
func TestClockPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "0 * * * *"), plan(t, "b", "jd", "0 * * * *"), plan(t, "c", "taobao", "0 * * * *"))
		start := time.Now()
		for _, p := range m.options.Plans {
			m.known[p.Name] = tracker.State{LastScan: start}
		}
		ahead := start.AddDate(5, 0, 0)
		m.known["c"] = tracker.State{LastScan: ahead, LastVerdict: tracker.Blocked, Incomplete: 1}
		w, stop := m.run()
		synctest.Wait()
		w.SetDue("a", ahead)
		m.cool("jd", ahead)
		m.cool("taobao", ahead)
		time.Sleep(5*time.Hour + 30*time.Minute)
		stop()
		for name, want := range map[tracker.StorefrontName]int{"a": 5, "b": 5, "c": 5} {
			if got := m.scans(name); got != want {
				t.Errorf("%s was scanned %d times in five hours, want %d", name, got, want)
			}
		}
	})
}

// Walls that were down again before shopwatch ended do not make the wait after
// the next one longer.
func TestOldWallsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "*/5 * * * *"))
		start := time.Now()
		m.verdict = func(_ tracker.StorefrontName, at time.Time) tracker.Verdict {
			if m := at.Sub(start).Minutes(); m < 60 || m > 82 {
				return tracker.Login
			}
			return tracker.Complete
		}
		_, stop := m.run()
		time.Sleep(90 * time.Minute) // walls 0, 11 and 32 minutes after the start, and after 85
		stop()
		c, err := m.options.CoolDowns.CoolDown(t.Context(), "tmall")
		if left := time.Until(c.Until); err != nil || c.Walls != 1 || left > 10*time.Minute {
			t.Errorf("cool-down %+v, %v, over in %s; want ten minutes after the first wall of a new row", c, err, left)
		}
	})
}

// Other plans leave alone what is in both.
func TestReplan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := plan(t, "a", "tmall", "0 * * * *"), plan(t, "b", "tmall", "0 * * * *"), plan(t, "c", "jd", "0 * * * *")
		m := newMall(t, a, b, c)
		m.took = 4 * time.Minute
		start := time.Now()
		for _, p := range m.options.Plans {
			m.known[p.Name] = tracker.State{LastScan: start, LastVerdict: tracker.Complete}
		}
		w, stop := m.run()
		time.Sleep(62 * time.Minute) // the scans of a (or b) and c run
		first, second := tracker.StorefrontName("a"), tracker.StorefrontName("b")
		if m.scans("a") == 0 {
			first, second = second, first
		}
		moved := plan(t, "c", "jd", "0 * * * *")
		moved.URL = "https://elsewhere"
		d := plan(t, "d", "tmall", "0 * * * *")
		plans := []watch.Plan{plan(t, string(second), "tmall", "30 * * * *"), plan(t, string(first), "tmall", "0 * * * *"), moved, d}
		m.mu.Lock()
		m.options.Plans = append(m.options.Plans, d)
		m.mu.Unlock()
		if err := w.Replan(plans); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Minute)
		for i, st := range w.Status(t.Context()) {
			if st.Storefront != plans[i].Storefront {
				t.Errorf("Status[%d] is of %v, want %v", i, st.Storefront, plans[i].Storefront)
			}
		}
		stop()
		m.wantTimes(first, start, "1h0m0s")             // its scan went on
		m.wantTimes(second, start, "1h4m0s", "1h30m0s") // it was due already
		m.wantTimes("d", start, "1h8m0s")               // a new one
		m.wantTimes("c", start, "1h0m0s", "1h2m0s")     // cut short, for it has another address
		for name, want := range map[tracker.StorefrontName]int{first: 1, second: 2, "c": 1, "d": 1} {
			if got := m.committed[name]; got != want {
				t.Errorf("%d scans of %s were kept, want %d", got, name, want)
			}
		}
	})
}

func TestReplanDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", ""), plan(t, "b", "tmall", ""))
		m.took = time.Hour
		w, stop := m.run()
		asked := make(chan error, 2)
		for range 2 {
			go func() {
				_, _, err := w.Scan(context.Background(), "b", watch.Request{})
				asked <- err
			}()
		}
		time.Sleep(time.Minute)
		if err := w.Replan(m.options.Plans[:1]); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := <-asked; err == nil || !strings.Contains(err.Error(), "taken out of the configuration") {
				t.Errorf("a scan of a storefront that is dropped: %v, want an error that says so", err)
			}
		}
		if _, _, err := w.Scan(context.Background(), "b", watch.Request{}); err == nil || !strings.Contains(err.Error(), "no storefront") {
			t.Errorf("a scan of a storefront that was dropped: %v, want an error that says so", err)
		}
		stop()
		if m.committed["b"] != 0 {
			t.Error("the scan that was cut short was kept")
		}
		if err := w.Replan(m.options.Plans); err == nil {
			t.Error("Replan after the end = nil, want an error")
		}
	})
}

// A wall is not forgotten by other plans.
func TestReplanKeepsCool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "*/5 * * * *"))
		m.took = time.Second
		m.verdict = func(tracker.StorefrontName, time.Time) tracker.Verdict { return tracker.Blocked }
		start := time.Now()
		w, stop := m.run()
		time.Sleep(time.Minute)
		m.mu.Lock()
		m.verdict = nil
		m.mu.Unlock()
		if err := w.Replan([]watch.Plan{plan(t, "a", "tmall", "* * * * *")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*time.Minute + 30*time.Second)
		stop()
		m.wantTimes("a", start, "0s", "10m1s", "11m0s")
	})
}

func TestFailedScanIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "@daily"), plan(t, "b", "tmall", "0,5 * * * *"))
		start := time.Now()
		m.known["b"] = tracker.State{LastScan: start}
		m.verdict = func(tracker.StorefrontName, time.Time) tracker.Verdict { return tracker.Failed }
		m.took = 0
		_, stop := m.run()
		time.Sleep(20 * time.Hour)
		stop()
		m.wantTimes("a", start, "0s", "10m0s", "30m0s", "1h10m0s", "16h0m0s") // midnight in Shanghai; no retries left
		if got, want := m.retries["a"], []bool{false, true, true, true, false}; !slices.Equal(got, want) {
			t.Errorf("the scans of a say that they try again: %v, want %v", got, want)
		}
		if got := len(m.began["b"]); got < 40 {
			t.Errorf("b was scanned %d times, want its schedule at least", got)
		}
	})
}

func TestScanThatCannotBeKeptIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "@daily"))
		m.took, m.refuse = 0, errors.New("no space left on device")
		start := time.Now()
		_, stop := m.run()
		time.Sleep(5 * time.Minute)
		m.mu.Lock()
		m.refuse = nil
		m.mu.Unlock()
		time.Sleep(5 * time.Hour)
		stop()
		m.wantTimes("a", start, "0s", "10m0s")
	})
}

func TestPanicIsAFailedScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "@hourly"), plan(t, "b", "tmall", "@hourly"))
		m.verdict = func(name tracker.StorefrontName, at time.Time) tracker.Verdict {
			if name == "a" {
				panic("no such page")
			}
			return tracker.Complete
		}
		w, stop := m.run()
		s, _, err := w.Scan(context.Background(), "a", watch.Request{})
		if err != nil || s.Verdict != tracker.Failed || !strings.Contains(s.Reason, "no such page") || s.Storefront != "a" || s.Began.IsZero() {
			t.Errorf("Scan = %+v, %v, want a failed scan that names the panic", s, err)
		}
		time.Sleep(24*time.Hour + time.Second)
		stop()
		if got := len(m.began["b"]); got != 25 {
			t.Errorf("the other storefront was scanned %d times, want 25", got)
		}
	})
}

func TestStopKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "@daily"))
		m.took = time.Hour
		w, stop := m.run()
		time.Sleep(time.Minute)
		asked := make(chan error, 1)
		go func() {
			_, _, err := w.Scan(context.Background(), "a", watch.Request{})
			asked <- err
		}()
		synctest.Wait()
		stop()
		if len(m.began["a"]) != 1 || m.committed["a"] != 0 {
			t.Errorf("%d scans began, %d were committed, want 1 and 0", len(m.began["a"]), m.committed["a"])
		}
		if err := <-asked; err == nil || !strings.Contains(err.Error(), "stopping") {
			t.Errorf("a scan asked for while stopping: %v, want an error that says so", err)
		}
		if _, _, err := w.Scan(context.Background(), "a", watch.Request{}); err == nil || !strings.Contains(err.Error(), "stopping") {
			t.Errorf("a scan asked for after the end: %v, want an error that says so", err)
		}
	})
}

func TestAsk(t *testing.T) {
	t.Run("a person's scan goes ahead while the marketplace cools down, and says so", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newMall(t, plan(t, "a", "tmall", "0 9 * * *"), plan(t, "b", "tmall", "@every 5m"))
			m.known["a"] = tracker.State{LastScan: time.Now(), LastVerdict: tracker.Blocked, Incomplete: 9}
			m.known["b"] = tracker.State{LastScan: time.Now().Add(-time.Hour)}
			m.cool("tmall", time.Now().Add(9*time.Minute))
			w, stop := m.run()
			synctest.Wait()
			var notes []string
			s, _, err := w.Scan(context.Background(), "a", watch.Request{Progress: func(p tracker.Progress) {
				if p.Note != "" {
					notes = append(notes, p.Note)
				}
			}})
			if err != nil || s.Verdict != tracker.Complete {
				t.Errorf("Scan = %+v, %v, want a complete one that was committed", s, err)
			}
			if len(notes) != 1 || !strings.Contains(notes[0], "cooling down for ") {
				t.Errorf("notes = %q, want one about the wall", notes)
			}
			time.Sleep(2 * time.Minute)
			stop()
			if m.committed["a"] != 1 {
				t.Errorf("a was committed %d times, want once", m.committed["a"])
			}
			if len(m.began["b"]) != 1 {
				t.Errorf("b was scanned %d times, want it once: the wall is down", len(m.began["b"]))
			}
		})
	})
	t.Run("a person's scan goes before those that are due, and stands for its own", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var plans []watch.Plan
			for i := range 10 {
				plans = append(plans, plan(t, fmt.Sprint("shop", i), "tmall", "@daily"))
			}
			m := newMall(t, plans...)
			w, stop := m.run()
			time.Sleep(time.Second)
			for _, st := range w.Status(t.Context()) {
				synctest.Wait()
				if m.scans(st.Name) > 0 {
					continue
				}
				start := time.Now()
				if _, _, err := w.Scan(context.Background(), st.Name, watch.Request{}); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took > 3*time.Minute {
					t.Errorf("a person waited %s, want at most two scans before", took)
				}
			}
			time.Sleep(12 * time.Hour)
			stop()
			for name, began := range m.began {
				if len(began) != 1 {
					t.Errorf("%s was scanned %d times, want once", name, len(began))
				}
			}
		})
	})
	t.Run("a dry run is not kept and stands for nothing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newMall(t, plan(t, "a", "tmall", ""))
			w, stop := m.run()
			dry := 0
			_, changes, err := w.Scan(context.Background(), "a", watch.Request{Commit: func(context.Context, *tracker.Scan) ([]tracker.Change, error) {
				dry++
				return make([]tracker.Change, 3), nil
			}})
			stop()
			if err != nil || len(changes) != 3 || dry != 1 || m.committed["a"] != 0 {
				t.Errorf("Scan = %d changes, %v; %d dry, %d committed, want 3, nil, 1, 0", len(changes), err, dry, m.committed["a"])
			}
		})
	})
	t.Run("who loses interest cuts the scan short", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newMall(t, plan(t, "a", "tmall", ""))
			m.took = time.Hour
			w, stop := m.run()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			start := time.Now()
			if _, _, err := w.Scan(ctx, "a", watch.Request{}); err == nil || time.Since(start) != time.Minute {
				t.Errorf("Scan = %v after %s, want an error after a minute", err, time.Since(start))
			}
			if _, _, err := w.Scan(context.Background(), "a", watch.Request{}); err != nil {
				t.Errorf("the next scan: %v", err)
			}
			stop()
			if m.committed["a"] != 1 {
				t.Errorf("%d scans committed, want only the second", m.committed["a"])
			}
		})
	})
	t.Run("a storefront that is not watched", func(t *testing.T) {
		w := watch.New(watch.Options{CoolDowns: newStore(t)}, slog.New(slog.DiscardHandler))
		if _, _, err := w.Scan(context.Background(), "b", watch.Request{}); err == nil {
			t.Error("Scan = nil, want an error")
		}
	})
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "0 * * * *"), plan(t, "b", "jd", ""))
		start := time.Now()
		w, stop := m.run()
		time.Sleep(time.Second)
		if st := w.Status(t.Context())[0]; !st.Began.Equal(start) || st.Progress.Pages != 1 {
			t.Errorf("Status = %+v, want a scan since %s with one page read", st, start)
		}
		time.Sleep(time.Minute)
		if st := w.Status(t.Context())[0]; !st.Began.IsZero() || !st.Next.Equal(start.Add(time.Hour)) {
			t.Errorf("Status = %+v, want the next scan in an hour", st)
		}
		if st := w.Status(t.Context())[1]; !st.Next.IsZero() {
			t.Errorf("Status = %+v, want no next scan", st)
		}
		stop()
	})
}

func TestStateThatCannotBeRead(t *testing.T) {
	w := watch.New(watch.Options{
		CoolDowns: newStore(t),
		Plans:     []watch.Plan{plan(t, "a", "tmall", "@daily")},
		State: func(context.Context, tracker.StorefrontName) (tracker.State, error) {
			return tracker.State{}, errors.New("checksum")
		},
	}, slog.New(slog.DiscardHandler))
	if err := w.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("Run = %v, want what storage says", err)
	}
}

// Who is told to end while it begins ends without an error.
func TestEndWhileItBegins(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := watch.New(watch.Options{
		CoolDowns: newStore(t),
		Plans:     []watch.Plan{plan(t, "a", "tmall", "@daily"), plan(t, "b", "tmall", "@daily")},
		State: func(ctx context.Context, _ tracker.StorefrontName) (tracker.State, error) {
			cancel()
			return tracker.State{}, ctx.Err()
		},
	}, slog.New(slog.DiscardHandler))
	if err := w.Run(ctx); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

// A wall met on an item page, after the list was read, is a wall too.
func TestWallOfAnItemPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "*/2 * * * *"))
		w, stop := m.run()
		time.Sleep(90 * time.Second)
		if c := w.Status(t.Context())[0].Cooling; !c.IsZero() {
			t.Errorf("Cooling = %s, want none", c)
		}
		m.mu.Lock()
		m.wall = tracker.Blocked
		m.mu.Unlock()
		time.Sleep(3 * time.Minute)
		if c := w.Status(t.Context())[0].Cooling; c.IsZero() {
			t.Error("Cooling is zero, want the marketplace left alone")
		}
		stop()
	})
}

// Shops of a platform have gates of their own: there may be hundreds, which are
// all due at nine. Who asks for a scan does not wait for what is due.
func TestOnlySoManyStorefrontsAreScannedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plans := []watch.Plan{plan(t, "asked", "asked.example", "")}
		for i := range 10 {
			plans = append(plans, plan(t, fmt.Sprint("shop", i), fmt.Sprintf("shop%d.example", i), "@daily"))
		}
		m := newMall(t, plans...)
		m.took, m.options.Parallel = time.Minute, 3
		start := time.Now()
		w, stop := m.run()
		defer stop()
		time.Sleep(30 * time.Second)
		began := time.Now()
		if _, _, err := w.Scan(t.Context(), "asked", watch.Request{}); err != nil || time.Since(began) != time.Minute {
			t.Errorf("a scan that was asked for took %s, %v, want a minute", time.Since(began), err)
		}
		time.Sleep(time.Hour)
		var times []string
		for _, p := range plans[1:] {
			times = append(times, m.times(p.Name, start)...)
		}
		slices.Sort(times)
		if want := []string{"0s", "0s", "0s", "1m0s", "1m0s", "1m0s", "2m0s", "2m0s", "2m0s", "3m0s"}; !slices.Equal(times, want) {
			t.Errorf("scans began after %v, want %v", times, want)
		}
	})
}
