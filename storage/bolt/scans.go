package bolt

import (
	"bytes"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"shopwatch/tracker"
)

// scan reads a scan record.
func (t tx) scan(b bucket, name tracker.Name, k []byte) (tracker.Scan, bool, error) {
	var v scanValue
	found, err := b.read(k, &v)
	if !found || err != nil {
		return tracker.Scan{}, false, err
	}
	shop, err := t.shop(name, v.Shop)
	return v.scan(name, numberOf(k), shop), true, err
}

// scanAt reads the scan record to which a cursor came.
func (t tx) scanAt(b bucket, name tracker.Name, k []byte) (tracker.Scan, error) {
	s, found, err := t.scan(b, name, k)
	if err == nil && !found { // a search does not come to it
		err = b.damaged(k, errors.New("out of order"))
	}
	return s, err
}

// Scan returns one scan. It reports false when there is none.
func (db *DB) Scan(name tracker.Name, began time.Time) (tracker.Scan, bool, error) {
	var s tracker.Scan
	var found bool
	err := db.view(func(t tx) (err error) {
		s, found, err = t.scan(t.of(inScans, name), name, timeKey(began))
		return err
	})
	return s, found, err
}

// Scans are the scans that began at since or later, newest first; at most
// limit, 100 when zero. An empty name stands for all storefronts.
func (db *DB) Scans(name tracker.Name, since time.Time, limit int) ([]tracker.Scan, error) {
	return db.ScansBefore(name, since, time.Time{}, limit)
}

// ScansBefore are those of Scans that began before a time: the next page of a
// list whose last scan began then. The zero time is no bound.
func (db *DB) ScansBefore(name tracker.Name, since, before time.Time, limit int) ([]tracker.Scan, error) {
	var list []tracker.Scan
	err := db.view(func(t tx) error {
		heads, err := t.newest(name, before)
		if err != nil {
			return err
		}
		for len(list) < pageSize(limit) {
			at := -1
			for i := range heads {
				if heads[i].key != nil && (at < 0 || bytes.Compare(heads[i].key, heads[at].key) > 0) {
					at = i
				}
			}
			if at < 0 || !since.IsZero() && bytes.Compare(heads[at].key, timeKey(since)) < 0 {
				return nil
			}
			s, err := t.scanAt(heads[at].scans, heads[at].name, heads[at].key)
			if err != nil {
				return err
			}
			list = append(list, s)
			heads[at].key, _ = heads[at].cur.Prev()
		}
		return nil
	})
	return list, err
}

// A head is the newest scan of a storefront that is not yet in a list.
type head struct {
	name  tracker.Name
	scans bucket
	cur   *bbolt.Cursor
	key   []byte
}

// newest are the heads of one storefront, or of all.
func (t tx) newest(name tracker.Name, before time.Time) ([]head, error) {
	names := []tracker.Name{name}
	if name == "" {
		names = t.scanned()
	}
	var heads []head
	for _, n := range names {
		h := head{name: n, scans: t.of(inScans, n)}
		if h.cur = h.scans.cursor(); h.cur == nil {
			continue
		}
		if before.IsZero() {
			h.key, _ = h.cur.Last()
		} else if k, _ := h.cur.Seek(timeKey(before)); k == nil {
			h.key, _ = h.cur.Last()
		} else {
			h.key, _ = h.cur.Prev()
		}
		heads = append(heads, h)
	}
	return heads, nil
}

// scanned are the storefronts that have scan records.
func (t tx) scanned() []tracker.Name {
	var names []tracker.Name
	cur := t.in(inScans).cursor()
	for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
		names = append(names, tracker.Name(k))
	}
	return names
}

// A ScanRecord is a scan with when the last complete one before it began.
type ScanRecord struct {
	tracker.Scan
	LastComplete time.Time // zero when there is none
}

// lookBack is how many scans before a scan are searched for a complete one.
const lookBack = 1000

// ScansOf are the scans of a storefront that began at the given times, oldest
// first. Times at which none began are left out.
func (db *DB) ScansOf(name tracker.Name, began []time.Time) ([]ScanRecord, error) {
	if len(began) == 0 {
		return nil, nil
	}
	wanted := make(map[uint64]bool, len(began))
	first, last := began[0], began[0]
	for _, at := range began {
		wanted[numberOf(timeKey(at))] = true
		if at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	var list []ScanRecord
	err := db.view(func(t tx) error {
		b := t.of(inScans, name)
		cur := b.cursor()
		if cur == nil {
			return nil
		}
		complete, err := t.lastComplete(b, name, first)
		if err != nil {
			return err
		}
		end := numberOf(timeKey(last))
		for k, _ := cur.Seek(timeKey(first)); k != nil && numberOf(k) <= end; k, _ = cur.Next() {
			s, err := t.scanAt(b, name, k)
			if err != nil {
				return err
			}
			if wanted[numberOf(k)] {
				list = append(list, ScanRecord{s, complete})
			}
			if s.Verdict == tracker.Complete {
				complete = s.Began
			}
		}
		return nil
	})
	return list, err
}

// lastComplete returns when the last complete scan before a time began, zero
// when there is none among the last few.
func (t tx) lastComplete(b bucket, name tracker.Name, before time.Time) (time.Time, error) {
	cur := b.cursor()
	k, _ := cur.Seek(timeKey(before))
	if k == nil {
		k, _ = cur.Last()
	} else {
		k, _ = cur.Prev()
	}
	for range lookBack {
		if k == nil {
			break
		}
		s, err := t.scanAt(b, name, k)
		if err != nil || s.Verdict == tracker.Complete {
			return s.Began, err
		}
		k, _ = cur.Prev()
	}
	return time.Time{}, nil
}
