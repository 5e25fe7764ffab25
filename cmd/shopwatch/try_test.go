package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/pages"
)

// What try prints for the configuration is read there as it was tried, and
// nothing else is left of the trial.
func TestTry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	style := pages.Style{Layout: pages.Links}
	var ids []string
	for i := range 8 {
		ids = append(ids, style.ID(i))
	}
	shop := pages.Open("lamps.example", ids, style)
	markets.Mount(w.mall, shop)
	out := w.want(0, "try", shop.URL())
	t.Logf("\n%s", out)
	for _, want := range []string{"MARKETPLACE", "8 products are declared", "EUR", "410000", "Product 0", "marketplace: pages", "id: {attr: data-id}"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if _, err := os.Stat(filepath.Join(w.dir, "data", "shopwatch.db")); err == nil {
		t.Error("a database was made")
	}
	_, lines, ok := strings.Cut(out, "For the configuration, without the first line where storefronts is there already:\n\n")
	if !ok {
		t.Fatal("there are no lines for the configuration")
	}
	text, err := os.ReadFile(filepath.Join(w.dir, "shopwatch.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(text), "storefronts:")
	if err := os.WriteFile(filepath.Join(w.dir, "shopwatch.yaml"), []byte(before+lines), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := w.want(0, "scan", "--dry-run"); !strings.Contains(out, "complete, 3 pages, 8 of 8 products") {
		t.Errorf("the scan prints %s", out)
	}

	var f struct {
		Best int
		Ways []struct{ Verdict, Marketplace string }
	}
	if err := json.Unmarshal([]byte(w.want(0, "try", "tencent.tmall.com", "--json")), &f); err != nil || f.Best != 0 || f.Ways[0].Marketplace != "tmall" || f.Ways[0].Verdict != "complete" {
		t.Errorf("tmall: %+v, %v", f, err)
	}
	if out := w.want(2, "try", "https://lamps.example/"); !strings.Contains(out, "looks like a list") {
		t.Errorf("the front page: %s", out)
	}
	if _, errs, status := w.do("try", "ftp://lamps.example/"); status != 1 || !strings.Contains(errs, "is not a web address") {
		t.Errorf("no web address: %d, %s", status, errs)
	}
}
