package api_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

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
				lines = nil
				if err := c.Scan(ctx, []tracker.StorefrontName{"tencent", "tencent"}, api.HowToScan{}, note, done); err != nil || len(lines) != 2 {
					t.Errorf("Scan of one storefront that is named twice tells %q, %v, want it scanned once", lines, err)
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
