package daemon

import (
	"context"
	"sync/atomic"

	"shopwatch/tracker"
	"shopwatch/tracker/watch"
)

// A lending is the profile in the hands of a login.
type lending struct {
	made atomic.Bool // a login
}

// Lend gives the profile to somebody else, who has it from the call of lent
// until ctx is done. Scans that run end before; those that come meanwhile wait.
func (s *Service) Lend(ctx context.Context, lent func()) error {
	l := &lending{}
	err := s.engine.lend(ctx, func() {
		s.lending.Store(l)
		s.log.Info("profile lent to a login")
		lent()
	})
	if !s.lending.CompareAndSwap(l, nil) {
		return err // it was not lent
	}
	s.log.Info("profile given back", "login", l.made.Load())
	if l.made.Load() {
		select {
		case s.loggedIn <- struct{}{}:
		default:
		}
	}
	return err
}

// LoginMade takes note that whoever has the profile has made a login, and
// reports whether anybody has it.
func (s *Service) LoginMade() bool {
	l := s.lending.Load()
	if l != nil {
		l.made.Store(true)
	}
	return l != nil
}

// lend is Lend for the engine. Its lock is waited for in a goroutine of its own,
// because nothing else can give up waiting for one.
func (e *engine) lend(ctx context.Context, lent func()) error {
	e.lent.Add(1)
	defer e.lent.Add(-1)
	locked := make(chan struct{})
	go func() {
		e.used.Lock()
		close(locked)
	}()
	select {
	case <-locked:
	case <-ctx.Done():
		go func() {
			<-locked
			e.used.Unlock()
		}()
		return ctx.Err()
	}
	defer e.used.Unlock()
	if err := e.chrome.Load().browser.Close(); err != nil {
		e.log.Warn("chrome did not end in good order", "err", err)
	}
	lent()
	<-ctx.Done()
	return nil
}

// scanAfterLogins scans, after each login, the scheduled storefronts whose last
// scan met a wall, until ctx is done.
func (s *Service) scanAfterLogins(ctx context.Context) {
	for {
		select {
		case <-s.loggedIn:
		case <-ctx.Done():
			return
		}
		c := s.config.Load()
		for i := range c.Storefronts {
			sf := &c.Storefronts[i]
			if st, err := s.store.State(ctx, sf.Name); sf.When == nil || err != nil || !st.LastVerdict.Wall() {
				continue
			}
			// It is logged like every scan.
			_, _, _ = s.watcher.Scan(ctx, sf.Name, watch.Request{})
		}
	}
}

// waitsForLogin says to whoever looks that a scan waits for the profile.
func (e *engine) waitsForLogin(name tracker.StorefrontName, tell func(tracker.Progress)) {
	if e.lent.Load() > 0 && tell != nil {
		tell(tracker.Progress{Storefront: name, Note: "a login has the profile; the scan begins when it is given back"})
	}
}
