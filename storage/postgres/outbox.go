package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// channelRow reads a channel.
func channelRow(r pgx.CollectableRow) (c storage.Channel, err error) {
	var unsubscribed []byte
	var until *time.Time
	if err := r.Scan(&c.Name, &c.Told, &c.Joined, &unsubscribed, &c.Backoff.Failures, &until); err != nil {
		return c, err
	}
	c.Joined, c.Backoff.Until = c.Joined.UTC().Truncate(time.Millisecond), fromStamp(until)
	err = decode(unsubscribed, &c.Unsubscribed, "the list of those who left channel %s", c.Name)
	if len(c.Unsubscribed) == 0 {
		c.Unsubscribed = nil
	}
	return c, err
}

const channelColumns = "select name, told, joined, unsubscribed, failures, until from channels"

// Join implements storage.Channels.
func (db *DB) Join(ctx context.Context, channel string) error {
	if err := errors.Join(storage.CheckChannel(channel), checkName("channel", channel)); err != nil {
		return err
	}
	if _, known, err := db.Channel(ctx, channel); known || err != nil {
		return err
	}
	return db.update(ctx, func(t pgx.Tx) error {
		_, err := t.Exec(ctx, "insert into channels (name, told) select $1, last from heads where name = 'changes' on conflict do nothing", channel)
		return err
	})
}

// Channel implements storage.Channels.
func (db *DB) Channel(ctx context.Context, channel string) (c storage.Channel, found bool, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		c, found, err = one(ctx, t, channelRow, channelColumns+" where name = $1", name(channel))
		return err
	})
	return c, found && err == nil, err
}

// Channels implements storage.Channels.
func (db *DB) Channels(ctx context.Context) (all []storage.Channel, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		all, err = list(ctx, t, channelRow, channelColumns+" order by name")
		return err
	})
	return all, err
}

// channelOf reads a channel that joined.
func channelOf(ctx context.Context, t pgx.Tx, channel, how string) (storage.Channel, error) {
	c, found, err := one(ctx, t, channelRow, channelColumns+" where name = $1"+how, name(channel))
	if err == nil && !found {
		err = fmt.Errorf("channel %s never joined", channel)
	}
	return c, err
}

// Unsubscribe implements storage.Channels.
func (db *DB) Unsubscribe(ctx context.Context, channel, to string) error {
	return db.changeChannel(ctx, channel, func(c *storage.Channel) {
		if !slices.Contains(c.Unsubscribed, to) {
			c.Unsubscribed = append(c.Unsubscribed, to)
		}
	})
}

// Resubscribe implements storage.Channels.
func (db *DB) Resubscribe(ctx context.Context, channel, to string) error {
	return db.changeChannel(ctx, channel, func(c *storage.Channel) {
		c.Unsubscribed = slices.DeleteFunc(c.Unsubscribed, func(s string) bool { return s == to })
	})
}

// SetBackoff implements storage.Channels.
func (db *DB) SetBackoff(ctx context.Context, channel string, b storage.Backoff) error {
	return db.changeChannel(ctx, channel, func(c *storage.Channel) { c.Backoff = b })
}

func (db *DB) changeChannel(ctx context.Context, channel string, change func(*storage.Channel)) error {
	return db.update(ctx, func(t pgx.Tx) error {
		c, err := channelOf(ctx, t, channel, " for update")
		if err != nil {
			return err
		}
		change(&c)
		unsubscribed, err := json.Marshal(append([]string{}, c.Unsubscribed...))
		if err != nil {
			return err
		}
		_, err = t.Exec(ctx, "update channels set unsubscribed = $2::text::json, failures = $3, until = $4 where name = $1",
			channel, string(unsubscribed), c.Backoff.Failures, stamp(c.Backoff.Until))
		return err
	})
}

// Pending implements storage.Outbox.
func (db *DB) Pending(ctx context.Context, channel string, limit int) (place uint64, all []tracker.Change, err error) {
	if limit <= 0 || limit > storage.PendingLimit {
		limit = storage.PendingLimit
	}
	err = db.view(ctx, func(t pgx.Tx) error {
		c, err := channelOf(ctx, t, channel, "")
		if err != nil {
			return err
		}
		place = c.Told
		all, err = find(ctx, t, storage.Query{After: place, Limit: limit})
		return err
	})
	return place, all, err
}

// Advance implements storage.Outbox.
func (db *DB) Advance(ctx context.Context, channel string, from, to uint64, reports []tracker.Report) (moved bool, err error) {
	var made []tracker.Report
	err = db.update(ctx, func(t pgx.Tx) error {
		c, err := channelOf(ctx, t, channel, " for update")
		if moved = err == nil && c.Told == from; !moved {
			return err
		}
		last, err := head(ctx, t, "changes")
		if err != nil {
			return err
		}
		if to < from || to > last {
			return fmt.Errorf("channel %s cannot move from change %d to %d of %d", channel, from, to, last)
		}
		made = slices.Clone(reports)
		for i := range made {
			made[i].Channel = channel
		}
		if err := addReports(ctx, t, made); err != nil {
			return err
		}
		_, err = t.Exec(ctx, "update channels set told = $2 where name = $1", channel, number(to))
		return err
	})
	if err != nil {
		return false, err
	}
	copy(reports, made)
	return moved, nil
}

// AddReport implements storage.Outbox.
func (db *DB) AddReport(ctx context.Context, r *tracker.Report) error {
	if len(r.Changes) > 0 {
		return errors.New("a report about changes comes from Advance")
	}
	if err := errors.Join(storage.CheckChannel(r.Channel), checkName("channel", r.Channel)); err != nil {
		return err
	}
	var made []tracker.Report
	err := db.update(ctx, func(t pgx.Tx) error {
		made = []tracker.Report{*r}
		return addReports(ctx, t, made)
	})
	if err == nil {
		*r = made[0]
	}
	return err
}

// addReports gives reports of a channel their numbers and writes them.
func addReports(ctx context.Context, t pgx.Tx, reports []tracker.Report) error {
	if len(reports) == 0 {
		return nil
	}
	first, err := next(ctx, t, "reports", len(reports))
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	var seqs, of []int64
	for i := range reports {
		r := &reports[i]
		r.ID, r.Created = first+uint64(i), r.Created.UTC().Truncate(time.Millisecond)
		r.Delivered = delivered(r.Deliveries)
		v, err := encode(newReport(r))
		if err != nil {
			return err
		}
		b.Queue("insert into reports (id, channel, created, states, waiting, report) values ($1, $2, $3, $4, $5, $6::text::json)",
			number(r.ID), r.Channel, stamp(r.Created), states(r.Deliveries), !r.Delivered, v)
		for _, seq := range r.Changes {
			seqs, of = append(seqs, number(seq)), append(of, number(r.ID))
		}
	}
	if len(seqs) > 0 {
		b.Queue("insert into told (seq, report) select * from unnest($1::bigint[], $2::bigint[])", seqs, of)
	}
	return run(ctx, t, b)
}

// reportRow reads a report.
func reportRow(r pgx.CollectableRow) (rep tracker.Report, err error) {
	var id uint64
	var channel string
	var b []byte
	if err := r.Scan(&id, &channel, &b); err != nil {
		return rep, err
	}
	var v reportValue
	err = decode(b, &v, "report %d", id)
	return v.report(id, channel), err
}

// Report implements storage.Outbox.
func (db *DB) Report(ctx context.Context, id uint64) (r tracker.Report, found bool, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		r, found, err = one(ctx, t, reportRow, "select id, channel, report from reports where id = $1", number(id))
		return err
	})
	return r, found && err == nil, err
}

// Reports implements storage.Outbox.
func (db *DB) Reports(ctx context.Context, q storage.ReportQuery) (all []tracker.Report, err error) {
	var w where
	if q.Channel != "" {
		w.and("channel = $%d", name(q.Channel))
	}
	if q.With != "" {
		w.and("$%d = any(states)", name(q.With))
	}
	if q.With == tracker.Waiting {
		w.conditions = append(w.conditions, "waiting")
	}
	if q.After > 0 {
		w.and("id > $%d", number(q.After))
	}
	if q.Before > 0 {
		w.and("id < $%d", number(q.Before))
	}
	if !q.Since.IsZero() {
		w.and("created >= $%d", q.Since)
	}
	err = db.view(ctx, func(t pgx.Tx) error {
		all, err = list(ctx, t, reportRow, "select id, channel, report from reports"+w.sql("id", q.Newest, q.Limit), w.args...)
		return err
	})
	return all, err
}

// ReportsOf implements storage.Outbox.
func (db *DB) ReportsOf(ctx context.Context, seq uint64) (all []tracker.Report, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		all, err = list(ctx, t, reportRow, "select r.id, r.channel, r.report from told t join reports r on r.id = t.report where t.seq = $1 order by r.id", number(seq))
		return err
	})
	return all, err
}

// Told implements storage.Outbox.
func (db *DB) Told(ctx context.Context, channel string, seqs []uint64) (map[uint64]bool, error) {
	told := make(map[uint64]bool)
	if len(seqs) == 0 {
		return told, nil
	}
	wanted := make([]int64, len(seqs))
	for i, n := range seqs {
		wanted[i] = number(n)
	}
	err := db.view(ctx, func(t pgx.Tx) error {
		found, err := list(ctx, t, pgx.RowTo[uint64], "select distinct t.seq from told t join reports r on r.id = t.report where t.seq = any($1) and r.channel = $2", wanted, name(channel))
		for _, seq := range found {
			told[seq] = true
		}
		return err
	})
	return told, err
}

// NoteDelivery implements storage.Outbox.
func (db *DB) NoteDelivery(ctx context.Context, report uint64, l tracker.Delivery) error {
	return db.update(ctx, func(t pgx.Tx) error {
		found := false
		_, err := changeDeliveries(ctx, t, []uint64{report}, func(_ uint64, o *tracker.Delivery) {
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
	err = db.update(ctx, func(t pgx.Tx) error {
		changed, err = changeDeliveries(ctx, t, reports, change)
		return err
	})
	if err != nil {
		return 0, err
	}
	return changed, nil
}

func changeDeliveries(ctx context.Context, t pgx.Tx, reports []uint64, change func(uint64, *tracker.Delivery)) (changed int, err error) {
	ids := make([]int64, len(reports))
	for i, id := range reports {
		ids[i] = number(id)
	}
	found, err := list(ctx, t, reportRow, "select id, channel, report from reports where id = any($1) order by id for update", ids)
	if err != nil {
		return 0, err
	}
	byID := make(map[uint64]*tracker.Report, len(found))
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	b := &pgx.Batch{}
	for _, id := range reports {
		r := byID[id]
		if r == nil {
			return 0, fmt.Errorf("there is no report %d", id)
		}
		n := 0
		for i, was := range r.Deliveries {
			l := was
			change(id, &l)
			l.To = was.To
			if was.State != tracker.Sent && newDelivery(l) != newDelivery(was) {
				v := newDelivery(l)
				r.Deliveries[i] = v.delivery()
				n++
			}
		}
		if n == 0 {
			continue
		}
		changed += n
		v, err := encode(newReport(r))
		if err != nil {
			return 0, err
		}
		b.Queue("update reports set states = $2, waiting = $3, report = $4::text::json where id = $1", number(id), states(r.Deliveries), !delivered(r.Deliveries), v)
	}
	return changed, run(ctx, t, b)
}
