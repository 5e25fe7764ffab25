package watch

import (
	"context"
	"time"

	"shopwatch/tracker"
)

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
