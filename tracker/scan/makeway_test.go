package scan_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/memory"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/remote"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
)

// A list that was turned is gone: Chrome keeps hardly more nodes of a page when
// 44 lists have been shown, whose pictures are never loaded, than after eight.
func TestListsMakeWay(t *testing.T) {
	short(t)
	const pages, first, last = 46, 8, 44
	d := fixtures.Shop{Host: "makeway.tmall.com", Title: "翻页", PageSize: 60, PerRow: 5, Delay: -1}
	for i := range pages * d.PageSize {
		p := product(fmt.Sprint(930000000000+i), fmt.Sprintf("产品 %d", i))
		p.Skus = 3
		d.Products = append(d.Products, p)
	}
	shop := mall.Open(d)
	profile, flags := t.TempDir(), maps.Clone(mall.Flags())
	flags["remote-debugging-port=0"] = true // for nodes, beside the pipe of shopwatch
	b := browser.New(browser.Options{Flags: flags, Resolver: mall.Resolver(), Profile: profile})
	defer b.Close()
	sc := scan.New(scan.Options{Markets: all.Markets(), Browser: b, PageTimeout: 30 * time.Second})
	kept := map[int]int64{}
	s := sc.Scan(t.Context(), tracker.Storefront{Name: "makeway", URL: shop.URL()}, tracker.DefaultRules(), func(p tracker.Progress) {
		if p.Pages == first || p.Pages == last {
			n, err := nodes(t.Context(), profile, shop.URL())
			if err != nil {
				t.Error(err)
			}
			kept[p.Pages] = n
		}
	})
	if s.Verdict != tracker.Complete || len(s.Products) != pages*d.PageSize {
		t.Fatalf("%s (%s), %d products", s.Verdict, s.Reason, len(s.Products))
	}
	for i := range s.Products {
		if s.Products[i].Image == "" {
			t.Fatalf("product %s has lost its picture", s.Products[i].ID)
		}
	}
	fmt.Printf("makeway: %d nodes after %d pages, %d after %d\n", kept[first], first, kept[last], last)
	if growth := kept[last] - kept[first]; kept[first] == 0 || growth > kept[first]/2 {
		t.Errorf("Chrome keeps %d nodes more after %d pages, of %d after %d", growth, last, kept[first], first)
	}
}

// nodes counts what the renderer of a page keeps of its documents when all that
// can be let go is gone.
func nodes(ctx context.Context, profile, address string) (int64, error) {
	where, err := os.ReadFile(filepath.Join(profile, "DevToolsActivePort"))
	if err != nil {
		return 0, err
	}
	port, _, _ := strings.Cut(string(where), "\n")
	ctx, cancel := remote.NewAllocator(ctx, "ws://127.0.0.1:"+port)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	targets, err := chromedp.Targets(ctx)
	if err != nil {
		return 0, err
	}
	for _, page := range targets {
		if strings.HasPrefix(page.URL, address) {
			ctx, cancel := chromedp.NewContext(ctx, chromedp.WithTargetID(page.TargetID))
			defer cancel()
			if _, err := chromedp.Call(ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
				return 0, err
			}
			counted, err := chromedp.Call(ctx, memory.GetDOMCounters, cdp.Empty{})
			return counted.Nodes, err
		}
	}
	return 0, fmt.Errorf("no tab shows %s", address)
}
