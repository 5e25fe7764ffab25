package bolt

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"shopwatch/tracker"
)

// A format is the schema that a program knows, with the way there from older
// ones: upgrades[i] leads from schema i+1 to i+2.
type format struct{ upgrades []func(tx) error }

func (f format) schema() int { return 1 + len(f.upgrades) }

// present is the format that this program writes.
func present() format {
	return format{upgrades: []func(tx) error{
		// The last changes of a product stand with its item. Those of an older
		// file stay in history.
		func(tx) error { return nil },
		// What pages show has indexes of its own.
		tx.indexViews,
		// The log is a Merkle tree.
		tx.growTree,
	}}
}

// upgrade brings an older file to our schema, after a backup.
func (db *DB) upgrade(ctx context.Context, from int) error {
	backup := filepath.Join(filepath.Dir(db.path), backupFolder, fmt.Sprintf("before-schema-%d.db", from+1))
	if err := db.BackupFile(ctx, backup); err != nil {
		return fmt.Errorf("back up %s before upgrading it: %w", db.path, err)
	}
	err := db.update(ctx, func(t tx) error {
		steps := db.format.upgrades[from-1:]
		for k, step := range steps {
			if db.progress != nil {
				t.progress = func(done, total int) { db.progress(k*total+done, len(steps)*total) }
			}
			if err := step(t); err != nil {
				return err
			}
		}
		m, err := t.meta()
		if err != nil {
			return err
		}
		m.Schema = db.format.schema()
		return t.in(inMeta).write([]byte("file"), m)
	})
	if err != nil {
		return fmt.Errorf("upgrade %s from schema %d to %d (it is as it was, and backed up in %s): %w", db.path, from, db.format.schema(), backup, err)
	}
	return nil
}

// indexViews makes the indexes of an older file: of its log, and of its
// catalogs as they are.
func (t tx) indexViews() error {
	for _, name := range []string{inMissing, inAbsences, inTitles, inImportant} {
		if _, err := t.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	type product struct {
		name tracker.StorefrontName
		id   tracker.ProductID
	}
	gone := make(map[product]time.Time) // began of the scan that believed it
	for seq := uint64(1); seq <= t.last(); seq++ {
		c, err := t.change(seq)
		if err != nil {
			return err
		}
		if err := t.noteChange(&c); err != nil {
			return err
		}
		if c.Product != nil {
			p := product{c.Storefront, c.Product.ID}
			switch from, was := gone[p]; {
			case c.Kind == tracker.Removed:
				gone[p] = c.Scan
			case c.Kind == tracker.Relisted && was:
				delete(gone, p)
				b, err := t.make(inAbsences, p.name)
				if err != nil {
					return err
				}
				if err := b.put(underNumber(string(p.id), numberOf(timeKey(from))), timeKey(c.Scan)); err != nil {
					return err
				}
			}
		}
		t.tell(seq)
	}
	for _, name := range t.names(inCatalogs) {
		if err := t.indexCatalog(name); err != nil {
			return err
		}
	}
	return t.in(inMeta).put(exactKey, timeKey(time.Now()))
}

// indexCatalog notes which products of an older catalog are not shown.
func (t tx) indexCatalog(name tracker.StorefrontName) error {
	c, err := t.catalog(name)
	if err != nil {
		return err
	}
	return c.walk("", func(k, p []byte) (bool, error) {
		if p[0]&(flagMissing|flagRemoved) == 0 {
			return true, nil
		}
		it, err := decodeItem(tracker.ProductID(k), p)
		if err != nil {
			return false, c.items.damaged(k, err)
		}
		c.seen(&it)
		return true, t.noteLook(name, &it, nil, it.LastSeen.Add(time.Millisecond))
	})
}

// exactKey is where meta has the time from which on absences are noted, in a
// file that is older.
var exactKey = []byte("absences")

// tell says from time to time how far a walk of the log has come.
func (t tx) tell(seq uint64) {
	if last := t.last(); t.progress != nil && (seq%10_000 == 0 || seq == last) {
		t.progress(int(seq), int(last))
	}
}
