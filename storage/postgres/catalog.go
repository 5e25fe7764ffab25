package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// Storefronts implements storage.Catalogs.
func (db *DB) Storefronts(ctx context.Context) (all []storage.Storefront, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		all, err = list(ctx, t, func(r pgx.CollectableRow) (sf storage.Storefront, err error) {
			var b []byte
			if err := r.Scan(&sf.Name, &b); err != nil {
				return sf, err
			}
			sf.State, err = decodeState(sf.Name, b)
			return sf, err
		}, "select name, state from storefronts order by name")
		return err
	})
	return all, err
}

func decodeState(name tracker.StorefrontName, b []byte) (tracker.State, error) {
	if b == nil { // it is just being made
		return tracker.State{}, nil
	}
	var v stateValue
	err := decode(b, &v, "the state of storefront %s", name)
	return v.state(), err
}

// State implements storage.Catalogs.
func (db *DB) State(ctx context.Context, name tracker.StorefrontName) (st tracker.State, err error) {
	err = db.read(ctx, func(q querier) error {
		st, err = state(ctx, q, name)
		return err
	})
	return st, err
}

// state reads the state of a storefront, the zero one when it is not known.
func state(ctx context.Context, t querier, sf tracker.StorefrontName) (tracker.State, error) {
	st, _, err := one(ctx, t, stateRow(sf), "select state from storefronts where name = $1", name(sf))
	return st, err
}

func stateRow(sf tracker.StorefrontName) func(pgx.CollectableRow) (tracker.State, error) {
	return func(r pgx.CollectableRow) (tracker.State, error) {
		var b []byte
		if err := r.Scan(&b); err != nil {
			return tracker.State{}, err
		}
		return decodeState(sf, b)
	}
}

// itemRow reads an id and an item.
func itemRow(r pgx.CollectableRow) (it tracker.Item, err error) {
	var id tracker.ProductID
	var b []byte
	if err := r.Scan(&id, &b); err != nil {
		return it, err
	}
	var v itemValue
	err = decode(b, &v, "product %s", id)
	return v.item(id), err
}

// seen fills in when a listed product was last seen: the last complete scan
// showed it.
func seen(st *tracker.State, it *tracker.Item) {
	if it.Listed() && it.Missing == 0 && it.LastSeen.Before(st.LastComplete) {
		it.LastSeen = st.LastComplete
	}
	if it.LastSeen.Before(it.FirstSeen) {
		it.LastSeen = it.FirstSeen
	}
}

// Product implements storage.Catalogs.
func (db *DB) Product(ctx context.Context, sf tracker.StorefrontName, id tracker.ProductID) (it tracker.Item, found bool, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		st, err := state(ctx, t, sf)
		if err != nil {
			return err
		}
		it, found, err = item(ctx, t, sf, id)
		if found {
			seen(&st, &it)
		}
		return err
	})
	return it, found && err == nil, err
}

func item(ctx context.Context, t pgx.Tx, sf tracker.StorefrontName, id tracker.ProductID) (tracker.Item, bool, error) {
	return one(ctx, t, itemRow, "select id, item from products where storefront = $1 and id = $2", name(sf), name(id))
}

// Products implements storage.Catalogs.
func (db *DB) Products(ctx context.Context, sf tracker.StorefrontName, after tracker.ProductID, limit int) (all []tracker.Item, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		st, err := state(ctx, t, sf)
		if err != nil {
			return err
		}
		all, err = list(ctx, t, itemRow, "select id, item from products where storefront = $1 and id > $2 order by id limit $3",
			name(sf), place(after), storage.PageSize(limit))
		for i := range all {
			seen(&st, &all[i])
		}
		if err == nil && after == "" && len(all) < storage.PageSize(limit) && len(all) != st.Listed+st.Removed {
			err = fmt.Errorf("the catalog of %s is %w (%d products, recorded are %d)", sf, storage.ErrDamaged, len(all), st.Listed+st.Removed)
		}
		return err
	})
	return all, err
}

// place is an id behind which a list goes on.
func place(id tracker.ProductID) string {
	return strings.ToValidUTF8(strings.ReplaceAll(string(id), "\x00", ""), "")
}

// Suspects implements storage.Catalogs.
func (db *DB) Suspects(ctx context.Context, sf tracker.StorefrontName, after tracker.ProductID, limit int) (all []tracker.Item, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		all, err = list(ctx, t, itemRow, "select id, item from products where storefront = $1 and id > $2 and removed is null and missing > 0 order by id limit $3",
			name(sf), place(after), storage.PageSize(limit))
		return err
	})
	return all, err
}

// reconcile says what a scan changes in a catalog of the given state.
func reconcile(ctx context.Context, t pgx.Tx, st tracker.State, s *tracker.Scan, r tracker.Rules) (tracker.Outcome, error) {
	p := tracker.NewPlan(st, s, r)
	if p.NeedsEntries() {
		if err := addEntries(ctx, t, st, s.Storefront, p); err != nil {
			return tracker.Outcome{}, err
		}
	}
	items, err := load(ctx, t, s.Storefront, p.ItemIDs())
	if err != nil {
		return tracker.Outcome{}, err
	}
	return tracker.Reconcile(p, items), nil
}

// addEntries adds the whole catalog to a plan.
func addEntries(ctx context.Context, t pgx.Tx, st tracker.State, sf tracker.StorefrontName, p *tracker.Plan) error {
	rows, err := t.Query(ctx, "select id, fingerprint, removed from products where storefront = $1 order by id", string(sf))
	if err != nil {
		return err
	}
	for rows.Next() {
		var e tracker.Entry
		var fingerprint int64
		var gone *time.Time
		if err := rows.Scan(&e.ID, &fingerprint, &gone); err != nil {
			rows.Close()
			return err
		}
		e.Fingerprint, e.Removed, e.Gone = tracker.Fingerprint(fingerprint), gone != nil, fromStamp(gone)
		p.Add(e)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if listed, removed := p.Counted(); listed != st.Listed || removed != st.Removed {
		return fmt.Errorf("the catalog of %s is %w (%d products listed and %d removed, recorded are %d and %d)",
			sf, storage.ErrDamaged, listed, removed, st.Listed, st.Removed)
	}
	return nil
}

// load reads items that are there, in the order of the ids.
func load(ctx context.Context, t pgx.Tx, sf tracker.StorefrontName, ids []tracker.ProductID) ([]tracker.Item, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	wanted := make([]string, len(ids))
	for i, id := range ids {
		wanted[i] = string(id)
	}
	found, err := list(ctx, t, itemRow, `select p.id, p.item from unnest($2::text[]) with ordinality as w(id, place)
		join products p on p.storefront = $1 and p.id = w.id order by w.place`, string(sf), wanted)
	if err == nil && !slices.EqualFunc(found, ids, func(it tracker.Item, id tracker.ProductID) bool { return it.ID == id }) {
		err = fmt.Errorf("the catalog of %s is %w: it lacks a product that it lists", sf, storage.ErrDamaged)
	}
	return found, err
}

// putItems writes items, in any order.
func putItems(b *pgx.Batch, sf tracker.StorefrontName, items []tracker.Item) error {
	if len(items) == 0 {
		return nil
	}
	var ids, values []string
	var titles, searched [][]byte
	var prices []*int64
	var fingerprints []int64
	var removed []*time.Time
	var missing []int
	for i := range items {
		it := &items[i]
		v, err := encode(newItem(it))
		if err != nil {
			return err
		}
		e := tracker.EntryOf(it)
		ids, values = append(ids, string(it.ID)), append(values, v)
		fingerprints, removed, missing = append(fingerprints, int64(e.Fingerprint)), append(removed, stamp(it.Removed)), append(missing, it.Missing)
		// The title as it comes back: of what is no text json keeps no bytes.
		titles, searched = append(titles, []byte(string([]rune(it.Title)))), append(searched, folded(it.Title, string(it.ID)))
		var price *int64
		if it.Price.Known() {
			price = &it.Price.Low
		}
		prices = append(prices, price)
	}
	b.Queue(`insert into products (storefront, id, fingerprint, removed, missing, title, price, folded, item)
		select $1, id, fingerprint, removed, missing, title, price, folded, item::json
		from unnest($2::text[], $3::bigint[], $4::timestamptz[], $5::integer[], $6::bytea[], $7::bigint[], $8::bytea[], $9::text[])
			as n(id, fingerprint, removed, missing, title, price, folded, item)
		on conflict (storefront, id) do update
		set fingerprint = excluded.fingerprint, removed = excluded.removed, missing = excluded.missing,
			title = excluded.title, price = excluded.price, folded = excluded.folded, item = excluded.item`,
		string(sf), ids, fingerprints, removed, missing, titles, prices, searched, values)
	return nil
}

// putState writes the state of a storefront that is known.
func putState(b *pgx.Batch, sf tracker.StorefrontName, st *tracker.State) error {
	v, err := encode(newState(st))
	if err != nil {
		return err
	}
	b.Queue("update storefronts set state = $2::text::json where name = $1", string(sf), v)
	return nil
}
