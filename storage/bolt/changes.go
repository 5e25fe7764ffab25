package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// append gives changes of a storefront their numbers and writes them, with the
// indexes that go by number. Which of them are about a product is the caller's
// to note.
func (t tx) append(name tracker.StorefrontName, changes []tracker.Change) error {
	if len(changes) == 0 {
		return nil
	}
	log := t.in(inChanges)
	own, err := t.make(inLogs, name)
	if err != nil {
		return err
	}
	tree := t.in(inTree)
	log.FillPercent, own.FillPercent, tree.FillPercent = appended, appended, appended
	for i := range changes {
		c := &changes[i]
		if c.Seq, err = log.NextSequence(); err != nil {
			return err
		}
		p, kept, err := encodeChange(c)
		if err != nil {
			return err
		}
		key := number(c.Seq)
		if err := log.put(key, p); err != nil {
			return err
		}
		if err := tree.grow(&kept); err != nil {
			return err
		}
		if err := own.put(key, p[:changeHeader]); err != nil {
			return err
		}
		if err := t.noteChange(c); err != nil {
			return err
		}
		if i == 0 || c.Seq%spanLength == 0 || !c.At.Equal(changes[i-1].At) {
			if err := t.widen(c.Seq, storage.Millis(c.At)); err != nil {
				return err
			}
		}
		if err := t.nameEvidence(c.At, c.Files()...); err != nil {
			return err
		}
	}
	return nil
}

// toHistory notes in the index which changes are about a product.
func (t tx) toHistory(name tracker.StorefrontName, id tracker.ProductID, changes []uint64) error {
	if len(changes) == 0 {
		return nil
	}
	b, err := t.make(inHistory, name)
	if err != nil {
		return err
	}
	for _, seq := range changes {
		if err := b.Put(underNumber(string(id), seq), nil); err != nil {
			return err
		}
	}
	return nil
}

// changes are the numbers that stand with an item of this catalog.
func (b bucket) changes(id tracker.ProductID) ([]uint64, error) {
	p, err := b.get([]byte(id))
	if err != nil {
		return nil, err
	}
	return b.numbers(id, p)
}

// numbers are those that stand with an item that was read; nil when there is
// none.
func (b bucket) numbers(id tracker.ProductID, p []byte) ([]uint64, error) {
	if p == nil {
		return nil, nil
	}
	list, _, err := splitItem(p)
	if err != nil {
		err = b.damaged([]byte(id), err)
	}
	return list, err
}

// widen takes a change into the earliest and latest time of its stretch of
// the log.
func (t tx) widen(seq uint64, at int64) error {
	b, key := t.in(inSpans), number(seq/spanLength)
	s, found, err := t.span(seq / spanLength)
	if err != nil {
		return err
	}
	wide := span{at, at}
	if found {
		wide = span{min(s.earliest, at), max(s.latest, at)}
	}
	if found && wide == s {
		return nil
	}
	return b.put(key, append(number(uint64(wide.earliest)), number(uint64(wide.latest))...))
}

type span struct{ earliest, latest int64 }

func (t tx) span(index uint64) (span, bool, error) {
	b := t.in(inSpans)
	p, err := b.get(number(index))
	if p == nil || err != nil {
		return span{}, false, err
	}
	if len(p) != 16 {
		return span{}, false, b.damaged(number(index), errors.New("wrong length"))
	}
	return span{int64(binary.BigEndian.Uint64(p)), int64(binary.BigEndian.Uint64(p[8:]))}, true, nil
}

// change reads one change.
func (t tx) change(seq uint64) (tracker.Change, error) {
	b := t.in(inChanges)
	p, err := b.get(number(seq))
	if err == nil && p == nil {
		err = fmt.Errorf("%s is missing: %w", b.name(number(seq)), storage.ErrDamaged)
	}
	if err != nil {
		return tracker.Change{}, err
	}
	t.count(len(p))
	c, err := decodeChange(seq, p)
	if err != nil {
		err = b.damaged(number(seq), err)
	}
	return c, err
}

// last is the number of the last change.
func (t tx) last() uint64 { return t.in(inChanges).Sequence() }

// Changes implements storage.Log. The log of one storefront, that of marked
// changes, and a stretch of time, are found without a walk of the rest.
func (db *DB) Changes(ctx context.Context, q storage.Query) ([]tracker.Change, error) {
	var list []tracker.Change
	err := db.view(ctx, func(t tx) error {
		take := func(seq uint64) (bool, error) {
			c, err := t.change(seq)
			if err != nil || !q.Selects(&c) {
				return false, err
			}
			list = append(list, c)
			return true, nil
		}
		if q.Text != "" {
			return t.search(q, take)
		}
		return t.find(q, take)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// find calls take with the numbers that a query selects by all but its text, in
// its order, and with some more. It ends when take has taken as many as the query
// wants.
func (t tx) find(q storage.Query, take func(seq uint64) (bool, error)) error {
	return t.heads(q, func(seq uint64, _ int64, _ byte) (bool, error) { return take(seq) })
}

// heads is find for who wants to know the times and the codes of the kinds.
func (t tx) heads(q storage.Query, take func(seq uint64, at int64, code byte) (bool, error)) error {
	w := walk{tx: t, entries: t.in(inChanges), newest: q.Newest, dense: q.Storefront == "" && !q.Important}
	switch {
	case q.Important:
		w.entries = t.in(inImportant)
	case q.Storefront != "":
		w.entries = t.of(inLogs, q.Storefront)
	}
	if w.cur = w.entries.cursor(); w.cur == nil {
		return nil
	}
	first, end := q.After+1, q.Before // of an upward walk; end 0 is none
	if q.Newest {
		first, end = q.Before-1, q.After // 0-1 is the greatest number
	}
	since, until := int64(0), int64(1<<62)
	if !q.Since.IsZero() {
		since = q.Since.UnixMilli()
	}
	if !q.Until.IsZero() {
		until = q.Until.UnixMilli()
	}
	var codes [256]bool
	for _, k := range q.Kinds {
		codes[kindCodes[k]] = true
	}
	checked := ^uint64(0) // the span known to overlap the time asked for
	w.seek(first)
	for n := 0; w.k != nil && n < storage.PageSize(q.Limit); {
		seq := numberOf(w.k)
		if q.Newest && seq <= end || !q.Newest && end > 0 && seq >= end {
			break
		}
		if index := seq / spanLength; index != checked && (since > 0 || until < 1<<62) {
			s, found, err := t.span(index)
			if err != nil {
				return err
			}
			if found && (s.latest < since || s.earliest >= until) {
				w.skip(index)
				continue
			}
			checked = index
		}
		at, code, err := w.head()
		if err != nil {
			return err
		}
		if since <= at && at < until && (len(q.Kinds) == 0 || codes[code]) {
			taken, err := take(seq, at, code)
			if err != nil {
				return err
			}
			if taken {
				n++
			}
		}
		w.step()
	}
	return w.err()
}

// A walk goes through the log, or the log of one storefront, in either
// direction. In the whole log it notices when a change is missing.
type walk struct {
	tx      tx
	entries bucket
	cur     *bbolt.Cursor
	newest  bool // downward
	dense   bool // every number is there

	k, v []byte // nil at the end
	lost uint64 // a number that should be there
}

// seek goes to the first number from seq on.
func (w *walk) seek(seq uint64) {
	w.k, w.v = w.cur.Seek(number(seq))
	if w.newest {
		if w.k == nil {
			w.k, w.v = w.cur.Last()
		} else if numberOf(w.k) > seq {
			w.k, w.v = w.cur.Prev()
		}
		seq = min(seq, w.tx.last())
	}
	w.expect(seq)
}

// skip goes past a whole span.
func (w *walk) skip(index uint64) {
	switch {
	case !w.newest:
		w.seek((index + 1) * spanLength)
	case index > 0:
		w.seek(index*spanLength - 1)
	default:
		w.k = nil
	}
}

func (w *walk) step() {
	seq := numberOf(w.k)
	if w.newest {
		w.k, w.v = w.cur.Prev()
		w.expect(seq - 1)
	} else {
		w.k, w.v = w.cur.Next()
		w.expect(seq + 1)
	}
}

// expect says which number should have come.
func (w *walk) expect(seq uint64) {
	there := seq >= 1 && seq <= w.tx.last()
	if w.dense && there && (w.k == nil || numberOf(w.k) != seq) {
		w.lost, w.k = seq, nil
	}
}

// head reads the time and the kind's code of the present entry.
func (w *walk) head() (at int64, code byte, err error) {
	p, err := w.entries.open(w.k, w.v)
	if err == nil && len(p) < changeHeader {
		err = w.entries.damaged(w.k, errors.New("too short"))
	}
	if err != nil {
		return 0, 0, err
	}
	return int64(binary.BigEndian.Uint64(p)), p[8], nil
}

func (w *walk) err() error {
	if w.lost != 0 {
		return fmt.Errorf("%s is missing: %w", w.entries.name(number(w.lost)), storage.ErrDamaged)
	}
	return nil
}

// Change implements storage.Log.
func (db *DB) Change(ctx context.Context, seq uint64) (tracker.Change, bool, error) {
	var c tracker.Change
	found := false
	err := db.view(ctx, func(t tx) (err error) {
		if found = seq > 0 && seq <= t.last(); found {
			c, err = t.change(seq)
		}
		return err
	})
	return c, found && err == nil, err
}

// ChangesOf implements storage.Log.
func (db *DB) ChangesOf(ctx context.Context, seqs []uint64) ([]tracker.Change, error) {
	var list []tracker.Change
	err := db.view(ctx, func(t tx) error {
		last := t.last()
		for _, seq := range seqs {
			if seq == 0 || seq > last {
				continue
			}
			c, err := t.change(seq)
			if err != nil {
				return err
			}
			list = append(list, c)
		}
		return nil
	})
	return list, err
}

// PriorPrices implements storage.Log. Of the changes of a product it decodes
// those that may matter, by what stands before them.
func (db *DB) PriorPrices(ctx context.Context, changes []tracker.Change) (map[uint64]tracker.Price, error) {
	prior := make(map[uint64]tracker.Price)
	err := db.view(ctx, func(t tx) error {
		for i := range changes {
			c := &changes[i]
			if !c.Cuts() {
				continue
			}
			history, err := t.priceHistory(c.Storefront, c.Product.ID, storage.Millis(c.At.Add(-tracker.PriorPeriod)))
			if err != nil {
				return err
			}
			if p, ok := tracker.PriorPrice(c, history); ok {
				prior[c.Seq] = p
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return prior, nil
}

// priceHistory reads what happened to the price of a product since a time, and
// what was corrected.
func (t tx) priceHistory(name tracker.StorefrontName, id tracker.ProductID, since int64) ([]tracker.Change, error) {
	var list []tracker.Change
	log := t.in(inChanges)
	for seq, err := range t.numbers(name, id, 0) {
		if err != nil {
			return nil, err
		}
		p, err := log.get(number(seq))
		if err != nil {
			return nil, err
		}
		if len(p) >= changeHeader {
			at, code := int64(binary.BigEndian.Uint64(p)), p[8]
			if at < since || code != kindCodes[tracker.Repriced] && code != kindCodes[tracker.Corrected] {
				continue
			}
		}
		c, err := t.change(seq) // which tells what is missing or damaged
		if err != nil {
			return nil, err
		}
		if c.Storefront != name || c.Product == nil || c.Product.ID != id {
			return nil, otherProduct(name, id, seq)
		}
		list = append(list, c)
	}
	return list, nil
}

func otherProduct(name tracker.StorefrontName, id tracker.ProductID, seq uint64) error {
	return fmt.Errorf("%s/%s/%s is %w: it names change %d, which is of another product", inHistory, name, id, storage.ErrDamaged, seq)
}

// History implements storage.Log.
func (db *DB) History(ctx context.Context, name tracker.StorefrontName, id tracker.ProductID, after uint64, limit int) ([]tracker.Change, error) {
	var list []tracker.Change
	err := db.view(ctx, func(t tx) error {
		return t.history(name, id, after, func(c *tracker.Change) bool {
			list = append(list, *c)
			return len(list) < storage.PageSize(limit)
		})
	})
	return list, err
}

// history calls fn with the changes of a product until it returns false.
func (t tx) history(name tracker.StorefrontName, id tracker.ProductID, after uint64, fn func(*tracker.Change) bool) error {
	var before uint64
	for seq, err := range t.numbers(name, id, after) {
		if err != nil {
			return err
		}
		c, err := t.change(seq)
		if err != nil {
			return err
		}
		if seq <= before || c.Storefront != name || c.Product == nil || c.Product.ID != id {
			return otherProduct(name, id, seq)
		}
		if before = seq; !fn(&c) {
			return nil
		}
	}
	return nil
}

// numbers are those of the changes of a product, from the one after a number:
// the index has the older ones, the item the last, and what a person found
// wrong stands in the index among them.
func (t tx) numbers(name tracker.StorefrontName, id tracker.ProductID, after uint64) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		last, err := t.of(inCatalogs, name).changes(id)
		if err != nil {
			yield(0, err)
			return
		}
		for len(last) > 0 && last[0] <= after {
			last = last[1:]
		}
		if b := t.of(inHistory, name); b.Bucket != nil {
			cur, prefix := b.cursor(), under(string(id))
			for k, _ := cur.Seek(underNumber(string(id), after+1)); bytes.HasPrefix(k, prefix); k, _ = cur.Next() {
				if len(k) != len(prefix)+8 {
					yield(0, b.damaged(k, errors.New("names no change")))
					return
				}
				for ; len(last) > 0 && last[0] < numberOf(k); last = last[1:] {
					if !yield(last[0], nil) {
						return
					}
				}
				if !yield(numberOf(k), nil) {
					return
				}
			}
		}
		for _, seq := range last {
			if !yield(seq, nil) {
				return
			}
		}
	}
}
