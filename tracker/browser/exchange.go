package browser

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
)

// An Exchange is a request of a page and the answer to it, as Chrome tells of
// them: decoded, and text as UTF-8.
type Exchange struct {
	URL    string
	Method string
	Post   []byte
	At     time.Time // when the answer began to arrive
	Status int
	Header http.Header
	Body   []byte
	Page   bool  // it is the document of the tab
	Lost   error // why there is no body
}

// An exchange is one that the tab has heard of.
type exchange struct {
	id       network.RequestID
	posts    bool
	turned   bool // it was asked for after the page was turned
	redirect bool // it has no body
	finished bool
	headers  network.Headers
	mime     string
	Exchange
}

// mostExchanges is how many exchanges are remembered that nobody has taken, and
// how many that are under way.
const mostExchanges = 1000

// exchanges remembers what may be captured: never bodies, which Chrome keeps.
// Tab.mu guards it.
type exchanges struct {
	list    []*exchange // answered ones that nobody has taken, in their order
	asked   map[network.RequestID]*exchange
	turned  bool // the page was turned since it was opened
	dropped Dropped
}

// Dropped counts exchanges that the tab has not remembered.
type Dropped struct {
	Earlier int // of pages that were turned
	Oldest  int // where there were more than the tab remembers
}

func (x *exchanges) reset() { *x = exchanges{asked: make(map[network.RequestID]*exchange)} }

// turn drops what the page was answered since it was turned last. What it was
// answered before it was turned at all stays: the next page needs it too.
func (x *exchanges) turn() {
	all := len(x.list)
	x.list = slices.DeleteFunc(x.list, func(e *exchange) bool { return e.turned })
	x.dropped.Earlier += all - len(x.list)
	x.turned = true
}

// Turning tells the tab that another page of a list is about to take the place
// of the one that it shows, without being opened.
func (t *Tab) Turning() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exchanges.turn()
}

// requested takes in a request, or a redirect of one.
func (x *exchanges) requested(e *network.EventRequestWillBeSent, page bool) {
	if e.RedirectResponse != nil {
		x.answered(e.RequestID, e.RedirectResponse)
		if was := x.asked[e.RequestID]; was != nil {
			was.redirect, was.finished = true, true
		}
	}
	delete(x.asked, e.RequestID)
	switch {
	case !strings.HasPrefix(e.Request.URL, "http"):
		return
	case len(x.asked) >= mostExchanges: // none of them ends
		x.dropped.Oldest++
		return
	}
	x.asked[e.RequestID] = &exchange{id: e.RequestID, posts: e.Request.HasPostData, turned: x.turned, Exchange: Exchange{URL: e.Request.URL, Method: e.Request.Method, Page: page}}
}

// answered takes in the beginning of an answer.
func (x *exchanges) answered(id network.RequestID, r *network.Response) {
	e := x.asked[id]
	if e == nil {
		return
	}
	e.Status, e.At, e.headers, e.mime = int(r.Status), time.Now().UTC(), r.Headers, r.MimeType
	if len(x.list) >= mostExchanges {
		oldest := slices.IndexFunc(x.list, func(e *exchange) bool { return !e.Page })
		x.list = slices.Delete(x.list, max(oldest, 0), max(oldest, 0)+1)
		x.dropped.Oldest++
	}
	x.list = append(x.list, e)
}

// header are the headers of the answer.
func (e *exchange) header() http.Header {
	h := make(http.Header)
	for name, value := range e.headers {
		text, _ := value.(string)
		for line := range strings.SplitSeq(text, "\n") { // several of one name
			h.Add(name, line)
		}
	}
	if e.mime != "" && h.Get("Content-Type") == "" {
		h.Set("Content-Type", e.mime)
	}
	return h
}

// over takes in the end of an answer, which may have failed.
func (x *exchanges) over(id network.RequestID, failure string) {
	if e := x.asked[id]; e != nil {
		e.finished = failure == ""
		delete(x.asked, id)
	}
}

// Exchanges returns the exchanges that are over and were not returned before, at
// most so many bytes of their bodies, and how many the tab has dropped. It must
// have been opened with Record. Chrome keeps bodies for a while only: one that
// it has not any more is Lost.
func (t *Tab) Exchanges(ctx context.Context, most int) (list []Exchange, dropped Dropped, err error) {
	t.mu.Lock()
	var over, open []*exchange
	for _, e := range t.exchanges.list {
		if t.exchanges.asked[e.id] == e {
			open = append(open, e)
		} else {
			over = append(over, e)
		}
	}
	t.exchanges.list = open
	dropped, t.exchanges.dropped = t.exchanges.dropped, Dropped{}
	t.mu.Unlock()
	err = t.within(ctx, func(ctx context.Context, s cdp.Session) error {
		for _, e := range over {
			x := e.Exchange
			x.Header = e.header()
			if e.posts {
				res, err := cdp.Call(ctx, s, network.GetRequestPostData, network.GetRequestPostDataParams{RequestID: e.id})
				if err == nil {
					x.Post = res.PostData
				}
			}
			switch {
			case e.redirect:
			case ctx.Err() != nil:
				x.Lost = ctx.Err()
			case !e.finished:
				x.Lost = errors.New("it broke off")
			case most <= 0:
				x.Lost = errors.New("too much was answered")
			default:
				x.Lost = x.fetch(ctx, s, e.id)
			}
			most -= len(x.Body)
			list = append(list, x)
		}
		return nil
	})
	return list, dropped, err
}

// fetch gets the body from Chrome.
func (x *Exchange) fetch(ctx context.Context, s cdp.Session, id network.RequestID) error {
	res, err := cdp.Call(ctx, s, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id})
	if err != nil {
		return fmt.Errorf("chrome has not kept its body: %w", err)
	}
	x.Body = res.Body
	if kind := x.Header.Get("Content-Type"); !res.Base64encoded && kind != "" {
		x.Header.Set("Content-Type", asUTF8(kind))
	}
	return nil
}

// asUTF8 is a media type whose text is UTF-8.
func asUTF8(kind string) string {
	kind, _, _ = strings.Cut(kind, ";")
	return strings.TrimSpace(kind) + "; charset=utf-8"
}
