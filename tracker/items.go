package tracker

import (
	"iter"
	"maps"
	"slices"
)

// Items is a catalog in memory: for rules tried on paper, and for replaying
// the change log.
type Items struct {
	Is  State
	All map[ProductID]Item
}

// State returns what is known of the storefront.
func (m *Items) State() State { return m.Is }

// Item returns one item.
func (m *Items) Item(id ProductID) Item { return m.All[id] }

// Entries are the items in the order of their ids.
func (m *Items) Entries(known func(Mark) bool) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for _, id := range slices.Sorted(maps.Keys(m.All)) {
			it := m.All[id]
			e := EntryOf(&it)
			if e.Known(known) {
				continue
			}
			if !yield(e) {
				return
			}
		}
	}
}

// Apply writes an outcome into the catalog.
func (m *Items) Apply(o Outcome) {
	m.Is = o.State
	if m.All == nil {
		m.All = make(map[ProductID]Item)
	}
	for _, it := range o.Items {
		m.All[it.ID] = it
	}
}

// EntryOf returns how a catalog names an item.
func EntryOf(it *Item) Entry {
	e := Entry{ID: it.ID, Removed: !it.Listed(), Gone: it.Removed}
	if it.Settled() {
		e.Mark = it.Product.Mark()
	}
	return e
}
