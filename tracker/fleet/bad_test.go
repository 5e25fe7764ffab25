//go:build unix

package fleet_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/fixtures/deadline"
	"shopwatch/fixtures/pgtest"
	"shopwatch/tracker"
	"shopwatch/tracker/fleet"
	"shopwatch/tracker/watch"
)

// Workers whose clocks are wrong scan at the times of the database's clock, also what
// waited for another scan and what is tried again.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			name := cluster.Skewed(t, by)
			p := append(plans(time.Second, "a", "b"), plans(time.Hour, "broken")...)
			for _, w := range []string{"alpha", "beta"} {
				o := options(open(t, cluster.URL(name)), w, p)
				o.Egress, o.Backoff = "office", time.Millisecond
				scan := o.Scan
				o.Scan = func(ctx context.Context, sf tracker.Storefront, g func(tracker.Progress)) *tracker.Scan {
					if sf.Name == "broken" {
						return failed(tracker.Failed)
					}
					rest(ctx, 200*time.Millisecond) // so that the other worker finds the lease taken
					return scan(ctx, sf, g)
				}
				begin(t, o)
			}
			db := open(t, cluster.URL(name))
			until(t, "four scans of each and a retry", func() bool {
				return len(scans(t, db, "a")) > 3 && len(scans(t, db, "b")) > 3 && len(scans(t, db, "broken")) > 1
			})
			if n := count(t, db, "select count(*) from slots where slot > clock_timestamp()"); n != 0 {
				t.Errorf("%d slots lie in the future", n)
			}
			if n := count(t, db, "select count(*) from slots s join slots n on n.storefront = s.storefront and n.slot > s.slot and n.slot < s.slot + interval '1 second' where s.kind = 'schedule' and n.kind = 'schedule'"); n != 0 {
				t.Errorf("%d slots lie closer together than the schedule", n)
			}
			if n := count(t, db, "select count(*) from scans where began not between clock_timestamp() - interval '2 minutes' and clock_timestamp()"); n != 0 {
				t.Errorf("%d scans began at another time than the database's", n)
			}
			for _, w := range state(t, db).Workers {
				if off := w.Ahead - by; off.Abs() > 10*time.Second {
					t.Errorf("the worker %s is said to be off by %v, want %v", w.Name, w.Ahead, by)
				}
			}
		})
	}
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// What is in the way of tidying is said.
func TestTidyInTrouble(t *testing.T) {
	t.Parallel()
	db := open(t, cluster.URL(cluster.Database(t)))
	o, log := options(db, "w", plans(0, "a")), &says{}
	o.Tidy = func(context.Context) error { return errors.New("the bucket is away") }
	beginWith(t, o, log)
	until(t, "the log tells", func() bool { return log.has("the bucket is away") })
}

// A worker that has no room takes no scan and says so; another one makes it.
func TestWorkerInTrouble(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	full := options(open(t, cluster.URL(name)), "full", plans(0, "a"))
	full.Trouble = func() error { return errors.New("only 1 MiB left") }
	full.Scan = func(context.Context, tracker.Storefront, func(tracker.Progress)) *tracker.Scan {
		t.Error("a worker in trouble scans")
		return failed(tracker.Failed)
	}
	begin(t, full)
	db := open(t, cluster.URL(name))
	until(t, "the worker says so", func() bool { w := state(t, db).Workers; return len(w) == 1 && w[0].Trouble == "only 1 MiB left" })
	asker, err := fleet.New(options(db, "asker", plans(0, "a")), discard)
	must(t, err)
	said := make(chan string, 100)
	var asking sync.WaitGroup
	var scan *tracker.Scan
	asking.Go(func() {
		scan, _, err = asker.Scan(deadline.Context(t), "a", watch.Request{Progress: func(g tracker.Progress) { said <- g.Note }})
	})
	if note := deadline.Receive(t, "a note", said); note != "the worker full cannot scan: only 1 MiB left" {
		t.Errorf("who asks is told %q", note)
	}
	begin(t, options(open(t, cluster.URL(name)), "roomy", plans(0, "a")))
	asking.Wait()
	if err != nil || scan.Verdict != tracker.Complete {
		t.Errorf("Scan = %+v, %v", scan, err)
	}
}

// Workers share the work through a pooler that gives every transaction another
// connection.
func TestThroughPooler(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	url, err := cluster.Pooler(t, name)
	if errors.Is(err, pgtest.ErrNoPooler) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	must(t, err)
	p := plans(time.Second, "a", "b", "c")
	var stop func()
	for _, w := range []string{"alpha", "beta"} {
		o := options(open(t, url), w, p)
		o.Channels = []string{"analysts"}
		_, stop = begin(t, o)
	}
	db := open(t, url)
	until(t, "three scans of each", func() bool {
		return len(scans(t, db, "a")) > 2 && len(scans(t, db, "b")) > 2 && len(scans(t, db, "c")) > 2
	})
	asker, err := fleet.New(options(db, "gamma", p), discard)
	must(t, err)
	if scan, _, err := asker.Scan(deadline.Context(t), "a", watch.Request{}); err != nil || scan.Verdict != tracker.Complete {
		t.Errorf("Scan = %+v, %v", scan, err)
	}
	stop()
	before := len(scans(t, db, "b"))
	until(t, "the other worker goes on", func() bool { return len(scans(t, db, "b")) > before+1 })
	lostNothing(t, db)
}

// A worker whose lease is lost just when it keeps a scan ends what it was at, begins
// anew and makes the scan again.
func TestLeaseLostWhileCommitting(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	db := open(t, cluster.URL(name))
	o := options(db, "alpha", plans(time.Hour, "a"))
	commit := o.Commit
	var once sync.Once
	o.Commit = func(ctx context.Context, s *tracker.Scan, first func(context.Context, pgx.Tx) error) ([]tracker.Change, error) {
		once.Do(func() {
			must(t, cluster.Exec(ctx, name, "update leases set until = '-infinity', epoch = epoch + 1 where key = 'worker/alpha'"))
		})
		return commit(ctx, s, first)
	}
	log := &says{}
	beginWith(t, o, log)
	until(t, "the scan is made again", func() bool { return len(scans(t, db, "a")) == 1 })
	if !log.has("scan not kept") || log.has("jobs did not end in time") {
		t.Errorf("the log:\n%s", log.text.String())
	}
}

// says is a log in which a line can be awaited.
type says struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *says) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *says) has(line string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), line)
}

// A database that only lets read is waited for, with a line that says so. What was
// due meanwhile is scanned once it may be.
func TestReadOnlyWhileAtWork(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	log := &says{}
	for _, w := range []string{"alpha", "beta"} {
		beginWith(t, options(open(t, cluster.URL(name)), w, plans(time.Second, "a", "b")), log)
	}
	db := open(t, cluster.URL(name))
	until(t, "a scan", func() bool { return len(scans(t, db, "a")) > 0 })
	must(t, cluster.Exec(t.Context(), "postgres", "alter database "+name+" set default_transaction_read_only = on; select pg_terminate_backend(pid) from pg_stat_activity where datname = '"+name+"'"))
	until(t, "a line", func() bool { return log.has("standing by") && log.has("only lets read") })
	db = open(t, cluster.URL(name)) // which has lost no connection
	before := len(scans(t, db, "a"))
	must(t, cluster.Exec(t.Context(), "postgres", "alter database "+name+" reset default_transaction_read_only"))
	until(t, "three more scans", func() bool { return len(scans(t, db, "a")) > before+2 })
	lostNothing(t, db)
}

// A scan that does not fit into the database is made again, after some time, and a
// line says so.
func TestFullDatabaseWhileAtWork(t *testing.T) {
	t.Parallel()
	name := cluster.Database(t)
	log := &says{}
	o := options(open(t, cluster.URL(name)), "alpha", plans(24*time.Hour, "a"))
	o.Backoff = time.Hour
	// What the server says when its disk is full.
	must(t, cluster.Exec(t.Context(), name, `create function fail() returns trigger language plpgsql as
		$$ begin raise exception using errcode = '53100', message = 'could not extend file'; end $$;
		create trigger fail before insert on scans execute function fail()`))
	beginWith(t, o, log)
	until(t, "a line", func() bool { return log.has("no disk space left; nothing was written: free some") })
	db := open(t, cluster.URL(name))
	until(t, "it waits for another time", func() bool {
		return count(t, db, "select count(*) from river_job where kind = 'scan' and scheduled_at > clock_timestamp() + interval '50 minutes'") == 1
	})
	if n := count(t, db, "select count(*) from slots where done is null and worker is null"); n != 1 {
		t.Errorf("%d slots wait, want 1", n)
	}
	must(t, cluster.Exec(t.Context(), name, "drop trigger fail on scans; update river_job set scheduled_at = clock_timestamp() where kind = 'scan'"))
	until(t, "a scan is kept", func() bool { return len(scans(t, db, "a")) == 1 })
	lostNothing(t, db)
}

// lostNothing checks that each slot has its scan or a reason.
func lostNothing(t testing.TB, db database) {
	t.Helper()
	if n := count(t, db, "select abs((select count(*) from slots where scan is not null) - (select count(*) from scans))"); n != 0 {
		t.Errorf("%d slots were done that have no scan, or the other way round", n)
	}
	if n := count(t, db, "select count(*) from slots where done is not null and scan is null and reason is null"); n != 0 {
		t.Errorf("%d slots were done with neither a scan nor a reason", n)
	}
}
