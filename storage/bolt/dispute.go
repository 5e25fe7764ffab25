package bolt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// Dispute implements storage.Committer.
func (db *DB) Dispute(ctx context.Context, seq uint64, reason string, now time.Time) (tracker.Change, error) {
	var fixed tracker.Change
	err := db.update(ctx, func(t tx) error {
		wrong, err := t.disputed(seq)
		if err != nil {
			return err
		}
		c, err := t.setRight(&wrong, reason, now)
		if err != nil {
			return err
		}
		fixed = c.Change
		log := []tracker.Change{fixed}
		if err := t.append(fixed.Storefront, log); err != nil {
			return err
		}
		fixed = log[0]
		return t.toHistory(fixed.Storefront, fixed.Product.ID, []uint64{fixed.Seq})
	})
	if err != nil {
		return tracker.Change{}, fmt.Errorf("dispute change %d: %w", seq, err)
	}
	return fixed, nil
}

// disputed reads a change that is to be found wrong.
func (t tx) disputed(seq uint64) (tracker.Change, error) {
	if seq == 0 || seq > t.last() {
		return tracker.Change{}, storage.Refused("there is no such change")
	}
	wrong, err := t.change(seq)
	if err != nil {
		return wrong, err
	}
	switch wrong.Kind {
	case tracker.Added, tracker.Removed, tracker.Relisted, tracker.Soldout, tracker.Restocked, tracker.Repriced, tracker.Retitled, tracker.Repictured:
	default:
		return wrong, storage.Refused("it is of kind %s; only what was said of a product can be disputed", wrong.Kind)
	}
	var by uint64
	err = t.history(wrong.Storefront, wrong.Product.ID, seq, func(c *tracker.Change) bool {
		if c.Corrects == seq {
			by = c.Seq
		}
		return by == 0
	})
	if err == nil && by != 0 {
		err = storage.Refused("it was corrected already, by change %d", by)
	}
	return wrong, err
}

// setRight takes a wrong change back where the catalog still holds what it
// said.
func (t tx) setRight(wrong *tracker.Change, reason string, now time.Time) (tracker.Correction, error) {
	name, id := wrong.Storefront, wrong.Product.ID
	c, err := t.catalog(name)
	if err != nil {
		return tracker.Correction{}, err
	}
	it, found, err := c.item(id)
	if err != nil {
		return tracker.Correction{}, err
	}
	var known *tracker.Item
	if found {
		known = &it
	}
	right := tracker.Correct(wrong, c.state, known, reason, now)
	switch {
	case right.Delete:
		b := t.of(inCatalogs, name)
		about, err := b.changes(id)
		if err != nil {
			return right, err
		}
		if err := errors.Join(t.toHistory(name, id, about), t.forget(name, id), b.Delete([]byte(id))); err != nil {
			return right, err
		}
	case right.Write:
		look := now
		if !right.Item.Listed() {
			look = wrong.Scan // did not show it after all
		}
		if err := t.putItems(name, []tracker.Item{*right.Item}, nil, wrong.At, look); err != nil {
			return right, err
		}
	default:
		return right, nil
	}
	return right, t.putState(name, &right.State)
}
