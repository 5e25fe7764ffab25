package main

import (
	"archive/zip"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures/tsa"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/archive"
)

// The daemon has the log stamped; the API tells of it, and verify checks it
// offline, of the database and of the evidence of a change.
func TestTimestamps(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	authority, err := tsa.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(authority.Close)
	w := quietWorld(t, fmt.Sprintf("timestamp: [%q]\n", authority.URL))
	path := filepath.Join(w.dir, "data", "shopwatch.db")
	edit := func(do func(*bolt.DB) error) {
		t.Helper()
		db, err := bolt.Open(path, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := do(db); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(db *bolt.DB) error {
		list := []tracker.Product{{ID: "1", Title: "糖大夫"}}
		for n := range 4 {
			s := &tracker.Scan{
				Storefront: "tencent", Began: time.Date(2026, 11, 22, 9, n, 0, 0, time.UTC), Verdict: tracker.Complete, Products: list,
				Evidence: tracker.Evidence{Pages: 1, Products: len(list), Parser: 1},
			}
			if _, err := db.Commit(t.Context(), s, tracker.DefaultRules()); err != nil {
				return err
			}
			list = append(list, tracker.Product{ID: tracker.ProductID(fmt.Sprint(10 + n)), Title: "new"})
		}
		return nil
	})
	stop := w.daemon()
	var mark api.Checkpoint
	for end := time.Now().Add(5 * time.Minute); len(mark.Stamps) == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // the daemon asks when it starts
		_, answer := w.ask("/api/checkpoint")
		if err := json.Unmarshal([]byte(answer), &mark); err != nil {
			t.Fatal(err)
		}
	}
	if len(mark.Stamps) != 1 || mark.Stamps[0].Size != 3 || mark.Stamps[0].Signer != "Simulated Time Stamping" || mark.Stamps[0].Known || mark.Stamps[0].Problem != "" {
		t.Fatalf("the API has the stamps %+v", mark.Stamps)
	}
	verifyByOpenSSL(t, &mark.Stamps[0].Stamp)
	if _, page := w.ask("/changes/2"); !strings.Contains(page, "Simulated Time Stamping saw the log of 3 changes") || !strings.Contains(page, mark.Stamps[0].RootHash) {
		t.Errorf("the proof page does not tell of the stamp:\n%s", page)
	}
	if status, out := stop(); status != 0 {
		t.Fatalf("the daemon ended with %d:\n%s", status, out)
	}
	authority.Close()

	verify := func(status int, says string, args ...string) {
		t.Helper()
		out, errs, got := w.do(append([]string{"verify"}, args...)...)
		if got != status || !strings.Contains(out+errs, says) {
			t.Errorf("verify %v = %d, want %d and %q:\n%s%s", args, got, status, says, out, errs)
		}
	}
	file := func(name string) string { return filepath.Join(w.dir, name) }
	verify(0, "1 timestamp is good: the log of 3 changes existed at "+mark.Stamps[0].At.Format("2006-01-02"))
	verify(0, `"Simulated Time Root", which this machine does not know: compare its SHA-256, `+mark.Stamps[0].RootHash)
	w.want(0, "evidence", "2", file("2.zip"))
	verify(0, "Simulated Time Stamping saw the log with change 2 in it at ", file("2.zip"))
	repack(t, file("2.zip"), file("redated.zip"), "log.json", func(b []byte) []byte {
		return redated(t, b)
	})
	verify(1, "is not good: it was made at ", file("redated.zip"))
	// The same goes along with a capture, here one that the change does not name.
	edit(func(db *bolt.DB) error {
		tree, err := db.Tree(t.Context())
		if err != nil {
			return err
		}
		signer, err := archive.NewSigner(tree.Signer)
		if err != nil {
			return err
		}
		content, err := new(archive.Capture).Pack(signer)
		if err != nil {
			return err
		}
		z, err := zip.OpenReader(file("2.zip"))
		if err != nil {
			return err
		}
		defer z.Close()
		story, errStory := fs.ReadFile(z, "story.json")
		witness, errWitness := fs.ReadFile(z, "log.json")
		if err := errors.Join(errStory, errWitness); err != nil {
			return err
		}
		if content, err = archive.Export(content, story, witness); err != nil {
			return err
		}
		return os.WriteFile(file("2.wacz"), content, 0o600)
	})
	verify(1, "Simulated Time Stamping saw the log with change 2 in it at ", file("2.wacz"))
	edit(func(db *bolt.DB) error { // of a log that was rewritten since
		stamp := mark.Stamps[0].Stamp
		stamp.Authority, stamp.Checkpoint = "http://other.example/", strings.Replace(stamp.Checkpoint, "\n3\n", "\n3\nx", 1)
		return db.AddStamp(t.Context(), stamp)
	})
	verify(1, "The log of 3 changes that http://other.example/ stamped is not this one")
}

// verifyByOpenSSL verifies a stamp as docs/reports.md tells others to, and that
// another checkpoint is refused.
func verifyByOpenSSL(t *testing.T, s *storage.Stamp) {
	t.Helper()
	dir := t.TempDir()
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Chain[len(s.Chain)-1]})
	for name, content := range map[string][]byte{
		"token.der": s.Token, "root.pem": root, "checkpoint.txt": []byte(s.Checkpoint), "altered.txt": []byte(s.Checkpoint + "x"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, good := range map[string]bool{"checkpoint.txt": true, "altered.txt": false} {
		cmd := exec.CommandContext(t.Context(), "openssl", "ts", "-verify", "-token_in", "-in", "token.der", "-data", name, "-CAfile", "root.pem")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if (err == nil) != good || strings.Contains(string(out), "Verification: OK") != good {
			t.Errorf("openssl ts of %s: %v\n%s", name, err, out)
		}
	}
}

// redated is a witness whose stamp names another time than its token.
func redated(t *testing.T, text []byte) []byte {
	t.Helper()
	var w merkle.Witness
	if err := json.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	for i := range w.Proofs {
		for j := range w.Proofs[i].Stamps {
			var s *storage.Stamp = &w.Proofs[i].Stamps[j]
			s.At = s.At.AddDate(-1, 0, 0)
		}
	}
	b, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
