package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// Load fills an empty database with what another store holds, in one
// transaction. fill may be called again.
func (db *DB) Load(ctx context.Context, fill func(storage.Loader) error) error {
	return db.update(ctx, func(t pgx.Tx) error {
		var used bool
		err := t.QueryRow(ctx, `select exists (select from storefronts) or exists (select from channels) or exists (select from reports) or exists (select from evidence)`).Scan(&used)
		if err == nil && used {
			err = storage.Refused("%s is not empty", db.server)
		}
		if err != nil {
			return err
		}
		return fill(loader{t})
	})
}

type loader struct{ pgx.Tx }

// LoadInstance implements storage.Loader.
func (l loader) LoadInstance(ctx context.Context, id storage.Identity) error {
	_, err := l.Exec(ctx, "update instance set id = $1, signer = $2, unwitnessed = $3, exact = $4", id.Instance, id.Signer, number(id.Unwitnessed), stamp(id.Exact))
	return err
}

// LoadStorefront implements storage.Loader.
func (l loader) LoadStorefront(ctx context.Context, sf storage.Storefront) error {
	if _, err := l.Exec(ctx, "insert into storefronts (name) values ($1)", string(sf.Name)); err != nil {
		return err
	}
	b := &pgx.Batch{}
	if err := putState(b, sf.Name, &sf.State); err != nil {
		return err
	}
	return run(ctx, l, b)
}

// LoadProducts implements storage.Loader.
func (l loader) LoadProducts(ctx context.Context, name tracker.StorefrontName, rows []storage.ShelfRow) error {
	b := &pgx.Batch{}
	var named evidenceTimes
	items := make([]tracker.Item, len(rows))
	for i := range rows {
		items[i] = rows[i].Item
		named.add(storage.NamedAt(&items[i]), items[i].Probe.Files()...)
	}
	if err := putItems(b, name, items); err != nil {
		return err
	}
	for i := range rows {
		for _, a := range rows[i].Absences {
			b.Queue("insert into absences (storefront, product, began, until) values ($1, $2, $3, $4)", string(name), string(rows[i].ID), a.From, stamp(a.Until))
		}
	}
	named.put(b)
	return run(ctx, l, b)
}

// LoadScans implements storage.Loader.
func (l loader) LoadScans(ctx context.Context, scans []tracker.Scan) error {
	b := &pgx.Batch{}
	var named evidenceTimes
	for i := range scans {
		if err := putScan(b, &scans[i]); err != nil {
			return err
		}
		named.add(scans[i].Began.Add(scans[i].Took), scans[i].Evidence.Capture)
	}
	named.put(b)
	return run(ctx, l, b)
}

// LoadChanges implements storage.Loader.
func (l loader) LoadChanges(ctx context.Context, changes []tracker.Change) error {
	if len(changes) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	first, err := next(ctx, l, "changes", len(changes))
	if err == nil && first != changes[0].Seq {
		err = fmt.Errorf("change %d would be number %d: changes are missing", changes[0].Seq, first)
	}
	if err != nil {
		return err
	}
	var named evidenceTimes
	if err := putChanges(ctx, l, b, changes, first, &named); err != nil {
		return err
	}
	named.put(b)
	return run(ctx, l, b)
}

// LoadChannel implements storage.Loader.
func (l loader) LoadChannel(ctx context.Context, c storage.Channel) error {
	if err := checkName("channel", c.Name); err != nil {
		return err
	}
	unsubscribed, err := encode(append([]string{}, c.Unsubscribed...))
	if err != nil {
		return err
	}
	_, err = l.Exec(ctx, "insert into channels (name, told, joined, unsubscribed, failures, until) values ($1, $2, $3, $4::text::json, $5, $6)",
		c.Name, number(c.Told), c.Joined, unsubscribed, c.Backoff.Failures, stamp(c.Backoff.Until))
	return err
}

// LoadReports implements storage.Loader.
func (l loader) LoadReports(ctx context.Context, reports []tracker.Report) error {
	made := append([]tracker.Report(nil), reports...)
	if err := addReports(ctx, l, made); err != nil {
		return err
	}
	for i := range made {
		if made[i].ID != reports[i].ID {
			return fmt.Errorf("report %d would be number %d: reports are missing", reports[i].ID, made[i].ID)
		}
	}
	return nil
}

// LoadStamp implements storage.Loader.
func (l loader) LoadStamp(ctx context.Context, s storage.Stamp) error { return addStamp(ctx, l, &s) }

// LoadCoolDown implements storage.Loader.
func (l loader) LoadCoolDown(ctx context.Context, key string, c storage.CoolDown) error {
	_, err := l.Exec(ctx, "insert into cooldowns (key, walls, asked_ms, until) values ($1, $2, $3, $4)", key, c.Walls, c.Asked.Milliseconds(), stamp(c.Until))
	return err
}

// LoadEvidence implements storage.Loader.
func (l loader) LoadEvidence(ctx context.Context, file string, content []byte) error {
	if !isEvidence(file) || !named(file, content) {
		return fmt.Errorf("evidence %s is %w: it is not what it was", file, storage.ErrDamaged)
	}
	_, err := l.Exec(ctx, `insert into evidence (name, kept, content) values ($1, now(), $2)
		on conflict (name) do update set kept = excluded.kept, content = excluded.content`, file, append([]byte{}, content...))
	return err
}
