package storage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"reflect"
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

// movePage is how many entries are read at a time.
const movePage = 500

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

// AllStamps reads all stamps, oldest first.
func AllStamps(ctx context.Context, s Stamps) iter.Seq2[Stamp, error] {
	return func(yield func(Stamp, error) bool) {
		for q := (StampQuery{Limit: movePage}); ; {
			page, err := s.Stamps(ctx, q)
			if err != nil {
				yield(Stamp{}, err)
				return
			}
			full := len(page) == q.Limit
			if full {
				// The next page begins with the last length, whole.
				last := page[len(page)-1].Size
				whole := page
				for len(whole) > 0 && whole[len(whole)-1].Size == last {
					whole = whole[:len(whole)-1]
				}
				if len(whole) == 0 {
					q.Limit *= 2
					continue
				}
				page, q.From = whole, last
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if !full {
				return
			}
		}
	}
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

// products reads a whole catalog, with absences and without changes.
func products(ctx context.Context, s Store, name tracker.StorefrontName) iter.Seq2[ShelfRow, error] {
	return all(movePage, func(last *ShelfRow) ([]ShelfRow, error) {
		var after tracker.ProductID
		if last != nil {
			after = last.ID
		}
		items, err := s.Products(ctx, name, after, movePage)
		if err != nil {
			return nil, err
		}
		rows := make([]ShelfRow, len(items))
		for i := range items {
			shelf, err := s.Shelf(ctx, ShelfQuery{Storefront: name, ID: items[i].ID})
			if err == nil && len(shelf.Rows) != 1 {
				err = fmt.Errorf("product %s of %s is in the catalog and not on its shelf", items[i].ID, name)
			}
			if err != nil {
				return nil, err
			}
			rows[i] = ShelfRow{Item: items[i], Absences: shelf.Rows[0].Absences}
		}
		return rows, nil
	})
}

// scans reads all scans of a storefront, newest first.
func scans(ctx context.Context, s Store, name tracker.StorefrontName) iter.Seq2[tracker.Scan, error] {
	return all(movePage, func(last *tracker.Scan) ([]tracker.Scan, error) {
		q := ScanQuery{Storefront: name, Limit: movePage}
		if last != nil {
			q.Before = ScanPlace{Began: last.Began, Storefront: last.Storefront}
		}
		return s.Scans(ctx, q)
	})
}

// changes reads the whole log.
func changes(ctx context.Context, s Store) iter.Seq2[tracker.Change, error] {
	return all(movePage, func(last *tracker.Change) ([]tracker.Change, error) {
		q := Query{Limit: movePage}
		if last != nil {
			q.After = last.Seq
		}
		return s.Changes(ctx, q)
	})
}

// leaves reads the hashes that the log's tree keeps of the changes. One that was
// altered has another than what is made of it.
func leaves(ctx context.Context, s Store) iter.Seq2[[32]byte, error] {
	return func(yield func([32]byte, error) bool) {
		tree, err := s.Tree(ctx)
		for seq := uint64(0); err == nil && seq < tree.Size; seq += movePage {
			var indexes []int64
			for i := seq; i < min(seq+movePage, tree.Size); i++ {
				indexes = append(indexes, 2*int64(i)-int64(bits.OnesCount64(i)))
			}
			var hashes [][32]byte
			hashes, err = s.TreeHashes(ctx, indexes)
			for _, h := range hashes {
				if !yield(h, nil) {
					return
				}
			}
		}
		if err != nil {
			yield([32]byte{}, err)
		}
	}
}

// pagesOf gathers what is read one by one. An error ends it.
func pagesOf[T any](each iter.Seq2[T, error]) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var page []T
		for v, err := range each {
			if err != nil {
				yield(nil, err)
				return
			}
			if page = append(page, v); len(page) == movePage {
				if !yield(page, nil) {
					return
				}
				page = nil
			}
		}
		if len(page) > 0 {
			yield(page, nil)
		}
	}
}

// Compare returns in what two stores differ: in what is known of storefronts, in
// catalogs, scans, the change log, channels, reports, or the evidence that
// changes name.
func Compare(ctx context.Context, a, b Store) error {
	first, err := a.Storefronts(ctx)
	if err != nil {
		return err
	}
	second, err := b.Storefronts(ctx)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(first, second) {
		return fmt.Errorf("storefronts differ")
	}
	for _, sf := range first {
		if err := same("products of "+string(sf.Name), products(ctx, a, sf.Name), products(ctx, b, sf.Name)); err != nil {
			return err
		}
		if err := same("scans of "+string(sf.Name), scans(ctx, a, sf.Name), scans(ctx, b, sf.Name)); err != nil {
			return err
		}
	}
	if err := same("changes", changes(ctx, a), changes(ctx, b)); err != nil {
		return err
	}
	q := ReportQuery{Limit: movePage}
	if err := same("reports", AllReports(ctx, a, q), AllReports(ctx, b, q)); err != nil {
		return err
	}
	if err := sameLists(ctx, "channels", a.Channels, b.Channels); err != nil {
		return err
	}
	if err := same("stamps", AllStamps(ctx, a), AllStamps(ctx, b)); err != nil {
		return err
	}
	is := func(s Store) func(context.Context) (Identity, error) {
		return func(ctx context.Context) (Identity, error) { return identity(ctx, s) }
	}
	if err := sameLists(ctx, "names of the database", is(a), is(b)); err != nil {
		return err
	}
	if err := same("hashes of changes", leaves(ctx, a), leaves(ctx, b)); err != nil {
		return err
	}
	return sameEvidence(ctx, a, b)
}

// same compares two lists, which are read part by part.
func same[T any](what string, a, b iter.Seq2[T, error]) error {
	next, stop := iter.Pull2(b)
	defer stop()
	n := 0
	for v, err := range a {
		n++
		w, err2, ok := next()
		switch {
		case err != nil:
			return err
		case err2 != nil:
			return err2
		case !ok || !reflect.DeepEqual(v, w):
			return fmt.Errorf("%s differ at number %d", what, n)
		}
	}
	_, err, more := next()
	if err == nil && more {
		err = fmt.Errorf("%s differ: there are more than %d", what, n)
	}
	return err
}

func sameLists[T any](ctx context.Context, what string, a, b func(context.Context) (T, error)) error {
	v, err := a(ctx)
	if err != nil {
		return err
	}
	w, err := b(ctx)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(v, w) {
		return fmt.Errorf("%s differ", what)
	}
	return nil
}

// sameEvidence compares the pictures of all changes.
func sameEvidence(ctx context.Context, a, b Store) error {
	for c, err := range changes(ctx, a) {
		if err != nil {
			return err
		}
		for _, name := range c.Files() {
			// A store reads no content that does not fit its name.
			_, found, damaged := a.Evidence(ctx, name)
			_, there, err := b.Evidence(ctx, name)
			if err == nil && found && damaged == nil && !there {
				err = fmt.Errorf("evidence %s is missing", name)
			}
			if err != nil {
				return err
			}
		}
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
