package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/watch"
)

// A Database is what a fleet needs of one.
type Database interface {
	storage.Store

	// Pool is the connections, for the job engine.
	Pool() *pgxpool.Pool
	// Direct reports whether the server can tell what one listens to.
	Direct(ctx context.Context) (bool, error)
	// View and Update run a function in a transaction, Update under the lease of
	// Enter. The function may run again.
	View(ctx context.Context, fn func(pgx.Tx) error) error
	Update(ctx context.Context, fn func(pgx.Tx) error) error
	// CommitWith is Commit with more that is written in the same transaction.
	CommitWith(ctx context.Context, s *tracker.Scan, r tracker.Rules, first func(context.Context, pgx.Tx) error) ([]tracker.Change, error)
	// Lease takes a lease, or returns who has it. Between the pages of two
	// holders lies the pause. What is begun under it is written in the same
	// transaction, by a function whose error undoes both; nil for nothing.
	Lease(ctx context.Context, key, holder string, pause time.Duration, begin func(context.Context, pgx.Tx) error) (l Lease, other string, err error)
	// TakeOver ends the leases that are over of holders who did not release
	// them, those whose keys have a prefix.
	TakeOver(ctx context.Context, t pgx.Tx, prefix string) error
	// Enter is Lease of the one without which nothing is written from then on.
	Enter(ctx context.Context, key, holder string) (l Lease, other string, err error)
	// Alone returns who works on the database alone, such as one who moves it;
	// empty when nobody does.
	Alone(ctx context.Context) (who string, err error)
	// Now is the time of the database: now, or at most so much later.
	Now(ctx context.Context) (now time.Time, within time.Duration, err error)
}

// A Lease is the right to do a thing, kept until it is released or lost.
type Lease interface {
	Epoch() int64
	Ended() <-chan struct{} // closed when it was lost or released
	// Page returns when a page may be asked for, which is done at once. Its pause
	// begins when Came says that it has come, or will not come.
	Page(ctx context.Context, pause time.Duration) error
	Came()
	Release(ctx context.Context) error
}

// Options of a Fleet. Database, Machine, Scan, Capture, Commit, Preview, Deliver and Tidy
// must be set.
type Options struct {
	Database Database
	Machine  string // its name in the configuration
	// Alone makes no other scans than those that its own process asks for, and
	// these itself, but for those for which there is a worker.
	Alone    bool
	Holder   string // how people are told of this process
	Version  string
	Egress   string // the name of the address that marketplaces see; Machine when empty
	Plans    []watch.Plan
	Profiles map[string]string // the worker on which each profile of a plan lies
	Applied  int64             // the version of the configuration; 0 for a file of this machine
	Channels []string          // of reports

	Scan    watch.ScanFunc
	Capture watch.ScanFunc // Scan that captures all that it reads
	Commit  func(ctx context.Context, s *tracker.Scan, first func(context.Context, pgx.Tx) error) ([]tracker.Change, error)
	Preview watch.CommitFunc
	// Deliver makes and sends the reports of a channel that are due, and returns
	// when the next one is, by the clock of the database; the zero time for when
	// there is something new.
	Deliver func(ctx context.Context, channel string) (next time.Time, err error)
	// Tidy deletes what is kept no longer. It is called once an hour.
	Tidy func(context.Context) error
	// Trouble says why this worker cannot scan now; nil when it can.
	Trouble func() error
	// Newer is called when the configuration has another version. Nil for nothing.
	Newer func(version int64)

	Pace     func() time.Duration // the pause before the next page; nil for none
	Parallel int                  // scans at once at most; 4 when zero
	Jitter   time.Duration        // as in watch.Options
	Cooling  time.Duration        // as in watch.Options
	Backoff  time.Duration        // as in watch.Options
	Tick     time.Duration        // between two looks at schedules and dead workers; 5 s when zero
	Poll     time.Duration        // between two looks for jobs; 1 s when zero
}

// A Fleet is the place of a process in the fleet. Run makes it a worker; without
// that it only asks.
type Fleet struct {
	o        Options
	worker   string // the name of its lease: Machine, unless it is Alone
	db       Database
	log      *slog.Logger
	inserter *river.Client[pgx.Tx]
	busy     chan struct{} // a token in it is held by a scan
	clock    clock

	mu       sync.Mutex
	plans    []watch.Plan
	profiles map[string]string
	applied  int64
	channels []string
	me       string // name#epoch while it works; empty otherwise
	client   *river.Client[pgx.Tx]
	serves   []string // queues
	kicked   chan struct{}
	joined   chan struct{} // closed when it works for the first time
}

// New returns a place in the fleet.
func New(o Options, log *slog.Logger) (*Fleet, error) {
	o.Egress = cmp.Or(o.Egress, o.Machine)
	o.Parallel = cmp.Or(o.Parallel, 4)
	o.Cooling = cmp.Or(o.Cooling, 10*time.Minute)
	o.Backoff = cmp.Or(o.Backoff, 10*time.Minute)
	o.Tick = cmp.Or(o.Tick, 5*time.Second)
	o.Poll = cmp.Or(o.Poll, time.Second)
	f := &Fleet{
		o: o, db: o.Database, log: log, busy: make(chan struct{}, o.Parallel), kicked: make(chan struct{}, 1),
		worker: o.Machine, joined: make(chan struct{}),
		plans: o.Plans, profiles: o.Profiles, applied: o.Applied, channels: o.Channels,
	}
	if o.Alone {
		f.worker = fmt.Sprintf("%s%s%d", o.Machine, aloneMark, os.Getpid())
	}
	var err error
	f.inserter, err = f.newClient("", nil, false)
	return f, err
}

// Replan gives the fleet another configuration while it works.
func (f *Fleet) Replan(plans []watch.Plan, profiles map[string]string, channels []string, applied int64) {
	f.mu.Lock()
	f.plans, f.profiles, f.channels, f.applied = plans, profiles, channels, applied
	f.mu.Unlock()
	f.kick()
}

// kick makes Run look at the schedules now.
func (f *Fleet) kick() {
	select {
	case f.kicked <- struct{}{}:
	default:
	}
}

func (f *Fleet) planned() []watch.Plan {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.plans // Replan makes another slice
}

// plan returns that of a storefront.
func (f *Fleet) plan(name tracker.StorefrontName) (watch.Plan, bool) {
	plans := f.planned()
	i := slices.IndexFunc(plans, func(p watch.Plan) bool { return p.Name == name })
	if i < 0 {
		return watch.Plan{}, false
	}
	return plans[i], true
}

// Run works until ctx is done and everything has ended. When it is not heard of for
// too long, others take over what it was at, and it begins anew.
func (f *Fleet) Run(ctx context.Context) error {
	waiting := ""
	for ctx.Err() == nil {
		l, why, err := f.join(ctx)
		if why == "" && err != nil {
			why = err.Error()
		}
		if why != "" {
			if why != waiting && ctx.Err() == nil {
				f.log.Warn("standing by", "why", why)
				waiting = why
			}
			rest(ctx, f.o.Tick/5)
			continue
		}
		waiting = ""
		if err := f.session(ctx, l); err != nil && ctx.Err() == nil {
			f.log.Error("the work is interrupted", "err", err)
			rest(ctx, f.o.Tick/5)
		}
	}
	return nil
}

func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// join takes the lease of the worker, or says why it cannot have it now.
func (f *Fleet) join(ctx context.Context) (l Lease, why string, err error) {
	l, other, err := f.db.Enter(ctx, workerKey(f.worker), f.o.Holder)
	switch {
	case err != nil:
		return nil, "", err
	case other != "":
		return nil, fmt.Sprintf("the worker %s is %s; give this one another name (fleet.worker), or wait until that one has ended", f.worker, other), nil
	}
	// Whoever works alone looks for workers after he has said so, as this one looks
	// for him: at least one of them sees the other.
	if who, err := f.db.Alone(ctx); who != "" || err != nil {
		return nil, who, errors.Join(err, l.Release(ctx))
	}
	return l, "", nil
}

// aloneMark is in the names of workers that are commands.
const aloneMark = "-command-"

// WorkerPrefix is that of the leases of workers.
const WorkerPrefix = "worker/"

func workerKey(name string) string { return WorkerPrefix + name }

// session works under a lease until that is lost or ctx is done.
func (f *Fleet) session(ctx context.Context, l Lease) error {
	me := fmt.Sprintf("%s#%d", f.worker, l.Epoch())
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	err := f.setClock(ctx)
	hears := false
	if err == nil && !f.o.Alone {
		hears, err = f.db.Direct(ctx)
	}
	if err != nil {
		return errors.Join(err, l.Release(ctx))
	}
	client, err := f.newClient(me, map[string]river.QueueConfig{reportQueue: {MaxWorkers: 4}}, hears)
	if err != nil {
		return errors.Join(err, l.Release(ctx))
	}
	f.mu.Lock()
	f.me, f.client, f.serves = me, client, nil
	f.mu.Unlock()
	if err = f.serve(client); err == nil {
		err = f.look(working)
	}
	if err == nil && !f.o.Alone {
		err = client.Start(context.WithoutCancel(ctx)) // StopAndCancel ends it
	}
	if err == nil {
		if f.log.Info("working", "worker", f.worker, "egress", f.o.Egress); !isClosed(f.joined) {
			close(f.joined)
		}
		err = f.lookOn(working, l, client)
		cancel()
		if !f.o.Alone {
			ending, stop := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
			if bad := client.StopAndCancel(ending); bad != nil {
				f.log.Warn("jobs did not end in time", "err", bad)
			}
			stop()
		}
	}
	f.mu.Lock()
	f.me, f.client = "", nil
	f.mu.Unlock()
	if ctx.Err() != nil {
		err = nil
		f.leave(context.WithoutCancel(ctx), me)
	}
	return errors.Join(err, l.Release(ctx))
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// lookOn looks after schedules, dead workers and other configurations until the
// lease is lost or ctx is done.
func (f *Fleet) lookOn(ctx context.Context, l Lease, client *river.Client[pgx.Tx]) error {
	for {
		t := time.NewTimer(f.o.Tick - rand.N(f.o.Tick/10+1))
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-l.Ended():
			t.Stop()
			return errors.New("this worker was not heard of in time; others have taken over what it was at")
		case <-f.kicked:
		case <-t.C:
		}
		t.Stop()
		if err := f.serve(client); err != nil {
			return err
		}
		if err := f.look(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("cannot look after the schedules", "err", err)
		}
	}
}

// Ended is the trouble of a worker that ended in good order.
const Ended = "it was told to end"

// leave gives back what a worker that ends in good order was at.
func (f *Fleet) leave(ctx context.Context, me string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := f.db.Update(ctx, func(t pgx.Tx) error {
		if _, err := t.Exec(ctx, "update slots set epoch = epoch + 1, worker = null where worker = $1 and done is null", me); err != nil {
			return err
		}
		_, err := t.Exec(ctx, "update workers set trouble = $2, seen = clock_timestamp() where name = $1", f.worker, Ended)
		return err
	})
	if err != nil {
		f.log.Warn("others will wait for what this worker was at", "err", err)
	}
}

// serve has the client take jobs of the queues of the plans.
func (f *Fleet) serve(c *river.Client[pgx.Tx]) error {
	if f.o.Alone {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.plans {
		name := queueOf(p)
		if p.Profile != "" && f.profiles[p.Profile] != f.o.Machine || slices.Contains(f.serves, name) {
			continue
		}
		most := f.o.Parallel
		if p.Gate == p.Marketplace {
			most = 1 // its storefronts are read one after another
		}
		if err := c.Queues().Add(name, river.QueueConfig{MaxWorkers: most}); err != nil {
			return fmt.Errorf("take jobs of %s: %w", name, err)
		}
		f.serves = append(f.serves, name)
	}
	return nil
}

// self is who this worker is now: name#epoch; empty when it does not work.
func (f *Fleet) self() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.me
}
