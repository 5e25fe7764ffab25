package tracker

import (
	"maps"
	"slices"
)

// Items is a catalog in memory: to try rules, and to replay the change log.
type Items struct {
	Is  State
	All map[ProductID]Item
}

// Item returns one item; the zero Item when there is none.
func (m *Items) Item(id ProductID) Item { return m.All[id] }

// Reconcile compares a scan with the catalog, which stays as it is.
func (m *Items) Reconcile(s *Scan, r Rules) Outcome {
	p := NewPlan(m.Is, s, r)
	if p.NeedsEntries() {
		for _, id := range slices.Sorted(maps.Keys(m.All)) {
			it := m.All[id]
			p.Add(EntryOf(&it))
		}
	}
	var items []Item
	for _, id := range p.ItemIDs() {
		items = append(items, m.All[id])
	}
	return Reconcile(p, items)
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
		e.Fingerprint = it.Product.print(it.ByName)
	}
	return e
}
