package browser

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// A Call is the answer to a request that the page made by itself.
type Call struct {
	URL    string
	Status int    // HTTP; 0 when no answer came
	Err    string // why none came
	Body   []byte // when it was wanted
	Bytes  int64  // on the wire
	Stale  string // what answered in the server's place; empty for the server
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
