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
	"shopwatch/tracker/archive"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
)

// A scan takes no more than that: a shelf may be endless. Ten thousand products
// are a large storefront.
const (
	mostPages    = 2000
	mostProducts = 50_000
	mostBytes    = 32 << 20 // of what is kept of products
)

// Options say how storefronts are read. Markets must be set, with Browser for
// those that are read in a tab and HTTP for those that are not.
type Options struct {
	Markets market.Set
	Browser *browser.Browser
	HTTP    *fetch.Client
	// Preview tells what a scan would do to the catalog, so that the pages of
	// missing products can be probed and the pictures of new ones kept. Nil
	// for neither.
	Preview func(*tracker.Scan, tracker.Rules) (tracker.Outcome, error)
	// Keep stores an evidence file and returns its name. Nil for no evidence.
	Keep func(content []byte, ext string) (string, error)
	// Archive keeps a capture, which is redacted, and returns its name: of each item page that
	// proves a removal, and of what Capturing says. Nil for no captures.
	Archive func(context.Context, *archive.Capture) (file string, err error)
	// Account returns the cookies that Chrome has sent to a storefront. They are
	// taken out of captures and covered in pictures; where they are not to be
	// had, there is neither. Nil for a Chrome without an account.
	Account func(ctx context.Context, url string, m *market.Market) ([]archive.Cookie, error)
	// Picture is told of every picture that is about to be looked at, and done
	// when that is over. It reports false for one that is not to be looked at.
	// Nil for none.
	Picture func(storefront tracker.StorefrontName, address string) (done func(), ok bool)
	// Pace waits until the next page behind a gate, such as a marketplace, may
	// be asked for. came is called when that page has come, or will not come:
	// the pause to the next one begins then. Nil for no wait.
	Pace func(ctx context.Context, gate string) (came func(), err error)
	// DailyPages is how many pages of one storefront may be asked for within
	// 24 hours; 0 for any number. Opened tells how many were, scans before
	// this one.
	DailyPages int
	Opened     func(tracker.StorefrontName) (int, error)
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
	return s.Capture(ctx, sf, rules, tell, CaptureEnd)
}

// Capture is Scan, with more that is captured of it.
func (s *Scanner) Capture(ctx context.Context, sf tracker.Storefront, rules tracker.Rules, tell func(tracker.Progress), how Capturing) *tracker.Scan {
	r := s.reading(sf, rules, tell)
	if s.opts.Archive != nil {
		r.begin(how)
	}
	defer func() {
		r.came()
		if r.reader != nil {
			r.reader.Close()
		}
	}()
	if err := r.read(ctx); err != nil {
		r.scan.Reason = err.Error()
	}
	r.endOfList(ctx)
	if v := r.scan.Verdict; v == tracker.Complete || v == tracker.Partial {
		if err := r.follow(ctx); err != nil {
			r.scan.Evidence.Warnings = append(r.scan.Evidence.Warnings, err.Error())
		}
	}
	r.keepScan(ctx)
	r.scan.Took = time.Since(r.began)
	return r.scan
}

// reading begins a scan.
func (s *Scanner) reading(sf tracker.Storefront, rules tracker.Rules, tell func(tracker.Progress)) *reading {
	began := time.Now()
	return &reading{
		Scanner: s, of: sf, rules: rules, tell: tell, came: func() {}, requests: make(map[tracker.ProductID]market.Request), began: began,
		scan: &tracker.Scan{
			Storefront: sf.Name, ReadAs: sf.ReadAs(), Began: began.UTC().Truncate(time.Millisecond),
			Verdict: tracker.Failed,
		},
	}
}

// A reading is a scan under way.
type reading struct {
	*Scanner
	of         tracker.Storefront
	rules      tracker.Rules
	tell       func(tracker.Progress)
	scan       *tracker.Scan
	began      time.Time // by a clock that nobody sets
	market     *market.Market
	gate       string // of the storefront
	storefront market.Storefront
	reader     Reader
	policy     *robotsPolicy
	came       func() // says that the page that was asked for last has come

	small    map[tracker.ProductID][]byte         // pictures of products, for their cards
	requests map[tracker.ProductID]market.Request // that brought the listing page on which a product stood
	layout   string                               // of the list
	done     tracker.Progress
	opened   int // pages asked for within 24 hours, before this scan
	capturing
}

// now is the time, by how long the scan takes: also when the clock is set meanwhile.
func (r *reading) now() time.Time {
	return r.scan.Began.Add(time.Since(r.began)).Truncate(time.Millisecond)
}

// open finds out how the storefront is read.
func (r *reading) open() (err error) {
	r.market, r.storefront, err = r.opts.Markets.Open(r.of)
	if err != nil {
		return err
	}
	r.scan.Evidence.Parser, r.gate = r.market.Parser, r.market.GateOf(r.of.URL)
	r.scan.ByName = r.market.ByName
	if r.reader, err = r.newReader(); err != nil {
		return err
	}
	r.policy = newRobotsPolicy(r.storefront)
	return nil
}

// read reads the list and judges it. An error is a reading that failed.
func (r *reading) read(ctx context.Context) (err error) {
	if err := r.open(); err != nil {
		return err
	}
	if r.opts.DailyPages > 0 && r.opts.Opened != nil {
		if r.opened, err = r.opts.Opened(r.scan.Storefront); err != nil {
			return fmt.Errorf("count the pages of the day: %w", err)
		}
	}
	var pages []market.Listing
	var end ending
	var entry market.Request
	for _, entry = range r.storefront.Entries() {
		pages, end = r.pass(ctx, entry)
		if count(pages) > 0 || end.state == nil || !end.state.Transient && end.state.Name != robotsState {
			break
		}
	}
	c := r.storefront.Assess(pages)
	if end.err == nil && c.Moved {
		first := c
		pages, end = r.pass(ctx, entry)
		c = market.MergePasses(first, r.storefront.Assess(pages))
	}
	return r.judge(pages, c, end)
}

// judge turns what was read into verdict and evidence.
func (r *reading) judge(pages []market.Listing, c market.Completeness, end ending) error {
	s, e := r.scan, &r.scan.Evidence
	listed := count(pages)
	e.Layout, e.Pages, e.Declared = r.layout, listed, c.Declared
	e.Products, e.Duplicates, e.Stop = len(c.Products), len(c.Repeated), end.stop
	e.Warnings = append(e.Warnings, c.Warnings...)
	for i := range pages {
		if pages[i].Seller.ID != "" {
			e.Shop = pages[i].Seller
		}
	}
	switch {
	case end.state != nil && (end.state.Verdict != tracker.Failed || listed == 0):
		s.Verdict = end.state.Verdict
		return errors.New(end.state.Reason)
	case end.err != nil && listed == 0:
		return end.err
	case listed == 0:
		return errors.New(c.Reason)
	case end.err != nil:
		s.Verdict, s.Products = tracker.Partial, c.Products
		return fmt.Errorf("stopped after page %d: %w", e.Pages, end.err)
	}
	s.Products, s.Repeated = c.Products, c.Repeated
	if !c.Complete {
		s.Verdict = tracker.Partial
		return errors.New(c.Reason)
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
func (r *reading) pass(ctx context.Context, entry market.Request) (pages []market.Listing, end ending) {
	r.scan.Evidence.Passes++
	r.done.Products, r.done.Pages = 0, 0
	products, bytes := 0, 0
	for req := entry; ; {
		l, err := r.page(ctx, req, pages)
		if err != nil && req.Witness && ctx.Err() == nil && !fatal(err) {
			l, err = market.Listing{Request: req, Witness: true, Problems: []string{err.Error()}}, nil
		}
		if st := (*stateError)(nil); errors.As(err, &st) {
			return pages, ending{stop: st.state.Name, state: st.state, err: err}
		}
		if err != nil {
			return pages, ending{stop: "error", err: err}
		}
		pages = append(pages, l)
		for i := range l.Products {
			p := &l.Products[i]
			r.requests[p.ID] = req
			bytes += len(p.ID) + len(p.Title) + len(p.URL) + len(p.Image)
		}
		if products += len(l.Products); !l.Witness {
			r.layout = l.Layout
			r.progress(&l)
			if l.Empty && count(pages) == 1 {
				return r.confirmEmpty(ctx, entry, pages)
			}
		}
		next, stop := r.storefront.Next(pages)
		switch {
		case next == nil:
			return pages, ending{stop: stop}
		case len(pages) >= mostPages, products > mostProducts, bytes > mostBytes:
			return pages, ending{stop: "too long", err: fmt.Errorf("the list does not end after %d products; watch categories of the shop instead", products)}
		}
		req = *next
	}
}

// fatal reports whether a scan cannot go on after an error: at a wall, when no
// more pages may be asked for, without a Chrome.
func fatal(err error) bool {
	st := (*stateError)(nil)
	return errors.As(err, &st) && st.state.Verdict.Wall() || errors.Is(err, errCeiling) || errors.Is(err, browser.ErrMissing)
}

// count is the number of listing pages.
func count(pages []market.Listing) (n int) {
	for i := range pages {
		if !pages[i].Witness {
			n++
		}
	}
	return n
}

// confirmEmpty asks for an empty list, the last of the pages, once more: a
// server under load may answer with an empty one, and a second later with a
// filled one.
func (r *reading) confirmEmpty(ctx context.Context, entry market.Request, pages []market.Listing) ([]market.Listing, ending) {
	if err := r.pause(ctx, r.opts.Backoff); err != nil {
		return nil, ending{stop: "interrupted", err: err}
	}
	last := &pages[len(pages)-1]
	again, err := r.page(ctx, last.Request, nil)
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
			last.Problem("the list is empty now and then")
			return pages, ending{stop: "empty now and then"}
		}
		return r.pass(ctx, entry)
	}
	*last = again
	return pages, ending{stop: "no products"}
}

func (r *reading) progress(l *market.Listing) {
	r.done.Storefront = r.scan.Storefront
	r.done.Pages++
	r.done.Declared = tracker.Declared{Pages: l.Pages, Products: l.Total}
	r.done.Products += len(l.Products)
	if r.tell != nil {
		r.tell(r.done)
	}
}
