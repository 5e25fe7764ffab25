package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

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
		err := t.QueryRow(ctx, `select exists (select from river_job where kind = 'deliver' and args->>'channel' = $1 and id <> $2
			and state in ('available', 'retryable', 'scheduled') and scheduled_at <= $3)`, j.Args.Channel, j.ID, next).Scan(&sooner)
		if err != nil || sooner {
			return err
		}
		return f.enqueueDelivery(ctx, t, j.Args.Channel, next)
	})
}

// deliver makes and sends the reports of a channel that are due. held says that
// another worker does so now.
func (f *Fleet) deliver(ctx context.Context, channel string) (next time.Time, held bool, err error) {
	l, other, err := f.db.Lease(ctx, "channel/"+channel, f.worker, 0, nil)
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
