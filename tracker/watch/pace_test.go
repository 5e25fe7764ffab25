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
		last := time.Now() // when a page had come
		for i := range 20 {
			came, err := p.Wait(ctx, "tmall")
			if err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(last); i > 0 && (waited < 3*time.Second || waited >= 6*time.Second) {
				t.Errorf("page %d came after %s, want 3s to 6s", i, waited)
			}
			time.Sleep(time.Duration(i) * time.Second) // also a page that is slower than the pause
			last = time.Now()
			came()
		}
		if _, err := p.Wait(ctx, "jd"); err != nil || time.Since(last) != 0 {
			t.Errorf("another marketplace waited %s (%v), want no wait", time.Since(last), err)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := p.Wait(short, "tmall"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v, want the end of its context", err)
		}
	})
}

func TestNoPaceIsNoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p watch.Pacer
		began := time.Now()
		for range 10 {
			came, err := p.Wait(context.Background(), "tmall")
			if err != nil {
				t.Fatal(err)
			}
			came()
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("waited %s, want none", d)
		}
	})
}
