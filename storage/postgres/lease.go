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
	until time.Time // by the clock of this process, which does not go when it sleeps
}

// Acquire takes a lease and keeps it until Release. holder is how others are
// told of it. When another process has it the error wraps ErrHeld and names that
// one.
func (db *DB) Acquire(ctx context.Context, key, holder string) (*Lease, error) {
	l := &Lease{db: db, key: key, time: db.lease, ended: make(chan struct{})}
	began := time.Now()
	var other string
	var ago time.Duration
	err := db.update(ctx, func(t pgx.Tx) error {
		other, began = "", time.Now()
		err := t.QueryRow(ctx, `insert into leases (key, holder, epoch, until) values ($1, $2, 1, clock_timestamp() + $3)
			on conflict (key) do update set holder = excluded.holder, epoch = leases.epoch + 1, until = excluded.until
			where leases.until < clock_timestamp() returning epoch`, key, holder, l.time).Scan(&l.epoch)
		if errors.Is(err, pgx.ErrNoRows) {
			return t.QueryRow(ctx, "select holder, clock_timestamp() - until + $2 from leases where key = $1", key, l.time).Scan(&other, &ago)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case other != "":
		return nil, fmt.Errorf("%s is %w by %s, last heard of %s ago", db.server, ErrHeld, other, max(ago, 0).Round(time.Second))
	}
	l.until = began.Add(l.time)
	beating, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	l.beats.Go(func() { l.beat(beating) })
	return l, nil
}

// Wait is Acquire that waits for others to end, and for a database that is away.
// It calls waiting with the reason, again and again as long as it waits.
func (db *DB) Wait(ctx context.Context, key, holder string, waiting func(error)) (*Lease, error) {
	for {
		l, err := db.Acquire(ctx, key, holder)
		if !errors.Is(err, ErrHeld) && !errors.Is(err, ErrAway) {
			return l, err
		}
		waiting(err)
		if err := sleep(ctx, db.lease/10); err != nil {
			return nil, err
		}
	}
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

// hold fails unless the lease is still held, and keeps others from taking it
// until the transaction ends.
func (l *Lease) hold(ctx context.Context, t pgx.Tx) error {
	var held bool
	err := t.QueryRow(ctx, "select epoch = $2 from leases where key = $1 for share", l.key, l.epoch).Scan(&held)
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
	_, err := l.db.pool.Exec(ctx, "update leases set until = '-infinity' where key = $1 and epoch = $2", l.key, l.epoch)
	if err != nil && away(err) {
		return nil // it is over by itself
	}
	return err
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

// Ahead returns by how much the clock of the database is ahead of that of this
// machine, as far as the way between them lets one see.
func (db *DB) Ahead(ctx context.Context) (ahead time.Duration, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		var there time.Time
		before := time.Now()
		err := t.QueryRow(ctx, "select clock_timestamp()").Scan(&there)
		after := time.Now()
		switch {
		case there.Before(before):
			ahead = there.Sub(before)
		case there.After(after):
			ahead = there.Sub(after)
		default:
			ahead = 0
		}
		return err
	})
	return ahead, err
}
