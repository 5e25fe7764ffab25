package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
)

// Under systemd the daemon says when it is ready, that it lives, that it reads
// its configuration again, and that it ends.
func TestSystemd(t *testing.T) {
	w := &world{t: t, dir: t.TempDir()}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(w.dir, "shopwatch.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const good = "listen: 127.0.0.1:0\nbrowser: {flags: {no-sandbox: true}}\nstorefronts: [{name: tencent, url: 'https://tencent.tmall.com/'}]\n"
	write(good)
	// The path of a socket must be short.
	dir, err := os.MkdirTemp("", "sw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"})
	if err != nil {
		t.Skip(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", filepath.Join(dir, "s"))
	t.Setenv("WATCHDOG_USEC", "150000")
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	hear := func(want string) {
		t.Helper()
		b := make([]byte, 100)
		for end := time.Now().Add(time.Minute); ; {
			socket.SetReadDeadline(end)
			n, err := socket.Read(b)
			if err != nil {
				t.Fatalf("systemd was not told %s: %v", want, err)
			}
			if strings.Contains(string(b[:n]), want) {
				return
			}
		}
	}
	var stop func() (int, string)
	for tries := 1; ; tries++ { // the machine may be busy
		began := time.Now()
		stop = w.daemon()
		took := time.Since(began)
		if took <= time.Second || testing.Short() { // which is with the race detector
			break
		}
		if tries == 10 {
			t.Errorf("the daemon started in %s, want a second at most", took)
			break
		}
		stop()
	}
	hear("READY=1")
	hear("WATCHDOG=1")
	hear("WATCHDOG=1")
	hup(t)
	hear("RELOADING=1")
	hear("READY=1")
	write("storefronts: none\n")
	hup(t)
	hear("RELOADING=1")
	hear("READY=1") // with the old one
	hear("WATCHDOG=1")
	status, log := stop()
	hear("STOPPING=1")
	if status != 0 || strings.Count(log, "configuration read again") != 1 || strings.Count(log, "configuration refused") != 1 {
		t.Errorf("the daemon ended with %d: %s", status, log)
	}
	if out, errs, status := w.do("run"); status != 1 || strings.Count(errs, "\n") != 1 {
		t.Errorf("run with a bad configuration = %d, %s%s, want 1 and one line", status, out, errs)
	}
	if _, _, status := w.do("storefronts"); status != 1 {
		t.Errorf("storefronts with a bad configuration = %d, want 1", status)
	}
}

// A daemon whose Chrome is gone lives, but is not ready, and says what is
// missing.
func TestReady(t *testing.T) {
	w := &world{t: t, dir: t.TempDir()}
	chrome := filepath.Join(w.dir, "chrome")
	if err := os.WriteFile(chrome, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("listen: 127.0.0.1:0\nbrowser: {path: %s, flags: {no-sandbox: true}}\nstorefronts: [{name: tencent, url: 'https://tencent.tmall.com/'}]\n", chrome)
	if err := os.WriteFile(filepath.Join(w.dir, "shopwatch.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.daemon()
	if status, text := w.ask("/readyz"); status != 200 {
		t.Errorf("/readyz = %d %s, want 200", status, text)
	}
	if err := os.Remove(chrome); err != nil {
		t.Fatal(err)
	}
	if status, text := w.ask("/readyz"); status != 503 || !strings.Contains(text, chrome) {
		t.Errorf("/readyz without a Chrome = %d %s, want 503 and which", status, text)
	}
	if status, text := w.ask("/healthz"); status != 200 {
		t.Errorf("/healthz without a Chrome = %d %s, want 200", status, text)
	}
}

// The daemon ends within seconds, also in the middle of a page that never comes
// and of a delivery that is never answered; what it was cut off from is made up
// for by the next one.
func TestStopsInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(0, "scan")
	stop := w.daemon()
	w.shop.Put(fixtures.Product{ID: "45100000009", Title: "遥控笔", Price: "99.00"})
	w.mail.Fault(fixtures.MailFault{Stall: true, Times: 1})
	w.want(0, "scan")
	w.shop.Fault(fixtures.Fault{Name: "list never", Times: 1})
	asked := make(chan string, 1)
	go func() {
		_, errs, status := w.do("scan")
		asked <- fmt.Sprint(status, " ", errs)
	}()
	time.Sleep(1500 * time.Millisecond)
	began := time.Now()
	status, log := stop()
	if took := time.Since(began); status != 0 || took > 10*time.Second {
		t.Errorf("the daemon ended with %d after %s, want 0 within 10s: %s", status, took, log)
	}
	if got := <-asked; !strings.HasPrefix(got, "1 ") {
		t.Errorf("the scan that was cut short = %s, want an error", got)
	}
	if got := len(lines[scanned](t, w.want(0, "scans", "--json"))); got != 2 {
		t.Errorf("%d scans were kept, want the 2 that ended", got)
	}
	if got := len(w.mail.Mails()); got != 0 {
		t.Fatalf("%d mails arrived, want none yet", got)
	}
	w.daemon()
	w.want(0, "mail", "retry")
	if m, err := w.mail.Wait(deadline.Context(t)); err != nil || !bytes.Contains(m.Raw, []byte("+1 new")) {
		t.Errorf("mail = %s, %v, want the one that was cut off", m.Raw, err)
	}
}

// What is secret is in no line of the log, nor are pages, also when the daemon
// logs all it can and everything goes wrong. A scan is one line.
func TestLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, err := fixtures.NewSMTP(fixtures.SMTPOptions{Auth: []string{"PLAIN"}, Username: "shop", Password: "another one"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	const password, token, hook = "sesame-open-4711", "0123456789abcdef-token", "hook-secret-0815"
	w.configure(map[string]any{"token": token, "channels": []any{
		map[string]any{
			"name": "analysts", "kind": "email", "server": server.URL(), "plaintext": true, "username": "shop", "password": password,
			"from": "shopwatch@example.com", "to": []string{"team@example.com"},
		},
		map[string]any{"name": "hook", "kind": "webhook", "url": "http://127.0.0.1:1/" + hook, "secret": hook + "-key"},
	}})
	stop := w.daemon("--debug") // which scans at once
	until(t, "it has scanned", func() bool { return strings.Contains(w.want(0, "storefronts"), "complete") })
	w.want(0, "scan")
	w.shop.Put(fixtures.Product{ID: "45100000009", Title: "遥控笔", Price: "99.00"})
	w.shop.Fault(fixtures.Fault{Name: "list cut off", Times: 1})
	w.want(0, "scan")
	w.mall.RequireLogin(true)
	w.want(2, "scan")
	until(t, "the deliveries were tried", func() bool { return strings.Count(w.want(0, "mail", "outbox"), " waiting ") == 2 })
	time.Sleep(300 * time.Millisecond)
	_, log := stop()
	for _, secret := range []string{password, token, hook + "-key", "<html", "<div"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
	for part, want := range map[string]int{`"msg":"scanned"`: 4, `"verdict":"login"`: 1, `"verdict":"complete"`: 3, `"msg":"report waits"`: 2} {
		if got := strings.Count(log, part); got != want {
			t.Errorf("the log says %d times %s, want %d:\n%s", got, part, want, log)
		}
	}
}
