package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// checkScan returns what is wrong with a scan that cannot be stored.
func checkScan(s *tracker.Scan) error {
	if err := storage.CheckScan(s); err != nil {
		return err
	}
	if err := checkName("storefront", s.Storefront); err != nil {
		return err
	}
	for i := range s.Products {
		if err := checkName("product", s.Products[i].ID); err != nil {
			return fmt.Errorf("scan of %s: %w", s.Storefront, err)
		}
	}
	return nil
}

// Preview implements storage.Committer.
func (db *DB) Preview(ctx context.Context, s *tracker.Scan, r tracker.Rules) (out tracker.Outcome, err error) {
	if err := checkScan(s); err != nil {
		return out, err
	}
	err = db.view(ctx, func(t pgx.Tx) error {
		st, err := state(ctx, t, s.Storefront)
		if err != nil {
			return err
		}
		out, err = reconcile(ctx, t, st, s, r)
		return err
	})
	if err != nil {
		return tracker.Outcome{}, fmt.Errorf("compare the scan of %s: %w", s.Storefront, err)
	}
	return out, nil
}

// Commit implements storage.Committer.
func (db *DB) Commit(ctx context.Context, s *tracker.Scan, r tracker.Rules) ([]tracker.Change, error) {
	return db.CommitWith(ctx, s, r, nil)
}

// CommitWith is Commit, with more that is written in the same transaction: first
// of all, by a function that may undo everything with an error.
func (db *DB) CommitWith(ctx context.Context, s *tracker.Scan, r tracker.Rules, first func(context.Context, pgx.Tx) error) ([]tracker.Change, error) {
	if err := checkScan(s); err != nil {
		return nil, err
	}
	var sc tracker.Scan
	var out tracker.Outcome
	err := db.update(ctx, func(t pgx.Tx) error {
		sc = *s
		sc.Began, sc.Took = s.Began.UTC().Truncate(time.Millisecond), s.Took.Truncate(time.Millisecond)
		if first != nil {
			if err := first(ctx, t); err != nil {
				return err
			}
		}
		st, err := lock(ctx, t, sc.Storefront)
		if err != nil {
			return err
		}
		if sc.Began, err = free(ctx, t, sc.Storefront, sc.Began); err != nil {
			return err
		}
		if out, err = reconcile(ctx, t, st, &sc, r); err != nil {
			return err
		}
		if again, ok := db.gaps.Over(&sc); ok {
			out.Changes = append(out.Changes, again)
		}
		out.Note(&sc)
		return commit(ctx, t, &sc, &out)
	})
	if err != nil {
		if errors.Is(err, storage.ErrFull) {
			db.gaps.Note(s, "the database took nothing")
		} else if errors.Is(err, ErrAway) {
			db.gaps.Note(s, "the database could not be reached")
		}
		return nil, fmt.Errorf("commit the scan of %s: %w", s.Storefront, err)
	}
	db.gaps.Close(sc.Storefront)
	*s = sc
	return out.Changes, nil
}

// lock holds a storefront, made if need be, until the transaction ends, and
// returns its state.
func lock(ctx context.Context, t pgx.Tx, sf tracker.StorefrontName) (tracker.State, error) {
	const sql = "select state from storefronts where name = $1 for update"
	st, found, err := one(ctx, t, stateRow(sf), sql, string(sf))
	if found || err != nil {
		return st, err
	}
	if _, err := t.Exec(ctx, "insert into storefronts (name) values ($1) on conflict do nothing", string(sf)); err != nil {
		return st, err
	}
	st, _, err = one(ctx, t, stateRow(sf), sql, string(sf))
	return st, err
}

// free returns the first millisecond from a time on at which no scan of the
// storefront began.
func free(ctx context.Context, t pgx.Tx, sf tracker.StorefrontName, began time.Time) (time.Time, error) {
	for {
		var taken bool
		err := t.QueryRow(ctx, "select exists (select from scans where storefront = $1 and began = $2)", string(sf), began).Scan(&taken)
		if !taken || err != nil {
			return began, err
		}
		began = began.Add(time.Millisecond)
	}
}

// commit writes what a scan brought: log, catalog, scan record and state.
func commit(ctx context.Context, t pgx.Tx, s *tracker.Scan, out *tracker.Outcome) error {
	b := &pgx.Batch{}
	if err := putItems(b, s.Storefront, out.Items); err != nil {
		return err
	}
	noteLook(b, s.Storefront, out.Items, s.Began)
	if err := putScan(b, s); err != nil {
		return err
	}
	if err := putState(b, s.Storefront, &out.State); err != nil {
		return err
	}
	var named evidenceTimes
	for i := range out.Items {
		named.add(s.Began.Add(s.Took), out.Items[i].Probe.Files()...)
	}
	named.add(s.Began.Add(s.Took), s.Evidence.Capture)
	if len(out.Changes) > 0 { // last, because it keeps out all other commits
		if err := run(ctx, t, b); err != nil {
			return err
		}
		b = &pgx.Batch{}
		if err := appendChanges(ctx, t, b, out.Changes, &named); err != nil {
			return err
		}
	}
	named.put(b)
	return run(ctx, t, b)
}

// putScan writes a scan record.
func putScan(b *pgx.Batch, s *tracker.Scan) error {
	v, err := encode(newScan(s))
	if err != nil {
		return err
	}
	b.Queue("insert into scans (storefront, began, complete, changes, opened, scan) values ($1, $2, $3, $4, $5, $6::text::json)",
		string(s.Storefront), s.Began, s.Verdict == tracker.Complete, s.Changes, s.Evidence.Opened, v)
	return nil
}

// appendChanges gives changes their numbers and writes them.
func appendChanges(ctx context.Context, t pgx.Tx, b *pgx.Batch, changes []tracker.Change, named *evidenceTimes) error {
	first, err := next(ctx, t, "changes", len(changes))
	if err != nil {
		return err
	}
	return putChanges(ctx, t, b, changes, first, named)
}

// putChanges writes changes, numbered from the first on.
func putChanges(ctx context.Context, t pgx.Tx, b *pgx.Batch, changes []tracker.Change, first uint64, named *evidenceTimes) error {
	g, err := newGrowth(ctx, t, first-1)
	if err != nil {
		return err
	}
	var seqs []int64
	var hashes, searched [][]byte
	var important []bool
	var at, scans []time.Time
	var names, kinds, values []string
	var products []*string
	for i := range changes {
		c := &changes[i]
		c.Seq = first + uint64(i)
		v, err := encode(newChange(c))
		if err != nil {
			return err
		}
		completed, err := g.append(c.Seq, c.Storefront, v)
		if err != nil {
			return err
		}
		hashes, searched, important = append(hashes, completed), append(searched, searchedOf(c)), append(important, c.Important != "")
		var product *string
		if c.Product != nil {
			product = (*string)(&c.Product.ID)
		}
		seqs, at, scans = append(seqs, int64(c.Seq)), append(at, c.At), append(scans, c.Scan)
		names, kinds, values, products = append(names, string(c.Storefront)), append(kinds, string(c.Kind)), append(values, v), append(products, product)
		named.add(c.At, c.Files()...)
	}
	b.Queue(`insert into changes (seq, storefront, at, kind, scan, product, important, folded, change)
		select seq, storefront, at, kind, scan, product, important, folded, change::json
		from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::text[], $7::boolean[], $8::bytea[], $9::text[])
			as n(storefront, seq, at, kind, scan, product, important, folded, change)`,
		names, seqs, at, kinds, scans, products, important, searched, values)
	b.Queue("insert into tree (seq, hashes) select seq, hashes from unnest($1::bigint[], $2::bytea[]) as n(seq, hashes)", seqs, hashes)
	// Who commits holds the storefront: nobody writes the same titles meanwhile.
	b.Queue(`insert into titles (storefront, product, folded)
		select distinct storefront, product, folded from unnest($1::text[], $2::text[], $3::bytea[]) as n(storefront, product, folded)
		where product is not null and not exists (
			select from titles t where t.storefront = n.storefront and t.product = n.product and t.folded = n.folded
		)`, names, products, searched)
	return nil
}

// Dispute implements storage.Committer.
func (db *DB) Dispute(ctx context.Context, seq uint64, reason string, now time.Time) (fixed tracker.Change, err error) {
	err = db.update(ctx, func(t pgx.Tx) error {
		wrong, found, err := change(ctx, t, seq)
		if err == nil && !found {
			err = storage.Refused("there is no such change")
		}
		if err != nil {
			return err
		}
		st, err := lock(ctx, t, wrong.Storefront)
		if err == nil {
			err = disputable(ctx, t, &wrong)
		}
		if err != nil {
			return err
		}
		it, found, err := item(ctx, t, wrong.Storefront, wrong.Product.ID)
		if err != nil {
			return err
		}
		known := &it
		if !found {
			known = nil
		}
		right := tracker.Correct(&wrong, st, known, reason, now)
		b := &pgx.Batch{}
		var named evidenceTimes
		if right.Write {
			items := []tracker.Item{*right.Item}
			if err := putItems(b, wrong.Storefront, items); err != nil {
				return err
			}
			look := now
			if !right.Item.Listed() {
				look = wrong.Scan // did not show it after all
			}
			noteLook(b, wrong.Storefront, items, look)
			named.add(wrong.At, right.Item.Probe.Files()...)
		}
		if right.Delete {
			b.Queue("delete from products where storefront = $1 and id = $2", string(wrong.Storefront), string(wrong.Product.ID))
			b.Queue("delete from absences where storefront = $1 and product = $2", string(wrong.Storefront), string(wrong.Product.ID))
		}
		if right.Write || right.Delete {
			if err := putState(b, wrong.Storefront, &right.State); err != nil {
				return err
			}
		}
		log := []tracker.Change{right.Change}
		if err := appendChanges(ctx, t, b, log, &named); err != nil {
			return err
		}
		fixed = log[0]
		named.put(b)
		return run(ctx, t, b)
	})
	if err != nil {
		return tracker.Change{}, fmt.Errorf("dispute change %d: %w", seq, err)
	}
	return fixed, nil
}

// disputable says why a change cannot be disputed.
func disputable(ctx context.Context, t pgx.Tx, wrong *tracker.Change) error {
	switch wrong.Kind {
	case tracker.Added, tracker.Removed, tracker.Relisted, tracker.Soldout, tracker.Restocked, tracker.Repriced, tracker.Retitled, tracker.Repictured:
	default:
		return storage.Refused("it is of kind %s; only what was said of a product can be disputed", wrong.Kind)
	}
	later, err := list(ctx, t, changeRow, "select seq, storefront, change from changes where storefront = $1 and product = $2 and seq > $3 and kind = 'corrected' order by seq",
		string(wrong.Storefront), string(wrong.Product.ID), wrong.Seq)
	for _, c := range later {
		if c.Corrects == wrong.Seq {
			return storage.Refused("it was corrected already, by change %d", c.Seq)
		}
	}
	return err
}
