package bolt_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// A scan that misses a product and has seen its page removes it, and the change
// log says so.
func Example() {
	dir, err := os.MkdirTemp("", "shopwatch")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	var store storage.Store
	if store, err = bolt.Open(filepath.Join(dir, "shopwatch.db"), bolt.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	day := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	meter := tracker.Product{ID: "45123456789", Title: "Glucometer"}
	robot := tracker.Product{ID: "520384177451", Title: "Qrobot"}
	scan := func(n int, products ...tracker.Product) *tracker.Scan {
		return &tracker.Scan{
			Storefront: "tencent", Began: day.AddDate(0, 0, n), Verdict: tracker.Complete, Products: products,
			Evidence: tracker.Evidence{Parser: 1, Pages: 1, Products: len(products)},
		}
	}
	later := scan(1, meter)
	later.Probes = []tracker.Probe{{Product: robot.ID, State: tracker.PageGone, At: later.Began}}
	for _, s := range []*tracker.Scan{scan(0, meter, robot), later} {
		changes, err := store.Commit(context.Background(), s, tracker.DefaultRules())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(s.Began.Format(time.DateOnly), len(changes), "changes")
		for _, c := range changes {
			fmt.Println(c.Seq, c.Kind, c.Product.Title, c.Proof)
		}
	}
	// Output:
	// 2026-11-22 0 changes
	// 2026-11-23 1 changes
	// 1 removed Qrobot gone
}
