//go:build unix

package fleet_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures/pgtest"
	"shopwatch/storage"
	"shopwatch/storage/postgres"
	"shopwatch/tracker"
	"shopwatch/tracker/fleet"
	"shopwatch/tracker/watch"
)

// A worker of the nemesis run is this program with its name and the address of its
// database in the environment.
const workerAt = "SHOPWATCH_TEST_WORKER"

// nemesisPace is between two pages of all workers, which are behind one address.
const nemesisPace = 20 * time.Millisecond

// worker is a daemon with scripted scans: of four storefronts each second, of three
// pages, each of which it writes down in the database. It reports what it scanned.
func worker(at string) int {
	name, url, _ := strings.Cut(at, " ")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var db *postgres.DB
	for db == nil {
		var err error
		if db, err = postgres.Open(ctx, url, postgres.Options{Lease: shortTime, Patience: 5 * time.Second}); err != nil {
			time.Sleep(20 * time.Millisecond) // the server may be down
		}
	}
	o := options(database{db}, name, nemesisPlans())
	o.Egress, o.Channels, o.Pace = "office", []string{"analysts"}, func() time.Duration { return nemesisPace }
	var f *fleet.Fleet
	o.Scan = func(ctx context.Context, sf tracker.Storefront, _ func(tracker.Progress)) *tracker.Scan {
		for range 3 {
			if err := f.Pace(ctx, "mall"); err != nil {
				return failed(tracker.Failed)
			}
			// The mall's own log: one clock for all, that of the machine.
			if _, err := db.Pool().Exec(ctx, "insert into loads (at) values ($1)", time.Now()); err != nil {
				return failed(tracker.Failed)
			}
		}
		s := complete(12)
		s.Products[0].Price.Low += time.Now().UnixNano() / 1e6 % 1000
		s.Products[0].Price.High = s.Products[0].Price.Low
		return s
	}
	o.Deliver = func(ctx context.Context, channel string) (time.Time, error) {
		if err := db.Join(ctx, channel); err != nil {
			return time.Time{}, err
		}
		_, err := storage.NextReports(ctx, db, channel, []string{"a@example.com"}, time.Now(), 0, func(pending []tracker.Change) []storage.Portion {
			var tell []uint64
			for _, c := range pending {
				tell = append(tell, c.Seq)
			}
			return []storage.Portion{{Take: len(pending), Tell: tell}}
		})
		return time.Time{}, err
	}
	var err error
	if f, err = fleet.New(o, slog.New(slog.DiscardHandler)); err != nil {
		return 1
	}
	if f.Run(ctx) != nil || db.Close() != nil {
		return 1
	}
	return 0
}

func nemesisPlans() []watch.Plan { return plans(time.Second, "a", "b", "c", "d") }

// TestNemesis kills workers, freezes them for longer than their lease, and crashes the
// server.
func TestNemesis(t *testing.T) {
	if cluster == nil {
		t.Skip(pgtest.ErrNotInstalled)
	}
	events, r := pgtest.Nemesis(t, pgtest.Event{Name: "kill", Times: 5}, pgtest.Event{Name: "freeze", Times: 2}, pgtest.Event{Name: "crash", Times: 1})
	own, err := pgtest.Start()
	must(t, err)
	defer func() { must(t, own.Close()) }()
	must(t, own.Exec(t.Context(), "postgres", "create database fleet owner "+pgtest.User))
	url := own.URL("fleet")
	opened, err := postgres.Open(t.Context(), url, postgres.Options{Lease: shortTime, Patience: time.Minute})
	must(t, err)
	defer opened.Close()
	db := database{opened}
	must(t, own.Exec(t.Context(), "fleet", "create table loads (at timestamptz); grant all on loads to public"))
	self, err := os.Executable()
	must(t, err)
	workers := make([]*exec.Cmd, 4)
	start := func(i int) {
		workers[i] = exec.Command(self)
		workers[i].Env = append(os.Environ(), workerAt+"="+fmt.Sprint("worker", i, " ", url))
		workers[i].Stderr = os.Stderr
		must(t, workers[i].Start())
	}
	end := func(i int) {
		_ = workers[i].Process.Kill()
		_ = workers[i].Wait() // it was killed
	}
	for i := range workers {
		start(i)
		defer func() { end(i) }()
	}
	kept := func() int { return count(t, db, "select count(*) from scans") }
	progress := func() time.Duration {
		began, before := time.Now(), kept()
		until(t, "a scan is kept", func() bool { return kept() > before })
		return time.Since(began)
	}
	progress()
	slowest := make(map[string]time.Duration)
	for _, event := range events {
		i := r.IntN(len(workers))
		time.Sleep(time.Duration(r.Int64N(int64(100 * time.Millisecond))))
		switch event {
		case "kill":
			end(i)
			start(i)
		case "freeze":
			must(t, workers[i].Process.Signal(syscall.SIGSTOP))
			time.Sleep(shortTime + time.Duration(r.Int64N(int64(shortTime))))
			must(t, workers[i].Process.Signal(syscall.SIGCONT))
		case "crash":
			must(t, own.Stop(syscall.SIGQUIT))
			must(t, own.Run())
		}
		slowest[event] = max(slowest[event], progress())
	}
	progress()
	for i := range workers {
		must(t, workers[i].Process.Signal(syscall.SIGTERM))
	}
	for i := range workers {
		_ = workers[i].Wait() // told to end
	}
	t.Logf("longest until a scan was kept, with a lease of %v: %v", shortTime, slowest)
	nemesisAccount(t, db)
}

// nemesisAccount checks what came of it, apart from the system.
func nemesisAccount(t *testing.T, db database) {
	t.Helper()
	for what, sql := range map[string]string{
		"slots that were kept without a scan, or scans without a slot": `select abs((select count(*) from slots where scan is not null) - (select count(*) from scans))`,
		"slots that are neither done for a reason nor with a scan":     `select count(*) from slots where done is not null and scan is null and reason is null`,
		"slots with two scans":          `select count(*) from (select 1 from slots where scan is not null group by storefront, scan having count(*) > 1) x`,
		"slots that are lost":           `select count(*) from slots where done is null and slot < (select max(slot) from slots) - interval '1 minute'`,
		"pages under the pace":          fmt.Sprintf(`select count(*) from (select at - lag(at) over (order by at) as gap from loads) x where gap < interval '%d microseconds'`, nemesisPace.Microseconds()),
		"changes told twice":            `select count(*) from (select seq from told group by seq having count(*) > 1) x`,
		"gaps in the log":               `select coalesce(max(seq), 0) - count(*) from changes`,
		"changes that were passed over": `select count(*) from changes c where seq <= (select told from channels) and not exists (select from told where seq = c.seq)`,
	} {
		if n := count(t, db, sql); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	t.Logf("%d slots, %d with a scan; %d changes, %d told; %d pages", count(t, db, "select count(*) from slots"), count(t, db, "select count(*) from slots where scan is not null"),
		count(t, db, "select count(*) from changes"), count(t, db, "select count(*) from told"), count(t, db, "select count(*) from loads"))
}
