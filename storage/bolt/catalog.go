package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// A catalog is that of a storefront within a transaction.
type catalog struct {
	tx
	name  tracker.StorefrontName
	items bucket
	state tracker.State
}

func (t tx) catalog(name tracker.StorefrontName) (*catalog, error) {
	st, _, err := t.state(name)
	return &catalog{tx: t, name: name, items: t.of(inCatalogs, name), state: st}, err
}

// item reads one item.
func (c *catalog) item(id tracker.ProductID) (tracker.Item, bool, error) {
	p, err := c.items.get([]byte(id))
	if p == nil || err != nil {
		return tracker.Item{}, false, err
	}
	it, err := decodeItem(id, p)
	if err != nil {
		return tracker.Item{}, false, c.items.damaged([]byte(id), err)
	}
	return it, true, nil
}

// load reads items that are there.
func (c *catalog) load(ids []tracker.ProductID) ([]tracker.Item, error) {
	items := make([]tracker.Item, len(ids))
	for i, id := range ids {
		it, found, err := c.item(id)
		if err == nil && !found { // though a walk came to it
			err = c.items.damaged([]byte(id), errors.New("out of order"))
		}
		if err != nil {
			return nil, err
		}
		items[i] = it
	}
	return items, nil
}

// entries adds the whole catalog to a plan. It also finds out whether items are
// missing from the file.
func (c *catalog) entries(p *tracker.Plan) error {
	var ids arena
	err := c.walk("", func(k, v []byte) (bool, error) {
		e, _, err := decodeEntry(v)
		if err != nil {
			return false, c.items.damaged(k, err)
		}
		if !p.Known(e.Fingerprint) {
			e.ID = ids.string(k)
			p.Add(e)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	if listed, removed := p.Counted(); listed != c.state.Listed || removed != c.state.Removed {
		return fmt.Errorf("%s is %w (%d products listed and %d removed, recorded are %d and %d)",
			c.items.path, storage.ErrDamaged, listed, removed, c.state.Listed, c.state.Removed)
	}
	return nil
}

// An arena copies many small ids into few pieces of memory.
type arena struct{ strings.Builder }

func (a *arena) string(id []byte) tracker.ProductID {
	if a.Cap()-a.Len() < len(id) {
		a.Reset()
		a.Grow(max(1<<14, len(id)))
	}
	at := a.Len()
	a.Write(id)
	return tracker.ProductID(a.String()[at:])
}

// seen fills in when a listed product was last seen: the last complete scan
// showed it.
func (c *catalog) seen(it *tracker.Item) {
	if it.Listed() && it.Missing == 0 && it.LastSeen.Before(c.state.LastComplete) {
		it.LastSeen = c.state.LastComplete
	}
	if it.LastSeen.Before(it.FirstSeen) {
		it.LastSeen = it.FirstSeen
	}
}

// state reads what is known of a storefront, and the place of its identity in
// shops.
func (t tx) state(name tracker.StorefrontName) (tracker.State, uint64, error) {
	var v stateValue
	found, err := t.in(inStorefronts).read([]byte(name), &v)
	if !found || err != nil {
		return tracker.State{}, 0, err
	}
	shop, err := t.shop(name, v.Shop)
	return v.state(shop), v.Shop, err
}

// shop reads one of the identities that a storefront stated; 0 is none.
func (t tx) shop(name tracker.StorefrontName, index uint64) (tracker.SellerIdentity, error) {
	if index == 0 {
		return tracker.SellerIdentity{}, nil
	}
	var v shopValue
	b := t.of(inShops, name)
	found, err := b.read(number(index), &v)
	if err == nil && !found {
		err = fmt.Errorf("%s is missing: %w", b.name(number(index)), storage.ErrDamaged)
	}
	return tracker.SellerIdentity{ID: v.ID, Seller: v.Seller, Name: v.Name}, err
}

// addShop returns the place of an identity, which is new unless it is among
// the last few.
func (t tx) addShop(name tracker.StorefrontName, s tracker.SellerIdentity) (uint64, error) {
	if s == (tracker.SellerIdentity{}) {
		return 0, nil
	}
	b, err := t.make(inShops, name)
	if err != nil {
		return 0, err
	}
	last := b.Sequence()
	for i := last; i > 0 && last-i < 8; i-- {
		if known, err := t.shop(name, i); err != nil || known == s {
			return i, err
		}
	}
	index, err := b.NextSequence()
	if err != nil {
		return 0, err
	}
	return index, b.write(number(index), shopValue{ID: s.ID, Seller: s.Seller, Name: s.Name})
}

// Storefronts implements storage.Catalogs.
func (db *DB) Storefronts(ctx context.Context) ([]storage.Storefront, error) {
	var list []storage.Storefront
	err := db.view(ctx, func(t tx) error {
		cur := t.in(inStorefronts).cursor()
		for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
			name := tracker.StorefrontName(k)
			st, _, err := t.state(name)
			if err != nil {
				return err
			}
			list = append(list, storage.Storefront{Name: name, State: st})
		}
		return nil
	})
	return list, err
}

// State implements storage.Catalogs.
func (db *DB) State(ctx context.Context, name tracker.StorefrontName) (tracker.State, error) {
	var st tracker.State
	err := db.view(ctx, func(t tx) (err error) {
		st, _, err = t.state(name)
		return err
	})
	return st, err
}

// Products implements storage.Catalogs.
func (db *DB) Products(ctx context.Context, name tracker.StorefrontName, after tracker.ProductID, limit int) ([]tracker.Item, error) {
	var list []tracker.Item
	err := db.view(ctx, func(t tx) error {
		c, err := t.catalog(name)
		if err != nil {
			return err
		}
		return c.walk(after, func(k, p []byte) (bool, error) {
			it, err := decodeItem(tracker.ProductID(k), p)
			if err != nil {
				return false, c.items.damaged(k, err)
			}
			c.seen(&it)
			list = append(list, it)
			return len(list) < storage.PageSize(limit), nil
		})
	})
	return list, err
}

// walk calls fn with the items after an id until it returns false. A walk of
// all finds out whether items are missing from the file.
func (c *catalog) walk(after tracker.ProductID, fn func(k, p []byte) (bool, error)) error {
	cur, n, read := c.items.cursor(), 0, 0
	defer func() { c.count(read) }()
	before := []byte(after)
	var k, v []byte
	if cur != nil {
		k, v = from(cur, before)
	}
	for ; k != nil; k, v = cur.Next() {
		p, err := c.items.next(before, k, v)
		if err != nil {
			return err
		}
		before = k
		read += len(k) + len(v)
		n++
		if more, err := fn(k, p); !more || err != nil {
			return err
		}
	}
	if want := c.state.Listed + c.state.Removed; after == "" && n != want {
		return fmt.Errorf("%s is %w (%d products, recorded are %d)", c.items.path, storage.ErrDamaged, n, want)
	}
	return nil
}

// from moves a cursor to the first key after the given one.
func from(cur *bbolt.Cursor, after []byte) (k, v []byte) {
	if len(after) == 0 {
		return cur.First()
	}
	k, v = cur.Seek(after)
	if bytes.Equal(k, after) {
		return cur.Next()
	}
	return k, v
}

// Product implements storage.Catalogs.
func (db *DB) Product(ctx context.Context, name tracker.StorefrontName, id tracker.ProductID) (tracker.Item, bool, error) {
	var it tracker.Item
	var found bool
	err := db.view(ctx, func(t tx) error {
		c, err := t.catalog(name)
		if err != nil {
			return err
		}
		if it, found, err = c.item(id); found {
			c.seen(&it)
		}
		return err
	})
	return it, found, err
}

// Suspects implements storage.Catalogs.
func (db *DB) Suspects(ctx context.Context, name tracker.StorefrontName, after tracker.ProductID, limit int) ([]tracker.Item, error) {
	var list []tracker.Item
	err := db.view(ctx, func(t tx) error {
		c, err := t.catalog(name)
		if err != nil {
			return err
		}
		missing := t.of(inMissing, name)
		cur := missing.cursor()
		if cur == nil {
			return nil
		}
		for k, _ := from(cur, []byte(after)); k != nil && len(list) < storage.PageSize(limit); k, _ = cur.Next() {
			it, found, err := c.item(tracker.ProductID(k))
			if err == nil && !found {
				err = missing.damaged(k, errors.New("names no product"))
			}
			if err != nil {
				return err
			}
			list = append(list, it)
		}
		return nil
	})
	return list, err
}
