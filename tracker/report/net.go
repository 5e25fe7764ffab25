package report

import "shopwatch/tracker"

// Net returns what remains of a stretch of the log when the changes of each
// product are taken together: a product that came and went is no news, nor is
// a price that went up and down again; two changes of a price are one. Changes
// of storefronts and corrections stay as they are. What remains keeps the order
// of the log, each entry in the place of the last change that it stands for;
// less is how many changes it leaves out.
func Net(changes []tracker.Change) (net []tracker.Change, less int) {
	spans := make(map[facet]span)
	latest := make(map[facet]*tracker.Product) // by presence
	for i := range changes {
		c := &changes[i]
		f, ok := facetOf(c)
		if !ok {
			continue
		}
		s, seen := spans[f]
		if !seen {
			s.first = c
		}
		s.last = c
		spans[f] = s
		latest[f.presence()] = c.Product
	}
	for i := range changes {
		c := &changes[i]
		f, ok := facetOf(c)
		if !ok {
			net = append(net, *c)
			continue
		}
		s := spans[f]
		if s.last != c {
			continue
		}
		m, stays := s.net()
		if p, ok := spans[f.presence()]; ok && f != f.presence() {
			// Of a product that is new or gone on the whole, its entry says it all.
			stays = stays && p.last.Kind != tracker.Removed && p.first.Kind != tracker.Added
		}
		if m.Kind == tracker.Added {
			m.Product = latest[f]
		}
		if stays {
			net = append(net, m)
		}
	}
	return net, len(changes) - len(net)
}

// A facet is what a change is about: whether a product is there, or its price,
// title or picture.
type facet struct {
	storefront tracker.Name
	product    tracker.ProductID
	kind       tracker.Kind // Added stands for whether it is there
}

func (f facet) presence() facet {
	f.kind = tracker.Added
	return f
}

// facetOf reports false for a change that never merges with others.
func facetOf(c *tracker.Change) (facet, bool) {
	if c.Product == nil {
		return facet{}, false
	}
	f := facet{c.Storefront, c.Product.ID, c.Kind}
	switch c.Kind {
	case tracker.Added, tracker.Removed, tracker.Relisted:
		return f.presence(), true
	case tracker.Repriced, tracker.Retitled, tracker.Repictured:
		return f, true
	}
	return f, false
}

// A span is the changes of one facet, from the first to the last.
type span struct{ first, last *tracker.Change }

// net returns the one change that says what the span came to; false when it
// came to nothing.
func (s span) net() (tracker.Change, bool) {
	m := *s.last
	if s.first == s.last {
		return m, true
	}
	switch m.Kind {
	case tracker.Removed: // of one that was there when the span began
		return m, s.first.Kind == tracker.Removed
	case tracker.Added, tracker.Relisted:
		if s.first.Kind == tracker.Added {
			m = *s.first
		}
		return m, s.first.Kind != tracker.Removed
	}
	m.Before = s.first.Before
	m.Pictures.Before = s.first.Pictures.Before
	if m.Before == nil {
		return m, true
	}
	switch m.Kind {
	case tracker.Repriced:
		return m, m.Before.Price != m.Product.Price
	case tracker.Retitled:
		return m, m.Before.Title != m.Product.Title
	}
	return m, m.Before.Image != m.Product.Image
}
