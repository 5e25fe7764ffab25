package bolt

import (
	"bytes"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// checkViews verifies that the indexes of pages say what catalogs and log say.
func (t tx) checkViews(p *problems) {
	for _, name := range t.names(inCatalogs) {
		t.checkShown(p, name)
	}
	t.checkFound(p)
}

// checkShown verifies what is known of where products were not shown.
func (t tx) checkShown(p *problems, name tracker.StorefrontName) {
	c, err := t.catalog(name)
	if err != nil {
		p.add(err)
		return
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

// checkFound verifies by what changes are found: their marks and titles.
func (t tx) checkFound(p *problems) {
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
