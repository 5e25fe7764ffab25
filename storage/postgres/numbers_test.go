//go:build unix

package postgres_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/fixtures/pgtest"
	"shopwatch/storage/storetest"
)

// TestNumbers measures commits of a catalog of 10,000 products: how long they take
// and what they write (make bench).
func TestNumbers(t *testing.T) {
	if os.Getenv("SHOPWATCH_BENCH") == "" {
		t.Skip("only with SHOPWATCH_BENCH (make bench)")
	}
	own, err := pgtest.Start()
	must(t, err)
	defer func() { must(t, own.Close()) }()
	must(t, own.Exec(ctx, "postgres", "create database numbers owner "+pgtest.User))
	db := open(t, own.URL("numbers"))
	list := storetest.Products(10_000)
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day, list...))
	conn, err := pgx.Connect(ctx, own.AdminURL("numbers"))
	must(t, err)
	defer conn.Close(ctx)
	place := func() (at int64) {
		must(t, conn.QueryRow(ctx, "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").Scan(&at))
		return at
	}
	at := storetest.Day
	for _, tt := range []struct {
		what    string
		changed int
	}{{"unchanged", 0}, {"1 % changed", 100}} {
		const n = 40
		var took []time.Duration
		var wrote int64
		for i := range n {
			for k := range tt.changed {
				list[(i*tt.changed+k)%len(list)].Price.Low++
			}
			at = at.Add(time.Hour)
			scan := storetest.Complete("tencent", at, list...)
			before, began := place(), time.Now()
			storetest.Commit(t, db, scan)
			took = append(took, time.Since(began))
			wrote += place() - before
		}
		slices.Sort(took)
		t.Logf("commit of 10,000 products, %s: median %v, 95 %% within %v, %d bytes of WAL", tt.what, took[n/2], took[n*95/100], wrote/n)
	}
}
