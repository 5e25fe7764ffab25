package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"shopwatch/storage"
	"shopwatch/tracker"
)

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

func otherProduct(name tracker.StorefrontName, id tracker.ProductID, seq uint64) error {
	return fmt.Errorf("%s/%s/%s is %w: it names change %d, which is of another product", inHistory, name, id, storage.ErrDamaged, seq)
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
