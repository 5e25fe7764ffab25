package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
)

// A Reader brings the pages of a storefront: a tab of the browser, or plain
// HTTP.
type Reader interface {
	// Read brings a page. An error is a page that did not come.
	Read(context.Context, market.Request) (*market.Answer, error)
	// Fetch loads a picture of at most so many bytes.
	Fetch(ctx context.Context, address string, most int) ([]byte, error)
	// Uncached has the marketplace itself asked for everything from now on.
	// It reports false when that is so already.
	Uncached() bool
	// Close gives up what is open. A later Read opens it anew.
	Close()
}

// newReader returns what brings the pages of the storefront.
func (r *reading) newReader() (Reader, error) {
	switch r.storefront.Transport() {
	case market.InTab:
		if r.opts.Browser == nil || r.market.Tab == nil {
			return nil, fmt.Errorf("%s is read in a browser, and there is none", r.market.Title)
		}
		return &tabReader{browser: r.opts.Browser, market: r.market, home: r.storefront.Home, timeout: r.opts.PageTimeout, record: r.opts.Archive != nil}, nil
	case market.OverHTTP:
		if r.opts.HTTP == nil {
			return nil, fmt.Errorf("%s is read over HTTP, and there is no client for it", r.market.Title)
		}
		return &httpReader{client: r.opts.HTTP, storefront: r.storefront, follow: r.mayFollow}, nil
	}
	return nil, fmt.Errorf("%s is read in a way that shopwatch does not know", r.market.Title)
}

// tabPages is how many pages a tab shows before it is replaced: V8 collects
// late, and a fresh tab keeps the memory of Chrome flat.
const tabPages = 50

// sweptPages is after how many page turns Chrome is to give back the memory of
// the lists before: by itself it lets some 4 MB a page lie for a while. A sweep
// costs as much of the processor as a page.
const sweptPages = 6

// A tabReader shows pages in a tab of the browser.
type tabReader struct {
	browser *browser.Browser
	market  *market.Market
	home    func(host string) bool // see market.Storefront.Home
	timeout time.Duration          // of a page whose context has no deadline
	record  bool                   // what is answered may be captured

	tab   *browser.Tab   // nil when there is none, or when it is of no more use
	shown int            // pages that the tab has shown
	calls []*market.Call // answered since the tab's page was opened
	// uncached is set when Chrome's cache has answered in the marketplace's
	// place: it is out of use from then on.
	uncached bool
}

// Close closes the tab.
func (t *tabReader) Close() {
	if t.tab != nil {
		t.tab.Close()
		t.tab = nil
	}
}

// Uncached puts Chrome's cache out of use.
func (t *tabReader) Uncached() bool {
	was := t.uncached
	t.uncached = true
	return !was
}

// Read turns to a page where that is possible, else opens its address, and waits
// until it is worth reading.
func (t *tabReader) Read(ctx context.Context, req market.Request) (*market.Answer, error) {
	if err := t.reach(ctx, req); err != nil {
		return nil, err
	}
	left := t.timeout
	if end, ok := ctx.Deadline(); ok {
		left = time.Until(end)
	}
	// The page's own clock ends first, so that what is there can be judged.
	ms := max(left-min(left/10, time.Second), 50*time.Millisecond).Milliseconds()
	var body json.RawMessage
	if err := t.tab.Wait(ctx, fmt.Sprintf("(ms => %s)(%d)", req.Wait, ms), &body); err != nil {
		return nil, err
	}
	calls := t.tab.Calls(len(t.calls))
	if err := t.fresh(calls); err != nil {
		return nil, err
	}
	for _, c := range calls {
		t.calls = append(t.calls, &market.Call{URL: c.URL, Status: c.Status, Err: c.Err, Body: c.Body})
	}
	doc := t.tab.Document()
	return &market.Answer{Request: req, URL: doc.URL, Status: doc.Status, Body: body, Calls: t.calls}, nil
}

// reach brings a page to the screen.
func (t *tabReader) reach(ctx context.Context, req market.Request) error {
	turn := req.Turn != "" && t.tab != nil && (req.Keep || t.shown < tabPages)
	switch {
	case req.URL == "" && t.tab == nil:
		return errors.New("the page is not open any more")
	case req.URL == "" && req.Turn == "":
		return nil
	case req.URL != "" && !turn:
		return t.open(ctx, req.URL)
	}
	if req.URL != "" && !req.Keep && t.shown%sweptPages == 0 {
		if err := t.tab.Sweep(ctx); err != nil {
			return err
		}
	}
	if req.URL != "" && !req.Keep {
		t.tab.Turning()
	}
	var turned bool
	if err := t.tab.Wait(ctx, req.Turn, &turned); err != nil {
		return err
	}
	if req.URL == "" {
		return nil
	}
	if !req.Keep {
		t.shown++
	}
	if !turned {
		return t.open(ctx, req.URL)
	}
	return nil
}

// open loads an address in a tab, a new one when there is none or when the old
// one has shown enough.
func (t *tabReader) open(ctx context.Context, address string) error {
	if t.tab != nil && t.shown >= tabPages {
		t.Close()
	}
	if t.tab == nil {
		m := t.market.Tab
		tab, err := t.browser.Tab(ctx, browser.TabOptions{
			Script: m.Script, Heard: m.Heard, Blocked: m.Blocked, Pictures: m.Pictures, Home: t.home, Calls: m.Calls, Body: m.Body, Record: t.record,
		})
		if err != nil {
			return err
		}
		t.tab, t.shown = tab, 0
	}
	if t.uncached {
		if err := t.tab.IgnoreCache(ctx); err != nil {
			return err
		}
	}
	t.shown++
	t.calls = nil
	return t.tab.Open(ctx, address)
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

// fresh returns a staleError when what the tab shows did not come from the
// marketplace.
func (t *tabReader) fresh(calls []browser.Call) error {
	doc := t.tab.Document()
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

// Fetch loads a picture with the session of the page.
func (t *tabReader) Fetch(ctx context.Context, address string, most int) ([]byte, error) {
	if t.tab == nil {
		return nil, errors.New("no page is open")
	}
	return t.tab.Fetch(ctx, address, most)
}

// Find evaluates an expression whose value is a place in the page, or null.
func (t *tabReader) Find(ctx context.Context, expression string) (at *browser.Rect, err error) {
	if t.tab == nil {
		return nil, errors.New("no page is open")
	}
	err = t.tab.Wait(ctx, expression, &at)
	return at, err
}

// Picture returns what the tab shows, or an enlarged part of the page; see
// browser.Tab.Picture.
func (t *tabReader) Picture(ctx context.Context, quality int, part *browser.Rect, scale float64) ([]byte, error) {
	if t.tab == nil {
		return nil, errors.New("no page is open")
	}
	return t.tab.Picture(ctx, quality, part, scale)
}
