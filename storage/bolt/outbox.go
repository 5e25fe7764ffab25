package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// The change log is the outbox: each channel has a place in it, and a report
// is written in the transaction that moves the place. What is sent, and sent
// again, is always a written report.

// Pending implements storage.Outbox.
func (db *DB) Pending(ctx context.Context, channel string, limit int) (place uint64, list []tracker.Change, err error) {
	if limit <= 0 || limit > storage.PendingLimit {
		limit = storage.PendingLimit
	}
	err = db.view(ctx, func(t tx) error {
		v, err := t.channel(channel)
		if err != nil {
			return err
		}
		place = v.Told
		return t.find(storage.Query{After: place, Limit: limit}, func(seq uint64) (bool, error) {
			c, err := t.change(seq)
			list = append(list, c)
			return true, err
		})
	})
	return place, list, err
}

// Advance implements storage.Outbox.
func (db *DB) Advance(ctx context.Context, channel string, from, to uint64, reports []tracker.Report) (moved bool, err error) {
	err = db.update(ctx, func(t tx) error {
		v, err := t.channel(channel)
		if moved = err == nil && v.Told == from; !moved {
			return err
		}
		if to < from || to > t.last() {
			return fmt.Errorf("channel %s cannot move from change %d to %d of %d", channel, from, to, t.last())
		}
		for i := range reports {
			reports[i].Channel = channel
			if err := t.addReport(&reports[i]); err != nil {
				return err
			}
		}
		v.Told = to
		return t.in(inChannels).write([]byte(channel), v)
	})
	return moved && err == nil, err
}

// AddReport implements storage.Outbox.
func (db *DB) AddReport(ctx context.Context, r *tracker.Report) error {
	if len(r.Changes) > 0 {
		return errors.New("a report about changes comes from Advance")
	}
	return db.update(ctx, func(t tx) error { return t.addReport(r) })
}

func (t tx) addReport(r *tracker.Report) error {
	if err := storage.CheckChannel(r.Channel); err != nil {
		return err
	}
	b := t.in(inReports)
	id, err := b.NextSequence()
	if err != nil {
		return err
	}
	r.ID, r.Created = id, r.Created.UTC().Truncate(time.Millisecond)
	r.Delivered = delivered(r.Deliveries)
	if err := b.write(number(id), newReport(r)); err != nil {
		return err
	}
	if err := t.in(inMailbox).Put(underNumber(r.Channel, id), nil); err != nil {
		return err
	}
	for _, seq := range r.Changes {
		if err := t.in(inTold).Put(append(number(seq), number(id)...), nil); err != nil {
			return err
		}
	}
	if r.Delivered {
		return nil
	}
	return t.in(inWaiting).Put(underNumber(r.Channel, id), nil)
}

// NoteDelivery implements storage.Outbox.
func (db *DB) NoteDelivery(ctx context.Context, report uint64, l tracker.Delivery) error {
	return db.update(ctx, func(t tx) error {
		found := false
		_, err := t.changeDeliveries(report, func(o *tracker.Delivery) {
			if o.To == l.To {
				*o, found = l, true
			}
		})
		if err == nil && !found {
			err = fmt.Errorf("report %d has no delivery to %s", report, l.To)
		}
		return err
	})
}

// ChangeDeliveries implements storage.Outbox.
func (db *DB) ChangeDeliveries(ctx context.Context, reports []uint64, change func(report uint64, l *tracker.Delivery)) (changed int, err error) {
	err = db.update(ctx, func(t tx) error {
		changed = 0
		for _, id := range reports {
			n, err := t.changeDeliveries(id, func(l *tracker.Delivery) { change(id, l) })
			if err != nil {
				return err
			}
			changed += n
		}
		return nil
	})
	return changed, err
}

func (t tx) changeDeliveries(report uint64, change func(*tracker.Delivery)) (changed int, err error) {
	b, key := t.in(inReports), number(report)
	var v reportValue
	found, err := b.read(key, &v)
	if err == nil && !found {
		err = fmt.Errorf("there is no report %d", report)
	}
	if err != nil {
		return 0, err
	}
	deliveries := v.report(report).Deliveries
	for i := range deliveries {
		l := deliveries[i]
		change(&l)
		l.To = deliveries[i].To
		if n := newDelivery(l); v.Deliveries[i].State != tracker.Sent && v.Deliveries[i] != n {
			v.Deliveries[i] = n
			changed++
		}
	}
	if changed == 0 {
		return 0, nil
	}
	if err := b.write(key, v); err != nil {
		return 0, err
	}
	waiting, k := t.in(inWaiting), underNumber(v.Channel, report)
	if delivered(v.report(report).Deliveries) {
		return changed, waiting.Delete(k)
	}
	return changed, waiting.Put(k, nil)
}

// Report implements storage.Outbox.
func (db *DB) Report(ctx context.Context, id uint64) (tracker.Report, bool, error) {
	var r tracker.Report
	found := false
	err := db.view(ctx, func(t tx) (err error) {
		if found = id > 0 && id <= t.in(inReports).Sequence(); found {
			r, err = t.report(id)
		}
		return err
	})
	return r, found && err == nil, err
}

func (t tx) report(id uint64) (tracker.Report, error) {
	b := t.in(inReports)
	var v reportValue
	found, err := b.read(number(id), &v)
	if err == nil && !found {
		err = fmt.Errorf("%s is missing: %w", b.name(number(id)), storage.ErrDamaged)
	}
	return v.report(id), err
}

// Reports implements storage.Outbox.
func (db *DB) Reports(ctx context.Context, q storage.ReportQuery) ([]tracker.Report, error) {
	var list []tracker.Report
	err := db.view(ctx, func(t tx) error {
		for id := range t.reportIDs(q) {
			r, err := t.report(id)
			switch {
			case err != nil:
				return err
			case q.Channel != "" && r.Channel != q.Channel:
				return fmt.Errorf("%s is %w: it names report %d, which is of another channel", inMailbox, storage.ErrDamaged, id)
			case q.Newest && r.Created.Before(q.Since):
				return nil
			case r.Created.Before(q.Since), q.With != "" && !slices.ContainsFunc(r.Deliveries, func(l tracker.Delivery) bool { return l.State == q.With }):
				continue
			}
			if list = append(list, r); len(list) == storage.PageSize(q.Limit) {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// reportIDs are the numbers of the reports that a query may select, in its
// order.
func (t tx) reportIDs(q storage.ReportQuery) iter.Seq[uint64] {
	b, prefix := t.in(inReports), []byte(nil)
	switch {
	case q.With == tracker.Waiting && q.Channel == "":
		return t.waiting(q)
	case q.With == tracker.Waiting:
		b, prefix = t.in(inWaiting), under(q.Channel)
	case q.Channel != "":
		b, prefix = t.in(inMailbox), under(q.Channel)
	}
	return func(yield func(uint64) bool) {
		key := func(id uint64) []byte { return append(slices.Clone(prefix), number(id)...) }
		cur := b.cursor()
		k, _ := cur.Seek(key(q.After + 1))
		step := cur.Next
		if q.Newest {
			k, step = last(cur, key(q.Before-1)), cur.Prev // of 0 the greatest number
		}
		for ; k != nil && bytes.HasPrefix(k, prefix) && inRange(q, numberOf(k)); k, _ = step() {
			if !yield(numberOf(k)) {
				return
			}
		}
	}
}

func inRange(q storage.ReportQuery, id uint64) bool {
	return id > q.After && (q.Before == 0 || id < q.Before)
}

// waiting are the numbers of the reports of all channels with deliveries that
// wait. The index has them by channel.
func (t tx) waiting(q storage.ReportQuery) iter.Seq[uint64] {
	var ids []uint64
	cur := t.in(inWaiting).cursor()
	for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
		if id := numberOf(k); inRange(q, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if q.Newest {
		slices.Reverse(ids)
	}
	return slices.Values(ids)
}

// last moves a cursor to the last key that is not greater than the given one.
func last(cur *bbolt.Cursor, key []byte) []byte {
	k, _ := cur.Seek(key)
	if k == nil {
		k, _ = cur.Last()
	} else if !bytes.Equal(k, key) {
		k, _ = cur.Prev()
	}
	return k
}

// Told implements storage.Outbox.
func (db *DB) Told(ctx context.Context, channel string, seqs []uint64) (map[uint64]bool, error) {
	told := make(map[uint64]bool)
	if len(seqs) == 0 {
		return told, nil
	}
	err := db.view(ctx, func(t tx) error {
		reports, own := t.in(inTold).cursor(), t.in(inMailbox).cursor()
		for _, seq := range seqs {
			prefix := number(seq)
			for k, _ := reports.Seek(prefix); bytes.HasPrefix(k, prefix) && !told[seq]; k, _ = reports.Next() {
				key := underNumber(channel, numberOf(k))
				if found, _ := own.Seek(key); bytes.Equal(found, key) {
					told[seq] = true
				}
			}
		}
		return nil
	})
	return told, err
}

// ReportsOf implements storage.Outbox.
func (db *DB) ReportsOf(ctx context.Context, seq uint64) ([]tracker.Report, error) {
	var list []tracker.Report
	err := db.view(ctx, func(t tx) error {
		cur, prefix := t.in(inTold).cursor(), number(seq)
		for k, _ := cur.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = cur.Next() {
			r, err := t.report(numberOf(k))
			if err != nil {
				return err
			}
			list = append(list, r)
		}
		return nil
	})
	return list, err
}

func (t tx) checkOutbox(p *problems) {
	t.each(p, t.in(inChannels), func(k, _ []byte) error {
		v, err := t.channel(string(k))
		if err == nil && v.Told > t.last() {
			err = fmt.Errorf("%s/%s is at %d, behind the end of the log", inChannels, k, v.Told)
		}
		return err
	})
	mailbox, waiting, told := t.in(inMailbox), t.in(inWaiting), t.in(inTold)
	reports, open, tellings, next := 0, 0, 0, uint64(1)
	t.each(p, t.in(inReports), func(k, _ []byte) error {
		r, err := t.report(numberOf(k))
		if err != nil {
			return err
		}
		if r.ID != next {
			p.addf("%s: %d follows %d", inReports, r.ID, next-1)
		}
		next = r.ID + 1
		reports++
		key := underNumber(r.Channel, r.ID)
		if mailbox.Get(key) == nil {
			p.addf("%s does not have report %d", inMailbox, r.ID)
		}
		if !r.Delivered {
			open++
		}
		if (waiting.Get(key) != nil) == r.Delivered {
			p.addf("%s is wrong about report %d", inWaiting, r.ID)
		}
		for _, seq := range r.Changes {
			tellings++
			if told.Get(append(number(seq), k...)) == nil {
				p.addf("%s does not have change %d of report %d", inTold, seq, r.ID)
			}
		}
		return nil
	})
	for _, index := range []struct {
		b    bucket
		want int
	}{{mailbox, reports}, {waiting, open}, {told, tellings}} {
		n, cur := 0, index.b.cursor()
		for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
			n++
		}
		if n != index.want {
			p.addf("%s has %d entries instead of %d", index.b.path, n, index.want)
		}
	}
}
