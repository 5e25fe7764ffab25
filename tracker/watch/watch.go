package watch

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/schedule"
)

// A Plan is a storefront that is watched.
type Plan struct {
	tracker.Storefront
	// Gate names what is left in peace, such as a marketplace: storefronts of
	// one gate are scanned one after another, and a wall stops all of them.
	Gate     string
	Schedule schedule.Schedule // nil: scanned only when somebody asks
	// Profile is the profile of Chrome that it is read with, in a fleet; empty
	// for that of whoever scans it.
	Profile string
}

// Options of a Watcher. Scan, Commit, State and CoolDowns must be set.
type Options struct {
	Plans  []Plan
	Scan   ScanFunc
	Commit CommitFunc
	// State returns what is known of a storefront, the zero State for a new
	// one. It is asked once for each, to find what was missed while shopwatch
	// did not run.
	State func(context.Context, tracker.StorefrontName) (tracker.State, error)
	// Parallel is how many storefronts that are due are scanned at once at most,
	// each behind a gate of its own: 4 when zero.
	Parallel int
	// CoolDowns keeps until when a gate is left alone, for this process
	// and all others that scan.
	CoolDowns storage.CoolDowns
	// Late is how much later than now a storefront is scanned when it was
	// missed while shopwatch did not run. Nil for nothing.
	Late func(tracker.StorefrontName) time.Duration
	// Jitter is the most by which a scan may begin later than its schedule
	// says, so that storefronts do not begin together. It is the same for a
	// storefront every time, and never more than a tenth of the time between
	// two of its scans.
	Jitter time.Duration
	// Cooling is how long a gate is left alone after a wall: 10 minutes
	// when zero. After the next wall it is twice as long and so on, up to 36
	// times, which is 6 hours.
	Cooling time.Duration
	// Backoff is after how long a scheduled scan that failed is tried again:
	// 10 minutes when zero. The next time it is twice as long and so on, if
	// the schedule does not come first. Walls are not tried again: what comes
	// due waits until the gate has cooled down.
	Backoff time.Duration
}

// A Watcher scans storefronts when they are due.
type Watcher struct {
	o       Options
	log     *slog.Logger
	plans   chan replan   // for Run
	stopped chan struct{} // closed when Run has ended
	slots   chan struct{} // a token in it is held by a scan that is due

	mu    sync.Mutex
	shops []*watched
	gates map[string]*gate // by name
}

// A watched is a storefront on the watch. It is scanned by its own goroutine, so
// that no two scans of it ever run at the same time.
type watched struct {
	tracker.Storefront
	gate *gate
	asks chan *ask
	wake chan struct{}      // of capacity 1: due has changed
	end  context.CancelFunc // of its goroutine; nil before it runs
	gone chan struct{}      // closed when its goroutine has ended

	mu       sync.Mutex
	schedule schedule.Schedule // nil: scanned only when somebody asks
	jitter   time.Duration
	dropped  bool      // it is in the plans no longer
	failed   int       // scheduled scans in a row
	again    time.Time // until then a scan that is due tries again one that failed
	due      time.Time // zero: only when asked
	began    time.Time // of the scan that runs; zero when none does
	progress tracker.Progress
}

// New returns a watcher of the storefronts that the options plan.
func New(o Options, log *slog.Logger) *Watcher {
	o.Cooling = cmp.Or(o.Cooling, 10*time.Minute)
	o.Backoff = cmp.Or(o.Backoff, 10*time.Minute)
	o.Parallel = cmp.Or(o.Parallel, 4)
	w := &Watcher{o: o, log: log, plans: make(chan replan), stopped: make(chan struct{}), slots: make(chan struct{}, o.Parallel), gates: map[string]*gate{}}
	for _, p := range o.Plans {
		w.shops = append(w.shops, w.open(p))
	}
	return w
}

// open returns a storefront of a plan that nobody watches yet.
func (w *Watcher) open(p Plan) *watched {
	m := w.gates[p.Gate]
	if m == nil {
		m = &gate{
			name: p.Gate, cooling: w.o.Cooling, store: w.o.CoolDowns, log: w.log,
			next: make(chan struct{}, 1), busy: make(chan struct{}, 1),
		}
		w.gates[p.Gate] = m
	}
	return &watched{
		Storefront: p.Storefront, gate: m, schedule: p.Schedule, jitter: Jitter(p, w.o.Jitter),
		asks: make(chan *ask), wake: make(chan struct{}, 1), gone: make(chan struct{}),
	}
}

// Run watches until ctx is done. It returns when every scan has ended; those
// cut short are not committed. It may be called once.
func (w *Watcher) Run(ctx context.Context) error {
	defer close(w.stopped)
	if err := w.recall(ctx, w.shops); err != nil && ctx.Err() == nil {
		return err
	}
	var wg sync.WaitGroup
	start := func(s *watched) {
		ctx, end := context.WithCancel(ctx)
		s.end = end
		wg.Go(func() {
			defer close(s.gone)
			w.watch(ctx, s)
		})
	}
	for _, s := range w.shops {
		start(s)
	}
	for {
		select {
		case r := <-w.plans:
			r.done <- w.replan(ctx, r.plans, start)
		case <-ctx.Done():
			wg.Wait()
			return nil
		}
	}
}

// watch scans one storefront whenever it is due or asked for.
func (w *Watcher) watch(ctx context.Context, s *watched) {
	for ctx.Err() == nil {
		a := s.wait(ctx)
		entered := false
		if a == nil {
			entered, a = s.gate.queue(ctx, s.asks)
		}
		switch {
		case entered:
			select {
			case w.slots <- struct{}{}:
				// Another scan may have met a wall while this one waited.
				if ctx.Err() == nil && !s.gate.cooled(ctx).After(now()) {
					w.scan(ctx, s)
				}
				<-w.slots
			case <-ctx.Done():
			}
			<-s.gate.busy
		case a != nil:
			if err := s.gate.enter(ctx, a.ctx); err != nil {
				a.reply <- answer{err: s.why(err)}
				continue
			}
			w.answer(ctx, s, a)
			<-s.gate.busy
		}
	}
}

// wait returns when the storefront is due and its gate has cooled down,
// or somebody asks for a scan, or ctx is done. It looks at the clock every
// minute, because timers stand still while a machine sleeps and know nothing
// of a clock that is set.
func (s *watched) wait(ctx context.Context) *ask {
	for {
		s.mu.Lock()
		if next := s.nextDue(now()); !next.IsZero() && next.Before(s.due) {
			s.due = next // the clock was put back
		}
		due := s.due
		s.mu.Unlock()
		left := time.Minute
		if !due.IsZero() {
			if due.After(now()) {
				left = min(left, due.Sub(now()))
			} else {
				left = min(left, s.gate.cooled(ctx).Sub(now()))
			}
		}
		if left <= 0 {
			return nil
		}
		t := time.NewTimer(left)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case a := <-s.asks:
			t.Stop()
			return a
		case <-s.wake:
			t.Stop()
		case <-t.C:
		}
	}
}

func (w *Watcher) watched() []*watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shops // replan makes another slice
}
