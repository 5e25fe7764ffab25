package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
)

// What was reported is verified with nothing but the report, as text and as
// HTML: of the database, of a backup and of the evidence of one change. An
// older backup is told from one that went on differently.
func TestVerify(t *testing.T) {
	t.Parallel()
	w := quietWorld(t, "channels: [{name: notes, kind: file, path: notes.jsonl}]\n")
	file := func(name string) string { return filepath.Join(w.dir, name) }
	var shown string
	scan := func(times ...int) {
		t.Helper()
		db, err := bolt.Open(filepath.Join(w.dir, "data", "shopwatch.db"), bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if shown == "" {
			if err := db.Join(t.Context(), "notes"); err != nil {
				t.Fatal(err)
			}
			if shown, err = db.KeepEvidence(t.Context(), []byte("the picture of a page"), "webp"); err != nil {
				t.Fatal(err)
			}
		}
		for _, n := range times {
			began := time.Date(2026, 11, 22, 9, n, 0, 0, time.UTC)
			s := &tracker.Scan{
				Storefront: "tencent", Began: began, Verdict: tracker.Complete, Evidence: tracker.Evidence{Pages: 1, Products: 1, Parser: 1},
				Products: []tracker.Product{{ID: "1", Title: fmt.Sprintf("糖大夫 %d", n), URL: "https://detail.tmall.com/item.htm?id=1"}, {ID: tracker.ProductID(fmt.Sprint(100 + n)), Title: "new", URL: "x"}},
				Pictures: map[tracker.ProductID]tracker.Picture{tracker.ProductID(fmt.Sprint(100 + n)): {Hash: "bG9vaw==", File: shown}},
			}
			s.Evidence.Products = 2
			if _, err := db.Commit(t.Context(), s, tracker.DefaultRules()); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	verify := func(status int, says string, args ...string) {
		t.Helper()
		out, errs, got := w.do(append([]string{"verify"}, args...)...)
		if got != status || !strings.Contains(out+errs, says) {
			t.Errorf("verify %v = %d, want %d and %q:\n%s%s", args, got, status, says, out, errs)
		}
	}
	scan(0, 1, 2)
	w.want(0, "backup", file("early.db"))
	scan(3, 4)
	w.want(0, "mail", "preview", file("report.txt"))
	w.want(0, "mail", "preview", file("report.html"))
	w.want(0, "evidence", "1", file("1.zip"))
	scan(5)
	w.want(0, "backup", file("late.db"))

	verify(0, "No checkpoint from a report was compared")
	for _, report := range []string{"report.txt", "report.html"} {
		for _, of := range []string{"", file("late.db")} {
			verify(0, "are what they were when it was signed", append([]string{"--checkpoint", file(report)}, slicesOf(of)...)...)
		}
		verify(0, "that you hold is the one in the file", "--checkpoint", file(report), file("1.zip"))
	}
	verify(0, "1 evidence file is as the changes name them")
	verify(1, "it was cut, or is an older backup", "--checkpoint", file("report.txt"), file("early.db"))
	verify(1, "no checkpoint in the text", "--checkpoint", file("shopwatch.yaml"))
	verify(1, "shopwatch: "+file("shopwatch.yaml")+" is not a shopwatch database\n", file("shopwatch.yaml"))

	repack(t, file("1.zip"), file("altered.zip"), "story.json", func(b []byte) []byte { return bytes.Replace(b, []byte("糖大夫 1"), []byte("糖大夫 9"), 1) })
	verify(1, "The change in story.json is not the one in the log", file("altered.zip"))
	repack(t, file("1.zip"), file("forged.zip"), "log.json", func(b []byte) []byte { return bytes.Replace(b, []byte("糖大夫 1"), []byte("糖大夫 9"), 1) })
	verify(1, "Change 1 is not as it is here in the log", file("forged.zip"))
	// What programs would unpack behind the back of verify, and what they unpack
	// beside what it names.
	for _, name := range []string{"story.json", "./story.json", "../story.json", "Story.json", `.\story.json`} {
		repackWith(t, file("1.zip"), file("twofold.zip"), name)
		verify(1, "is there twice or leads out of the archive", "--checkpoint", file("report.txt"), file("twofold.zip"))
	}
	for _, name := range []string{"Change", "change", "Title", "title"} {
		repack(t, file("1.zip"), file("twice.zip"), "story.json", func(b []byte) []byte {
			genuine := []byte(`"` + strings.ToLower(name) + `":`)
			return bytes.Replace(b, genuine, append([]byte(`"`+name+`": null, `), genuine...), 1)
		})
		verify(1, "is there twice in story.json", file("twice.zip"))
	}
	verify(0, "Not part of the log, so not verified: story.txt, SHA256SUMS.", file("1.zip"))
	repackWith(t, file("1.zip"), file("more.zip"), "pictures/another.png")
	verify(0, "pictures/another.png.", file("more.zip"))

	// Who writes to the file itself is found by its hashes, and who makes these
	// anew too by what is in a mailbox only.
	forge(t, file("late.db"), file("forged.db"), false)
	verify(1, "Change 2 was altered", "--checkpoint", file("report.txt"), file("forged.db"))
	forge(t, file("late.db"), file("forged.db"), true)
	verify(0, "No checkpoint from a report was compared", file("forged.db"))
	verify(1, "at least one of changes 1 to 8 is not what it was", "--checkpoint", file("report.txt"), file("forged.db"))

	picture := filepath.Join(w.dir, "data", "evidence", shown[:2], shown)
	if err := os.WriteFile(picture, []byte("another picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	verify(1, "was exchanged", "--checkpoint", file("report.txt"))
	if err := os.Remove(picture); err != nil {
		t.Fatal(err)
	}
	verify(0, "1 evidence file is not there")

	w.want(0, "restore", file("early.db"))
	verify(1, "it was cut, or is an older backup", "--checkpoint", file("report.txt"))
	scan(13, 14, 15, 16)
	verify(1, "or the log went on differently from an older backup", "--checkpoint", file("report.txt"))
	// The picture is missing.
	if out := w.want(1, "check", "--json"); !strings.Contains(out, "its public key is shopwatch/") {
		t.Errorf("check does not tell the log's key:\n%s", out)
	}
}

// forge copies a database with another title in change 2, and with whole also with
// another tree of the log that fits it.
func forge(t *testing.T, from, to string, whole bool) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
	replace := func(bucket string, key uint64, value func([]byte) []byte) {
		t.Helper()
		db, err := bbolt.Open(to, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			b, k := tx.Bucket([]byte(bucket)), binary.BigEndian.AppendUint64(nil, key)
			v := bytes.Clone(b.Get(k)[:5])
			v = append(v, value(bytes.Clone(b.Get(k)[5:]))...)
			table := crc32.MakeTable(crc32.Castagnoli)
			sum := crc32.Update(crc32.Update(crc32.Checksum([]byte(bucket), table), table, k), table, v[5:])
			binary.BigEndian.PutUint32(v[1:], sum^uint32(v[0]))
			return b.Put(k, v)
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	replace("changes", 2, func(v []byte) []byte {
		forged := bytes.Replace(v, []byte(`"t":"new"`), []byte(`"t":"old"`), 1)
		if bytes.Equal(v, forged) {
			t.Fatalf("change 2 stays as it is: %q", v)
		}
		return forged
	})
	if !whole {
		return
	}
	db, err := bolt.Open(to, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	changes, err := db.Changes(t.Context(), storage.Query{})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	var all []tlog.Hash
	known := tlog.HashReaderFunc(func(indexes []int64) (list []tlog.Hash, err error) {
		for _, i := range indexes {
			list = append(list, all[i])
		}
		return list, nil
	})
	for i := range changes {
		record, err := merkle.Record(&changes[i])
		if err != nil {
			t.Fatal(err)
		}
		hashes, err := tlog.StoredHashes(int64(i), record, known)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, hashes...)
		replace("tree", uint64(i+1), func([]byte) (v []byte) {
			for _, h := range hashes {
				v = append(v, h[:]...)
			}
			return v
		})
	}
}

// slicesOf is a list of an argument, of none for an empty one.
func slicesOf(arg string) []string {
	if arg == "" {
		return nil
	}
	return []string{arg}
}

// repackWith writes an archive again, with one more file.
func repackWith(t *testing.T, from, to, name string) {
	t.Helper()
	rezip(t, from, to, func(z *zip.Reader, out *zip.Writer) {
		for _, f := range z.File {
			if err := out.Copy(f); err != nil {
				t.Fatal(err)
			}
		}
		write(t, out, name, []byte("forged"))
	})
}

// rezip writes an archive anew from what is in another one.
func rezip(t *testing.T, from, to string, fill func(*zip.Reader, *zip.Writer)) {
	t.Helper()
	z, err := zip.OpenReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	fill(&z.Reader, out)
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// write puts a file into an archive.
func write(t *testing.T, out *zip.Writer, name string, content []byte) {
	t.Helper()
	w, err := out.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
}

// repack copies an archive with one file altered.
func repack(t *testing.T, from, to, name string, alter func([]byte) []byte) {
	t.Helper()
	rezip(t, from, to, func(z *zip.Reader, out *zip.Writer) {
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if f.Name == name {
				was := content
				if content = alter(content); bytes.Equal(was, content) {
					t.Fatalf("%s stays as it is:\n%s", name, content)
				}
			}
			write(t, out, f.Name, content)
		}
	})
}
