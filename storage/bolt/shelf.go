package bolt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// Shelf implements storage.Views.
func (db *DB) Shelf(ctx context.Context, q storage.ShelfQuery) (storage.Shelf, error) {
	var shelf storage.Shelf
	err := db.view(ctx, func(t tx) error {
		c, err := t.catalog(q.Storefront)
		if err != nil {
			return err
		}
		if p, err := t.in(inMeta).get(exactKey); err != nil {
			return err
		} else if len(p) == 8 {
			shelf.Exact = storage.FromMillis(int64(numberOf(p)))
		}
		list, err := c.onShelf(&q)
		if err != nil {
			return err
		}
		shelf.Total = len(list)
		list = list[min(q.Skip, len(list)):]
		list = list[:min(storage.PageSize(q.Limit), len(list))]
		for _, p := range list {
			row, err := c.row(p.id)
			if err != nil {
				return err
			}
			shelf.Rows = append(shelf.Rows, row)
		}
		return nil
	})
	return shelf, err
}

// A placed is a product with its place on a shelf.
type placed struct {
	id    tracker.ProductID
	title string // in the order of titles
	by    int64  // the greatest first
}

// onShelf are the products that a query selects, in its order.
func (c *catalog) onShelf(q *storage.ShelfQuery) ([]placed, error) {
	var list []placed
	var ids arena
	take := func(k, p []byte) error {
		pl, selected, err := c.place(q, &ids, k, p)
		if selected {
			list = append(list, pl)
		}
		return err
	}
	if q.ID != "" {
		p, err := c.items.get([]byte(q.ID))
		if p == nil || err != nil {
			return nil, err
		}
		err = take([]byte(q.ID), p)
		return list, err
	}
	err := c.walk("", func(k, p []byte) (bool, error) { return true, take(k, p) })
	slices.SortFunc(list, func(a, b placed) int {
		return cmp.Or(-cmp.Compare(a.by, b.by), cmp.Compare(a.title, b.title), cmp.Compare(a.id, b.id))
	})
	return list, err
}

// place finds the place of an item on the shelf of a query, and reports whether
// the query selects it.
func (c *catalog) place(q *storage.ShelfQuery, ids *arena, k, p []byte) (pl placed, selected bool, err error) {
	e, missing, err := decodeEntry(p)
	if err != nil {
		return pl, false, c.items.damaged(k, err)
	}
	switch {
	case q.Presence == storage.PresentListed && e.Removed,
		q.Presence == storage.PresentMissing && (e.Removed || !missing),
		q.Presence == storage.PresentRemoved && !e.Removed:
		return pl, false, nil
	}
	pl.id = ids.string(k)
	var v struct {
		Title   string      `json:"t"`
		Price   *priceValue `json:"p"`
		Removed int64       `json:"r"`
	}
	if q.Text != "" || q.Order != storage.OrderChanged {
		_, rest, err := splitItem(p)
		if err == nil {
			err = json.Unmarshal(rest, &v)
		}
		if err != nil {
			return pl, false, c.items.damaged(k, err)
		}
		if q.Text != "" && !storage.Contains(v.Title, pl.id, q.Text) {
			return pl, false, nil
		}
	}
	switch q.Order {
	case storage.OrderRemoved:
		pl.by = v.Removed
	case storage.OrderTitle:
		pl.title = v.Title
	case storage.OrderPrice:
		pl.by = -1 << 62
		if price := v.Price.price(); price.Known() {
			pl.by = -price.Low
		}
	default:
		last, err := c.lastChange(pl.id, p)
		if err != nil {
			return pl, false, err
		}
		pl.by = int64(last)
	}
	return pl, true, nil
}

// lastChange is the number of the newest change of a product, 0 when it has
// none.
func (c *catalog) lastChange(id tracker.ProductID, p []byte) (uint64, error) {
	with, err := c.items.numbers(id, p)
	if err != nil {
		return 0, err
	}
	var newest uint64
	if len(with) > 0 {
		newest = with[len(with)-1]
	}
	cur := c.of(inHistory, c.name).cursor()
	if cur == nil {
		return newest, nil
	}
	if k := last(cur, underNumber(string(id), ^uint64(0))); bytes.HasPrefix(k, under(string(id))) && len(k) == len(id)+9 {
		newest = max(newest, numberOf(k))
	}
	return newest, nil
}

// row is a product with what happened to it.
func (c *catalog) row(id tracker.ProductID) (storage.ShelfRow, error) {
	var row storage.ShelfRow
	it, _, err := c.item(id)
	if err != nil {
		return row, err
	}
	c.seen(&it)
	row.Item = it
	var seqs []uint64
	for seq, err := range c.numbers(c.name, id, 0) {
		if err != nil {
			return row, err
		}
		seqs = append(seqs, seq)
	}
	for _, seq := range seqs[max(0, len(seqs)-storage.ShelfChanges):] {
		ch, err := c.change(seq)
		if err != nil {
			return row, err
		}
		row.Changes = append(row.Changes, ch)
	}
	row.Absences, err = c.of(inAbsences, c.name).absences(id)
	return row, err
}
