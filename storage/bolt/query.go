package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/tracker"
)

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
