package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

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
