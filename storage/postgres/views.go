package postgres

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// folded is what is searched of several texts. The byte between them is in no
// text.
func folded(texts ...string) []byte {
	var all [][]byte
	for _, s := range texts {
		all = append(all, []byte(storage.Fold(s)))
	}
	return bytes.Join(all, []byte{0xff})
}

// searchedOf is what is searched of a change; nil when it is about no product.
func searchedOf(c *tracker.Change) []byte {
	switch {
	case c.Product == nil:
		return nil
	case c.Before == nil:
		return folded(c.Product.Title, string(c.Product.ID))
	}
	return folded(c.Product.Title, string(c.Product.ID), c.Before.Title, string(c.Before.ID))
}

// search adds the condition that a text is found. Few products that have it are
// looked up one by one, for many the log is walked.
func search(ctx context.Context, t pgx.Tx, w *where, q storage.Query) error {
	const few = 500
	w.and("position($%d::bytea in folded) > 0", folded(q.Text))
	var names, ids []string
	_, err := list(ctx, t, func(r pgx.CollectableRow) (none struct{}, err error) {
		var sf, id string
		err = r.Scan(&sf, &id)
		names, ids = append(names, sf), append(ids, id)
		return none, err
	}, `select distinct storefront, product from titles where position($1::bytea in folded) > 0 and ($2 = '' or storefront = $2) limit $3`,
		folded(q.Text), name(q.Storefront), few+1)
	if err != nil || len(ids) > few {
		return err
	}
	w.conditions = append(w.conditions, "(storefront, product) in (select * from unnest("+w.arg(names)+"::text[], "+w.arg(ids)+"::text[]))")
	return nil
}

// noteLook takes in that a look at the listing showed items, or did not.
func noteLook(b *pgx.Batch, sf tracker.StorefrontName, items []tracker.Item, look time.Time) {
	var shown, absent []string
	for i := range items {
		if it := &items[i]; it.Listed() && it.Missing == 0 {
			shown = append(shown, string(it.ID))
		} else {
			absent = append(absent, string(it.ID))
		}
	}
	if shown != nil {
		b.Queue("update absences set until = $3 where storefront = $1 and product = any($2) and until is null", string(sf), shown, stamp(look))
	}
	if absent != nil {
		b.Queue(`insert into absences (storefront, product, began) select $1, id, $3 from unnest($2::text[]) as n(id)
			where not exists (select from absences where storefront = $1 and product = id and until is null)
			on conflict (storefront, product, began) do update set until = null`, string(sf), absent, stamp(look))
	}
}

// Overviews implements storage.Views.
func (db *DB) Overviews(ctx context.Context, q storage.OverviewQuery) (all []storage.Overview, err error) {
	var names []string // null: all
	if q.Names != nil {
		names = []string{}
		for _, sf := range q.Names {
			names = append(names, name(sf))
		}
	}
	err = db.view(ctx, func(t pgx.Tx) error {
		at := make(map[tracker.StorefrontName]int)
		all, err = list(ctx, t, func(r pgx.CollectableRow) (o storage.Overview, err error) {
			var b []byte
			if err := r.Scan(&o.Name, &b, &o.Suspects); err != nil {
				return o, err
			}
			at[o.Name] = len(at)
			o.Changes = make(map[tracker.Kind]int)
			o.State, err = decodeState(o.Name, b)
			return o, err
		}, `select name, state, (select count(*) from products p where p.storefront = s.name and p.removed is null and p.missing > 0)
			from storefronts s where $1::text[] is null or name = any($1) order by name`, names)
		if err != nil {
			return err
		}
		if q.Scans > 0 {
			scans, err := list(ctx, t, scanRow, `select n.* from storefronts s cross join lateral (
					select storefront, began, scan from scans where storefront = s.name order by began desc limit $2
				) n where $1::text[] is null or s.name = any($1) order by n.storefront, n.began desc`, names, q.Scans)
			if err != nil {
				return err
			}
			for i := range scans {
				o := &all[at[scans[i].Storefront]]
				o.Scans = append(o.Scans, scans[i])
			}
		}
		if q.Since.IsZero() {
			return nil
		}
		_, err = list(ctx, t, func(r pgx.CollectableRow) (none struct{}, err error) {
			var sf tracker.StorefrontName
			var kind tracker.Kind
			var n int
			err = r.Scan(&sf, &kind, &n)
			all[at[sf]].Changes[kind] = n
			return none, err
		}, "select storefront, kind, count(*) from changes where at >= $2 and ($1::text[] is null or storefront = any($1)) group by 1, 2", names, q.Since)
		return err
	})
	return all, err
}

// Tally implements storage.Views.
func (db *DB) Tally(ctx context.Context, sf tracker.StorefrontName, since, until time.Time, zone *time.Location) (all []storage.DayTally, err error) {
	var w where
	w.and("storefront = $%d", name(sf))
	if !since.IsZero() {
		w.and("at >= $%d", since)
	}
	if !until.IsZero() {
		w.and("at < $%d", until)
	}
	conditions := " where " + strings.Join(w.conditions, " and ")
	err = db.view(ctx, func(t pgx.Tx) error {
		all = nil
		var first, last *time.Time
		if err := t.QueryRow(ctx, "select min(at), max(at) from changes"+conditions, w.args...).Scan(&first, &last); err != nil || first == nil {
			return err
		}
		days, starts := daysOf(*first, *last, zone)
		with := w
		bucket, place := "width_bucket(at, "+with.arg(starts)+"::timestamptz[])", 0
		_, err := list(ctx, t, func(r pgx.CollectableRow) (none struct{}, err error) {
			var kind tracker.Kind
			var n, day int
			if err := r.Scan(&day, &kind, &n); err != nil {
				return none, err
			}
			if day != place {
				all = append(all, storage.DayTally{Day: days[day-1], Changes: make(map[tracker.Kind]int)})
				place = day
			}
			all[len(all)-1].Changes[kind] = n
			return none, nil
		}, "select "+bucket+", kind, count(*) from changes"+conditions+" group by 1, 2 order by 1", with.args...)
		return err
	})
	return all, err
}

// daysOf are the midnights of the days from one time to another, and when these
// days begin: where a clock is put forward at midnight that is later.
func daysOf(first, last time.Time, zone *time.Location) (days, starts []time.Time) {
	y, m, d := first.In(zone).Date()
	for i := 0; ; i++ {
		noon := time.Date(y, m, d+i, 12, 0, 0, 0, zone)
		day := time.Date(y, m, d+i, 0, 0, 0, 0, zone)
		if day.After(last) {
			return days, starts
		}
		start := day
		if day.Day() != noon.Day() {
			start = day.Add(time.Hour)
		}
		days, starts = append(days, day), append(starts, start)
	}
}

// Shelf implements storage.Views.
func (db *DB) Shelf(ctx context.Context, q storage.ShelfQuery) (shelf storage.Shelf, err error) {
	var w where
	w.and("storefront = $%d", name(q.Storefront))
	if q.ID != "" {
		w.and("id = $%d", name(q.ID))
	}
	if q.Text != "" {
		w.and("position($%d::bytea in folded) > 0", folded(q.Text))
	}
	switch q.Presence {
	case storage.PresentListed:
		w.conditions = append(w.conditions, "removed is null")
	case storage.PresentMissing:
		w.conditions = append(w.conditions, "removed is null and missing > 0")
	case storage.PresentRemoved:
		w.conditions = append(w.conditions, "removed is not null")
	}
	order := "(select max(seq) from changes c where c.storefront = p.storefront and c.product = p.id) desc nulls last, id"
	switch q.Order {
	case storage.OrderRemoved:
		order = "removed desc nulls last, id"
	case storage.OrderTitle:
		order = "title, id"
	case storage.OrderPrice:
		order = "price nulls last, id"
	}
	err = db.view(ctx, func(t pgx.Tx) error {
		shelf = storage.Shelf{}
		st, err := state(ctx, t, q.Storefront)
		if err != nil {
			return err
		}
		var exact *time.Time
		err = t.QueryRow(ctx, "select (select exact from instance), count(*) from products p where "+strings.Join(w.conditions, " and "), w.args...).Scan(&exact, &shelf.Total)
		if err != nil {
			return err
		}
		shelf.Exact = fromStamp(exact)
		with := w
		skip := " offset " + with.arg(max(q.Skip, 0))
		items, err := list(ctx, t, itemRow, "select id, item from products p"+w.sql(order, false, q.Limit)+skip, with.args...)
		if err != nil {
			return err
		}
		for i := range items {
			seen(&st, &items[i])
			shelf.Rows = append(shelf.Rows, storage.ShelfRow{Item: items[i]})
		}
		return happened(ctx, t, q.Storefront, shelf.Rows)
	})
	return shelf, err
}

// happened adds to products what happened to them.
func happened(ctx context.Context, t pgx.Tx, sf tracker.StorefrontName, rows []storage.ShelfRow) error {
	if len(rows) == 0 {
		return nil
	}
	ids := make([]string, len(rows))
	at := make(map[tracker.ProductID]*storage.ShelfRow, len(rows))
	for i := range rows {
		ids[i] = string(rows[i].ID)
		at[rows[i].ID] = &rows[i]
	}
	changes, err := list(ctx, t, changeRow, `select c.* from unnest($2::text[]) as w(id) cross join lateral (
			select seq, storefront, change from changes where storefront = $1 and product = w.id order by seq desc limit $3
		) c order by c.seq`, string(sf), ids, storage.ShelfChanges)
	if err != nil {
		return err
	}
	for i := range changes {
		row := at[changes[i].Product.ID]
		row.Changes = append(row.Changes, changes[i])
	}
	_, err = list(ctx, t, func(r pgx.CollectableRow) (none struct{}, err error) {
		var id tracker.ProductID
		var began time.Time
		var until *time.Time
		err = r.Scan(&id, &began, &until)
		at[id].Absences = append(at[id].Absences, storage.Absence{From: began.UTC(), Until: fromStamp(until)})
		return none, err
	}, "select product, began, until from absences where storefront = $1 and product = any($2) order by product, began", string(sf), ids)
	return err
}
