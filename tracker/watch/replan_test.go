package watch_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/watch"
)

// Other plans leave alone what is in both.
func TestReplan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := plan(t, "a", "tmall", "0 * * * *"), plan(t, "b", "tmall", "0 * * * *"), plan(t, "c", "jd", "0 * * * *")
		m := newMall(t, a, b, c)
		m.took = 4 * time.Minute
		start := time.Now()
		for _, p := range m.options.Plans {
			m.known[p.Name] = tracker.State{LastScan: start, LastVerdict: tracker.Complete}
		}
		w, stop := m.run()
		time.Sleep(62 * time.Minute) // the scans of a (or b) and c run
		first, second := tracker.StorefrontName("a"), tracker.StorefrontName("b")
		if m.scans("a") == 0 {
			first, second = second, first
		}
		moved := plan(t, "c", "jd", "0 * * * *")
		moved.URL = "https://elsewhere"
		d := plan(t, "d", "tmall", "0 * * * *")
		plans := []watch.Plan{plan(t, string(second), "tmall", "30 * * * *"), plan(t, string(first), "tmall", "0 * * * *"), moved, d}
		m.mu.Lock()
		m.options.Plans = append(m.options.Plans, d)
		m.mu.Unlock()
		if err := w.Replan(plans); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Minute)
		for i, st := range w.Status(t.Context()) {
			if st.Storefront != plans[i].Storefront {
				t.Errorf("Status[%d] is of %v, want %v", i, st.Storefront, plans[i].Storefront)
			}
		}
		stop()
		m.wantTimes(first, start, "1h0m0s")             // its scan went on
		m.wantTimes(second, start, "1h4m0s", "1h30m0s") // it was due already
		m.wantTimes("d", start, "1h8m0s")               // a new one
		m.wantTimes("c", start, "1h0m0s", "1h2m0s")     // cut short, for it has another address
		for name, want := range map[tracker.StorefrontName]int{first: 1, second: 2, "c": 1, "d": 1} {
			if got := m.committed[name]; got != want {
				t.Errorf("%d scans of %s were kept, want %d", got, name, want)
			}
		}
	})
}

func TestReplanDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", ""), plan(t, "b", "tmall", ""))
		m.took = time.Hour
		w, stop := m.run()
		asked := make(chan error, 2)
		for range 2 {
			go func() {
				_, _, err := w.Scan(context.Background(), "b", watch.Request{})
				asked <- err
			}()
		}
		time.Sleep(time.Minute)
		if err := w.Replan(m.options.Plans[:1]); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := <-asked; err == nil || !strings.Contains(err.Error(), "taken out of the configuration") {
				t.Errorf("a scan of a storefront that is dropped: %v, want an error that says so", err)
			}
		}
		if _, _, err := w.Scan(context.Background(), "b", watch.Request{}); err == nil || !strings.Contains(err.Error(), "no storefront") {
			t.Errorf("a scan of a storefront that was dropped: %v, want an error that says so", err)
		}
		stop()
		if m.committed["b"] != 0 {
			t.Error("the scan that was cut short was kept")
		}
		if err := w.Replan(m.options.Plans); err == nil {
			t.Error("Replan after the end = nil, want an error")
		}
	})
}

// A wall is not forgotten by other plans.
func TestReplanKeepsCool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMall(t, plan(t, "a", "tmall", "*/5 * * * *"))
		m.took = time.Second
		m.verdict = func(tracker.StorefrontName, time.Time) tracker.Verdict { return tracker.Blocked }
		start := time.Now()
		w, stop := m.run()
		time.Sleep(time.Minute)
		m.mu.Lock()
		m.verdict = nil
		m.mu.Unlock()
		if err := w.Replan([]watch.Plan{plan(t, "a", "tmall", "* * * * *")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*time.Minute + 30*time.Second)
		stop()
		m.wantTimes("a", start, "0s", "10m1s", "11m0s")
	})
}
