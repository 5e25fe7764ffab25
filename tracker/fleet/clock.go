package fleet

import (
	"context"
	"sync"
	"time"
)

// A clock shows the time of the database, as far as this process knows: by what that
// said last, and how long ago it did. What the clock of the machine shows, and whether
// that is set meanwhile, does not matter. River goes by it too.
type clock struct {
	mu   sync.Mutex
	said time.Time // by the database
	at   time.Time // when it was said; zero: nothing yet
}

// Now is the time of the database; that of the machine as long as the database was
// not asked.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		return time.Now().UTC().Round(0)
	}
	return c.said.Add(time.Since(c.at))
}

// NowOrNil lets the database say itself, where River asks it.
func (*clock) NowOrNil() *time.Time { return nil }

// set tells the clock that it is a time by now, or at most so much later.
func (c *clock) set(now time.Time, within time.Duration) {
	shows := c.Now()
	if latest := now.Add(within); shows.After(latest) {
		shows = latest
	} else if shows.Before(now) {
		shows = now
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said, c.at = shows.UTC(), time.Now()
}

// ahead is by how much it is ahead of the clock of the machine.
func (c *clock) ahead() time.Duration { return c.Now().Sub(time.Now().Round(0)) }

// setClock asks the database for the time.
func (f *Fleet) setClock(ctx context.Context) error {
	now, within, err := f.db.Now(ctx)
	if err == nil {
		f.clock.set(now, within)
	}
	return err
}

// Now is the time of the database, as far as this process knows.
func (f *Fleet) Now() time.Time { return f.clock.Now() }
