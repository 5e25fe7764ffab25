//go:build unix

package postgres_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"shopwatch/fixtures/pgtest"
	"shopwatch/storage"
	"shopwatch/storage/postgres"
	"shopwatch/storage/storetest"
)

var cluster *pgtest.Cluster

// TestMain lets the test binary be a worker of the nemesis run.
func TestMain(m *testing.M) {
	if at := os.Getenv(workerAt); at != "" {
		if err := work(at); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(pgtest.Main(m, func(c *pgtest.Cluster) { cluster = c }))
}

// ctx is that of calls that nothing ends.
var ctx = context.Background()

// TestStore tries what the contract promises.
func TestStore(t *testing.T) {
	if os.Getenv("SHOPWATCH_STEPS") == "" {
		// The law is the same one that package bolt plays at length.
		t.Setenv("SHOPWATCH_STEPS", "300")
	}
	storetest.Run(t, storetest.Engine{
		Open: func(t testing.TB) storage.Store { return fresh(t) },
		Restart: func(t testing.TB, s storage.Store, restored bool) storage.Store {
			t.Helper()
			name := s.(*postgres.DB).Name()
			must(t, s.Close())
			if restored {
				name = cluster.Clone(t, name)
			}
			return open(t, cluster.URL(name))
		},
		Transactions: func(_ testing.TB, s storage.Store) (read, wrote int) { return s.(*postgres.DB).Transactions() },
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a database and closes it with the test.
func open(t testing.TB, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(ctx, url, postgres.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// fresh is a new database.
func fresh(t testing.TB) *postgres.DB {
	t.Helper()
	return open(t, cluster.URL(cluster.Database(t)))
}
