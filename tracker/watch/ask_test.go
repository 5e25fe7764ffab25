package watch_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/watch"
)

func TestAsk(t *testing.T) {
	t.Run("a person's scan goes ahead while the marketplace cools down, and says so", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newMall(t, plan(t, "a", "tmall", "0 9 * * *"), plan(t, "b", "tmall", "@every 5m"))
			m.known["a"] = tracker.State{LastScan: time.Now(), LastVerdict: tracker.Blocked, Incomplete: 9}
			m.known["b"] = tracker.State{LastScan: time.Now().Add(-time.Hour)}
			m.cool("tmall", time.Now().Add(9*time.Minute))
			w, stop := m.run()
			synctest.Wait()
			var notes []string
			s, _, err := w.Scan(context.Background(), "a", watch.Request{Progress: func(p tracker.Progress) {
				if p.Note != "" {
					notes = append(notes, p.Note)
				}
			}})
			if err != nil || s.Verdict != tracker.Complete {
				t.Errorf("Scan = %+v, %v, want a complete one that was committed", s, err)
			}
			if len(notes) != 1 || !strings.Contains(notes[0], "cooling down for ") {
				t.Errorf("notes = %q, want one about the wall", notes)
			}
			time.Sleep(2 * time.Minute)
			stop()
			if m.committed["a"] != 1 {
				t.Errorf("a was committed %d times, want once", m.committed["a"])
			}
			if len(m.began["b"]) != 1 {
				t.Errorf("b was scanned %d times, want it once: the wall is down", len(m.began["b"]))
			}
		})
	})
	t.Run("a person's scan goes before those that are due, and stands for its own", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var plans []watch.Plan
			for i := range 10 {
				plans = append(plans, plan(t, fmt.Sprint("shop", i), "tmall", "@daily"))
			}
			m := newMall(t, plans...)
			w, stop := m.run()
			time.Sleep(time.Second)
			for _, st := range w.Status(t.Context()) {
				synctest.Wait()
				if m.scans(st.Name) > 0 {
					continue
				}
				start := time.Now()
				if _, _, err := w.Scan(context.Background(), st.Name, watch.Request{}); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took > 3*time.Minute {
					t.Errorf("a person waited %s, want at most two scans before", took)
				}
			}
			time.Sleep(12 * time.Hour)
			stop()
			for name, began := range m.began {
				if len(began) != 1 {
					t.Errorf("%s was scanned %d times, want once", name, len(began))
				}
			}
		})
	})
	t.Run("a dry run is not kept and stands for nothing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newMall(t, plan(t, "a", "tmall", ""))
			w, stop := m.run()
			dry := 0
			_, changes, err := w.Scan(context.Background(), "a", watch.Request{Commit: func(context.Context, *tracker.Scan) ([]tracker.Change, error) {
				dry++
				return make([]tracker.Change, 3), nil
			}})
			stop()
			if err != nil || len(changes) != 3 || dry != 1 || m.committed["a"] != 0 {
				t.Errorf("Scan = %d changes, %v; %d dry, %d committed, want 3, nil, 1, 0", len(changes), err, dry, m.committed["a"])
			}
		})
	})
	t.Run("who loses interest cuts the scan short", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newMall(t, plan(t, "a", "tmall", ""))
			m.took = time.Hour
			w, stop := m.run()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			start := time.Now()
			if _, _, err := w.Scan(ctx, "a", watch.Request{}); err == nil || time.Since(start) != time.Minute {
				t.Errorf("Scan = %v after %s, want an error after a minute", err, time.Since(start))
			}
			if _, _, err := w.Scan(context.Background(), "a", watch.Request{}); err != nil {
				t.Errorf("the next scan: %v", err)
			}
			stop()
			if m.committed["a"] != 1 {
				t.Errorf("%d scans committed, want only the second", m.committed["a"])
			}
		})
	})
	t.Run("a storefront that is not watched", func(t *testing.T) {
		w := watch.New(watch.Options{CoolDowns: newStore(t)}, slog.New(slog.DiscardHandler))
		if _, _, err := w.Scan(context.Background(), "b", watch.Request{}); err == nil {
			t.Error("Scan = nil, want an error")
		}
	})
}
