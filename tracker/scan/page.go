package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shopwatch/tracker/browser"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
)

// A stateError is a page in a state other than showing a list.
type stateError struct{ state *market.State }

func (e *stateError) Error() string { return e.state.Reason }

// page reads a listing page, by turning to it when the page before is shown,
// and tries again what may pass: also a page that repeats one before it. A page
// that shows a list which proves nothing is returned as it is after the last
// try.
func (r *reading) page(ctx context.Context, req market.Request, before []market.Listing) (market.Listing, error) {
	r.at = req.Page
	try := req
	for tries := 0; ; tries++ {
		l, err := r.once(ctx, try)
		l.Request, l.Witness = req, l.Witness || req.Witness
		l.Repeats(before)
		wait := r.askedToWait(err)
		switch st := (*stateError)(nil); {
		case ctx.Err() != nil:
			return l, fmt.Errorf("interrupted: %w", ctx.Err())
		case err == nil && len(l.Problems) == 0:
			return l, nil
		case errors.As(err, &st) && !st.state.Transient, errors.Is(err, browser.ErrMissing), errors.Is(err, browser.ErrRoot), errors.Is(err, errCeiling):
			return l, err
		case tries >= r.opts.Retries, wait > r.opts.PageTimeout:
			return l, err
		}
		r.opts.Log.Debug("page tried again", "storefront", r.scan.Storefront, "page", req.Page, "err", err, "problems", l.Problems)
		r.scan.Evidence.Retries++
		try.Turn = ""
		if err := r.pause(ctx, max(r.opts.Backoff<<tries, wait)); err != nil {
			return l, fmt.Errorf("interrupted: %w", err)
		}
	}
}

// askedToWait returns how long the marketplace asks to be left alone before the
// next request, and notes it for the scans to come.
func (r *reading) askedToWait(err error) time.Duration {
	st := (*stateError)(nil)
	if !errors.As(err, &st) {
		return 0
	}
	if asked := int(st.state.Wait / time.Second); asked > r.scan.Evidence.RetryAfter {
		r.scan.Evidence.RetryAfter = asked
	}
	return st.state.Wait
}

// once asks for a listing page once, or twice when it was not the marketplace
// that answered.
func (r *reading) once(ctx context.Context, req market.Request) (market.Listing, error) {
	for {
		if err := r.ask(ctx, req.URL); err != nil {
			return market.Listing{}, err
		}
		reading, err := r.readList(ctx, req)
		again, err := r.askFirst(ctx, err)
		switch {
		case again:
			continue
		case r.again(err):
			req.Turn = ""
			continue
		case err != nil:
			return market.Listing{}, err
		case reading.State != nil:
			return market.Listing{}, &stateError{reading.State}
		}
		return reading.Listing, nil
	}
}

// readList brings a listing page and reads it, within the time that a page has.
func (r *reading) readList(ctx context.Context, req market.Request) (market.Reading, error) {
	r.answers = nil
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, r.opts.PageTimeout)
	defer cancel()
	for {
		a, err := r.reader.Read(ctx, req)
		if err != nil {
			return market.Reading{}, r.failed(err)
		}
		r.noteAnswer(whole, a)
		reading, err := r.storefront.Read(a)
		if err != nil {
			return market.Reading{}, r.failed(err)
		}
		if reading.More == nil {
			return reading, nil
		}
		req = *reading.More
	}
}

// errCeiling says that no more pages may be asked for today.
var errCeiling = errors.New("enough for today")

// ask waits until a page may be asked of the marketplace.
func (r *reading) ask(ctx context.Context, address string) error {
	if err := r.askRobots(ctx, address); err != nil {
		return err
	}
	err := r.turn(ctx)
	if r.policy != nil {
		r.policy.last = time.Now()
	}
	return err
}

// turn waits until it is the scan's turn to ask for one more page.
func (r *reading) turn(ctx context.Context) error {
	if most := r.opts.DailyPages; most > 0 && r.opened+r.scan.Evidence.Opened >= most {
		return fmt.Errorf("%w: %d pages were asked for within 24 hours; raise browser.daily_pages or scan less often", errCeiling, most)
	}
	if r.opts.Pace != nil {
		r.came()
		came, err := r.opts.Pace(ctx, r.gate)
		if err != nil {
			return err
		}
		r.came = came
	}
	r.scan.Evidence.Opened++
	return nil
}

// again reports whether a page is to be asked for once more because of an
// error: one that was not answered by the marketplace is, past what answered in
// its place, which is then told in the evidence.
func (r *reading) again(err error) bool {
	var stale *staleError
	if !errors.As(err, &stale) || !r.reader.Uncached() {
		return false
	}
	r.scan.Evidence.Warnings = append(r.scan.Evidence.Warnings, stale.Error()+"; it was asked for again without Chrome's cache")
	return true
}

// failed gives up what brought a page that failed, and says what happened in the
// words of the page's address.
func (r *reading) failed(err error) error {
	if load := (*browser.LoadError)(nil); errors.As(err, &load) {
		return fmt.Errorf("the page did not load: %s", load.Text)
	}
	if refused := (*fetch.RefusedError)(nil); errors.As(err, &refused) {
		return fmt.Errorf("the page did not load: %s", refused.Text)
	}
	if !errors.Is(err, context.Canceled) {
		r.salvage()
	}
	r.reader.Close() // it may hang or be gone
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the page was not ready after %s", r.opts.PageTimeout)
	}
	return err
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
