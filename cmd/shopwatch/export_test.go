package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"shopwatch/tracker"
)

// TestExportAndDiff: what is exported is what is known, in every form, and a
// comparison of two days leaves out what came to nothing.
func TestExportAndDiff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(0, "scan")
	for _, what := range []string{"changes", "products", "prices"} {
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(w.want(0, "export", what), "\ufeff"))).ReadAll()
		if err != nil || len(rows) == 0 || what != "changes" && len(rows) < 2 {
			t.Fatalf("export %s: %d rows, %v", what, len(rows), err)
		}
		if n := strings.Count(w.want(0, "export", what, "--format", "jsonl"), "\n"); n != len(rows)-1 {
			t.Errorf("export %s has %d rows as CSV, %d lines as JSON", what, len(rows)-1, n)
		}
		file := filepath.Join(t.TempDir(), "x.xlsx")
		w.want(0, "export", what, file, "--format", "xlsx")
		f, err := excelize.OpenFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sheet, err := f.GetRows(what)
		if err != nil || len(sheet) != len(rows) {
			t.Errorf("export %s has %d rows as CSV, %d as XLSX, %v", what, len(rows), len(sheet), err)
		}
		f.Close()
		w.want(1, "export", what, file) // it is there already
		if st, err := os.Stat(file); err != nil || st.Size() == 0 {
			t.Errorf("an export that was refused spoilt the file: %v", err)
		}
	}
	for _, what := range []string{"changes", "products", "prices"} {
		file := filepath.Join(w.dir, "nothing.csv")
		if _, errs, status := w.do("export", what, file, "--storefront", "nothing"); status != 1 || !strings.Contains(errs, `there is no storefront "nothing"`) {
			t.Errorf("export %s of a storefront that is not there = %d: %s", what, status, errs)
		}
		if _, err := os.Lstat(file); err == nil {
			t.Errorf("export %s leaves what is not all", what)
			os.Remove(file)
		}
	}
	w.want(1, "export", "products", "--search", "x") // it would select nothing
	if out := w.want(0, "diff", "tencent", "--from", "1d"); !strings.Contains(out, "no difference") {
		t.Errorf("diff says %s", out)
	}
}

// A price holds until a scan saw another one, or found the product removed:
// while a product is away it has none, and what a correction took back counts
// for nothing.
func TestExportedPrices(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC) }
	product := func(low int64) *tracker.Product {
		return &tracker.Product{ID: "1", Title: "x", Price: tracker.Price{Kind: tracker.PriceExact, Low: low, Currency: "CNY"}}
	}
	it := &tracker.Item{Product: *product(300), FirstSeen: at(1)}
	changes := []tracker.Change{ // newest first
		{Kind: tracker.Removed, Scan: at(20), Product: product(300)},
		{Kind: tracker.Repriced, Scan: at(12), Product: product(300), Before: product(200)},
		{Kind: tracker.Relisted, Scan: at(12), Product: product(300)},
		{Kind: tracker.Removed, Scan: at(9), Product: product(200)},
		{Kind: tracker.Repriced, Scan: at(5), Product: product(200), Before: product(100)},
	}
	var got []string
	for _, p := range pricesOf("s", it, changes) {
		to := "now"
		if !p.To.IsZero() {
			to = p.To.Format("02")
		}
		got = append(got, p.Price+" "+p.From.Format("02")+"-"+to)
	}
	if want := "1.00 01-05, 2.00 05-09, 3.00 12-20"; strings.Join(got, ", ") != want {
		t.Errorf("prices %s, want %s", strings.Join(got, ", "), want)
	}
	got = nil
	for _, p := range pricesOf("s", it, nil) {
		got = append(got, p.Price+" "+p.From.Format("02")+" "+p.To.Format("2006"))
	}
	if strings.Join(got, ", ") != "3.00 01 0001" {
		t.Errorf("a product without changes: %s", strings.Join(got, ", "))
	}
}
