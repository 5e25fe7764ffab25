package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrHeld is wrapped by errors that tell that another process has a lease.
var ErrHeld = errors.New("in use")

// A Lease is the right to do what only one process may do at a time. It is kept
// as long as the process works and reaches the database. One that sleeps or is
// cut off loses it, and others may have it when Options.Lease has passed.
type Lease struct {
	db     *DB
	key    string
	epoch  int64
	time   time.Duration      // it lasts without a beat; four fit into it
	cancel context.CancelFunc // of the beats
	beats  sync.WaitGroup
	ended  chan struct{} // closed when it is lost or released

	mu    sync.Mutex
	until time.Time     // by the clock of this process, which does not go when it sleeps
	next  time.Time     // when the next page may be asked for, by that clock
	pause time.Duration // behind the last page; zero before the first
}

// Acquire takes a lease and keeps it until Release. holder is how others are
// told of it. When another process has it the error wraps ErrHeld and names that
// one.
func (db *DB) Acquire(ctx context.Context, key, holder string) (*Lease, error) {
	return db.AcquirePaced(ctx, key, holder, 0, nil)
}

// AcquirePaced is Acquire for one under which pages are asked for, with so much time
// between two of them: whoever had it before and is not heard of any more may have
// asked for one until the last moment. What is begun under it is written in the same
// transaction by a function, whose error undoes both; nil for nothing.
func (db *DB) AcquirePaced(ctx context.Context, key, holder string, pause time.Duration, begin func(context.Context, pgx.Tx) error) (*Lease, error) {
	return db.acquire(ctx, key, holder, pause, begin, db.update)
}

// Enter is Acquire of the lease without which nothing is written from then on. It
// takes the place of one that was lost.
func (db *DB) Enter(ctx context.Context, key, holder string) (*Lease, error) {
	l, err := db.acquire(ctx, key, holder, 0, nil, db.unfenced)
	if err == nil {
		db.Fence(l)
	}
	return l, err
}

func (db *DB) acquire(ctx context.Context, key, holder string, pause time.Duration, begin func(context.Context, pgx.Tx) error, update func(context.Context, func(pgx.Tx) error) error) (*Lease, error) {
	l := &Lease{db: db, key: key, time: db.lease, ended: make(chan struct{})}
	began := time.Now()
	var other string
	var ago, wait time.Duration
	err := update(ctx, func(t pgx.Tx) error {
		other, began = "", time.Now()
		err := t.QueryRow(ctx, `insert into leases (key, holder, epoch, until) values ($1, $2, 1, clock_timestamp() + $3)
			on conflict (key) do update set holder = excluded.holder, epoch = leases.epoch + 1, until = excluded.until,
				next_page_at = case when leases.until = '-infinity' then leases.next_page_at else greatest(leases.next_page_at, leases.until + $4) end
			where leases.until < clock_timestamp()
			returning epoch, greatest(next_page_at, clock_timestamp()) - clock_timestamp()`, key, holder, l.time, pause).Scan(&l.epoch, &wait)
		if errors.Is(err, pgx.ErrNoRows) {
			return t.QueryRow(ctx, "select holder, clock_timestamp() - until + $2 from leases where key = $1", key, l.time).Scan(&other, &ago)
		}
		if err == nil && begin != nil {
			err = begin(ctx, t)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case other != "":
		return nil, fmt.Errorf("%s is %w by %s, last heard of %s ago", db.server, ErrHeld, other, max(ago, 0).Round(time.Second))
	}
	l.until, l.next = began.Add(l.time), time.Now().Add(wait)
	beating, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	l.beats.Go(func() { l.beat(beating) })
	return l, nil
}

// beat keeps a lease until it is lost or ctx is done.
func (l *Lease) beat(ctx context.Context) {
	defer close(l.ended)
	for {
		wait := l.time / 4
		began := time.Now()
		kept, err := l.renew(ctx)
		switch {
		case ctx.Err() != nil, err == nil && !kept:
			return
		case err == nil:
			l.mu.Lock()
			l.until = began.Add(l.time)
			l.mu.Unlock()
		case l.over():
			return
		default:
			wait = l.time / 20 // it may be back
		}
		if sleep(ctx, wait) != nil {
			return
		}
	}
}

// renew says to the database that the holder lives. It does not wait for a
// database that is away: until the lease is over there is time to try again.
func (l *Lease) renew(ctx context.Context) (kept bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.time/4)
	defer cancel()
	done, err := l.db.pool.Exec(ctx, "update leases set until = clock_timestamp() + $3 where key = $1 and epoch = $2 and until >= clock_timestamp()", l.key, l.epoch, l.time)
	return done.RowsAffected() == 1, err
}

// over reports whether others may have the lease by now.
func (l *Lease) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().After(l.until)
}

// Ended is closed when the lease was lost or released. What was begun under it
// must end then.
func (l *Lease) Ended() <-chan struct{} { return l.ended }

// Epoch tells this holding of the lease from all others.
func (l *Lease) Epoch() int64 { return l.epoch }

// Page returns when a page may be asked for, which the caller does at once. From
// when it has come, which Came tells, until the next is asked for lies its pause, also
// when the next one is another holder's. It fails when the lease is lost.
func (l *Lease) Page(ctx context.Context, pause time.Duration) error {
	for {
		l.mu.Lock()
		wait := time.Until(l.next)
		l.mu.Unlock()
		if err := sleep(ctx, max(wait, 0)); err != nil {
			return err
		}
		if l.over() {
			return l.lost()
		}
		var left time.Duration
		err := l.db.pool.QueryRow(ctx, `update leases set next_page_at = clock_timestamp() + $3
			where key = $1 and epoch = $2 and until >= clock_timestamp() and next_page_at <= clock_timestamp() returning interval '0'`, l.key, l.epoch, pause).Scan(&left)
		if err == nil {
			if l.over() { // it slept
				return l.lost()
			}
			l.mu.Lock()
			l.next, l.pause = time.Now().Add(pause), pause
			l.mu.Unlock()
			return nil
		}
		if errors.Is(err, pgx.ErrNoRows) {
			err = l.db.pool.QueryRow(ctx, "select greatest(next_page_at, clock_timestamp()) - clock_timestamp() from leases where key = $1 and epoch = $2 and until >= clock_timestamp()", l.key, l.epoch).Scan(&left)
		}
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return l.lost()
		case err != nil && !away(err):
			return l.db.explain(err)
		case err != nil:
			left = l.time / 20 // the database may be back before the lease is over
		}
		l.mu.Lock()
		l.next = time.Now().Add(left)
		l.mu.Unlock()
	}
}

// Came says that the page that was asked for last has come, or will not come. The
// pause begins now: when the marketplace saw that page, which may have been on its way
// for long, is not known.
func (l *Lease) Came() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pause > 0 {
		l.next = time.Now().Add(l.pause)
	}
}

// TakeOver ends the leases that are over of holders who did not release them, those
// whose keys have a prefix: who comes back is told.
func TakeOver(ctx context.Context, t pgx.Tx, prefix string) error {
	_, err := t.Exec(ctx, "update leases set epoch = epoch + 1, until = '-infinity' where starts_with(key, $1) and until < clock_timestamp() and until > '-infinity'", prefix)
	return err
}

// hold fails unless the lease is still held, and keeps others from taking it
// until the transaction ends, whose name it finds out.
func (l *Lease) hold(ctx context.Context, t pgx.Tx, name *transaction) error {
	var held bool
	err := t.QueryRow(ctx, "select epoch = $2, pg_current_xact_id()::text, pg_postmaster_start_time() from leases where key = $1 for share", l.key, l.epoch).Scan(&held, &name.id, &name.server)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && !held {
		return l.lost()
	}
	return err
}

func (l *Lease) lost() error {
	return fmt.Errorf("%s is %w by another shopwatch, which took over because this one was not heard of for %s; nothing was written", l.db.server, ErrHeld, l.time)
}

// Fence lets the database write nothing any more without a lease.
func (db *DB) Fence(l *Lease) { db.fence.Store(l) }

// Release gives a lease back. Others may have it at once.
func (l *Lease) Release(ctx context.Context) error {
	l.cancel()
	l.beats.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	l.mu.Lock()
	wait := max(time.Until(l.next), 0)
	l.mu.Unlock()
	_, err := l.db.pool.Exec(ctx, "update leases set until = '-infinity', next_page_at = greatest(next_page_at, clock_timestamp() + $3) where key = $1 and epoch = $2", l.key, l.epoch, wait)
	if err != nil && away(err) {
		return nil // it is over by itself
	}
	return l.db.explain(err)
}

// Holders returns who has the leases whose keys have a prefix, in the order of the
// keys.
func (db *DB) Holders(ctx context.Context, prefix string) (holders []string, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		holders, err = list(ctx, t, pgx.RowTo[string], "select holder from leases where starts_with(key, $1) and until >= clock_timestamp() order by key", prefix)
		return err
	})
	return holders, err
}

// Holder returns who has a lease and when that one was heard of last; "" when
// nobody has it.
func (db *DB) Holder(ctx context.Context, key string) (holder string, ago time.Duration, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		err := t.QueryRow(ctx, "select holder, clock_timestamp() - until + $2 from leases where key = $1 and until >= clock_timestamp()", name(key), db.lease).Scan(&holder, &ago)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return holder, max(ago, 0), err
}

// Now returns the time of the database: now or at most so much later, the time that
// the answer may have been on its way.
func (db *DB) Now(ctx context.Context) (now time.Time, within time.Duration, err error) {
	err = db.read(ctx, func(q querier) error {
		asked := time.Now()
		err := q.QueryRow(ctx, "select clock_timestamp()").Scan(&now)
		within = time.Since(asked)
		return err
	})
	return now, within, err
}

// Ahead returns by how much the clock of the database is ahead of that of this
// machine, as far as the way between them lets one see.
func (db *DB) Ahead(ctx context.Context) (ahead time.Duration, err error) {
	there, within, err := db.Now(ctx)
	switch own := time.Now(); {
	case err != nil:
		return 0, err
	case own.Before(there):
		return there.Sub(own), nil
	case own.After(there.Add(within)):
		return there.Add(within).Sub(own), nil
	}
	return 0, nil
}
