package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/fixtures"
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

// Whether the daemon answers or the same process does makes no difference.
func TestClient(t *testing.T) {
	db := database(t)
	data := t.TempDir()
	serveSocket(t, api.New(options(db), slog.New(slog.DiscardHandler)), data)
	far := api.Dial(data)
	t.Cleanup(far.Close)
	near := api.Local(api.New(options(db), slog.New(slog.DiscardHandler)))
	for name, c := range map[string]*api.Client{"by socket": far, "in process": near} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if !c.Healthy(ctx) {
				t.Error("Healthy = false, want true")
			}
			t.Run("storefronts", func(t *testing.T) {
				list, err := c.Storefronts(ctx)
				if err != nil || len(list) != 2 {
					t.Fatalf("Storefronts = %+v, %v, want 2", list, err)
				}
				sf := list[0]
				if sf.Name != "tencent" || sf.Listed != 5 || sf.Removed != 1 || sf.Verdict != tracker.Complete || !sf.Next.Equal(began.Add(12*time.Hour)) || sf.Scanning.Pages != 2 {
					t.Errorf("Storefronts = %+v", sf)
				}
			})
			t.Run("products", func(t *testing.T) {
				var got []string
				for it, err := range c.Products(ctx, "tencent") {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, fmt.Sprint(it.ID[10:], it.Price, it.Listed(), it.Missing))
				}
				want := []string{"11.00 false 1", "22.00 true 1", "33.00 true 0", "44.00 true 0", "55.55 true 0", "66.00 true 0"}
				if !slices.Equal(got, want) {
					t.Errorf("Products = %q, want %q", got, want)
				}
				for _, err := range c.Products(ctx, "nobody") {
					if err == nil || !strings.Contains(err.Error(), `no storefront "nobody"; there are tencent, new`) {
						t.Errorf("Products of nobody: %v, want an error that names those there are", err)
					}
				}
			})
			t.Run("changes", func(t *testing.T) {
				for _, tt := range []struct {
					name string
					f    api.Filter
					want []uint64
				}{
					{"all, the newest first", api.Filter{}, []uint64{2, 1}},
					{"the newest", api.Filter{Limit: 1}, []uint64{2}},
					{"of a kind", api.Filter{Kinds: []tracker.Kind{tracker.Removed, tracker.Added}}, []uint64{2}},
					{"of a storefront", api.Filter{Storefront: "new"}, nil},
					{"since a time", api.Filter{Since: began.Add(2 * time.Hour)}, nil},
				} {
					var got []uint64
					for ch, err := range c.Changes(ctx, tt.f) {
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, ch.Seq)
					}
					if !slices.Equal(got, tt.want) {
						t.Errorf("%s: Changes = %d, want %d", tt.name, got, tt.want)
					}
				}
				for _, err := range c.Changes(ctx, api.Filter{Kinds: []tracker.Kind{"deleted"}}) {
					if err == nil || !strings.Contains(err.Error(), "added, removed") {
						t.Errorf("an unknown kind: %v, want an error that names the kinds", err)
					}
				}
			})
			t.Run("scans", func(t *testing.T) {
				var got []time.Time
				for s, err := range c.Scans(ctx, api.Filter{Storefront: "tencent", Limit: 2}) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, s.Began)
				}
				if want := []time.Time{began.Add(2 * time.Hour), began.Add(time.Hour)}; !cmp.Equal(got, want) {
					t.Errorf("Scans = %v, want %v", got, want)
				}
			})
			t.Run("suspects", func(t *testing.T) {
				got, err := c.Suspects(ctx, "")
				if err != nil || len(got) != 1 || got[0].Product.ID != "45123456782" || got[0].Why != "missed by 1 of 3 required scans; its page was not opened yet" {
					t.Errorf("Suspects = %+v, %v, want the second product", got, err)
				}
			})
			t.Run("why", func(t *testing.T) {
				seq := uint64(0)
				for ch, err := range c.Changes(ctx, api.Filter{Kinds: []tracker.Kind{tracker.Removed}}) {
					if err != nil {
						t.Fatal(err)
					}
					seq = ch.Seq
				}
				st, err := c.Why(ctx, seq)
				if err != nil || st.Change.Proof != tracker.ProofGone || st.Scan == nil || len(st.Before) != 1 || len(st.History) != 1 ||
					st.Product.Listed() || len(st.Evidence) != 1 || !strings.Contains(st.Because, "its page says that it does not exist") {
					t.Errorf("Why = %+v, %v", st, err)
				}
				if _, err := c.Why(ctx, 99); err == nil || !strings.Contains(err.Error(), "no change 99") {
					t.Errorf("Why(99) = %v, want an error", err)
				}
			})
			t.Run("scan", func(t *testing.T) {
				var lines []string
				note := func(p tracker.Progress) { lines = append(lines, fmt.Sprint("page ", p.Pages)) }
				done := func(r *api.Result, err error) {
					if err != nil {
						lines = append(lines, err.Error())
						return
					}
					lines = append(lines, fmt.Sprint(r.Scan.Storefront, r.Scan.Verdict, len(r.Changes)))
				}
				if err := c.Scan(ctx, nil, api.HowToScan{DryRun: true}, note, done); err != nil {
					t.Fatal(err)
				}
				if want := []string{"page 1", "tencentpartial1", "scan new: shopwatch is stopping"}; !slices.Equal(lines, want) {
					t.Errorf("Scan tells %q, want %q", lines, want)
				}
				if err := c.Scan(ctx, []tracker.StorefrontName{"nobody"}, api.HowToScan{}, note, done); err == nil || !strings.Contains(err.Error(), "there are tencent, new") {
					t.Errorf("Scan of nobody = %v, want an error that names those there are", err)
				}
			})
			t.Run("backup", func(t *testing.T) {
				var b bytes.Buffer
				if err := c.Backup(ctx, &b); err != nil {
					t.Fatal(err)
				}
				copied := filepath.Join(t.TempDir(), "copy.db")
				if err := os.WriteFile(copied, b.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
				db, err := bolt.Open(copied, bolt.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				if st, err := db.State(ctx, "tencent"); err != nil || st.Listed != 5 {
					t.Errorf("the copy has %d products, %v, want 5", st.Listed, err)
				}
			})
			t.Run("compact", func(t *testing.T) {
				if s, err := c.Compact(ctx); err != nil || s.After == 0 {
					t.Errorf("Compact = %+v, %v", s, err)
				}
			})
		})
	}
}

func TestPartsOfALongList(t *testing.T) {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "shopwatch.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := &tracker.Scan{Storefront: "big", Began: began, Verdict: tracker.Complete, Evidence: tracker.Evidence{Parser: 1}}
	for i := range 2500 {
		s.Products = append(s.Products, tracker.Product{ID: tracker.ProductID(fmt.Sprint(100000000000 + i)), Title: "x", URL: "x"})
	}
	if _, err := db.Commit(ctx, s, tracker.DefaultRules()); err != nil {
		t.Fatal(err)
	}
	o := options(db)
	o.Shops = nil
	n := 0
	for _, err := range api.Local(api.New(o, slog.New(slog.DiscardHandler))).Products(t.Context(), "big") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2500 {
		t.Errorf("Products walks through %d, want 2500", n)
	}
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

func TestGuard(t *testing.T) {
	db := database(t)
	open := options(db)
	closed := options(db)
	closed.Closed = true
	at := map[bool]string{false: serve(t, open), true: serve(t, closed)}
	for _, tt := range []struct {
		name, method, path, host, auth string
		closed                         bool
		want                           int
	}{
		{"reading needs no token on this machine", "GET", "/api/storefronts", "", "", false, 200},
		{"who is told is not for everybody", "GET", "/api/reports", "", "", false, 401},
		{"by no method", "HEAD", "/api/reports", "", "", false, 401},
		{"nor under another spelling", "GET", "/api/%72eports", "", "", false, 401},
		{"nor by a detour", "GET", "/api/storefronts/../reports", "", "", false, 401},
		{"nor with a slash more", "GET", "//api/reports", "", "", false, 401},
		{"a slash at the end is another address", "GET", "/api/reports/", "", "", false, 404},
		{"as is another case", "GET", "/API/reports", "", "", false, 404},
		{"changing does", "POST", "/api/scans", "", "", false, 401},
		{"a compaction does", "POST", "/api/compact", "", "", false, 401},
		{"a check, which reads everything, does", "POST", "/api/check", "", "", false, 401},
		{"a backup does", "POST", "/api/backup", "", "", false, 401},
		{"with the token it is allowed", "POST", "/api/compact", "", "Bearer " + token, false, 200},
		{"a wrong token is refused, also for reading", "GET", "/api/storefronts", "", "Bearer 0123456789abcdee", false, 401},
		{"nothing changes by reading", "GET", "/api/compact", "", "Bearer " + token, false, 405},
		{"a foreign name for this machine is refused", "GET", "/api/storefronts", "evil.example:8780", "", false, 403},
		{"localhost is no foreign name", "GET", "/api/storefronts", "localhost:8780", "", false, 200},
		{"an open address needs the token for reading", "GET", "/api/storefronts", "", "", true, 401},
		{"and for pictures", "GET", "/evidence/x", "", "", true, 401},
		{"but not to say that it lives", "GET", "/healthz", "shop.example", "", true, 200},
		{"with the token any name will do", "GET", "/api/storefronts", "shop.example", "Bearer " + token, true, 200},
		{"a picture's name is a hash", "GET", "/evidence/..%2F..%2Ftoken", "", "", false, 404},
		{"an unknown address", "GET", "/etc/passwd", "", "", false, 404},
		{"an unknown filter", "GET", "/api/changes?sorefront=x", "", "", false, 422},
		{"too much at once", "GET", "/api/changes?limit=100000", "", "", false, 422},
		{"the description", "GET", "/api/openapi.json", "", "", false, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, "http://"+at[tt.closed]+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.host != "" {
				req.Host = tt.host
			}
			if tt.auth != "" {
				req.Header.Set("Authorization", tt.auth)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.want {
				t.Errorf("%s %s = %s %s, want %d", tt.method, tt.path, resp.Status, b, tt.want)
			}
			if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
				t.Errorf("Content-Security-Policy = %q, want default-src 'none'", csp)
			}
		})
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
	<-under
	start := time.Now()
	cancel()
	if err := <-ended; err != nil || time.Since(start) > 4*time.Second {
		t.Errorf("Run = %v after %s, want nil at once", err, time.Since(start))
	}
	if err := <-told; err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("the client is told %v, want that the scan was cut short", err)
	}
}

func TestMetrics(t *testing.T) {
	db := database(t)
	o := options(db)
	o.Channels = []string{"analysts"}
	half := &tracker.Scan{
		Storefront: "lining", Began: began, Took: time.Second, Verdict: tracker.Partial, Reason: "page 3 did not load",
		Evidence: tracker.Evidence{Pages: 2, Products: 100, Declared: tracker.Declared{Pages: 4, Products: 400}, Parser: 1},
	}
	if _, err := db.Commit(ctx, half, tracker.DefaultRules()); err != nil {
		t.Fatal(err)
	}
	r := &tracker.Report{Channel: "analysts", Created: time.Now().Add(-time.Hour), About: "heartbeat", Deliveries: []tracker.Delivery{
		{To: "a@example.com", State: tracker.Waiting}, {To: "b@example.com", State: tracker.Sent}, {To: "c@example.com", State: tracker.Dead},
	}}
	if err := db.AddReport(ctx, r); err != nil {
		t.Fatal(err)
	}
	s := api.New(o, slog.New(slog.DiscardHandler))
	s.Scanned(&tracker.Scan{Storefront: "tencent", Verdict: tracker.Login, Took: 2 * time.Second}, []tracker.Change{{Kind: tracker.Stalled}})
	w := httptest.NewRecorder()
	req := httptest.NewRequest("GET", "http://127.0.0.1/metrics", nil)
	s.ServeHTTP(w, req)
	for _, want := range []string{
		`shopwatch_products_listed{storefront="tencent"} 5`,
		`shopwatch_products_missing{storefront="tencent"} 1`,
		`shopwatch_last_complete_scan_timestamp_seconds{storefront="tencent"} 1.7953164e+09`,
		`shopwatch_coverage_ratio{storefront="tencent"} 1`,
		`shopwatch_coverage_ratio{storefront="lining"} 0.25`,
		`shopwatch_deliveries_waiting{channel="analysts"} 1`,
		`shopwatch_oldest_delivery_age_seconds{channel="analysts"} 36`,
		`shopwatch_scans_total{storefront="tencent",verdict="login"} 1`,
		`shopwatch_changes_total{kind="stalled",storefront="tencent"} 1`,
		`shopwatch_scan_duration_seconds_count{storefront="tencent"} 1`,
		`shopwatch_last_complete_scan_timestamp_seconds{storefront="lining"} 0`,
		`shopwatch_last_complete_scan_timestamp_seconds{storefront="new"} 0`,
		`shopwatch_scans_total{storefront="tencent",verdict="complete"} 0`,
		`shopwatch_changes_total{kind="removed",storefront="tencent"} 0`,
		`shopwatch_deliveries_refused{channel="analysts"} 1`,
		`shopwatch_login_timestamp_seconds{marketplace="tmall"} 1.795`,
		`shopwatch_last_backup_timestamp_seconds 1.795`,
		`shopwatch_chrome_processes 4`,
		`shopwatch_database_bytes`,
		`shopwatch_info{version="test"} 1`,
		`go_goroutines`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
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
