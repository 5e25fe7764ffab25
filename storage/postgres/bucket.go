package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// What lies in the bucket has a row from before it is written until after it is
// deleted, so that a crash leaves nothing there that no sweep finds. Nothing is
// listed there, and what has no row is left alone.

// A placed file lies in a bucket.
type placed struct {
	place string
	size  *int64
}

// keyOf is where a file lies in the bucket.
func keyOf(file string) string { return file[:2] + "/" + file }

// spare is how long a bucket that took nothing is not asked to take more, so that
// scans do not wait for it.
const spare = time.Minute

// keepInBucket keeps a file in the bucket, if it is for that one. It reports false
// when it is not, or when the bucket takes nothing now.
func (db *DB) keepInBucket(ctx context.Context, file string, content []byte) (kept bool, err error) {
	if db.o.Bucket == nil || int64(len(content)) < db.o.BucketFrom || time.Now().UnixMilli() < db.spared.Load() {
		return false, nil
	}
	var at time.Time
	err = db.update(ctx, func(t pgx.Tx) error {
		if kept, err = touch(ctx, t, file); kept || err != nil {
			return err
		}
		return t.QueryRow(ctx, `insert into evidence (name, kept, place) values ($1, now(), $2)
			on conflict (name) do update set kept = excluded.kept, place = excluded.place returning kept`, file, db.o.Bucket.String()).Scan(&at)
	})
	if kept || err != nil {
		return kept, err
	}
	if err := db.o.Bucket.Put(ctx, keyOf(file), content); err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		db.spared.Store(time.Now().Add(spare).UnixMilli())
		if db.o.Warn != nil {
			db.o.Warn(err)
		}
		return false, nil
	}
	return db.noteInBucket(ctx, file, len(content), at)
}

// noteInBucket notes that a file was written into the bucket. It reports false when
// the row is not the one that was made for that: somebody has deleted the file
// meanwhile, and maybe keeps it again.
func (db *DB) noteInBucket(ctx context.Context, file string, size int, at time.Time) (noted bool, err error) {
	err = db.update(ctx, func(t pgx.Tx) error {
		done, err := t.Exec(ctx, "update evidence set size = $2, content = null where name = $1 and kept = $3", file, size, at)
		if noted = done.RowsAffected() > 0; noted || err != nil {
			return err
		}
		_, err = t.Exec(ctx, `insert into evidence (name, kept, place) values ($1, now(), $2)
			on conflict (name) do update set place = excluded.place`, file, db.o.Bucket.String())
		return err
	})
	return noted, err
}

// fromBucket reads a file that lies in the bucket.
func (db *DB) fromBucket(ctx context.Context, file string, p placed) (content []byte, found bool, err error) {
	if db.o.Bucket == nil {
		return nil, false, fmt.Errorf("evidence %s lies in the bucket %s: set bucket in the configuration of this machine", file, p.place)
	}
	return db.o.Bucket.Get(ctx, keyOf(file), *p.size)
}

// deleteInBucket deletes the first file of a condition that lies in the bucket. Its row
// is locked meanwhile, so that nobody keeps it again before it is gone. The lease is
// not: it is beaten on.
func (db *DB) deleteInBucket(ctx context.Context, condition string, args ...any) (found bool, err error) {
	var away error
	err = db.unfenced(ctx, func(t pgx.Tx) error {
		var file string
		err := t.QueryRow(ctx, "select name from evidence where place is not null and "+condition+" order by name limit 1 for update skip locked", args...).Scan(&file)
		if found = err == nil; errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		// A process that slept here does not delete when it wakes.
		deleting, cancel := context.WithTimeout(ctx, db.lease/4)
		defer cancel()
		if away = db.o.Bucket.Delete(deleting, keyOf(file)); away != nil {
			return errBucket // the other one would be taken for one of the database
		}
		_, err = t.Exec(ctx, "delete from evidence where name = $1", file)
		return err
	})
	if errors.Is(err, errBucket) {
		err = away
	}
	return found, err
}

var errBucket = errors.New("the bucket did not do it")

// FillBucket carries over what the table keeps and is for the bucket, such as what
// was kept while that took nothing. It returns how many files it carried. When the
// bucket takes nothing the rest stays.
func (db *DB) FillBucket(ctx context.Context) (carried int, err error) {
	if db.o.Bucket == nil {
		return 0, nil
	}
	for after := ""; ; {
		var file string
		var content []byte
		var at time.Time
		err := db.update(ctx, func(t pgx.Tx) error {
			return t.QueryRow(ctx, `update evidence set place = $3 where name = (
					select name from evidence where name > $1 and octet_length(content) >= $2 order by name limit 1
				) returning name, content, kept`, after, db.o.BucketFrom, db.o.Bucket.String()).Scan(&file, &content, &at)
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return carried, nil
		}
		after = file
		if err == nil && named(file, content) { // else it is damaged, and stays as it is
			err = db.o.Bucket.Put(ctx, keyOf(file), content)
			noted := false
			if err == nil {
				noted, err = db.noteInBucket(ctx, file, len(content), at)
			}
			if noted {
				carried++
			}
		}
		if err != nil {
			return carried, fmt.Errorf("carry evidence into the bucket: %w", err)
		}
	}
}

// A BucketUse is what lies in the bucket and in the table.
type BucketUse struct {
	Files, Bytes int64  // in the bucket
	Waiting      int64  // files in the table that are for the bucket
	Elsewhere    string // a bucket of other files; empty for none
}

// CheckBucket says what lies in the bucket, and why it cannot be used.
func (db *DB) CheckBucket(ctx context.Context) (u BucketUse, err error) {
	place := ""
	if db.o.Bucket != nil {
		place = db.o.Bucket.String()
	}
	err = db.view(ctx, func(t pgx.Tx) error {
		return t.QueryRow(ctx, `select count(size), coalesce(sum(size), 0)::bigint, count(*) filter (where octet_length(content) >= $1),
			coalesce(min(place) filter (where size is not null and place <> $2), '') from evidence`, db.o.BucketFrom, place).Scan(&u.Files, &u.Bytes, &u.Waiting, &u.Elsewhere)
	})
	if err == nil && db.o.Bucket != nil {
		err = db.o.Bucket.Check(ctx)
	}
	return u, err
}
