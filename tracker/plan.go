package tracker

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Plan says what of a catalog must be read to reconcile a scan with it. The
// catalog may be large, and lie on another machine: it is compared by its
// entries, and only the items that matter are read, all at once.
//
//	p := tracker.NewPlan(state, scan, rules)
//	if p.NeedsEntries() {
//		for _, e := range entries { // of the whole catalog, in the order of ids
//			p.Add(e)
//		}
//	}
//	outcome := tracker.Reconcile(p, load(p.ItemIDs()))
//
// A Plan reads nothing by itself. It keeps the scan, which must not change
// meanwhile.
type Plan struct {
	state State
	scan  *Scan
	rules Rules

	verdict Verdict // of the scan in the light of the catalog
	reason  string
	// first is set before there is a baseline: nothing is news then.
	first bool
	// reread is set until a complete scan was read by the parser that read this
	// one, by the same address and options: what products are listed is news, but
	// how they look is not, because it may differ by that, and nothing is removed.
	reread bool
	// reasked is set until a complete scan was read by the address and the options
	// that this one was read by: another list shows other products, which is no
	// news either.
	reasked bool
	at      time.Time // of changes

	shown           *fingerprintIndex // the products of the scan
	sum             Fingerprint       // of all that a complete scan shows
	same            []bool            // the catalog has the product of this place as it is shown; nil when nothing was compared
	others          []Entry           // all entries but those, in the order of their ids
	listed, removed int               // entries so far

	items *planned // see ItemIDs
}

// planned is what is to be done with the items that are read.
type planned struct {
	ids []ProductID // of all, in the order of the fields below
	// seen are the places in the scan of the first items: those that it shows
	// otherwise than the catalog has them.
	seen []int
	// unknown are the places in the scan of products that the catalog has not,
	// and of those that it has, but that are shown otherwise at a later place.
	unknown []unknown
	missed  int // items that are listed and that a complete scan does not show
	gone    int // items that were removed not long ago and are not shown
}

// unknown is a product that is not known as the scan shows it.
type unknown struct {
	place int
	known bool // as it is shown at an earlier place: its item is read
}

// NewPlan begins to compare a scan with a catalog of which the state is known.
func NewPlan(state State, s *Scan, r Rules) *Plan {
	p := &Plan{state: state, scan: s, rules: r, verdict: s.Verdict, reason: s.Reason, at: s.Began.Add(s.Took)}
	if other := s.Evidence.Shop; p.reads() && state.Shop.other(other) {
		p.verdict = Failed
		p.reason = fmt.Sprintf("another shop answers at this address: %s (%s) instead of %s (%s); give it a storefront of its own",
			other.Name, other.ID, state.Shop.Name, state.Shop.ID)
	}
	p.first = state.Baseline.IsZero()
	p.reasked = !p.first && state.ReadAs != s.ReadAs && state.ReadAs != 0 && s.ReadAs != 0
	p.reread = !p.first && state.Parser != s.Evidence.Parser || p.reasked
	if !p.reads() {
		return p
	}
	p.shown = fingerprintsOf(s.Products, s.ByName)
	for _, m := range p.shown.prints {
		p.sum += m
	}
	if p.NeedsEntries() {
		p.shown.index()
		p.same = make([]bool, len(s.Products))
	}
	return p
}

// reads reports whether products were read.
func (p *Plan) reads() bool { return p.verdict == Complete || p.verdict == Partial }

// NeedsEntries reports whether the entries of the catalog must be added. They
// need not when the state tells that the scan shows nothing else.
func (p *Plan) NeedsEntries() bool {
	switch p.verdict {
	case Complete:
		return p.state.Sum == 0 || p.state.Sum != p.sum || p.state.Listed != len(p.scan.Products)
	case Partial:
		return len(p.scan.Products) > 0
	}
	return false
}

// Known takes in the entry of a settled item by its fingerprint, and reports whether
// the scan shows the item as it is. Otherwise the entry must be added. A fingerprint
// of zero is never known.
func (p *Plan) Known(m Fingerprint) bool {
	if m == 0 {
		return false
	}
	i, found := p.shown.find(m)
	if found {
		p.same[i] = true
		p.listed++
	}
	return found
}

// Add takes in the entry of an item. Entries come in the order of their ids.
func (p *Plan) Add(e Entry) {
	if p.Known(e.Fingerprint) {
		return
	}
	if e.Removed {
		p.removed++
	} else {
		p.listed++
	}
	p.others = append(p.others, e)
}

// Counted returns how many entries were taken in: of listed items, and of
// removed ones. A state that counts others is not that of the catalog.
func (p *Plan) Counted() (listed, removed int) { return p.listed, p.removed }

// ItemIDs returns the ids of the items that Reconcile needs. No more entries
// may be added.
func (p *Plan) ItemIDs() []ProductID {
	if p.items == nil {
		p.items = p.plan()
	}
	return p.items.ids
}

func (p *Plan) plan() *planned {
	w := &planned{}
	if p.same == nil {
		return w
	}
	differ := p.differ()
	var missed, gone []ProductID
	for _, e := range p.others {
		i, seen := differ[e.ID]
		switch {
		case seen:
			delete(differ, e.ID)
			w.ids, w.seen = append(w.ids, e.ID), append(w.seen, i)
		case !e.Removed:
			missed = append(missed, e.ID)
		case e.Gone.IsZero() || p.at.Sub(e.Gone) <= linkWithin:
			gone = append(gone, e.ID)
		}
	}
	if p.verdict != Complete {
		missed = nil
	}
	added := false
	known := p.elsewhere(differ)
	for _, i := range slices.Sorted(maps.Values(differ)) {
		id := p.scan.Products[i].ID
		place, has := known[id]
		switch {
		case has && place > i: // as the catalog has it at its last place
			continue
		case has:
			w.ids = append(w.ids, id)
		default:
			added = true
		}
		w.unknown = append(w.unknown, unknown{i, has})
	}
	if !added || p.first {
		gone = nil // nothing is told that could be one of them
	}
	w.ids = slices.Concat(w.ids, missed, gone)
	w.missed, w.gone = len(missed), len(gone)
	return w
}

// differ are the products that the scan shows otherwise than the catalog has
// them, or that the catalog has not, each with its last place.
func (p *Plan) differ() map[ProductID]int {
	differ := make(map[ProductID]int)
	for i := range p.scan.Products {
		if p.same[i] {
			continue
		}
		if last, _ := p.shown.find(p.shown.prints[i]); !p.same[last] {
			differ[p.scan.Products[i].ID] = i
		}
	}
	return differ
}

// elsewhere are the places at which the scan shows products as the catalog has
// them, of those products that it shows otherwise too.
func (p *Plan) elsewhere(differ map[ProductID]int) map[ProductID]int {
	if len(differ) == 0 || p.state.Listed+p.state.Removed == 0 {
		return nil
	}
	known := make(map[ProductID]int)
	for i, same := range p.same {
		if !same {
			continue
		}
		id := p.scan.Products[i].ID
		if _, found := differ[id]; found {
			known[id] = i
		}
	}
	return known
}
