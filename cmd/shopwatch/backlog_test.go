package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"go.etcd.io/bbolt"

	"shopwatch/fixtures/deadline"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// A mute server takes connections and never says a word.
type mute struct {
	net.Listener
	taken chan struct{} // of capacity 1: somebody connected
	conns sync.WaitGroup
}

func newMute(t *testing.T) *mute {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mute{Listener: l, taken: make(chan struct{}, 1)}
	t.Cleanup(func() {
		l.Close()
		m.conns.Wait()
	})
	m.conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			select {
			case m.taken <- struct{}{}:
			default:
			}
			m.conns.Go(func() {
				defer c.Close()
				_, _ = io.Copy(io.Discard, c) // until the client gives up
			})
		}
	})
	return m
}

// wait returns when somebody has connected since the last call.
func (m *mute) wait(t *testing.T, within time.Duration) {
	t.Helper()
	select {
	case <-m.taken:
	case <-time.After(within):
		t.Fatalf("no delivery is tried within %s", within)
	}
}

// backlogOf makes a database in which so many scans brought a change each.
func backlogOf(t *testing.T, path string, scans int, channels ...string) {
	t.Helper()
	// 10,000 commits take long where a disk is waited for.
	dir, err := os.MkdirTemp("/dev/shm", "shopwatch")
	if err != nil {
		dir = t.TempDir()
	}
	defer os.RemoveAll(dir)
	fast := filepath.Join(dir, "shopwatch.db")
	db, err := bolt.Open(fast, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range channels {
		if err := db.Join(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Now().Add(-time.Duration(scans+2) * time.Minute).Truncate(time.Millisecond)
	for i := range scans + 1 {
		p := tracker.Product{
			ID: "45100000001", Title: "糖大夫 血糖仪", URL: "https://detail.tmall.com/item.htm?id=45100000001",
			Price: tracker.Price{Kind: tracker.PriceExact, Low: int64(20_000 + i), Currency: "CNY"},
		}
		_, err := db.Commit(t.Context(), &tracker.Scan{
			Storefront: "tencent", Began: at.Add(time.Duration(i) * time.Minute), Took: time.Second, Verdict: tracker.Complete,
			Products: []tracker.Product{p}, Evidence: tracker.Evidence{Layout: "classic", Parser: 1, Pages: 1, Products: 1},
		}, tracker.DefaultRules())
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(fast)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// written is how many transactions have written to a database that nobody has
// open.
func written(t *testing.T, path string) int {
	t.Helper()
	b, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	n := 0
	if err := b.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// Behind three channels whose servers do not answer 10,000 changes wait. The
// daemon is not busy with them, answers, and ends when it is told to; so does
// mail retry without a daemon.
func TestTenThousandChangesWait(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	const changes, answersWithin, endsWithin = 10_000, 5 * time.Second, 10 * time.Second
	w := &world{t: t, dir: t.TempDir()}
	servers := map[string]*mute{"mail": newMute(t), "hook": newMute(t), "chat": newMute(t)}
	address := func(name string) string { return servers[name].Addr().String() }
	text, err := yaml.Marshal(map[string]any{
		"listen":      "127.0.0.1:0",
		"browser":     map[string]any{"flags": map[string]any{"no-sandbox": true}},
		"storefronts": []any{map[string]any{"name": "tencent", "url": "https://tencent.tmall.com/"}},
		"channels": []any{
			map[string]any{"name": "mail", "kind": "email", "server": "smtp://" + address("mail"), "plaintext": true, "from": "s@example.com", "to": []string{"a@example.com"}},
			map[string]any{"name": "hook", "kind": "webhook", "url": "http://" + address("hook") + "/"},
			map[string]any{"name": "chat", "kind": "ntfy", "url": "ntfy://" + address("chat") + "/topic?disabletls=yes"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "shopwatch.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, "data", "shopwatch.db")
	backlogOf(t, path, changes, "mail", "hook", "chat")
	before := written(t, path)

	daemon := w.process("run")
	defer daemon.Process.Kill()
	for _, s := range servers {
		s.wait(t, time.Minute)
	}
	began := time.Now()
	out, errs, status := w.do("mail", "retry")
	if took := time.Since(began); status != 0 || out != "30000 deliveries tried again\n" || took > answersWithin {
		t.Errorf("mail retry = %d %q %q after %s, want an answer about 30,000 deliveries within %s", status, out, errs, took, answersWithin)
	}
	began = time.Now()
	if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err = deadline.Wait(t, daemon)
	if took := time.Since(began); err != nil || took > endsWithin {
		t.Errorf("after SIGTERM the daemon ended after %s: %v; want it well within %s", took, err, endsWithin)
	}
	if cpu := daemon.ProcessState.UserTime() + daemon.ProcessState.SystemTime(); cpu > 10*time.Second {
		t.Errorf("the daemon worked for %s", cpu)
	}
	// 30 for the reports, 15 for the retry, a few for deliveries and housekeeping.
	if got := written(t, path) - before; got > 100 {
		t.Errorf("the daemon wrote %d times to its database, want 100 times at most", got)
	}

	cmd := exec.Command(os.Args[0], "-c", filepath.Join(w.dir, "shopwatch.yaml"), "mail", "retry")
	cmd.Env = append(os.Environ(), "SHOPWATCH_TEST_RUN=1")
	var said bytes.Buffer
	cmd.Stderr = &said
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	defer time.AfterFunc(deadline.Most, func() { _ = cmd.Process.Kill() }).Stop()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if took := time.Since(began); err != nil || line != "30000 deliveries tried again\n" || took > answersWithin {
		t.Errorf("mail retry without a daemon: %q, %v after %s, want an answer within %s", line, err, took, answersWithin)
	}
	for _, s := range servers {
		s.wait(t, time.Minute)
	}
	began = time.Now()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = deadline.Wait(t, cmd) // its status is looked at
	if took := time.Since(began); took > endsWithin || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(said.String(), "interrupted; what was not sent waits") {
		t.Errorf("after Ctrl-C it ended after %s with %d: %s; want 1 within %s, and what becomes of the rest", took, cmd.ProcessState.ExitCode(), said.String(), endsWithin)
	}

	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	told := map[string]int{}
	reports, err := db.Reports(t.Context(), storage.ReportQuery{Limit: 10 * changes})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if len(r.Changes) != 1 || len(r.Deliveries) != 1 || r.Deliveries[0].State != tracker.Waiting {
			t.Fatalf("report %+v, want one change and a delivery that waits", r)
		}
		told[fmt.Sprint(r.Channel, r.Changes[0])]++
	}
	if len(reports) != 3*changes || len(told) != 3*changes {
		t.Errorf("%d reports of %d changes to channels, want %d of as many", len(reports), len(told), 3*changes)
	}
}
