package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/watch"
)

// errTaken says that somebody else has the slot, or that it was done or given up.
var errTaken = errors.New("somebody else has the scan by now; nothing was written")

// work makes the scan of a slot, or returns after how long somebody is to look at it
// again.
func (f *Fleet) work(ctx context.Context, name tracker.StorefrontName, at time.Time) (again time.Duration, err error) {
	me := f.self()
	s, found, err := f.slot(ctx, name, at)
	switch {
	case err != nil:
		return 0, err
	case !found || s.done || s.worker != "":
		return done, nil // when a worker dies over it, it gets another job
	case me == "":
		return time.Second, nil
	}
	p, ok := f.plan(name)
	if !ok {
		return f.unplanned(ctx, &s)
	}
	wait := func(d time.Duration, format string, args ...any) (time.Duration, error) {
		return d, f.note(ctx, &s, fmt.Sprintf(format, args...))
	}
	if f.o.Trouble != nil {
		if bad := f.o.Trouble(); bad != nil {
			why := fmt.Sprintf("the worker %s cannot scan: %v", f.worker, bad)
			if f.o.Alone {
				return wait(5*time.Second, "%s", why)
			}
			return f.handOver(ctx, &s, why)
		}
	}
	key := leaseOf(p, f.o.Egress)
	if !s.asked() {
		c, err := f.db.CoolDown(ctx, key)
		if err != nil {
			return 0, err
		}
		if left := c.Until.Sub(f.now()); left > 0 {
			return wait(min(left, time.Minute), "%s is cooling down after a wall", key)
		}
	}
	select {
	case f.busy <- struct{}{}:
		defer func() { <-f.busy }()
	default:
		return time.Second, nil // this worker has enough to do; another one may be free
	}
	l, other, err := f.db.Lease(ctx, scanPrefix+key, me, f.pause())
	switch {
	case err != nil:
		return 0, err
	case other != "":
		return wait(f.o.Tick/4+rand.N(f.o.Tick/4), waitsFor, key)
	}
	defer func() {
		ctx := context.WithoutCancel(ctx)
		if bad := l.Release(ctx); bad != nil {
			f.log.Warn("lease not released; it ends by itself", "lease", key, "err", bad)
		}
		f.next(ctx, key)
	}()
	switch took, err := f.take(ctx, &s, me); {
	case err != nil:
		return 0, err
	case !took:
		return done, nil
	}
	return f.make(ctx, &s, p, l, key)
}

// waitsFor is why a slot waits whose lease somebody else has.
const waitsFor = "another scan of %s runs"

// next puts the slot at the front of its queue that waits longest for a lease, which
// is free now. That it cannot is no loss: each is looked at again by itself.
func (f *Fleet) next(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var names []string
	for _, p := range f.planned() {
		if leaseOf(p, f.o.Egress) == key {
			names = append(names, string(p.Name))
		}
	}
	err := f.db.Update(ctx, func(t pgx.Tx) error {
		_, err := t.Exec(ctx, `update river_job set state = 'available', scheduled_at = clock_timestamp(), priority = $3
			where state in ('available', 'scheduled') and id = (
				select j.id from slots s join river_job j on j.id = s.job
				where s.storefront = any($1) and s.done is null and s.worker is null and j.state in ('available', 'scheduled')
					and (s.note = $2 or j.scheduled_at <= clock_timestamp()) -- others wait for their time
				order by j.priority, s.slot limit 1
			)`, names, fmt.Sprintf(waitsFor, key), prioAsked)
		return err
	})
	if err != nil {
		f.log.Debug("nobody told that the lease is free", "lease", key, "err", err)
	}
}

// unplanned ends a slot of a storefront that is in no configuration any more. One
// that this worker does not have yet, or that is in the file of another machine, is
// left to others.
func (f *Fleet) unplanned(ctx context.Context, s *slot) (again time.Duration, err error) {
	f.mu.Lock()
	applied := f.applied
	f.mu.Unlock()
	if applied == 0 || s.applied > applied {
		f.kick() // the new configuration may be there
		return 2*time.Second + rand.N(time.Second), nil
	}
	return done, f.db.Update(ctx, func(t pgx.Tx) error {
		_, err := t.Exec(ctx, "update slots set done = clock_timestamp(), reason = 'it is not in the configuration any more' where storefront = $1 and slot = $2 and done is null and worker is null",
			string(s.storefront), s.at)
		return err
	})
}

// handOver leaves a slot to other workers by another job, and keeps its own until
// this worker can scan again: as long as it has that it asks for no more of the
// queue, so that it takes nothing away from the others.
func (f *Fleet) handOver(ctx context.Context, s *slot, why string) (again time.Duration, err error) {
	err = f.db.Update(ctx, func(t pgx.Tx) error {
		if err := s.note(ctx, t, why); err != nil {
			return err
		}
		return f.enqueue(ctx, t, *s, time.Time{})
	})
	if err != nil {
		return 0, err
	}
	for ctx.Err() == nil && f.o.Trouble() != nil {
		rest(ctx, f.o.Tick)
	}
	return done, nil
}

// note says why a slot waits.
func (f *Fleet) note(ctx context.Context, s *slot, why string) error {
	return f.db.Update(ctx, func(t pgx.Tx) error { return s.note(ctx, t, why) })
}

func (s *slot) note(ctx context.Context, t pgx.Tx, why string) error {
	_, err := t.Exec(ctx, "update slots set note = $3 where storefront = $1 and slot = $2 and done is null and worker is null and note is distinct from $3",
		string(s.storefront), s.at, why)
	return err
}

// take makes this worker the one who scans a slot. It reports false when somebody
// else has it, or it was done.
func (f *Fleet) take(ctx context.Context, s *slot, me string) (took bool, err error) {
	err = f.db.Update(ctx, func(t pgx.Tx) error {
		err := t.QueryRow(ctx, `update slots set epoch = epoch + 1, worker = $3, taken = clock_timestamp(), note = null, progress = null
			where storefront = $1 and slot = $2 and done is null and worker is null returning epoch`, string(s.storefront), s.at, me).Scan(&s.epoch)
		if took = err == nil; errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	s.worker = me
	return took, err
}

// finish marks a slot as done within the transaction that keeps its scan, which
// fails when somebody else has it by now.
func (s *slot) finish(ctx context.Context, t pgx.Tx, scan *time.Time, reason string, result []byte) error {
	found, err := t.Exec(ctx, `update slots set done = clock_timestamp(), progress = null, scan = $5, reason = nullif($6, ''), result = $7::text::json
		where storefront = $1 and slot = $2 and epoch = $3 and worker = $4 and done is null`,
		string(s.storefront), s.at, s.epoch, s.worker, scan, reason, text(result))
	if err == nil && found.RowsAffected() != 1 {
		err = errTaken
	}
	return err
}

func text(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

// giveBack lets others have a slot that this worker has taken. It tries until it
// has, or the worker ends: then it is taken from it.
func (f *Fleet) giveBack(ctx context.Context, s *slot) {
	for {
		last := context.WithoutCancel(ctx)
		err := f.db.Update(last, func(t pgx.Tx) error {
			_, err := t.Exec(last, "update slots set epoch = epoch + 1, worker = null, progress = null where storefront = $1 and slot = $2 and epoch = $3 and worker = $4 and done is null",
				string(s.storefront), s.at, s.epoch, s.worker)
			return err
		})
		if err == nil || ctx.Err() != nil {
			return
		}
		rest(ctx, time.Second)
	}
}

// make makes the scan of a slot that this worker has taken, under its lease, and
// keeps it.
func (f *Fleet) make(ctx context.Context, s *slot, p watch.Plan, l Lease, key string) (again time.Duration, err error) {
	scanning, cancel, end := under(ctx, l)
	defer end()
	scan := f.scan(context.WithValue(scanning, leaseKey{}, l), s, p, cancel)
	if scanning.Err() != nil {
		f.log.Info("scan cut short", "storefront", s.storefront, "err", context.Cause(scanning))
		f.giveBack(ctx, s)
		return time.Second, nil
	}
	keeping := context.WithoutCancel(ctx) // what was read is kept, also when the end comes meanwhile
	// By the clock of the database.
	scan.Began = scan.Began.Add(f.aheadNow())
	scan.Storefront, scan.Retry = s.storefront, s.kind == kindRetry
	changes, err := watch.GuardedCommit(func(ctx context.Context, scan *tracker.Scan) ([]tracker.Change, error) {
		return f.commit(ctx, s, scan)
	}, f.log)(keeping, scan)
	switch {
	case errors.Is(err, errTaken):
		f.log.Warn("scan dropped", "storefront", s.storefront, "err", err)
		return done, nil
	case err != nil:
		f.log.Error("scan not kept", "storefront", s.storefront, "err", err)
		if f.giveBack(ctx, s); ctx.Err() != nil {
			return time.Second, nil // this worker ends
		}
		return f.o.Backoff, nil // it asks for all pages again
	}
	f.learn(keeping, s, p, scan, key)
	if len(changes) > 0 && s.kind != kindDry {
		f.Wake(keeping)
	}
	f.tell(scan, len(changes))
	return done, nil
}

// under is a context that ends when a lease is lost. end ends it and must be called.
func under(ctx context.Context, l Lease) (held context.Context, cancel context.CancelCauseFunc, end func()) {
	held, cancel = context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-l.Ended():
			cancel(errors.New("its lease was lost"))
		case <-held.Done():
		}
	})
	return held, cancel, func() { cancel(nil); watching.Wait() }
}

type leaseKey struct{}

// Pace waits until the next page may be asked for by the scan to which a context
// belongs, and returns what says that it has come. It fails when the scan's lease is
// lost.
func (f *Fleet) Pace(ctx context.Context, _ string) (came func(), err error) {
	l, ok := ctx.Value(leaseKey{}).(Lease)
	if !ok {
		return nil, errors.New("a bug in shopwatch: a page without a lease")
	}
	return l.Came, l.Page(ctx, f.pause())
}

func (f *Fleet) pause() time.Duration {
	if f.o.Pace == nil {
		return 0
	}
	return f.o.Pace()
}

// progressEvery is how often others are told how far a scan has come.
const progressEvery = 2 * time.Second

// scan reads the storefront.
func (f *Fleet) scan(ctx context.Context, s *slot, p watch.Plan, cancel context.CancelCauseFunc) *tracker.Scan {
	var told time.Time
	read := f.o.Scan
	if s.capture {
		read = f.o.Capture
	}
	return watch.Guarded(read, f.log)(ctx, p.Storefront, func(g tracker.Progress) {
		if time.Since(told) < progressEvery && g.Note == "" && !s.asked() {
			return
		}
		told = time.Now()
		switch err := f.progress(ctx, s, g); {
		case errors.Is(err, errTaken):
			cancel(err)
		case err != nil && ctx.Err() == nil:
			f.log.Debug("progress not told", "storefront", s.storefront, "err", err)
		}
	})
}

// progress tells others how far a scan has come, and finds out whether it is this
// worker's still.
func (f *Fleet) progress(ctx context.Context, s *slot, g tracker.Progress) error {
	v, err := json.Marshal(g)
	if err != nil {
		return err
	}
	return f.db.Update(ctx, func(t pgx.Tx) error {
		found, err := t.Exec(ctx, "update slots set progress = $5::text::json where storefront = $1 and slot = $2 and epoch = $3 and worker = $4 and done is null",
			string(s.storefront), s.at, s.epoch, s.worker, string(v))
		if err == nil && found.RowsAffected() != 1 {
			err = errTaken
		}
		return err
	})
}

// A result is what who asked for a scan is told.
type result struct {
	Scan    tracker.Scan     `json:"scan"`
	Changes []tracker.Change `json:"changes"`
}

// commit keeps a scan, or only says what it would change, and marks its slot as
// done.
func (f *Fleet) commit(ctx context.Context, s *slot, scan *tracker.Scan) (changes []tracker.Change, err error) {
	if s.kind == kindDry {
		if changes, err = f.o.Preview(ctx, scan); err != nil {
			return nil, err
		}
		return changes, f.db.Update(ctx, func(t pgx.Tx) error {
			v, err := json.Marshal(result{*scan, changes})
			if err != nil {
				return err
			}
			return s.finish(ctx, t, nil, "nothing of it was to be kept", v)
		})
	}
	began := scan.Began.UTC().Truncate(time.Millisecond)
	changes, err = f.o.Commit(ctx, scan, func(ctx context.Context, t pgx.Tx) error {
		if err := s.finish(ctx, t, &began, "", nil); err != nil || !s.asked() || scan.Verdict != tracker.Complete && scan.Verdict != tracker.Partial {
			return err
		}
		_, err := t.Exec(ctx, `update slots set done = clock_timestamp(), reason = 'a scan that somebody asked for stands for it'
			where storefront = $1 and kind in ('schedule', 'retry') and slot <= clock_timestamp() and done is null and worker is null`, string(s.storefront))
		return err
	})
	if err != nil || s.kind != kindAsk {
		return changes, err
	}
	v, err := json.Marshal(result{*scan, changes})
	if err == nil {
		err = f.db.Update(ctx, func(t pgx.Tx) error {
			_, err := t.Exec(ctx, "update slots set result = $3::text::json where storefront = $1 and slot = $2", string(s.storefront), s.at, string(v))
			return err
		})
	}
	if err != nil {
		f.log.Warn("who asked for the scan is not told", "storefront", s.storefront, "err", err)
	}
	return changes, nil
}

// learn draws the consequences of a scan: for the cool-down of its key and, when it
// failed, for when it is tried again.
func (f *Fleet) learn(ctx context.Context, s *slot, p watch.Plan, scan *tracker.Scan, key string) {
	now := f.now()
	if scan.Verdict != tracker.Failed || scan.Evidence.Wall.Wall() {
		_, err := f.db.ChangeCoolDown(ctx, key, func(c *storage.CoolDown) { watch.Learn(c, scan, f.o.Cooling, now) })
		if err != nil {
			f.log.Error("cool-down not saved", "key", key, "err", err)
		}
	}
	if scan.Verdict != tracker.Failed || s.asked() || p.Schedule == nil {
		return
	}
	again, ok := watch.TryAgain(s.tries+1, f.o.Backoff, now, p.Schedule.Next(now))
	if !ok {
		return
	}
	again = again.Truncate(time.Millisecond)
	err := f.db.Update(ctx, func(t pgx.Tx) error {
		r := slot{storefront: s.storefront, at: again, queue: queueOf(p), kind: kindRetry}
		made, err := t.Exec(ctx, "insert into slots (storefront, slot, kind, queue, applied, tries) values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
			string(r.storefront), r.at, r.kind, r.queue, s.applied, s.tries+1)
		if err != nil || made.RowsAffected() == 0 {
			return err
		}
		return f.enqueue(ctx, t, r, again)
	})
	if err != nil {
		f.log.Error("a scan that failed is not tried again before the next one is due", "storefront", s.storefront, "err", err)
	}
}

// tell logs the one line about a scan that an operator reads.
func (f *Fleet) tell(scan *tracker.Scan, changes int) {
	log := watch.LogOf(scan, changes, f.log)
	if scan.Verdict == tracker.Complete {
		log.Info("scanned")
	} else {
		log.Warn("scanned", "reason", scan.Reason)
	}
}

// Wake has the channels looked at now. That it cannot is no loss: each is looked at
// once a minute.
func (f *Fleet) Wake(ctx context.Context) {
	f.mu.Lock()
	channels := f.channels
	f.mu.Unlock()
	err := f.db.Update(ctx, func(t pgx.Tx) error {
		waits, err := list(ctx, t, pgx.RowTo[string], "select args->>'channel' from river_job where kind = 'deliver' and state = 'available' and scheduled_at <= clock_timestamp()")
		if err != nil {
			return err
		}
		known := make(map[string]bool)
		for _, c := range waits {
			known[c] = true
		}
		for _, c := range channels {
			if !known[c] {
				if err := f.enqueueDelivery(ctx, t, c, time.Time{}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		f.log.Debug("channels not woken", "err", err)
	}
}

func (f *Fleet) enqueueDelivery(ctx context.Context, t pgx.Tx, channel string, at time.Time) error {
	_, err := f.insert(ctx, t, deliverJob{channel}, at, river.InsertOpts{Queue: reportQueue, Priority: prioAsked})
	return err
}

// workDeliver looks at the outbox of a channel, one worker at a time.
func (f *Fleet) workDeliver(ctx context.Context, j *river.Job[deliverJob]) error {
	next, held, err := f.deliver(ctx, j.Args.Channel)
	switch {
	case err != nil:
		if ctx.Err() == nil { // else the worker ends
			f.log.Error("cannot work through the outbox", "channel", j.Args.Channel, "err", err)
		}
		return f.outcome(ctx, time.Minute, nil)
	case held:
		return f.outcome(ctx, time.Second, nil)
	case next.IsZero():
		return nil
	}
	return f.db.Update(ctx, func(t pgx.Tx) error {
		var sooner bool
		at := next.Add(f.aheadNow())
		err := t.QueryRow(ctx, `select exists (select from river_job where kind = 'deliver' and args->>'channel' = $1 and id <> $2
			and state in ('available', 'retryable', 'scheduled') and scheduled_at <= $3)`, j.Args.Channel, j.ID, at).Scan(&sooner)
		if err != nil || sooner {
			return err
		}
		return f.enqueueDelivery(ctx, t, j.Args.Channel, at)
	})
}

func (f *Fleet) aheadNow() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ahead
}

// deliver makes and sends the reports of a channel that are due. held says that
// another worker does so now.
func (f *Fleet) deliver(ctx context.Context, channel string) (next time.Time, held bool, err error) {
	l, other, err := f.db.Lease(ctx, "channel/"+channel, f.worker, 0)
	if err != nil || other != "" {
		return next, other != "", err
	}
	sending, _, end := under(ctx, l)
	defer end()
	next, err = f.o.Deliver(sending, channel)
	return next, false, errors.Join(err, l.Release(context.WithoutCancel(ctx)))
}

// Flush makes and sends what is due now, but for channels at which another worker is.
func (f *Fleet) Flush(ctx context.Context) error {
	f.mu.Lock()
	channels := f.channels
	f.mu.Unlock()
	var errs []error
	for _, c := range channels {
		if _, _, err := f.deliver(ctx, c); err != nil {
			errs = append(errs, fmt.Errorf("channel %s: %w", c, err))
		}
	}
	return errors.Join(errs...)
}
