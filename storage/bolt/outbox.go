package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"shopwatch/tracker"
)

// The change log is the outbox: each channel has a place in it, and a report
// is written in the transaction that moves the place. What is sent, and sent
// again, is always a written report.

// pendingLimit is how many changes one report can cover.
const pendingLimit = 10_000

// A channelValue is a channel's place in the log.
type channelValue struct {
	Told   uint64 `json:"t"` // number of the last change that is behind it
	Joined int64  `json:"j"`
	// Left are the recipients that want no more letters.
	Left []string `json:"l,omitempty"`
}

// Join gives a new channel its place at the end of the log. One that is known
// stays where it is.
func (db *DB) Join(channel string) error {
	if channel == "" || strings.ContainsRune(channel, 0) {
		return fmt.Errorf("channel %q: a name must not be empty or hold a zero byte", channel)
	}
	known := false
	err := db.view(func(t tx) (err error) {
		known, err = t.in(inChannels).read([]byte(channel), &channelValue{})
		return err
	})
	if known || err != nil {
		return err
	}
	return db.update(func(t tx) error {
		b := t.in(inChannels)
		if known, err := b.read([]byte(channel), &channelValue{}); known || err != nil {
			return err
		}
		return b.write([]byte(channel), channelValue{Told: t.last(), Joined: time.Now().UnixMilli()})
	})
}

// Leave notes that a recipient wants no more letters of a channel, or with
// back that it wants them again.
func (db *DB) Leave(channel, to string, back bool) error {
	return db.update(func(t tx) error {
		v, err := t.channel(channel)
		if err != nil {
			return err
		}
		v.Left = slices.DeleteFunc(v.Left, func(s string) bool { return s == to })
		if !back {
			v.Left = append(v.Left, to)
		}
		return t.in(inChannels).write([]byte(channel), v)
	})
}

// Left are the recipients that want no more letters of a channel.
func (db *DB) Left(channel string) ([]string, error) {
	var left []string
	err := db.view(func(t tx) error {
		v, err := t.channel(channel)
		left = v.Left
		return err
	})
	return left, err
}

// Channels are those that ever joined, by name, with the number of the last
// change behind each.
func (db *DB) Channels() (map[string]uint64, error) {
	places := make(map[string]uint64)
	err := db.view(func(t tx) error {
		b := t.in(inChannels)
		cur := b.cursor()
		for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
			v, err := t.channel(string(k))
			if err != nil {
				return err
			}
			places[string(k)] = v.Told
		}
		return nil
	})
	return places, err
}

func (t tx) channel(name string) (channelValue, error) {
	var v channelValue
	found, err := t.in(inChannels).read([]byte(name), &v)
	if err == nil && !found {
		err = fmt.Errorf("channel %s never joined", name)
	}
	return v, err
}

// A Portion is what one report covers of the changes behind a channel's place
// in the log.
type Portion struct {
	Take int      // how many changes, in the order of the log
	Tell []uint64 // the numbers of those that it tells; with none only the place moves
}

// NextReports lets pick divide the changes behind the channel's place in the
// log into the next reports. It sees the first of them, at most limit or 10,000,
// which is what one report can cover; 0 stands for that. The reports, with a
// waiting letter to each recipient, and the channel's new place are written in
// one transaction. What pick leaves over stays behind the place; without
// portions nothing is written. No transaction is open while pick runs, and it
// runs again when another caller was faster.
func (db *DB) NextReports(channel string, to []string, now time.Time, limit int, pick func(pending []tracker.Change) []Portion) ([]tracker.Report, error) {
	for {
		place, pending, err := db.pending(channel, limit)
		if err != nil || len(pending) == 0 {
			return nil, err
		}
		var made []tracker.Report
		last := place
		for _, p := range pick(pending) {
			r, err := p.report(pending)
			if err != nil {
				return nil, fmt.Errorf("report for %s: %w", channel, err)
			}
			pending, last = pending[p.Take:], r.Last
			if len(r.Changes) == 0 {
				continue
			}
			r.Channel, r.Created = channel, now
			for _, recipient := range to {
				r.Letters = append(r.Letters, tracker.Letter{To: recipient, State: tracker.Waiting})
			}
			made = append(made, r)
		}
		if last == place {
			return nil, nil
		}
		moved, err := db.move(channel, place, last, made)
		if err != nil {
			return nil, err
		}
		if moved {
			return made, nil
		}
	}
}

// report is what becomes of a portion of changes.
func (p Portion) report(pending []tracker.Change) (tracker.Report, error) {
	if p.Take <= 0 || p.Take > len(pending) {
		return tracker.Report{}, fmt.Errorf("%d of %d changes cannot be covered", p.Take, len(pending))
	}
	r := tracker.Report{First: pending[0].Seq, Last: pending[p.Take-1].Seq}
	for _, n := range p.Tell {
		if n < r.First || n > r.Last {
			return r, fmt.Errorf("change %d is not among those that it covers", n)
		}
	}
	r.Changes = slices.Compact(slices.Sorted(slices.Values(p.Tell)))
	return r, nil
}

// Pending are the first 10,000 changes behind a channel's place in the log.
func (db *DB) Pending(channel string) ([]tracker.Change, error) {
	_, list, err := db.pending(channel, 0)
	return list, err
}

// pending are the first changes behind a channel's place.
func (db *DB) pending(channel string, limit int) (place uint64, list []tracker.Change, err error) {
	if limit <= 0 {
		limit = pendingLimit
	}
	err = db.view(func(t tx) error {
		v, err := t.channel(channel)
		if err != nil {
			return err
		}
		place = v.Told
		return t.find(Query{After: place, Limit: min(limit, pendingLimit)}, func(seq uint64) error {
			c, err := t.change(seq)
			list = append(list, c)
			return err
		})
	})
	return place, list, err
}

// move writes reports and the channel's place behind them. It reports false
// when the channel is not at the place any more.
func (db *DB) move(channel string, from, to uint64, reports []tracker.Report) (moved bool, err error) {
	err = db.update(func(t tx) error {
		v, err := t.channel(channel)
		if moved = err == nil && v.Told == from; !moved {
			return err
		}
		for i := range reports {
			if err := t.addReport(&reports[i]); err != nil {
				return err
			}
		}
		v.Told = to
		return t.in(inChannels).write([]byte(channel), v)
	})
	return moved && err == nil, err
}

// AddReport writes a report about no change, such as a heartbeat, and sets its
// ID and Delivered.
func (db *DB) AddReport(r *tracker.Report) error {
	if len(r.Changes) > 0 {
		return errors.New("a report about changes comes from NextReports")
	}
	return db.update(func(t tx) error { return t.addReport(r) })
}

func (t tx) addReport(r *tracker.Report) error {
	if r.Channel == "" || strings.ContainsRune(r.Channel, 0) {
		return fmt.Errorf("report for channel %q", r.Channel)
	}
	b := t.in(inReports)
	id, err := b.NextSequence()
	if err != nil {
		return err
	}
	r.ID, r.Created = id, r.Created.UTC().Truncate(time.Millisecond)
	r.Delivered = delivered(r.Letters)
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

// NoteLetter writes what became of a letter of a report, found by its To.
// Noting the same twice is noting it once, and a letter that was sent stays
// sent. When no letter waits any more the report is delivered.
func (db *DB) NoteLetter(report uint64, l tracker.Letter) error {
	return db.update(func(t tx) error {
		found := false
		_, err := t.changeLetters(report, func(o *tracker.Letter) {
			if o.To == l.To {
				*o, found = l, true
			}
		})
		if err == nil && !found {
			err = fmt.Errorf("report %d has no letter to %s", report, l.To)
		}
		return err
	})
}

// ChangeLetters lets change alter the letters of reports, except those that
// were sent, and writes them in one transaction. It returns how many letters
// differ from what they were. change must not use the database.
func (db *DB) ChangeLetters(reports []uint64, change func(report uint64, l *tracker.Letter)) (changed int, err error) {
	err = db.update(func(t tx) error {
		changed = 0
		for _, id := range reports {
			n, err := t.changeLetters(id, func(l *tracker.Letter) { change(id, l) })
			if err != nil {
				return err
			}
			changed += n
		}
		return nil
	})
	return changed, err
}

func (t tx) changeLetters(report uint64, change func(*tracker.Letter)) (changed int, err error) {
	b, key := t.in(inReports), number(report)
	var v reportValue
	found, err := b.read(key, &v)
	if err == nil && !found {
		err = fmt.Errorf("there is no report %d", report)
	}
	if err != nil {
		return 0, err
	}
	letters := v.report(report).Letters
	for i := range letters {
		l := letters[i]
		change(&l)
		l.To = letters[i].To
		if n := newLetter(l); v.Letters[i].State != tracker.Sent && v.Letters[i] != n {
			v.Letters[i] = n
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
	if delivered(v.report(report).Letters) {
		return changed, waiting.Delete(k)
	}
	return changed, waiting.Put(k, nil)
}

// Report returns one report. It reports false when there is none.
func (db *DB) Report(id uint64) (tracker.Report, bool, error) {
	var r tracker.Report
	found := false
	err := db.view(func(t tx) (err error) {
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
		err = fmt.Errorf("%s is missing: %w", b.name(number(id)), ErrDamaged)
	}
	return v.report(id), err
}

// Undelivered are the reports of a channel with waiting letters, oldest first.
// An empty channel stands for all.
func (db *DB) Undelivered(channel string) ([]tracker.Report, error) {
	list, err := db.undelivered(channel, 0, 0)
	if channel == "" {
		slices.SortFunc(list, func(a, b tracker.Report) int { return int(a.ID) - int(b.ID) })
	}
	return list, err
}

// UndeliveredAfter are those of Undelivered with greater numbers than after; at
// most limit, 100 when zero.
func (db *DB) UndeliveredAfter(channel string, after uint64, limit int) ([]tracker.Report, error) {
	return db.undelivered(channel, after, pageSize(limit))
}

// undelivered are at most limit reports, all when that is 0.
func (db *DB) undelivered(channel string, after uint64, limit int) ([]tracker.Report, error) {
	var list []tracker.Report
	err := db.view(func(t tx) error {
		return t.indexed(inWaiting, channel, after, func(id uint64) (bool, error) {
			r, err := t.report(id)
			list = append(list, r)
			return limit == 0 || len(list) < limit, err
		})
	})
	return list, err
}

// Dead are the reports made since a time of which a letter was refused for good
// or given up, oldest first.
func (db *DB) Dead(since time.Time) ([]tracker.Report, error) {
	var list []tracker.Report
	err := db.view(func(t tx) error {
		cur := t.in(inReports).cursor()
		for k, _ := cur.Last(); k != nil; k, _ = cur.Prev() {
			r, err := t.report(numberOf(k))
			if err != nil || r.Created.Before(since) {
				return err
			}
			if slices.ContainsFunc(r.Letters, func(l tracker.Letter) bool { return l.State == tracker.Dead }) {
				list = append(list, r)
			}
		}
		return nil
	})
	slices.Reverse(list)
	return list, err
}

// indexed calls fn with the report numbers that an index has for a channel,
// or for all, greater than after, until it returns false.
func (t tx) indexed(index, channel string, after uint64, fn func(id uint64) (bool, error)) error {
	var prefix, first []byte
	if channel != "" {
		prefix, first = under(channel), underNumber(channel, after+1)
	}
	cur := t.in(index).cursor()
	for k, _ := cur.Seek(first); k != nil && bytes.HasPrefix(k, prefix); k, _ = cur.Next() {
		if more, err := fn(numberOf(k)); !more || err != nil {
			return err
		}
	}
	return nil
}

// Reports are those of a channel with greater numbers than after, oldest
// first, or with newest from the newest down; at most limit, 100 when zero. An
// empty channel stands for all.
func (db *DB) Reports(channel string, after uint64, limit int, newest bool) ([]tracker.Report, error) {
	var list []tracker.Report
	err := db.view(func(t tx) error {
		b, prefix := t.in(inReports), []byte(nil)
		if channel != "" {
			b, prefix = t.in(inMailbox), under(channel)
		}
		key := func(id uint64) []byte { return append(slices.Clone(prefix), number(id)...) }
		cur := b.cursor()
		k, _ := cur.Seek(key(after + 1))
		step := cur.Next
		if newest {
			k, step = last(cur, key(^uint64(0))), cur.Prev
		}
		for ; k != nil && bytes.HasPrefix(k, prefix) && len(list) < pageSize(limit); k, _ = step() {
			id := numberOf(k)
			if id <= after {
				return nil
			}
			r, err := t.report(id)
			if err != nil {
				return err
			}
			if channel != "" && r.Channel != channel {
				return b.damaged(k, errors.New("names a report of another channel"))
			}
			list = append(list, r)
		}
		return nil
	})
	return list, err
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

// Told are those among some changes that a channel was told: a report of the
// channel tells of each.
func (db *DB) Told(channel string, seqs []uint64) (map[uint64]bool, error) {
	told := make(map[uint64]bool)
	if len(seqs) == 0 {
		return told, nil
	}
	err := db.view(func(t tx) error {
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

// ReportsOf are the reports that tell of a change.
func (db *DB) ReportsOf(seq uint64) ([]tracker.Report, error) {
	var list []tracker.Report
	err := db.view(func(t tx) error {
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
