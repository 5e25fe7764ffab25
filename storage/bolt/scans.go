package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// scan reads a scan record.
func (t tx) scan(b bucket, name tracker.StorefrontName, k []byte) (tracker.Scan, bool, error) {
	var v scanValue
	found, err := b.read(k, &v)
	if !found || err != nil {
		return tracker.Scan{}, false, err
	}
	shop, err := t.shop(name, v.Shop)
	return v.scan(name, numberOf(k), shop), true, err
}

// scanAt reads the scan record to which a cursor came.
func (t tx) scanAt(b bucket, name tracker.StorefrontName, k []byte) (tracker.Scan, error) {
	s, found, err := t.scan(b, name, k)
	if err == nil && !found { // a search does not come to it
		err = b.damaged(k, errors.New("out of order"))
	}
	return s, err
}

// Scan implements storage.Scans.
func (db *DB) Scan(ctx context.Context, name tracker.StorefrontName, began time.Time) (tracker.Scan, bool, error) {
	var s tracker.Scan
	var found bool
	err := db.view(ctx, func(t tx) (err error) {
		s, found, err = t.scan(t.of(inScans, name), name, timeKey(began))
		return err
	})
	return s, found, err
}

// Scans implements storage.Scans.
func (db *DB) Scans(ctx context.Context, q storage.ScanQuery) ([]tracker.Scan, error) {
	var list []tracker.Scan
	err := db.view(ctx, func(t tx) error {
		heads := t.newest(q.Storefront, q.Before)
		for len(list) < storage.PageSize(q.Limit) {
			at := -1
			for i := range heads { // in the order of their names
				if heads[i].key != nil && (at < 0 || bytes.Compare(heads[i].key, heads[at].key) > 0) {
					at = i
				}
			}
			if at < 0 || !q.Since.IsZero() && bytes.Compare(heads[at].key, timeKey(q.Since)) < 0 {
				return nil
			}
			s, err := t.scanAt(heads[at].scans, heads[at].name, heads[at].key)
			if err != nil {
				return err
			}
			if !q.Incomplete || s.Verdict != tracker.Complete {
				list = append(list, s)
			}
			heads[at].key, _ = heads[at].cur.Prev()
		}
		return nil
	})
	return list, err
}

// A head is the newest scan of a storefront that is not yet in a list.
type head struct {
	name  tracker.StorefrontName
	scans bucket
	cur   *bbolt.Cursor
	key   []byte
}

// newest are the heads behind a place in the list of one storefront, or of all.
func (t tx) newest(name tracker.StorefrontName, before storage.ScanPlace) []head {
	names := []tracker.StorefrontName{name}
	if name == "" {
		names = t.scanned()
	}
	var heads []head
	for _, n := range names {
		h := head{name: n, scans: t.of(inScans, n)}
		if h.cur = h.scans.cursor(); h.cur == nil {
			continue
		}
		if before.Began.IsZero() {
			h.key, _ = h.cur.Last()
		} else {
			first := numberOf(timeKey(before.Began))
			if before.Storefront == "" || n <= before.Storefront {
				if first == 0 {
					continue
				}
				first-- // its scan of that time stands before the place
			}
			h.key = last(h.cur, number(first))
		}
		heads = append(heads, h)
	}
	return heads
}

// scanned are the storefronts that have scan records.
func (t tx) scanned() []tracker.StorefrontName {
	var names []tracker.StorefrontName
	cur := t.in(inScans).cursor()
	for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
		names = append(names, tracker.StorefrontName(k))
	}
	return names
}

// PagesOpened implements storage.Scans.
func (db *DB) PagesOpened(ctx context.Context, name tracker.StorefrontName, from, to time.Time) (pages int, err error) {
	end := timeKey(to)
	err = db.view(ctx, func(t tx) error {
		b := t.of(inScans, name)
		cur := b.cursor()
		if cur == nil {
			return nil
		}
		for k, v := cur.Seek(timeKey(from)); k != nil && bytes.Compare(k, end) <= 0; k, v = cur.Next() {
			p, err := b.open(k, v)
			if err != nil {
				return err
			}
			var scan struct {
				Opened int `json:"op"`
			}
			if err := json.Unmarshal(p, &scan); err != nil {
				return b.damaged(k, err)
			}
			pages += scan.Opened
		}
		return nil
	})
	return pages, err
}

// lookBack is how many scans before a scan are searched for a complete one.
const lookBack = 1000

// ScansOf implements storage.Scans.
func (db *DB) ScansOf(ctx context.Context, name tracker.StorefrontName, began []time.Time) ([]storage.ScanRecord, error) {
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
	var list []storage.ScanRecord
	err := db.view(ctx, func(t tx) error {
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
				list = append(list, storage.ScanRecord{Scan: s, LastComplete: complete})
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
func (t tx) lastComplete(b bucket, name tracker.StorefrontName, before time.Time) (time.Time, error) {
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

func (t tx) checkScans(p *problems) {
	for _, name := range t.names(inScans) {
		b := t.of(inScans, name)
		t.each(p, b, func(k, _ []byte) error {
			_, _, err := t.scan(b, name, k)
			return err
		})
	}
}
