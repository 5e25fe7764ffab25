package watch

import (
	"context"
	"sync"
	"time"

	"shopwatch/tracker"
)

// A market is a marketplace as far as scans must leave it in peace. One scan
// at a time is in it.
type market struct {
	name string
	// A token in next is held by the scan that is due and comes next, one in
	// busy by the scan that is in the marketplace. Scans that somebody asks
	// for need only the second, so that at most one that is due comes before
	// them, however many wait.
	next, busy chan struct{}
	cooling    time.Duration // after the first wall
	recalled   bool          // what earlier runs of shopwatch met on it

	mu    sync.Mutex
	walls int           // in a row
	asked time.Duration // for which the marketplace asked to be left alone
	until time.Time     // when the marketplace has cooled down
}

// queue enters the marketplace for a scan that is due, and reports whether it
// did. It does not when somebody asks for a scan, which it returns, and when
// ctx is done.
func (m *market) queue(ctx context.Context, asks <-chan *ask) (entered bool, a *ask) {
	select {
	case m.next <- struct{}{}:
	case a := <-asks:
		return false, a
	case <-ctx.Done():
		return false, nil
	}
	defer func() { <-m.next }()
	select {
	case m.busy <- struct{}{}:
		return true, nil
	case a := <-asks:
		return false, a
	case <-ctx.Done():
		return false, nil
	}
}

// enter enters the marketplace for a scan that somebody asked for and may have
// lost interest in.
func (m *market) enter(ctx, asker context.Context) error {
	select {
	case m.busy <- struct{}{}:
		return nil
	case <-asker.Done():
		return errCut
	case <-ctx.Done():
		return errStopping
	}
}

// learn draws the consequences of a scan.
func (m *market) learn(s *tracker.Scan) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case s.Verdict.Wall(), s.Evidence.Wall.Wall():
		m.walls++
		m.asked = time.Duration(s.Evidence.RetryAfter) * time.Second
		m.until = now().Add(m.leave(m.walls))
	case s.Verdict != tracker.Failed:
		m.walls, m.asked, m.until = 0, 0, time.Time{}
	}
}

// cool remembers walls that an earlier run of shopwatch met, the last one at
// the given time.
func (m *market) cool(at time.Time, walls int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := now(); at.After(t) {
		at = t // the clock was put back
	}
	m.walls, m.until = walls, at.Add(m.leave(walls))
}

// cooled returns when the marketplace has cooled down.
func (m *market) cooled() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if most := now().Add(m.leave(m.walls)); m.until.After(most) {
		m.until = most // the clock was put back
	}
	return m.until
}

// leave is how long the marketplace is left alone after some walls in a row, at
// least as long as it asked for.
func (m *market) leave(walls int) time.Duration {
	d := m.cooling
	for range walls - 1 {
		if d *= 2; d >= coldest*m.cooling {
			d = coldest * m.cooling
			break
		}
	}
	return max(d, m.asked)
}
