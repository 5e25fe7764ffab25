//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
	"shopwatch/fixtures/pgtest"
)

// startCluster starts a PostgreSQL that ends with the test.
func startCluster(t *testing.T) *pgtest.Cluster {
	t.Helper()
	c, err := pgtest.Start()
	if errors.Is(err, pgtest.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skip("NOT TESTED: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// on is a world whose database is at a URL.
func (w *world) on(url string) *world {
	w.configure(map[string]any{"database": url})
	return w
}

// Every command works on a database of several machines as on a file, without
// and with the daemon.
func TestLoopOnPostgreSQL(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	for _, daemon := range []bool{false, true} {
		t.Run(map[bool]string{false: "on demand", true: "through the daemon"}[daemon], func(t *testing.T) {
			w := newWorld(t).on(cluster.NetworkURL(cluster.Database(t), pgtest.Password))
			w.loop(daemon)
			if out := w.want(0, "check"); !strings.Contains(out, "PostgreSQL database") || strings.Contains(out, pgtest.Password) {
				t.Errorf("check prints\n%s", out)
			}
			w.want(0, "scans")
			w.want(0, "storefronts")
			w.want(0, "suspects")
			w.want(0, "mail", "outbox")
			w.want(0, "mail", "preview", filepath.Join(w.dir, "preview.eml"))
			w.want(0, "dispute", "1", "--reason", "wrong")
			w.want(0, "evidence", "2", filepath.Join(w.dir, "story.zip"))
			for _, c := range []string{"backup FILE", "compact", "restore shopwatch.yaml"} {
				args := strings.Fields(c)
				for i := range args[1:] {
					args[i+1] = filepath.Join(w.dir, args[i+1])
				}
				_, errs, status := w.do(args...)
				if status != 1 || !strings.Contains(errs, "no") || !strings.Contains(errs, "with the tools of its server") {
					t.Errorf("%s = %d, %s", c, status, errs)
				}
			}
			if _, err := os.Stat(filepath.Join(w.dir, "data", "shopwatch.db")); err == nil {
				t.Error("there is a file besides the database")
			}
		})
	}
}

// A command connects to the database once, whatever it asks of it: also check, which
// asks for most.
func TestOneConnection(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	url := cluster.NetworkURL(cluster.Database(t), pgtest.Password)
	w := newWorld(t).on(url)
	w.want(0, "scan")
	w.want(0, "apply", filepath.Join(w.dir, "shopwatch.yaml"))
	at := strings.SplitN(strings.SplitAfter(url, "@")[1], "/", 2)[0]
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var came atomic.Int32
	var through sync.WaitGroup
	through.Go(func() {
		for {
			in, err := door.Accept()
			if err != nil {
				return // it is closed
			}
			came.Add(1)
			out, err := net.Dial("tcp", at)
			if err != nil {
				t.Error(err)
				return
			}
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				through.Go(func() {
					_, _ = io.Copy(way[0], way[1]) // it ends with either
					_, _ = way[0].Close(), way[1].Close()
				})
			}
		}
	})
	defer func() { door.Close(); through.Wait() }()
	w.on(strings.Replace(url, at, door.Addr().String(), 1))
	for _, c := range []string{"products tencent", "changes", "storefronts --json", "scans", "mail outbox", "mail preview " + filepath.Join(w.dir, "preview.eml"), "check", "apply " + filepath.Join(w.dir, "shopwatch.yaml")} {
		came.Store(0)
		w.want(0, strings.Fields(c)...)
		if n := came.Load(); n != 1 {
			t.Errorf("%s connected %d times", c, n)
		}
	}
}

// --only is for a database that several processes use.
func TestOnlyWebNeedsAServer(t *testing.T) {
	w := newWorld(t)
	_, errs, status := w.do("run", "--only", "web")
	if status != 1 || !strings.Contains(errs, "set database to postgres://") {
		t.Errorf("run --only web on a file = %d, %s", status, errs)
	}
}

// A database is moved to a server and back, with everything, and goes on there as
// if nothing had been.
func TestMove(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	url := cluster.NetworkURL(cluster.Database(t), pgtest.Password)
	w := newWorld(t)
	w.want(0, "scan")
	w.shop.Take("45100000002", fixtures.Gone)
	w.shop.Put(fixtures.Product{ID: "45100000004", Title: "亲子蓝牙音箱", Price: "129.00"})
	w.want(0, "scan")
	file := filepath.Join(w.dir, "data", "shopwatch.db")
	commands := []string{"changes --json", "products tencent --json", "scans --json", "storefronts --json", "why 2", "mail outbox --json"}
	inFolder := regexp.MustCompile(regexp.QuoteMeta(filepath.Join(w.dir, "data", "evidence")) + "/../")
	print := func() (all []string) {
		for _, c := range commands {
			// A server has no folder of evidence to name.
			all = append(all, inFolder.ReplaceAllString(w.want(0, strings.Fields(c)...), ""))
		}
		return all
	}
	before := print()

	out := w.want(0, "move", file, url)
	if !strings.Contains(out, "moved 1 storefront with 4 products, 2 scans, 2 changes, 1 report") || !strings.Contains(out, "compared, and the same") || strings.Contains(out, "stayed behind") {
		t.Errorf("move prints\n%s", out)
	}
	_, errs, status := w.do("move", file, url)
	if status != 1 || !strings.Contains(errs, "is not empty") {
		t.Errorf("a second move = %d, %s", status, errs)
	}
	if err := os.RemoveAll(filepath.Join(w.dir, "data")); err != nil {
		t.Fatal(err)
	}
	w.on(url)
	for i, after := range print() {
		if after != before[i] {
			t.Errorf("%s prints\n%s\nbefore\n%s", commands[i], after, before[i])
		}
	}
	if out := w.want(0, "scan", "--json"); !strings.Contains(out, `"changes":[]`) {
		t.Errorf("a scan on the server:\n%s", out)
	}
	before = print()

	stop := w.daemon()
	until(t, "the daemon works", func() bool { return strings.Contains(w.want(0, "check"), "it waits for work") })
	_, errs, status = w.do("move", url, file)
	if status != 1 || !strings.Contains(errs, "in use by shopwatch on") {
		t.Errorf("a move beside a daemon = %d, %s", status, errs)
	}
	stop()
	if out := w.want(0, "move", url, file); !strings.Contains(out, "compared, and the same") || strings.Contains(out, "stayed behind") {
		t.Errorf("move back prints\n%s", out)
	}
	_, errs, status = w.do("move", url, file)
	if status != 1 || !strings.Contains(errs, file) {
		t.Errorf("a move onto a file that is there = %d, %s", status, errs)
	}
	if err := cluster.Stop(2); err != nil {
		t.Fatal(err)
	}
	w.configure(nil)
	for i, after := range print() {
		if after != before[i] {
			t.Errorf("back in a file %s prints\n%s\nbefore\n%s", commands[i], after, before[i])
		}
	}
	if out := w.want(0, "check"); !strings.Contains(out, "all there") {
		t.Errorf("check prints\n%s", out)
	}
	if err := cluster.Run(); err != nil { // for the cleanup
		t.Fatal(err)
	}
}

// A machine that is killed is known to be gone when its lease has ended, and the
// others do all of the work.
func TestMachineThatIsKilled(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	url := cluster.URL(cluster.Database(t))
	base := newWorld(t)
	alpha, beta := base.machine("alpha", url, false), base.machine("beta", url, false)
	killed := alpha.process("run")
	defer func() { _ = killed.Process.Kill() }()
	stop := beta.daemon()
	until(t, "both work", func() bool { return strings.Join(alive(beta.fleet()), " ") == "alpha beta" })
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // it was killed
	began := time.Now()
	until(t, "one is known to be gone", func() bool { return strings.Join(alive(beta.fleet()), " ") == "beta" })
	t.Logf("known after %v", time.Since(began).Round(time.Millisecond))
	if out, _, status := beta.do("check"); status != 1 || !strings.Contains(out, "alpha was last heard of") {
		t.Errorf("check = %d:\n%s", status, out)
	}
	if out := beta.want(0, "scan", "--json"); !strings.Contains(out, `"verdict":"complete"`) {
		t.Errorf("scan beside one that was killed:\n%s", out)
	}
	if status, log := stop(); status != 0 || strings.Contains(log, "ERROR") {
		t.Errorf("the other one ended with %d: %s", status, log)
	}
}

// A database that is away is said in a line by every command, and a daemon goes
// on when it is back.
func TestDatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	name := cluster.Database(t)
	w := newWorld(t).on(cluster.URL(name))
	w.want(0, "scan")
	if err := cluster.Stop(2); err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"scan", "products tencent", "changes", "mail retry"} {
		out, errs, status := w.do(strings.Fields(c)...)
		if status != 1 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "cannot be reached") || !strings.Contains(errs, "start it") {
			t.Errorf("%s = %d, %s%s", c, status, out, errs)
		}
	}
	if out, _, status := w.do("check"); status != 1 || !strings.Contains(out, "FIX   database") {
		t.Errorf("check = %d\n%s", status, out)
	}
	// A daemon that begins waits for it.
	waiting := log{said: make(chan bool)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"-c", filepath.Join(w.dir, "shopwatch.yaml"), "run"}, &waiting, &waiting)
	}()
	until(t, "the daemon waits", func() bool { return strings.Contains(waiting.String(), "standing by") })
	if err := cluster.Run(); err != nil {
		t.Fatal(err)
	}
	deadline.Receive(t, "the daemon starts", waiting.said)
	cancel()
	if status := deadline.Receive(t, "the daemon ends", ended); status != 0 {
		t.Errorf("the daemon that waited ended with %d: %s", status, waiting.String())
	}
	stop := w.daemon()
	if err := cluster.Stop(3); err != nil {
		t.Fatal(err)
	}
	back := make(chan error)
	go func() {
		time.Sleep(2 * time.Second) // the scan below begins meanwhile
		back <- cluster.Run()
	}()
	w.shop.Put(fixtures.Product{ID: "45100000004", Title: "亲子蓝牙音箱", Price: "129.00"})
	out := w.want(0, "scan", "--json")
	if err := <-back; err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, `"added"`) {
		t.Errorf("a scan while the database was away:\n%s", out)
	}
	if status, log := stop(); status != 0 {
		t.Errorf("the daemon ended with %d: %s", status, log)
	}
}
