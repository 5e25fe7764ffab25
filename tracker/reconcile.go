package tracker

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// An Outcome is what a scan does to a catalog.
type Outcome struct {
	State   State
	Items   []Item   // new and changed ones, to be written
	Changes []Change // for the log, in its order, without numbers
	// Missed are the listed products that a complete scan did not show and
	// whose pages prove nothing yet, the most urgent to probe first. Those that
	// enough scans have missed are among them until this scan has looked at
	// their pages.
	Missed []Item
	// Returned are the removed products that the scan shows again though their
	// pages said that they are gone: a list may be older than a page. Those come
	// first whose pages were looked at the longest ago.
	Returned []Item
	// Dropped counts the Former items that are taken off without a change: it is
	// not the shop that has taken them off the list.
	Dropped int
	// Doubted says that the scan misses more of the catalog than the rules
	// believe at once.
	Doubted bool
	// Verdict and Reason are those of the scan in the light of the catalog:
	// the listing of another shop, read to its end, proves nothing here.
	Verdict Verdict
	Reason  string
}

// Reconcile is the rule by which scans become catalogs: it compares a scan with
// what is known and says what changed. The items are those of Plan.ItemIDs, each
// at the place of its id; all of them must be there. Reconcile changes neither
// them nor the plan, and depends on nothing else. Storage calls it within the
// transaction that writes its outcome; called earlier, without probes and
// pictures, it tells which of them are worth getting.
func Reconcile(p *Plan, items []Item) Outcome {
	rc := reconciler{
		Plan: p, Outcome: Outcome{State: p.state, Verdict: p.verdict, Reason: p.reason},
		probes: make(map[ProductID]*Probe, len(p.scan.Probes)),
	}
	for i := range p.scan.Probes {
		rc.probes[p.scan.Probes[i].Product] = &p.scan.Probes[i]
	}
	switch p.verdict {
	case Complete:
		rc.compare(items)
		rc.complete()
	case Partial:
		rc.compare(items)
		if len(rc.Items) > 0 {
			rc.State.Sum = 0
		}
	}
	rc.episodes()
	rc.State.LastScan, rc.State.LastVerdict = p.scan.Began, p.verdict
	return rc.Outcome
}

// Looks are the products whose pages are to be looked at, the most urgent first:
// of Missed and of Returned in turn, because an old list may have many of both.
func (o *Outcome) Looks() (items []Item) {
	for i := range max(len(o.Missed), len(o.Returned)) {
		if i < len(o.Missed) {
			items = append(items, o.Missed[i])
		}
		if i < len(o.Returned) {
			items = append(items, o.Returned[i])
		}
	}
	return items
}

// Note writes into a scan what came of it.
func (o *Outcome) Note(s *Scan) {
	s.Verdict, s.Reason, s.Changes, s.Doubted = o.Verdict, o.Reason, len(o.Changes), o.Doubted
	if o.Dropped > 0 {
		s.Evidence.Warnings = append(slices.Clip(s.Evidence.Warnings), fmt.Sprintf(
			"%d products are taken off without a report: only the address or the options before the change listed them", o.Dropped))
	}
}

type reconciler struct {
	*Plan
	Outcome
	open   bool // some item is left unsettled
	missed bool // some item is missing and stays listed
	old    bool // the list shows a product whose page says that it is gone
	others bool // most titles are others than the catalog has

	probes map[ProductID]*Probe // looks of this scan at pages of products
}

// compare takes in the products that the scan saw, and those that it did not. A
// product listed twice counts at its last place only.
func (rc *reconciler) compare(items []Item) {
	if len(items) != len(rc.ItemIDs()) {
		panic(fmt.Sprintf("tracker: %d items instead of %d", len(items), len(rc.ItemIDs())))
	}
	w, list := rc.items, rc.scan.Products
	next := func(n int) []Item {
		part := items[:n]
		items = items[n:]
		return part
	}
	seen := next(len(w.seen))
	rc.old = slices.ContainsFunc(seen, func(it Item) bool { return !it.Listed() && it.Probe.gone() && rc.probes[it.ID].gone() })
	rc.others = !rc.first && !rc.reread && rc.otherTitles(seen)
	for k, it := range seen {
		rc.see(it, &list[w.seen[k]])
	}
	for _, u := range w.unknown {
		if u.known {
			rc.see(next(1)[0], &list[u.place])
		} else {
			rc.add(&list[u.place])
		}
	}
	slices.SortStableFunc(rc.Returned, func(a, b Item) int { return a.probed().Compare(b.probed()) })
	if rc.verdict == Complete && rc.same != nil {
		rc.miss(next(w.missed))
	}
	rc.link(next(w.gone))
}

// complete takes in that the scan saw everything.
func (rc *reconciler) complete() {
	s, sum := rc.scan, rc.sum
	if rc.open {
		sum = 0
	}
	rc.State.Sum = sum
	rc.State.LastComplete = s.Began
	rc.State.Repeated = rc.state.Repeated.then(s.Repeated, rc.missed, rc.first)
	rc.State.Parser, rc.State.ReadAs = s.Evidence.Parser, s.ReadAs
	if s.Evidence.Shop.ID != "" {
		rc.State.Shop = s.Evidence.Shop
	}
	if rc.first {
		rc.State.Baseline = s.Began
	}
}

// add takes in a product that was never seen before.
func (rc *reconciler) add(p *Product) {
	pic := rc.scan.Pictures[p.ID]
	rc.Items = append(rc.Items, Item{Product: *p, FirstSeen: rc.scan.Began, ImageHash: pic.Hash, ByName: rc.scan.ByName})
	rc.State.Listed++
	if !rc.first && !rc.reasked && !rc.state.Repeated.Reveals(rc.scan) {
		rc.change(Change{
			Kind: Added, Product: p,
			Pictures: Evidenced{Picture: pic.File, Card: pic.Card},
		})
	}
}

// see takes in a product that is in the catalog.
func (rc *reconciler) see(it Item, p *Product) {
	was := it
	if !it.Listed() && it.Probe.gone() {
		rc.Returned = append(rc.Returned, Item{Product: *p, Probe: it.Probe})
		look := rc.probes[p.ID]
		if look.gone() {
			it.Probe = look
			rc.Items = append(rc.Items, it)
		}
		if look.gone() || look == nil && rc.old { // its turn comes
			rc.open = true
			return
		}
	}
	pic, looked := rc.scan.Pictures[p.ID]
	if !it.Listed() {
		rc.State.Listed++
		rc.State.Removed--
	}
	it.Missing, it.Probe, it.Removed, it.Former = 0, nil, time.Time{}, false
	it.Product.URL, it.ByName = p.URL, rc.scan.ByName
	it.title(p.Title, rc.others)
	it.price(p.Price, rc.reread)
	if p.Availability != AvailabilityUnknown {
		it.Availability = p.Availability
	}
	if p.Variants != 0 {
		it.Variants = p.Variants
	}
	_, like := pic.Hash.Similar(cmp.Or(it.ImageHash, pic.Was))
	samePicture := p.Image == "" || p.Image == it.Image || like
	switch {
	case p.Image == "":
	case looked && pic.Hash == "" && !samePicture && it.Image != "" && !rc.reread:
		// It could not be had, and may be the same one at another address:
		// the next scan looks again.
		samePicture, rc.open = true, true
	default:
		it.Image = p.Image
	}
	if pic.Hash != "" {
		it.ImageHash = pic.Hash
	}
	if it != was {
		it.LastSeen = rc.scan.Began // while it is written anyway
		rc.Items = append(rc.Items, it)
	}
	rc.open = rc.open || !it.Settled()
	if rc.first {
		return
	}

	now, before := it.Product, was.Product
	switch {
	case was.Listed() || rc.reasked:
	case was.Former && !was.Probe.gone(): // nobody was told that it was taken off
		rc.change(Change{Kind: Added, Product: &now, Pictures: Evidenced{Picture: pic.File, Card: pic.Card}})
	default:
		rc.change(Change{Kind: Relisted, Product: &now, Away: rc.at.Sub(was.Removed), Pictures: Evidenced{Picture: pic.File}})
	}
	if rc.reread {
		return
	}
	// The marketplace states what can be bought: one scan is enough.
	if was.Availability != AvailabilityUnknown && it.Availability != was.Availability {
		kind := Restocked
		if it.Availability == SoldOut {
			kind = Soldout
		}
		rc.change(Change{Kind: kind, Product: &now, Before: &before, Pictures: Evidenced{Picture: pic.File}})
	}
	if was.Price.Known() && !it.Price.Agrees(was.Price) {
		rc.change(Change{Kind: Repriced, Product: &now, Before: &before, Pictures: Evidenced{Picture: pic.File}})
	}
	if !sameTitle(it.Title, was.Title) {
		rc.change(Change{Kind: Retitled, Product: &now, Before: &before, Pictures: Evidenced{Picture: pic.File}})
	}
	if !samePicture && was.Image != "" {
		rc.change(Change{Kind: Repictured, Product: &now, Before: &before, Pictures: Evidenced{Picture: pic.File, Card: pic.Card, Before: pic.WasFile}})
	}
}

// manyTitles may be those of another language when they are most of a list. Fewer are
// believed at once: a seller of three products renames them.
const manyTitles = 5

// otherTitles reports whether a scan shows most products under other titles than the
// catalog has, by the items that it shows otherwise.
func (rc *reconciler) otherTitles(seen []Item) bool {
	n := 0
	for k, it := range seen {
		if !sameTitle(it.Title, rc.scan.Products[rc.items.seen[k]].Title) {
			n++
		}
	}
	return n >= manyTitles && n > len(rc.scan.Products)/2
}

// sameTitle reports whether two titles are the same as people see them.
func sameTitle(a, b string) bool { return a == b || SingleLine(a) == SingleLine(b) }

// title takes in a listed title. Where most of a list are others, they wait until a
// second scan shows them, because a shop may take the visitor for one who reads another
// language.
func (it *Item) title(title string, others bool) {
	if others && !sameTitle(it.Title, title) && !sameTitle(it.PendingTitle, title) {
		it.PendingTitle = title
		return
	}
	it.Title, it.PendingTitle = title, ""
}

// price takes in a listed price. An unknown one says nothing; one that is more
// than ten times off, or in another currency or on another basis, waits until a
// second scan shows one near it, because a shop may guess the visitor's country
// otherwise for once. It does not wait when another parser has read it.
func (it *Item) price(p Price, reread bool) {
	if !p.Known() {
		return
	}
	if it.Price.Agrees(p) {
		it.Price.Basis, it.Pending = p.merge(it.Price.Basis), Price{}
		return
	}
	agreed := it.Pending.Known() && !it.Pending.far(p)
	if it.Price.Known() && it.Price.far(p) && !agreed && !reread {
		it.Pending = p
		return
	}
	it.Price, it.Pending = p, Price{}
}

// miss takes in the listed products that a complete scan did not show.
func (rc *reconciler) miss(missed []Item) {
	rc.Doubted = float64(len(missed)) > rc.rules.MaxLoss*float64(rc.state.Listed)
	enough := max(rc.rules.Misses, 1)
	if rc.Doubted {
		enough = max(enough, 2) // another complete scan must agree
	}
	// A list that shows products again may lack as many others, whose places they
	// took. Only what their own pages say is believed of those that it misses.
	unsure := !rc.state.Repeated.Explains(rc.scan.Repeated)
	if unsure {
		enough = math.MaxInt // no number of such scans is
	}
	for _, it := range missed {
		if it.Missing == 0 && it.LastSeen.Before(rc.state.LastComplete) {
			it.LastSeen = rc.state.LastComplete
		}
		if it.LastSeen.Before(it.FirstSeen) {
			it.LastSeen = it.FirstSeen
		}
		it.Former = it.Former || rc.reasked && it.Missing == 0
		if it.Missing == 0 || !unsure {
			it.Missing++
		}
		if p := rc.probes[it.ID]; p != nil {
			it.Probe = p
		} else if it.Probe.gone() {
			it.Probe = nil // of a silent scan; the product may be back by now
		}
		if pic := rc.scan.Pictures[it.ID]; pic.Hash != "" {
			it.ImageHash = pic.Hash
		}
		proof := it.proof(enough, rc.rules.Probes > 0 && !it.Former)
		removed := proof != "" && !rc.first && !rc.reread
		if !removed || rc.probes[it.ID] == nil {
			rc.Missed = append(rc.Missed, it)
		}
		if removed {
			rc.remove(&it, proof)
		} else {
			rc.open, rc.missed = true, true
		}
		rc.Items = append(rc.Items, it)
	}
	slices.SortStableFunc(rc.Missed, func(a, b Item) int {
		switch {
		case a.Former && !b.Former:
			return 1
		case b.Former && !a.Former:
			return -1
		}
		return cmp.Or(-cmp.Compare(a.Missing, b.Missing), a.probed().Compare(b.probed()), cmp.Compare(a.ID, b.ID))
	})
}

// proof returns what the removal of a missing item rests on, "" for nothing
// yet. Its page is believed at once; otherwise enough complete scans in a row
// must have missed it, and its page must have been tried if pages are tried.
func (it *Item) proof(enough int, probing bool) Proof {
	state := PageUnknown
	if it.Probe != nil {
		state = it.Probe.State
	}
	switch {
	case state == PageGone:
		return ProofGone
	case state == PageOffshelf:
		return ProofOffshelf
	case it.Missing < enough || probing && it.Probe == nil:
		return ""
	case state == PageSold:
		return ProofUnlisted
	}
	return ProofUnseen
}

func (it *Item) probed() time.Time {
	if it.Probe == nil {
		return time.Time{}
	}
	return it.Probe.At
}

func (rc *reconciler) remove(it *Item, proof Proof) {
	it.Removed = rc.at
	rc.State.Listed--
	rc.State.Removed++
	if it.Former && !it.Probe.gone() {
		rc.Dropped++
		return
	}
	p := it.Product
	ch := Change{Kind: Removed, Product: &p, Proof: proof, Probe: it.Probe, Missing: it.Missing}
	ch.Pictures.Picture = rc.scan.Pictures[it.ID].File
	if it.Probe != nil {
		ch.Pictures.Page = it.Probe.Picture
	}
	rc.change(ch)
}

// episodes takes in what the scan says of the storefront itself.
func (rc *reconciler) episodes() {
	st, n := &rc.State, max(rc.rules.StalledAfter, 1)
	if rc.Verdict == Complete {
		if st.Stalled || st.Closed {
			reason := "read completely again; the last complete scan before this one: " + day(rc.state.LastComplete)
			if rc.state.Baseline.IsZero() {
				reason = fmt.Sprintf("read completely for the first time: %d products; this is the baseline, changes from now on are news", st.Listed)
			}
			rc.change(Change{Kind: Recovered, Reason: reason})
		}
		st.Stalled, st.Closed, st.Incomplete, st.Gone = false, false, 0, 0
		return
	}
	if st.Incomplete == 0 || !rc.scan.Retry { // a network that is down for minutes is no news
		st.Incomplete++
		if rc.Verdict == Gone {
			st.Gone++
		} else {
			st.Gone = 0
		}
	}
	switch {
	case st.Gone >= n && !st.Closed:
		st.Closed = true
		rc.change(Change{Kind: Closed, Verdict: rc.Verdict, Reason: rc.Reason})
	case (st.Incomplete >= n || st.Baseline.IsZero() && rc.Verdict.Wall()) && !st.Stalled && !st.Closed:
		// Who has just begun is told of the first wall: until it is out of the
		// way there is no baseline.
		st.Stalled = true
		rc.change(Change{Kind: Stalled, Verdict: rc.Verdict, Reason: rc.Reason})
	}
}

func day(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// change appends to the log what the scan showed.
func (rc *reconciler) change(c Change) {
	c.Storefront, c.At, c.Scan = rc.scan.Storefront, rc.at, rc.scan.Began
	if c.Product != nil {
		c.Ignored = rc.rules.Ignored.Picks(c.Product) != ""
		c.Important = rc.rules.Important.Picks(c.Product)
		if c.Important == "" && c.Before != nil { // it may have lost the word that is watched for
			c.Important = rc.rules.Important.Picks(c.Before)
		}
	}
	rc.Changes = append(rc.Changes, c)
}
