package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"shopwatch/tracker"
)

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
