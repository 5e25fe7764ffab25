//go:build unix

package fleet_test

import (
	"strings"
	"sync"
	"testing"
	"time"
)

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
	name := cluster.Database(t)
	log := &says{}
	for _, w := range []string{"alpha", "beta"} {
		beginWith(t, options(open(t, cluster.URL(name)), w, plans(time.Second, "a", "b")), log)
	}
	db := open(t, cluster.URL(name))
	until(t, "a scan", func() bool { return len(scans(t, db, "a")) > 0 })
	must(t, cluster.Exec(t.Context(), "postgres", "alter database "+name+" set default_transaction_read_only = on; select pg_terminate_backend(pid) from pg_stat_activity where datname = '"+name+"'"))
	until(t, "a line", func() bool { return log.has("standing by") && log.has("only lets read") })
	before := len(scans(t, db, "a"))
	must(t, cluster.Exec(t.Context(), "postgres", "alter database "+name+" reset default_transaction_read_only"))
	until(t, "three more scans", func() bool { return len(scans(t, db, "a")) > before+2 })
	lostNothing(t, db)
}

// A scan that does not fit into the database is made again, after some time, and a
// line says so.
func TestFullDatabaseWhileAtWork(t *testing.T) {
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
