package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// Preview implements storage.Committer.
func (db *DB) Preview(ctx context.Context, s *tracker.Scan, r tracker.Rules) (tracker.Outcome, error) {
	var out tracker.Outcome
	if err := storage.CheckScan(s); err != nil {
		return out, err
	}
	err := db.view(ctx, func(t tx) error {
		var err error
		out, err = t.reconcile(s, r)
		return err
	})
	if err != nil {
		return tracker.Outcome{}, fmt.Errorf("compare the scan of %s: %w", s.Storefront, err)
	}
	return out, nil
}

// Commit implements storage.Committer.
func (db *DB) Commit(ctx context.Context, s *tracker.Scan, r tracker.Rules) ([]tracker.Change, error) {
	if err := storage.CheckScan(s); err != nil {
		return nil, err
	}
	sc := *s
	sc.Began, sc.Took = s.Began.UTC().Truncate(time.Millisecond), s.Took.Truncate(time.Millisecond)
	var out tracker.Outcome
	err := db.update(ctx, func(t tx) error {
		scans, err := t.make(inScans, sc.Storefront)
		if err != nil {
			return err
		}
		for scans.Get(timeKey(sc.Began)) != nil {
			sc.Began = sc.Began.Add(time.Millisecond)
		}
		if out, err = t.reconcile(&sc, r); err != nil {
			return err
		}
		if again, ok := db.gaps.Over(&sc); ok {
			out.Changes = append(out.Changes, again)
		}
		out.Note(&sc)
		return t.commit(&sc, scans, &out)
	})
	if err != nil {
		if why := syscall.Errno(0); errors.Is(err, storage.ErrFull) && errors.As(err, &why) {
			db.gaps.Note(s, why.Error())
		}
		return nil, fmt.Errorf("commit the scan of %s: %w", s.Storefront, err)
	}
	db.gaps.Close(sc.Storefront)
	*s = sc
	return out.Changes, nil
}

// reconcile says what a scan changes. Of a catalog it reads the entries, if they
// are needed, and the items that are planned.
func (t tx) reconcile(s *tracker.Scan, r tracker.Rules) (tracker.Outcome, error) {
	c, err := t.catalog(s.Storefront)
	if err != nil {
		return tracker.Outcome{}, err
	}
	p := tracker.NewPlan(c.state, s, r)
	if p.NeedsEntries() {
		if err := c.entries(p); err != nil {
			return tracker.Outcome{}, err
		}
	}
	items, err := c.load(p.ItemIDs())
	if err != nil {
		return tracker.Outcome{}, err
	}
	return tracker.Reconcile(p, items), nil
}

// commit writes what a scan brought: catalog, log, scan record and state.
func (t tx) commit(s *tracker.Scan, scans bucket, out *tracker.Outcome) error {
	if err := t.append(s.Storefront, out.Changes); err != nil {
		return err
	}
	news := make(map[tracker.ProductID][]uint64)
	for i := range out.Changes {
		if p := out.Changes[i].Product; p != nil {
			news[p.ID] = append(news[p.ID], out.Changes[i].Seq)
		}
	}
	if err := t.putItems(s.Storefront, out.Items, news, s.Began.Add(s.Took), s.Began); err != nil {
		return err
	}
	for id, about := range news { // of an item that was not written: none today
		if err := t.toHistory(s.Storefront, id, about); err != nil {
			return err
		}
	}
	shop, err := t.addShop(s.Storefront, s.Evidence.Shop)
	if err != nil {
		return err
	}
	scans.FillPercent = appended
	if err := scans.write(timeKey(s.Began), newScan(s, shop)); err != nil {
		return err
	}
	if err := t.nameEvidence(s.Began.Add(s.Took), s.Evidence.Capture); err != nil {
		return err
	}
	return t.putState(s.Storefront, &out.State)
}

// appended is how full pages are left that only ever get greater keys.
const appended = 1

func (t tx) putState(name tracker.StorefrontName, st *tracker.State) error {
	shop, err := t.addShop(name, st.Shop)
	if err != nil {
		return err
	}
	return t.in(inStorefronts).write([]byte(name), newState(st, shop))
}

// lastChanges is how many changes of a product stand with its item before they
// go to history. There they cost a page each, with the item nothing.
const lastChanges = 16

// putItems writes items in the order of their keys, with the numbers of the
// changes that are news of them. What a page was seen to be is of a time; a look
// at the listing at another showed the item, or missed it.
func (t tx) putItems(name tracker.StorefrontName, items []tracker.Item, news map[tracker.ProductID][]uint64, at, look time.Time) error {
	if len(items) == 0 {
		return nil
	}
	b, err := t.make(inCatalogs, name)
	if err != nil {
		return err
	}
	b.FillPercent = 0.8
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(items[i].ID, items[j].ID) })
	for _, i := range order {
		it := &items[i]
		was, err := b.get([]byte(it.ID))
		if err != nil {
			return err
		}
		about, err := b.numbers(it.ID, was)
		if err != nil {
			return err
		}
		if err := t.noteLook(name, it, was, look); err != nil {
			return err
		}
		about = append(about, news[it.ID]...)
		delete(news, it.ID)
		if len(about) > lastChanges {
			if err := t.toHistory(name, it.ID, about); err != nil {
				return err
			}
			about = nil
		}
		p, err := encodeItem(it, about)
		if err != nil {
			return err
		}
		if err := b.put([]byte(it.ID), p); err != nil {
			return err
		}
		if err := t.nameEvidence(at, it.Probe.Files()...); err != nil {
			return err
		}
	}
	return nil
}
