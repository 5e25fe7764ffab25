package watch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"shopwatch/tracker/watch"
)

func TestPaceIsKeptPerMarketplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &watch.Pacer{Min: 3 * time.Second, Max: 6 * time.Second}
		ctx := context.Background()
		last := time.Now()
		for i := range 20 {
			if err := p.Wait(ctx, "tmall"); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(last); i > 0 && (waited < 3*time.Second || waited >= 6*time.Second) {
				t.Errorf("page %d came after %s, want 3s to 6s", i, waited)
			}
			last = time.Now()
		}
		if err := p.Wait(ctx, "jd"); err != nil || time.Since(last) != 0 {
			t.Errorf("another marketplace waited %s (%v), want no wait", time.Since(last), err)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := p.Wait(short, "tmall"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v, want the end of its context", err)
		}
	})
}

func TestNoPaceIsNoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p watch.Pacer
		began := time.Now()
		for range 10 {
			if err := p.Wait(context.Background(), "tmall"); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("waited %s, want none", d)
		}
	})
}
