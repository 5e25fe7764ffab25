package postgres

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// changeRow reads a number, a storefront and a change.
func changeRow(r pgx.CollectableRow) (c tracker.Change, err error) {
	var seq uint64
	var name tracker.StorefrontName
	var b []byte
	if err := r.Scan(&seq, &name, &b); err != nil {
		return c, err
	}
	var v changeValue
	err = decode(b, &v, "change %d", seq)
	return v.change(seq, name), err
}

// number is a number for a column, which cannot be greater.
func number(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// Change implements storage.Log.
func (db *DB) Change(ctx context.Context, seq uint64) (c tracker.Change, found bool, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		c, found, err = change(ctx, t, seq)
		return err
	})
	return c, found && err == nil, err
}

func change(ctx context.Context, t pgx.Tx, seq uint64) (tracker.Change, bool, error) {
	return one(ctx, t, changeRow, "select seq, storefront, change from changes where seq = $1", number(seq))
}

// Changes implements storage.Log.
func (db *DB) Changes(ctx context.Context, q storage.Query) (all []tracker.Change, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		all, err = find(ctx, t, q)
		return err
	})
	return all, err
}

func find(ctx context.Context, t pgx.Tx, q storage.Query) ([]tracker.Change, error) {
	var w where
	if q.Text != "" {
		if err := search(ctx, t, &w, q); err != nil {
			return nil, err
		}
	}
	if q.Important {
		w.conditions = append(w.conditions, "important")
	}
	if q.Storefront != "" {
		w.and("storefront = $%d", name(q.Storefront))
	}
	if len(q.Kinds) > 0 {
		var kinds []string
		for _, k := range q.Kinds {
			kinds = append(kinds, name(k))
		}
		w.and("kind = any($%d)", kinds)
	}
	if !q.Since.IsZero() {
		w.and("at >= $%d", q.Since)
	}
	if !q.Until.IsZero() {
		w.and("at < $%d", q.Until)
	}
	if q.After > 0 {
		w.and("seq > $%d", number(q.After))
	}
	if q.Before > 0 {
		w.and("seq < $%d", number(q.Before))
	}
	all, err := list(ctx, t, changeRow, "select seq, storefront, change from changes"+w.sql("seq", q.Newest, q.Limit), w.args...)
	if err == nil && q.Storefront == "" && q.Text == "" && !q.Important && len(q.Kinds) == 0 && q.Since.IsZero() && q.Until.IsZero() {
		err = dense(all, q.Newest)
	}
	return all, err
}

// dense says what is missing from a stretch of the log.
func dense(all []tracker.Change, newest bool) error {
	for i := 1; i < len(all); i++ {
		before, after := all[i-1].Seq, all[i].Seq
		if newest {
			before, after = after, before
		}
		if after != before+1 {
			return fmt.Errorf("change %d is missing: %w", before+1, storage.ErrDamaged)
		}
	}
	return nil
}

// A where gathers the conditions of a query.
type where struct {
	conditions []string
	args       []any
}

// and adds a condition, in which %d stands for the number of its argument.
func (w *where) and(condition string, arg any) {
	w.args = append(w.args, arg)
	w.conditions = append(w.conditions, fmt.Sprintf(condition, len(w.args)))
}

// arg adds an argument, and returns what stands for it.
func (w *where) arg(v any) string {
	w.args = append(w.args, v)
	return fmt.Sprintf("$%d", len(w.args))
}

// sql is the end of the query: conditions, order and limit.
func (w *where) sql(order string, down bool, limit int) string {
	s := ""
	if len(w.conditions) > 0 {
		s = " where " + strings.Join(w.conditions, " and ")
	}
	if s += " order by " + order; down {
		s += " desc"
	}
	return s + fmt.Sprint(" limit ", storage.PageSize(limit))
}

// ChangesOf implements storage.Log.
func (db *DB) ChangesOf(ctx context.Context, seqs []uint64) (all []tracker.Change, err error) {
	wanted := make([]int64, len(seqs))
	for i, n := range seqs {
		wanted[i] = number(n)
	}
	err = db.view(ctx, func(t pgx.Tx) error {
		all, err = list(ctx, t, changeRow, `select c.seq, c.storefront, c.change from unnest($1::bigint[]) with ordinality as w(seq, place)
			join changes c on c.seq = w.seq order by w.place`, wanted)
		return err
	})
	return all, err
}

// PriorPrices implements storage.Log. It reads what happened to the prices of all
// products at once, and what was corrected.
func (db *DB) PriorPrices(ctx context.Context, changes []tracker.Change) (map[uint64]tracker.Price, error) {
	var names, ids []string
	var since []time.Time
	var cuts []*tracker.Change
	for i := range changes {
		if c := &changes[i]; c.Cuts() {
			cuts = append(cuts, c)
			names, ids = append(names, name(c.Storefront)), append(ids, name(c.Product.ID))
			since = append(since, c.At.Add(-tracker.PriorPeriod))
		}
	}
	type key struct {
		storefront tracker.StorefrontName
		product    tracker.ProductID
	}
	history := make(map[key][]tracker.Change)
	err := db.view(ctx, func(t pgx.Tx) error {
		clear(history)
		found, err := list(ctx, t, changeRow, `select c.seq, c.storefront, c.change
			from (select storefront, product, min(since) as since from unnest($1::text[], $2::text[], $3::timestamptz[]) as n(storefront, product, since) group by 1, 2) w
			join changes c on c.storefront = w.storefront and c.product = w.product and c.at >= w.since
			where c.kind in ('repriced', 'corrected') order by c.seq`, names, ids, since)
		for i := range found {
			k := key{found[i].Storefront, found[i].Product.ID}
			history[k] = append(history[k], found[i])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	prior := make(map[uint64]tracker.Price)
	for _, c := range cuts {
		if p, ok := tracker.PriorPrice(c, history[key{c.Storefront, c.Product.ID}]); ok {
			prior[c.Seq] = p
		}
	}
	return prior, nil
}

// History implements storage.Log.
func (db *DB) History(ctx context.Context, sf tracker.StorefrontName, id tracker.ProductID, after uint64, limit int) (all []tracker.Change, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		all, err = list(ctx, t, changeRow, "select seq, storefront, change from changes where storefront = $1 and product = $2 and seq > $3 order by seq limit $4",
			name(sf), name(id), number(after), storage.PageSize(limit))
		return err
	})
	return all, err
}
