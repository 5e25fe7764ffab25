package bolt

import (
	"bytes"
	"errors"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// noteLook takes in that a look at the listing showed an item, or did not. was
// is the item as it is stored, nil when it is new.
func (t tx) noteLook(name tracker.StorefrontName, it *tracker.Item, was []byte, look time.Time) error {
	var flags byte
	if was != nil {
		flags = was[0]
	}
	wasMissing, isMissing := flags&flagMissing != 0, it.Listed() && it.Missing > 0
	if wasMissing != isMissing {
		b, err := t.make(inMissing, name)
		if err != nil {
			return err
		}
		if isMissing {
			err = b.Put([]byte(it.ID), nil)
		} else {
			err = b.Delete([]byte(it.ID))
		}
		if err != nil {
			return err
		}
	}
	wasShown, isShown := flags&(flagMissing|flagRemoved) == 0, it.Listed() && it.Missing == 0
	if wasShown == isShown {
		return nil
	}
	b, err := t.make(inAbsences, name)
	if err != nil {
		return err
	}
	if !isShown {
		return b.put(underNumber(string(it.ID), numberOf(timeKey(look))), number(0))
	}
	k, err := b.openAbsence(it.ID)
	if err != nil || k == nil {
		return err
	}
	return b.put(k, timeKey(look))
}

// openAbsence finds the key of the absence of a product that lasts, nil when it
// has none. It need not be the last where a clock was put back.
func (b bucket) openAbsence(id tracker.ProductID) ([]byte, error) {
	cur := b.cursor()
	if cur == nil {
		return nil, nil
	}
	prefix := under(string(id))
	for k, v := cur.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = cur.Next() {
		p, err := b.open(k, v)
		if err == nil && (len(k) != len(prefix)+8 || len(p) != 8) {
			err = b.damaged(k, errors.New("wrong length"))
		}
		if err != nil || numberOf(p) == 0 {
			return bytes.Clone(k), err
		}
	}
	return nil, nil
}

// absences are those of a product, oldest first.
func (b bucket) absences(id tracker.ProductID) ([]storage.Absence, error) {
	cur := b.cursor()
	if cur == nil {
		return nil, nil
	}
	var list []storage.Absence
	prefix := under(string(id))
	for k, v := cur.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = cur.Next() {
		p, err := b.open(k, v)
		if err == nil && (len(k) != len(prefix)+8 || len(p) != 8) {
			err = b.damaged(k, errors.New("wrong length"))
		}
		if err != nil {
			return nil, err
		}
		list = append(list, storage.Absence{From: storage.FromMillis(int64(numberOf(k))), Until: storage.FromMillis(int64(numberOf(p)))})
	}
	return list, nil
}

// forget deletes what is known of where a product was seen.
func (t tx) forget(name tracker.StorefrontName, id tracker.ProductID) error {
	if b := t.of(inMissing, name); b.Bucket != nil {
		if err := b.Delete([]byte(id)); err != nil {
			return err
		}
	}
	return t.forgetAbsences(name, id)
}

// forgetAbsences deletes the absences of a product.
func (t tx) forgetAbsences(name tracker.StorefrontName, id tracker.ProductID) error {
	b := t.of(inAbsences, name)
	cur := b.cursor()
	if cur == nil {
		return nil
	}
	var doomed [][]byte
	for k, _ := cur.Seek(under(string(id))); bytes.HasPrefix(k, under(string(id))); k, _ = cur.Next() {
		doomed = append(doomed, bytes.Clone(k))
	}
	for _, k := range doomed {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
