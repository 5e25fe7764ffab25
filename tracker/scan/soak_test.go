package scan_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
)

// TestSoak lists page after page with one Chrome and then makes it end badly
// again and again. With SHOPWATCH_SOAK set it takes 500 pages and 100 bad ends
// and judges the memory (make soak), else a few.
func TestSoak(t *testing.T) {
	short(t)
	t.Parallel()
	pages, ends := 20, 6
	if os.Getenv("SHOPWATCH_SOAK") != "" {
		pages, ends = 500, 100
	}
	tmp := t.TempDir()
	b := browser.New(browser.Options{Flags: mall.Flags(), Profile: filepath.Join(tmp, "profile")})
	defer b.Close()
	sc := scan.New(scan.Options{Markets: all.Markets(), Browser: b, PageTimeout: time.Minute, Backoff: 20 * time.Millisecond})
	const each = 10
	d := fixtures.Shop{Host: "soak.tmall.com", Title: "浸泡", PageSize: 60, PerRow: 5, Delay: -1}
	for i := range each * 60 {
		d.Products = append(d.Products, product(fmt.Sprint(940000000000+i), fmt.Sprintf("产品 %d", i)))
	}
	shop := mall.Open(d)
	sf := tracker.Storefront{Name: "soak", URL: shop.URL()}

	// Memory after the first 50 pages against the greatest later.
	var first, most int64
	for done := 0; done < pages; done += each {
		s := sc.Scan(t.Context(), sf, tracker.DefaultRules(), nil)
		if s.Verdict != tracker.Complete {
			t.Fatalf("after %d pages: %s (%s)", done, s.Verdict, s.Reason)
		}
		u := b.Usage()
		if done+each <= 50 {
			first = max(first, u.Memory)
		} else {
			most = max(most, u.Memory)
		}
		if (done+each)%50 == 0 {
			fmt.Printf("soak: %3d pages, %d processes, %3d MiB\n", done+each, u.Processes, u.Memory>>20)
		}
	}
	if most > 0 {
		growth := float64(most-first) / float64(first) * 100
		fmt.Printf("soak: memory %+.1f %% after the first 50 pages\n", growth)
		if growth > 5 {
			t.Errorf("memory grew by %.1f %%, want under 5 %%", growth)
		}
	}

	shop.Fault(fixtures.Fault{Name: "list never", Place: fixtures.LastPage, Delay: time.Minute})
	bad := scan.New(scan.Options{Markets: all.Markets(), Browser: b, PageTimeout: 1500 * time.Millisecond, Retries: -1})
	for i := range ends {
		ctx, cancel := context.WithCancel(t.Context())
		s := bad.Scan(ctx, sf, tracker.DefaultRules(), func(p tracker.Progress) {
			switch {
			case i%3 == 1 && p.Pages == 3:
				syscall.Kill(b.PID(), syscall.SIGKILL)
			case i%3 == 2 && p.Pages == 3:
				cancel() // as when the daemon is told to end
			}
		})
		cancel()
		if s.Verdict == tracker.Complete {
			t.Errorf("end %d: %s", i, s.Verdict)
		}
	}
	shop.Heal()
	if s := sc.Scan(t.Context(), sf, tracker.DefaultRules(), nil); s.Verdict != tracker.Complete {
		t.Errorf("afterwards: %s (%s)", s.Verdict, s.Reason)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	left := 0
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if c, err := os.ReadFile(l); err == nil && strings.Contains(string(c), tmp) {
			left++
		}
	}
	entries, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("soak: after %d bad ends %d processes are left, %d entries beside the profile\n", ends, left, len(entries)-1)
	if left > 0 || len(entries) > 2 { // the profile and its lock
		t.Errorf("%d processes and %v are left", left, entries)
	}
}
