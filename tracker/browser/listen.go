package browser

import (
	"cmp"
	"context"
	"net/url"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
)

// A Document is what the main frame was answered.
type Document struct {
	URL    string // after redirects of the server
	Status int    // HTTP
	Stale  string // what answered in the server's place; empty for the server
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
		t.told(len(e.Frame.URL) + len(e.Frame.Name))
	case *page.EventNavigatedWithinDocument:
		t.told(len(e.URL))
	case *network.EventWebSocketFrameReceived:
		t.told(len(e.Response.PayloadData))
	case *network.EventWebSocketFrameSent:
		t.told(len(e.Response.PayloadData))
	case *network.EventEventSourceMessageReceived:
		t.told(len(e.Data))
	case *network.EventLoadingFinished:
		t.load(int(e.EncodedDataLength))
		t.answered(e.RequestID, "", int64(e.EncodedDataLength))
	case *network.EventLoadingFailed:
		t.answered(e.RequestID, e.ErrorText, 0)
	}
}

// told is countReceived for who does not hold mu.
func (t *Tab) told(bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.countReceived(bytes)
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

// Document returns what the main frame was answered last.
func (t *Tab) Document() Document {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.doc
}
