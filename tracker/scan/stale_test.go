package scan_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
)

// eventually waits until something is so, or for as long as it may take at
// most.
func eventually(t *testing.T, within time.Duration, so func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for !so() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return true
}

// A worker that a page left behind answers for the marketplace no more: neither
// with products that are gone, nor where a login is demanded.
func TestServiceWorkerDoesNotAnswer(t *testing.T) {
	short(t)
	shop := openShop(t, "worker.tmall.com", 6)
	shop.Fault(fixtures.Fault{Name: "service worker"})
	sh := newShopper(t, nil)
	mall.Forget()
	if s, _ := sh.scan(shop.URL()); s.Verdict != tracker.Complete || len(s.Products) != 6 {
		t.Fatalf("the first visit: %s (%s), %d products", s.Verdict, s.Reason, len(s.Products))
	}
	// The worker asks for the list by itself while it is installed. It may be
	// gone before it has done so.
	eventually(t, 3*time.Second, func() bool {
		for _, r := range mall.Requests() {
			if r.Kind == "list" && strings.HasSuffix(r.Query, "callback=jsonp1") && r.Status == http.StatusOK {
				return true
			}
		}
		return false
	})

	for i := range 6 {
		shop.Take(fmt.Sprint(600000000001+i), fixtures.Gone)
	}
	shop.Put(product("600000000099", "新到"))
	s, changes := sh.scan(shop.URL())
	if s.Verdict != tracker.Complete || ids(s.Products) != "600000000099" || !strings.Contains(tell(changes), "added 600000000099") {
		t.Errorf("after everything was exchanged: %s (%s), products %s, changes %q", s.Verdict, s.Reason, ids(s.Products), tell(changes))
	}
	shop.Set(func(d *fixtures.Shop) { d.NeedsLogin = true })
	if s, _ := sh.scan(shop.URL()); s.Verdict != tracker.Login {
		t.Errorf("behind a login: %s (%s), %d products", s.Verdict, s.Reason, len(s.Products))
	}
}

// An item page that may be kept for a day is asked for again all the same, or
// a product that is gone would still be sold.
func TestItemPageIsNotTakenFromTheCache(t *testing.T) {
	short(t)
	shop := openShop(t, "cached.tmall.com", 6)
	shop.Fault(fixtures.Fault{Name: "document cached", Place: fixtures.ItemPage})
	sh := newShopper(t, nil)
	sh.scan(shop.URL())
	const id = "600000000003"
	shop.Take(id, fixtures.StillSold)
	if s, _ := sh.scan(shop.URL()); len(s.Probes) != 1 || s.Probes[0].State != tracker.PageSold {
		t.Fatalf("probes %+v, want one that finds it sold", s.Probes)
	}
	shop.Put(product(id, "产品 3"))
	shop.Take(id, fixtures.Gone)
	mall.Forget()
	s, changes := sh.scan(shop.URL())
	if tell(changes) != "removed "+id+" gone" {
		t.Errorf("changes = %q, want it gone; probes %+v", tell(changes), s.Probes)
	}
	asked := 0
	for _, r := range mall.Requests() {
		if r.Item == id {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("the marketplace was asked %d times for the item page, want once", asked)
	}
	if w := strings.Join(s.Evidence.Warnings, "; "); !strings.Contains(w, "cache") {
		t.Errorf("warnings %q do not tell of the cache", w)
	}
}

// A redirect that may be kept is a document too: the page that it led to says
// nothing of today.
func TestRedirectIsNotTakenFromTheCache(t *testing.T) {
	short(t)
	shop := openShop(t, "redirected.tmall.com", 6)
	sh := newShopper(t, nil)
	sh.scan(shop.URL())
	const id = "600000000004"
	mall.Handle("detail.tmall.com", "/item.htm", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=86400")
		http.Redirect(w, r, "https://error.item.taobao.com/error/noitem?type=noitem&itemid="+r.URL.Query().Get("id"), http.StatusMovedPermanently)
	}))
	shop.Take(id, fixtures.StillSold)
	_, changes := sh.scan(shop.URL())
	mall.Unhandle("detail.tmall.com", "/item.htm")
	if tell(changes) != "removed "+id+" gone" {
		t.Fatalf("changes = %q, want what its page says", tell(changes))
	}
	shop.Return(id)
	sh.scan(shop.URL())
	shop.Take(id, fixtures.StillSold)
	if s, changes := sh.scan(shop.URL()); tell(changes) != "" || s.Probes[0].State != tracker.PageSold {
		t.Errorf("changes = %q, want none; probes %+v", tell(changes), s.Probes)
	}
}
