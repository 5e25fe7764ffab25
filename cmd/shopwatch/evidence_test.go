package main

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// What commands write for people is for their user alone, replaces no file and
// follows no link.
func TestWritesNewFiles(t *testing.T) {
	w := quietWorld(t, "channels: [{name: notes, kind: file, path: notes.jsonl}]\n")
	w.retitle("data")
	for _, tt := range []struct{ command, ending string }{
		{"evidence 1 FILE", ".zip"}, {"mail preview FILE", ".html"}, {"mail preview FILE", ".txt"}, {"backup FILE", ".db"}, {"init -c FILE", ".yaml"},
	} {
		t.Run(tt.command+tt.ending, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name string) int {
				t.Helper()
				path := filepath.Join(dir, name+tt.ending)
				out, errs, status := w.do(strings.Fields(strings.ReplaceAll(tt.command, "FILE", path))...)
				if status != 0 && !strings.Contains(errs, "is there already; name a new file") {
					t.Errorf("%s = %d: %s%s", tt.command, status, out, errs)
				}
				return status
			}
			if status := write("fresh"); status != 0 {
				t.Fatal("a new file is not written")
			}
			st, err := os.Stat(filepath.Join(dir, "fresh"+tt.ending))
			if err != nil || st.Mode() != 0o600 || st.Size() == 0 {
				t.Errorf("the file is %v, %v, want 0600", st.Mode(), err)
			}
			for _, taken := range []string{"precious", "link", "dangling"} {
				path := filepath.Join(dir, taken+tt.ending)
				switch taken {
				case "precious":
					err = os.WriteFile(path, []byte("precious"), 0o600)
				case "link":
					err = os.Symlink("precious"+tt.ending, path)
				case "dangling":
					err = os.Symlink("nowhere"+tt.ending, path)
				}
				if err != nil {
					t.Fatal(err)
				}
				if status := write(taken); status != 1 {
					t.Errorf("over a %s: status %d, want 1", taken, status)
				}
			}
			if b, err := os.ReadFile(filepath.Join(dir, "precious"+tt.ending)); string(b) != "precious" {
				t.Errorf("a file that was there is %.20q, %v", b, err)
			}
			if _, err := os.Lstat(filepath.Join(dir, "nowhere"+tt.ending)); err == nil {
				t.Error("a link was followed")
			}
			if left, _ := os.ReadDir(dir); len(left) != 4 {
				t.Errorf("%d files are there, want 4: %v", len(left), left)
			}
		})
	}
}

// retitle makes a log of one change, of a product with a picture, which channels may
// be told.
func (w *world) retitle(data string, channels ...string) {
	w.t.Helper()
	db, err := bolt.Open(filepath.Join(w.dir, data, "shopwatch.db"), bolt.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range channels {
		if err := db.Join(w.t.Context(), c); err != nil {
			w.t.Fatal(err)
		}
	}
	shown, err := db.KeepEvidence(w.t.Context(), []byte("a picture"), "webp")
	if err != nil {
		w.t.Fatal(err)
	}
	for i, title := range []string{"old", "new"} {
		s := &tracker.Scan{
			Storefront: "tencent", Began: time.Now().Add(time.Duration(i) * time.Second), Verdict: tracker.Complete,
			Products: []tracker.Product{{ID: "1", Title: title, URL: "x"}}, Evidence: tracker.Evidence{Pages: 1, Products: 1, Parser: 1},
			Pictures: map[tracker.ProductID]tracker.Picture{"1": {Hash: "bG9vaw==", File: shown}},
		}
		if _, err := db.Commit(w.t.Context(), s, tracker.DefaultRules()); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// The story says where its evidence lies, on this machine or in the archive, and
// what several channels were told is verified once.
func TestStoryNamesFiles(t *testing.T) {
	w := quietWorld(t, "data: kept\nchannels: [{name: a, kind: file, path: a.jsonl}, {name: b, kind: file, path: b.jsonl}]\n")
	w.retitle("kept", "a", "b")
	w.want(0, "mail", "retry")
	picture := regexp.MustCompile(`pictures  (\S+)`)
	m := picture.FindStringSubmatch(w.want(0, "why", "1"))
	if m == nil {
		t.Fatal("why names no picture")
	}
	if _, err := os.Stat(m[1]); err != nil {
		t.Errorf("why names %v", err)
	}
	file := filepath.Join(w.dir, "1.zip")
	w.want(0, "evidence", "1", file)
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	story, err := fs.ReadFile(z, "story.txt")
	if err != nil {
		t.Fatal(err)
	}
	if m = picture.FindStringSubmatch(string(story)); m == nil {
		t.Fatalf("story.txt names no picture:\n%s", story)
	}
	if _, err := z.Open(m[1]); err != nil {
		t.Errorf("story.txt names %v", err)
	}
	if out := w.want(0, "verify", file); strings.Count(out, "Change 1 is in the log of 1 changes") != 1 {
		t.Errorf("verify says\n%s", out)
	}
	for _, args := range []string{"evidence 1 1.tar", "scan tencent --capture 1.zip"} {
		if out, errs, status := w.do(strings.Fields(args)...); status != 1 || !strings.Contains(errs, "name a file that ends in") {
			t.Errorf("shopwatch %s = %d: %s%s", args, status, out, errs)
		}
	}
}

// A removal that a person disputes: its story is packed with its pictures, the
// product is listed again, and who was told is told again.
func TestEvidenceAndDispute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(0, "scan")
	w.shop.Take("45100000002", fixtures.OffShelf)
	got := lines[scanned](t, w.want(0, "scan", "--json"))[0]
	if k := got.kinds(); len(k) != 1 || k[0] != "removed 45100000002" {
		t.Fatalf("changes = %v", k)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	told, err := w.mail.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}

	until(t, "the delivery is noted", func() bool { return strings.Contains(w.want(0, "why", "1"), "to team@example.com: sent") })

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
	for name, text := range content {
		for _, private := range []string{"team@example.com", "analysts", `"reports"`, "told of it"} {
			if strings.Contains(string(text), private) {
				t.Errorf("%s is for others, and holds %q:\n%s", name, private, text)
			}
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

	// Who got the mail, and nothing else, can tell that this is what was reported.
	mail := filepath.Join(w.dir, "report.eml")
	if err := os.WriteFile(mail, told.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, of := range [][]string{{file}, nil} {
		if out := w.want(0, append([]string{"verify", "--checkpoint", mail}, of...)...); !strings.Contains(out, "heckpoint of 1 changes") || strings.Contains(out, "NOT OK") {
			t.Errorf("verify %v:\n%s", of, out)
		}
	}
	w.want(1, "evidence", "99", filepath.Join(w.dir, "other.zip"))

	w.want(1, "dispute", "1", "--reason", "  ")
	w.want(1, "dispute", "99", "--reason", "x")
	w.want(0, "dispute", "1", "--reason", "the shop says that it was never off the shelf")
	if out := w.want(0, "products", "tencent", "--json"); strings.Contains(out, `"listed":false`) {
		t.Errorf("after the dispute the catalog is\n%s", out)
	}
	if out := w.want(0, "why", "1"); !strings.Contains(out, "\nbut       a person found it wrong: the shop says that it was never off the shelf (change 2)\n") {
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
