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
