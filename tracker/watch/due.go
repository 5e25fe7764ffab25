package watch

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"shopwatch/tracker"
)

// now is the time on the wall. Schedules are about the wall: how much time
// passed while the machine slept does not matter.
func now() time.Time { return time.Now().Round(0) }

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

const retries = 3 // of a scan that failed

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
