package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"shopwatch/tracker"
)

// Transactions returns how many transactions have begun: those that only read
// and those that wrote.
func (db *DB) Transactions() (read, wrote int) { return int(db.reads.Load()), int(db.writes.Load()) }

// Name is that of the database.
func (db *DB) Name() string { return db.server.database }

// Schema is the number of steps that this program knows.
func Schema() int { return len(known().steps) }

// OpenUpgrading opens a database as a later shopwatch would, which knows one step
// more and says what it needs.
func OpenUpgrading(ctx context.Context, url, sql string, needs int) (*DB, error) {
	s := known()
	s.steps = append(s.steps, step{sql: sql, needs: needs})
	return openWith(ctx, url, Options{}, s)
}

// Hold sleeps in the midst of a transaction of a storefront.
func (db *DB) Hold(ctx context.Context, name tracker.StorefrontName, sleep func()) error {
	return db.update(ctx, func(t pgx.Tx) error {
		if _, err := lock(ctx, t, name); err != nil {
			return err
		}
		sleep()
		_, err := t.Exec(ctx, "select 1")
		return err
	})
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
