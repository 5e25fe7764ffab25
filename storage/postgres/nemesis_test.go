//go:build unix

package postgres_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures/pgtest"
	"shopwatch/storage"
	"shopwatch/storage/postgres"
	"shopwatch/storage/storetest"
	"shopwatch/tracker"
)

// A worker of the nemesis run is this program with the address of its database
// in the environment.
const workerAt = "SHOPWATCH_TEST_WORKER"

const (
	shops      = 4
	shortLease = 600 * time.Millisecond
)

// work does what a daemon does, as fast as it can, while it has the lease: of
// each storefront it scans the next hour, in which one price changes, and reports
// what it scanned. It ends when it is killed.
func work(at string) error {
	for {
		db, err := postgres.Open(ctx, at, postgres.Options{Patience: time.Second, Lease: shortLease})
		if err != nil {
			time.Sleep(20 * time.Millisecond) // the server may be down
			continue
		}
		if l, err := db.Wait(ctx, "daemon", fmt.Sprint("process ", os.Getpid()), func(error) {}); err == nil {
			db.Fence(l)
			_ = workWith(db, l) // whatever it is, another worker or the next turn goes on
			_ = l.Release(ctx)
		}
		if err := db.Close(); err != nil {
			return err
		}
	}
}

func workWith(db *postgres.DB, l *postgres.Lease) error {
	if err := db.Join(ctx, "analysts"); err != nil {
		return err
	}
	for n := 0; ; n = (n + 1) % shops {
		select {
		case <-l.Ended():
			return nil
		default:
		}
		name := tracker.StorefrontName(fmt.Sprint("shop", n))
		st, err := db.State(ctx, name)
		if err != nil {
			return err
		}
		began := storetest.Day
		if !st.LastScan.IsZero() {
			began = st.LastScan.Add(time.Hour)
		}
		hour := int64(began.Sub(storetest.Day) / time.Hour)
		list := storetest.Products(12)
		list[0].Price.Low = 10_000 + hour%2
		if _, err := db.Commit(ctx, storetest.Complete(name, began, list...), storetest.Rules); err != nil {
			return err
		}
		_, err = storage.NextReports(ctx, db, "analysts", []string{"a@example.com"}, began, 0, func(pending []tracker.Change) []storage.Portion {
			return []storage.Portion{{Take: len(pending), Tell: storetest.Numbers(pending)}}
		})
		if err != nil {
			return err
		}
	}
}

// TestNemesis lets workers take turns on one database while they are killed,
// frozen for longer than their lease and cut off, and the server crashes.
func TestNemesis(t *testing.T) {
	if cluster == nil {
		t.Skip(pgtest.ErrNotInstalled)
	}
	kills, freezes, crashes, partitions := 12, 5, 2, 3
	if testing.Short() {
		kills, freezes, crashes, partitions = 4, 2, 1, 1
	}
	events, r := pgtest.Nemesis(t, pgtest.Event{Name: "kill", Times: kills}, pgtest.Event{Name: "freeze", Times: freezes},
		pgtest.Event{Name: "crash", Times: crashes}, pgtest.Event{Name: "partition", Times: partitions})

	own, err := pgtest.Start()
	must(t, err)
	defer func() { must(t, own.Close()) }()
	must(t, own.Exec(ctx, "postgres", "create database fleet owner "+pgtest.User))
	server, err := url.Parse(own.NetworkURL("fleet", pgtest.Password))
	must(t, err)
	self, err := os.Executable()
	must(t, err)

	type worker struct {
		link *pgtest.Link
		cmd  *exec.Cmd
	}
	workers := make([]*worker, 4)
	start := func(w *worker) {
		at := *server
		at.Host = w.link.Addr()
		w.cmd = exec.Command(self)
		w.cmd.Env = append(os.Environ(), workerAt+"="+at.String())
		w.cmd.Stderr = os.Stderr
		must(t, w.cmd.Start())
	}
	end := func(w *worker) {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait() // it was killed
	}
	for i := range workers {
		workers[i] = &worker{link: pgtest.NewLink(t, "tcp", server.Host)}
		start(workers[i])
	}
	defer func() {
		for _, w := range workers {
			end(w)
		}
	}()
	db, err := postgres.Open(ctx, server.String(), postgres.Options{Patience: time.Minute})
	must(t, err)
	defer db.Close()
	scans := func() (n int) {
		all, err := db.Storefronts(ctx)
		must(t, err)
		for _, sf := range all {
			n += int(sf.LastScan.Sub(storetest.Day)/time.Hour) + 1
		}
		return n
	}
	// progress waits until somebody works, which is what an event disturbs, and
	// returns how long that took.
	progress := func() time.Duration {
		began, before := time.Now(), scans()
		for scans() == before {
			time.Sleep(5 * time.Millisecond)
			if time.Since(began) > time.Minute {
				t.Fatal("nobody has worked for a minute")
			}
		}
		return time.Since(began)
	}
	progress()
	slowest := make(map[string]time.Duration)
	began := time.Now()
	for _, event := range events {
		w := workers[r.IntN(len(workers))]
		if holder := holding(t, db); r.IntN(4) > 0 {
			for _, other := range workers { // mostly the one that works
				if holder == fmt.Sprint("process ", other.cmd.Process.Pid) {
					w = other
				}
			}
		}
		time.Sleep(time.Duration(r.Int64N(int64(30 * time.Millisecond))))
		switch event {
		case "kill":
			end(w)
			start(w)
		case "freeze":
			must(t, w.cmd.Process.Signal(syscall.SIGSTOP))
			slowest[event] = max(slowest[event], progress())
			time.Sleep(time.Duration(r.Int64N(int64(2 * shortLease))))
			must(t, w.cmd.Process.Signal(syscall.SIGCONT))
		case "partition":
			must(t, w.link.Cut())
			slowest[event] = max(slowest[event], progress())
			time.Sleep(time.Duration(r.Int64N(int64(2 * shortLease))))
			must(t, w.link.Mend())
		case "crash":
			must(t, own.Stop(syscall.SIGQUIT))
			time.Sleep(time.Duration(r.Int64N(int64(shortLease))))
			must(t, own.Run())
		}
		slowest[event] = max(slowest[event], progress())
	}
	t.Logf("%d events in %v; longest until somebody worked again, with a lease of %v: %v",
		len(events), time.Since(began).Round(time.Second), shortLease, slowest)
	for _, w := range workers {
		end(w)
	}
	account(t, db)
}

// holding is who has the lease.
func holding(t testing.TB, db *postgres.DB) string {
	t.Helper()
	l, err := db.Acquire(ctx, "daemon", "nobody")
	if err == nil {
		must(t, l.Release(ctx))
		return ""
	}
	if !errors.Is(err, postgres.ErrHeld) {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(err.Error(), " by ")
	who, _, _ := strings.Cut(after, ",")
	return who
}

// account checks what came of it, apart from the system: every hour of every
// storefront was scanned once, every change stands once in the log, and in one
// report.
func account(t testing.TB, db *postgres.DB) {
	t.Helper()
	scans, err := db.Scans(ctx, storage.ScanQuery{Limit: 1 << 30})
	must(t, err)
	hours := make(map[tracker.StorefrontName]map[int64]bool)
	for _, s := range scans {
		hour, rest := int64(s.Began.Sub(storetest.Day)/time.Hour), s.Began.Sub(storetest.Day)%time.Hour
		if hours[s.Storefront] == nil {
			hours[s.Storefront] = make(map[int64]bool)
		}
		if rest != 0 || hours[s.Storefront][hour] {
			t.Errorf("hour %d of %s was scanned twice", hour, s.Storefront)
		}
		hours[s.Storefront][hour] = true
		if want := min(hour, 1); int64(s.Changes) != want {
			t.Errorf("hour %d of %s has %d changes, want %d", hour, s.Storefront, s.Changes, want)
		}
	}
	for name, has := range hours {
		for hour := range int64(len(has)) {
			if !has[hour] {
				t.Errorf("hour %d of %s was not scanned", hour, name)
			}
		}
	}
	log, err := db.Changes(ctx, storage.Query{Limit: 1 << 30})
	must(t, err)
	if want := len(scans) - len(hours); len(log) != want {
		t.Errorf("%d changes, want %d: one of each scan but the first", len(log), want)
	}
	told := make(map[uint64]int)
	last := uint64(0)
	for r, err := range storage.AllReports(ctx, db, storage.ReportQuery{Limit: 1000}) {
		must(t, err)
		for _, seq := range r.Changes {
			told[seq]++
			last = max(last, seq)
		}
	}
	for i, c := range log {
		if c.Seq != uint64(i+1) {
			t.Fatalf("change %d follows %d", c.Seq, i)
		}
		if want := 1; told[c.Seq] != want && !(c.Seq > last && told[c.Seq] == 0) { // the last ones were not reported yet
			t.Errorf("change %d is in %d reports, want %d", c.Seq, told[c.Seq], want)
		}
	}
	t.Logf("%d scans, %d changes, %d told: 0 lost, 0 committed twice, 0 told twice unless an error stands above", len(scans), len(log), len(told))
}
