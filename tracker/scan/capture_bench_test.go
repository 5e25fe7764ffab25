package scan_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/woocommerce"
	"shopwatch/tracker"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
)

// BenchmarkCapture shows what captures cost: nothing is captured of a complete
// scan without changes (ready), all of it (all), beside a scanner that knows no
// captures (none). cpu-ms is that of this process, without Chrome.
func BenchmarkCapture(b *testing.B) {
	d := fixtures.Shop{Host: "bench-capture.tmall.com", Title: "测试旗舰店", PerRow: 4, PageSize: 60, Delay: -1}
	for i := range 600 {
		d.Products = append(d.Products, product(fmt.Sprint(650000000001+i), fmt.Sprintf("产品 %d", i+1)))
	}
	tab := tracker.Storefront{Name: "s", URL: mall.Open(d).URL()}
	shop := woocommerce.Open("bench.woocommerce.example")
	for i := range 1000 {
		shop.Put(markets.Product{ID: woocommerce.ID(i), Title: fmt.Sprintf("Product %d", i), Price: "9.90"})
	}
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	flags, err := fetch.FromFlags(mall.Flags())
	if err != nil {
		b.Fatal(err)
	}
	client := fetch.New(flags)
	defer client.Close()
	for _, sf := range []tracker.Storefront{tab, {Name: "s", URL: shop.URL(), Marketplace: "woocommerce", Options: shop.Options()}} {
		for _, how := range []string{"none", "ready", "all"} {
			b.Run(fmt.Sprintf("%s/%s", map[bool]string{true: "http", false: "tab"}[sf.Marketplace != ""], how), func(b *testing.B) {
				signer, err := newSigner("bench")
				if err != nil {
					b.Fatal(err)
				}
				bytes := 0
				o := scan.Options{Markets: all.Markets(), Browser: chrome, HTTP: client, PageTimeout: 30 * time.Second}
				capturing := scan.CaptureEnd
				if how != "none" {
					o.Archive = func(_ context.Context, c *archive.Capture) (string, error) {
						c.Redact(nil)
						file, err := c.Pack(signer)
						bytes = len(file)
						return "x.wacz", err
					}
				}
				if how == "all" {
					capturing = scan.CaptureAll
				}
				s := scan.New(o)
				before := cpu()
				for b.Loop() {
					if got := s.Capture(b.Context(), sf, tracker.DefaultRules(), nil, capturing); got.Verdict != tracker.Complete {
						b.Fatalf("%s (%s)", got.Verdict, got.Reason)
					}
				}
				b.ReportMetric(float64((cpu()-before).Milliseconds())/float64(b.N), "cpu-ms/op")
				b.ReportMetric(float64(bytes), "bytes")
			})
		}
	}
}

// cpu is the time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
