package watch

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"shopwatch/tracker"
)

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

// A replan is a wish for other plans.
type replan struct {
	plans []Plan
	done  chan error // of capacity 1
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
