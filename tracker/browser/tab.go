package browser

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/io"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/storage"
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

// A Call is the answer to a request that the page made by itself.
type Call struct {
	URL    string
	Status int    // HTTP; 0 when no answer came
	Err    string // why none came
	Body   []byte // when it was wanted
	Bytes  int64  // on the wire
	Stale  string // what answered in the server's place; empty for the server
}

// A Document is what the main frame was answered.
type Document struct {
	URL    string // after redirects of the server
	Status int    // HTTP
	Stale  string // what answered in the server's place; empty for the server
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

// What a page may ask for after one opening. The longest shelf that is read by
// scrolling makes a few hundred calls.
const (
	mostCalls = 2500
	mostHeld  = 32 << 20 // bytes of answers that nobody has taken yet
	mostNoise = 64 << 20 // bytes of addresses, headers and names that Chrome tells of
	// Bytes that it loads. A tab turns some fifty pages after one opening.
	mostLoaded = 256 << 20
)

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

// left is what pages leave in a profile, without cookies, which are a login.
const left = "cache_storage,file_systems,indexeddb,local_storage,service_workers,interest_groups,shared_storage,storage_buckets"

// clear deletes what pages of any site have left in the profile: workers would
// answer for them, and the rest would fill the disk. Beside another tab, whose
// page may be at work with it, nothing is deleted; that tab will.
func (t *Tab) clear(ctx context.Context) error {
	t.browser.mu.Lock()
	others, full := t.proc.open > 1, t.proc.cached > mostCache
	t.browser.mu.Unlock()
	if others || t.proc.remote { // which is opened in a context that is thrown away
		return nil
	}
	err := t.within(ctx, func(ctx context.Context, s cdp.Session) error {
		err := call(ctx, s, storage.ClearDataForOrigin, storage.ClearDataForOriginParams{Origin: "*", StorageTypes: left})
		if full && err == nil {
			err = call(ctx, s, network.ClearBrowserCache, cdp.Empty{})
		}
		return err
	})
	if full && err == nil {
		t.browser.mu.Lock()
		t.proc.cached = 0
		t.browser.mu.Unlock()
	}
	return err
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

// internal are addresses of this machine, with which no storefront has any
// business, for a Chrome that runs elsewhere: ours knows none of them
// (resolverRules). The patterns know no part of a number.
var internal = []string{
	"*://localhost:*/*", "*://*.localhost:*/*", "*://127.0.0.1:*/*", "*://0.0.0.0:*/*", "file:///*",
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

// clearUp deletes what the page has left.
func (t *Tab) clearUp(ctx context.Context) error {
	select {
	case <-t.ended:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return t.clear(ctx)
}

// listen runs within the reader of the tab's messages: it must be quick and
// must not ask the browser anything.
func (t *Tab) listen(ev any) {
	switch e := ev.(type) {
	case *fetch.EventRequestPaused:
		go t.paused(e)
	case *fetch.EventAuthRequired:
		go t.answerProxy(e)
	case *inspector.EventTargetCrashed, *inspector.EventDetached:
		t.fail(ErrCrashed)
	case *page.EventJavascriptDialogOpening:
		// Leaving a page is agreed to, everything else is declined.
		go t.ask(func(ctx context.Context, s cdp.Session) error {
			return call(ctx, s, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: e.Type == page.DialogTypeBeforeunload})
		})
	case *network.EventRequestWillBeSent:
		t.requested(e)
	case *network.EventRequestServedFromCache:
		t.mu.Lock()
		if c := t.asked[e.RequestID]; c != nil && !t.fresh[c.URL] {
			c.Stale = "the memory cache"
		}
		t.mu.Unlock()
	case *network.EventResponseReceived:
		if !t.arrived(e) {
			return
		}
		t.mu.Lock()
		t.countReceived(len(e.Response.URL) + lengthOf(e.Response.Headers))
		if e.Type == network.ResourceTypeDocument && e.FrameID == t.frame {
			t.received(e.Response)
		}
		t.exchanges.answered(e.RequestID, e.Response)
		if c := t.asked[e.RequestID]; c != nil {
			c.Status, c.Stale = int(e.Response.Status), cmp.Or(c.Stale, stale(e.Response))
		}
		t.mu.Unlock()
	case *page.EventFrameNavigated:
		t.mu.Lock()
		t.countReceived(len(e.Frame.URL) + len(e.Frame.Name))
		t.mu.Unlock()
	case *page.EventNavigatedWithinDocument:
		t.mu.Lock()
		t.countReceived(len(e.URL))
		t.mu.Unlock()
	case *network.EventWebSocketFrameReceived:
		t.mu.Lock()
		t.countReceived(len(e.Response.PayloadData))
		t.mu.Unlock()
	case *network.EventWebSocketFrameSent:
		t.mu.Lock()
		t.countReceived(len(e.Response.PayloadData))
		t.mu.Unlock()
	case *network.EventEventSourceMessageReceived:
		t.mu.Lock()
		t.countReceived(len(e.Data))
		t.mu.Unlock()
	case *network.EventLoadingFinished:
		t.load(int(e.EncodedDataLength))
		t.answered(e.RequestID, "", int64(e.EncodedDataLength))
	case *network.EventLoadingFailed:
		t.answered(e.RequestID, e.ErrorText, 0)
	}
}

// countReceived counts what Chrome tells of the page. The caller holds mu.
func (t *Tab) countReceived(bytes int) {
	if t.noise += bytes; t.noise > mostNoise {
		t.fail(ErrFlood)
	}
}

// load counts what the page has loaded.
func (t *Tab) load(bytes int) {
	t.mu.Lock()
	if t.loaded += bytes; t.loaded > mostLoaded {
		t.fail(ErrFlood)
	}
	t.mu.Unlock()
	t.browser.mu.Lock()
	t.proc.cached += bytes
	t.browser.mu.Unlock()
}

// lengthOf is about how long headers are.
func lengthOf(h network.Headers) (n int) {
	for name, value := range h {
		text, _ := value.(string)
		n += len(name) + len(text)
	}
	return n
}

// fail gives the tab up.
func (t *Tab) fail(err error) {
	t.end.Do(func() {
		t.why = err
		close(t.ended)
	})
}

// requested takes in a request of the page, or a redirect of one.
func (t *Tab) requested(e *network.EventRequestWillBeSent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.countReceived(len(e.Request.URL) + len(e.DocumentURL) + lengthOf(e.Request.Headers))
	if t.opts.Record {
		t.exchanges.requested(e, e.Type == network.ResourceTypeDocument && e.FrameID == t.frame)
	}
	if e.Type == network.ResourceTypeDocument && e.FrameID == t.frame && e.RedirectResponse != nil {
		t.received(e.RedirectResponse)
	}
	if t.opts.Calls == nil {
		return
	}
	if u, err := url.Parse(e.Request.URL); err != nil || !t.opts.Calls(u) {
		return
	}
	if t.counted++; t.counted > mostCalls {
		t.fail(ErrFlood)
		return
	}
	c := &Call{URL: e.Request.URL}
	if e.RedirectResponse != nil {
		c.Stale = stale(e.RedirectResponse)
	}
	t.asked[e.RequestID] = c
}

// received takes in an answer to the main frame: a redirect, a page, or one to
// which a page's script went on. What a stale one led to says nothing of today.
// The caller holds mu.
func (t *Tab) received(r *network.Response) {
	t.doc = Document{URL: r.URL, Status: int(r.Status), Stale: cmp.Or(t.doc.Stale, stale(r))}
}

// stale says what answered in the server's place, "" for the server.
func stale(r *network.Response) string {
	switch {
	case r.FromServiceWorker:
		return "a service worker"
	case r.FromPrefetchCache:
		return "the prefetch cache"
	case r.FromDiskCache:
		return "the disk cache"
	}
	return ""
}

// answered takes in the end of a request and tells the page's script of it.
func (t *Tab) answered(id network.RequestID, failure string, bytes int64) {
	t.mu.Lock()
	t.exchanges.over(id, failure)
	c, turn := t.asked[id], t.turn
	delete(t.asked, id)
	t.mu.Unlock()
	if c == nil {
		return
	}
	c.Err, c.Bytes = failure, bytes
	u, err := url.Parse(c.URL)
	wanted := err == nil && failure == "" && t.opts.Body != nil && t.opts.Body(u, bytes)
	go t.ask(func(ctx context.Context, s cdp.Session) error {
		if wanted {
			t.fetchBody(ctx, s, id, c)
		}
		t.tell.Lock()
		defer t.tell.Unlock()
		t.mu.Lock()
		stale, world := turn != t.turn, t.world
		if !stale {
			t.fresh[c.URL] = t.fresh[c.URL] || c.Stale == ""
			t.calls = append(t.calls, *c)
			if t.held += len(c.Body); t.held > mostHeld {
				t.fail(ErrFlood)
			}
		}
		t.mu.Unlock()
		if stale || world == 0 || t.opts.Heard == "" {
			return nil // a world yet to come is told when it is made
		}
		return t.heard(ctx, s, world, c)
	})
}

// fetchBody gets the body of an answer, one after another.
func (t *Tab) fetchBody(ctx context.Context, s cdp.Session, id network.RequestID, c *Call) {
	select {
	case t.fetching <- struct{}{}:
		defer func() { <-t.fetching }()
	case <-ctx.Done():
		c.Err = "its body was lost: " + ctx.Err().Error()
		return
	}
	res, err := cdp.Call(ctx, s, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id})
	if err != nil {
		c.Err = "its body was lost: " + err.Error()
	}
	c.Body = []byte(res.Body)
}

// heard tells the page's script of a call.
func (t *Tab) heard(ctx context.Context, s cdp.Session, world runtime.ExecutionContextID, c *Call) error {
	return call(ctx, s, runtime.Evaluate, runtime.EvaluateParams{
		Expression: t.opts.Heard + "(" + c.note() + ")", ContextID: world, Silent: new(true),
	})
}

// note is what the page's script is told of a call.
func (c *Call) note() string {
	b, err := json.Marshal(struct {
		URL    string `json:"url"`
		Status int    `json:"status"`
		Err    string `json:"err"`
		Bytes  int64  `json:"bytes"`
	}{c.URL, c.Status, c.Err, c.Bytes})
	if err != nil {
		return "null"
	}
	return string(b)
}

// ask runs f beside what else the tab does, for some seconds at most. Its
// failure shows in what the page does next.
func (t *Tab) ask(f func(context.Context, cdp.Session) error) {
	ctx, cancel := context.WithTimeout(t.ctx, 5*time.Second)
	defer cancel()
	_ = f(ctx, chromedp.FromContext(t.ctx).Target)
}

// Document returns what the main frame was answered last.
func (t *Tab) Document() Document {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.doc
}

// Calls returns the answers to the page's own requests since it was opened,
// but for the first so many. Their bodies are given away: the tab has them no
// more.
func (t *Tab) Calls(but int) []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	more := t.calls[min(but, len(t.calls)):]
	calls := slices.Clone(more)
	for i := range more {
		t.held -= len(more[i].Body)
		more[i].Body = nil
	}
	return calls
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

// Wait evaluates a call of the page's script, waits for the promise that it
// returns and decodes its value into out. When
// the page goes elsewhere meanwhile, the call is made again there.
func (t *Tab) Wait(ctx context.Context, expression string, out any) error {
	for {
		err := t.onPage(ctx, func(ctx context.Context, s cdp.Session) error {
			return t.evaluate(ctx, s, expression, out)
		})
		if !navigated(err) {
			return err
		}
		t.mu.Lock()
		t.world = 0
		t.mu.Unlock()
	}
}

// navigated reports whether an evaluation failed because its page went away.
func navigated(err error) bool {
	if err == nil || errors.Is(err, ErrCrashed) || errors.Is(err, ErrLost) {
		return false
	}
	for _, s := range []string{"Cannot find context", "context was destroyed", "navigated or closed", "No frame for given id", "Promise was collected"} {
		if strings.Contains(err.Error(), s) {
			return true
		}
	}
	return false
}

func (t *Tab) evaluate(ctx context.Context, s cdp.Session, expression string, out any) error {
	world, err := t.install(ctx, s)
	if err != nil {
		return err
	}
	res, err := cdp.Call(ctx, s, runtime.Evaluate, runtime.EvaluateParams{
		Expression: expression, ContextID: world,
		ReturnByValue: new(true), AwaitPromise: new(true), Silent: new(true),
	})
	if err != nil {
		return err
	}
	if x := res.ExceptionDetails; x != nil {
		return fmt.Errorf("page script: %s", exception(x))
	}
	if out == nil || res.Result == nil {
		return nil
	}
	return json.Unmarshal(res.Result.Value, out)
}

func exception(x *runtime.ExceptionDetails) string {
	if x.Exception != nil && x.Exception.Description != "" {
		return x.Exception.Description
	}
	return x.Text
}

// install puts the script into a world of its own in the present page, once.
func (t *Tab) install(ctx context.Context, s cdp.Session) (runtime.ExecutionContextID, error) {
	t.mu.Lock()
	world := t.world
	t.mu.Unlock()
	if world != 0 {
		return world, nil
	}
	res, err := cdp.Call(ctx, s, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: t.frame, WorldName: "shopwatch"})
	if err != nil {
		return 0, err
	}
	world = res.ExecutionContextID
	script, err := cdp.Call(ctx, s, runtime.Evaluate, runtime.EvaluateParams{
		Expression: t.opts.Script + ";0", ContextID: world, Silent: new(true),
	})
	if err != nil {
		return 0, err
	}
	if x := script.ExceptionDetails; x != nil {
		return 0, fmt.Errorf("page script: %s", exception(x))
	}
	t.tell.Lock()
	defer t.tell.Unlock()
	t.mu.Lock()
	t.world = world
	calls := t.calls
	t.mu.Unlock()
	for i := range calls {
		if t.opts.Heard == "" {
			break
		}
		if err := t.heard(ctx, s, world, &calls[i]); err != nil {
			return 0, err
		}
	}
	return world, nil
}

// A Rect is a part of a page, in CSS pixels from its upper left corner.
type Rect struct{ X, Y, Width, Height float64 }

// Picture returns what the tab shows, or a part of the page at so many times its
// size, as a WebP of the given quality (0-100).
func (t *Tab) Picture(ctx context.Context, quality int, part *Rect, scale float64) (image []byte, err error) {
	p := page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatWebp, Quality: new(int64(quality)), OptimizeForSpeed: new(true),
	}
	if part != nil {
		p.Clip = &page.Viewport{X: part.X, Y: part.Y, Width: part.Width, Height: part.Height, Scale: scale}
	}
	return t.capture(ctx, p)
}

// PictureOf returns a part of the page, given in CSS pixels and enlarged, as a
// PNG.
func (t *Tab) PictureOf(ctx context.Context, x, y, width, height, scale float64) (image []byte, err error) {
	return t.capture(ctx, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, Clip: &page.Viewport{X: x, Y: y, Width: width, Height: height, Scale: scale},
	})
}

// capture takes a picture. Chrome does not answer when the page goes elsewhere
// meanwhile: each try therefore ends after some time, which grows because the
// machine may be slow.
func (t *Tab) capture(ctx context.Context, p page.CaptureScreenshotParams) (image []byte, err error) {
	for patience := 2 * time.Second; ; patience *= 2 {
		try, cancel := context.WithTimeout(ctx, patience)
		err = t.onPage(try, func(ctx context.Context, s cdp.Session) error {
			res, err := cdp.Call(ctx, s, page.CaptureScreenshot, p)
			image = res.Data
			return err
		})
		cancel()
		between := err != nil && strings.Contains(err.Error(), "Not attached to an active page")
		if ctx.Err() != nil || !between && !errors.Is(err, context.DeadlineExceeded) {
			return image, err
		}
		if between {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// Fetch loads an address with the session of the open page, beside the page,
// whether or not the tab blocks it. It fails for more than max bytes. Chrome's
// check of local network access follows it from redirect to redirect.
func (t *Tab) Fetch(ctx context.Context, address string, max int) (body []byte, err error) {
	if t.offline() {
		return t.fetchCanned(address, max)
	}
	if err := t.judge(ctx, address); err != nil {
		return nil, err
	}
	err = t.within(ctx, func(ctx context.Context, s cdp.Session) error {
		res, err := cdp.Call(ctx, s, network.LoadNetworkResource, network.LoadNetworkResourceParams{
			FrameID: t.frame, URL: address, Options: &network.LoadNetworkResourceOptions{IncludeCredentials: true},
		})
		if err != nil {
			return err
		}
		if r := res.Resource; !r.Success {
			return &LoadError{strings.TrimSpace(fmt.Sprintf("%s %.0f", r.NetErrorName, r.HTTPStatusCode)), int(r.HTTPStatusCode)}
		}
		stream := res.Resource.Stream
		defer func() { _ = call(ctx, s, io.Close, io.CloseParams{Handle: stream}) }()
		for {
			part, err := cdp.Call(ctx, s, io.Read, io.ReadParams{Handle: stream, Size: 1 << 20})
			if err != nil {
				return err
			}
			if body = append(body, part.Data...); len(body) > max {
				return fmt.Errorf("more than %d bytes", max)
			}
			if part.EOF {
				return nil
			}
		}
	})
	return body, err
}
