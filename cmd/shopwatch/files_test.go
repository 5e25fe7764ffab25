//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
)

// withFiles lets a process have no more than so many files open.
func withFiles(limit int, cmd *exec.Cmd) *exec.Cmd {
	under := exec.Command("sh", append([]string{"-c", `ulimit -n "$0" && exec "$@"`, strconv.Itoa(limit)}, cmd.Args...)...)
	under.Env = cmd.Env
	return under
}

// A daemon that may have few files open answers, scans and reports while others
// hold more connections than it has files.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	daemon := w.serveProcess(withFiles(128, w.command("run")))
	defer func() {
		daemon.Process.Signal(syscall.SIGTERM)
		if err := deadline.Wait(t, daemon); err != nil {
			t.Error(err)
		}
		if log := daemon.Stderr.(*log).String(); !strings.Contains(log, "only 128 may be open at once") || strings.Count(log, "too many connections") != 1 || strings.Contains(log, "too many open files") {
			t.Errorf("the log names the limit of files, or that of connections, not once:\n%s", log)
		}
	}()
	address := w.address()
	for i := range 300 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 { // what has asked once may wait longer
			fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
			if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
				t.Fatalf("connection %d is not answered: %v", i, err)
			}
		}
	}
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatalf("with 300 connections that wait: %v", err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); resp.StatusCode != 200 {
		t.Errorf("/healthz = %s %s, %v", resp.Status, b, err)
	}
	w.want(0, "scan")
	w.shop.Take("45100000002", fixtures.Gone)
	w.want(0, "scan")
	if _, err := w.mail.Wait(deadline.Context(t)); err != nil {
		t.Error(err)
	}
}

// Where Chrome does not start because it may have too few files open, that is
// said, and what to do.
func TestFewFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, err := withFiles(40, w.command("check")).CombinedOutput()
	if err == nil {
		t.Error("check finds all well")
	}
	for _, want := range []string{
		"FIX   chrome", "too many open files: at most 40 may be open at once; raise that to", "ulimit -n; LimitNOFILE=",
		"FIX   files            only 40 may be open at once",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("check does not say %q:\n%s", want, out)
		}
	}
	daemon := w.serveProcess(withFiles(40, w.command("run")))
	defer func() {
		daemon.Process.Signal(syscall.SIGTERM)
		_ = deadline.Wait(t, daemon)
	}()
	if s := lines[scanned](t, w.want(2, "scan", "--json"))[0]; !strings.Contains(s.Reason, "too many open files: at most 40") {
		t.Errorf("the scan failed because of %q, want too many open files", s.Reason)
	}
}
