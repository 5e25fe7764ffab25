package storetest

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// testLaw plays random histories of a storefront against the real rule and the
// real file, and compares what was told with what was true. SHOPWATCH_STEPS
// says how many scans it plays at least (make prove: 100,000).
func (e Engine) testLaw(t *testing.T) {
	steps := 1500
	if testing.Short() {
		steps = 300
	}
	if n, err := strconv.Atoi(os.Getenv("SHOPWATCH_STEPS")); err == nil {
		steps = n
	}
	checks := flag.Lookup("rapid.checks").Value
	was := checks.String()
	set := func(n string) {
		if err := checks.Set(n); err != nil {
			t.Fatal(err)
		}
	}
	set(strconv.Itoa((steps + historyLength - 1) / historyLength))
	defer set(was)
	played, kinds := 0, make(map[string]int)
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(e, t, rt)
		defer h.scope.end()
		for range historyLength {
			h.step()
			played++
		}
		for k, n := range h.seen {
			kinds[k] += n
		}
	})
	t.Logf("%d scans; told: %v", played, kinds)
	if played < 5000 {
		return // chance may have left something out
	}
	for _, k := range tracker.Kinds {
		if kinds[string(k)] == 0 {
			t.Errorf("no history had a change of kind %s", k)
		}
	}
	for _, p := range []tracker.Proof{tracker.ProofGone, tracker.ProofOffshelf, tracker.ProofUnlisted, tracker.ProofUnseen} {
		if kinds["removed "+string(p)] == 0 {
			t.Errorf("no history had a removal with proof %s", p)
		}
	}
}

const historyLength = 50

// A history is a storefront, what was told of it, and what must hold.
type history struct {
	*rapid.T
	engine Engine
	scope  *scope
	db     storage.Store
	rules  tracker.Rules

	world    map[tracker.ProductID]*truth
	earlier  map[tracker.ProductID]truth // the world as a complete scan found it
	now      time.Time
	steady   bool // the clock never steps
	calm     bool // little happens, and much of it is taken back
	repeats  bool // the list always shows its first product twice
	byName   bool // the pages of products are found by names
	parser   int
	readAs   uint32
	next     int
	believed tracker.State // as the model expects it, episodes only
	based    bool          // there was a complete scan

	told      map[tracker.ProductID]*tracker.Product // listed products according to the log and the silent scans
	taken     map[tracker.ProductID]bool             // known and not listed
	former    map[tracker.ProductID]bool             // listed by what the storefront was read by before, and never since
	dropped   map[tracker.ProductID]bool             // of taken, those of which nobody was told
	misses    map[tracker.ProductID]int              // complete scans in a row that did not list it
	lookedAt  map[tracker.ProductID]tracker.PageState
	listedBy  map[tracker.ProductID]map[time.Time]bool // scans that listed it
	shown     map[tracker.ProductID]tracker.Price      // the price that a scan showed last
	address   map[tracker.ProductID]string             // that a scan showed last
	seq       uint64
	seen      map[string]int
	baselined bool
}

func newHistory(e Engine, t *testing.T, rt *rapid.T) *history {
	h := &history{
		T: rt, engine: e, scope: &scope{TB: t},
		world: make(map[tracker.ProductID]*truth), now: Day, parser: 1, readAs: 1,
		told: make(map[tracker.ProductID]*tracker.Product), taken: make(map[tracker.ProductID]bool),
		former: make(map[tracker.ProductID]bool), dropped: make(map[tracker.ProductID]bool), misses: make(map[tracker.ProductID]int), lookedAt: make(map[tracker.ProductID]tracker.PageState),
		listedBy: make(map[tracker.ProductID]map[time.Time]bool), seen: make(map[string]int),
		shown: make(map[tracker.ProductID]tracker.Price), address: make(map[tracker.ProductID]string),
	}
	h.rules = tracker.Rules{
		Misses: h.number(1, 4, "misses"), MaxLoss: []float64{0, 0.3, 1}[h.number(0, 2, "max loss")],
		Probes: []int{0, 2, 1000}[h.number(0, 2, "probes")], StalledAfter: h.number(1, 3, "stalled after"),
	}
	h.steady, h.calm, h.repeats, h.byName = h.chance(60), h.chance(40), h.chance(20), h.chance(30)
	for range h.number(0, 12, "products") {
		h.put()
	}
	h.db = e.Open(h.scope)
	return h
}

func (h *history) number(least, most int, what string) int {
	return rapid.IntRange(least, most).Draw(h.T, what)
}

// chance is true in so many of a hundred cases.
func (h *history) chance(percent int) bool { return h.number(1, 100, "chance") > 100-percent }

func (h *history) must(err error) {
	if err != nil {
		h.Fatal(err)
	}
}

// step plays what happens between two scans, and a scan.
func (h *history) step() {
	if h.chance(5) {
		h.dispute()
	}
	h.turn()
	h.night()
	sh := h.look()
	s := sh.scan
	h.probe(s)
	before, err := h.db.State(ctx, "tencent")
	h.must(err)
	changes, err := h.db.Commit(ctx, s, h.rules)
	h.must(err)

	stored, err := h.db.Changes(ctx, storage.Query{After: h.seq, Limit: 1000})
	h.must(err)
	if fmt.Sprint(Numbers(stored)) != fmt.Sprint(Numbers(changes)) || s.Changes != len(changes) {
		h.Fatalf("committed %v, stored %v, counted %d", Numbers(changes), Numbers(stored), s.Changes)
	}
	for _, c := range changes {
		if h.seq++; c.Seq != h.seq {
			h.Fatalf("change %d follows %d", c.Seq, h.seq-1)
		}
		h.seen[string(c.Kind)]++
		if c.Kind == tracker.Removed {
			h.seen["removed "+string(c.Proof)]++
		}
	}
	baselined, reread := !before.Baseline.IsZero(), before.Parser != s.Evidence.Parser
	reasked := before.ReadAs != 0 && before.ReadAs != s.ReadAs
	reread = reread || reasked
	news := baselined && !reread
	read := s.Verdict == tracker.Complete || s.Verdict == tracker.Partial
	if s.Verdict == tracker.Complete {
		h.baselined = true
	}
	unsure := !before.Repeated.Explains(s.Repeated)
	listed := h.count(s, read, baselined && reasked, unsure)
	h.episodes(s, changes)
	h.law(s, changes, listed, read && baselined && !reasked, reread, unsure)
	h.drop(s, changes, listed, reread, unsure)
	for _, p := range s.Products {
		if !read {
			break
		}
		if h.address[p.ID] = p.URL; p.Price.Known() {
			h.shown[p.ID] = p.Price
		}
	}
	h.replay(s, changes, read && !news, baselined, reasked || before.Repeated.Reveals(s))
	h.catalog()
	h.exactlyOnce(sh, news, unsure)
	if s.Verdict == tracker.Complete {
		h.earlier = make(map[tracker.ProductID]truth)
		for id, w := range h.world {
			h.earlier[id] = *w
		}
	}
}

// episodes checks what was told of the storefront itself.
func (h *history) episodes(s *tracker.Scan, changes []tracker.Change) {
	b, n := &h.believed, h.rules.StalledAfter
	want := tracker.Kind("")
	if s.Verdict == tracker.Complete {
		if b.Stalled || b.Closed {
			want = tracker.Recovered
		}
		*b = tracker.State{}
		h.based = true
	} else {
		if !s.Retry || b.Incomplete == 0 {
			b.Incomplete++
			b.Gone++
			if s.Verdict != tracker.Gone {
				b.Gone = 0
			}
		}
		if b.Gone >= n && !b.Closed {
			b.Closed, want = true, tracker.Closed
		} else if (b.Incomplete >= n || !h.based && s.Verdict.Wall()) && !b.Stalled && !b.Closed {
			b.Stalled, want = true, tracker.Stalled
		}
	}
	got := tracker.Kind("")
	for _, c := range changes {
		if c.Product == nil {
			got += c.Kind
		}
	}
	if got != want {
		h.Fatalf("scan %s: told %q of the storefront, want %q", s.Verdict, got, want)
	}
}

// far reports whether prices are too far from each other to be believed at once.
func far(a, b tracker.Price) bool {
	return !a.Agrees(b) && (!a.Comparable(b) || a.Low > 10*b.Low || b.Low > 10*a.Low)
}

// law checks what no scan may say. One that was reread by another parser says which
// products are listed, and no more; one with other options not even that. One that
// is unsure of those that it missed believes their pages only.
func (h *history) law(s *tracker.Scan, changes []tracker.Change, listed map[tracker.ProductID]bool, news, reread, unsure bool) {
	for _, c := range changes {
		if c.Product == nil {
			continue
		}
		id := c.Product.ID
		if h.world[id] == nil {
			h.Fatalf("told %s of a product of another shop", c.Kind)
		}
		if !news || reread && c.Kind != tracker.Added && c.Kind != tracker.Relisted {
			h.Fatalf("a %s scan without news told %s of %s", s.Verdict, c.Kind, id)
		}
		if c.Kind == tracker.Repriced && far(c.Product.Price, c.Before.Price) && far(c.Product.Price, h.shown[id]) {
			h.Fatalf("repriced %s from %v to %v, the scan before showed %v", id, c.Before.Price, c.Product.Price, h.shown[id])
		}
		if c.Kind != tracker.Removed {
			if !listed[id] {
				h.Fatalf("%s %s, which the scan did not list", c.Kind, id)
			}
			if c.Kind == tracker.Relisted && slices.ContainsFunc(s.Probes, func(p tracker.Probe) bool {
				return p.Product == id && (p.State == tracker.PageGone || p.State == tracker.PageOffshelf)
			}) {
				h.Fatalf("relisted %s, whose page says that it is gone", id)
			}
			continue
		}
		w, enough := h.world[id], h.rules.Misses
		if s.Doubted {
			enough = max(enough, 2)
		}
		switch {
		case listed[id]:
			h.Fatalf("removed %s, which the scan lists", id)
		case s.Verdict != tracker.Complete:
			h.Fatalf("removed %s by a scan that is %s", id, s.Verdict)
		case c.Missing != h.misses[id]:
			h.Fatalf("removed %s after %d misses, there were %d", id, c.Missing, h.misses[id])
		case unsure && c.Proof != tracker.ProofGone && c.Proof != tracker.ProofOffshelf:
			h.Fatalf("removed %s as %s by a list that shows %q again", id, c.Proof, s.Repeated)
		case h.rules.Probes >= len(h.world) && !slices.ContainsFunc(s.Probes, func(p tracker.Probe) bool { return p.Product == id }):
			h.Fatalf("removed %s, whose page this scan did not look at: %+v", id, c.Probe)
		}
		switch c.Proof {
		case tracker.ProofGone, tracker.ProofOffshelf:
			if w.listed || c.Probe == nil || string(h.lookedAt[id]) != string(c.Proof) || c.Probe.State != h.lookedAt[id] {
				h.Fatalf("removed %s as %s; listed %v, its page said %q", id, c.Proof, w.listed, h.lookedAt[id])
			}
		case tracker.ProofUnlisted:
			if h.misses[id] < enough || h.lookedAt[id] != tracker.PageSold {
				h.Fatalf("removed %s as unlisted after %d misses, its page said %q", id, h.misses[id], h.lookedAt[id])
			}
		case tracker.ProofUnseen:
			if h.misses[id] < enough || h.rules.Probes > 0 && h.lookedAt[id] != tracker.PageUnknown {
				h.Fatalf("removed %s as unseen after %d misses, its page said %q", id, h.misses[id], h.lookedAt[id])
			}
		default:
			h.Fatalf("removed %s with proof %q", id, c.Proof)
		}
	}
}

// exactlyOnce checks that what lasts is told. That nothing is told twice
// follows from replay, which knows no change to what is so already.
func (h *history) exactlyOnce(sh show, news, unsure bool) {
	if sh.scan.Verdict != tracker.Complete || !news {
		return
	}
	for id, w := range h.world {
		if !sh.true[id] || unsure && !w.listed {
			w.settled = 0
			continue
		}
		w.settled++
		enough := h.rules.Misses + 1
		if w.settled < enough || h.rules.Probes > 0 && h.rules.Probes < len(h.world) && (!w.listed || h.taken[id]) {
			continue // with few probes a page has to wait its turn
		}
		now := h.told[id]
		if w.listed != (now != nil) {
			if !w.listed || h.listedBy[id] != nil {
				h.Fatalf("%s is listed %v for %d complete scans, told was %v", id, w.listed, w.settled, now)
			}
		}
		if now != nil && (now.Title != w.Title || now.Image != w.Image || !now.Price.Agrees(w.Price) ||
			now.Availability != w.Availability && w.Availability != tracker.AvailabilityUnknown) {
			h.Fatalf("%s is for %d complete scans\n%+v, told was\n%+v", id, w.settled, w.Product, *now)
		}
	}
}
