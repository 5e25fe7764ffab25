package report

import "shopwatch/tracker"

// Net returns what remains of a stretch of the log when the changes of each
// facet are taken together: a product that came and went is no news, nor is a
// price that went up and down again; two changes of a price are one. Changes of
// storefronts and corrections stay as they are. What remains keeps the order of
// the log, each entry in the place of the last change that it stands for.
// Undone are the changes that came to nothing, by facet; the others that are
// left out are part of an entry that remains.
func Net(changes []tracker.Change) (net []tracker.Change, undone [][]tracker.Change) {
	spans := make(map[Facet]span)
	newest := make(map[Facet]*tracker.Product) // by presence: as its last change of any kind has it
	for i := range changes {
		if f, ok := FacetOf(&changes[i]); ok {
			spans[f] = append(spans[f], &changes[i])
			newest[f.presence()] = changes[i].Product
		}
	}
	for i := range changes {
		c := &changes[i]
		f, ok := FacetOf(c)
		if !ok {
			net = append(net, *c)
			continue
		}
		s := spans[f]
		if s.last() != c {
			continue
		}
		if p := spans[f.presence()]; f != f.presence() && p != nil && (p.last().Kind == tracker.Removed || p[0].Kind == tracker.Added) {
			continue // of a product that is new or gone on the whole, its entry says it all
		}
		if m, ok := s.net(); ok {
			if m.Kind == tracker.Added {
				m.Product = newest[f]
			}
			net = append(net, m)
		} else {
			undone = append(undone, s.changes())
		}
	}
	return net, undone
}

// A Facet is what a change is about: whether a product is there, whether it can
// be bought, or its price, title or picture.
type Facet struct {
	storefront tracker.StorefrontName
	product    tracker.ProductID
	kind       tracker.Kind // Added stands for whether it is there, Soldout for whether it can be bought
}

func (f Facet) presence() Facet {
	f.kind = tracker.Added
	return f
}

// FacetOf reports false for a change that is about a storefront, or a
// correction.
func FacetOf(c *tracker.Change) (Facet, bool) {
	if c.Product == nil {
		return Facet{}, false
	}
	f := Facet{c.Storefront, c.Product.ID, c.Kind}
	switch c.Kind {
	case tracker.Added, tracker.Removed, tracker.Relisted:
		return f.presence(), true
	case tracker.Soldout, tracker.Restocked:
		f.kind = tracker.Soldout
		return f, true
	case tracker.Repriced, tracker.Retitled, tracker.Repictured:
		return f, true
	}
	return f, false
}

// A span is the changes of one facet, oldest first.
type span []*tracker.Change

func (s span) last() *tracker.Change { return s[len(s)-1] }

func (s span) changes() []tracker.Change {
	cs := make([]tracker.Change, len(s))
	for i := range s {
		cs[i] = *s[i]
	}
	return cs
}

// prior returns the prior price of what a span of prices came to: that of its
// first cut.
func (s span) prior(m *tracker.Change) tracker.Price {
	if !m.Cuts() {
		return tracker.Price{}
	}
	for _, c := range s {
		if c.Prior.Known() {
			return c.Prior
		}
	}
	return tracker.Price{}
}

// net returns the one change that says what the span came to; false when it
// came to nothing.
func (s span) net() (tracker.Change, bool) {
	first, m := s[0], *s.last()
	if len(s) == 1 {
		return m, true
	}
	switch m.Kind {
	case tracker.Removed: // of one that was there when the span began
		return m, first.Kind == tracker.Removed
	case tracker.Added, tracker.Relisted:
		if first.Kind == tracker.Added {
			m = *first // it tells of what the product may be the successor
		}
		return m, first.Kind != tracker.Removed
	}
	m.Before = first.Before
	m.Prior = s.prior(&m)
	m.Pictures.Before = first.Pictures.Before
	if m.Before == nil {
		return m, true
	}
	switch m.Kind {
	case tracker.Soldout, tracker.Restocked:
		return m, m.Before.Availability != m.Product.Availability
	case tracker.Repriced:
		return m, !m.Before.Price.Agrees(m.Product.Price)
	case tracker.Retitled:
		return m, m.Before.Title != m.Product.Title
	}
	return m, m.Before.Image != m.Product.Image
}
