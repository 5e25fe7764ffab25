//go:build unix

package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/fixtures/deadline"
	"shopwatch/fixtures/pgtest"
	"shopwatch/storage"
	"shopwatch/storage/postgres"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/fleet"
	"shopwatch/tracker/schedule"
	"shopwatch/tracker/watch"
)

var cluster *pgtest.Cluster

func TestMain(m *testing.M) {
	if at := os.Getenv(workerAt); at != "" {
		os.Exit(worker(at))
	}
	os.Exit(pgtest.Main(m, func(c *pgtest.Cluster) { cluster = c }))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// database is a database as main gives it to a fleet.
type database struct{ *postgres.DB }

func (d database) Lease(ctx context.Context, key, holder string, pause time.Duration, begin func(context.Context, pgx.Tx) error) (fleet.Lease, string, error) {
	return lease(d.AcquirePaced(ctx, key, holder, pause, begin))
}

func (d database) Enter(ctx context.Context, key, holder string) (fleet.Lease, string, error) {
	return lease(d.DB.Enter(ctx, key, holder))
}

func lease(l *postgres.Lease, err error) (fleet.Lease, string, error) {
	if errors.Is(err, postgres.ErrHeld) {
		return nil, err.Error(), nil
	}
	return l, "", err
}

func (d database) TakeOver(ctx context.Context, t pgx.Tx, prefix string) error {
	return postgres.TakeOver(ctx, t, prefix)
}

func (d database) Alone(ctx context.Context) (string, error) {
	who, _, err := d.Holder(ctx, "daemon")
	return who, err
}

// shortTime is that of leases where tests wait for their end, longTime that of
// those which must last: the machine may be busy.
const (
	shortTime = time.Second
	longTime  = 4 * time.Second
)

func open(t testing.TB, url string) database {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Options{Lease: longTime, Patience: time.Minute})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return database{db}
}

// plans are of one marketplace, with the schedule.
func plans(every time.Duration, names ...string) []watch.Plan {
	var all []watch.Plan
	for _, n := range names {
		p := watch.Plan{Storefront: tracker.Storefront{Name: tracker.StorefrontName(n), Marketplace: "mall"}, Gate: "mall"}
		if every > 0 {
			p.Schedule = schedule.Every(every)
		}
		all = append(all, p)
	}
	return all
}

// options are of a worker whose scans find three products.
func options(db database, name string, p []watch.Plan) fleet.Options {
	return fleet.Options{
		Database: db, Machine: name, Holder: "test " + name, Version: "test", Plans: p,
		Scan: func(ctx context.Context, sf tracker.Storefront, progress func(tracker.Progress)) *tracker.Scan {
			progress(tracker.Progress{Storefront: sf.Name, Pages: 1})
			return complete(3)
		},
		Capture: func(context.Context, tracker.Storefront, func(tracker.Progress)) *tracker.Scan {
			s := complete(3)
			s.Evidence.Capture = "all.wacz"
			return s
		},
		Commit: func(ctx context.Context, s *tracker.Scan, first func(context.Context, pgx.Tx) error) ([]tracker.Change, error) {
			return db.CommitWith(ctx, s, tracker.DefaultRules(), first)
		},
		Preview: func(ctx context.Context, s *tracker.Scan) ([]tracker.Change, error) {
			out, err := db.Preview(ctx, s, tracker.DefaultRules())
			s.Verdict = out.Verdict
			return out.Changes, err
		},
		Deliver: func(context.Context, string) (time.Time, error) { return time.Time{}, nil },
		Tidy:    func(context.Context) error { return nil },
		Tick:    shortTime / 4, Poll: 50 * time.Millisecond,
	}
}

func complete(n int) *tracker.Scan {
	s := &tracker.Scan{Began: time.Now().UTC().Truncate(time.Millisecond), Took: time.Millisecond, Verdict: tracker.Complete}
	for i := range n {
		s.Products = append(s.Products, tracker.Product{ID: tracker.ProductID(fmt.Sprint(1000 + i)), Title: fmt.Sprint("product ", i), URL: "https://mall.example/item", Price: tracker.Price{Kind: tracker.PriceExact, Low: 100_000, High: 100_000, Currency: "CNY"}})
	}
	s.Evidence.Pages, s.Evidence.Products = 1, n
	return s
}

func failed(v tracker.Verdict) *tracker.Scan {
	return &tracker.Scan{Began: time.Now().UTC().Truncate(time.Millisecond), Took: time.Millisecond, Verdict: v, Reason: "no"}
}

// begin runs a worker until the test ends or stop is called.
func begin(t testing.TB, o fleet.Options) (f *fleet.Fleet, stop func()) {
	t.Helper()
	return beginWith(t, o, io.Discard)
}

// beginWith is begin with a writer that gets the log too.
func beginWith(t testing.TB, o fleet.Options, log io.Writer) (f *fleet.Fleet, stop func()) {
	t.Helper()
	f, err := fleet.New(o, slog.New(slog.NewTextHandler(io.MultiWriter(testLog{t, o.Machine}, log), nil)))
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return f, stop
}

var discard = slog.New(slog.DiscardHandler)

type testLog struct {
	t    testing.TB
	name string
}

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s: %s", l.name, strings.TrimSpace(string(b)))
	return len(b), nil
}

// until waits for what is to come.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	const most = 5 * time.Minute // the machine may be busy
	for end := time.Now().Add(most); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %s: not yet %s", most, what)
		}
	}
}

func scans(t testing.TB, db database, name tracker.StorefrontName) []tracker.Scan {
	t.Helper()
	all, err := db.Scans(t.Context(), storage.ScanQuery{Storefront: name, Limit: 10_000})
	must(t, err)
	return all
}

func state(t testing.TB, db database) *api.Fleet {
	t.Helper()
	s, err := fleet.State(t.Context(), db)
	must(t, err)
	return s
}

// count is a number that the database knows.
func count(t testing.TB, db database, sql string, args ...any) (n int) {
	t.Helper()
	must(t, db.View(t.Context(), func(tx pgx.Tx) error { return tx.QueryRow(t.Context(), sql, args...).Scan(&n) }))
	return n
}

// Each time of a schedule is scanned once, however many work.
func TestEachSlotOnce(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	p := plans(time.Second, "a", "b", "c")
	for _, w := range []string{"alpha", "beta", "gamma"} {
		begin(t, options(open(t, cluster.URL(name)), w, p))
	}
	db := open(t, cluster.URL(name))
	until(t, "four scans of each", func() bool {
		return len(scans(t, db, "a")) > 3 && len(scans(t, db, "b")) > 3 && len(scans(t, db, "c")) > 3
	})
	if n := count(t, db, "select count(*) from (select 1 from slots where scan is not null group by storefront, scan having count(*) > 1) x"); n != 0 {
		t.Errorf("%d scans stand for more than one slot", n)
	}
	lostNothing(t, db)
	if n := count(t, db, "select count(*) from slots s join slots n on n.storefront = s.storefront and n.slot > s.slot and n.slot < s.slot + interval '1 second' where s.kind = 'schedule'"); n != 0 {
		t.Errorf("%d slots lie closer together than the schedule", n)
	}
}

// What was missed while nobody ran is made up for once.
func TestMissedSlotsAreCaughtUpOnce(t *testing.T) {
	t.Parallel()
	db := open(t, cluster.URL(cluster.Database(t)))
	s := complete(3)
	s.Storefront, s.Began = "a", time.Now().Add(-10*time.Hour)
	_, err := db.Commit(t.Context(), s, tracker.DefaultRules())
	must(t, err)
	begin(t, options(db, "alpha", plans(time.Hour, "a")))
	until(t, "a scan", func() bool { return len(scans(t, db, "a")) == 2 })
	began := s.Began.Truncate(time.Millisecond)
	if n := count(t, db, "select count(*) from slots where kind = 'schedule' and slot = $1", began.Add(10*time.Hour)); n != 1 {
		t.Errorf("%d slots for the last time that was missed, want 1", n)
	}
	if n := count(t, db, "select count(*) from slots"); n != 1 {
		t.Errorf("%d slots, want one for all ten hours", n)
	}
}

// A scan at which a worker died is made by another one within the time of its lease
// and of a look. The one that comes back writes nothing.
func TestFrozenWorker(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	p := plans(time.Hour, "a")
	asleep, awake := open(t, cluster.URL(name)), open(t, cluster.URL(name))
	at, wake := make(chan struct{}), make(chan struct{})
	o := options(asleep, "alpha", p)
	scan := o.Scan
	var once sync.Once
	o.Scan = func(ctx context.Context, sf tracker.Storefront, progress func(tracker.Progress)) *tracker.Scan {
		first := false
		once.Do(func() { first = true })
		if first {
			// The beats of this worker come no longer: the server cuts it off.
			must(t, cluster.Exec(context.Background(), name, "update leases set until = clock_timestamp() - interval '1 second', epoch = epoch + 1 where key = 'worker/alpha'"))
			close(at)
			<-wake
			s := complete(5)
			return s
		}
		return scan(ctx, sf, progress)
	}
	_, stop := begin(t, o)
	deadline.Receive(t, "the scan begins", at)
	began := time.Now()
	begin(t, options(awake, "beta", p))
	until(t, "a scan by the other worker", func() bool { return len(scans(t, awake, "a")) == 1 })
	t.Logf("it took %v, with a lease of %v and a look every %v", time.Since(began).Round(time.Millisecond), longTime, shortTime/4)
	close(wake)
	stop()
	if n := count(t, awake, "select cut from slots"); n != 1 {
		t.Errorf("%d workers died over the slot, want 1", n)
	}
	if st, err := awake.State(t.Context(), "a"); err != nil || st.Listed != 3 {
		t.Errorf("%d products, %v; want the 3 of the other worker", st.Listed, err)
	}
	if all := scans(t, awake, "a"); len(all) != 1 {
		t.Errorf("%d scans, want 1", len(all))
	}
}

// The pages of one marketplace, address and profile are asked for at one pace by all
// machines, one storefront after another.
func TestOnePace(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	const pause = 60 * time.Millisecond
	var mu sync.Mutex
	var asked, loads []time.Time
	inside := 0
	for _, w := range []string{"alpha", "beta"} {
		o := options(open(t, cluster.URL(name)), w, plans(time.Second, "a", "b", "c"))
		o.Egress, o.Pace = "office", func() time.Duration { return pause }
		var f *fleet.Fleet
		ready := make(chan struct{})
		o.Scan = func(ctx context.Context, sf tracker.Storefront, _ func(tracker.Progress)) *tracker.Scan {
			<-ready
			mu.Lock()
			if inside++; inside > 1 {
				t.Error("two scans at once behind one address")
			}
			mu.Unlock()
			defer func() { mu.Lock(); inside--; mu.Unlock() }()
			for range 3 {
				before := time.Now()
				came, err := f.Pace(ctx, "mall")
				if err != nil {
					if ctx.Err() == nil {
						t.Error(err)
					}
					return failed(tracker.Failed)
				}
				mu.Lock()
				asked, loads = append(asked, before), append(loads, time.Now())
				mu.Unlock()
				came()
			}
			return complete(3)
		}
		f, _ = begin(t, o)
		close(ready)
	}
	until(t, "many pages", func() bool { mu.Lock(); defer mu.Unlock(); return len(loads) > 30 })
	mu.Lock()
	defer mu.Unlock()
	// A page may be noted late when the machine is busy: its turn came between
	// when it was asked for and when it was noted.
	for i := range asked {
		for n := 1; i+n < len(loads); n++ {
			if took := loads[i+n].Sub(asked[i]); took < time.Duration(n)*pause {
				t.Errorf("%d pages after page %d took %v, want %v at least", n, i, took, time.Duration(n)*pause)
			}
		}
	}
}

// A scan that waits for another one of the same marketplace begins when that ends.
func TestNextScanBegins(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	begun, end := make(chan tracker.StorefrontName, 2), make(chan struct{})
	for _, w := range []string{"alpha", "beta"} {
		o := options(open(t, cluster.URL(name)), w, plans(time.Hour, "a", "b"))
		o.Egress, o.Tick = "office", time.Minute // who waits looks again after 15 s at the earliest
		o.Scan = func(_ context.Context, sf tracker.Storefront, _ func(tracker.Progress)) *tracker.Scan {
			begun <- sf.Name
			<-end
			return complete(3)
		}
		begin(t, o)
	}
	db := open(t, cluster.URL(name))
	first := deadline.Receive(t, "a scan begins", begun)
	until(t, "the other one waits", func() bool {
		return count(t, db, "select count(*) from slots s join river_job j on j.id = s.job where note like 'another scan of %' and j.state <> 'running'") == 1
	})
	ended := time.Now()
	close(end)
	if second := deadline.Receive(t, "the other scan begins", begun); second == first || time.Since(ended) > 10*time.Second {
		t.Errorf("%s begins %v after %s", second, time.Since(ended), first)
	}
}

// A wall before one profile says nothing about another one. A storefront whose
// profile's worker is gone waits, and says so.
func TestProfiles(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	p := plans(time.Second, "a", "b")
	p[0].Profile, p[1].Profile = "buyer", "reader"
	profiles := map[string]string{"buyer": "alpha", "reader": "beta"}
	make := func(w string, v tracker.Verdict) (fleet.Options, database) {
		db := open(t, cluster.URL(name))
		o := options(db, w, p)
		o.Profiles, o.Egress = profiles, "office"
		if v != "" {
			o.Scan = func(context.Context, tracker.Storefront, func(tracker.Progress)) *tracker.Scan { return failed(v) }
		}
		return o, db
	}
	oa, db := make("alpha", tracker.Login)
	ob, _ := make("beta", "")
	alpha, stop := begin(t, oa)
	begin(t, ob)
	until(t, "a wall and four scans", func() bool { return len(scans(t, db, "a")) == 1 && len(scans(t, db, "b")) > 3 })
	for _, st := range alpha.Status(t.Context()) {
		if cools := !st.Cooling.IsZero(); cools != (st.Name == "a") {
			t.Errorf("%s cools down: %v", st.Name, cools)
		}
	}
	if n := len(scans(t, db, "a")); n != 1 {
		t.Errorf("%d scans behind a wall, want 1", n)
	}
	stop()
	watcher, err := fleet.New(ob, discard)
	must(t, err)
	until(t, "the storefront says why it waits", func() bool {
		for _, st := range watcher.Status(t.Context()) {
			if strings.Contains(st.Waits, "the worker alpha, on which the profile buyer lies, is gone (last heard of ") {
				return st.Name == "a"
			}
		}
		return false
	})
	_, _, err = watcher.Scan(deadline.Context(t), "a", watch.Request{})
	if err == nil || !strings.Contains(err.Error(), "start it") {
		t.Errorf("a scan that nobody can make: %v", err)
	}
}

// Who asks for a scan is told what came of it, from any machine.
func TestAsk(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	db := open(t, cluster.URL(name))
	begin(t, options(open(t, cluster.URL(name)), "alpha", plans(0, "a")))
	o := options(db, "beta", plans(0, "a"))
	asker, err := fleet.New(o, discard)
	must(t, err)
	until(t, "a worker", func() bool { w := state(t, db).Workers; return len(w) == 1 && w[0].Alive && len(w[0].Queues) > 0 })
	scan, _, err := asker.Scan(deadline.Context(t), "a", watch.Request{})
	if err != nil || scan.Verdict != tracker.Complete || scan.Evidence.Products != 3 {
		t.Fatalf("Scan = %+v, %v", scan, err)
	}
	scan, changes, err := asker.Scan(deadline.Context(t), "a", watch.Request{Commit: o.Preview})
	if err != nil || scan.Verdict != tracker.Complete || len(changes) != 0 || len(scans(t, db, "a")) != 1 {
		t.Errorf("a dry scan = %+v, %v, %v, %d are kept", scan, changes, err, len(scans(t, db, "a")))
	}
	for _, commit := range []watch.CommitFunc{nil, o.Preview} {
		scan, _, err = asker.Scan(deadline.Context(t), "a", watch.Request{Scan: o.Capture, Commit: commit})
		if err != nil || scan.Evidence.Capture != "all.wacz" {
			t.Errorf("a scan of which all is captured = %+v, %v", scan, err)
		}
	}
	if _, _, err := asker.Scan(deadline.Context(t), "z", watch.Request{}); err == nil {
		t.Error("a storefront that is not there was scanned")
	}
}

// lateDatabase is one that is away for a while, and in which a worker is found the
// second time that somebody looks.
type lateDatabase struct {
	database
	away  time.Duration
	begin func()
	looks int
}

func (d *lateDatabase) View(ctx context.Context, fn func(pgx.Tx) error) error {
	switch d.looks++; d.looks {
	case 1:
		time.Sleep(d.away)
	case 2:
		d.begin()
	}
	return d.database.View(ctx, fn)
}

// A worker that comes when the database is back takes a scan that was asked for while
// that was away, however long.
func TestAskWhileDatabaseIsAway(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	db := open(t, cluster.URL(name))
	o := options(db, "beta", plans(0, "a"))
	o.Database = &lateDatabase{database: db, away: 2*o.Tick + time.Second, begin: func() {
		begin(t, options(open(t, cluster.URL(name)), "alpha", plans(0, "a")))
		until(t, "a worker", func() bool { w := state(t, db).Workers; return len(w) == 1 && w[0].Alive && len(w[0].Queues) > 0 })
	}}
	asker, err := fleet.New(o, discard)
	must(t, err)
	if scan, _, err := asker.Scan(deadline.Context(t), "a", watch.Request{}); err != nil || scan.Verdict != tracker.Complete {
		t.Errorf("Scan = %+v, %v", scan, err)
	}
}

// unsureDatabase is one that does not answer once after it has given a lease.
type unsureDatabase struct {
	database
	once sync.Once
}

func (d *unsureDatabase) Lease(ctx context.Context, key, holder string, pause time.Duration, begin func(context.Context, pgx.Tx) error) (l fleet.Lease, other string, err error) {
	l, other, err = d.database.Lease(ctx, key, holder, pause, begin)
	if err == nil && other == "" && begin != nil {
		d.once.Do(func() {
			err = errors.Join(errors.New("whether it was written is not known"), l.Release(ctx))
		})
	}
	return l, other, err
}

// A scan of which its worker does not know whether it has taken it is made.
func TestTakenUnawares(t *testing.T) {
	t.Parallel()
	db := open(t, cluster.URL(cluster.Database(t)))
	o := options(db, "alpha", plans(24*time.Hour, "a"))
	o.Database = &unsureDatabase{database: db}
	begin(t, o)
	until(t, "a scan is kept", func() bool { return len(scans(t, db, "a")) == 1 })
	lostNothing(t, db)
}

// wallDatabase is one in which another worker notes a wall just before a lease is
// taken.
type wallDatabase struct{ database }

func (d wallDatabase) Lease(ctx context.Context, key, holder string, pause time.Duration, begin func(context.Context, pgx.Tx) error) (fleet.Lease, string, error) {
	if cold, ok := strings.CutPrefix(key, "scan/"); ok {
		_, err := d.ChangeCoolDown(ctx, cold, func(c *storage.CoolDown) { c.Walls, c.Until = 1, time.Now().Add(time.Hour) })
		if err != nil {
			return nil, "", err
		}
	}
	return d.database.Lease(ctx, key, holder, pause, begin)
}

// A wall that another worker meets while this one waits for its turn is heeded.
func TestWallBeforeItsTurn(t *testing.T) {
	t.Parallel()
	db := open(t, cluster.URL(cluster.Database(t)))
	o := options(db, "alpha", plans(24*time.Hour, "a"))
	o.Database = wallDatabase{db}
	o.Scan = func(context.Context, tracker.Storefront, func(tracker.Progress)) *tracker.Scan {
		t.Error("a page is asked for though the marketplace is left alone")
		return complete(3)
	}
	begin(t, o)
	until(t, "the slot waits", func() bool {
		return count(t, db, "select count(*) from slots where note like '% is cooling down after a wall' or done is not null") == 1
	})
}

// A worker hears of a scan that somebody asks for: it does not only look from time to
// time.
func TestAskIsHeard(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	db := open(t, cluster.URL(name))
	o := options(open(t, cluster.URL(name)), "alpha", plans(0, "a"))
	o.Poll = time.Hour
	begin(t, o)
	asker, err := fleet.New(options(db, "beta", plans(0, "a")), discard)
	must(t, err)
	until(t, "a worker", func() bool { w := state(t, db).Workers; return len(w) == 1 && w[0].Alive && len(w[0].Queues) > 0 })
	until(t, "a scan that was asked for", func() bool { // it may just begin to listen
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, _, err := asker.Scan(ctx, "a", watch.Request{})
		return err == nil
	})
}

// A command makes the scan itself where no daemon runs.
func TestAlone(t *testing.T) {
	t.Parallel()
	db := open(t, cluster.URL(cluster.Database(t)))
	o := options(db, "alpha", plans(0, "a"))
	o.Alone = true
	f, stop := begin(t, o)
	scan, _, err := f.Scan(deadline.Context(t), "a", watch.Request{})
	if err != nil || scan.Verdict != tracker.Complete {
		t.Fatalf("Scan = %+v, %v", scan, err)
	}
	stop()
	if s := state(t, db); len(s.Workers) != 0 || len(s.Slots) != 0 || len(s.Queues) != 0 {
		t.Errorf("it left %+v", s)
	}
}

// A scan that failed is tried again before the next one is due.
func TestFailedScanIsTriedAgain(t *testing.T) {
	t.Parallel()
	db := open(t, cluster.URL(cluster.Database(t)))
	o := options(db, "alpha", plans(24*time.Hour, "a"))
	o.Backoff = time.Millisecond
	n := 0
	scan := o.Scan
	o.Scan = func(ctx context.Context, sf tracker.Storefront, g func(tracker.Progress)) *tracker.Scan {
		if n++; n == 1 {
			return failed(tracker.Failed)
		}
		return scan(ctx, sf, g)
	}
	begin(t, o)
	until(t, "a scan that is complete", func() bool { return len(scans(t, db, "a")) == 2 })
	if n := count(t, db, "select count(*) from slots where kind = 'retry' and tries = 1 and scan is not null"); n != 1 {
		t.Errorf("%d retries were kept, want 1", n)
	}
	if all := scans(t, db, "a"); all[0].Verdict != tracker.Complete || all[1].Verdict != tracker.Failed {
		t.Errorf("scans %+v", all)
	}
}

// A scan at which the program has a bug is made again by the worker that lives on.
func TestCommitThatPanics(t *testing.T) {
	t.Parallel()
	db := open(t, cluster.URL(cluster.Database(t)))
	o := options(db, "alpha", plans(24*time.Hour, "a"))
	o.Backoff = time.Millisecond
	n := 0
	commit := o.Commit
	o.Commit = func(ctx context.Context, s *tracker.Scan, first func(context.Context, pgx.Tx) error) ([]tracker.Change, error) {
		if n++; n == 1 {
			panic("a bug")
		}
		return commit(ctx, s, first)
	}
	begin(t, o)
	until(t, "a scan is kept", func() bool { return len(scans(t, db, "a")) == 1 })
}

// A channel is looked at by one worker at a time, as soon as there is something to
// tell, and when it says.
func TestDeliver(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	var mu sync.Mutex
	inside, passes := 0, 0
	for _, w := range []string{"alpha", "beta"} {
		o := options(open(t, cluster.URL(name)), w, nil)
		o.Channels = []string{"analysts"}
		o.Deliver = func(context.Context, string) (time.Time, error) {
			mu.Lock()
			defer mu.Unlock()
			if inside++; inside > 1 {
				t.Error("two workers at one channel")
			}
			passes++
			inside--
			return time.Now().Add(50 * time.Millisecond), nil
		}
		begin(t, o)
	}
	until(t, "three looks", func() bool { mu.Lock(); defer mu.Unlock(); return passes > 2 })
}

// A worker that ends amid a look at a channel reports no trouble with it.
func TestEndAmidDelivery(t *testing.T) {
	t.Parallel()
	o := options(open(t, cluster.URL(cluster.Database(t))), "alpha", nil)
	o.Channels = []string{"analysts"}
	at := make(chan struct{})
	looks := sync.OnceFunc(func() { close(at) })
	o.Deliver = func(ctx context.Context, _ string) (time.Time, error) {
		looks()
		<-ctx.Done()
		return time.Time{}, ctx.Err()
	}
	log := &says{}
	_, stop := beginWith(t, o, log)
	deadline.Receive(t, "the look begins", at)
	stop()
	if log.has("cannot work through the outbox") {
		t.Errorf("the log says\n%s", &log.text)
	}
}

// A configuration that was applied gets a number, and daemons are told.
func TestApply(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	db := open(t, cluster.URL(name))
	told := make(chan int64, 100)
	o := options(open(t, cluster.URL(name)), "alpha", nil)
	o.Newer = func(v int64) { told <- v }
	begin(t, o)
	if v, err := fleet.Newest(t.Context(), db); v.Number != 0 || err != nil {
		t.Errorf("Newest = %+v, %v", v, err)
	}
	for i, want := range []struct {
		text    string
		version int64
		changed bool
	}{{"one", 1, true}, {"one", 1, false}, {"two", 2, true}, {"one", 3, true}} {
		v, changed, err := fleet.Apply(t.Context(), db, want.text, "shopwatch.yaml", "a test")
		if v != want.version || changed != want.changed || err != nil {
			t.Errorf("%d: Apply = %d, %v, %v", i, v, changed, err)
		}
	}
	for deadline.Receive(t, "the daemon is told of the third", told) != 3 {
	}
	if v, err := fleet.Newest(t.Context(), db); v != (fleet.Version{Number: 3, Text: "one", File: "shopwatch.yaml"}) || err != nil {
		t.Errorf("Newest = %+v, %v", v, err)
	}
}
