package bolt

import (
	"context"
	"slices"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// Overviews implements storage.Views.
func (db *DB) Overviews(ctx context.Context, q storage.OverviewQuery) ([]storage.Overview, error) {
	var list []storage.Overview
	err := db.view(ctx, func(t tx) error {
		names := slices.Clone(q.Names)
		slices.Sort(names)
		names = slices.Compact(names)
		if q.Names == nil {
			cur := t.in(inStorefronts).cursor()
			for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
				names = append(names, tracker.StorefrontName(k))
			}
		}
		var spans []uint64
		if !q.Since.IsZero() {
			var err error
			if spans, err = t.spansSince(q.Since); err != nil {
				return err
			}
		}
		for _, name := range names {
			if name == "" || t.in(inStorefronts).Get([]byte(name)) == nil {
				continue
			}
			st, _, err := t.state(name)
			if err != nil {
				return err
			}
			o := storage.Overview{Storefront: storage.Storefront{Name: name, State: st}}
			if cur := t.of(inMissing, name).cursor(); cur != nil {
				for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
					o.Suspects++
				}
			}
			if o.Scans, err = t.lastScans(name, q.Scans); err != nil {
				return err
			}
			if o.Changes, err = t.countSince(name, spans, q.Since); err != nil {
				return err
			}
			list = append(list, o)
		}
		return nil
	})
	return list, err
}

// lastScans are the newest scans of a storefront.
func (t tx) lastScans(name tracker.StorefrontName, n int) ([]tracker.Scan, error) {
	b := t.of(inScans, name)
	cur := b.cursor()
	if cur == nil || n <= 0 {
		return nil, nil
	}
	var list []tracker.Scan
	for k, _ := cur.Last(); k != nil && len(list) < n; k, _ = cur.Prev() {
		s, err := t.scanAt(b, name, k)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// spansSince are the stretches of the log in which a change may be of then or
// later.
func (t tx) spansSince(since time.Time) ([]uint64, error) {
	var list []uint64
	cur := t.in(inSpans).cursor()
	for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
		s, _, err := t.span(numberOf(k))
		if err != nil {
			return nil, err
		}
		if s.latest >= since.UnixMilli() {
			list = append(list, numberOf(k))
		}
	}
	return list, nil
}

// countSince counts the changes of a storefront since a time, which are in these
// stretches of the log.
func (t tx) countSince(name tracker.StorefrontName, spans []uint64, since time.Time) (map[tracker.Kind]int, error) {
	w := walk{tx: t, entries: t.of(inLogs, name)}
	counts := make(map[tracker.Kind]int)
	if w.cur = w.entries.cursor(); w.cur == nil {
		return counts, nil
	}
	for _, index := range spans {
		for w.seek(index * spanLength); w.k != nil && numberOf(w.k)/spanLength == index; w.step() {
			at, code, err := w.head()
			if err != nil {
				return nil, err
			}
			if at >= since.UnixMilli() {
				counts[kindOf(code)]++
			}
		}
	}
	return counts, nil
}

// Tally implements storage.Views.
func (db *DB) Tally(ctx context.Context, name tracker.StorefrontName, since, until time.Time, zone *time.Location) ([]storage.DayTally, error) {
	days := make(map[time.Time]map[tracker.Kind]int)
	err := db.view(ctx, func(t tx) error {
		q := storage.Query{Storefront: name, Since: since, Until: until, Limit: 1 << 62}
		if name == "" {
			return nil
		}
		return t.heads(q, func(_ uint64, at int64, code byte) (bool, error) {
			y, m, d := time.UnixMilli(at).In(zone).Date()
			day := time.Date(y, m, d, 0, 0, 0, 0, zone)
			if days[day] == nil {
				days[day] = make(map[tracker.Kind]int)
			}
			days[day][kindOf(code)]++
			return true, nil
		})
	})
	var list []storage.DayTally
	for day, changes := range days {
		list = append(list, storage.DayTally{Day: day, Changes: changes})
	}
	slices.SortFunc(list, func(a, b storage.DayTally) int { return a.Day.Compare(b.Day) })
	return list, err
}
