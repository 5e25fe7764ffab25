package watch_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/schedule"
	"shopwatch/tracker/watch"
)

func TestEveryDueScanHappensOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ny := zone(t, "America/New_York")
		s, err := schedule.Parse("30 1,2,21 * * *", ny) // skipped in March, doubled in November
		if err != nil {
			t.Fatal(err)
		}
		m := newMall(t, watch.Plan{Storefront: tracker.Storefront{Name: "a"}, Gate: "tmall", Schedule: s},
			plan(t, "b", "tmall", "0 */2 * * *"), plan(t, "c", "tmall", "@daily"))
		start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, p := range m.options.Plans {
			m.known[p.Name] = tracker.State{LastScan: start.Add(-time.Second)}
		}
		_, stop := m.run()
		end := time.Date(2000, 12, 1, 0, 0, 0, 0, time.UTC).Add(-time.Nanosecond)
		time.Sleep(time.Until(end))
		stop()
		days := int(end.Sub(start)/(24*time.Hour)) + 1
		for name, want := range map[tracker.StorefrontName]int{"a": 3 * days, "b": 12 * days, "c": days} {
			if got := len(m.began[name]); got != want {
				t.Errorf("%s was scanned %d times in %d days, want %d", name, got, days, want)
			}
			if got, want := m.committed[name], len(m.began[name]); got != want {
				t.Errorf("%s: %d of %d scans committed", name, got, want)
			}
		}
		for i, at := range m.began["a"][1:] {
			if gap := at.Sub(m.began["a"][i]); gap < 25*time.Minute {
				t.Errorf("a was scanned twice within %s, at %s", gap, at.In(ny))
			}
		}
	})
}

func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var plans []watch.Plan
		for i := range 20 {
			// A marketplace of its own for each, so that only jitter spreads them.
			p := plan(t, fmt.Sprint("shop", i), fmt.Sprint("market", i), "0 9,21 * * *")
			plans = append(plans, p)
		}
		plans = append(plans, plan(t, "often", "x", "* * * * *"))
		m := newMall(t, plans...)
		m.took, m.options.Jitter = time.Second, 5*time.Minute
		for _, p := range plans {
			m.known[p.Name] = tracker.State{LastScan: time.Now()}
		}
		_, stop := m.run()
		time.Sleep(48 * time.Hour)
		stop()
		different := map[time.Duration]bool{}
		for _, p := range plans[:20] {
			began := m.began[p.Name]
			if len(began) != 4 {
				t.Fatalf("%s was scanned %d times in two days, want 4", p.Name, len(began))
			}
			late := began[0].Sub(began[0].Truncate(time.Hour))
			if late > 5*time.Minute {
				t.Errorf("%s began %s late, want 5m at most", p.Name, late)
			}
			different[late] = true
			for _, at := range began {
				if got := at.Sub(at.Truncate(time.Hour)); got != late {
					t.Errorf("%s began %s late, then %s, want the same every time", p.Name, late, got)
				}
			}
		}
		if len(different) < 18 {
			t.Errorf("20 storefronts began at %d different times, want nearly all different", len(different))
		}
		if got := len(m.began["often"]); got < 2879 {
			t.Errorf("a scan every minute happened %d times in two days, want 2880", got)
		}
	})
}

func TestMissedScansAreOne(t *testing.T) {
	for _, tt := range []struct {
		name string
		last time.Duration // before the start
		want []string
	}{
		{"a new storefront is scanned at once", 0, []string{"0s", "6h0m0s"}},
		{"ten missed days are one scan", 240 * time.Hour, []string{"0s", "6h0m0s"}},
		{"nothing missed, nothing to catch up with", time.Hour, []string{"6h0m0s"}},
		{"a scan in the future does not stop the watch", -1000 * time.Hour, []string{"6h0m0s"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMall(t, plan(t, "a", "tmall", "0 2,14 * * *")) // the bubble begins at 08:00 in Shanghai
				if tt.last != 0 {
					m.known["a"] = tracker.State{LastScan: time.Now().Add(-tt.last)}
				}
				start := time.Now()
				_, stop := m.run()
				time.Sleep(10 * time.Hour)
				stop()
				m.wantTimes("a", start, tt.want...)
			})
		})
	}
}

// A scan that takes longer than its schedule leaves out what came due
// meanwhile.
func TestSlowScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "0 * * * *"))
		m.took = 150 * time.Minute
		start := time.Now()
		_, stop := m.run()
		time.Sleep(7 * time.Hour)
		stop()
		m.wantTimes("a", start, "0s", "3h0m0s", "6h0m0s")
	})
}

// What was planned by a clock that was years ahead does not wait for years.
func TestClockPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "0 * * * *"), plan(t, "b", "jd", "0 * * * *"), plan(t, "c", "taobao", "0 * * * *"))
		start := time.Now()
		for _, p := range m.options.Plans {
			m.known[p.Name] = tracker.State{LastScan: start}
		}
		ahead := start.AddDate(5, 0, 0)
		m.known["c"] = tracker.State{LastScan: ahead, LastVerdict: tracker.Blocked, Incomplete: 1}
		w, stop := m.run()
		synctest.Wait()
		w.SetDue("a", ahead)
		m.cool("jd", ahead)
		m.cool("taobao", ahead)
		time.Sleep(5*time.Hour + 30*time.Minute)
		stop()
		for name, want := range map[tracker.StorefrontName]int{"a": 5, "b": 5, "c": 5} {
			if got := m.scans(name); got != want {
				t.Errorf("%s was scanned %d times in five hours, want %d", name, got, want)
			}
		}
	})
}

func TestFailedScanIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "@daily"), plan(t, "b", "tmall", "0,5 * * * *"))
		start := time.Now()
		m.known["b"] = tracker.State{LastScan: start}
		m.verdict = func(tracker.StorefrontName, time.Time) tracker.Verdict { return tracker.Failed }
		m.took = 0
		_, stop := m.run()
		time.Sleep(20 * time.Hour)
		stop()
		m.wantTimes("a", start, "0s", "10m0s", "30m0s", "1h10m0s", "16h0m0s") // midnight in Shanghai; no retries left
		if got, want := m.retries["a"], []bool{false, true, true, true, false}; !slices.Equal(got, want) {
			t.Errorf("the scans of a say that they try again: %v, want %v", got, want)
		}
		if got := len(m.began["b"]); got < 40 {
			t.Errorf("b was scanned %d times, want its schedule at least", got)
		}
	})
}

func TestScanThatCannotBeKeptIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "@daily"))
		m.took, m.refuse = 0, errors.New("no space left on device")
		start := time.Now()
		_, stop := m.run()
		time.Sleep(5 * time.Minute)
		m.mu.Lock()
		m.refuse = nil
		m.mu.Unlock()
		time.Sleep(5 * time.Hour)
		stop()
		m.wantTimes("a", start, "0s", "10m0s")
	})
}
