package watch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// A gate is what scans must leave in peace: a marketplace, or one shop of a
// platform. One scan at a time is in it.
type gate struct {
	name string
	// A token in next is held by the scan that is due and comes next, one in
	// busy by the scan that is inside. Scans that somebody asks
	// for need only the second, so that at most one that is due comes before
	// them, however many wait.
	next, busy chan struct{}
	cooling    time.Duration // after the first wall
	store      storage.CoolDowns
	log        *slog.Logger

	mu sync.Mutex
	// known is the cool-down as this process knows it; unsaved says that the
	// store did not take it.
	known   storage.CoolDown
	unsaved bool
}

// queue enters the gate for a scan that is due, and reports whether it
// did. It does not when somebody asks for a scan, which it returns, and when
// ctx is done.
func (m *gate) queue(ctx context.Context, asks <-chan *ask) (entered bool, a *ask) {
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

// enter enters the gate for a scan that somebody asked for and may have
// lost interest in.
func (m *gate) enter(ctx, asker context.Context) error {
	select {
	case m.busy <- struct{}{}:
		return nil
	case <-asker.Done():
		return ErrCut
	case <-ctx.Done():
		return errStopping
	}
}

// learn draws the consequences of a scan.
func (m *gate) learn(ctx context.Context, s *tracker.Scan) {
	if s.Verdict != tracker.Failed || s.Evidence.Wall.Wall() {
		m.change(ctx, func(c *storage.CoolDown) { Learn(c, s, m.cooling, now()) })
	}
}

// Learn draws the consequences of a scan for a cool-down, which lasts so long after
// the first wall.
func Learn(c *storage.CoolDown, s *tracker.Scan, cooling time.Duration, now time.Time) {
	switch {
	case s.Verdict.Wall(), s.Evidence.Wall.Wall():
		c.Walls++
		c.Asked = time.Duration(s.Evidence.RetryAfter) * time.Second
		c.Until = now.Add(leave(c, cooling))
	case s.Verdict != tracker.Failed:
		*c = storage.CoolDown{}
	}
}

// change alters the cool-down for all processes, at the end of this one too.
// What the store does not take is kept to by this one.
func (m *gate) change(ctx context.Context, change func(*storage.CoolDown)) {
	c, err := m.store.ChangeCoolDown(context.WithoutCancel(ctx), m.name, change)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unsaved = err != nil; m.unsaved {
		m.log.Error("cool-down not saved", "gate", m.name, "err", err)
		c = m.known
		change(&c)
	}
	m.known = c
}

// cooled returns when the gate has cooled down.
func (m *gate) cooled(ctx context.Context) time.Time {
	c := m.coolDown(ctx)
	if latest := now().Add(leave(&c, m.cooling)); c.Until.After(latest) { // the clock was put back
		m.change(ctx, func(c *storage.CoolDown) {
			if c.Until.After(latest) {
				c.Until = latest
			}
		})
		return latest
	}
	return c.Until
}

// coolDown is what is known of it: by the store or, when that cannot say, by
// this process.
func (m *gate) coolDown(ctx context.Context) storage.CoolDown {
	c, err := m.store.CoolDown(ctx, m.name)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil && ctx.Err() == nil:
		m.log.Error("cool-down not read", "gate", m.name, "err", err)
	case err == nil && !m.unsaved:
		m.known = c
	}
	return m.known
}

const coldest = 36 // times Options.Cooling

// leave is how long something is left alone after its walls in a row, at least as
// long as it asked for. After the first it is cooling.
func leave(c *storage.CoolDown, cooling time.Duration) time.Duration {
	d := cooling
	for range c.Walls - 1 {
		if d *= 2; d >= coldest*cooling {
			d = coldest * cooling
			break
		}
	}
	return max(d, c.Asked)
}
