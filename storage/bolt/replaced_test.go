package bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// What is written into a file that was deleted, moved away or replaced would be
// lost: it is refused, while everything can still be read and saved.
func TestReplaced(t *testing.T) {
	for name, replace := range map[string]func(path string) error{
		"deleted":  os.Remove,
		"moved":    func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error { return os.Rename(filepath.Join(filepath.Dir(path), "backups", "x.db"), path) },
		"the whole folder moved": func(path string) error {
			return os.Rename(filepath.Dir(path), filepath.Dir(path)+".old")
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "data", "shopwatch.db")
			db, err := bolt.Open(path, bolt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			scan := func(i int) *tracker.Scan {
				return &tracker.Scan{
					Storefront: "tencent", Began: time.Now().Add(time.Duration(i) * time.Second), Verdict: tracker.Complete,
					Products: []tracker.Product{{ID: "1", Title: "x", URL: "x"}}, Evidence: tracker.Evidence{Parser: 1},
				}
			}
			if _, err := db.Commit(ctx, scan(0), tracker.DefaultRules()); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.BackupFile(ctx, filepath.Join(filepath.Dir(path), "backups", "x.db")), db.Ping(ctx)); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := replace(path); err != nil {
				t.Fatal(err)
			}
			if err := db.Ping(ctx); !errors.Is(err, storage.ErrReplaced) || !strings.Contains(err.Error(), path+" was deleted or replaced") {
				t.Errorf("InPlace = %v, want ErrReplaced with the path", err)
			}
			if _, err := db.Commit(ctx, scan(1), tracker.DefaultRules()); !errors.Is(err, storage.ErrReplaced) {
				t.Errorf("Commit = %v, want ErrReplaced", err)
			}
			if err := db.Check(ctx); !errors.Is(err, storage.ErrReplaced) {
				t.Errorf("Check = %v, want ErrReplaced", err)
			}
			now, _ := os.ReadFile(path)
			if _, _, err := db.Compact(ctx); !errors.Is(err, storage.ErrReplaced) {
				t.Errorf("Compact = %v, want ErrReplaced", err)
			}
			if after, _ := os.ReadFile(path); string(now) != string(after) {
				t.Error("Compact wrote over what is there now")
			}
			if st, err := db.State(ctx, "tencent"); err != nil || st.Listed != 1 {
				t.Errorf("State = %+v, %v, want what was known", st, err)
			}

			to, err := db.Rescue(ctx, time.Now())
			if err != nil || bolt.Verify(to) != nil {
				t.Fatalf("Rescue = %s, %v, %v", to, err, bolt.Verify(to))
			}
			if name == "replaced" {
				os.Remove(path)
			}
			if _, err := bolt.Open(path, bolt.Options{}); err == nil || !strings.Contains(err.Error(), "shopwatch restore "+to) {
				t.Errorf("Open = %v, want an error that names %s", err, to)
			}
		})
	}
}

// Of several copies the newest is named, whoever made it.
func TestNewestCopyIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 11, 22, 9, 0, 0, 0, time.Local)
	var copies []string
	add := func(to string, err error) {
		if err != nil || to == "" {
			t.Fatal(to, err)
		}
		copies = append(copies, to)
	}
	add(db.BackupDaily(ctx, 9, day))
	add(db.Rescue(ctx, day.Add(time.Hour)))
	add(db.Rescue(ctx, day.Add(2*time.Hour)))
	add(db.BackupDaily(ctx, 9, day.AddDate(0, 0, 1)))
	if err := errors.Join(db.Close(), os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	for len(copies) > 0 {
		newest := copies[len(copies)-1]
		if _, err := bolt.Open(path, bolt.Options{}); err == nil || !strings.Contains(err.Error(), "shopwatch restore "+newest+",") {
			t.Errorf("Open = %v, want an error that names %s", err, newest)
		}
		os.Remove(newest)
		copies = copies[:len(copies)-1]
	}
}
