package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage"
)

// orphanAge is how old a file must be before it can be swept: a scan keeps its
// files some time before it is committed.
const orphanAge = 7 * 24 * time.Hour

// KeepEvidence implements storage.Evidence.
func (db *DB) KeepEvidence(ctx context.Context, content []byte, ext string) (string, error) {
	if ext == "" || strings.ContainsAny(ext, `./\`+"\x00") || checkName("extension", ext) != nil {
		return "", fmt.Errorf("evidence file with extension %q", ext)
	}
	sum := sha256.Sum256(content)
	file := hex.EncodeToString(sum[:]) + "." + ext
	kept, err := db.keepInBucket(ctx, file, content)
	if err == nil && !kept {
		err = db.keepHere(ctx, file, content)
	}
	if err != nil {
		return "", fmt.Errorf("keep evidence: %w", err)
	}
	return file, nil
}

// touch makes a file that is there young again in the eyes of a sweep.
func touch(ctx context.Context, t pgx.Tx, file string) (found bool, err error) {
	done, err := t.Exec(ctx, "update evidence set kept = now() where name = $1 and (content is not null or size is not null)", file)
	return done.RowsAffected() > 0, err
}

// keepHere keeps a file in the table.
func (db *DB) keepHere(ctx context.Context, file string, content []byte) error {
	if content == nil {
		content = []byte{} // not null
	}
	return db.update(ctx, func(t pgx.Tx) error {
		if found, err := touch(ctx, t, file); found || err != nil {
			return err
		}
		_, err := t.Exec(ctx, `insert into evidence (name, kept, content) values ($1, now(), $2)
			on conflict (name) do update set kept = excluded.kept, content = excluded.content`, file, content)
		return err
	})
}

// isEvidence reports whether a name can be that of an evidence file.
func isEvidence(name string) bool {
	hash, ext, found := strings.Cut(name, ".")
	_, err := hex.DecodeString(hash)
	return found && err == nil && len(hash) == 2*sha256.Size && !strings.ContainsAny(ext, `/\`+"\x00") && checkName("", ext) == nil
}

// named reports whether a name is that of a content.
func named(name string, content []byte) bool {
	sum := sha256.Sum256(content)
	return strings.HasPrefix(name, hex.EncodeToString(sum[:])+".")
}

// Evidence implements storage.Evidence. Content that the name does not fit is an
// error.
func (db *DB) Evidence(ctx context.Context, file string) (content []byte, found bool, err error) {
	if !isEvidence(file) {
		return nil, false, db.ready(ctx)
	}
	var there placed
	err = db.view(ctx, func(t pgx.Tx) error {
		there, found, err = one(ctx, t, func(r pgx.CollectableRow) (p placed, err error) {
			err = r.Scan(&content, &p.place, &p.size)
			return p, err
		}, "select content, coalesce(place, ''), size from evidence where name = $1 and (content is not null or size is not null)", file)
		return err
	})
	if err == nil && found && content == nil {
		content, found, err = db.fromBucket(ctx, file, there)
	}
	switch {
	case err != nil || !found:
		return nil, false, err
	case !named(file, content):
		return nil, false, fmt.Errorf("evidence %s is %w: it is not what it was", file, storage.ErrDamaged)
	}
	return content, true, nil
}

// evidenceTimes are the times at which something names evidence files.
type evidenceTimes map[string]time.Time

// add notes that something of the given time names files. Empty names are left
// out.
func (e *evidenceTimes) add(at time.Time, files ...string) {
	for _, f := range files {
		if f == "" {
			continue
		}
		if *e == nil {
			*e = make(evidenceTimes)
		}
		if at.After((*e)[f]) {
			(*e)[f] = at
		}
	}
}

// put writes the times, in an order that all transactions keep.
func (e evidenceTimes) put(b *pgx.Batch) {
	if len(e) == 0 {
		return
	}
	files := slices.Sorted(maps.Keys(e))
	times := make([]time.Time, len(files))
	for i, f := range files {
		times[i] = e[f]
	}
	b.Queue(`insert into evidence (name, named) select name, named from unnest($1::text[], $2::timestamptz[]) as n(name, named) order by name
		on conflict (name) do update set named = greatest(evidence.named, excluded.named)`, files, times)
}

// CheckEvidence implements storage.Evidence.
func (db *DB) CheckEvidence(ctx context.Context, most int64) (storage.EvidenceCheck, error) {
	var c storage.EvidenceCheck
	bad := func(count *int, file string) {
		if *count++; len(c.Files) < 20 {
			c.Files = append(c.Files, file)
		}
	}
	type entry struct {
		name  string
		size  *int64
		there bool // in the bucket
	}
	away := false // the bucket
	start := make([]byte, sha256.Size)
	_, _ = rand.Read(start) // never fails
	middle := hex.EncodeToString(start)
	for _, part := range []struct{ after, end string }{{middle, "~"}, {"", middle}} {
		for after := part.after; ; {
			var page []entry
			err := db.view(ctx, func(t pgx.Tx) (err error) {
				page, err = list(ctx, t, func(r pgx.CollectableRow) (e entry, err error) {
					err = r.Scan(&e.name, &e.size, &e.there)
					return e, err
				}, "select name, coalesce(octet_length(content)::bigint, size), content is null from evidence where named is not null and name > $1 and name <= $2 order by name limit 500", after, part.end)
				return err
			})
			if err != nil {
				return c, err
			}
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				c.Named++
				if e.size == nil {
					bad(&c.Missing, e.name)
					continue
				}
				if *e.size > most || e.there && away {
					continue
				}
				most -= *e.size
				_, found, err := db.Evidence(ctx, e.name)
				if e.there && err != nil && !errors.Is(err, storage.ErrDamaged) {
					away = true // CheckBucket says why
					continue
				}
				c.Read++
				switch {
				case errors.Is(err, storage.ErrDamaged):
					bad(&c.Damaged, e.name)
				case err != nil:
					return c, err
				case !found:
					bad(&c.Missing, e.name)
				}
			}
			after = page[len(page)-1].name
		}
	}
	return c, nil
}

// SweepEvidence implements storage.Retention.
func (db *DB) SweepEvidence(ctx context.Context, keep time.Duration, now time.Time) (int, error) {
	n, err := db.deleteEvidence(ctx, "(content is not null or place is not null) and kept <= $1 and (named is null or named <= $2)", now.Add(-orphanAge), now.Add(-keep))
	if err != nil {
		return n, fmt.Errorf("sweep evidence: %w", err)
	}
	return n, nil
}

// DropEvidence implements storage.Retention.
func (db *DB) DropEvidence(ctx context.Context, name string) error {
	if !isEvidence(name) {
		return db.ready(ctx)
	}
	if _, err := db.deleteEvidence(ctx, "name = $1", name); err != nil {
		return fmt.Errorf("drop evidence: %w", err)
	}
	return nil
}

// TrimEvidence implements storage.Retention.
func (db *DB) TrimEvidence(ctx context.Context, ext string, most int64) (int, error) {
	if strings.ContainsAny(ext, "%_") || checkName("extension", ext) != nil {
		return 0, fmt.Errorf("trim evidence with extension %q", ext)
	}
	var names []string
	err := db.view(ctx, func(t pgx.Tx) (err error) {
		names, err = list(ctx, t, pgx.RowTo[string], `select name from (
				select name, sum(coalesce(octet_length(content)::bigint, size)) over (order by kept desc, name) as bytes
				from evidence where (content is not null or size is not null) and name like '%.' || $1
			) as e where bytes > $2`, ext, most)
		return err
	})
	n := 0
	if err == nil {
		n, err = db.deleteEvidence(ctx, "name = any($1)", names)
	}
	if err != nil {
		return n, fmt.Errorf("trim evidence: %w", err)
	}
	return n, nil
}

// deleteEvidence deletes the files of a condition, but for those in a bucket when
// this process knows none. It returns how many it deleted.
func (db *DB) deleteEvidence(ctx context.Context, condition string, args ...any) (int, error) {
	deleted := 0
	for {
		var n int64
		err := db.update(ctx, func(t pgx.Tx) error {
			done, err := t.Exec(ctx, `delete from evidence where name in (
					select name from evidence where place is null and `+condition+` order by name limit 500 for update skip locked
				)`, args...)
			n = done.RowsAffected()
			return err
		})
		if err != nil {
			return deleted, err
		}
		if deleted += int(n); n == 0 {
			break
		}
	}
	for db.o.Bucket != nil {
		found, err := db.deleteInBucket(ctx, condition, args...)
		if !found || err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}
