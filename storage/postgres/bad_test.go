//go:build unix

package postgres_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures/deadline"
	"shopwatch/fixtures/pgtest"
	"shopwatch/storage"
	"shopwatch/storage/postgres"
	"shopwatch/storage/storetest"
	"shopwatch/tracker"
)

// explains fails the test unless an error is one line with these words, and
// without the password.
func explains(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error lacks %q: %v", w, err)
		}
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), pgtest.Password) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error has several lines or a password: %q", err)
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	name := cluster.Database(t)
	must(t, cluster.Exec(ctx, "postgres", "create role stranger login"))
	foreign := cluster.Database(t)
	must(t, cluster.Exec(ctx, foreign, "create table products (n int); grant all on products to public"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	nobody := l.Addr().String()
	must(t, l.Close())
	stranger, signed := strangerTLS(t)
	for _, tt := range []struct {
		what, url string
		words     []string
	}{
		{"nobody listens", "postgres://u:s3cret@" + nobody + "/shop?sslmode=disable", []string{nobody, "connection refused", "start it"}},
		{"no such host", "postgres://u:s3cret@no-such-host.invalid/shop", []string{"there is no host no-such-host.invalid"}},
		{"wrong password", cluster.NetworkURL(name, "s3cret"), []string{"does not take the password of user shopwatch", "database"}},
		{"no such database", cluster.URL("nowhere"), []string{"nowhere", "createdb -O shopwatch nowhere"}},
		{"no such user", strings.Replace(cluster.URL(name), "user=shopwatch", "user=nobody", 1), []string{"user nobody", "pg_hba.conf"}},
		{"not the owner", strings.Replace(cluster.URL(name), "user=shopwatch", "user=stranger", 1), []string{"alter database " + name + " owner to stranger"}},
		{"tables of another program", cluster.URL(foreign), []string{"another program", "empty one"}},
		{"a certificate of a stranger", "postgres://u:s3cret@" + stranger + "/shop?sslmode=verify-full&sslnegotiation=direct", []string{"its certificate is signed by nobody whom this machine trusts", "sslrootcert=FILE"}},
		{"a certificate for another name", "postgres://u:s3cret@localhost:" + stranger[strings.LastIndex(stranger, ":")+1:] + "/shop?sslmode=verify-full&sslnegotiation=direct&sslrootcert=" + signed, []string{"certificate is valid for", "not localhost"}},
		{"a certificate that is not there", "postgres://u:s3cret@" + nobody + "/shop?sslmode=verify-full&sslrootcert=/none.pem", []string{"open /none.pem: no such file"}},
		{"no URL", "postgres://u:s3cret@%zz/x", []string{"makes no sense", "postgres://USER:PASSWORD@HOST:5432/DATABASE"}},
	} {
		db, err := postgres.Open(ctx, tt.url, postgres.Options{})
		t.Logf("%s: %v", tt.what, err)
		explains(t, err, tt.words...)
		if err == nil {
			must(t, db.Close())
		}
	}
}

// strangerTLS is a server with a certificate for 127.0.0.1 that nobody trusts, and
// the file of who signed it.
func strangerTLS(t *testing.T) (address, signed string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.TLS = &tls.Config{NextProtos: []string{"postgresql"}}
	s.StartTLS()
	t.Cleanup(s.Close)
	signed = filepath.Join(t.TempDir(), "root.pem")
	must(t, os.WriteFile(signed, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	return s.Listener.Addr().String(), signed
}

func TestSchemas(t *testing.T) {
	name := cluster.Database(t)
	db := open(t, cluster.URL(name))
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day, storetest.Products(3)...))
	next := "create table later (n int)"
	newer, err := postgres.OpenUpgrading(ctx, cluster.URL(name), next, 3)
	must(t, err)
	must(t, newer.Close())
	// A step that only adds lets this version go on, also where it is opened anew.
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day.Add(time.Hour), storetest.Products(4)...))
	open(t, cluster.URL(name))
	newer, err = postgres.OpenUpgrading(ctx, cluster.URL(name), next, 3)
	must(t, err)
	must(t, newer.Close())

	other := cluster.Database(t)
	newer, err = postgres.OpenUpgrading(ctx, cluster.URL(other), next, postgres.Schema()+1)
	must(t, err)
	must(t, newer.Close())
	_, err = postgres.Open(ctx, cluster.URL(other), postgres.Options{})
	explains(t, err, "newer shopwatch", fmt.Sprintf("schema %d, this one knows %d", postgres.Schema()+1, postgres.Schema()), "run that version")

	// Many programs that begin at once make the tables once.
	empty := cluster.Database(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			db, err := postgres.Open(ctx, cluster.URL(empty), postgres.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestReadOnlyDatabase(t *testing.T) {
	name := cluster.Database(t)
	db := open(t, cluster.URL(name))
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day, storetest.Products(3)...))
	must(t, cluster.Exec(ctx, "postgres", "alter database "+name+" set default_transaction_read_only = on"))
	must(t, db.Close())
	db = open(t, cluster.URL(name))
	explains(t, db.Ping(ctx), "only lets read", "primary")
	_, err := db.Commit(ctx, storetest.Complete("tencent", storetest.Day.Add(time.Hour), storetest.Products(4)...), storetest.Rules)
	explains(t, err, "only lets read", "nothing was written")
	if !errors.Is(err, storage.ErrFull) {
		t.Errorf("%v is not storage.ErrFull", err)
	}
	if items, err := db.Products(ctx, "tencent", "", 0); len(items) != 3 || err != nil {
		t.Errorf("%d products, %v; want 3: reading goes on", len(items), err)
	}
}

// TestFullDatabase gives the server no room to write into.
func TestFullDatabase(t *testing.T) {
	db := fresh(t)
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day, storetest.Products(3)...))
	fail := func(state string) string {
		return `create or replace function fail() returns trigger language plpgsql as
			$$ begin raise exception using errcode = '` + state + `', message = 'could not extend file'; end $$`
	}
	// What the server says when its disk is full, without filling the disk of
	// whoever runs the tests.
	must(t, cluster.Exec(ctx, db.Name(), fail("53100")+"; create trigger fail before insert on scans execute function fail()"))
	for i := range 2 {
		_, err := db.Commit(ctx, storetest.Complete("tencent", storetest.Day.Add(time.Duration(i+1)*time.Hour), storetest.Products(4)...), storetest.Rules)
		explains(t, err, "no disk space left", "nothing was written", "free some")
		if !errors.Is(err, storage.ErrFull) {
			t.Errorf("%v is not storage.ErrFull", err)
		}
	}
	must(t, cluster.Exec(ctx, db.Name(), "drop trigger fail on scans"))
	changes := storetest.Commit(t, db, storetest.Walled("tencent", storetest.Day.Add(4*time.Hour)))
	if len(changes) != 1 || changes[0].Kind != tracker.Recovered || changes[0].Away != 3*time.Hour || !strings.HasPrefix(changes[0].Reason, "2 scans could not be kept") {
		t.Errorf("after the disk was full: %+v, want one that tells of two scans", changes)
	}
}

// TestServerThatCrashes: scans wait for a database that goes away. What was
// acknowledged is there, once, and no number is skipped.
func TestServerThatCrashes(t *testing.T) {
	if cluster == nil {
		t.Skip(pgtest.ErrNotInstalled)
	}
	own, err := pgtest.Start()
	must(t, err)
	defer func() { must(t, own.Close()) }()
	must(t, own.Exec(ctx, "postgres", "create database crashing owner "+pgtest.User))
	const writers, crashes = 4, 6
	stop := make(chan struct{})
	var working sync.WaitGroup
	kept := make([][]tracker.Scan, writers)
	for w := range writers {
		db, err := postgres.Open(ctx, own.URL("crashing"), postgres.Options{Patience: time.Minute})
		must(t, err)
		defer db.Close()
		name := tracker.StorefrontName(fmt.Sprint("shop", w))
		storetest.Commit(t, db, storetest.Complete(name, storetest.Day, storetest.Products(20)...))
		working.Go(func() {
			for i := 1; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				list := storetest.Products(20)
				list[i%20].Price.Low += int64(i)
				scan := storetest.Complete(name, storetest.Day.Add(time.Duration(i)*time.Hour), list...)
				if _, err := db.Commit(ctx, scan, storetest.Rules); err != nil {
					if strings.Contains(err.Error(), "is not known") {
						continue // it may be there or not, and is there once
					}
					t.Errorf("Commit: %v", err)
					return
				}
				scan.Products = nil
				kept[w] = append(kept[w], *scan)
			}
		})
	}
	for range crashes {
		time.Sleep(150 * time.Millisecond) // the server works, at whatever it is
		must(t, own.Stop(syscall.SIGQUIT))
		must(t, own.Run())
	}
	close(stop)
	working.Wait()
	db, err := postgres.Open(ctx, own.URL("crashing"), postgres.Options{})
	must(t, err)
	defer db.Close()
	n := 0
	for w := range kept {
		for i := range kept[w] {
			s := &kept[w][i]
			got, found, err := db.Scan(ctx, s.Storefront, s.Began)
			if !found || err != nil || got.Changes != s.Changes {
				t.Errorf("scan %s %v: found %v, %v, %d changes, want %d", s.Storefront, s.Began, found, err, got.Changes, s.Changes)
			}
			n++
		}
	}
	log, err := db.Changes(ctx, storage.Query{Limit: 1 << 30})
	must(t, err)
	perScan := make(map[string]int)
	for i, c := range log {
		if c.Seq != uint64(i+1) {
			t.Fatalf("change %d follows %d", c.Seq, i)
		}
		perScan[fmt.Sprint(c.Storefront, c.Scan)]++
	}
	scans, err := db.Scans(ctx, storage.ScanQuery{Limit: 1 << 30})
	must(t, err)
	for _, s := range scans {
		if perScan[fmt.Sprint(s.Storefront, s.Began)] != s.Changes {
			t.Errorf("scan %s %v has %d changes in the log, want %d", s.Storefront, s.Began, perScan[fmt.Sprint(s.Storefront, s.Began)], s.Changes)
		}
	}
	if n < crashes {
		t.Errorf("%d scans were kept between %d crashes", n, crashes)
	}
	t.Logf("%d scans were acknowledged, %d are kept, %d changes", n, len(scans), len(log))
}

func TestDatabaseAway(t *testing.T) {
	if cluster == nil {
		t.Skip(pgtest.ErrNotInstalled)
	}
	own, err := pgtest.Start()
	must(t, err)
	defer func() { must(t, own.Close()) }()
	must(t, own.Exec(ctx, "postgres", "create database away owner "+pgtest.User))
	db, err := postgres.Open(ctx, own.URL("away"), postgres.Options{})
	must(t, err)
	defer db.Close()
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day, storetest.Products(3)...))
	must(t, own.Stop(syscall.SIGINT))
	_, err = db.State(ctx, "tencent")
	explains(t, err, "away", "cannot be reached", "start it")
	_, err = db.Commit(ctx, storetest.Complete("tencent", storetest.Day.Add(time.Hour), storetest.Products(4)...), storetest.Rules)
	explains(t, err, "cannot be reached", "nothing was written")
	if !errors.Is(err, postgres.ErrAway) {
		t.Errorf("%v is not ErrAway", err)
	}
	must(t, own.Run())
	if items, err := db.Products(ctx, "tencent", "", 0); len(items) != 3 || err != nil {
		t.Errorf("after it is back: %d products, %v", len(items), err)
	}
}

// TestFrozenWriter: a process that sleeps in the midst of a commit does not hold
// up the others for long. When it wakes it begins anew.
func TestFrozenWriter(t *testing.T) {
	name := cluster.Database(t)
	frozen, awake := open(t, cluster.URL(name)), open(t, cluster.URL(name))
	storetest.Commit(t, awake, storetest.Complete("tencent", storetest.Day, storetest.Products(3)...))
	asleep, wake := make(chan struct{}), make(chan struct{})
	wakes := sync.OnceFunc(func() { close(wake) })
	defer wakes() // a database waits at its end for who uses it
	var slept sync.WaitGroup
	var err error
	runs := 0
	slept.Go(func() {
		err = frozen.Hold(ctx, "tencent", func() {
			if runs++; runs == 1 {
				close(asleep)
				<-wake
			}
		})
	})
	deadline.Receive(t, "the transaction begins", asleep)
	began := time.Now()
	storetest.Commit(t, awake, storetest.Complete("tencent", storetest.Day.Add(time.Hour), storetest.Products(4)...))
	t.Logf("the other one waited %v", time.Since(began))
	wakes()
	slept.Wait()
	if runs != 2 || err != nil {
		t.Errorf("the transaction of the one that slept ran %d times, %v; want twice: the first is undone", runs, err)
	}
}

func TestNoCallOutlivesItsContext(t *testing.T) {
	name := cluster.Database(t)
	holder, db := open(t, cluster.URL(name)), open(t, cluster.URL(name))
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day, storetest.Products(3)...))
	held, release := make(chan struct{}), make(chan struct{})
	var holding sync.WaitGroup
	holding.Go(func() {
		if err := holder.Hold(ctx, "tencent", func() { close(held); <-release }); err != nil {
			t.Error(err)
		}
	})
	deadline.Receive(t, "the transaction begins", held)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err := db.Commit(short, storetest.Complete("tencent", storetest.Day.Add(time.Hour), storetest.Products(4)...), storetest.Rules)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the context", err)
	}
	close(release)
	holding.Wait()
	if n, err := db.Scans(ctx, storage.ScanQuery{}); len(n) != 1 || err != nil {
		t.Errorf("%d scans, %v; want one", len(n), err)
	}
}

// TestPooler works through a pooler that gives every transaction another
// connection.
func TestPooler(t *testing.T) {
	name := cluster.Database(t)
	url, err := cluster.Pooler(t, name)
	if errors.Is(err, pgtest.ErrNoPooler) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	must(t, err)
	db := open(t, url)
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day, storetest.Products(30)...))
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 10 {
				list := storetest.Products(30)
				list[w].Price.Low += int64(i + 1)
				scan := storetest.Partial("tencent", storetest.Day.Add(time.Duration(i+1)*time.Hour), list...)
				if _, err := db.Commit(ctx, scan, storetest.Rules); err != nil {
					t.Error(err)
				}
				if _, err := db.Changes(ctx, storage.Query{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	log, err := db.Changes(ctx, storage.Query{Limit: 1 << 20})
	must(t, err)
	for i, c := range log {
		if c.Seq != uint64(i+1) {
			t.Fatalf("change %d follows %d", c.Seq, i)
		}
	}
	if scans, err := db.Scans(ctx, storage.ScanQuery{Limit: 1000}); len(scans) != 81 || err != nil || len(log) < 80 {
		t.Errorf("%d scans, %d changes, %v; want 81 scans", len(scans), len(log), err)
	}
}

// A pooler that comes in between while statements are prepared takes them away. Nobody
// notices.
func TestPreparedStatementsAreLost(t *testing.T) {
	db := open(t, cluster.URL(cluster.Database(t))+"&pool_max_conns=1")
	if direct, err := db.Direct(ctx); !direct || err != nil {
		t.Fatalf("Direct = %v, %v", direct, err)
	}
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day, storetest.Products(3)...))
	_, err := db.Pool().Exec(ctx, "deallocate all")
	must(t, err)
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day.Add(time.Hour), storetest.Products(3)...))
	if scans, err := db.Scans(ctx, storage.ScanQuery{}); len(scans) != 2 || err != nil {
		t.Errorf("%d scans, %v; want two", len(scans), err)
	}
}
