package browser

import (
	"context"
	"net/http"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
)

// Offline are switches for a Chrome that must not reach any network: with
// Options.Answer everything is answered in its place.
func Offline() map[string]any {
	return map[string]any{"host-resolver-rules": "MAP * ~NOTFOUND", "no-proxy-server": true, "disable-background-networking": true}
}

// A Canned answer takes the place of one from the network.
type Canned struct {
	Status int
	Header http.Header
	Body   []byte
}

// offline reports whether the tab's requests are answered without the network.
func (t *Tab) offline() bool { return t.browser.opts.Answer != nil }

// answerCanned answers a request of the page without the network.
func (t *Tab) answerCanned(e *fetch.EventRequestPaused) {
	var post []byte
	for _, part := range e.Request.PostDataEntries {
		post = append(post, part.Bytes...)
	}
	c := t.browser.opts.Answer(e.Request.Method, e.Request.URL, post)
	t.ask(func(ctx context.Context, s cdp.Session) error {
		if c == nil {
			return call(ctx, s, fetch.FailRequest, fetch.FailRequestParams{RequestID: e.RequestID, ErrorReason: network.ErrorReasonInternetDisconnected})
		}
		p := fetch.FulfillRequestParams{RequestID: e.RequestID, ResponseCode: int64(c.Status), Body: c.Body}
		for name, values := range c.Header {
			for _, v := range values {
				p.ResponseHeaders = append(p.ResponseHeaders, &fetch.HeaderEntry{Name: name, Value: v})
			}
		}
		return call(ctx, s, fetch.FulfillRequest, p)
	})
}

// fetchCanned is Fetch without the network.
func (t *Tab) fetchCanned(address string, most int) ([]byte, error) {
	c := t.browser.opts.Answer(http.MethodGet, address, nil)
	switch {
	case c == nil || c.Status != http.StatusOK:
		return nil, &LoadError{Text: "it was not captured"}
	case len(c.Body) > most:
		return nil, &LoadError{Text: "it is too large"}
	}
	return c.Body, nil
}
