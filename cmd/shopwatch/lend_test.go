package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
)

// verdict is that of the last scan, as the daemon tells it.
func (w *world) verdict() string {
	w.t.Helper()
	list := lines[struct{ Verdict string }](w.t, w.want(0, "storefronts", "--json"))
	return list[0].Verdict
}

// A login asks the daemon for the profile, which it lends and takes back: then
// it scans what met the wall before, and what was asked for meanwhile.
func TestLoginWhileTheDaemonRuns(t *testing.T) {
	t.Parallel()
	w := newLoginWorld(t)
	stop := w.daemon()
	c := w.start("scan", "--json")
	c.end(2, `"verdict":"login"`)

	c = w.start("login", "tmall", "--qr")
	c.until("a code is shown", func() bool { return len(fixtures.ReadTerminalQR(c.String())) == 1 })
	scan := w.start("scan", "--json")
	scan.until("the scan waits", func() bool { return strings.Contains(scan.String(), "a login has the profile") })
	second := w.start("login", "tmall", "--qr")
	second.until("the second login waits", func() bool { return strings.Contains(second.String(), "lends its profile when") })
	second.cancel()
	second.end(1)
	if err := w.mall.ScanQR(fixtures.ReadTerminalQR(c.String())[0], "tb_watcher"); err != nil {
		t.Fatal(err)
	}
	c.end(0, "Logged in to tmall just now (qr)", "The daemon scans now what waited for a login")
	scan.end(0, `"verdict":"complete"`)

	// Nobody asks for this scan.
	w.mall.ExpireLogins()
	w.want(2, "scan")
	c = w.start("login", "tmall", "--qr")
	c.until("a code is shown", func() bool { return len(fixtures.ReadTerminalQR(c.String())) == 1 })
	if err := w.mall.ScanQR(fixtures.ReadTerminalQR(c.String())[0], "tb_watcher"); err != nil {
		t.Fatal(err)
	}
	c.end(0)
	eventually(t, "the daemon has scanned", func() bool { return w.verdict() == "complete" })

	// A login that is killed gives the profile back, and nothing is scanned for
	// it.
	killed := w.command("login", "tmall", "--qr")
	shown := &typed{t: t}
	killed.Stdout = shown
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a code is shown", func() bool { return strings.Contains(shown.String(), "The same as a picture") })
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // it was killed
	if err := os.Remove(filepath.Join(w.dir, "data", "login-tmall.png")); err != nil {
		t.Error(err)
	}
	w.whole()
	status, log := stop()
	if status != 0 {
		t.Errorf("the daemon ends with %d", status)
	}
	for want, n := range map[string]int{"profile lent to a login": 3, `"login":true`: 2, `"login":false`: 1} {
		if got := strings.Count(log, want); got != n {
			t.Errorf("the daemon logs %q %d times, want %d:\n%s", want, got, n, log)
		}
	}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(5 * time.Minute); !holds(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("never: %s", what)
		}
	}
}
