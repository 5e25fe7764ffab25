package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
)

// A stateError is a page in a state other than showing a list.
type stateError struct{ state *market.State }

func (e *stateError) Error() string { return e.state.Reason }

// page reads listing page n, by turning to it when the page before is shown,
// and tries again what may pass: also a page that repeats one before it. A page
// that shows a list which proves nothing is returned as it is after the last
// try.
func (r *reading) page(ctx context.Context, listing string, n int, before []market.Listing) (market.Listing, error) {
	turn := n > 1
	for try := 0; ; try++ {
		l, err := r.once(ctx, listing, n, turn)
		l.Repeats(before)
		switch st := (*stateError)(nil); {
		case ctx.Err() != nil:
			return l, fmt.Errorf("interrupted: %w", ctx.Err())
		case err == nil && len(l.Problems) == 0:
			return l, nil
		case errors.As(err, &st) && !st.state.Passing, errors.Is(err, browser.ErrMissing), errors.Is(err, errCeiling):
			return l, err
		case try >= r.opts.Retries:
			return l, err
		}
		r.opts.Log.Debug("page tried again", "storefront", r.scan.Storefront, "page", n, "err", err, "problems", l.Problems)
		r.scan.Evidence.Retries++
		turn = false
		if err := r.pause(ctx, r.opts.Backoff<<try); err != nil {
			return l, fmt.Errorf("interrupted: %w", err)
		}
	}
}

// once asks for a listing page once, or twice when it was not the marketplace
// that answered.
func (r *reading) once(ctx context.Context, listing string, n int, turn bool) (market.Listing, error) {
	if turn && (r.tab == nil || r.shown >= tabPages && r.layout != "react") {
		turn = false
	}
	for {
		if err := r.ask(ctx); err != nil {
			return market.Listing{}, err
		}
		p, err := r.inTime(ctx, func(ctx context.Context) (*market.Page, error) { return r.reach(ctx, listing, n, turn) })
		if r.again(err) {
			turn = false
			continue
		}
		if err != nil {
			return market.Listing{}, err
		}
		if st := r.market.State(p); st != nil {
			return market.Listing{}, &stateError{st}
		}
		return r.market.Parse(p), nil
	}
}

// inTime looks at a page within the time that a page has.
func (r *reading) inTime(ctx context.Context, look func(context.Context) (*market.Page, error)) (*market.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.PageTimeout)
	defer cancel()
	p, err := look(ctx)
	if err != nil {
		return nil, r.failed(err)
	}
	return p, nil
}

// errCeiling says that no more pages may be asked for today.
var errCeiling = errors.New("enough for today")

// ask waits until one more page may be asked of the marketplace.
func (r *reading) ask(ctx context.Context) error {
	if most := r.opts.DailyPages; most > 0 && r.opened+r.scan.Evidence.Opened >= most {
		return fmt.Errorf("%w: %d pages were asked for within 24 hours; raise browser.daily_pages or scan less often", errCeiling, most)
	}
	if r.opts.Pace != nil {
		if err := r.opts.Pace(ctx, r.market.Name); err != nil {
			return err
		}
	}
	r.scan.Evidence.Opened++
	return nil
}

// A staleError is a page of which a part was not answered by the marketplace:
// it says nothing of today.
type staleError struct {
	part string // "the page", "a list"
	from string // "the disk cache", "a service worker"
}

func (e *staleError) Error() string {
	return fmt.Sprintf("%s came from %s and not from the marketplace", e.part, e.from)
}

// again reports whether a page is to be asked for once more because of an
// error: one that was not answered by the marketplace is, with Chrome's cache
// out of use for the rest of the scan, which is then told in the evidence.
func (r *reading) again(err error) bool {
	var stale *staleError
	if !errors.As(err, &stale) || r.uncached {
		return false
	}
	r.uncached = true
	r.scan.Evidence.Warnings = append(r.scan.Evidence.Warnings, stale.Error()+"; it was asked for again without Chrome's cache")
	return true
}

// fresh returns a staleError when what the tab shows did not come from the
// marketplace.
func (r *reading) fresh(calls []browser.Call) error {
	doc := r.tab.Document()
	switch {
	case doc.Stale != "":
		return &staleError{"the page", doc.Stale}
	case doc.URL == "":
		return &staleError{"the page", "nowhere"}
	}
	for _, c := range calls {
		if c.Stale != "" {
			return &staleError{"a list", c.Stale}
		}
	}
	return nil
}

// failed gives up a tab that is of no more use and says what happened in the
// words of the page's address.
func (r *reading) failed(err error) error {
	if load := (*browser.LoadError)(nil); errors.As(err, &load) {
		return fmt.Errorf("the page did not load: %s", load.Text)
	}
	r.close() // it may hang or be gone
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the page was not ready after %s", r.opts.PageTimeout)
	}
	return err
}

// reach brings listing page n to the screen and looks at it.
func (r *reading) reach(ctx context.Context, listing string, n int, turn bool) (*market.Page, error) {
	if !turn {
		address := r.address.Page(listing, n)
		if r.layout == "react" {
			address = listing
		}
		if err := r.open(ctx, address); err != nil {
			return nil, err
		}
		if r.layout == "react" && n > 1 {
			return r.scrollTo(ctx, n)
		}
		return r.look(ctx, n)
	}
	if r.layout == "react" {
		return r.scrollTo(ctx, n)
	}
	if r.shown%sweptPages == 0 {
		if err := r.tab.Sweep(ctx); err != nil {
			return nil, err
		}
	}
	var clicked bool
	if err := r.tab.Wait(ctx, fmt.Sprintf("shopwatch.turn(%d)", n), &clicked); err != nil {
		return nil, err
	}
	r.shown++
	if !clicked {
		if err := r.open(ctx, r.address.Page(listing, n)); err != nil {
			return nil, err
		}
	}
	return r.look(ctx, n)
}

// scrollTo scrolls a React shelf until page n was answered.
func (r *reading) scrollTo(ctx context.Context, n int) (*market.Page, error) {
	for {
		p, err := r.look(ctx, n)
		if err != nil || p.Answered() || r.market.State(p) != nil && p.Wall != "" {
			return p, err
		}
		if err := r.tab.Wait(ctx, "shopwatch.scroll()", nil); err != nil {
			return nil, err
		}
		p, err = r.await(ctx, "list", len(r.calls)+1, n, "")
		if err != nil || p.Answered() || p.Why == "time" || r.market.State(p) != nil {
			return p, err
		}
	}
}

// open loads an address in a tab, a new one when there is none or when the old
// one has shown enough.
func (r *reading) open(ctx context.Context, address string) error {
	if r.tab != nil && r.shown >= tabPages {
		r.close()
	}
	if r.tab == nil {
		t, err := r.opts.Browser.Tab(ctx, browser.TabOptions{
			Script: r.market.Script, Blocked: r.market.Blocked, Pictures: r.market.Pictures, Calls: r.market.Calls, Body: r.market.Body,
		})
		if err != nil {
			return err
		}
		r.tab, r.shown = t, 0
	}
	if r.uncached {
		if err := r.tab.IgnoreCache(ctx); err != nil {
			return err
		}
	}
	r.shown++
	r.calls = nil
	return r.tab.Open(ctx, address)
}

// look waits until listing page n is worth a look, and takes it.
func (r *reading) look(ctx context.Context, n int) (*market.Page, error) {
	for calls := 1; ; {
		want := n
		if r.layout == "react" {
			want = calls
		}
		p, err := r.await(ctx, "list", want, n, "")
		if err != nil {
			return nil, err
		}
		// A React shelf is ready when the wanted page was answered; its first
		// call may bring the shop only.
		if p.React != nil && p.List == nil && n == 1 && p.Why == "answers" && !p.Answered() && r.market.State(p).Fleeting() {
			calls = len(r.calls) + 1
			r.layout = "react"
			continue
		}
		return p, nil
	}
}

// await calls the market's wait function and completes what it saw with what
// came over the network.
func (r *reading) await(ctx context.Context, kind string, want, page int, asked tracker.ProductID) (*market.Page, error) {
	left := r.opts.PageTimeout
	if end, ok := ctx.Deadline(); ok {
		left = time.Until(end)
	}
	// The page's own clock ends first, so that what is there can be judged.
	ms := max(left-min(left/10, time.Second), 50*time.Millisecond).Milliseconds()
	var raw json.RawMessage
	if err := r.tab.Wait(ctx, fmt.Sprintf("shopwatch.wait(%q, %d, %d)", kind, want, ms), &raw); err != nil {
		return nil, err
	}
	p, err := market.Decode(raw)
	if err != nil {
		return nil, err
	}
	calls := r.tab.Calls(len(r.calls))
	if err := r.fresh(calls); err != nil {
		return nil, err
	}
	p.Status, p.Wanted, p.Asked = r.tab.Document().Status, page, asked
	for _, c := range calls {
		r.calls = append(r.calls, market.NewCall(c.URL, c.Status, c.Err, c.Body))
	}
	p.Calls = r.calls
	return p, nil
}
