package web_test

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/web"
)

// productsOf are so many products whose ids begin alike.
func productsOf(prefix string, n int) []tracker.Product {
	var list []tracker.Product
	for i := range n {
		id := fmt.Sprintf("%s%04d", prefix, i)
		list = append(list, tracker.Product{ID: tracker.ProductID(id), Title: "商品 " + id, URL: "https://detail.tmall.com/item.htm?id=" + id,
			Price: tracker.Price{Kind: tracker.PriceExact, Low: 100, Currency: "CNY"}})
	}
	return list
}

// commit writes a scan some time ago.
func commit(t *testing.T, db *bolt.DB, name tracker.StorefrontName, ago time.Duration, list []tracker.Product, change func(*tracker.Scan)) {
	t.Helper()
	s := &tracker.Scan{Storefront: name, Began: time.Now().Add(-ago), Took: time.Second, Verdict: tracker.Complete, Products: list,
		Evidence: tracker.Evidence{Pages: 1, Products: len(list), Declared: tracker.Declared{Pages: 1}, Parser: 1}}
	if change != nil {
		change(s)
	}
	if _, err := db.Commit(ctx, s, tracker.Rules{Misses: 3, MaxLoss: 1, Probes: 20, StalledAfter: 3}); err != nil {
		t.Fatal(err)
	}
}

// body is the page at a path.
func body(t *testing.T, s *api.Server, path string) string {
	t.Helper()
	req := httptest.NewRequest("GET", "http://127.0.0.1"+path, nil)
	req.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	if w.Code != 200 {
		t.Fatalf("%s = %d\n%s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// A page is packed for those who take it.
func TestPacked(t *testing.T) {
	s := server(options(emptyDatabase(t)))
	for accepts, want := range map[string]string{
		"": "", "gzip, deflate, br": "gzip", "br;q=1.0, gzip;q=0.8": "gzip", "gzip;q=0": "", "gzip; q=0, identity": "", "br": "",
	} {
		req := httptest.NewRequest("GET", "http://127.0.0.1/", nil)
		req.Header.Set("Accept", "text/html")
		req.Header.Set("Accept-Encoding", accepts)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if got := w.Header().Get("Content-Encoding"); w.Code != 200 || got != want {
			t.Errorf("Accept-Encoding: %s gives %d, packed by %q, want %q", accepts, w.Code, got, want)
		}
	}
}

// shops are options with storefronts of these names.
func shops(db *bolt.DB, names ...tracker.StorefrontName) api.Options {
	o := options(db)
	o.Shops = nil
	for _, n := range names {
		o.Shops = append(o.Shops, api.StorefrontInfo{Storefront: tracker.Storefront{Name: n}, Misses: 3})
	}
	return o
}

// Every missing product stands on one of the pages, once.
func TestSuspectsArePaged(t *testing.T) {
	db := emptyDatabase(t)
	want := make(map[string]bool)
	for _, name := range []tracker.StorefrontName{"a", "b", "c"} {
		list := productsOf(string(name), 180)
		commit(t, db, name, 2*time.Hour, list, nil)
		commit(t, db, name, time.Hour, list[:30], nil)
		for _, p := range list[30:] {
			want[string(p.ID)] = true
		}
	}
	s := server(shops(db, "a", "b", "c"))
	for n := 1; n <= 3; n++ {
		page := body(t, s, fmt.Sprint("/suspects?page=", n))
		for id := range want {
			if strings.Contains(page, "/p/"+id+"\"") {
				delete(want, id)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("%d missing products are on no page", len(want))
	}
	if page := body(t, s, "/suspects?storefront=b"); strings.Contains(page, "/p/a0100") || !strings.Contains(page, "/p/b0100") {
		t.Error("the missing products of one storefront are not those that are shown")
	}
}

// A scan that changed much shows a part of that, says how much is left, and leads to it.
func TestScanOfManyChanges(t *testing.T) {
	db := emptyDatabase(t)
	commit(t, db, "a", 2*time.Hour, productsOf("a", 1), nil)
	commit(t, db, "a", time.Hour, productsOf("a", 1201), nil)
	scans, err := db.Scans(ctx, storage.ScanQuery{Storefront: "a", Limit: 1})
	if err != nil || len(scans) != 1 || scans[0].Changes != 1200 {
		t.Fatalf("scans %v, %v", scans, err)
	}
	page := body(t, server(shops(db, "a")), "/scans/a/"+scans[0].Began.UTC().Format("20060102T150405.000Z"))
	if n := strings.Count(page, `href="../../changes/`); n != 300 || len(page) > 150_000 {
		t.Errorf("a page of %d KB with %d changes", len(page)/1000, n)
	}
	from, to := scans[0].Began.UTC().Format(time.DateOnly), scans[0].Began.Add(time.Second).UTC().Format(time.DateOnly)
	if !strings.Contains(page, "and 900 more") || !strings.Contains(page, `href="../../changes?storefront=a&amp;from=`+from+`&amp;to=`+to+`"`) {
		t.Error("it does not say that there are more, and where")
	}
}

// Who follows an address to a page that is no longer there comes to the last one, and
// is not told that there is nothing.
func TestPageBehindTheEnd(t *testing.T) {
	s := server(tourOptions(populated(t)))
	for path, want := range map[string]string{
		"/?page=3": "?page=1", "/suspects?page=9": "?page=1", "/s/made-up-year?page=99&sort=title": "?page=1&sort=title", "/s/evil?q=nothing&page=2": "?page=1&q=nothing",
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1"+path, nil))
		if got := w.Header().Get("Location"); w.Code != 303 || got != want {
			t.Errorf("%s = %d to %q, want %q", path, w.Code, got, want)
		}
	}
}

// A storefront that is younger than a week is shown from its first scan on, an
// older one for 30 days.
func TestWindowOfYoungStorefront(t *testing.T) {
	db := emptyDatabase(t)
	list := productsOf("x", 3)
	commit(t, db, "young", 10*time.Minute, list, nil)
	commit(t, db, "young", time.Minute, list, nil)
	for ago := 20; ago > 0; ago-- {
		commit(t, db, "old", time.Duration(ago)*24*time.Hour, list, nil)
	}
	commit(t, db, "paused", 300*24*time.Hour, list, nil)
	commit(t, db, "paused", time.Hour, list, nil)
	s := server(shops(db, "young", "old", "paused", "new"))
	for name, want := range map[string]string{"young": "all", "old": "30d", "paused": "30d", "new": "30d"} {
		if page := body(t, s, "/s/"+name); !strings.Contains(page, `window=`+want+`" aria-current="true"`) {
			t.Errorf("%s is not shown for %s", name, want)
		}
	}
	if page := body(t, s, "/s/young/p/x0001"); !strings.Contains(page, `window=all" aria-current="true"`) {
		t.Error("a product of a young storefront is not shown for all the time")
	}
	// Nothing is claimed of a storefront without a complete scan.
	if page := body(t, s, "/s/new"); !strings.Contains(page, "no complete scan yet") || strings.Contains(page, "<b>0</b>on the shelf") {
		t.Error("a storefront that was never scanned has a number of products")
	}
}

// A product that came back under another number leads to it, and back.
func TestSiblingsLeadToEachOther(t *testing.T) {
	db := emptyDatabase(t)
	list := productsOf("x", 3)
	for i := range list {
		list[i].Image = "https://img.alicdn.com/" + string(list[i].ID) + ".jpg"
	}
	commit(t, db, "shop", 3*time.Hour, list, nil)
	again := list[0]
	again.ID = "x9999"
	commit(t, db, "shop", 2*time.Hour, []tracker.Product{list[1], list[2], again}, func(s *tracker.Scan) {
		s.Probes = []tracker.Probe{{Product: list[0].ID, State: tracker.PageGone, At: s.Began, URL: list[0].URL}}
	})
	s := server(shops(db, "shop"))
	if page := body(t, s, "/s/shop/p/x9999"); !strings.Contains(page, "Relisted, was") || !strings.Contains(page, `/p/x0000"`) {
		t.Error("the new number does not lead to the old one")
	}
	if page := body(t, s, "/s/shop/p/x0000"); !strings.Contains(page, "Relisted as") || !strings.Contains(page, `/p/x9999"`) {
		t.Error("the old number does not lead to the new one")
	}
}

// What needs a person stands first: a disk that is nearly full, a backup that is
// old.
func TestOverviewTellsOfDiskAndBackup(t *testing.T) {
	db := emptyDatabase(t)
	commit(t, db, "shop", time.Hour, productsOf("x", 3), nil)
	o := shops(db, "shop")
	show := func(scarce string, backups bool) string {
		t.Helper()
		p := web.New(web.Options{Options: o, Scarce: func() string { return scarce }, Backups: backups}, slog.New(slog.DiscardHandler))
		o.Pages, o.Refusal = p.Routes(), p.Refuse
		return body(t, api.New(o, slog.New(slog.DiscardHandler)), "/")
	}
	const disk, backup = "Only 12 MiB are left on the disk of the data", "The newest backup is of"
	if page := show("12 MiB", true); !strings.Contains(page, disk) || strings.Contains(page, backup) {
		t.Error("a disk that is nearly full is not told of, or a backup that nobody made yet is")
	}
	file := filepath.Join(filepath.Dir(db.Path()), "backups", "shopwatch-2026-01-01.db")
	if err := db.BackupFile(ctx, file); err != nil {
		t.Fatal(err)
	}
	if page := show("", true); strings.Contains(page, disk) || strings.Contains(page, backup) {
		t.Error("something is told of that is well")
	}
	if err := os.Chtimes(file, time.Now(), time.Now().Add(-72*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if page := show("", true); !strings.Contains(page, backup) {
		t.Error("an old backup is not told of")
	}
	if page := show("", false); strings.Contains(page, backup) {
		t.Error("an old backup is told of where none are made")
	}
}

// Of very many storefronts the lists to choose from do not fill the pages.
func TestManyStorefronts(t *testing.T) {
	db := emptyDatabase(t)
	var names []tracker.StorefrontName
	for n := range 1000 {
		names = append(names, tracker.StorefrontName(fmt.Sprintf("storefront-%04d", n)))
	}
	list := productsOf("x", 3)
	commit(t, db, names[7], 2*time.Hour, list, nil)
	commit(t, db, names[7], time.Hour, list[1:], nil)
	s := server(shops(db, names...))
	for _, path := range []string{"/", "/changes", "/scans", "/suspects", "/scans?storefront=storefront-0007"} {
		if page := body(t, s, path); len(page) > 60<<10 || path != "/" && !strings.Contains(page, `<input name="storefront"`) {
			t.Errorf("%s has %d bytes", path, len(page))
		}
	}
	if page := body(t, s, "/suspects?storefront=storefront-0007"); !strings.Contains(page, "/p/x0000") {
		t.Error("a storefront whose name is written is not found")
	}
}

// The page of a storefront that cannot be read says so, and when it was: what stands
// there is no news of today.
func TestShelfTellsOfTrouble(t *testing.T) {
	db := emptyDatabase(t)
	commit(t, db, "shop", 20*24*time.Hour, productsOf("x", 3), nil)
	s := server(shops(db, "shop"))
	const says = "Cannot find the storefront"
	if page := body(t, s, "/s/shop"); strings.Contains(page, says) {
		t.Error("an open shop cannot be found")
	}
	for ago := range 3 {
		commit(t, db, "shop", time.Duration(3-ago)*time.Hour, nil, func(s *tracker.Scan) { s.Verdict, s.Reason = tracker.Gone, "no such shop" })
	}
	_, page, _ := strings.Cut(body(t, s, "/s/shop"), says)
	page, _, _ = strings.Cut(page, "</p>")
	if day := time.Now().UTC().AddDate(0, 0, -20).Format("2 Jan"); !strings.Contains(page, "complete") || !strings.Contains(page, day) || !strings.Contains(page, "scans?storefront=shop") {
		t.Errorf("of a shop that is closed its page says %q", page)
	}
}

// Two days between which no scan was complete are not called the same.
func TestDiffWithoutScansClaimsNothing(t *testing.T) {
	db := emptyDatabase(t)
	list := productsOf("x", 3)
	commit(t, db, "shop", 20*24*time.Hour, list, nil)
	commit(t, db, "shop", 10*24*time.Hour, nil, func(s *tracker.Scan) { s.Verdict, s.Reason = tracker.Login, "a wall" })
	commit(t, db, "shop", time.Hour, list, nil)
	s := server(shops(db, "shop"))
	day := func(ago int) string { return time.Now().UTC().AddDate(0, 0, -ago).Format(time.DateOnly) }
	const same, nothing = "The shelf of both days is the same", "nothing is known of what changed"
	if page := body(t, s, "/s/shop/diff?from="+day(12)+"&to="+day(5)); strings.Contains(page, same) || !strings.Contains(page, nothing) || !strings.Contains(page, "0 of 1 scans complete") {
		t.Error("days without a complete scan are called the same")
	}
	if page := body(t, s, "/s/shop/diff?from="+day(22)); !strings.Contains(page, same) || !strings.Contains(page, "2 of 3 scans complete") {
		t.Error("days that are the same are not called so")
	}
}

// The reason of a dispute is kept as it was written, in any script, or not at all.
func TestReasonOfDispute(t *testing.T) {
	db := populated(t)
	s := server(tourOptions(db))
	removed, err := db.Changes(ctx, storage.Query{Kinds: []tracker.Kind{tracker.Removed}, Limit: 2})
	if err != nil || len(removed) < 2 {
		t.Fatalf("%d removals, %v", len(removed), err)
	}
	for i, tt := range []struct {
		reason string
		want   int
	}{
		{strings.Repeat("长", 1000), 303},
		{strings.Repeat("长", 1001), 422},
		{"half a character: \xe9\x95", 422},
	} {
		c := removed[min(i, 1)]
		r := httptest.NewRequest("POST", fmt.Sprintf("http://127.0.0.1/changes/%d", c.Seq), strings.NewReader(url.Values{"reason": {tt.reason}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("a reason of %d bytes: %d, want %d", len(tt.reason), w.Code, tt.want)
		}
		history, err := db.History(ctx, c.Storefront, c.Product.ID, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		kept := history[len(history)-1]
		if taken := tt.want == 303; taken != (kept.Corrects == c.Seq) || taken && kept.Reason != tt.reason {
			t.Errorf("a reason of %d bytes: kept is %d bytes in a change of kind %s", len(tt.reason), len(kept.Reason), kept.Kind)
		}
	}
}
