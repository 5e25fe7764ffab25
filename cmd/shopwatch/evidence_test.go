package main

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
)

// A removal that a person disputes: its story is packed with its pictures, the
// product is listed again, and who was told is told again.
func TestEvidenceAndDispute(t *testing.T) {
	w := newWorld(t)
	w.want(0, "scan")
	w.shop.Take("45100000002", fixtures.OffShelf)
	got := lines[scanned](t, w.want(0, "scan", "--json"))[0]
	if k := got.kinds(); len(k) != 1 || k[0] != "removed 45100000002" {
		t.Fatalf("changes = %v", k)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := w.mail.Wait(ctx); err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(w.dir, "evidence.zip")
	w.want(0, "evidence", "1", file)
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	content := map[string][]byte{}
	pictures := 0
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if content[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(f.Name, "pictures/") {
			pictures++
		}
	}
	for line := range strings.Lines(string(content["SHA256SUMS"])) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if got := fmt.Sprintf("%x", sha256.Sum256(content[name])); got != sum {
			t.Errorf("%s has the sum %s, want %s", name, got, sum)
		}
	}
	var story struct {
		Change struct{ Proof string } `json:"change"`
	}
	if err := json.Unmarshal(content["story.json"], &story); err != nil || story.Change.Proof != "offshelf" {
		t.Errorf("story.json = %.300s, %v", content["story.json"], err)
	}
	if pictures < 1 || !strings.Contains(string(content["story.txt"]), "已下架") {
		t.Errorf("%d pictures, story:\n%s", pictures, content["story.txt"])
	}
	w.want(1, "evidence", "1", file) // it is there already
	w.want(1, "evidence", "99", filepath.Join(w.dir, "other.zip"))

	w.want(1, "dispute", "1", "--reason", "  ")
	w.want(1, "dispute", "99", "--reason", "x")
	w.want(0, "dispute", "1", "--reason", "the shop says that it was never off the shelf")
	if out := w.want(0, "products", "tencent", "--json"); strings.Contains(out, `"listed":false`) {
		t.Errorf("after the dispute the catalog is\n%s", out)
	}
	if out := w.want(0, "why", "1"); !strings.Contains(out, "never off the shelf") {
		t.Errorf("why does not show the dispute:\n%s", out)
	}
	w.want(1, "dispute", "1", "--reason", "again")
	w.shop.Return("45100000002")
	w.want(0, "scan")
	m, err := w.mail.Wait(ctx)
	if err != nil {
		t.Fatal("the correction was not sent: ", err)
	}
	if !strings.Contains(string(m.Raw), "orrect") {
		t.Errorf("the second mail is no correction:\n%.2000s", m.Raw)
	}
}
