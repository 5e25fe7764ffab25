package bolt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// noteChange takes a change into the indexes of marked changes and of titles.
func (t tx) noteChange(c *tracker.Change) error {
	if c.Important != "" {
		b := t.in(inImportant)
		b.FillPercent = appended
		if err := b.put(number(c.Seq), headOf(c)); err != nil {
			return err
		}
	}
	if c.Product == nil {
		return nil
	}
	b, err := t.make(inTitles, c.Storefront)
	if err != nil {
		return err
	}
	known, err := b.get([]byte(c.Product.ID))
	if err != nil {
		return err
	}
	text := string(known)
	add := func(title string) {
		title = strings.ReplaceAll(storage.Fold(title), "\n", " ")
		for line := range strings.SplitSeq(text, "\n") {
			if line == title {
				return
			}
		}
		text = strings.TrimPrefix(text+"\n"+title, "\n")
	}
	add(c.Product.Title)
	if c.Before != nil {
		add(c.Before.Title)
	}
	if text == string(known) {
		return nil
	}
	return b.put([]byte(c.Product.ID), []byte(text))
}

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

// exactKey is where meta has the time from which on absences are noted, in a
// file that is older.
var exactKey = []byte("absences")

// indexViews makes the indexes of an older file: of its log, and of its
// catalogs as they are.
func (t tx) indexViews() error {
	for _, name := range []string{inMissing, inAbsences, inTitles, inImportant} {
		if _, err := t.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	type product struct {
		name tracker.StorefrontName
		id   tracker.ProductID
	}
	gone := make(map[product]time.Time) // began of the scan that believed it
	for seq := uint64(1); seq <= t.last(); seq++ {
		c, err := t.change(seq)
		if err != nil {
			return err
		}
		if err := t.noteChange(&c); err != nil {
			return err
		}
		if c.Product != nil {
			p := product{c.Storefront, c.Product.ID}
			switch from, was := gone[p]; {
			case c.Kind == tracker.Removed:
				gone[p] = c.Scan
			case c.Kind == tracker.Relisted && was:
				delete(gone, p)
				b, err := t.make(inAbsences, p.name)
				if err != nil {
					return err
				}
				if err := b.put(underNumber(string(p.id), numberOf(timeKey(from))), timeKey(c.Scan)); err != nil {
					return err
				}
			}
		}
		t.tell(seq)
	}
	for _, name := range t.names(inCatalogs) {
		if err := t.indexCatalog(name); err != nil {
			return err
		}
	}
	return t.in(inMeta).put(exactKey, timeKey(time.Now()))
}

// tell says from time to time how far a walk of the log has come.
func (t tx) tell(seq uint64) {
	if last := t.last(); t.progress != nil && (seq%10_000 == 0 || seq == last) {
		t.progress(int(seq), int(last))
	}
}

// indexCatalog notes which products of an older catalog are not shown.
func (t tx) indexCatalog(name tracker.StorefrontName) error {
	c, err := t.catalog(name)
	if err != nil {
		return err
	}
	return c.walk("", func(k, p []byte) (bool, error) {
		if p[0]&(flagMissing|flagRemoved) == 0 {
			return true, nil
		}
		it, err := decodeItem(tracker.ProductID(k), p)
		if err != nil {
			return false, c.items.damaged(k, err)
		}
		c.seen(&it)
		return true, t.noteLook(name, &it, nil, it.LastSeen.Add(time.Millisecond))
	})
}

// search is find for a query with a text: few products are looked up one by one,
// for many the log is walked.
func (t tx) search(q storage.Query, take func(seq uint64) (bool, error)) error {
	const few = 500
	names := []tracker.StorefrontName{q.Storefront}
	if q.Storefront == "" {
		names = t.names(inTitles)
	}
	text := []byte(storage.Fold(q.Text))
	var seqs []uint64
	found := 0
	for _, name := range names {
		b := t.of(inTitles, name)
		cur := b.cursor()
		if cur == nil {
			continue
		}
		for k, v := cur.First(); k != nil; k, v = cur.Next() {
			if !bytes.Contains(v, text) && !bytes.Contains(bytes.ToLower(k), text) {
				continue
			}
			if found++; found > few {
				return t.find(q, take)
			}
			for seq, err := range t.numbers(name, tracker.ProductID(k), q.After) {
				if err != nil {
					return err
				}
				if q.Before == 0 || seq < q.Before {
					seqs = append(seqs, seq)
				}
			}
		}
	}
	slices.Sort(seqs)
	if q.Newest {
		slices.Reverse(seqs)
	}
	n := 0
	for _, seq := range seqs {
		if n == storage.PageSize(q.Limit) {
			return nil
		}
		c, err := t.change(seq)
		if err != nil {
			return err
		}
		if !q.Since.IsZero() && c.At.Before(q.Since) || !q.Until.IsZero() && !c.At.Before(q.Until) ||
			len(q.Kinds) > 0 && !slices.Contains(q.Kinds, c.Kind) {
			continue
		}
		taken, err := take(seq)
		if err != nil {
			return err
		}
		if taken {
			n++
		}
	}
	return nil
}

// kindOf is the kind of a code.
func kindOf(code byte) tracker.Kind {
	for k, c := range kindCodes {
		if c == code {
			return k
		}
	}
	return ""
}

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
		e, missing, err := decodeEntry(p)
		if err != nil {
			return c.items.damaged(k, err)
		}
		switch {
		case q.Presence == storage.PresentListed && e.Removed,
			q.Presence == storage.PresentMissing && (e.Removed || !missing),
			q.Presence == storage.PresentRemoved && !e.Removed:
			return nil
		}
		pl := placed{id: ids.string(k)}
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
				return c.items.damaged(k, err)
			}
			if q.Text != "" && !storage.Contains(v.Title, pl.id, q.Text) {
				return nil
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
				return err
			}
			pl.by = int64(last)
		}
		list = append(list, pl)
		return nil
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
