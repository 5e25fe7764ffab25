package bolt_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
)

// checkpointOf is the checkpoint of a log as it stood in a mail.
func checkpointOf(t *testing.T, db *bolt.DB, size uint64) merkle.Checkpoint {
	t.Helper()
	c, key, found, err := merkle.Sign(ctx, db, size)
	must(t, err)
	if !found {
		t.Fatal("the log has no checkpoint")
	}
	must(t, c.Verify(key))
	return c
}

// audited is what an audit finds, a line each; "!" before what is bad.
func audited(t *testing.T, db *bolt.DB, marks ...merkle.Checkpoint) string {
	t.Helper()
	found, err := merkle.Audit(ctx, db, marks, nil)
	must(t, err)
	var b strings.Builder
	for _, f := range found {
		if f.Bad {
			b.WriteString("!")
		}
		b.WriteString(f.Text + "\n")
	}
	return b.String()
}

// A checkpoint from a mail shows what became of the log since, also when it was
// forged with care: by somebody who has the database and its key.
func TestForgedLogIsFound(t *testing.T) {
	for _, tt := range []struct {
		name   string
		forge  func(t *testing.T, db *bolt.DB) *bolt.DB
		finds  string
		intact bool
	}{
		{"nothing", func(_ *testing.T, db *bolt.DB) *bolt.DB { return db }, "changes 1 to 10 are what they were", true},
		{"went on", func(t *testing.T, db *bolt.DB) *bolt.DB {
			commit(t, db, whole("tencent", day.Add(99*time.Hour), products(403)...))
			return db
		}, "changes 1 to 10 are what they were", true},
		{"compacted", func(t *testing.T, db *bolt.DB) *bolt.DB {
			_, _, err := db.Compact(ctx)
			must(t, err)
			return db
		}, "changes 1 to 10 are what they were", true},
		{"disputed", func(t *testing.T, db *bolt.DB) *bolt.DB {
			_, err := db.Dispute(ctx, 3, "wrong", day.Add(99*time.Hour))
			must(t, err)
			return db
		}, "changes 1 to 10 are what they were", true},
		{"backed up and restored", func(t *testing.T, db *bolt.DB) *bolt.DB {
			copied := filepath.Join(t.TempDir(), "copy.db")
			must(t, db.BackupFile(ctx, copied))
			return open(t, copied)
		}, "changes 1 to 10 are what they were", true},
		{"a price was rewritten", func(t *testing.T, db *bolt.DB) *bolt.DB {
			must(t, db.Forge(4, func(c *tracker.Change) bool {
				if c.Seq == 4 {
					c.Product.Price.Low++
				}
				return true
			}))
			return db
		}, "!The checkpoint of 10 changes does not fit", false},
		{"the picture was exchanged", func(t *testing.T, db *bolt.DB) *bolt.DB {
			must(t, db.Forge(10, func(c *tracker.Change) bool {
				c.Pictures.Page = strings.Repeat("ab", 32) + ".webp"
				return true
			}))
			return db
		}, "!The checkpoint of 10 changes does not fit", false},
		{"cut", func(t *testing.T, db *bolt.DB) *bolt.DB {
			must(t, db.Forge(8, func(*tracker.Change) bool { return false }))
			return db
		}, "!The log has only 7 of the 10 changes", false},
		{"cut, and went on differently", func(t *testing.T, db *bolt.DB) *bolt.DB {
			must(t, db.Forge(8, func(*tracker.Change) bool { return false }))
			commit(t, db, whole("other", day, products(3)...))
			commit(t, db, whole("other", day.Add(time.Hour), products(9)...))
			return db
		}, "!The checkpoint of 10 changes does not fit", false},
		{"another log", func(t *testing.T, _ *bolt.DB) *bolt.DB { return open(t, filled(t)) }, "is not signed by this log's key", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t, filled(t))
			mark := checkpointOf(t, db, 10)
			found := audited(t, tt.forge(t, db), mark)
			if !strings.Contains(found, tt.finds) || strings.Contains(found, "!") == tt.intact {
				t.Errorf("found:\n%swant %q, intact %v", found, tt.finds, tt.intact)
			}
		})
	}
}

// What is rewritten with less care is found without any checkpoint, and by the
// check of the database too.
func TestAlteredChangeIsFound(t *testing.T) {
	path := filled(t)
	db := open(t, path)
	b := db.Bolt()
	must(t, db.Forge(4, func(c *tracker.Change) bool { c.Reason = "altered"; return true }))
	if found := audited(t, db); strings.Contains(found, "!") {
		t.Fatalf("a log with all hashes made anew looks altered without a checkpoint:\n%s", found)
	}
	tx, err := b.Begin(true)
	must(t, err)
	tree := tx.Bucket([]byte("tree"))
	key := []byte{0, 0, 0, 0, 0, 0, 0, 6}
	tampered := append([]byte{}, tree.Get(key)...)
	other := append([]byte{}, tree.Get([]byte{0, 0, 0, 0, 0, 0, 0, 10})...)
	copy(tampered[5:], other[5:]) // the hash of another change
	must(t, bolt.Seal("tree", key, tampered))
	must(t, tree.Put(key, tampered))
	must(t, tx.Commit())
	if found := audited(t, db); !strings.Contains(found, "!Change 6 was altered") {
		t.Errorf("found:\n%swant change 6", found)
	}
	if err := db.Check(ctx); err == nil || !strings.Contains(err.Error(), "tree/6") {
		t.Errorf("Check = %v, want it to name tree/6", err)
	}
}

// The log of a file of an earlier version gets its tree at the upgrade, and what
// came before is said to be unwitnessed.
func TestUpgradeGrowsATree(t *testing.T) {
	for _, file := range []string{"schema-1.db.gz", "schema-2.db.gz"} {
		path := filepath.Join(t.TempDir(), "shopwatch.db")
		must(t, os.WriteFile(path, unpacked(t, file), 0o600))
		db := open(t, path)
		tree, err := db.Tree(ctx)
		must(t, err)
		if tree.Size == 0 || tree.Unwitnessed != tree.Size || tree.Signer == "" {
			t.Fatalf("%s: tree of %d changes, %d unwitnessed", file, tree.Size, tree.Unwitnessed)
		}
		mark := checkpointOf(t, db, 0)
		commit(t, db, whole("tencent", day.Add(999*time.Hour), products(900)...))
		if found := audited(t, db, mark); strings.Contains(found, "!") || !strings.Contains(found, "before it had checkpoints") {
			t.Errorf("%s: found:\n%s", file, found)
		}
		must(t, db.Check(ctx))
		_, err = db.TreeHashes(ctx, []int64{1 << 40})
		if err == nil {
			t.Error("a hash that is not there is read")
		}
		if _, _, _, err := merkle.Sign(ctx, db, 1<<40); err == nil {
			t.Error("a length that the log does not have is signed")
		}
	}
}

// An empty log has no checkpoint, and the first change has one.
func TestCheckpointOfASmallLog(t *testing.T) {
	db := fresh(t)
	if _, _, found, err := merkle.Sign(ctx, db, 0); found || err != nil {
		t.Errorf("checkpoint of an empty log: %v, %v", found, err)
	}
	commit(t, db, whole("tencent", day, products(3)...))
	for n := range 9 {
		commit(t, db, whole("tencent", day.Add(time.Duration(n+1)*time.Hour), products(4+n)...))
		var log storage.Log = db
		mark, key, found, err := merkle.Sign(ctx, log, 0)
		must(t, err)
		if !found || mark.Verify(key) != nil || mark.Size != uint64(n+1) {
			t.Errorf("checkpoint %+v", mark)
		}
		if text := audited(t, db, mark); strings.Contains(text, "!") {
			t.Errorf("%d changes: %s", n+1, text)
		}
	}
}
