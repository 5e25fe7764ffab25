package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"shopwatch/fixtures"
	"shopwatch/fixtures/pgtest"
)

// A machine whose disk is full takes no scan and says so. Another one makes them.
func TestMachineWithFullDisk(t *testing.T) {
	cluster := startCluster(t)
	url := cluster.NetworkURL(cluster.Database(t), pgtest.Password)
	base := newWorld(t)
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("a small file system cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	alpha, beta := base.machine("alpha", url, false), base.machine("beta", url, false)
	alpha.configure(map[string]any{"database": url, "fleet": map[string]any{"worker": "alpha"}, "data": small})
	stopAlpha := alpha.daemon("--only", "worker")
	until(t, "it says so", func() bool {
		out, _, _ := beta.do("check")
		return strings.Contains(out, "alpha cannot scan: only 16") && strings.Contains(out, "left on the disk of "+small+": make room")
	})
	if out := beta.want(0, "scans"); strings.Contains(out, "complete") {
		t.Errorf("a machine without room has scanned:\n%s", out)
	}
	stopBeta := beta.daemon()
	until(t, "the other one scans", func() bool { return strings.Contains(beta.want(0, "scans"), "complete") })
	for what, stop := range map[string]func() (int, string){"alpha": stopAlpha, "beta": stopBeta} {
		if status, log := stop(); status != 0 || strings.Contains(log, "ERROR") || what == "alpha" && strings.Contains(log, "msg\":\"scanned") {
			t.Errorf("%s ended with %d: %s", what, status, log)
		}
	}
}

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
