package storetest

import (
	"slices"
	"time"

	"shopwatch/tracker"
)

// count takes in which products a scan listed. One that is unsure of those that
// it missed is one miss of them at most.
func (h *history) count(s *tracker.Scan, read, reasked, unsure bool) map[tracker.ProductID]bool {
	listed := make(map[tracker.ProductID]bool)
	if !read {
		return listed
	}
	for _, p := range s.Products {
		listed[p.ID] = true
		if h.listedBy[p.ID] == nil {
			h.listedBy[p.ID] = make(map[time.Time]bool)
		}
		h.listedBy[p.ID][s.Began] = true
		h.misses[p.ID] = 0
		delete(h.lookedAt, p.ID)
		delete(h.former, p.ID)
	}
	if s.Verdict == tracker.Complete {
		for id := range h.listedBy {
			if listed[id] {
				continue
			}
			if h.told[id] != nil && h.misses[id] == 0 && reasked {
				h.former[id] = true
			}
			if h.misses[id] == 0 || !unsure {
				h.misses[id]++
			}
		}
	}
	return listed
}

// drop takes out, as if it had been told, what the catalog has taken off without a
// change: only what the storefront was read by before has listed it, and enough
// complete scans of now have not.
func (h *history) drop(s *tracker.Scan, changes []tracker.Change, listed map[tracker.ProductID]bool, reread, unsure bool) {
	items, err := h.db.Products(ctx, "tencent", "", 1000)
	h.must(err)
	enough := h.rules.Misses
	if s.Doubted {
		enough = max(enough, 2)
	}
	for _, it := range items {
		id := it.ID
		told := slices.ContainsFunc(changes, func(c tracker.Change) bool { return c.Kind == tracker.Removed && c.Product.ID == id })
		if it.Listed() || h.told[id] == nil || told {
			continue
		}
		gone := slices.ContainsFunc(s.Probes, func(p tracker.Probe) bool {
			return p.Product == id && (p.State == tracker.PageGone || p.State == tracker.PageOffshelf)
		})
		if !h.former[id] || gone || s.Verdict != tracker.Complete || listed[id] || reread || unsure || h.misses[id] < enough {
			h.Fatalf("%s was taken off by a %s scan after %d misses", id, s.Verdict, h.misses[id])
		}
		delete(h.told, id)
		h.taken[id], h.dropped[id] = true, true
		h.seen["dropped"]++
	}
}

// replay takes the changes into what was told. How products look in a silent
// scan is told without a change, and before there is a baseline also that they
// are listed. So is what the first scans have never shown, because other products
// stood in its place.
func (h *history) replay(s *tracker.Scan, changes []tracker.Change, silent, baselined, reveals bool) {
	for _, c := range changes {
		if c.Product == nil {
			continue
		}
		id, p := c.Product.ID, c.Product
		now := h.told[id]
		switch c.Kind {
		case tracker.Added:
			if now != nil || h.taken[id] && !h.dropped[id] {
				h.Fatalf("added %s, which was told before", id)
			}
			delete(h.taken, id)
			delete(h.dropped, id)
			copied := *p
			h.told[id] = &copied // as of one that is back
			continue
		case tracker.Relisted:
			if !h.taken[id] || h.dropped[id] {
				h.Fatalf("relisted %s, which was not removed", id)
			}
			delete(h.taken, id)
			copied := *p
			h.told[id] = &copied // what else is new about it comes with the next changes
			continue
		}
		if now == nil {
			h.Fatalf("%s %s, which is not listed", c.Kind, id)
		}
		same := func(field string, before, known, after any) {
			if before == after || known != after && known != before {
				h.Fatalf("%s %s: %s from %v to %v, known was %v", c.Kind, id, field, before, after, known)
			}
		}
		switch c.Kind {
		case tracker.Removed:
			delete(h.told, id)
			h.taken[id] = true
		case tracker.Repriced:
			same("price", c.Before.Price, now.Price, p.Price)
			now.Price = p.Price
		case tracker.Soldout, tracker.Restocked:
			same("availability", c.Before.Availability, now.Availability, p.Availability)
			if (c.Kind == tracker.Soldout) != (p.Availability == tracker.SoldOut) || p.Availability == tracker.AvailabilityUnknown {
				h.Fatalf("%s %s, which is %q", c.Kind, id, p.Availability)
			}
			now.Availability = p.Availability
		case tracker.Retitled:
			same("title", c.Before.Title, now.Title, p.Title)
			now.Title = p.Title
		case tracker.Repictured:
			same("picture", c.Before.Image, now.Image, p.Image)
			now.Image = p.Image
		}
	}
	if !silent && !reveals {
		return
	}
	items, err := h.db.Products(ctx, "tencent", "", 1000)
	h.must(err)
	for _, it := range items {
		if known := h.told[it.ID] != nil; it.Listed() && (silent || !known) {
			if baselined && !reveals && !known {
				h.Fatalf("%s is listed by a scan of another parser, and nobody was told", it.ID)
			}
			delete(h.taken, it.ID)
			delete(h.dropped, it.ID)
			copied := it.Product
			h.told[it.ID] = &copied
		}
	}
}

// catalog checks that the log, replayed, gives the catalog.
func (h *history) catalog() {
	items, err := h.db.Products(ctx, "tencent", "", 1000)
	h.must(err)
	st, err := h.db.State(ctx, "tencent")
	h.must(err)
	listed := 0
	for _, it := range items {
		now := h.told[it.ID]
		if it.Listed() != (now != nil) || !it.Listed() != h.taken[it.ID] {
			h.Fatalf("%s is listed %v in the catalog, told was %v", it.ID, it.Listed(), now)
		}
		if it.Listed() {
			listed++
			if !now.Price.Known() {
				now.Price = it.Price // learning a price is no change
			}
			if now.Price.Agrees(it.Price) {
				now.Price.Basis = it.Price.Basis // nor is learning what it is for
			}
			if now.Availability == tracker.AvailabilityUnknown {
				now.Availability = it.Availability // nor is this
			}
			now.Variants = it.Variants // they are counted, and no news
			now.URL = it.URL           // nor is another address
			if it.Product != *now {
				h.Fatalf("%s is in the catalog as\n%+v, told was\n%+v", it.ID, it.Product, *now)
			}
			if it.Missing != h.misses[it.ID] {
				h.Fatalf("%s has %d misses, there were %d", it.ID, it.Missing, h.misses[it.ID])
			}
		}
		if it.Listed() && it.URL != h.address[it.ID] {
			h.Fatalf("the page of %s is at %s in the catalog, the last scan that saw it says %s", it.ID, it.URL, h.address[it.ID])
		}
		if h.steady && !h.listedBy[it.ID][it.LastSeen] {
			h.Fatalf("%s was last seen %v, by no scan: %+v", it.ID, it.LastSeen, it)
		}
	}
	if len(items) != len(h.told)+len(h.taken) || st.Listed != listed || st.Removed != len(items)-listed {
		h.Fatalf("the catalog has %d products, %d listed; told were %d listed, %d taken; the state says %d and %d",
			len(items), listed, len(h.told), len(h.taken), st.Listed, st.Removed)
	}
}
