package watch_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"shopwatch/tracker"
)

func TestWallCoolsTheMarketplaceDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "0 * * * *"), plan(t, "b", "tmall", "0 * * * *"), plan(t, "c", "jd", "5 * * * *"))
		start := time.Now()
		for _, p := range m.options.Plans {
			m.known[p.Name] = tracker.State{LastScan: start}
		}
		up := start.Add(20 * time.Hour)
		m.verdict = func(name tracker.StorefrontName, at time.Time) tracker.Verdict {
			if name != "c" && at.Before(up) {
				return tracker.Blocked
			}
			return tracker.Complete
		}
		w, stop := m.run()
		time.Sleep(20*time.Hour + 30*time.Minute)
		m.mu.Lock()
		var attempts []time.Duration
		for _, name := range []tracker.StorefrontName{"a", "b"} {
			for _, at := range m.began[name] {
				attempts = append(attempts, at.Sub(start).Round(time.Minute))
			}
		}
		m.mu.Unlock()
		slices.Sort(attempts)
		// From the end of a scan: 10, 20, 40, 80, 160, 320 and 360 minutes.
		least := []time.Duration{10, 20, 40, 80, 160, 320, 360}
		for i := 1; i < len(attempts); i++ {
			if gap := attempts[i] - attempts[i-1]; gap < least[min(i-1, 6)]*time.Minute {
				t.Errorf("attempts at %v: %s after wall %d, want %dm at least", attempts, gap, i, least[min(i-1, 6)])
			}
		}
		if len(attempts) < 6 {
			t.Errorf("attempts at %v, want 6 or more in 20 hours", attempts)
		}
		if got := m.scans("c"); got != 21 {
			t.Errorf("another marketplace was scanned %d times, want 21", got)
		}
		if st := w.Status(t.Context()); st[0].Cooling.IsZero() || st[2].Cooling != (time.Time{}) {
			t.Errorf("Status = %+v, want tmall to cool down and jd not", st)
		}
		before := m.scans("a", "b")
		time.Sleep(20 * time.Hour)
		stop()
		if got := m.scans("a", "b") - before; got < 26 {
			t.Errorf("%d scans after the wall was down, want the schedule again", got)
		}
	})
}

func TestCoolDownOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "*/5 * * * *"), plan(t, "b", "tmall", "*/5 * * * *"))
		start := time.Now()
		m.verdict = func(tracker.StorefrontName, time.Time) tracker.Verdict { return tracker.Login }
		_, stop := m.run()
		time.Sleep(40 * time.Minute) // walls about 0, 11 and 32 minutes after the start
		stop()
		c, err := m.options.CoolDowns.CoolDown(t.Context(), "tmall")
		if err != nil || c.Walls != 3 || c.Until.Before(start.Add(70*time.Minute)) {
			t.Fatalf("cool-down %+v, %v; want that of three walls", c, err)
		}
		before := m.scans("a", "b")
		_, stop = m.run()
		time.Sleep(time.Until(c.Until) - time.Second)
		if got := m.scans("a", "b") - before; got != 0 {
			t.Errorf("%d scans began before the marketplace had cooled down", got)
		}
		time.Sleep(6 * time.Minute)
		stop()
		if got := m.scans("a", "b") - before; got != 1 {
			t.Errorf("%d scans after the marketplace had cooled down, want 1", got)
		}
	})
}

// Walls that were down again before shopwatch ended do not make the wait after
// the next one longer.
func TestOldWallsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "*/5 * * * *"))
		start := time.Now()
		m.verdict = func(_ tracker.StorefrontName, at time.Time) tracker.Verdict {
			if m := at.Sub(start).Minutes(); m < 60 || m > 82 {
				return tracker.Login
			}
			return tracker.Complete
		}
		_, stop := m.run()
		time.Sleep(90 * time.Minute) // walls 0, 11 and 32 minutes after the start, and after 85
		stop()
		c, err := m.options.CoolDowns.CoolDown(t.Context(), "tmall")
		if left := time.Until(c.Until); err != nil || c.Walls != 1 || left > 10*time.Minute {
			t.Errorf("cool-down %+v, %v, over in %s; want ten minutes after the first wall of a new row", c, err, left)
		}
	})
}

// A wall met on an item page, after the list was read, is a wall too.
func TestWallOfAnItemPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "*/2 * * * *"))
		w, stop := m.run()
		time.Sleep(90 * time.Second)
		if c := w.Status(t.Context())[0].Cooling; !c.IsZero() {
			t.Errorf("Cooling = %s, want none", c)
		}
		m.mu.Lock()
		m.wall = tracker.Blocked
		m.mu.Unlock()
		time.Sleep(3 * time.Minute)
		if c := w.Status(t.Context())[0].Cooling; c.IsZero() {
			t.Error("Cooling is zero, want the marketplace left alone")
		}
		stop()
	})
}
