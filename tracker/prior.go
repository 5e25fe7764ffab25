package tracker

import "time"

// PriorPeriod is how long before a price cut its prior price is looked for: what
// the directive (EU) 2019/2161 ("Omnibus") has shops state beside a reduction.
const PriorPeriod = 30 * 24 * time.Hour

// Cuts reports whether the change lowers a price.
func (c *Change) Cuts() bool {
	if c.Kind != Repriced || c.Product == nil || c.Before == nil {
		return false
	}
	was, is := c.Before.Price, c.Product.Price
	return is.Known() && is.below(was)
}

// below reports whether a price is lower than another one with which it can be
// compared.
func (p Price) below(q Price) bool {
	return q.Known() && p.Comparable(q) && (p.Low < q.Low || p.Low == q.Low && max(p.Low, p.High) < max(q.Low, q.High))
}

// PriorPrice returns the lowest price of a product in the PriorPeriod before a
// change that cuts it, the new price left out. History is the changes of the
// product; those that are older, later or not about its price need not be among
// them. A price that was corrected does not count, nor one that cannot be
// compared with the new one.
func PriorPrice(c *Change, history []Change) (Price, bool) {
	if !c.Cuts() {
		return Price{}, false
	}
	wrong := make(map[uint64]bool)
	for i := range history {
		wrong[history[i].Corrects] = true
	}
	lowest, since := c.Before.Price, c.At.Add(-PriorPeriod)
	for i := range history {
		h := &history[i]
		if h.Kind != Repriced || h.Seq >= c.Seq || h.At.Before(since) || h.At.After(c.At) || wrong[h.Seq] {
			continue
		}
		for _, p := range []Price{h.Before.Price, h.Product.Price} {
			if p.Known() && p.below(lowest) {
				lowest = p
			}
		}
	}
	return lowest, true
}
