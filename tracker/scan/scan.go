// Package scan reads one storefront page by page and gathers evidence of how
// much of it was seen; it probes the products that are missing. It never
// returns nil: failure is a result.
package scan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
)

// Parser is the version of how pages are read. It is raised when products
// would read otherwise than before, so that the difference is not taken for
// news.
const Parser = 1

// A scan takes no more than that: a shelf may be endless. Ten thousand products
// are a large storefront.
const (
	mostPages    = 2000
	mostProducts = 50_000
	mostBytes    = 32 << 20 // of what is kept of products
)

// tabPages is how many pages a tab shows before it is replaced: V8 collects
// late, and a fresh tab keeps the memory of Chrome flat.
const tabPages = 50

// sweptPages is after how many page turns Chrome is to give back the memory of
// the lists before: by itself it lets some 5 MB a page lie.
const sweptPages = 4

// Options say how storefronts are read. Browser must be set.
type Options struct {
	Browser *browser.Browser
	// Preview tells what a scan would do to the catalog, so that the pages of
	// missing products can be probed and the pictures of new ones kept. Nil
	// for neither.
	Preview func(*tracker.Scan, tracker.Rules) (tracker.Outcome, error)
	// Keep stores an evidence file and returns its name. Nil for no evidence.
	Keep func(content []byte, ext string) (string, error)
	// Picture is told of every picture that is about to be looked at, and done
	// when that is over. It reports false for one that is not to be looked at.
	// Nil for none.
	Picture func(storefront tracker.Name, address string) (done func(), ok bool)
	// Pace waits until the next page of the marketplace may be asked for. Nil
	// for no wait.
	Pace func(ctx context.Context, marketplace string) error
	// DailyPages is how many pages of one storefront may be asked for within
	// 24 hours; 0 for any number. Opened tells how many were, scans before
	// this one.
	DailyPages int
	Opened     func(tracker.Name) (int, error)
	// PageTimeout bounds one page, from asking for it until its products are
	// there; 30 s when zero.
	PageTimeout time.Duration
	// Retries is how often a page that failed in passing is asked for again:
	// a server error, a time-out, a list that is cut. Walls are never tried
	// again. 2 when zero, none when negative.
	Retries int
	// Backoff is the wait before the first retry, doubled for each further
	// one; 2 s when zero.
	Backoff time.Duration
	Log     *slog.Logger // nil for none
}

// A Scanner reads storefronts. It is safe for concurrent use.
type Scanner struct {
	opts     Options
	decoding sync.Mutex // held while a picture is decoded
}

// New returns a scanner.
func New(o Options) *Scanner {
	if o.PageTimeout == 0 {
		o.PageTimeout = 30 * time.Second
	}
	if o.Retries == 0 {
		o.Retries = 2
	}
	if o.Backoff == 0 {
		o.Backoff = 2 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Scanner{opts: o}
}

// Scan reads a storefront. tell, when not nil, is told of every page. A scan
// whose context ended proves nothing and must not be committed.
func (s *Scanner) Scan(ctx context.Context, sf tracker.Storefront, rules tracker.Rules, tell func(tracker.Progress)) *tracker.Scan {
	r := &reading{
		Scanner: s, rules: rules, tell: tell, pages: make(map[tracker.ProductID]int),
		scan: &tracker.Scan{
			Storefront: sf.Name, Began: time.Now().UTC().Truncate(time.Millisecond),
			Verdict: tracker.Failed, Evidence: tracker.Evidence{Parser: Parser},
		},
	}
	defer r.close()
	if err := r.read(ctx, sf.URL); err != nil {
		r.scan.Reason = err.Error()
	}
	if v := r.scan.Verdict; v == tracker.Complete || v == tracker.Partial {
		if err := r.follow(ctx); err != nil {
			r.scan.Evidence.Warnings = append(r.scan.Evidence.Warnings, err.Error())
		}
	}
	r.scan.Took = time.Since(r.scan.Began)
	return r.scan
}

// A reading is a scan under way.
type reading struct {
	*Scanner
	rules   tracker.Rules
	tell    func(tracker.Progress)
	scan    *tracker.Scan
	market  *market.Market
	address market.Address

	tab    *browser.Tab                 // nil when there is none, or when it is of no more use
	shown  int                          // pages that the tab has shown
	small  map[tracker.ProductID][]byte // pictures of products, for their cards
	calls  []market.Call                // answered since the tab's page was opened
	layout string                       // of the list, once it is known
	pages  map[tracker.ProductID]int    // the listing page on which a product stood
	done   tracker.Progress
	opened int // pages asked for within 24 hours, before this scan
	// uncached is set when Chrome's cache has answered in the marketplace's
	// place: it is out of use from then on.
	uncached bool
}

func (r *reading) close() {
	if r.tab != nil {
		r.tab.Close()
		r.tab = nil
	}
}

// read reads the list and judges it. An error is a reading that failed.
func (r *reading) read(ctx context.Context, address string) (err error) {
	r.market, r.address, err = market.Find(address)
	if err != nil {
		return err
	}
	if r.opts.DailyPages > 0 && r.opts.Opened != nil {
		if r.opened, err = r.opts.Opened(r.scan.Storefront); err != nil {
			return fmt.Errorf("count the pages of the day: %w", err)
		}
	}
	var pages []market.Listing
	var end ending
	for _, listing := range r.address.Listings {
		pages, end = r.pass(ctx, listing)
		if len(pages) > 0 || end.state == nil || !end.state.Passing {
			r.address.Listings = []string{listing}
			break
		}
	}
	j := market.Whole(pages)
	if end.err == nil && j.Moved {
		first := j
		pages, end = r.pass(ctx, r.address.Listings[0])
		j = market.Healed(first, market.Whole(pages))
	}
	return r.judge(pages, j, end)
}

// judge turns what was read into verdict and evidence.
func (r *reading) judge(pages []market.Listing, j market.Judgement, end ending) error {
	s, e := r.scan, &r.scan.Evidence
	e.Layout, e.Pages, e.Declared = r.layout, len(pages), j.Declared
	e.Products, e.Duplicates, e.Stop = len(j.Products), j.Duplicates, end.stop
	e.Warnings = append(e.Warnings, j.Warnings...)
	for _, l := range pages {
		if l.Shop.ID != "" {
			e.Shop = l.Shop
		}
	}
	switch {
	case end.state != nil && (end.state.Verdict != tracker.Failed || len(pages) == 0):
		s.Verdict = end.state.Verdict
		return errors.New(end.state.Reason)
	case end.err != nil && len(pages) == 0:
		return end.err
	case end.err != nil:
		s.Verdict, s.Products = tracker.Partial, j.Products
		return fmt.Errorf("stopped after page %d: %w", len(pages), end.err)
	}
	s.Products = j.Products
	if !j.Complete {
		s.Verdict = tracker.Partial
		return errors.New(j.Reason)
	}
	s.Verdict = tracker.Complete
	return nil
}

// An ending says why a pass over the pages ended.
type ending struct {
	stop  string        // for the evidence
	state *market.State // the refusal that ended it
	err   error         // what ended it before its end; set with state too
}

// pass walks over the pages of the list from the first to the last.
func (r *reading) pass(ctx context.Context, listing string) (pages []market.Listing, end ending) {
	r.scan.Evidence.Passes++
	r.done.Products, r.done.Pages = 0, 0
	products, bytes := 0, 0
	for n := 1; ; n++ {
		l, err := r.page(ctx, listing, n, pages)
		if st := (*stateError)(nil); errors.As(err, &st) {
			return pages, ending{stop: st.state.Name, state: st.state, err: err}
		}
		if err != nil {
			return pages, ending{stop: "error", err: err}
		}
		pages = append(pages, l)
		r.layout = l.Layout
		for i := range l.Products {
			p := &l.Products[i]
			r.pages[p.ID] = n
			bytes += len(p.ID) + len(p.Title) + len(p.URL) + len(p.Image)
		}
		products += len(l.Products)
		for i := range r.calls {
			r.calls[i].Forget(n)
		}
		r.progress(l)
		switch {
		case l.Empty && n == 1:
			return r.confirmEmpty(ctx, listing, l)
		case l.Last:
			return pages, ending{stop: "last page"}
		case l.Pages > 0 && n >= l.Pages:
			return pages, ending{stop: "declared number of pages"}
		case len(l.Products) == 0:
			return pages, ending{stop: "empty page"}
		case l.Next != n+1:
			return pages, ending{stop: fmt.Sprintf("page %d leads on to page %d", n, l.Next)}
		case n >= mostPages, products > mostProducts, bytes > mostBytes:
			return pages, ending{stop: "too long", err: fmt.Errorf("the list does not end after %d products; watch categories of the shop instead", products)}
		}
	}
}

// confirmEmpty loads an empty list once more: one that is empty under load is
// filled a second later (tmall.md, section 2.8).
func (r *reading) confirmEmpty(ctx context.Context, listing string, l market.Listing) ([]market.Listing, ending) {
	if err := r.pause(ctx, r.opts.Backoff); err != nil {
		return nil, ending{stop: "interrupted", err: err}
	}
	again, err := r.page(ctx, listing, 1, nil)
	if st := (*stateError)(nil); errors.As(err, &st) {
		return nil, ending{stop: st.state.Name, state: st.state, err: err}
	}
	if err != nil {
		return nil, ending{stop: "error", err: err}
	}
	if !again.Empty {
		// Not empty after all: read it from the start.
		r.scan.Evidence.Retries++
		if r.scan.Evidence.Retries > r.opts.Retries+1 {
			l.Problems = append(l.Problems, "the list is empty now and then")
			return []market.Listing{l}, ending{stop: "empty now and then"}
		}
		return r.pass(ctx, listing)
	}
	return []market.Listing{again}, ending{stop: "no products"}
}

func (r *reading) progress(l market.Listing) {
	r.done.Storefront = r.scan.Storefront
	r.done.Pages++
	r.done.Declared = tracker.Declared{Pages: l.Pages, Products: l.Total}
	r.done.Products += len(l.Products)
	if r.tell != nil {
		r.tell(r.done)
	}
}

func (r *reading) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
