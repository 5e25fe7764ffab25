package bolt_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// TestYear simulates a year of 100 storefronts of 1,000 products, scanned
// hourly, with 1 % of the products changing a day and the keeping that the
// daemon does each night. It prints what the file and the process grow to.
// SHOPWATCH_DAYS says how many days; without it a few are played with fewer
// storefronts.
func TestYear(t *testing.T) {
	days, storefronts, size := 4, 5, 200
	if n, err := strconv.Atoi(os.Getenv("SHOPWATCH_DAYS")); err == nil {
		days, storefronts, size = n, 100, 1000
	}
	db := fresh(t)
	db.Bolt().NoSync = true // a year has 876,000 commits
	r := rand.New(rand.NewPCG(1, 1))
	shops := make([][]tracker.Product, storefronts)
	for i := range shops {
		shops[i] = products(size)
	}
	name := func(i int) tracker.StorefrontName { return tracker.StorefrontName(fmt.Sprintf("storefront-%02d", i)) }
	began, next := time.Now(), size
	var took time.Duration
	changes := 0
	for d := range days {
		for hour := range 24 {
			at := day.Add(time.Duration(d*24+hour) * time.Hour)
			for i := range shops {
				// A hundredth a day, spread over its hours.
				for range size / 100 {
					if r.IntN(24) == 0 {
						next = turn(r, shops, i, next)
					}
				}
				s := whole(name(i), at, shops[i]...)
				start := time.Now()
				out, err := db.Preview(ctx, s, rules)
				if err != nil {
					t.Fatal(err)
				}
				for _, it := range out.Missed {
					s.Probes = append(s.Probes, tracker.Probe{Product: it.ID, State: tracker.PageGone, At: at, URL: it.URL, Reason: "很抱歉，您查看的宝贝不存在"})
				}
				changes += len(commit(t, db, s))
				took += time.Since(start)
			}
		}
		if _, err := db.ThinScans(ctx, 90*24*time.Hour, day.Add(time.Duration(d+1)*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if (d+1)%73 == 0 {
			t.Logf("day %3d: %s, after %v, %v a scan", d+1, figures(t, db, changes), time.Since(began).Round(time.Second), took/time.Duration((d+1)*24*storefronts))
		}
	}
	scans := days * 24 * storefronts
	t.Logf("%d storefronts of %d products, %d days: %s, %v a scan with its preview", storefronts, size, days, figures(t, db, changes), took/time.Duration(scans))
	clear(shops) // the mall is no part of shopwatch
	t.Logf("without the simulated mall: %s", figures(t, db, changes))
	places(t, db)
	before, after, err := db.Compact(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("compacted: %.1f MB to %.1f MB, %s", mb(before), mb(after), figures(t, db, changes))
	places(t, db)
	sound(t, db)
	last, err := db.Changes(ctx, storage.Query{Newest: true, Limit: 1})
	if err != nil || len(last) != 1 || int(last[0].Seq) != changes {
		t.Errorf("the last change is %v, error %v; want %d", last, err, changes)
	}
}

// places says what takes the place in the file.
func places(t testing.TB, db *bolt.DB) {
	t.Helper()
	err := db.Bolt().View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			st := b.Stats()
			if all := st.LeafAlloc + st.BranchAlloc; all > 1e6 {
				t.Logf("  %-11s %8d keys, %6.1f MB, %d bytes each, pages %d %% full", name, st.KeyN, mb(int64(all)), all/st.KeyN, 100*st.LeafInuse/st.LeafAlloc)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// turn changes one product of a storefront: usually its price, sometimes it
// goes and another one comes.
func turn(r *rand.Rand, shops [][]tracker.Product, i, next int) int {
	list := shops[i]
	k := r.IntN(len(list))
	if r.IntN(5) > 0 {
		list[k].Price.Low += int64(r.IntN(200) + 1)
		return next
	}
	list[k] = product(next)
	return next + 1
}

func mb(n int64) float64 { return float64(n) / 1e6 }

// figures are the size of the file and of the process.
func figures(t testing.TB, db *bolt.DB, changes int) string {
	t.Helper()
	size, free, err := db.Size(ctx)
	if err != nil {
		t.Fatal(err)
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return fmt.Sprintf("%d changes, file %.1f MB of which %.1f MB free, heap %.1f MB, resident %s",
		changes, mb(size), mb(free), mb(int64(m.HeapAlloc)), resident())
}

// resident is the memory of the process as the system sees it, without the
// pages of the file that it maps; empty where the system does not tell.
func resident() string {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
