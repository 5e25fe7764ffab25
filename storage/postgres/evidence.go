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
	if content == nil {
		content = []byte{} // not null
	}
	err := db.update(ctx, func(t pgx.Tx) error {
		// One that is there is young again in the eyes of a sweep.
		done, err := t.Exec(ctx, "update evidence set kept = now() where name = $1 and content is not null", file)
		if err != nil || done.RowsAffected() > 0 {
			return err
		}
		_, err = t.Exec(ctx, `insert into evidence (name, kept, content) values ($1, now(), $2)
			on conflict (name) do update set kept = excluded.kept, content = excluded.content`, file, content)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("keep evidence: %w", err)
	}
	return file, nil
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
	err = db.view(ctx, func(t pgx.Tx) error {
		content, found, err = one(ctx, t, pgx.RowTo[[]byte], "select content from evidence where name = $1 and content is not null", file)
		return err
	})
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
		name string
		size *int64
	}
	start := make([]byte, sha256.Size)
	_, _ = rand.Read(start) // never fails
	middle := hex.EncodeToString(start)
	for _, part := range []struct{ after, end string }{{middle, "~"}, {"", middle}} {
		for after := part.after; ; {
			var page []entry
			err := db.view(ctx, func(t pgx.Tx) (err error) {
				page, err = list(ctx, t, func(r pgx.CollectableRow) (e entry, err error) {
					err = r.Scan(&e.name, &e.size)
					return e, err
				}, "select name, octet_length(content)::bigint from evidence where named is not null and name > $1 and name <= $2 order by name limit 500", after, part.end)
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
				if *e.size > most {
					continue
				}
				most -= *e.size
				c.Read++
				if _, _, err := db.Evidence(ctx, e.name); err != nil {
					if !errors.Is(err, storage.ErrDamaged) {
						return c, err
					}
					bad(&c.Damaged, e.name)
				}
			}
			after = page[len(page)-1].name
		}
	}
	return c, nil
}

// SweepEvidence implements storage.Retention.
func (db *DB) SweepEvidence(ctx context.Context, keep time.Duration, now time.Time) (int, error) {
	swept := 0
	for {
		var n int64
		err := db.update(ctx, func(t pgx.Tx) error {
			done, err := t.Exec(ctx, `delete from evidence where name in (
					select name from evidence where content is not null and kept <= $1 and (named is null or named <= $2)
					order by name limit 500 for update skip locked
				)`, now.Add(-orphanAge), now.Add(-keep))
			n = done.RowsAffected()
			return err
		})
		if err != nil {
			return swept, fmt.Errorf("sweep evidence: %w", err)
		}
		if swept += int(n); n == 0 {
			return swept, nil
		}
	}
}

// DropEvidence implements storage.Retention.
func (db *DB) DropEvidence(ctx context.Context, name string) error {
	if !isEvidence(name) {
		return db.ready(ctx)
	}
	err := db.update(ctx, func(t pgx.Tx) error {
		_, err := t.Exec(ctx, "delete from evidence where name = $1", name)
		return err
	})
	if err != nil {
		return fmt.Errorf("drop evidence: %w", err)
	}
	return nil
}

// TrimEvidence implements storage.Retention.
func (db *DB) TrimEvidence(ctx context.Context, ext string, most int64) (int, error) {
	if strings.ContainsAny(ext, "%_") || checkName("extension", ext) != nil {
		return 0, fmt.Errorf("trim evidence with extension %q", ext)
	}
	var n int64
	err := db.update(ctx, func(t pgx.Tx) error {
		done, err := t.Exec(ctx, `delete from evidence where name in (
				select name from (
					select name, sum(octet_length(content)::bigint) over (order by kept desc, name) as bytes
					from evidence where content is not null and name like '%.' || $1
				) as e where bytes > $2
			)`, ext, most)
		n = done.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("trim evidence: %w", err)
	}
	return int(n), nil
}
