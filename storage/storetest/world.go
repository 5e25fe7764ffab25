package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// A truth is what a product really is.
type truth struct {
	tracker.Product
	listed bool
	page   tracker.PageState // what its page says when it is not listed
	// settled counts the true and complete scans, with news, since it last
	// changed.
	settled int
}

func (h *history) put() {
	h.next++
	id := tracker.ProductID(fmt.Sprintf("45%09d", h.next*7919%1_000_000))
	h.world[id] = &truth{listed: true, page: tracker.PageGone, Product: tracker.Product{
		ID: id, Title: fmt.Sprintf("糖大夫 %d", h.next), URL: "https://detail.tmall.com/item.htm?id=" + string(id),
		Image: fmt.Sprintf("https://img.alicdn.com/%d.jpg", h.next), Price: yuan(int64(1000 * h.next)),
		Availability: []tracker.Availability{"", tracker.Available, tracker.SoldOut}[h.number(0, 2, "availability")],
	}}
}

func yuan(fen int64) tracker.Price {
	return tracker.Price{Kind: tracker.PriceExact, Low: fen, Currency: "CNY"}
}

// any draws a product that is listed or not.
func (h *history) any(listed bool) *truth {
	var ids []tracker.ProductID
	for _, id := range slices.Sorted(maps.Keys(h.world)) {
		if h.world[id].listed == listed {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return h.world[ids[h.number(0, len(ids)-1, "which")]]
}

// turn lets the world turn between two scans.
func (h *history) turn() {
	events, undo := h.number(0, 3, "events"), 5
	if h.calm && h.chance(70) {
		events, undo = 0, 30
	}
	for range events {
		w := h.any(true)
		event := h.number(0, 16, "event")
		switch {
		case event == 0:
			h.put()
			continue
		case event == 1:
			if w = h.any(false); w != nil {
				w.listed = true
			}
		case w == nil:
		case event <= 4:
			w.listed = false
			w.page = []tracker.PageState{tracker.PageGone, tracker.PageOffshelf, tracker.PageSold}[event-2]
		case event == 5:
			w.Price.Low += int64(h.number(1, 500, "dearer"))
		case event == 6:
			w.Price.Low = w.Price.Low*20 + 1
		case event == 7:
			w.Title += "新"
		case event == 8:
			w.Image += "?2"
		case event == 9: // as it was before
			w.Title = strings.TrimSuffix(w.Title, "新")
		case event == 10:
			w.Price.Low ^= 1
		case event == 11:
			w.Price.Currency = []string{"CNY", "USD", "JPY"}[h.number(0, 2, "currency")]
		case event == 14:
			w.Price.Market = []string{"", "DE", "AT"}[h.number(0, 2, "market")]
		case event == 15:
			w.Price.Tax = []tracker.Tax{"", tracker.TaxIncluded, tracker.TaxExcluded}[h.number(0, 2, "tax")]
		case event == 16:
			if h.byName {
				w.URL += "&renamed"
			}
		case event <= 13:
			w.Availability = []tracker.Availability{tracker.Available, tracker.SoldOut}[event-12]
			w.Variants = h.number(1, 3, "variants")
		}
		if w != nil {
			w.settled = 0
		}
	}
	if h.chance(undo) {
		h.undo()
	}
	step := time.Duration(h.number(1, 48, "hours")) * time.Hour
	if !h.steady && h.chance(15) {
		step = time.Duration(h.number(-2000, 2000, "clock step")) * time.Hour
	}
	h.now = h.now.Add(step)
	if h.chance(3) {
		h.parser++
	}
	if h.chance(3) {
		h.readAs++
	}
}

// undo makes the world what it was: a seller who changed his mind.
func (h *history) undo() {
	for id, w := range h.world {
		was, known := h.earlier[id]
		if !known {
			was = truth{Product: w.Product, page: w.page}
		}
		if was.Product != w.Product || was.listed != w.listed {
			was.settled = 0
			*w = was
		}
	}
}

// night does what a daemon does in the night, or closes and opens the store.
func (h *history) night() {
	maintainer, _ := h.db.(storage.Maintainer)
	switch n := h.number(0, 9, "night"); {
	case n <= 2 && h.engine.Restart != nil:
		h.db = h.engine.Restart(h.scope, h.db, n == 2)
	case n == 3:
		_, err := h.db.ThinScans(ctx, 24*time.Hour, h.now)
		h.must(err)
	case n == 4 && maintainer != nil:
		_, _, err := maintainer.Compact(ctx)
		h.must(err)
	case n == 5 && maintainer != nil:
		h.must(maintainer.Check(ctx))
	}
}

// dispute finds one of the last changes wrong, rightly or not.
func (h *history) dispute() {
	list, err := h.db.Changes(ctx, storage.Query{Newest: true, Limit: 15})
	h.must(err)
	all := slices.Clone(list)
	list = slices.DeleteFunc(list, func(c tracker.Change) bool {
		return c.Product == nil || c.Kind == tracker.Corrected || slices.ContainsFunc(all, func(o tracker.Change) bool { return o.Corrects == c.Seq })
	})
	if len(list) == 0 {
		return
	}
	wrong := list[h.number(0, len(list)-1, "disputed")]
	fixed, err := h.db.Dispute(ctx, wrong.Seq, "I know better", h.now)
	h.must(err)
	if h.seq++; fixed.Seq != h.seq || fixed.Corrects != wrong.Seq {
		h.Fatalf("change %d corrects %d; want %d to correct %d", fixed.Seq, fixed.Corrects, h.seq, wrong.Seq)
	}
	h.seen[string(fixed.Kind)]++
	id := wrong.Product.ID
	it, found, err := h.db.Product(ctx, "tencent", id)
	h.must(err)
	if wrong.Kind == tracker.Added && found {
		h.Fatalf("%s is in the catalog though its addition was wrong", id)
	}
	now := h.told[id]
	if was := now != nil; was != (found && it.Listed()) || now != nil && it.Missing != h.misses[id] {
		h.misses[id] = 0 // as if it had been seen
		delete(h.lookedAt, id)
		delete(h.former, id)
		delete(h.dropped, id)
		h.address[id] = it.URL // where it was when it was taken off, whatever a list of yesterday showed
	}
	delete(h.told, id)
	delete(h.taken, id)
	switch {
	case !found:
		delete(h.listedBy, id)
		delete(h.misses, id)
	case it.Listed():
		copied := it.Product
		h.told[id] = &copied
	default:
		h.taken[id] = true
	}
	if h.listedBy[id] != nil {
		h.listedBy[id][fixed.At] = true // a person saw it
	}
	if w := h.world[id]; w != nil {
		w.settled = 0
	}
}

// A show is what a scan shows of the truth.
type show struct {
	scan *tracker.Scan
	true map[tracker.ProductID]bool // products of which it shows the whole truth, also when that is absence
}

// look makes a scan.
func (h *history) look() show {
	s := &tracker.Scan{
		Storefront: "tencent", Began: h.now, Took: time.Duration(h.number(0, 5000, "took")) * time.Millisecond, Verdict: tracker.Complete, ReadAs: h.readAs, ByName: h.byName,
		Evidence: tracker.Evidence{Parser: h.parser, Layout: "classic", Shop: Shop},
	}
	sh := show{s, make(map[tracker.ProductID]bool)}
	loss := 0 // percent of the products that it misses
	switch kind := h.number(0, 19, "scan"); {
	case kind == 0:
		s.Verdict, loss = tracker.Login, 100
	case kind == 1:
		s.Verdict, loss = tracker.Blocked, 100
	case kind == 2:
		s.Verdict, loss = tracker.Failed, 100
	case kind == 3:
		s.Verdict, loss = tracker.Gone, 100
	case kind <= 5:
		s.Verdict, loss = tracker.Partial, h.number(0, 100, "loss")
	case kind == 6: // the list moved while it was read, and the counts agree by chance
		loss = h.number(0, 60, "drift")
	case kind == 7: // another shop answers
		loss = 100
		s.Evidence.Shop = tracker.SellerIdentity{ID: "666", Name: "another"}
		s.Products = append(s.Products, tracker.Product{ID: "666", Title: "别家的"})
	}
	if s.Verdict != tracker.Complete {
		s.Reason = "of all sorts"
	}
	s.Retry = h.chance(15)
	hide, slip := h.chance(20), h.chance(10)
	for _, id := range slices.Sorted(maps.Keys(h.world)) {
		w := h.world[id]
		sh.true[id] = true
		if lags := w.page != tracker.PageSold && h.taken[id] && h.chance(5); !w.listed && !lags {
			continue
		} else if !w.listed { // the list is older than the page
			sh.true[id], w.settled = false, 0
		}
		if loss > 0 && h.chance(loss) {
			sh.true[id] = false
			continue
		}
		if n := len(s.Products); slip && n > 0 && h.chance(20) { // the one before it stands in its place
			s.Repeated = append(s.Repeated, s.Products[n-1].ID)
			sh.true[id] = false
			continue
		}
		p := w.Product
		if h.repeats && len(s.Products) == 0 {
			s.Repeated = append(s.Repeated, id)
		}
		if hide && h.chance(50) {
			p.Price, sh.true[id] = tracker.Price{Currency: "CNY"}, false
		}
		if hide && h.chance(30) {
			p.Price.Basis, sh.true[id] = tracker.Basis{}, false
		}
		if hide && h.chance(50) {
			p.Availability, p.Variants, sh.true[id] = "", 0, false
		}
		s.Products = append(s.Products, p)
		if h.chance(3) {
			s.Products = append(s.Products, p) // met again on another page
		}
	}
	s.Products = rapid.Permutation(s.Products).Draw(h.T, "order")
	s.Evidence.Products, s.Evidence.Duplicates = len(s.Products), len(s.Repeated)
	return sh
}

// probe looks at the pages of products as the scanner does.
func (h *history) probe(s *tracker.Scan) {
	out, err := h.db.Preview(ctx, s, h.rules)
	h.must(err)
	for i, it := range out.Looks() {
		if i >= h.rules.Probes {
			break
		}
		state := h.world[it.ID].page
		if h.world[it.ID].listed {
			state = tracker.PageSold
		}
		if h.chance(25) {
			state = tracker.PageUnknown
		}
		s.Probes = append(s.Probes, tracker.Probe{Product: it.ID, State: state, At: s.Began.Add(s.Took), URL: it.URL})
		h.lookedAt[it.ID] = state
	}
}
