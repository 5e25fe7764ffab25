package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/fixtures"
	"shopwatch/fixtures/pgtest"
)

// A machine whose clock differs from the database's says so, and scans.
func TestMachineWithWrongClock(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	alpha := newWorld(t).machine("alpha", cluster.NetworkURL(cluster.Skewed(t, -time.Hour), pgtest.Password), false)
	stop := alpha.daemon()
	until(t, "it works", func() bool { return len(alive(alpha.fleet())) == 1 })
	if off := alpha.fleet().Workers[0].Ahead + time.Hour; off.Abs() > 10*time.Second {
		t.Errorf("/api/fleet tells of %v, want -1h", alpha.fleet().Workers[0].Ahead)
	}
	out := alpha.want(1, "check")
	for _, want := range []string{"alpha has a clock that differs by 1h0m0s from that of the database: set the clocks", "clock            it differs by 1h0m0s from that of the database: set the clocks"} {
		if !strings.Contains(out, want) {
			t.Errorf("check lacks %q:\n%s", want, out)
		}
	}
	if _, metrics := alpha.ask("/metrics"); !strings.Contains(metrics, `shopwatch_worker_clock_offset_seconds{worker="alpha"} -3`) {
		t.Errorf("no metric of the clock:\n%s", metrics)
	}
	until(t, "it scans what is due", func() bool { return strings.Contains(alpha.want(0, "scans"), "complete") })
	if out := alpha.want(0, "scan", "--json"); !strings.Contains(out, `"verdict":"complete"`) {
		t.Errorf("a scan that somebody asks for:\n%s", out)
	}
	if status, log := stop(); status != 0 || strings.Contains(log, "ERROR") {
		t.Errorf("the daemon ended with %d: %s", status, log)
	}
}

// A digest is due by the clock of the database: a change that was seen ahead of the
// clock of the machine waits for it like others.
func TestDigestByWrongClock(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	w := newWorld(t)
	channel := func(name, schedule string) any {
		return map[string]any{"name": name, "kind": "email", "server": w.mail.URL(), "plaintext": true, "from": "shopwatch@example.com", "to": []string{name + "@example.com"}, "schedule": schedule}
	}
	w.configure(map[string]any{"database": cluster.URL(cluster.Skewed(t, 2*time.Hour)), "channels": []any{channel("weekly", "@weekly"), channel("now", "")}})
	w.want(0, "scan")
	w.shop.Put(fixtures.Product{ID: "45100000004", Title: "亲子蓝牙音箱", Price: "129.00"})
	w.want(0, "scan")
	mails := w.mail.Mails()
	if len(mails) == 0 {
		t.Fatal("no mail")
	}
	if len(mails) != 1 || mails[0].To[0] != "now@example.com" {
		t.Errorf("%d mails, the first to %v; want one, to the channel without a digest", len(mails), mails[0].To)
	}
}

// A machine whose disk is full takes no scan and says so. Another one makes them.
func TestMachineWithFullDisk(t *testing.T) {
	t.Parallel()
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

// Of scans that were not complete for one reason the newest capture is kept, and
// none where the configuration wants none.
func TestNewestCaptureOnPostgreSQL(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	name := cluster.Database(t)
	url := cluster.NetworkURL(name, pgtest.Password)
	w := newWorld(t).on(url)
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
	kept := func() (n int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "select count(*) from evidence where name like '%.wacz'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := kept(); n != 1 {
		t.Errorf("%d captures are kept; want the newest", n)
	}
	w.configure(map[string]any{"database": url, "retention": map[string]any{"captures": "0"}})
	stop := w.daemon()
	until(t, "none is kept", func() bool { return kept() == 0 })
	if status, log := stop(); status != 0 || strings.Contains(log, "ERROR") {
		t.Errorf("the daemon ended with %d: %s", status, log)
	}
}
