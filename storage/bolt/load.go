package bolt

import (
	"context"
	"fmt"
	"path/filepath"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// Load fills an empty database with what another store holds. It works in
// several transactions: after an error the file is of no use.
func (db *DB) Load(ctx context.Context, fill func(storage.Loader) error) error {
	err := db.view(ctx, func(t tx) error {
		for _, root := range rootBuckets {
			if k, _ := t.in(root).cursor().First(); k != nil && root != inMeta {
				return fmt.Errorf("%s is not empty", db.path)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return fill(loader{db})
}

type loader struct{ db *DB }

// LoadInstance implements storage.Loader.
func (l loader) LoadInstance(ctx context.Context, id storage.Identity) error {
	return l.db.update(ctx, func(t tx) error {
		m, err := t.meta()
		if err != nil {
			return err
		}
		m.ID, m.Signer, m.Unwitnessed = id.Instance, id.Signer, id.Unwitnessed
		if !id.Exact.IsZero() {
			if err := t.in(inMeta).put(exactKey, timeKey(id.Exact)); err != nil {
				return err
			}
		}
		return t.in(inMeta).write([]byte("file"), m)
	})
}

// LoadStorefront implements storage.Loader.
func (l loader) LoadStorefront(ctx context.Context, sf storage.Storefront) error {
	return l.db.update(ctx, func(t tx) error { return t.putState(sf.Name, &sf.State) })
}

// LoadProducts implements storage.Loader.
func (l loader) LoadProducts(ctx context.Context, name tracker.StorefrontName, rows []storage.ShelfRow) error {
	return l.db.update(ctx, func(t tx) error {
		for i := range rows {
			if err := t.loadProduct(name, &rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// loadProduct writes a product and the absences that are known of it.
func (t tx) loadProduct(name tracker.StorefrontName, row *storage.ShelfRow) error {
	at := storage.NamedAt(&row.Item)
	if err := t.putItems(name, []tracker.Item{row.Item}, nil, at, at); err != nil {
		return err
	}
	// The absence that lasts is known: it is not that of the present look.
	if err := t.forgetAbsences(name, row.ID); err != nil || len(row.Absences) == 0 {
		return err
	}
	b, err := t.make(inAbsences, name)
	if err != nil {
		return err
	}
	for _, a := range row.Absences {
		until := number(0)
		if !a.Until.IsZero() {
			until = timeKey(a.Until)
		}
		if err := b.put(underNumber(string(row.ID), numberOf(timeKey(a.From))), until); err != nil {
			return err
		}
	}
	return nil
}

// LoadScans implements storage.Loader.
func (l loader) LoadScans(ctx context.Context, scans []tracker.Scan) error {
	return l.db.update(ctx, func(t tx) error {
		for i := range scans {
			s := &scans[i]
			b, err := t.make(inScans, s.Storefront)
			if err != nil {
				return err
			}
			shop, err := t.addShop(s.Storefront, s.Evidence.Shop)
			if err != nil {
				return err
			}
			if err := b.write(timeKey(s.Began), newScan(s, shop)); err != nil {
				return err
			}
			if err := t.nameEvidence(s.Began.Add(s.Took), s.Evidence.Capture); err != nil {
				return err
			}
		}
		return nil
	})
}

// LoadChanges implements storage.Loader.
func (l loader) LoadChanges(ctx context.Context, changes []tracker.Change) error {
	return l.db.update(ctx, func(t tx) error {
		for i := range changes {
			c := changes[i : i+1 : i+1]
			name, seq := c[0].Storefront, c[0].Seq
			if err := t.append(name, c); err != nil {
				return err
			}
			if c[0].Seq != seq {
				return fmt.Errorf("change %d would be number %d: changes are missing", seq, c[0].Seq)
			}
			if p := c[0].Product; p != nil {
				if err := t.toHistory(name, p.ID, []uint64{seq}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// LoadChannel implements storage.Loader.
func (l loader) LoadChannel(ctx context.Context, c storage.Channel) error {
	return l.db.update(ctx, func(t tx) error {
		return t.in(inChannels).write([]byte(c.Name), channelValue{
			Told: c.Told, Joined: storage.Millis(c.Joined), Left: c.Unsubscribed, Failures: c.Backoff.Failures, Until: storage.Millis(c.Backoff.Until),
		})
	})
}

// LoadReports implements storage.Loader.
func (l loader) LoadReports(ctx context.Context, reports []tracker.Report) error {
	return l.db.update(ctx, func(t tx) error {
		for i := range reports {
			r := reports[i]
			if err := t.addReport(&r); err != nil {
				return err
			}
			if r.ID != reports[i].ID {
				return fmt.Errorf("report %d would be number %d: reports are missing", reports[i].ID, r.ID)
			}
		}
		return nil
	})
}

// LoadCoolDown implements storage.Loader.
func (l loader) LoadCoolDown(ctx context.Context, key string, c storage.CoolDown) error {
	_, err := l.db.ChangeCoolDown(ctx, key, func(is *storage.CoolDown) { *is = c })
	return err
}

// LoadStamp implements storage.Loader.
func (l loader) LoadStamp(ctx context.Context, s storage.Stamp) error { return l.db.AddStamp(ctx, s) }

// LoadEvidence implements storage.Loader.
func (l loader) LoadEvidence(ctx context.Context, name string, content []byte) error {
	kept, err := l.db.KeepEvidence(ctx, content, filepath.Ext(name)[1:])
	if err == nil && kept != name {
		err = fmt.Errorf("evidence %s would be %s", name, kept)
	}
	return err
}
