package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// Check implements storage.Maintainer: it verifies the pages of the file, by
// bbolt's own check too, the checksum of every value, and that catalogs, log and
// indexes agree. The error names a few dozen things at most.
func (db *DB) Check(ctx context.Context) error {
	if _, err := db.checkPages(ctx); err != nil {
		return err
	}
	return db.view(ctx, tx.checkValues)
}

// checkPages keeps writers out: pages change under them. It returns how many
// bytes of the pages are in use.
func (db *DB) checkPages(ctx context.Context) (content int64, err error) {
	db.writing.Lock()
	defer db.writing.Unlock()
	db.mu.RLock()
	defer db.mu.RUnlock()
	if err := cmp.Or(ctx.Err(), db.inPlace()); err != nil {
		return 0, err
	}
	defer db.explain(&err)
	if content, err = checkFile(db.path); err != nil {
		return 0, err
	}
	err = guarded(func() error {
		return db.bolt.View(func(t *bbolt.Tx) error { return tx{Tx: t}.checkBolt() })
	})
	return content, err
}

// checkFile verifies the pages of a file into which nobody writes.
func checkFile(path string) (content int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return checkTree(f)
}

// checkBolt runs bbolt's own check, which crashes on some files that
// checkTree finds damaged. A file need not fit into memory for that.
func (t tx) checkBolt() error {
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for every := time.NewTicker(time.Millisecond); ; {
			select {
			case <-every.C:
				t.releaseMemory()
			case <-ctx.Done():
				every.Stop()
				t.releaseMemory()
				return
			}
		}
	})
	defer wg.Wait() // the transaction ends after it
	defer stop()
	var p problems
	for err := range t.Check() {
		p.add(err)
	}
	return p.err()
}

// checkSums verifies the checksum of every value, without looking into it.
func (t tx) checkSums() error {
	if _, err := t.meta(); err != nil {
		return err
	}
	var p problems
	for _, root := range rootBuckets {
		if slices.Contains([]string{inMailbox, inWaiting, inTold, inMissing}, root) {
			continue // only keys
		}
		t.each(&p, t.in(root), func(_, _ []byte) error { return nil })
		if root == inHistory {
			continue
		}
		for _, name := range t.names(root) {
			t.each(&p, t.of(root, name), func(_, _ []byte) error { return nil })
			t.releaseMemory()
		}
	}
	t.releaseMemory()
	return p.err()
}

// checkValues verifies everything that is stored in its meaning.
func (t tx) checkValues() error {
	if _, err := t.meta(); err != nil {
		return err
	}
	var p problems
	t.checkStorefronts(&p)
	t.checkLog(&p)
	t.checkScans(&p)
	t.checkOutbox(&p)
	t.checkSequences(&p)
	if t.Bucket([]byte(inMissing)) != nil { // not in a file of an older schema
		t.checkViews(&p)
	}
	t.each(&p, t.in(inCoolDowns), func(k, _ []byte) error {
		_, err := t.coolDown(string(k))
		return err
	})
	t.each(&p, t.in(inStamps), func(k, payload []byte) error {
		_, err := t.in(inStamps).stamp(k, payload)
		return err
	})
	t.each(&p, t.in(inEvidence), func(k, _ []byte) error {
		_, err := t.evidenceTime(string(k))
		return err
	})
	return p.err()
}

// each calls fn with every sealed value of a bucket and gathers errors.
func (t tx) each(p *problems, b bucket, fn func(k, payload []byte) error) {
	cur := b.cursor()
	if cur == nil {
		return
	}
	for k, v := cur.First(); k != nil; k, v = cur.Next() {
		if v == nil {
			continue // a bucket
		}
		payload, err := b.open(k, v)
		if err == nil {
			err = fn(k, payload)
		}
		p.add(err)
	}
}

func (t tx) checkStorefronts(p *problems) {
	known := make(map[tracker.StorefrontName]bool)
	t.each(p, t.in(inStorefronts), func(k, _ []byte) error {
		known[tracker.StorefrontName(k)] = true
		c, err := t.catalog(tracker.StorefrontName(k))
		if err != nil {
			return err
		}
		listed := 0
		err = c.walk("", func(k, v []byte) (bool, error) {
			e, _, err := decodeEntry(v)
			if err != nil {
				return false, c.items.damaged(k, err)
			}
			if e.ID = tracker.ProductID(k); !e.Removed {
				listed++
			}
			it, _, err := c.item(e.ID)
			want := tracker.EntryOf(&it)
			if e.Gone.IsZero() {
				want.Gone = e.Gone // as schema 1 has it
			}
			if err == nil && want != e {
				err = c.items.damaged(k, errors.New("its header says something else"))
			}
			p.add(err)
			return true, nil
		})
		if err == nil && listed != c.state.Listed {
			err = fmt.Errorf("%s is %w (%d products listed, recorded are %d)", c.items.path, storage.ErrDamaged, listed, c.state.Listed)
		}
		return err
	})
	for _, root := range []string{inCatalogs, inScans, inLogs, inHistory, inShops, inMissing, inAbsences, inTitles} {
		for _, name := range t.names(root) {
			if !known[name] {
				p.addf("%s/%s: there is no such storefront", root, name)
			}
		}
	}
	for _, name := range t.names(inShops) {
		b := t.of(inShops, name)
		t.each(p, b, func(k, _ []byte) error {
			_, err := t.shop(name, numberOf(k))
			return err
		})
	}
}

// checkSequences verifies the numbers that buckets count by: where things are
// numbered it is that of the last one, elsewhere 0.
func (t tx) checkSequences(p *problems) {
	look := func(b bucket, numbered bool) {
		if b.Bucket == nil {
			return
		}
		want := uint64(0)
		if k, _ := b.Cursor().Last(); numbered {
			want = numberOf(k)
		}
		if got := b.Sequence(); got != want {
			p.addf("%s has counted to %d instead of %d", b.path, got, want)
		}
	}
	for _, root := range rootBuckets {
		look(t.in(root), root == inChanges || root == inReports)
		for _, name := range t.names(root) {
			look(t.of(root, name), root == inShops)
		}
	}
}
