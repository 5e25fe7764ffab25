package web_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shopwatch/storage/bolt"
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

// database returns one with a storefront of six products, of which one was
// removed with proof, one was repriced, and one is missing without proof.
func database(t *testing.T) *bolt.DB {
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
	commit := func(i int, probes []tracker.Probe, products ...tracker.Product) {
		t.Helper()
		s := &tracker.Scan{
			Storefront: "tencent", Began: began.Add(time.Duration(i) * time.Hour), Took: time.Second, Verdict: tracker.Complete,
			Products: products, Probes: probes, Evidence: tracker.Evidence{Pages: 1, Products: len(products), Declared: tracker.Declared{Pages: 1}, Parser: 1},
		}
		if _, err := db.Commit(ctx, s, tracker.DefaultRules()); err != nil {
			t.Fatal(err)
		}
	}
	p := func(n int, fen int64) tracker.Product {
		return tracker.Product{
			ID: tracker.ProductID(fmt.Sprint("4512345678", n)), Title: fmt.Sprint("糖大夫 血糖仪 ", n), URL: "https://detail.tmall.com/item.htm?id=1",
			Price: tracker.Price{Kind: tracker.PriceExact, Low: fen, Currency: "CNY"},
		}
	}
	commit(0, nil, p(1, 100), p(2, 200), p(3, 300), p(4, 400), p(5, 500), p(6, 600))
	name, err := db.KeepEvidence(ctx, []byte("a picture"), "webp")
	if err != nil {
		t.Fatal(err)
	}
	gone := tracker.Probe{Product: p(1, 0).ID, State: tracker.PageGone, At: began, URL: "https://detail.tmall.com/", Picture: name}
	commit(1, []tracker.Probe{gone}, p(2, 200), p(3, 300), p(4, 400), p(5, 555), p(6, 600))
	commit(2, nil, p(3, 300), p(4, 400), p(5, 555), p(6, 600))
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

func (daemon) Scan(_ context.Context, name tracker.StorefrontName, _ bool, progress func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error) {
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
func (daemon) Chrome() (int, int64)                         { return 4, 200 << 20 }

// server returns a server of the API with its pages.
func server(o api.Options) *api.Server {
	log := slog.New(slog.DiscardHandler)
	o.Pages = web.New(o, log).Routes()
	return api.New(o, log)
}

func TestStatusPage(t *testing.T) {
	db := database(t)
	hostile := &tracker.Scan{
		Storefront: "tencent", Began: began.Add(5 * time.Hour), Verdict: tracker.Partial, Evidence: tracker.Evidence{Parser: 1},
		Products: []tracker.Product{{ID: "45123456799", Title: "<script>alert(1)</script> \u202egnp.exe\u2066\x1b[31m", URL: "javascript:alert(1)"}},
	}
	if _, err := db.Commit(ctx, hostile, tracker.DefaultRules()); err != nil {
		t.Fatal(err)
	}
	o := options(db)
	o.Zone = time.FixedZone("CST", 8*3600)
	w := httptest.NewRecorder()
	server(o).ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/", nil))
	page := w.Body.String()
	for _, want := range []string{"腾讯", "now: 2 pages", "22 Nov 11:00", "proof: gone", "5.00 → 5.55", "&lt;script&gt;", `href="#ZgotmplZ"`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if i := strings.IndexAny(page, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\x1b\x00"); i >= 0 {
		t.Errorf("%q is on the page", page[i:min(i+20, len(page))])
	}
	if w.Code != 200 || strings.Contains(page, "<script") || strings.Contains(page, "javascript:") {
		t.Errorf("status %d, want 200 and nothing that runs:\n%s", w.Code, page)
	}
}
