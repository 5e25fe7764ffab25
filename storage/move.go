package storage

import (
	"context"
	"errors"
	"time"

	"shopwatch/tracker"
)

// A Loader fills an empty store with what another one holds. Storefronts come
// before what belongs to them, and changes, scans and reports in their order.
type Loader interface {
	// LoadInstance makes the store the other one.
	LoadInstance(ctx context.Context, id Identity) error
	LoadStorefront(ctx context.Context, sf Storefront) error
	// LoadProducts loads products with their absences. Their changes come by
	// LoadChanges.
	LoadProducts(ctx context.Context, name tracker.StorefrontName, rows []ShelfRow) error
	LoadScans(ctx context.Context, scans []tracker.Scan) error
	// LoadChanges loads changes that have their numbers, without gaps from 1,
	// and makes their tree.
	LoadChanges(ctx context.Context, changes []tracker.Change) error
	LoadChannel(ctx context.Context, c Channel) error
	// LoadReports loads reports that have their numbers, without gaps from 1.
	LoadReports(ctx context.Context, reports []tracker.Report) error
	LoadCoolDown(ctx context.Context, key string, c CoolDown) error
	LoadStamp(ctx context.Context, s Stamp) error
	// LoadEvidence loads a file under its name.
	LoadEvidence(ctx context.Context, name string, content []byte) error
}

// An Identity is what a store is, beside what it holds.
type Identity struct {
	Instance    string
	Signer      string    // Tree.Signer
	Unwitnessed uint64    // Tree.Unwitnessed
	Exact       time.Time // Shelf.Exact
}

// identity reads that of a store.
func identity(ctx context.Context, s Store) (Identity, error) {
	name, err := s.Instance(ctx)
	if err != nil {
		return Identity{}, err
	}
	tree, err := s.Tree(ctx)
	if err != nil {
		return Identity{}, err
	}
	// It is the same of every shelf, also of one that nothing is known of.
	shelf, err := s.Shelf(ctx, ShelfQuery{Storefront: "-", Limit: 1})
	return Identity{name, tree.Signer, tree.Unwitnessed, shelf.Exact}, err
}

// Moved counts what was moved.
type Moved struct {
	Storefronts, Products, Scans, Changes, Reports, Evidence int
	// Missing are the evidence files that changes name and that were missing or
	// damaged before.
	Missing int
}

// Move loads all that a store holds, of cool-downs those with the given keys.
// Nobody may write into the store meanwhile.
func Move(ctx context.Context, from Store, to Loader, coolDowns []string) (Moved, error) {
	m := mover{from: from, to: to, files: make(map[string]bool)}
	id, err := identity(ctx, from)
	if err == nil {
		err = to.LoadInstance(ctx, id)
	}
	for _, step := range []func(context.Context) error{m.storefronts, m.changes, m.outbox, m.stamps} {
		if err == nil {
			err = step(ctx)
		}
	}
	for _, key := range coolDowns {
		if err != nil {
			break
		}
		var c CoolDown
		if c, err = from.CoolDown(ctx, key); err == nil && c != (CoolDown{}) {
			err = to.LoadCoolDown(ctx, key, c)
		}
	}
	return m.Moved, err
}

type mover struct {
	Moved
	from  Store
	to    Loader
	files map[string]bool // evidence that was looked for
}

func (m *mover) storefronts(ctx context.Context) error {
	all, err := m.from.Storefronts(ctx)
	if err != nil {
		return err
	}
	for _, sf := range all {
		if err := m.to.LoadStorefront(ctx, sf); err != nil {
			return err
		}
		m.Storefronts++
		for page, err := range pagesOf(products(ctx, m.from, sf.Name)) {
			if err == nil {
				err = m.to.LoadProducts(ctx, sf.Name, page)
			}
			if err != nil {
				return err
			}
			m.Products += len(page)
			for i := range page {
				if err := m.keep(ctx, page[i].Probe.Files()...); err != nil {
					return err
				}
			}
		}
		for page, err := range pagesOf(scans(ctx, m.from, sf.Name)) {
			if err == nil {
				err = m.to.LoadScans(ctx, page)
			}
			if err != nil {
				return err
			}
			m.Scans += len(page)
			for i := range page {
				if err := m.keep(ctx, page[i].Evidence.Capture); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (m *mover) changes(ctx context.Context) error {
	for page, err := range pagesOf(changes(ctx, m.from)) {
		if err == nil {
			err = m.to.LoadChanges(ctx, page)
		}
		if err != nil {
			return err
		}
		m.Changes += len(page)
		for i := range page {
			if err := m.keep(ctx, page[i].Files()...); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *mover) outbox(ctx context.Context) error {
	channels, err := m.from.Channels(ctx)
	if err != nil {
		return err
	}
	for _, c := range channels {
		if err := m.to.LoadChannel(ctx, c); err != nil {
			return err
		}
	}
	for page, err := range pagesOf(AllReports(ctx, m.from, ReportQuery{Limit: movePage})) {
		if err == nil {
			err = m.to.LoadReports(ctx, page)
		}
		if err != nil {
			return err
		}
		m.Reports += len(page)
	}
	return nil
}

func (m *mover) stamps(ctx context.Context) error {
	for s, err := range AllStamps(ctx, m.from) {
		if err == nil {
			err = m.to.LoadStamp(ctx, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keep loads evidence files that were not loaded yet. Empty names are left out,
// and files that are missing or damaged are only counted.
func (m *mover) keep(ctx context.Context, files ...string) error {
	for _, name := range files {
		if name == "" || m.files[name] {
			continue
		}
		m.files[name] = true
		content, found, err := m.from.Evidence(ctx, name)
		switch {
		case err != nil && !errors.Is(err, ErrDamaged):
			return err
		case err != nil || !found:
			m.Missing++
			continue
		}
		if err := m.to.LoadEvidence(ctx, name, content); err != nil {
			return err
		}
		m.Evidence++
	}
	return nil
}

// NamedAt is when an item names the picture of its probe, as far as is known: a
// loader keeps the picture as long as that.
func NamedAt(it *tracker.Item) time.Time {
	if it.Probe == nil {
		return time.Time{}
	}
	return it.Probe.At
}
