package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// scanRow reads a storefront, a time and a scan.
func scanRow(r pgx.CollectableRow) (s tracker.Scan, err error) {
	var name tracker.StorefrontName
	var began time.Time
	var b []byte
	if err := r.Scan(&name, &began, &b); err != nil {
		return s, err
	}
	var v scanValue
	err = decode(b, &v, "the scan of %s at %s", name, began.UTC().Format(tracker.TimeFormat))
	return v.scan(name, began), err
}

// Scan implements storage.Scans.
func (db *DB) Scan(ctx context.Context, sf tracker.StorefrontName, began time.Time) (s tracker.Scan, found bool, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		s, found, err = one(ctx, t, scanRow, "select storefront, began, scan from scans where storefront = $1 and began = $2", name(sf), began.Truncate(time.Millisecond))
		return err
	})
	return s, found && err == nil, err
}

// Scans implements storage.Scans.
func (db *DB) Scans(ctx context.Context, q storage.ScanQuery) (all []tracker.Scan, err error) {
	var w where
	if q.Storefront != "" {
		w.and("storefront = $%d", name(q.Storefront))
	}
	if q.Incomplete {
		w.conditions = append(w.conditions, "not complete")
	}
	if !q.Since.IsZero() {
		w.and("began >= $%d", q.Since.Truncate(time.Millisecond))
	}
	if began := q.Before.Began.Truncate(time.Millisecond); !q.Before.Began.IsZero() {
		if q.Before.Storefront == "" {
			w.and("began < $%d", began)
		} else {
			w.and("began <= $%d", began)
			w.and(fmt.Sprintf("(began < $%d or storefront > $%%d)", len(w.args)), name(q.Before.Storefront))
		}
	}
	err = db.view(ctx, func(t pgx.Tx) error {
		all, err = list(ctx, t, scanRow, "select storefront, began, scan from scans"+w.sql("began desc, storefront", false, q.Limit), w.args...)
		return err
	})
	return all, err
}

// lookBack is how many scans before a scan are searched for a complete one.
const lookBack = 1000

// ScansOf implements storage.Scans.
func (db *DB) ScansOf(ctx context.Context, sf tracker.StorefrontName, began []time.Time) (all []storage.ScanRecord, err error) {
	if len(began) == 0 {
		return nil, nil
	}
	wanted := make([]time.Time, len(began))
	for i, at := range began {
		wanted[i] = at.Truncate(time.Millisecond)
	}
	err = db.view(ctx, func(t pgx.Tx) error {
		all, err = list(ctx, t, func(r pgx.CollectableRow) (rec storage.ScanRecord, err error) {
			var b []byte
			var before *time.Time
			if err := r.Scan(&rec.Began, &b, &before); err != nil {
				return rec, err
			}
			var v scanValue
			err = decode(b, &v, "the scan of %s at %s", sf, rec.Began.UTC().Format(tracker.TimeFormat))
			return storage.ScanRecord{Scan: v.scan(sf, rec.Began), LastComplete: fromStamp(before)}, err
		}, `select s.began, s.scan, (
				select b.began from (
					select began, complete from scans where storefront = s.storefront and began < s.began order by began desc limit $3
				) b where b.complete order by b.began desc limit 1
			) from scans s where s.storefront = $1 and s.began = any($2) order by s.began`, name(sf), wanted, lookBack)
		return err
	})
	return all, err
}

// PagesOpened implements storage.Scans.
func (db *DB) PagesOpened(ctx context.Context, sf tracker.StorefrontName, from, to time.Time) (pages int, err error) {
	err = db.read(ctx, func(q querier) error {
		return q.QueryRow(ctx, "select coalesce(sum(opened), 0) from scans where storefront = $1 and began between $2 and $3",
			name(sf), from.Truncate(time.Millisecond), to.Truncate(time.Millisecond)).Scan(&pages)
	})
	return pages, err
}

// ThinScans implements storage.Retention.
func (db *DB) ThinScans(ctx context.Context, keep time.Duration, now time.Time) (thinned int, err error) {
	end := now.Add(-keep).UTC()
	names, err := db.Storefronts(ctx)
	if err != nil {
		return 0, err
	}
	for _, sf := range names {
		err := db.update(ctx, func(t pgx.Tx) error {
			// The day that is not over yet stays as it is: its last scans may
			// be younger.
			done, err := t.Exec(ctx, `delete from scans s using (
					select began, row_number() over (partition by (began at time zone 'UTC')::date order by complete desc, began) as place
					from scans where storefront = $1 and began < $2
				) old where s.storefront = $1 and s.began = old.began and old.place > 1 and s.changes = 0`,
				string(sf.Name), end.Truncate(24*time.Hour))
			n := done.RowsAffected()
			if err == nil {
				thinned += int(n)
			}
			return err
		})
		if err != nil {
			return thinned, err
		}
	}
	return thinned, nil
}
