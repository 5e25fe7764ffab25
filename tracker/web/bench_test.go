//go:build unix

package web_test

import (
	"cmp"
	"compress/gzip"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

var scale = flag.Bool("scale", false, "measure pages over 100 storefronts of 1,000 products and a year (some minutes)")
var scaleDir = flag.String("scale-dir", "", "where the database of -scale is made; in memory it takes a third of the time")

// TestScale measures the first bytes of all pages over 100 storefronts of 1,000
// products with a year of two scans a day, of which each day changes 1 %, and the
// first page and the metrics over 1,000 such storefronts.
func TestScale(t *testing.T) {
	if !*scale {
		t.Skip("takes some minutes: -scale")
	}
	measure := func(name string, storefronts, days int, paths map[string]string, goal time.Duration) {
		db, err := bolt.Open(filepath.Join(cmp.Or(*scaleDir, t.TempDir()), name+".db"), bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		r := rand.New(rand.NewPCG(1, 2))
		o := options(db)
		o.Shops = nil
		end := time.Now().Add(-time.Hour)
		lists := make([][]tracker.Product, storefronts)
		for n := range lists {
			o.Shops = append(o.Shops, api.StorefrontInfo{Storefront: tracker.Storefront{Name: tracker.StorefrontName(fmt.Sprintf("shop-%04d", n))}, Title: fmt.Sprint("店铺 ", n), Misses: 3})
			list := make([]tracker.Product, 1000)
			for i := range list {
				id := fmt.Sprintf("7%04d%07d", n, i*31)
				list[i] = tracker.Product{
					ID: tracker.ProductID(id), Title: fmt.Sprintf("腾讯官方 糖大夫 智能血糖仪 家用 第%d款", i), URL: "https://detail.tmall.com/item.htm?id=" + id,
					Image: "https://img.alicdn.com/" + id + ".jpg", Price: tracker.Price{Kind: tracker.PriceExact, Low: int64(10000 + i*10), Currency: "CNY"},
				}
			}
			lists[n] = list
		}
		for half := range 2*days + 1 { // all storefronts, then the next half of a day
			for n, list := range lists {
				shown := list
				if half > 0 && half%2 == 0 {
					for range 9 {
						list[r.IntN(len(list))].Price.Low += int64(r.IntN(2000)) - 900
					}
					list[r.IntN(len(list))].Title += "新"
				}
				if at := r.IntN(len(list)); half%7 == 3 {
					shown = slices.Delete(slices.Clone(list), at, at+1)
				}
				s := &tracker.Scan{Storefront: o.Shops[n].Name, Began: end.Add(-time.Duration(2*days-half)*12*time.Hour + time.Duration(n)*time.Second), Took: time.Second, Verdict: tracker.Complete, Products: shown,
					Evidence: tracker.Evidence{Pages: 17, Products: len(shown), Declared: tracker.Declared{Pages: 17}, Parser: 1}}
				if r.IntN(40) == 0 {
					s.Verdict, s.Reason, s.Products = tracker.Login, "the shop page asks for a login", nil
				}
				if _, err := db.Commit(ctx, s, tracker.DefaultRules()); err != nil {
					t.Fatal(err)
				}
			}
		}
		server := server(o)
		for _, page := range slices.Sorted(func(yield func(string) bool) {
			for k := range paths {
				if !yield(k) {
					return
				}
			}
		}) {
			var took, cpus []time.Duration
			var size, packed int
			for i := range 110 {
				path := strings.ReplaceAll(paths[page], "N", fmt.Sprintf("%04d", r.IntN(storefronts)))
				req := httptest.NewRequest("GET", "http://127.0.0.1"+path, nil)
				w := httptest.NewRecorder()
				start, used := time.Now(), cpu(t)
				server.ServeHTTP(w, req)
				if i >= 10 {
					took = append(took, time.Since(start))
					cpus = append(cpus, cpu(t)-used)
				}
				if w.Code != 200 {
					t.Fatalf("%s = %d %s", path, w.Code, w.Body)
				}
				size = max(size, w.Body.Len())
				if i == 0 {
					var b strings.Builder
					z := gzip.NewWriter(&b)
					_, _ = z.Write(w.Body.Bytes())
					z.Close()
					packed = b.Len()
				}
			}
			slices.Sort(took)
			slices.Sort(cpus)
			t.Logf("%s %-17s median %6.1f ms, p99 %6.1f ms; of the processor %6.1f, %6.1f ms; %d KB, %d KB gzip",
				name, page, ms(took[50]), ms(took[98]), ms(cpus[50]), ms(cpus[98]), size>>10, packed>>10)
			// Of the processor: a loaded machine does not change that much.
			if cpus[98] > goal {
				t.Errorf("%s %s takes %v, want at most %v", name, page, cpus[98], goal)
			}
			if page != "metrics" && (size > 150<<10 || packed > 25<<10) {
				t.Errorf("%s %s has %d KB, %d packed; want at most 150 and 25", name, page, size>>10, packed>>10)
			}
		}
	}
	measure("100x1000x365", 100, 365, map[string]string{
		"overview": "/", "shelf 30 d": "/s/shop-N", "shelf 1 y": "/s/shop-N?window=1y", "shelf by price": "/s/shop-N?window=all&sort=price", "shelf search": "/s/shop-N?q=第77",
		"product": "/s/shop-N/p/7N0000310", "diff 30 d": "/s/shop-N/diff?from=" + time.Now().AddDate(0, 0, -30).Format(time.DateOnly),
		"changes": "/changes", "changes search": "/changes?q=第777款", "search common": "/changes?q=血糖", "search nothing": "/changes?q=nothing", "changes of a kind": "/changes?kind=retitled&storefront=shop-N",
		"changes important": "/changes?important=1", "changes of a day": "/changes?from=" + time.Now().AddDate(0, 0, -200).Format(time.DateOnly) + "&to=" + time.Now().AddDate(0, 0, -200).Format(time.DateOnly),
		"proof": "/changes/77777", "scans": "/scans", "scans incomplete": "/scans?incomplete=1", "suspects": "/suspects", "reports": "/reports", "settings": "/settings", "metrics": "/metrics",
	}, 50*time.Millisecond)
	measure("1000x1000", 1000, 2, map[string]string{"overview": "/", "metrics": "/metrics"}, 100*time.Millisecond)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// cpu is how long processors worked for this process.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
