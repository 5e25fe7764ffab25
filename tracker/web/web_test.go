package web_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/storage/storetest"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/web"
)

// ctx is that of calls that nothing ends.
var ctx = context.Background()

const token = "0123456789abcdef"

var began = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

// A safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// emptyDatabase returns a database of its own.
func emptyDatabase(t testing.TB) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "shopwatch.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// database returns one that storetest.Fill has filled.
func database(t *testing.T) *bolt.DB {
	t.Helper()
	db := emptyDatabase(t)
	storetest.Fill(t, db, began)
	return db
}

func options(db *bolt.DB) api.Options {
	return api.Options{
		Store: db, Maintainer: db, Token: token, Version: "test",
		Shops: []api.StorefrontInfo{
			{Storefront: tracker.Storefront{Name: "tencent", URL: "https://tencent.tmall.com/"}, Title: "腾讯", Marketplace: "tmall", Misses: 3},
			{Storefront: tracker.Storefront{Name: "new"}},
		},
		Daemon: daemon{},
	}
}

// A daemon is one that scans the first storefront for ever.
type daemon struct{}

func (daemon) Status(context.Context) []api.Waiting {
	return []api.Waiting{{Storefront: tracker.Storefront{Name: "tencent"}, Next: began.Add(12 * time.Hour), Began: began, Progress: tracker.Progress{Pages: 2}}}
}

func (daemon) Scan(_ context.Context, name tracker.StorefrontName, _ api.HowToScan, progress func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error) {
	progress(tracker.Progress{Storefront: name, Pages: 1})
	return &tracker.Scan{Storefront: name, Began: began, Verdict: tracker.Partial, Reason: "page 2 was short"}, nil, nil
}

func (daemon) Preview(context.Context, string, uint64, bool) (api.Preview, error) {
	return api.Preview{}, nil
}
func (daemon) Test(context.Context, string) (string, error) { return "250 taken", nil }
func (daemon) Retry(context.Context, uint64) (int, error)   { return 1, nil }
func (daemon) Disputed()                                    {}
func (daemon) Ready() error                                 { return nil }
func (daemon) LoginMade() bool                              { return false }
func (daemon) Lend(context.Context, func()) error           { return nil }
func (daemon) Vitals() api.Vitals {
	return api.Vitals{ChromeProcesses: 4, ChromeMemory: 200 << 20, Logins: map[string]time.Time{"tmall": began}, LastBackup: began}
}

// server returns a server of the API with its pages.
func server(o api.Options) *api.Server {
	log := slog.New(slog.DiscardHandler)
	p := web.New(web.Options{Options: o, Settings: []web.Setting{{Key: "listen", Value: "127.0.0.1:8780"}, {Key: "token", Value: "(not shown)"}}}, log)
	o.Pages, o.Refusal = p.Routes(), p.Refuse
	if o.Public != nil {
		o.Unguarded = map[string]http.Handler{"/method": p.Method()}
	}
	return api.New(o, log)
}

// tour are the addresses of all kinds of page.
func tour(t testing.TB, db *bolt.DB) map[string]string {
	t.Helper()
	all := map[string]string{
		"overview": "/", "shelf": "/s/made-up-year?window=1y", "shelf-30d": "/s/made-up-year", "shelf-hostile": "/s/evil?window=7d", "shelf-table": "/s/made-up-year?window=1y&view=table", "shelf-empty": "/s/new",
		"shelf-search": "/s/made-up-year?window=all&q=%E9%9F%B3%E7%AE%B1&sort=price&show=listed",
		"diff":         "/s/made-up-year/diff?from=" + time.Now().AddDate(0, 0, -120).Format(time.DateOnly), "changes": "/changes", "changes-filtered": "/changes?q=%E6%8A%95%E5%BD%B1&kind=repriced&important=1",
		"changes-hostile": "/changes?storefront=evil", "scans": "/scans", "scans-incomplete": "/scans?incomplete=1", "suspects": "/suspects", "reports": "/reports", "report": "/reports/1",
		"settings": "/settings", "keys": "/help/keys", "method": "/method", "signin": "/signin", "missing": "/changes/999999", "nowhere": "/nothing",
	}
	for kind, name := range map[tracker.Kind]string{
		tracker.Removed: "proof-removed", tracker.Repriced: "proof-repriced", tracker.Retitled: "proof-retitled", tracker.Added: "proof-added", tracker.Stalled: "proof-stalled", tracker.Repictured: "proof-repictured",
	} {
		list, err := db.Changes(ctx, storage.Query{Kinds: []tracker.Kind{kind}, Newest: true, Limit: 1})
		if err != nil || len(list) == 0 {
			t.Fatalf("no change of kind %s, %v", kind, err)
		}
		all[name] = fmt.Sprint("/changes/", list[0].Seq)
		if p := list[0].Product; p != nil {
			all["product-"+string(kind)] = "/s/" + string(list[0].Storefront) + "/p/" + string(p.ID)
		}
	}
	scans, err := db.Scans(ctx, storage.ScanQuery{Limit: 1})
	if err != nil || len(scans) == 0 {
		t.Fatal(err)
	}
	all["scan"] = "/scans/" + string(scans[0].Storefront) + "/" + scans[0].Began.UTC().Format("20060102T150405.000Z")
	return all
}

// Every page is made, in both languages, and says what it should.
func TestEveryPage(t *testing.T) {
	db := populated(t)
	s := server(tourOptions(db))
	for _, lang := range []string{"en", "zh"} {
		for name, path := range tour(t, db) {
			t.Run(lang+" "+name, func(t *testing.T) {
				req := httptest.NewRequest("GET", "http://127.0.0.1"+path, nil)
				req.Header.Set("Accept-Language", lang)
				req.Header.Set("Accept", "text/html")
				w := httptest.NewRecorder()
				s.ServeHTTP(w, req)
				page := w.Body.String()
				want := 200
				if name == "missing" || name == "nowhere" {
					want = 404
				}
				if w.Code != want {
					t.Fatalf("%s = %d, want %d\n%s", path, w.Code, want, page)
				}
				if strings.Contains(page, "<script>") || strings.Contains(page, "<img src=x") || strings.Contains(page, "href=\"javascript:") || strings.Contains(page, "\u202e") || strings.Contains(page, "ZgotmplZ") {
					t.Errorf("%s lets a title through as it is", path)
				}
				if strings.Contains(page, secret) {
					t.Errorf("%s names a recipient to somebody without a token", path)
				}
				if strings.Contains(page, "%!") {
					t.Errorf("%s has a phrase that was not filled in", path)
				}
				if n := w.Body.Len(); n > 150<<10 {
					t.Errorf("%s has %d bytes, want at most 150 KiB", path, n)
				}
			})
		}
	}
}

// A storefront of which only the baseline is known says so, until it is read
// again.
func TestBaselineSaysSo(t *testing.T) {
	db := emptyDatabase(t)
	o := options(db)
	o.Daemon = nil // its scan that never ends would be told of first
	s := server(o)
	for n, want := range []bool{true, false} {
		list := []tracker.Product{{ID: "1", Title: "a"}, {ID: "2", Title: "b"}}
		_, err := db.Commit(ctx, &tracker.Scan{
			Storefront: "tencent", Began: began.Add(time.Duration(n) * time.Hour), Verdict: tracker.Complete, Products: list,
			Evidence: tracker.Evidence{Pages: 1, Products: 2, Parser: 1},
		}, tracker.DefaultRules())
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/", "/s/tencent"} {
			if got := strings.Contains(body(t, s, path), "2 products; this is the baseline, changes from now on are news"); got != want {
				t.Errorf("after %d scans %s says that this is the baseline: %v, want %v", n+1, path, got, want)
			}
		}
	}
}

// serve runs a server on a port of its own.
func serve(t testing.TB, o api.Options) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Connections = 200
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	s := server(o)
	go func() { ended <- s.Run(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return l.Addr().String()
}

// noRedirect is a client that shows where it is sent.
func noRedirect() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
