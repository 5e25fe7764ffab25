package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"shopwatch/tracker"
)

// PendingLimit is how many changes one report can cover.
const PendingLimit = 10_000

// A Portion is what one report covers of the changes behind a channel's place
// in the log.
type Portion struct {
	Take int      // how many changes, in the order of the log
	Tell []uint64 // the numbers of those that it tells; with none only the place moves
}

// NextReports lets pick divide the changes behind a channel's place in the log
// into the next reports. It sees the first of them, as many as Pending returns
// for the limit. The reports, with a waiting delivery to each recipient, and the
// channel's new place are written in one transaction. What pick leaves over
// stays behind the place; without portions nothing is written. pick may use the
// store, and runs again when another caller was faster.
func NextReports(ctx context.Context, o Outbox, channel string, to []string, now time.Time, limit int, pick func(pending []tracker.Change) []Portion) ([]tracker.Report, error) {
	for {
		place, pending, err := o.Pending(ctx, channel, limit)
		if err != nil || len(pending) == 0 {
			return nil, err
		}
		made, last, err := divide(pending, pick(pending))
		if err != nil {
			return nil, fmt.Errorf("report for %s: %w", channel, err)
		}
		if last == 0 {
			return nil, nil
		}
		for i := range made {
			made[i].Channel, made[i].Created = channel, now
			for _, recipient := range to {
				made[i].Deliveries = append(made[i].Deliveries, tracker.Delivery{To: recipient, State: tracker.Waiting})
			}
		}
		moved, err := o.Advance(ctx, channel, place, last, made)
		if err != nil {
			return nil, err
		}
		if moved {
			return made, nil
		}
	}
}

// divide makes reports of portions of changes, and returns the number of the
// last change that they cover.
func divide(pending []tracker.Change, portions []Portion) (made []tracker.Report, last uint64, err error) {
	for _, p := range portions {
		if p.Take <= 0 || p.Take > len(pending) {
			return nil, 0, fmt.Errorf("%d of %d changes cannot be covered", p.Take, len(pending))
		}
		r := tracker.Report{First: pending[0].Seq, Last: pending[p.Take-1].Seq}
		for _, n := range p.Tell {
			if n < r.First || n > r.Last {
				return nil, 0, fmt.Errorf("change %d is not among those that it covers", n)
			}
		}
		r.Changes = slices.Compact(slices.Sorted(slices.Values(p.Tell)))
		pending, last = pending[p.Take:], r.Last
		if len(r.Changes) > 0 {
			made = append(made, r)
		}
	}
	return made, last, nil
}

// WithPrior fills in the prior prices of changes that cut prices.
func WithPrior(ctx context.Context, l Log, changes []tracker.Change) error {
	if !slices.ContainsFunc(changes, func(c tracker.Change) bool { return c.Cuts() }) {
		return nil
	}
	prior, err := l.PriorPrices(ctx, changes)
	for i := range changes {
		changes[i].Prior = prior[changes[i].Seq]
	}
	return err
}
