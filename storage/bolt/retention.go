package bolt

import (
	"context"
	"time"

	"shopwatch/tracker"
)

// thinBatch is how many scan records one transaction looks at.
const thinBatch = 5000

// ThinScans implements storage.Retention. What an earlier call went through is
// not read again, as long as the database is open.
func (db *DB) ThinScans(ctx context.Context, keep time.Duration, now time.Time) (int, error) {
	var names []tracker.StorefrontName
	if err := db.view(ctx, func(t tx) error { names = t.scanned(); return nil }); err != nil {
		return 0, err
	}
	db.thinning.Lock()
	defer db.thinning.Unlock()
	if db.thinned == nil {
		db.thinned = make(map[tracker.StorefrontName][]byte)
	}
	end := now.Add(-keep).UTC()
	over := timeKey(end.Truncate(24 * time.Hour).Add(-time.Millisecond)) // the last day that is
	thinned := 0
	for _, name := range names {
		for after := db.thinned[name]; ; {
			doomed, next, err := db.thin(ctx, name, after, timeKey(end))
			if err != nil {
				return thinned, err
			}
			if len(doomed) > 0 {
				err := db.update(ctx, func(t tx) error {
					b := t.of(inScans, name)
					for _, k := range doomed {
						if err := b.Delete(k); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					return thinned, err
				}
				thinned += len(doomed)
			}
			if next == nil {
				break
			}
			after = next
		}
		db.thinned[name] = over
	}
	return thinned, nil
}

// thin finds scan records to delete among those after one key and before
// another. It returns where to go on, always at the end of a day; nil when all
// are done.
func (db *DB) thin(ctx context.Context, name tracker.StorefrontName, after, end []byte) (doomed [][]byte, next []byte, err error) {
	type record struct {
		key  []byte
		scan tracker.Scan
	}
	err = db.view(ctx, func(t tx) error {
		b := t.of(inScans, name)
		cur := b.cursor()
		if cur == nil {
			return nil
		}
		var today []record
		day, seen := "", 0
		close := func() {
			stays := -1
			for i, r := range today {
				if stays < 0 || r.scan.Verdict == tracker.Complete && today[stays].scan.Verdict != tracker.Complete {
					stays = i
				}
			}
			for i, r := range today {
				if i != stays && r.scan.Changes == 0 {
					doomed = append(doomed, r.key)
				}
			}
			today = today[:0]
		}
		for k, _ := from(cur, after); k != nil && string(k) < string(end); k, _ = cur.Next() {
			s, _, err := t.scan(b, name, k)
			if err != nil {
				return err
			}
			if d := s.Began.Format(time.DateOnly); d != day {
				close()
				if seen > thinBatch {
					return nil
				}
				day = d
			}
			key := append([]byte(nil), k...)
			today = append(today, record{key, s})
			next = key
			seen++
		}
		if seen > 0 {
			t.releaseMemory()
		}
		next = nil
		if day != time.UnixMilli(int64(numberOf(end))).UTC().Format(time.DateOnly) {
			close() // else the day is not over yet
		}
		return nil
	})
	return doomed, next, err
}
