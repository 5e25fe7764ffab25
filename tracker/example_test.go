package tracker_test

import (
	"fmt"
	"time"

	"shopwatch/tracker"
)

// A catalog is kept in memory. Storage does the same in one transaction.
func ExampleReconcile() {
	var catalog tracker.Items
	rules := tracker.DefaultRules()
	day := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	scan := func(s *tracker.Scan) {
		s.Storefront, s.Began = "tencent", day
		day = day.AddDate(0, 0, 1)
		outcome := catalog.Reconcile(s, rules)
		catalog.Apply(outcome)
		fmt.Printf("%s scan, %d products:", s.Verdict, len(s.Products))
		for _, c := range outcome.Changes {
			fmt.Printf(" %s %s", c.Kind, c.Product.ID)
			if c.Proof != "" {
				fmt.Printf(" with the proof %s", c.Proof)
			}
		}
		fmt.Println()
	}
	robot := tracker.Product{ID: "1", Title: "chat robot", Image: "https://img.example/1.jpg"}
	pen := tracker.Product{ID: "2", Title: "remote-control pen", Image: "https://img.example/2.jpg"}
	watch := tracker.Product{ID: "3", Title: "watch", Image: "https://img.example/3.jpg"}

	// The first complete scan is the baseline: its products are no news.
	scan(&tracker.Scan{Verdict: tracker.Complete, Products: []tracker.Product{robot, pen}})
	// A login wall proves nothing.
	scan(&tracker.Scan{Verdict: tracker.Login})
	// What a partial scan shows is there; what it does not show may be there.
	scan(&tracker.Scan{Verdict: tracker.Partial, Products: []tracker.Product{watch}})
	// A complete scan misses the robot, and the robot's own page says why.
	scan(&tracker.Scan{
		Verdict:  tracker.Complete,
		Products: []tracker.Product{pen, watch},
		Probes:   []tracker.Probe{{Product: "1", State: tracker.PageGone, At: day}},
	})
	// Output:
	// complete scan, 2 products:
	// login scan, 0 products:
	// partial scan, 1 products: added 3
	// complete scan, 2 products: removed 1 with the proof gone
}

func ExampleParseMinor() {
	fmt.Println(tracker.ParseMinor("1,499.00", "CNY"))
	fmt.Println(tracker.ParseMinor("1,499", "JPY"))
	fmt.Println(tracker.ParseMinor("-5", "CNY"))
	// Output:
	// 149900 true
	// 1499 true
	// 0 false
}

func ExampleSingleLine() {
	fmt.Println(tracker.SingleLine("  Smart\twatch\n\u202e2nd edition\x1b[31m "))
	// Output: Smart watch 2nd edition[31m
}
