package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

var (
	// ErrCrashed says that the page took its renderer or its tab with it. The
	// tab is of no more use.
	ErrCrashed = errors.New("the page crashed")
	// ErrFlood says that the page made more or longer requests than any page
	// needs. The tab is of no more use.
	ErrFlood = errors.New("the page makes more noise than any page needs")
	// ErrLost says that Chrome itself ended. Another tab starts another.
	ErrLost = errors.New("chrome ended unexpectedly")
)

// A LoadError is a page that did not come, with the browser's own name for the
// reason, such as net::ERR_CONNECTION_RESET.
type LoadError struct {
	Text   string
	Status int // with which a file was answered; 0 where that is not known
}

func (e *LoadError) Error() string { return e.Text }

// TabOptions say what a tab loads and what it listens for.
type TabOptions struct {
	// Script is installed in every page, in a world of its own: it shares the
	// document with the page but none of its JavaScript, so that a page
	// cannot bend it.
	Script string
	// Heard is the function of the script that is told of the answers to the
	// page's Calls, as objects with url, status, err and bytes. Empty when it
	// has none.
	Heard string
	// Blocked are patterns of addresses that are not loaded, in the syntax of
	// URLPattern: "*://*:*/*.jpg".
	Blocked []string
	// Pictures are such patterns of pictures, for a Chrome that runs
	// elsewhere: our own loads none.
	Pictures []string
	// Home says which hosts are the marketplace's: their documents are opened
	// wherever they are. Those of other hosts are opened only when they are on
	// the public internet. Nil for no such host.
	Home func(host string) bool
	// Calls picks the page's own requests whose answers are of interest.
	Calls func(*url.URL) bool
	// Body says whether the body of such an answer is wanted.
	Body func(u *url.URL, bytes int64) bool
	// Record has the tab remember what Exchanges returns.
	Record bool
}

// A Tab is one page of the browser. It is not safe for concurrent use.
type Tab struct {
	opts    TabOptions
	browser *Browser
	proc    *process
	closed  sync.Once
	ctx     context.Context
	cancel  context.CancelFunc
	frame   cdp.FrameID
	world   runtime.ExecutionContextID // 0: the page has none yet

	ended chan struct{} // closed when the tab is of no more use
	end   sync.Once
	why   error // why it is of no more use; valid when ended is closed

	fetching chan struct{} // held while the body of an answer is on its way

	tell sync.Mutex // held while the page's script is installed or told of a call; taken before mu

	mu        sync.Mutex // never held while the browser is asked: listen needs it
	doc       Document
	calls     []Call                      // their bodies only until they are taken
	held      int                         // bytes of those bodies
	asked     map[network.RequestID]*Call // answers under way
	counted   int                         // calls since the page was opened
	noise     int                         // bytes of what Chrome has told of since
	loaded    int                         // bytes of what the page has loaded since
	fresh     map[string]bool             // addresses of calls that the server has answered since
	exchanges exchanges
	turn      int // counts openings: answers to an earlier one are dropped

	refused *refusal // of the page that was opened last

	used   context.Context // done when the tab is about to close
	unused context.CancelFunc
}

// Tab opens an empty page.
func (b *Browser) Tab(ctx context.Context, o TabOptions) (*Tab, error) {
	p, err := b.use(ctx)
	if err != nil {
		return nil, err
	}
	t := &Tab{opts: o, browser: b, proc: p, ended: make(chan struct{}), fetching: make(chan struct{}, 1), asked: map[network.RequestID]*Call{}, fresh: map[string]bool{}, refused: newRefusal()}
	t.exchanges.reset()
	var opts []chromedp.ContextOption
	if p.remote {
		opts = append(opts, chromedp.WithNewBrowserContext()) // nothing is left with its owner
	} else if blank := p.blank(ctx); blank != "" {
		opts = append(opts, chromedp.WithTargetID(blank))
	}
	t.ctx, t.cancel = chromedp.NewContext(p.ctx, opts...)
	t.used, t.unused = context.WithCancel(t.ctx)
	opened := make(chan error, 1)
	go func() { opened <- t.open() }()
	select {
	case err = <-opened:
	case <-time.After(startTimeout):
		err = fmt.Errorf("no tab after %s", startTimeout)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		err = t.clear(ctx)
	}
	if err != nil {
		t.cancel()
		b.release(p)
		return nil, fmt.Errorf("open a tab: %w", explain(ctx, err))
	}
	return t, nil
}

// blank returns the empty tab with which the headless shell starts, once:
// another beside it would cost a renderer for nothing. A full Chrome keeps its
// own: when its last window closes, it deletes session cookies.
func (p *process) blank(ctx context.Context) (id target.ID) {
	p.first.Do(func() {
		if !p.shell {
			return
		}
		select {
		case id = <-p.blanks:
		case <-time.After(3 * time.Second): // there is none
		case <-ctx.Done():
		}
	})
	return id
}

// open makes the tab and keeps from loading what is not wanted.
func (t *Tab) open() error {
	if err := chromedp.Do(t.ctx); err != nil {
		return err
	}
	c := chromedp.FromContext(t.ctx)
	t.frame = cdp.FrameID(c.Target.TargetID)
	if t.proc.remote {
		if err := denyDownloads(t.ctx, c.Browser, c.BrowserContextID); err != nil {
			return err
		}
	}
	if err := chromedp.Listen(t.ctx, t.listen); err != nil {
		return err
	}
	blocked := network.SetBlockedURLsParams{}
	no := append(internal[:len(internal):len(internal)], t.opts.Blocked...)
	if t.proc.remote {
		no = append(no, t.opts.Pictures...)
	}
	if t.proc.proxy.host != "" {
		no = append(no, t.proc.proxy.pattern()) // the way out is no page
	}
	for _, p := range no {
		blocked.URLPatterns = append(blocked.URLPatterns, &network.BlockPattern{URLPattern: p, Block: true})
	}
	return errors.Join(
		t.quieten(c.Target),
		call(t.ctx, c.Target, network.Enable, network.EnableParams{
			MaxTotalBufferSize: new(int64(4 << 20)), MaxResourceBufferSize: new(int64(4 << 20)),
			MaxPostDataSize: new(int64(1)), // 0 would be any
		}),
		call(t.ctx, c.Target, network.SetBlockedURLs, blocked),
		// A worker that a page has left behind answers in the server's place.
		call(t.ctx, c.Target, network.SetBypassServiceWorker, network.SetBypassServiceWorkerParams{Bypass: true}),
		t.guard(t.ctx, c.Target),
	)
}

// quieten ends what Chrome tells of a page and nobody here listens to. Each
// message costs time, and a page has it in hand how long many of them are: what
// a script says, how it fails, the names of frames, the words of dialogs.
func (t *Tab) quieten(s cdp.Session) error {
	errs := []error{
		call(t.ctx, s, css.Disable, cdp.Empty{}),
		call(t.ctx, s, dom.Disable, cdp.Empty{}),
		call(t.ctx, s, log.Disable, cdp.Empty{}),
		call(t.ctx, s, runtime.Disable, cdp.Empty{}),
		call(t.ctx, s, target.SetDiscoverTargets, target.SetDiscoverTargetsParams{}),
		call(t.ctx, s, target.SetAutoAttach, target.SetAutoAttachParams{Flatten: new(true)}),
	}
	if t.proc.shell {
		return errors.Join(append(errs, call(t.ctx, s, page.Disable, cdp.Empty{}))...) // it declines dialogs by itself
	}
	// A full Chrome waits for an answer to a dialog. The answer of prompt is
	// known, and its default text alone would not be cut.
	_, err := cdp.Call(t.ctx, s, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "window.prompt = () => null"})
	return errors.Join(append(errs, err, call(t.ctx, s, page.SetLifecycleEventsEnabled, page.SetLifecycleEventsEnabledParams{}))...)
}

func call[P, R any](ctx context.Context, s cdp.Session, c cdp.Command[P, R], p P) error {
	_, err := cdp.Call(ctx, s, c, p)
	return err
}

// Close closes the tab, also one that hangs. Closing it again does nothing.
func (t *Tab) Close() {
	t.closed.Do(func() {
		ctx, cancel := context.WithTimeout(t.ctx, 3*time.Second)
		defer cancel()
		t.leave(ctx)
		// A page that hangs is cleared away by the next tab, and a tab that is
		// gone already is as good as closed.
		_ = t.clearUp(ctx)
		_ = chromedp.Cancel(ctx)
		t.cancel()
		t.browser.release(t.proc)
	})
}

// fail gives the tab up.
func (t *Tab) fail(err error) {
	t.end.Do(func() {
		t.why = err
		close(t.ended)
	})
}

// ask runs f beside what else the tab does, for some seconds at most. Its
// failure shows in what the page does next.
func (t *Tab) ask(f func(context.Context, cdp.Session) error) {
	ctx, cancel := context.WithTimeout(t.ctx, 5*time.Second)
	defer cancel()
	_ = f(ctx, chromedp.FromContext(t.ctx).Target)
}

// within runs f until ctx ends, the page crashes or Chrome is lost, and says
// which.
func (t *Tab) within(ctx context.Context, f func(context.Context, cdp.Session) error) error {
	c, cancel := context.WithCancel(t.ctx)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-t.ended:
			cancel()
		case <-done:
		}
	}()
	err := f(c, chromedp.FromContext(t.ctx).Target)
	if err == nil {
		return nil
	}
	select {
	case <-t.proc.lost:
		return ErrLost
	default:
	}
	select {
	case <-t.ended:
		return t.why
	default:
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if t.ctx.Err() != nil || errors.Is(err, chromedp.ErrTargetDetached) {
		return ErrCrashed
	}
	return err
}

// Open goes to an address and returns when the answer begins to arrive. What
// the page then shows is Wait's matter. Its error is a *LoadError when the
// browser could not load the address.
func (t *Tab) Open(ctx context.Context, address string) error {
	t.mu.Lock()
	t.doc, t.calls, t.world = Document{}, nil, 0
	t.refused = newRefusal()
	t.held, t.counted, t.noise, t.loaded = 0, 0, 0, 0
	clear(t.asked)
	clear(t.fresh)
	t.exchanges.reset()
	t.turn++
	t.mu.Unlock()
	return t.onPage(ctx, func(ctx context.Context, s cdp.Session) error {
		res, err := cdp.Call(ctx, s, page.Navigate, page.NavigateParams{URL: address})
		if err != nil {
			return err
		}
		if res.IsDownload {
			return &LoadError{Text: "the address is a download"}
		}
		if res.ErrorText != "" {
			return &LoadError{Text: res.ErrorText}
		}
		return nil
	})
}

// IgnoreCache has the server asked for everything from now on, whatever Chrome
// has kept.
func (t *Tab) IgnoreCache(ctx context.Context) error {
	return t.within(ctx, func(ctx context.Context, s cdp.Session) error {
		return call(ctx, s, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	})
}

// Sweep gives back the memory of what the page showed before, which takes some
// milliseconds.
func (t *Tab) Sweep(ctx context.Context) error {
	return t.within(ctx, func(ctx context.Context, s cdp.Session) error {
		return call(ctx, s, heapprofiler.CollectGarbage, cdp.Empty{})
	})
}
