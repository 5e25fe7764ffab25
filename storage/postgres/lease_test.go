//go:build unix

package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shopwatch/fixtures/deadline"
	"shopwatch/storage"
	"shopwatch/storage/postgres"
	"shopwatch/storage/storetest"
)

func TestLease(t *testing.T) {
	name := cluster.Database(t)
	a, b := open(t, cluster.URL(name)), open(t, cluster.URL(name))
	first, err := a.Acquire(ctx, "daemon", "shopwatch 7 on alpha")
	must(t, err)
	_, err = b.Acquire(ctx, "daemon", "shopwatch 8 on beta")
	explains(t, err, "in use by shopwatch 7 on alpha", "last heard of 0s ago")
	if !errors.Is(err, postgres.ErrHeld) {
		t.Errorf("%v is not ErrHeld", err)
	}
	other, err := b.Acquire(ctx, "another", "shopwatch 8 on beta")
	must(t, err)
	must(t, other.Release(ctx))

	told := make(chan error, 1)
	taken := make(chan *postgres.Lease)
	go func() {
		l, err := b.Wait(ctx, "daemon", "shopwatch 8 on beta", func(err error) {
			select {
			case told <- err:
			default:
			}
		})
		if err != nil {
			t.Error(err)
		}
		taken <- l
	}()
	explains(t, deadline.Receive(t, "who waits is told", told), "in use by shopwatch 7 on alpha")
	must(t, first.Release(ctx))
	deadline.Receive(t, "the first lease ends", first.Ended())
	second := deadline.Receive(t, "the second one is taken", taken)
	a.Fence(first)
	_, err = a.Commit(ctx, storetest.Complete("tencent", storetest.Day, storetest.Products(3)...), storetest.Rules)
	explains(t, err, "another shopwatch, which took over", "nothing was written")
	b.Fence(second)
	storetest.Commit(t, b, storetest.Complete("tencent", storetest.Day, storetest.Products(3)...))
	if scans, err := b.Scans(ctx, storage.ScanQuery{}); len(scans) != 1 || err != nil {
		t.Errorf("%d scans, %v; want one", len(scans), err)
	}
	must(t, second.Release(ctx))
}

// TestLeaseOfOneThatSleeps: whoever sleeps longer than its lease finds that out in
// the transaction in which it writes, however late it wakes.
func TestLeaseOfOneThatSleeps(t *testing.T) {
	name := cluster.Database(t)
	a, b := open(t, cluster.URL(name)), open(t, cluster.URL(name))
	asleep, err := a.Acquire(ctx, "daemon", "shopwatch 7 on alpha")
	must(t, err)
	a.Fence(asleep)
	storetest.Commit(t, a, storetest.Complete("tencent", storetest.Day, storetest.Products(3)...))
	// The time that passes while it sleeps.
	must(t, cluster.Exec(ctx, name, "update leases set until = now() - interval '1 second'"))
	awake, err := b.Acquire(ctx, "daemon", "shopwatch 8 on beta")
	must(t, err)
	b.Fence(awake)
	for what, write := range map[string]func() error{
		"a scan": func() error {
			_, err := a.Commit(ctx, storetest.Complete("tencent", storetest.Day.Add(time.Hour), storetest.Products(4)...), storetest.Rules)
			return err
		},
		"a channel": func() error { return a.Join(ctx, "analysts") },
		"evidence":  func() error { _, err := a.KeepEvidence(ctx, []byte("x"), "jpg"); return err },
	} {
		if err := write(); !errors.Is(err, postgres.ErrHeld) || !strings.Contains(err.Error(), "took over") {
			t.Errorf("%s of the one that slept: %v, want ErrHeld", what, err)
		}
	}
	select {
	case <-asleep.Ended():
	case <-time.After(20 * time.Second):
		t.Error("the one that slept was not told")
	}
	storetest.Commit(t, b, storetest.Complete("tencent", storetest.Day.Add(time.Hour), storetest.Products(4)...))
	must(t, awake.Release(ctx))
	must(t, asleep.Release(ctx))
}

// TestOneHolderAtATime: many want a lease, and one has it at a time.
func TestOneHolderAtATime(t *testing.T) {
	name := cluster.Database(t)
	var holders, had atomic.Int64
	var all sync.WaitGroup
	for range 6 {
		db := open(t, cluster.URL(name))
		all.Go(func() {
			for range 30 {
				l, err := db.Acquire(ctx, "daemon", "one of many")
				if errors.Is(err, postgres.ErrHeld) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lease", n)
				}
				had.Add(1)
				holders.Add(-1)
				if err := l.Release(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if had.Load() == 0 {
		t.Error("nobody had the lease")
	}
}

// TestPaceOfSlowPages: a page may be on its way for long before the marketplace sees
// it. The pause to the next one is kept all the same, also by another holder.
func TestPaceOfSlowPages(t *testing.T) {
	const pause = 200 * time.Millisecond
	db := open(t, cluster.URL(cluster.Database(t)))
	var seen time.Time // by the marketplace
	load := func(l *postgres.Lease) {
		t.Helper()
		must(t, l.Page(ctx, pause))
		if gap := time.Since(seen); gap < pause {
			t.Errorf("a page was asked for %v after the one before, want %v", gap, pause)
		}
		time.Sleep(pause * 3 / 2)
		seen = time.Now()
		l.Came()
	}
	for range 2 {
		l, err := db.AcquirePaced(ctx, "scan/mall", "shopwatch 7 on alpha", pause, nil)
		must(t, err)
		load(l)
		load(l)
		must(t, l.Release(ctx))
	}
}
