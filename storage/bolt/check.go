package bolt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
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

// problems gathers what a check finds.
type problems struct {
	errs []error
	more int
}

func (p *problems) add(err error) {
	switch {
	case err == nil:
	case len(p.errs) < 20:
		p.errs = append(p.errs, err)
	default:
		p.more++
	}
}

func (p *problems) addf(format string, args ...any) { p.add(fmt.Errorf(format, args...)) }

func (p *problems) err() error {
	if len(p.errs) == 0 {
		return nil
	}
	errs := p.errs
	if p.more > 0 {
		errs = append(errs, fmt.Errorf("and %d more", p.more))
	}
	return fmt.Errorf("%w: %w", storage.ErrDamaged, oneLine(errs))
}

// oneLine is several errors in one line, as people read them.
type oneLine []error

func (l oneLine) Error() string {
	words := make([]string, len(l))
	for i, err := range l {
		words[i] = err.Error()
	}
	return strings.Join(words, "; ")
}

func (l oneLine) Unwrap() []error { return l }

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

// names are the storefronts that have a bucket under a root bucket.
func (t tx) names(root string) []tracker.StorefrontName {
	var list []tracker.StorefrontName
	cur := t.in(root).cursor()
	if cur == nil {
		return nil
	}
	for k, v := cur.First(); k != nil; k, v = cur.Next() {
		if v == nil {
			list = append(list, tracker.StorefrontName(k))
		}
	}
	return list
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

func (t tx) checkScans(p *problems) {
	for _, name := range t.names(inScans) {
		b := t.of(inScans, name)
		t.each(p, b, func(k, _ []byte) error {
			_, _, err := t.scan(b, name, k)
			return err
		})
	}
}

// checkLog verifies that the log has no gap and that its indexes have every
// change, and no other.
func (t tx) checkLog(p *problems) {
	next, products, perName := uint64(1), 0, make(map[tracker.StorefrontName]int)
	t.each(p, t.in(inChanges), func(k, payload []byte) error {
		seq := numberOf(k)
		if seq != next {
			p.addf("%s: %d follows %d", inChanges, seq, next-1)
		}
		next = seq + 1
		c, err := t.change(seq)
		if err != nil {
			return err
		}
		perName[c.Storefront]++
		p.add(t.checkLeaf(&c))
		own := t.of(inLogs, c.Storefront)
		if head, err := own.get(k); err != nil {
			p.add(err)
		} else if !bytes.Equal(head, payload[:changeHeader]) {
			p.addf("%s does not have change %d as it is", own.path, seq)
		}
		at := int64(binary.BigEndian.Uint64(payload))
		if s, found, err := t.span(seq / spanLength); err != nil {
			p.add(err)
		} else if !found || at < s.earliest || at > s.latest {
			p.addf("%s/%d does not cover change %d", inSpans, seq/spanLength, seq)
		}
		if c.Product != nil {
			products++
			if found, err := t.hasHistory(c.Storefront, c.Product.ID, seq); err != nil {
				p.add(err)
			} else if !found {
				p.addf("%s/%s does not have change %d of product %s", inHistory, c.Storefront, seq, c.Product.ID)
			}
		}
		return nil
	})
	t.checkTree(p)
	if t.last() != next-1 {
		p.addf("%s ends with %d instead of %d", inChanges, next-1, t.last())
	}
	for _, name := range t.names(inLogs) {
		b, n := t.of(inLogs, name), 0
		t.each(p, b, func(_, _ []byte) error { n++; return nil })
		if n != perName[name] {
			p.addf("%s has %d changes instead of %d", b.path, n, perName[name])
		}
	}
	t.eachHistory(p, func(tracker.StorefrontName, tracker.ProductID, uint64) { products-- })
	if products != 0 {
		p.addf("%s names %d changes too many", inHistory, -products)
	}
}

// checkViews verifies that the indexes of pages say what catalogs and log say.
func (t tx) checkViews(p *problems) {
	for _, name := range t.names(inCatalogs) {
		c, err := t.catalog(name)
		if err != nil {
			p.add(err)
			continue
		}
		missing, absences, n := t.of(inMissing, name), t.of(inAbsences, name), 0
		t.each(p, c.items, func(k, payload []byte) error {
			e, isMissing, err := decodeEntry(payload)
			if err != nil {
				return c.items.damaged(k, err)
			}
			if isMissing {
				n++
			}
			if noted := missing.Bucket != nil && missing.Get(k) != nil; noted != isMissing {
				p.addf("%s is wrong about %s", missing.path, k)
			}
			open, err := absences.openAbsence(tracker.ProductID(k))
			if err == nil && (open != nil) != (isMissing || e.Removed) {
				err = fmt.Errorf("%s is wrong about %s", absences.path, k)
			}
			return err
		})
		if missing.Bucket != nil {
			for cur, k := firstOf(missing); k != nil; k, _ = cur.Next() {
				n--
			}
		}
		if n != 0 {
			p.addf("%s has %d products too many", missing.path, -n)
		}
		t.releaseMemory()
	}
	marked := 0
	t.each(p, t.in(inChanges), func(k, payload []byte) error {
		c, err := t.change(numberOf(k))
		if err != nil {
			return nil //nolint:nilerr // checkLog tells of it
		}
		if c.Important != "" {
			marked++
			if head, err := t.in(inImportant).get(k); err != nil || !bytes.Equal(head, payload[:changeHeader]) {
				p.addf("%s does not have change %d as it is", inImportant, c.Seq)
			}
		}
		if c.Product == nil {
			return nil
		}
		b := t.of(inTitles, c.Storefront)
		text, err := b.get([]byte(c.Product.ID))
		if err == nil && !bytes.Contains(text, []byte(strings.ReplaceAll(storage.Fold(c.Product.Title), "\n", " "))) {
			err = fmt.Errorf("%s does not have the title of change %d", b.path, c.Seq)
		}
		return err
	})
	t.each(p, t.in(inImportant), func(_, _ []byte) error { marked--; return nil })
	if marked != 0 {
		p.addf("%s has %d changes too many", inImportant, -marked)
	}
	t.releaseMemory()
}

func firstOf(b bucket) (*bbolt.Cursor, []byte) {
	cur := b.cursor()
	k, _ := cur.First()
	return cur, k
}

// hasHistory reports whether a change is known as one of a product, by the
// item or by the index.
func (t tx) hasHistory(name tracker.StorefrontName, id tracker.ProductID, seq uint64) (bool, error) {
	if b := t.of(inHistory, name); b.Bucket != nil && b.Get(underNumber(string(id), seq)) != nil {
		return true, nil
	}
	last, err := t.of(inCatalogs, name).changes(id)
	return slices.Contains(last, seq), err
}

// eachHistory calls fn with all that is known of which change is about which
// product.
func (t tx) eachHistory(p *problems, fn func(name tracker.StorefrontName, id tracker.ProductID, seq uint64)) {
	for _, name := range t.names(inHistory) {
		b := t.of(inHistory, name)
		cur := b.cursor()
		for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
			id, _, found := bytes.Cut(k, []byte{0})
			if !found || len(k) != len(id)+9 || numberOf(k) > t.last() {
				p.add(b.damaged(k, errors.New("names no change")))
			}
			fn(name, tracker.ProductID(id), numberOf(k))
		}
	}
	for _, name := range t.names(inCatalogs) {
		b := t.of(inCatalogs, name)
		t.each(p, b, func(k, payload []byte) error {
			last, _, err := splitItem(payload)
			if err == nil && len(last) > 0 && last[len(last)-1] > t.last() {
				err = errors.New("names no change")
			}
			if err != nil {
				return b.damaged(k, err)
			}
			for _, seq := range last {
				fn(name, tracker.ProductID(k), seq)
			}
			return nil
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

func (t tx) checkOutbox(p *problems) {
	t.each(p, t.in(inChannels), func(k, _ []byte) error {
		v, err := t.channel(string(k))
		if err == nil && v.Told > t.last() {
			err = fmt.Errorf("%s/%s is at %d, behind the end of the log", inChannels, k, v.Told)
		}
		return err
	})
	mailbox, waiting, told := t.in(inMailbox), t.in(inWaiting), t.in(inTold)
	reports, open, tellings, next := 0, 0, 0, uint64(1)
	t.each(p, t.in(inReports), func(k, _ []byte) error {
		r, err := t.report(numberOf(k))
		if err != nil {
			return err
		}
		if r.ID != next {
			p.addf("%s: %d follows %d", inReports, r.ID, next-1)
		}
		next = r.ID + 1
		reports++
		key := underNumber(r.Channel, r.ID)
		if mailbox.Get(key) == nil {
			p.addf("%s does not have report %d", inMailbox, r.ID)
		}
		if !r.Delivered {
			open++
		}
		if (waiting.Get(key) != nil) == r.Delivered {
			p.addf("%s is wrong about report %d", inWaiting, r.ID)
		}
		for _, seq := range r.Changes {
			tellings++
			if told.Get(append(number(seq), k...)) == nil {
				p.addf("%s does not have change %d of report %d", inTold, seq, r.ID)
			}
		}
		return nil
	})
	for _, index := range []struct {
		b    bucket
		want int
	}{{mailbox, reports}, {waiting, open}, {told, tellings}} {
		n, cur := 0, index.b.cursor()
		for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
			n++
		}
		if n != index.want {
			p.addf("%s has %d entries instead of %d", index.b.path, n, index.want)
		}
	}
}
