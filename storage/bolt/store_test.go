package bolt_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/storage/storetest"
)

// TestStore tries what the contract promises.
func TestStore(t *testing.T) {
	var mu sync.Mutex
	looked := map[*bbolt.DB]int{} // transactions of the counting itself
	storetest.Run(t, storetest.Engine{
		Open: func(t testing.TB) storage.Store {
			return unsynced(open(t, filepath.Join(t.TempDir(), "shopwatch.db")))
		},
		Restart: func(t testing.TB, s storage.Store, restored bool) storage.Store {
			t.Helper()
			db := s.(*bolt.DB)
			path := db.Path()
			if restored {
				must(t, db.BackupFile(ctx, path+".backup"))
			}
			must(t, db.Close())
			if restored {
				aside, err := bolt.Restore(path, path+".backup")
				must(t, err)
				must(t, os.Remove(aside))
			}
			return unsynced(open(t, path))
		},
		Transactions: func(t testing.TB, s storage.Store) (read, wrote int) {
			t.Helper()
			b := s.(*bolt.DB).Bolt()
			mu.Lock()
			defer mu.Unlock()
			read = b.Stats().TxN - looked[b]
			looked[b]++
			must(t, b.View(func(tx *bbolt.Tx) error { wrote = tx.ID(); return nil }))
			return read, wrote
		},
	})
}

// ctx is that of calls that nothing ends.
var ctx = context.Background()

// What the suite makes its scans of.
var (
	day, rules        = storetest.Day, storetest.Rules
	product, products = storetest.Product, storetest.Products
	whole, part, wall = storetest.Complete, storetest.Partial, storetest.Walled
	commit, sound     = storetest.Commit, storetest.Sound
	told, numbers     = storetest.Told, storetest.Numbers
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a database and closes it with the test.
func open(t testing.TB, path string) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

// fresh is a new database in a folder of its own.
func fresh(t testing.TB) *bolt.DB {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "shopwatch.db"))
}

// unsynced lets a database wait for no disk, where no power can fail.
func unsynced(db *bolt.DB) *bolt.DB {
	db.Bolt().NoSync = true
	return db
}
