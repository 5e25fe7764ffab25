package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/tracker"
	"shopwatch/tracker/watch"
)

// work makes the scan of a slot, or returns after how long somebody is to look at it
// again.
func (f *Fleet) work(ctx context.Context, name tracker.StorefrontName, at time.Time) (again time.Duration, err error) {
	me := f.self()
	if me == "" {
		return time.Second, nil
	}
	p, ok := f.plan(name)
	if !ok {
		return f.unplanned(ctx, name, at)
	}
	s := slot{storefront: name, at: at}
	wait := func(d time.Duration, format string, args ...any) (time.Duration, error) {
		return d, f.note(ctx, &s, fmt.Sprintf(format, args...))
	}
	if f.o.Trouble != nil {
		if bad := f.o.Trouble(); bad != nil {
			why := fmt.Sprintf("the worker %s cannot scan: %v", f.worker, bad)
			if f.o.Alone {
				return wait(5*time.Second, "%s", why)
			}
			return f.handOver(ctx, name, at, why)
		}
	}
	select {
	case f.busy <- struct{}{}:
		defer func() { <-f.busy }()
	default:
		return time.Second, nil // this worker has enough to do; another one may be free
	}
	key := leaseOf(p, f.o.Egress)
	l, other, err := f.db.Lease(ctx, scanPrefix+key, me, f.pause(), func(ctx context.Context, t pgx.Tx) error { return s.take(ctx, t, me, key) })
	cold := (*coldError)(nil)
	switch {
	case errors.Is(err, errTaken):
		return done, nil // when a worker dies over it, it gets another job
	case errors.As(err, &cold):
		return wait(min(cold.left, time.Minute), "%s is cooling down after a wall", key)
	case err != nil:
		if s.worker != "" {
			f.giveBack(ctx, &s) // whether it was taken may not be known
		}
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
	_, err := f.db.Pool().Exec(ctx, `update river_job set state = 'available', scheduled_at = clock_timestamp(), priority = $3
		where state in ('available', 'scheduled') and id = (
			select j.id from slots s join river_job j on j.id = s.job
			where s.storefront = any($1) and s.done is null and s.worker is null and j.state in ('available', 'scheduled')
				and (s.note = $2 or j.scheduled_at <= clock_timestamp()) -- others wait for their time
			order by j.priority, s.slot limit 1
		)`, names, fmt.Sprintf(waitsFor, key), prioAsked)
	if err != nil {
		f.log.Debug("nobody told that the lease is free", "lease", key, "err", err)
	}
}

// unplanned ends a slot of a storefront that is in no configuration any more. One
// that this worker does not have yet, or that is in the file of another machine, is
// left to others.
func (f *Fleet) unplanned(ctx context.Context, name tracker.StorefrontName, at time.Time) (again time.Duration, err error) {
	s, waits, err := f.slot(ctx, name, at)
	if err != nil || !waits {
		return done, err
	}
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
func (f *Fleet) handOver(ctx context.Context, name tracker.StorefrontName, at time.Time, why string) (again time.Duration, err error) {
	s, waits, err := f.slot(ctx, name, at)
	if err != nil || !waits {
		return done, err
	}
	err = f.db.Update(ctx, func(t pgx.Tx) error {
		if err := s.note(ctx, t, why); err != nil {
			return err
		}
		return f.enqueue(ctx, t, s, time.Time{})
	})
	if err != nil {
		return 0, err
	}
	for ctx.Err() == nil && f.o.Trouble() != nil {
		rest(ctx, f.o.Tick)
	}
	return done, nil
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
	s.date(scan)
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

// tell logs the one line about a scan that an operator reads.
func (f *Fleet) tell(scan *tracker.Scan, changes int) {
	log := watch.LogOf(scan, changes, f.log)
	if scan.Verdict == tracker.Complete {
		log.Info("scanned")
	} else {
		log.Warn("scanned", "reason", scan.Reason)
	}
}
