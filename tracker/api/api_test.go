package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/storage/storetest"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// ctx is that of calls that nothing ends.
var ctx = context.Background()

const token = "0123456789abcdef"

var began = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

// database returns a file that storetest.Fill has filled.
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
		Daemon: &daemon{scan: scanned},
	}
}

// A daemon is one that works on nothing.
type daemon struct {
	scan    func(ctx context.Context, name tracker.StorefrontName, how api.HowToScan, progress func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error)
	preview api.Preview
}

func (*daemon) Status(context.Context) []api.Waiting {
	return []api.Waiting{{Storefront: tracker.Storefront{Name: "tencent"}, Next: began.Add(12 * time.Hour), Began: began, Progress: tracker.Progress{Pages: 2}}}
}

func (d *daemon) Scan(ctx context.Context, name tracker.StorefrontName, how api.HowToScan, progress func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error) {
	return d.scan(ctx, name, how, progress)
}

func (d *daemon) Preview(context.Context, string, uint64, bool) (api.Preview, error) {
	return d.preview, nil
}
func (*daemon) Test(context.Context, string) (string, error) { return "250 taken", nil }
func (*daemon) Retry(context.Context, uint64) (int, error)   { return 1, nil }
func (*daemon) Disputed()                                    {}
func (*daemon) Ready() error                                 { return nil }
func (*daemon) LoginMade() bool                              { return false }
func (*daemon) Lend(_ context.Context, lent func()) error    { lent(); return nil }
func (*daemon) Vitals() api.Vitals {
	return api.Vitals{ChromeProcesses: 4, ChromeMemory: 200 << 20, Logins: map[string]time.Time{"tmall": began}, LastBackup: began}
}

func scanned(_ context.Context, name tracker.StorefrontName, how api.HowToScan, progress func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error) {
	if name == "new" {
		return nil, nil, errors.New("shopwatch is stopping")
	}
	progress(tracker.Progress{Storefront: name, Pages: 1})
	s := &tracker.Scan{Storefront: name, Began: began, Verdict: tracker.Partial, Reason: "page 2 was short"}
	if how.DryRun {
		return s, []tracker.Change{{Kind: tracker.Added, Storefront: name}}, nil
	}
	return s, nil, nil
}

// serve runs a server with options on a port of its own.
func serve(t *testing.T, o api.Options) (address string) {
	t.Helper()
	return serveAt(t, api.New(o, slog.New(slog.DiscardHandler)))
}

// serveAt runs a server on a port of its own.
func serveAt(t *testing.T, s *api.Server) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return l.Addr().String()
}

// serveSocket lets a server answer at the socket of a data directory until the
// returned function is called.
func serveSocket(t *testing.T, s *api.Server, data string) (stop func()) {
	t.Helper()
	l, err := api.ListenSocket(data, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.RunSocket(ctx, l) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("RunSocket = %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// answers reports whether the daemon of a data directory answers.
func answers(t *testing.T, data string) bool {
	c := api.Dial(data)
	defer c.Close()
	return c.Healthy(t.Context())
}

// Changes are selected by any part of a title or an id, and by whether they are
// watched for.
func TestChangesBySearch(t *testing.T) {
	client := api.Local(api.New(options(database(t)), slog.New(slog.DiscardHandler)))
	for _, tt := range []struct {
		filter api.Filter
		want   string
	}{
		{api.Filter{}, "removed repriced"},
		{api.Filter{Text: "糖仪 5"}, "repriced"},
		{api.Filter{Text: "45123456781"}, "removed"},
		{api.Filter{Text: "血糖", Kinds: []tracker.Kind{tracker.Removed}}, "removed"},
		{api.Filter{Text: "nothing"}, ""},
		{api.Filter{Important: true}, ""},
	} {
		var got []string
		for c, err := range client.Changes(t.Context(), tt.filter) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(c.Kind))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%+v gives %q, want %q", tt.filter, got, tt.want)
		}
	}
}

// A story says for how long a product was away in words for people.
func TestStoryOfReturn(t *testing.T) {
	db := database(t)
	changes, err := db.Commit(t.Context(), &tracker.Scan{
		Storefront: "tencent", Began: began.Add(73 * time.Hour), Verdict: tracker.Complete, Evidence: tracker.Evidence{Pages: 1, Products: 1, Parser: 1},
		Products: []tracker.Product{{ID: "45123456781", Title: "糖大夫 血糖仪 1", URL: "https://detail.tmall.com/item.htm?id=1"}},
	}, tracker.DefaultRules())
	if err != nil || len(changes) != 1 {
		t.Fatalf("changes %v, %v", changes, err)
	}
	st, err := api.Local(api.New(options(db), slog.New(slog.DiscardHandler))).Why(t.Context(), changes[0].Seq)
	if want := "the product was seen again 3 days after its removal"; err != nil || st.Because != want {
		t.Errorf("%q, %v, want %q", st.Because, err, want)
	}
}

// Kinds are selected with commas between or each on its own, as in the addresses of
// the dashboard.
func TestChangesOfKinds(t *testing.T) {
	s := api.New(options(database(t)), slog.New(slog.DiscardHandler))
	for query, want := range map[string]int{
		"?kind=removed": 1, "?kind=removed,repriced": 2, "?kind=removed&kind=repriced": 2, "?kind=added&kind=removed,stalled": 1, "?kind=": 2,
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/api/changes"+query, nil))
		var got api.Changes
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || len(got.Changes) != want {
			t.Errorf("%s = %d with %d changes, want %d: %v", query, w.Code, len(got.Changes), want, err)
		}
	}
}

// Scans of several storefronts may begin in the same millisecond, also where a part of
// the list ends.
func TestScansOfOneMoment(t *testing.T) {
	db := database(t)
	for _, name := range []tracker.StorefrontName{"a", "b", "c"} {
		s := &tracker.Scan{Storefront: name, Began: began.Add(100 * time.Hour), Verdict: tracker.Partial, Evidence: tracker.Evidence{Parser: 1}}
		if _, err := db.Commit(ctx, s, tracker.DefaultRules()); err != nil {
			t.Fatal(err)
		}
	}
	s := api.New(options(db), slog.New(slog.DiscardHandler))
	seen, next, more := 0, "", true
	for more {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/api/scans?limit=2"+next, nil))
		var part api.Scans
		if err := json.Unmarshal(w.Body.Bytes(), &part); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d, %v", w.Code, err)
		}
		seen += len(part.Scans)
		next, more = "&before="+part.Next.Format(time.RFC3339Nano), !part.Next.IsZero()
	}
	all, err := db.Scans(ctx, storage.ScanQuery{})
	if err != nil || seen != len(all) {
		t.Errorf("the parts have %d scans, want %d, %v", seen, len(all), err)
	}
}

func TestBodyIsBounded(t *testing.T) {
	req, _ := http.NewRequest("POST", "http://"+serve(t, options(database(t)))+"/api/scans",
		strings.NewReader(`{"storefronts":["`+strings.Repeat("x", 1<<20)+`"]}`))
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 400 {
		t.Errorf("a body of 1 MiB: %s, want it refused", resp.Status)
	}
}

// When the daemon stops, a scan that a client waits for is cut short, and the
// client is told.
func TestStopCutsScansShort(t *testing.T) {
	o := options(database(t))
	under := make(chan bool)
	o.Daemon = &daemon{scan: func(ctx context.Context, _ tracker.StorefrontName, _ api.HowToScan, _ func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error) {
		close(under)
		<-ctx.Done()
		return nil, nil, errors.New("cut short")
	}}
	data := t.TempDir()
	l, err := api.ListenSocket(data, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	s := api.New(o, slog.New(slog.DiscardHandler))
	go func() { ended <- s.RunSocket(ctx, l) }()
	c := api.Dial(data)
	defer c.Close()
	told := make(chan error, 1)
	go func() {
		var last error
		err := c.Scan(t.Context(), []tracker.StorefrontName{"tencent"}, api.HowToScan{}, func(tracker.Progress) {}, func(_ *api.Result, err error) { last = err })
		told <- errors.Join(err, last)
	}()
	deadline.Receive(t, "the scan begins", under)
	start := time.Now()
	cancel()
	if err := <-ended; err != nil || time.Since(start) > 4*time.Second {
		t.Errorf("Run = %v after %s, want nil at once", err, time.Since(start))
	}
	if err := <-told; err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("the client is told %v, want that the scan was cut short", err)
	}
}

// A server whose database is not where it was is not ready: what it is told
// would be lost.
func TestReadyWithoutDatabase(t *testing.T) {
	db := database(t)
	address := serve(t, options(db))
	ready := func() (int, string) {
		resp, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if status, text := ready(); status != 200 {
		t.Errorf("/readyz = %d %s, want 200", status, text)
	}
	if err := os.Remove(db.Path()); err != nil {
		t.Fatal(err)
	}
	if status, text := ready(); status != 503 || !strings.Contains(text, db.Path()+" was deleted or replaced") {
		t.Errorf("/readyz without the file = %d %s, want 503 and why", status, text)
	}
}

func TestToken(t *testing.T) {
	dir := t.TempDir()
	first, err := api.Token(dir)
	if err != nil || len(first) < 32 {
		t.Fatalf("Token = %q, %v, want a long one", first, err)
	}
	if again, err := api.Token(dir); err != nil || again != first {
		t.Errorf("Token = %q, %v, want the same again", again, err)
	}
	if st, err := os.Stat(filepath.Join(dir, "token")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600", st.Mode(), err)
	}
}

// The OpenAPI document describes what is really sent.
func TestDescriptionIsTrue(t *testing.T) {
	db := database(t)
	resp, err := http.Get("http://" + serve(t, options(db)) + "/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any
				Required   []string
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	p := fixtures.WholeChange().Product
	probe := &tracker.Probe{Product: "1"}
	for name, v := range map[string]any{
		"ProductOrNull": p,
		"ItemDoc":       tracker.Item{Product: *p, Removed: at, Probe: probe},
		"ScanDoc":       tracker.Scan{Doubted: true},
		"ChangeDoc":     fixtures.WholeChange(),
	} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var sent map[string]any
		if err := json.Unmarshal(b, &sent); err != nil {
			t.Fatal(err)
		}
		schema, ok := doc.Components.Schemas[name]
		if !ok {
			t.Errorf("no schema %s among %d", name, len(doc.Components.Schemas))
			continue
		}
		for key := range sent {
			if _, ok := schema.Properties[key]; !ok {
				t.Errorf("%s: %q is sent but not described", name, key)
			}
		}
		for key := range schema.Properties {
			if _, ok := sent[key]; !ok {
				t.Errorf("%s: %q is described but not sent", name, key)
			}
		}
	}
}
