package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
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

// A ScanFunc reads a storefront and never returns nil. It ends early when ctx
// is done; what it returns then proves nothing and is not looked at.
type ScanFunc func(ctx context.Context, sf tracker.Storefront, progress func(tracker.Progress)) *tracker.Scan

// A CommitFunc takes a scan into the catalog and returns what changed.
type CommitFunc func(context.Context, *tracker.Scan) ([]tracker.Change, error)

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

const (
	coldest = 36 // times Options.Cooling
	retries = 3  // of a scan that failed
)

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

// A replan is a wish for other plans.
type replan struct {
	plans []Plan
	done  chan error // of capacity 1
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

// An ask is a person's wish for a scan.
type ask struct {
	Request
	ctx   context.Context
	reply chan answer // of capacity 1
}

type answer struct {
	scan    *tracker.Scan
	changes []tracker.Change
	err     error
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

// Jitter is how much later than scheduled a storefront is scanned, as Options.Jitter
// says.
func Jitter(p Plan, most time.Duration) time.Duration {
	if p.Schedule == nil {
		return 0
	}
	at := p.Schedule.Next(now())
	for range 10 {
		next := p.Schedule.Next(at)
		if at.IsZero() || next.IsZero() {
			break
		}
		most = min(most, next.Sub(at)/10)
		at = next
	}
	if most <= 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(p.Name))
	return time.Duration(h.Sum64() % uint64(most)).Truncate(time.Millisecond)
}

// now is the time on the wall. Schedules are about the wall: how much time
// passed while the machine slept does not matter.
func now() time.Time { return time.Now().Round(0) }

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

// Replan gives the watcher other plans while it runs. A storefront that is in
// both is watched on: its scan that runs goes on, and what is known of its
// gate stays. The scan of one that is dropped, or has another address,
// is cut short. An error leaves everything as it was.
func (w *Watcher) Replan(plans []Plan) error {
	r := replan{plans, make(chan error, 1)}
	select {
	case w.plans <- r:
		return <-r.done
	case <-w.stopped:
		return errStopping
	}
}

// replan is called by Run, which starts what is new.
func (w *Watcher) replan(ctx context.Context, plans []Plan, start func(*watched)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var shops, fresh []*watched
	dropped := slices.Clone(w.shops)
	for _, p := range plans {
		i := slices.IndexFunc(dropped, func(s *watched) bool { return s.Storefront == p.Storefront && s.gate.name == p.Gate })
		if i < 0 {
			fresh = append(fresh, w.open(p))
			shops = append(shops, fresh[len(fresh)-1])
			continue
		}
		shops = append(shops, dropped[i])
		dropped = slices.Delete(dropped, i, i+1)
	}
	states := make([]tracker.State, len(plans))
	for i, s := range shops {
		var err error
		if states[i], err = w.o.State(ctx, s.Name); err != nil {
			return fmt.Errorf("read when %s was scanned: %w", s.Name, err)
		}
	}
	if err := w.recall(ctx, fresh); err != nil {
		return err
	}
	w.shops = shops
	for _, s := range dropped {
		s.mu.Lock()
		s.dropped = true
		s.mu.Unlock()
		s.end()
	}
	for i, s := range shops {
		if s.end == nil {
			start(s)
		} else if due, changed := s.replan(plans[i], Jitter(plans[i], w.o.Jitter), states[i].LastScan); changed {
			w.announce(s.Name, due, states[i].LastScan)
		}
	}
	return nil
}

// replan takes another schedule and returns when the storefront is due by it.
func (s *watched) replan(p Plan, jitter time.Duration, last time.Time) (due time.Time, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reflect.DeepEqual(s.schedule, p.Schedule) {
		return s.due, false
	}
	s.schedule, s.jitter = p.Schedule, jitter
	s.failed, s.again = 0, time.Time{}
	s.due = s.firstDue(last)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return s.due, true
}

// recall finds out what was missed while shopwatch did not run. However often a
// storefront was missed, it is scanned once.
func (w *Watcher) recall(ctx context.Context, shops []*watched) error {
	for _, s := range shops {
		st, err := w.o.State(ctx, s.Name)
		if err != nil {
			return fmt.Errorf("read when %s was scanned: %w", s.Name, err)
		}
		s.mu.Lock()
		s.due = s.firstDue(st.LastScan)
		if late := w.late(s.Name); late > 0 && !s.due.IsZero() {
			if at := now().Add(late); s.due.Before(at) {
				s.due = at
			}
		}
		due := s.due
		s.mu.Unlock()
		w.announce(s.Name, due, st.LastScan)
	}
	told := make(map[*gate]bool)
	for _, s := range shops {
		if told[s.gate] {
			continue
		}
		told[s.gate] = true
		if until := s.gate.cooled(ctx); until.After(now()) {
			w.log.Warn("left alone after a wall", "gate", s.gate.name, "until", until)
		}
	}
	return nil
}

func (w *Watcher) late(name tracker.StorefrontName) time.Duration {
	if w.o.Late == nil {
		return 0
	}
	return w.o.Late(name)
}

// announce says when a storefront is scanned next. Zero times are never.
func (w *Watcher) announce(name tracker.StorefrontName, due, last time.Time) {
	log := w.log.With("storefront", name)
	if !due.IsZero() {
		log = log.With("next", due)
	}
	if !last.IsZero() {
		log = log.With("last", last)
	}
	log.Info("watching")
}

// firstDue is when a storefront is due that was scanned last at a time. The
// caller holds mu, like that of nextDue.
func (s *watched) firstDue(last time.Time) time.Time {
	t := now()
	switch {
	case s.schedule == nil:
		return time.Time{}
	case last.IsZero():
		return t // a new storefront
	case last.After(t):
		last = t // the clock was put back
	}
	return s.nextDue(last)
}

func (s *watched) nextDue(t time.Time) time.Time {
	if s.schedule == nil {
		return time.Time{}
	}
	due := s.schedule.Next(t.Add(-s.jitter))
	if due.IsZero() {
		return due
	}
	return due.Add(s.jitter)
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

var errStopping = errors.New("shopwatch is stopping; ask again when it runs")

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

// why is an error, or the reason for it when the storefront was dropped.
func (s *watched) why(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped {
		return fmt.Errorf("%s was taken out of the configuration, or has another address there; nothing was kept", s.Name)
	}
	return err
}

// scan does a scan that is due.
func (w *Watcher) scan(ctx context.Context, s *watched) {
	s.mu.Lock()
	retry := now().Before(s.again)
	s.mu.Unlock()
	scan, _, err := w.once(ctx, s, retry, w.o.Scan, w.o.Commit, func(tracker.Progress) {})
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := now()
	s.due, s.again = s.nextDue(t), time.Time{}
	if scan.Verdict != tracker.Failed && err == nil {
		s.failed = 0
		return
	}
	s.failed++
	if again, ok := TryAgain(s.failed, w.o.Backoff, t, s.due); ok {
		s.due, s.again = again, s.due
	}
}

// TryAgain returns when a scheduled scan is tried again that failed, so many times in
// a row with this one. It reports false when that is often enough, or the schedule
// comes first.
func TryAgain(failed int, backoff time.Duration, now, next time.Time) (again time.Time, ok bool) {
	if failed > retries {
		return again, false
	}
	again = now.Add(backoff << (failed - 1))
	return again, again.Before(next)
}

// answer does a scan that somebody asked for. If it sees the storefront, it
// stands for one that is due.
func (w *Watcher) answer(ctx context.Context, s *watched, a *ask) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.ctx, cancel)()
	read, commit, progress := a.Scan, a.Commit, a.Progress
	if read == nil {
		read = w.o.Scan
	}
	if commit == nil {
		commit = w.o.Commit
	}
	if progress == nil {
		progress = func(tracker.Progress) {}
	}
	if until := s.gate.cooled(ctx); until.After(now()) {
		progress(tracker.Progress{Storefront: s.Name, Note: fmt.Sprintf(
			"%s is cooling down for %s after a wall; scanning anyway because you ask",
			s.gate.name, strings.TrimSuffix(max(until.Sub(now()), time.Minute).Round(time.Minute).String(), "0s"))})
	}
	scan, changes, err := w.once(ctx, s, false, read, commit, progress)
	if ctx.Err() != nil {
		a.reply <- answer{err: s.why(ErrCut)}
		return
	}
	if seen := scan.Verdict == tracker.Complete || scan.Verdict == tracker.Partial; seen && err == nil && a.Commit == nil {
		s.mu.Lock()
		s.failed, s.again, s.due = 0, time.Time{}, s.nextDue(now())
		s.mu.Unlock()
	}
	a.reply <- answer{scan, changes, err}
}

// ErrCut is of a scan that somebody asked for and that did not come to its end.
var ErrCut = errors.New("the scan was cut short; nothing was kept")

// once does one scan and commits it. The gate must have been entered.
func (w *Watcher) once(ctx context.Context, s *watched, retry bool, read ScanFunc, commit CommitFunc, progress func(tracker.Progress)) (scan *tracker.Scan, changes []tracker.Change, err error) {
	began := now().Truncate(time.Millisecond)
	s.note(began, tracker.Progress{Storefront: s.Name})
	defer s.note(time.Time{}, tracker.Progress{})
	progress(tracker.Progress{Storefront: s.Name})
	scan = Guarded(read, w.log)(ctx, s.Storefront, func(p tracker.Progress) {
		s.note(began, p)
		progress(p)
	})
	scan.Storefront, scan.Retry = s.Name, retry
	if ctx.Err() != nil {
		w.log.Info("scan cut short", "storefront", s.Name, "took", now().Sub(began))
		return scan, nil, ctx.Err()
	}
	ctx = context.WithoutCancel(ctx) // what was read is kept, also when the end comes meanwhile
	changes, err = GuardedCommit(commit, w.log)(ctx, scan)
	s.gate.learn(ctx, scan)
	w.tell(ctx, s, scan, len(changes), err)
	return scan, changes, err
}

// tell logs the one line about a scan that an operator reads.
func (w *Watcher) tell(ctx context.Context, s *watched, scan *tracker.Scan, changes int, err error) {
	log := LogOf(scan, changes, w.log)
	switch until := s.gate.cooled(ctx); {
	case err != nil:
		log.Error("scan not kept", "err", err)
	case until.After(now()):
		log.Warn("scanned", "reason", scan.Reason, "waiting", until)
	case scan.Verdict != tracker.Complete:
		log.Warn("scanned", "reason", scan.Reason)
	default:
		log.Info("scanned")
	}
}

// LogOf is a log with what an operator reads of a scan.
func LogOf(scan *tracker.Scan, changes int, log *slog.Logger) *slog.Logger {
	log = log.With("storefront", scan.Storefront, "verdict", string(scan.Verdict), "pages", scan.Evidence.Pages,
		"products", scan.Evidence.Products, "changes", changes, "took", scan.Took.Round(time.Millisecond))
	if scan.Retry {
		log = log.With("retry", true)
	}
	return log
}

// Guarded is a scan that returns one whatever happens: one that panics is a failed
// scan.
func Guarded(read ScanFunc, log *slog.Logger) ScanFunc {
	return func(ctx context.Context, sf tracker.Storefront, progress func(tracker.Progress)) (scan *tracker.Scan) {
		began := now().Truncate(time.Millisecond)
		defer func() {
			if r := recover(); r != nil {
				log.Error("scan panicked", "storefront", sf.Name, "err", r, "stack", string(debug.Stack()))
				scan = &tracker.Scan{Verdict: tracker.Failed, Reason: fmt.Sprintf("a bug in shopwatch: %v", r)}
			}
			if scan == nil {
				scan = &tracker.Scan{Verdict: tracker.Failed, Reason: "a bug in shopwatch: no scan"}
			}
			if scan.Began.IsZero() {
				scan.Began, scan.Took = began, now().Sub(began)
			}
		}()
		return read(ctx, sf, progress)
	}
}

// GuardedCommit is a commit of which a panic is an error.
func GuardedCommit(commit CommitFunc, log *slog.Logger) CommitFunc {
	return func(ctx context.Context, scan *tracker.Scan) (changes []tracker.Change, err error) {
		defer func() {
			if r := recover(); r != nil {
				log.Error("commit panicked", "storefront", scan.Storefront, "err", r, "stack", string(debug.Stack()))
				err = fmt.Errorf("a bug in shopwatch: %v", r)
			}
		}()
		return commit(ctx, scan)
	}
}

func (s *watched) note(began time.Time, p tracker.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began, s.progress = began, p
}

// A Request says how to do a scan that a person asks for.
type Request struct {
	// Scan takes the place of that of the options. Nil for the ordinary one.
	Scan ScanFunc
	// Commit takes the place of that of the options: a dry run does not keep
	// its scan. Nil for the ordinary one.
	Commit   CommitFunc
	Progress func(tracker.Progress) // nil when nobody watches
}

// Scan scans a storefront now and waits for the end, also while the
// gate cools down. It goes before scans that are due, not before one
// that runs. When ctx is done the scan is cut short and nothing is kept.
func (w *Watcher) Scan(ctx context.Context, name tracker.StorefrontName, r Request) (*tracker.Scan, []tracker.Change, error) {
	all := w.watched()
	i := slices.IndexFunc(all, func(s *watched) bool { return s.Name == name })
	if i < 0 {
		return nil, nil, fmt.Errorf("there is no storefront %q in the configuration", name)
	}
	a := &ask{Request: r, ctx: ctx, reply: make(chan answer, 1)}
	select {
	case all[i].asks <- a:
	case <-ctx.Done():
		return nil, nil, ErrCut
	case <-all[i].gone:
		return nil, nil, all[i].why(errStopping)
	case <-w.stopped:
		return nil, nil, errStopping
	}
	got := <-a.reply
	return got.scan, got.changes, got.err
}

func (w *Watcher) watched() []*watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shops // replan makes another slice
}

// A Status is what a storefront is waiting for.
type Status struct {
	tracker.Storefront
	Next     time.Time // when it is due, or how long its gate cools down; zero when only asked for
	Cooling  time.Time // until when its gate is left alone; zero when it is not
	Began    time.Time // of the scan that runs; zero when none does
	Progress tracker.Progress
	Waits    string // why a scan that is due does not begin, in a fleet; empty when it is not due, or begins soon
}

// Status returns what every storefront is waiting for, in the order of the
// plans.
func (w *Watcher) Status(ctx context.Context) []Status {
	shops := w.watched()
	all := make([]Status, 0, len(shops))
	cooled := make(map[*gate]time.Time)
	for _, s := range shops {
		c, known := cooled[s.gate]
		if !known {
			c = s.gate.cooled(ctx)
			cooled[s.gate] = c
		}
		s.mu.Lock()
		st := Status{Storefront: s.Storefront, Next: s.due, Began: s.began, Progress: s.progress}
		s.mu.Unlock()
		if c.After(now()) {
			st.Cooling = c
			if !st.Next.IsZero() && c.After(st.Next) {
				st.Next = c
			}
		}
		all = append(all, st)
	}
	return all
}
