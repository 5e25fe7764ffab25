package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// backlogOf makes a database in which so many scans brought a change each.
func backlogOf(t *testing.T, path string, scans int, channels ...string) {
	t.Helper()
	// 10,000 commits take long where a disk is waited for.
	dir, err := os.MkdirTemp("/dev/shm", "shopwatch")
	if err != nil {
		dir = t.TempDir()
	}
	defer os.RemoveAll(dir)
	fast := filepath.Join(dir, "shopwatch.db")
	db, err := storage.Open(fast, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range channels {
		if err := db.Join(c); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Now().Add(-time.Duration(scans+2) * time.Minute).Truncate(time.Millisecond)
	for i := range scans + 1 {
		p := tracker.Product{
			ID: "45100000001", Title: "糖大夫 血糖仪", URL: "https://detail.tmall.com/item.htm?id=45100000001",
			Price: tracker.Price{Kind: tracker.PriceExact, Low: int64(20_000 + i), Currency: "CNY"},
		}
		_, err := db.Commit(&tracker.Scan{
			Storefront: "tencent", Began: at.Add(time.Duration(i) * time.Minute), Took: time.Second, Verdict: tracker.Complete,
			Products: []tracker.Product{p}, Evidence: tracker.Evidence{Layout: "classic", Parser: 1, Pages: 1, Products: 1},
		}, tracker.DefaultRules())
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(fast)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
