// Package postgres is the storage engine of several machines: a PostgreSQL
// database, which any number of processes use at a time.
//
// Two things make that safe. Who commits a scan or corrects a change holds the
// row of the storefront until the end of the transaction, so that commits of one
// storefront come one after the other. And changes and reports are numbered
// under the row of their last number, so that the numbers have no gaps and who
// reads the log up to a number has seen all before it.
//
// No statement relies on the session: it works through a pooler that gives
// every transaction another connection. Where there is none, who works for long lets
// sessions keep prepared statements (Direct).
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"shopwatch/storage"
	"shopwatch/storage/bucket"
)

// Options of Open. The zero value is good.
type Options struct {
	// Patience is how long a call waits for a database that went away, such as
	// one that is started again. Zero: one that was reached is tried once more.
	Patience time.Duration
	// Lease is how long a lease lasts after its holder was heard of. Zero: 20 s.
	Lease time.Duration
	// Bucket takes evidence of BucketFrom bytes and more; nil for none. While it
	// cannot, the database keeps it: Warn, if it is set, is told why.
	Bucket     *bucket.Bucket
	BucketFrom int64
	Warn       func(error)
}

// A DB is a database of several machines.
type DB struct {
	pool   *pgxpool.Pool
	server server
	o      Options
	closed atomic.Bool
	direct atomic.Bool  // see Direct
	spared atomic.Int64 // the bucket, until then (Unix, ms), because it took nothing
	gaps   storage.WriteGaps
	lease  time.Duration
	fence  atomic.Pointer[Lease] // without which nothing is written; nil for none

	reads, writes atomic.Int64 // transactions that began
}

var _ storage.Store = (*DB)(nil)

// Open connects to the database at a URL, and makes the tables where there are
// none. A database of another program, or of a newer shopwatch that this one
// cannot work with, is left as it is; the error says what to do.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	return openWith(ctx, url, o, known())
}

func openWith(ctx context.Context, url string, o Options, s schema) (*DB, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, badURL(err)
	}
	c.ConnConfig.ConnectTimeout = cmp.Or(c.ConnConfig.ConnectTimeout, 10*time.Second)
	if c.ConnConfig.RuntimeParams["application_name"] == "" {
		c.ConnConfig.RuntimeParams["application_name"] = "shopwatch"
	}
	db := &DB{server: serverOf(c.ConnConfig), lease: cmp.Or(o.Lease, 20*time.Second)}
	c.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		// What a statement returns is remembered here and not in the session.
		if c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe; db.direct.Load() {
			c.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
		}
		return nil
	}
	if db.pool, err = pgxpool.NewWithConfig(ctx, c); err != nil {
		return nil, db.explain(err)
	}
	if err := db.migrate(ctx, s); err != nil {
		db.pool.Close()
		return nil, err
	}
	db.o = o // a database that was never reached is not waited for
	return db, nil
}

// Close implements storage.Store.
func (db *DB) Close() error {
	db.closed.Store(true)
	db.pool.Close()
	return nil
}

// ready says why nothing can be done.
func (db *DB) ready(ctx context.Context) error {
	if db.closed.Load() {
		return fmt.Errorf("%s is closed", db.server)
	}
	return ctx.Err()
}

// writing begins a transaction that ends when its process sleeps in the midst of it
// for half the time of a lease, so that one that is frozen is gone from the way of
// the others when its lease is over. It waits for the others, but not for ever.
func (db *DB) writing() pgx.TxOptions {
	return pgx.TxOptions{BeginQuery: fmt.Sprintf("begin; set local idle_in_transaction_session_timeout = %d; set local lock_timeout = '30s'", (db.lease / 2).Milliseconds())}
}

// view runs a function in a transaction that only reads and sees the database
// as it is at one moment. The function may run again.
func (db *DB) view(ctx context.Context, fn func(pgx.Tx) error) error {
	return db.try(ctx, func() error {
		db.reads.Add(1)
		return pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{BeginQuery: "begin isolation level repeatable read read only"}, fn)
	})
}

// A querier runs statements that read, in a transaction or each by itself.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// read is view for one statement, which needs no transaction.
func (db *DB) read(ctx context.Context, fn func(querier) error) error {
	return db.try(ctx, func() error {
		db.reads.Add(1)
		return fn(db.pool)
	})
}

// update runs a function in a transaction that writes. The function may run
// again; what it returns of a run before does not count.
func (db *DB) update(ctx context.Context, fn func(pgx.Tx) error) error {
	return db.try(ctx, func() error { return db.write(ctx, db.fence.Load(), fn) })
}

// unfenced is update without the lease of Fence.
func (db *DB) unfenced(ctx context.Context, fn func(pgx.Tx) error) error {
	return db.try(ctx, func() error { return db.write(ctx, nil, fn) })
}

// write runs a function in a transaction, under a lease unless that is nil.
func (db *DB) write(ctx context.Context, under *Lease, fn func(pgx.Tx) error) error {
	db.writes.Add(1)
	t, err := db.pool.BeginTx(ctx, db.writing())
	if err != nil {
		return err
	}
	// Committed or not, the transaction is over when this returns.
	defer func() { _ = t.Rollback(context.WithoutCancel(ctx)) }()
	var name transaction
	if under != nil {
		err = under.hold(ctx, t, &name)
	}
	if err == nil {
		err = fn(t)
	}
	if err == nil && under == nil {
		err = t.QueryRow(ctx, "select pg_current_xact_id_if_assigned()::text, pg_postmaster_start_time()").Scan(&name.id, &name.server)
	}
	if err != nil {
		return err
	}
	// From here on it is not known what becomes of the transaction unless the
	// database says it: the context ends it no longer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err = t.Commit(ctx)
	if err == nil || name.id == nil || answered(err) && !away(err) {
		return err
	}
	return db.outcome(ctx, name, err)
}

// A transaction is told from others by its number, as long as the server runs.
type transaction struct {
	id     *string // none when it has written nothing
	server time.Time
}

// outcome finds out what became of a transaction whose end was not answered.
func (db *DB) outcome(ctx context.Context, of transaction, lost error) error {
	unknown := fmt.Errorf("%s: whether it was written is not known: %w", db.server, lost)
	for {
		var status *string
		var same bool
		err := db.pool.QueryRow(ctx, "select pg_xact_status($1::text::xid8), pg_postmaster_start_time() = $2", of.id, of.server).Scan(&status, &same)
		switch {
		case code(err) == "22023": // no transaction has that number yet: a crash took it back
			return &undone{lost}
		case err == nil && status != nil && *status == "aborted":
			return &undone{lost}
		case err == nil && status != nil && *status == "committed" && same:
			return nil
		case err == nil && (status == nil || *status == "committed"), answered(err) && !away(err):
			return unknown // after a crash another one may have its number
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return unknown
		}
	}
}

// try runs a transaction, again when the database asks for that, and for some
// time while it cannot be reached.
func (db *DB) try(ctx context.Context, run func() error) error {
	began := time.Now()
	for again := 0; ; again++ {
		err := db.ready(ctx)
		if err == nil {
			err = run()
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case unprepared(err) && again < 20:
			if db.direct.Swap(false) { // there is a pooler in between by now
				db.pool.Reset()
			}
		case conflict(err) && again < 20:
		case away(err) && (again == 0 || time.Since(began) < db.o.Patience):
		default:
			if code(err) == "25006" || errors.Is(err, errReadOnly) {
				db.pool.Reset() // another connection may lead to the primary server, or may write by now
			}
			return db.explain(err)
		}
		wait := time.Duration(rand.Int64N(int64(min(10<<min(again, 7), 1000)))+1) * time.Millisecond
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Instance implements storage.Store.
func (db *DB) Instance(ctx context.Context) (id string, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		return t.QueryRow(ctx, "select id from instance").Scan(&id)
	})
	return id, err
}

// Pool is the connections, for a job engine. What is written through them is not
// held to the lease of Fence.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Direct reports whether the server itself answers, and no pooler in between, which
// has numbers of its own for sessions. One can listen there; and from then on
// connections keep their statements prepared, as through a pooler they cannot.
func (db *DB) Direct(ctx context.Context) (direct bool, err error) {
	err = db.try(ctx, func() error {
		return db.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
			var session uint32
			err := c.QueryRow(ctx, "select pg_backend_pid()").Scan(&session)
			direct = session == c.Conn().PgConn().PID()
			return err
		})
	})
	if err == nil && db.direct.Swap(direct) != direct {
		db.pool.Reset()
	}
	return direct, err
}

// View runs a function in a transaction that only reads and sees the database as it
// is at one moment. The function may run again.
func (db *DB) View(ctx context.Context, fn func(pgx.Tx) error) error { return db.view(ctx, fn) }

// Update runs a function in a transaction that writes, under the lease of Fence. The
// function may run again; what it did in a run before does not count.
func (db *DB) Update(ctx context.Context, fn func(pgx.Tx) error) error { return db.update(ctx, fn) }

// Ping implements storage.Store.
func (db *DB) Ping(ctx context.Context) error {
	if l := db.fence.Load(); l != nil && l.over() {
		return l.lost()
	}
	return db.try(ctx, func() error {
		var readOnly bool
		err := db.pool.QueryRow(ctx, "select pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool").Scan(&readOnly)
		if err == nil && readOnly {
			err = errReadOnly
		}
		return err
	})
}

// next gives out numbers after the last one, and returns the first of them. The
// row is locked until the transaction ends.
func next(ctx context.Context, t pgx.Tx, head string, n int) (first uint64, err error) {
	var last uint64
	err = t.QueryRow(ctx, "update heads set last = last + $2 where name = $1 returning last", head, n).Scan(&last)
	return last - uint64(n) + 1, err
}

// head is the last number that was given.
func head(ctx context.Context, t pgx.Tx, name string) (last uint64, err error) {
	err = t.QueryRow(ctx, "select last from heads where name = $1", name).Scan(&last)
	return last, err
}

// list reads all rows of a query by a function for one.
func list[T any](ctx context.Context, t querier, read func(pgx.CollectableRow) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := t.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	var all []T
	for rows.Next() {
		v, err := read(rows)
		if err != nil {
			rows.Close()
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// one reads the row of a query, and reports false when there is none.
func one[T any](ctx context.Context, t querier, read func(pgx.CollectableRow) (T, error), sql string, args ...any) (T, bool, error) {
	var none T
	all, err := list(ctx, t, read, sql, args...)
	if len(all) == 0 || err != nil {
		return none, false, err
	}
	return all[0], true, nil
}

// run sends statements at once.
func run(ctx context.Context, t pgx.Tx, b *pgx.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	return t.SendBatch(ctx, b).Close()
}

var errReadOnly = errors.New("it only lets read")
