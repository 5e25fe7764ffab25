package watch

import (
	"time"

	"shopwatch/tracker"
)

// SetDue makes a storefront due at a time, as a clock that was wrong would
// have done.
func (w *Watcher) SetDue(name tracker.StorefrontName, t time.Time) {
	for _, s := range w.shops {
		if s.Name == name {
			s.mu.Lock()
			s.due = t
			s.mu.Unlock()
		}
	}
}
