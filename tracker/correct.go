package tracker

import (
	"strings"
	"time"
)

// A Correction is what follows from a change that a person found wrong.
type Correction struct {
	Change Change // of kind corrected, without a number
	State  State
	Item   *Item // as the catalog has it then; nil when it has none
	// Write says that the catalog's item changes to Item, and Delete that it is
	// taken out. State changes with either.
	Write, Delete bool
}

// Correct takes a wrong change back where the catalog still holds what it said.
// What the catalog learnt later stays. The item is that of the change's product,
// nil when the catalog has none. Like Reconcile it depends on nothing else;
// storage calls it within the transaction that writes what follows.
func Correct(wrong *Change, st State, it *Item, reason string, now time.Time) Correction {
	now = now.UTC().Truncate(time.Millisecond)
	c := Correction{State: st, Change: Change{
		Kind: Corrected, Storefront: wrong.Storefront, At: now, Scan: wrong.Scan,
		Product: wrong.Product, Reason: strings.TrimSpace(reason), Important: wrong.Important, Ignored: wrong.Ignored, Corrects: wrong.Seq,
	}}
	if wrong.Before != nil {
		c.Change.Before, c.Change.Product = wrong.Product, wrong.Before
	}
	if it == nil {
		return c
	}
	is := *it
	if c.Delete = wrong.Kind == Added; !c.Delete {
		c.Write = is.takeBack(wrong, now)
		c.Item, c.Change.Product = &is, &is.Product
	}
	if c.Write || c.Delete {
		c.State.Sum = 0 // the next complete scan compares every product
		c.State.count(it.Listed(), -1)
	}
	if c.Write {
		c.State.count(is.Listed(), 1)
	}
	return c
}

// takeBack takes a wrong change back, and reports whether the item still held
// what the change said.
func (it *Item) takeBack(wrong *Change, now time.Time) bool {
	switch p := wrong.Product; {
	case wrong.Kind == Removed && it.Removed.Equal(wrong.At):
		it.Removed, it.Missing, it.Probe, it.Former = time.Time{}, 0, nil, false
		it.LastSeen = now // by the person
	case wrong.Kind == Relisted && it.Listed():
		it.Removed, it.Missing, it.Probe, it.Former = wrong.At.Add(-wrong.Away), 0, nil, false
	case (wrong.Kind == Soldout || wrong.Kind == Restocked) && it.Availability == p.Availability:
		it.Availability = wrong.Before.Availability
	case wrong.Kind == Repriced && it.Price.Agrees(p.Price):
		it.Price, it.Pending = wrong.Before.Price, Price{}
	case wrong.Kind == Retitled && it.Title == p.Title:
		it.Title, it.PendingTitle = wrong.Before.Title, ""
	case wrong.Kind == Repictured && it.Image == p.Image:
		it.Image, it.ImageHash = wrong.Before.Image, ""
	default:
		return false // overtaken by a later change
	}
	return true
}

// count takes an item into the counts of a catalog, or out of them.
func (s *State) count(listed bool, n int) {
	if listed {
		s.Listed += n
	} else {
		s.Removed += n
	}
}
