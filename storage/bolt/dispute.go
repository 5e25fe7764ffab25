package bolt

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
		fixed = tracker.Change{
			Kind: tracker.Corrected, Storefront: wrong.Storefront, At: now.UTC().Truncate(time.Millisecond), Scan: wrong.Scan,
			Product: wrong.Product, Reason: strings.TrimSpace(reason), Important: wrong.Important, Ignored: wrong.Ignored, Corrects: seq,
		}
		held, err := t.setRight(&wrong, fixed.At)
		if err != nil {
			return err
		}
		if wrong.Before != nil {
			fixed.Before, fixed.Product = wrong.Product, wrong.Before
		}
		if held != nil {
			fixed.Product = held
		}
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
// said, and returns the product as it is held then; nil when it is not.
func (t tx) setRight(wrong *tracker.Change, now time.Time) (*tracker.Product, error) {
	name, id := wrong.Storefront, wrong.Product.ID
	c, err := t.catalog(name)
	if err != nil {
		return nil, err
	}
	it, found, err := c.item(id)
	if !found || err != nil {
		return nil, err
	}
	st, was, taken := c.state, it, false
	switch p := wrong.Product; {
	case wrong.Kind == tracker.Added:
		taken = true
	case wrong.Kind == tracker.Removed && it.Removed.Equal(wrong.At):
		it.Removed, it.Missing, it.Probe = time.Time{}, 0, nil
		it.LastSeen = now // by the person
	case wrong.Kind == tracker.Relisted && it.Listed():
		it.Removed, it.Missing, it.Probe = wrong.At.Add(-wrong.Away), 0, nil
	case (wrong.Kind == tracker.Soldout || wrong.Kind == tracker.Restocked) && it.Availability == p.Availability:
		it.Availability = wrong.Before.Availability
	case wrong.Kind == tracker.Repriced && it.Price.Agrees(p.Price):
		it.Price, it.Pending = wrong.Before.Price, tracker.Price{}
	case wrong.Kind == tracker.Retitled && it.Title == p.Title:
		it.Title = wrong.Before.Title
	case wrong.Kind == tracker.Repictured && it.Image == p.Image:
		it.Image, it.ImageHash = wrong.Before.Image, ""
	default:
		return &it.Product, nil // overtaken by a later change
	}
	count := func(listed bool, n int) {
		if listed {
			st.Listed += n
		} else {
			st.Removed += n
		}
	}
	count(was.Listed(), -1)
	st.Sum = 0 // the next complete scan compares every product
	if taken {
		b := t.of(inCatalogs, name)
		about, err := b.changes(id)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(t.toHistory(name, id, about), t.forget(name, id), b.Delete([]byte(id))); err != nil {
			return nil, err
		}
		return nil, t.putState(name, &st)
	}
	count(it.Listed(), 1)
	look := now
	if !it.Listed() {
		look = wrong.Scan // did not show it after all
	}
	if err := t.putItems(name, []tracker.Item{it}, nil, wrong.At, look); err != nil {
		return nil, err
	}
	return &it.Product, t.putState(name, &st)
}
