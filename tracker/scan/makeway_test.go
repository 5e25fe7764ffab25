package scan_test

import (
	"fmt"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
)

// A list that was turned is gone: what Chrome takes hardly grows while a tab
// turns page after page, whose pictures are never loaded.
func TestListsMakeWay(t *testing.T) {
	short(t)
	const pages, first, last, most = 46, 8, 44, 60 << 20 // 103 MiB when each list stayed
	d := fixtures.Shop{Host: "makeway.tmall.com", Title: "翻页", PageSize: 60, PerRow: 5, Delay: -1}
	for i := range pages * d.PageSize {
		p := product(fmt.Sprint(930000000000+i), fmt.Sprintf("产品 %d", i))
		p.Skus = 3
		d.Products = append(d.Products, p)
	}
	shop := mall.Open(d)
	b := browser.New(browser.Options{Flags: mall.Flags(), Resolver: mall.Resolver()})
	defer b.Close()
	sc := scan.New(scan.Options{Markets: all.Markets(), Browser: b, PageTimeout: 30 * time.Second})
	took := map[int]int64{}
	s := sc.Scan(t.Context(), tracker.Storefront{Name: "makeway", URL: shop.URL()}, tracker.DefaultRules(), func(p tracker.Progress) {
		if p.Pages == first || p.Pages == last {
			took[p.Pages] = b.Usage().Memory
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
	growth := took[last] - took[first]
	fmt.Printf("makeway: %d MiB after %d pages, %d MiB after %d\n", took[first]>>20, first, took[last]>>20, last)
	if growth > most {
		t.Errorf("Chrome grew by %d MiB in %d pages, want at most %d", growth>>20, last-first, most>>20)
	}
}
