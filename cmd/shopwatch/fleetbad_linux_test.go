package main

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"shopwatch/fixtures"
	"shopwatch/fixtures/pgtest"
)

// Of scans that were not complete for one reason the newest capture is kept.
func TestNewestCaptureOnPostgreSQL(t *testing.T) {
	cluster := startCluster(t)
	name := cluster.Database(t)
	w := newWorld(t).on(cluster.NetworkURL(name, pgtest.Password))
	w.want(0, "scan")
	w.shop.Fault(fixtures.Fault{Name: "login overlay"})
	for range 2 {
		w.want(2, "scan")
	}
	conn, err := pgx.Connect(t.Context(), cluster.AdminURL(name))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var n int
	if err := conn.QueryRow(t.Context(), "select count(*) from evidence where name like '%.wacz'").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d captures are kept, %v; want the newest", n, err)
	}
}
