package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/tracker"
	"shopwatch/tracker/watch"
)

// askEvery is how often who asked for a scan looks at it.
const askEvery = 300 * time.Millisecond

// Scan has a storefront scanned now, by whoever can, and waits for the end, also
// while it cools down. With a Scan in the request Options.Capture takes the place of
// Options.Scan, with a Commit nothing is kept: whoever makes it has none of the
// request's. When ctx is done the scan is given up.
func (f *Fleet) Scan(ctx context.Context, name tracker.StorefrontName, r watch.Request) (*tracker.Scan, []tracker.Change, error) {
	p, ok := f.plan(name)
	if !ok {
		return nil, nil, fmt.Errorf("there is no storefront %q in the configuration", name)
	}
	if r.Progress == nil {
		r.Progress = func(tracker.Progress) {}
	}
	own, err := f.own(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	s := slot{storefront: name, queue: queueOf(p), kind: kindAsk, capture: r.Scan != nil}
	if r.Commit != nil {
		s.kind = kindDry
	}
	if err := f.ask(ctx, &s, own); err != nil {
		return nil, nil, err
	}
	f.sayCooling(ctx, p, r.Progress)
	if !own {
		return f.await(ctx, &s, p, r.Progress)
	}
	for {
		again, err := f.work(ctx, name, s.at)
		switch {
		case ctx.Err() != nil:
			f.giveUp(ctx, &s)
			return nil, nil, watch.ErrCut
		case err != nil:
			f.giveUp(ctx, &s)
			return nil, nil, err
		case again == done:
			return f.await(ctx, &s, p, r.Progress)
		}
		rest(ctx, again)
	}
}

// own reports whether this process makes the scan of a plan that it asks for: when it
// is no daemon, and none could. A daemon may have just begun, or find its database just
// back: it is waited for.
func (f *Fleet) own(ctx context.Context, p watch.Plan) (bool, error) {
	f.mu.Lock()
	worker := f.profiles[p.Profile]
	elsewhere := p.Profile != "" && worker != f.o.Machine
	f.mu.Unlock()
	for end := (time.Time{}); ; rest(ctx, askEvery) {
		s, err := State(ctx, f.db) // which waits for a database that is away
		if err != nil {
			return false, err
		}
		if end.IsZero() {
			end = time.Now().Add(2 * f.o.Tick)
		}
		switch why := waits(s, p, queueOf(p), worker); {
		case ctx.Err() != nil:
			return false, watch.ErrCut
		case why == "":
			return false, nil
		case f.o.Alone && !elsewhere:
			select {
			case <-f.joined:
				return true, nil
			case <-ctx.Done():
				return false, watch.ErrCut
			}
		case time.Now().After(end):
			return false, errors.New(why)
		}
	}
}

// ask makes a slot, with a job unless the scan is this process's own.
func (f *Fleet) ask(ctx context.Context, s *slot, own bool) error {
	return f.db.Update(ctx, func(t pgx.Tx) error {
		err := t.QueryRow(ctx, `insert into slots (storefront, slot, kind, queue, applied, capture)
			select $1, greatest(date_trunc('milliseconds', clock_timestamp()), (select max(slot) + interval '1 millisecond' from slots where storefront = $1 and slot > clock_timestamp() - interval '1 second' and slot <= clock_timestamp() + interval '1 second')), $2, $3, 0, $4
			returning slot`, string(s.storefront), s.kind, s.queue, s.capture).Scan(&s.at)
		if err != nil || own {
			return err
		}
		return f.enqueue(ctx, t, *s, time.Time{})
	})
}

// sayCooling tells who asks that the marketplace is left alone otherwise.
func (f *Fleet) sayCooling(ctx context.Context, p watch.Plan, progress func(tracker.Progress)) {
	for _, st := range f.Status(ctx) {
		if st.Name == p.Name && !st.Cooling.IsZero() {
			progress(tracker.Progress{Storefront: p.Name, Note: fmt.Sprintf("%s is cooling down for %s after a wall; scanning anyway because you ask",
				p.Gate, ago(st.Cooling.Sub(f.Now())))})
		}
	}
}

// giveUp ends a slot in which nobody is interested any more.
func (f *Fleet) giveUp(ctx context.Context, s *slot) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := f.db.Update(ctx, func(t pgx.Tx) error {
		_, err := t.Exec(ctx, "update slots set done = clock_timestamp(), epoch = epoch + 1, progress = null, reason = 'who asked for it lost interest' where storefront = $1 and slot = $2 and done is null",
			string(s.storefront), s.at)
		return err
	})
	if err != nil {
		f.log.Warn("the scan is made though nobody waits for it", "storefront", s.storefront, "err", err)
	}
}

// await waits until a slot is done and returns what came of it.
func (f *Fleet) await(ctx context.Context, s *slot, p watch.Plan, progress func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error) {
	said := ""
	var before tracker.Progress
	var since time.Time // when it was found done, without a result
	for {
		got, err := f.outcomeOf(ctx, s)
		switch {
		case ctx.Err() != nil:
			f.giveUp(ctx, s)
			return nil, nil, watch.ErrCut
		case err != nil:
			f.giveUp(ctx, s)
			return nil, nil, err
		case got.result != nil:
			var r result
			if err := json.Unmarshal(got.result, &r); err != nil {
				return nil, nil, fmt.Errorf("read what came of the scan: %w", err)
			}
			return &r.Scan, r.Changes, nil
		case got.done && (got.reason != "" || !since.IsZero() && time.Since(since) > 10*time.Second):
			if got.reason == "" {
				got.reason = "who made it is gone; shopwatch scans shows what came of it"
			}
			return nil, nil, fmt.Errorf("the scan of %s: %s", s.storefront, got.reason)
		case got.done && since.IsZero():
			since = time.Now()
		case got.progress != nil:
			var g tracker.Progress
			if json.Unmarshal(got.progress, &g) == nil && g != before {
				before = g
				progress(g)
			}
		case !got.taken && got.note != "" && got.note != said:
			said = got.note
			progress(tracker.Progress{Storefront: p.Name, Note: said})
		}
		rest(ctx, askEvery)
	}
}

// An outcome is how far a slot has come.
type outcome struct {
	done, taken      bool
	note, reason     string
	progress, result []byte
}

func (f *Fleet) outcomeOf(ctx context.Context, s *slot) (o outcome, err error) {
	err = f.db.View(ctx, func(t pgx.Tx) error {
		return t.QueryRow(ctx, "select done is not null, worker is not null, coalesce(note, ''), coalesce(reason, ''), progress, result from slots where storefront = $1 and slot = $2",
			string(s.storefront), s.at).Scan(&o.done, &o.taken, &o.note, &o.reason, &o.progress, &o.result)
	})
	return o, err
}
