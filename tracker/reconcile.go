package tracker

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// An Outcome is what a scan does to a catalog.
type Outcome struct {
	State   State
	Items   []Item   // new and changed ones, to be written
	Changes []Change // for the log, in its order, without numbers
	// Missed are the listed products that a complete scan did not show and
	// whose pages prove nothing yet, the most urgent to probe first.
	Missed []Item
	// Doubted says that the scan misses more of the catalog than the rules
	// believe at once.
	Doubted bool
	// Verdict and Reason are those of the scan in the light of the catalog:
	// the listing of another shop, read to its end, proves nothing here.
	Verdict Verdict
	Reason  string
}

// Reconcile is the rule by which scans become catalogs: it compares a scan with
// what is known and says what changed. It changes neither. Storage calls it
// within the transaction that writes its outcome; called earlier, without
// probes and pictures, it tells which of them are worth getting.
func Reconcile(c Catalog, s *Scan, r Rules) Outcome {
	rc := reconciler{
		scan: s, rules: r, old: c.State(), at: s.Began.Add(s.Took),
		Outcome: Outcome{Verdict: s.Verdict, Reason: s.Reason},
	}
	rc.State = rc.old
	if other := s.Evidence.Shop; s.Verdict == Complete || s.Verdict == Partial {
		if known := rc.old.Shop; known.ID != "" && other.ID != "" && known.ID != other.ID {
			rc.Verdict = Failed
			rc.Reason = fmt.Sprintf("another shop answers at this address: %s (%s) instead of %s (%s); give it a storefront of its own",
				other.Name, other.ID, known.Name, known.ID)
		}
	}
	rc.first = rc.old.Baseline.IsZero()
	rc.reread = !rc.first && rc.old.Parser != s.Evidence.Parser
	switch rc.Verdict {
	case Complete:
		rc.complete(c)
	case Partial:
		rc.products(c)
		rc.link(c)
		if len(rc.Items) > 0 {
			rc.State.Sum = 0
		}
	}
	rc.episodes()
	rc.State.LastScan, rc.State.LastVerdict = s.Began, rc.Verdict
	return rc.Outcome
}

type reconciler struct {
	Outcome
	scan  *Scan
	rules Rules
	old   State
	at    time.Time
	// first is set before there is a baseline: nothing is news then.
	first bool
	// reread is set until a complete scan was read by the parser that read this
	// one: what products are listed is news, but how they look is not, because
	// the parsers may differ, and nothing is removed.
	reread bool
	open   bool    // some item is left unsettled
	places *places // see shown

	removed []ProductID // products of the catalog that were removed not long ago and are not seen again
}

// complete takes in a scan that saw everything.
func (rc *reconciler) complete(c Catalog) {
	s := rc.scan
	var sum Mark
	for _, m := range rc.shown().marks {
		sum += m
	}
	if rc.old.Sum == 0 || rc.old.Sum != sum || rc.old.Listed != len(s.Products) {
		rc.miss(rc.products(c))
		rc.link(c)
	}
	if rc.open {
		sum = 0
	}
	rc.State.Sum = sum
	rc.State.LastComplete = s.Began
	rc.State.Parser = s.Evidence.Parser
	if s.Evidence.Shop.ID != "" {
		rc.State.Shop = s.Evidence.Shop
	}
	if rc.old.Baseline.IsZero() {
		rc.State.Baseline = s.Began
	}
}

// shown are the products that the scan saw, each marked once.
func (rc *reconciler) shown() *places {
	if rc.places == nil {
		rc.places = placesOf(rc.scan.Products)
	}
	return rc.places
}

// products takes in the products that the scan saw and returns the listed ones
// that it did not see. A product listed twice counts at its last place only.
func (rc *reconciler) products(c Catalog) (missed []Item) {
	list, shown := rc.scan.Products, rc.shown()
	shown.index()
	same := make([]bool, len(list)) // as the catalog has it
	var others []Entry
	for e := range c.Entries(func(m Mark) bool {
		i, found := shown.find(m)
		if found {
			same[i] = true
		}
		return found
	}) {
		others = append(others, e)
	}
	differ := make(map[ProductID]int) // the last place
	for i := range list {
		if same[i] {
			continue
		}
		if last, _ := shown.find(shown.marks[i]); !same[last] {
			differ[list[i].ID] = i
		}
	}
	for _, e := range others {
		i, seen := differ[e.ID]
		switch {
		case seen:
			delete(differ, e.ID)
			rc.see(c.Item(e.ID), &list[i])
		case !e.Removed:
			missed = append(missed, c.Item(e.ID))
		case e.Gone.IsZero() || rc.at.Sub(e.Gone) <= linkWithin:
			rc.removed = append(rc.removed, e.ID)
		}
	}
	for _, i := range slices.Sorted(maps.Values(differ)) {
		rc.unknown(c, i)
	}
	return missed
}

// unknown takes in a product that the catalog has not, or that is listed as
// the catalog has it at one place and otherwise at another.
func (rc *reconciler) unknown(c Catalog, i int) {
	p := &rc.scan.Products[i]
	if rc.old.Listed+rc.old.Removed > 0 {
		if it := c.Item(p.ID); it.ID != "" {
			if same, _ := rc.shown().find(it.Product.Mark()); same < i {
				rc.see(it, p)
			}
			return
		}
	}
	rc.add(p)
}

// add takes in a product that was never seen before.
func (rc *reconciler) add(p *Product) {
	pic := rc.scan.Pictures[p.ID]
	rc.Items = append(rc.Items, Item{Product: *p, FirstSeen: rc.scan.Began, Look: pic.Look})
	rc.State.Listed++
	if !rc.first {
		rc.change(Change{
			Kind: Added, Product: p,
			Pictures: Evidenced{Picture: pic.File, Card: pic.Card},
		})
	}
}

// see takes in a product that is in the catalog.
func (rc *reconciler) see(it Item, p *Product) {
	was := it
	pic, looked := rc.scan.Pictures[p.ID]
	if !it.Listed() {
		rc.State.Listed++
		rc.State.Removed--
	}
	it.Missing, it.Probe, it.Removed = 0, nil, time.Time{}
	it.Product.URL = p.URL
	it.Title = p.Title
	it.price(p.Price, rc.reread)
	_, like := pic.Look.Like(cmp.Or(it.Look, pic.Was))
	samePicture := p.Image == "" || p.Image == it.Image || like
	switch {
	case p.Image == "":
	case looked && pic.Look == "" && !samePicture && it.Image != "" && !rc.reread:
		// It could not be had, and may be the same one at another address:
		// the next scan looks again.
		samePicture, rc.open = true, true
	default:
		it.Image = p.Image
	}
	if pic.Look != "" {
		it.Look = pic.Look
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
	if !was.Listed() {
		rc.change(Change{Kind: Relisted, Product: &now, Away: rc.at.Sub(was.Removed), Pictures: Evidenced{Picture: pic.File}})
	}
	if rc.reread {
		return
	}
	if was.Price.Known() && it.Price != was.Price {
		rc.change(Change{Kind: Repriced, Product: &now, Before: &before})
	}
	if it.Title != was.Title {
		rc.change(Change{Kind: Retitled, Product: &now, Before: &before})
	}
	if !samePicture && was.Image != "" {
		rc.change(Change{Kind: Repictured, Product: &now, Before: &before, Pictures: Evidenced{Picture: pic.File, Card: pic.Card, Before: pic.WasFile}})
	}
}

// price takes in a listed price. An unknown one says nothing; one that is more
// than ten times off waits until a second scan shows it, unless another parser
// has read it.
func (it *Item) price(p Price, reread bool) {
	if !p.Known() {
		return
	}
	far := it.Price.Known() && it.Price.Currency == p.Currency && (p.Low > 10*it.Price.Low || it.Price.Low > 10*p.Low)
	if far && it.Pending != p && !reread {
		it.Pending = p
		return
	}
	it.Price, it.Pending = p, Price{}
}

// miss takes in the listed products that a complete scan did not show.
func (rc *reconciler) miss(missed []Item) {
	rc.Doubted = float64(len(missed)) > rc.rules.MaxLoss*float64(rc.old.Listed)
	enough := max(rc.rules.Misses, 1)
	if rc.Doubted {
		enough = max(enough, 2) // another complete scan must agree
	}
	probes := make(map[ProductID]*Probe, len(rc.scan.Probes))
	for i := range rc.scan.Probes {
		probes[rc.scan.Probes[i].Product] = &rc.scan.Probes[i]
	}
	for _, it := range missed {
		if it.Missing == 0 && it.LastSeen.Before(rc.old.LastComplete) {
			it.LastSeen = rc.old.LastComplete
		}
		if it.LastSeen.Before(it.FirstSeen) {
			it.LastSeen = it.FirstSeen
		}
		it.Missing++
		if p := probes[it.ID]; p != nil {
			it.Probe = p
		} else if it.Probe != nil && (it.Probe.State == PageGone || it.Probe.State == PageOffshelf) {
			it.Probe = nil // of a silent scan; the product may be back by now
		}
		if pic := rc.scan.Pictures[it.ID]; pic.Look != "" {
			it.Look = pic.Look
		}
		proof := it.proof(enough, rc.rules.Probes > 0)
		if proof != "" && !rc.first && !rc.reread {
			rc.remove(&it, proof)
		} else {
			rc.open = true
			rc.Missed = append(rc.Missed, it)
		}
		rc.Items = append(rc.Items, it)
	}
	slices.SortStableFunc(rc.Missed, func(a, b Item) int {
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
	p := it.Product
	ch := Change{Kind: Removed, Product: &p, Proof: proof, Probe: it.Probe, Missing: it.Missing}
	ch.Pictures.Picture = rc.scan.Pictures[it.ID].File
	if it.Probe != nil {
		ch.Pictures.Page = it.Probe.Picture
	}
	rc.change(ch)
	it.Removed = rc.at
	rc.State.Listed--
	rc.State.Removed++
}

// episodes takes in what the scan says of the storefront itself.
func (rc *reconciler) episodes() {
	st, n := &rc.State, max(rc.rules.StalledAfter, 1)
	if rc.Verdict == Complete {
		if st.Stalled || st.Closed {
			rc.change(Change{Kind: Recovered, Reason: "read completely again; the last complete scan before this one: " + day(rc.old.LastComplete)})
		}
		st.Stalled, st.Closed, st.Incomplete, st.Gone = false, false, 0, 0
		return
	}
	if rc.scan.Retry && st.Incomplete > 0 {
		return // a network that is down for minutes is no news
	}
	st.Incomplete++
	if rc.Verdict == Gone {
		st.Gone++
	} else {
		st.Gone = 0
	}
	switch {
	case st.Gone >= n && !st.Closed:
		st.Closed = true
		rc.change(Change{Kind: Closed, Verdict: rc.Verdict, Reason: rc.Reason})
	case st.Incomplete >= n && !st.Stalled && !st.Closed:
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
	}
	rc.Changes = append(rc.Changes, c)
}
