package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
)

// A Replayed is what this version of shopwatch makes of a capture.
type Replayed struct {
	Scope    archive.Scope     `json:"scope"`
	Verdict  tracker.Verdict   `json:"verdict,omitempty"` // of a scan
	Reason   string            `json:"reason,omitempty"`
	Evidence tracker.Evidence  `json:"evidence,omitzero"`
	Products []tracker.Product `json:"products,omitempty"`
	Items    []ReplayedItem    `json:"items,omitempty"`
	// Missed are addresses that were asked for and that the capture lacks.
	Missed []string `json:"missed,omitempty"`
}

// A ReplayedItem is what an item page says of its product.
type ReplayedItem struct {
	Product tracker.ProductID `json:"product"`
	State   tracker.PageState `json:"state"`
	Reason  string            `json:"reason,omitempty"`
	Says    string            `json:"says,omitempty"`
	Wall    tracker.Verdict   `json:"wall,omitempty"`
}

// ErrOnePage says that a capture is of one page in the midst of a list.
var ErrOnePage = errors.New("the capture holds one page in the midst of a list, which cannot be read without those before it; the next scan that is not complete is captured as a whole, or run shopwatch scan NAME --capture FILE.wacz")

// replayTimeout is how long a page of a capture may take, of which nothing has
// to come over a network.
const replayTimeout = 15 * time.Second

// Replay reads a capture again: through a Chrome of these options at the real
// addresses, or an HTTP client, with everything answered from the capture and
// nothing from a network.
func Replay(ctx context.Context, c *archive.Capture, markets market.Set, chrome browser.Options, log *slog.Logger) (_ *Replayed, err error) {
	r := &c.Reading
	if r.Scope == archive.OfPage && (r.Page > 1 || r.Page == 0 && r.Evidence.Pages > 0) { // earlier captures have no Page
		return nil, ErrOnePage
	}
	player := archive.NewPlayer(c)
	flags := make(map[string]any)
	maps.Copy(flags, chrome.Flags)
	maps.Copy(flags, browser.Offline()) // whatever the options say
	chrome.Flags, chrome.Profile, chrome.Remote, chrome.Log = flags, "", "", log
	chrome.Answer = func(method, address string, post []byte) *browser.Canned {
		a := player.Answer(method, address, post)
		if a == nil {
			return nil
		}
		return &browser.Canned{Status: a.Status, Header: a.Header, Body: a.Body}
	}
	b := browser.New(chrome)
	defer func() { err = errors.Join(err, b.Close()) }()
	items := make([]tracker.Item, len(r.Items))
	for i := range r.Items {
		items[i].Product = r.Items[i].Product
		items[i].Image = "" // which a capture does not hold
	}
	s := New(Options{
		Markets: markets, Browser: b, HTTP: fetch.New(fetch.Options{Answer: playback{player}}), PageTimeout: replayTimeout, Backoff: time.Millisecond, Log: log,
		Preview: func(*tracker.Scan, tracker.Rules) (tracker.Outcome, error) {
			return tracker.Outcome{Missed: items}, nil
		},
	})
	sf := tracker.Storefront(r.Storefront)
	out := &Replayed{Scope: r.Scope}
	if r.Scope == archive.OfItem {
		err = s.replayItems(ctx, sf, items, out)
	} else {
		s.replayScan(ctx, sf, len(items), out)
	}
	out.Missed = slices.DeleteFunc(player.Missed(), func(a string) bool { return strings.HasSuffix(a, "/robots.txt") })
	if err == nil {
		err = ctx.Err()
	}
	return out, err
}

func (s *Scanner) replayScan(ctx context.Context, sf tracker.Storefront, probes int, out *Replayed) {
	rules := tracker.DefaultRules()
	rules.Probes = probes
	scan := s.Scan(ctx, sf, rules, nil)
	out.Verdict, out.Reason, out.Evidence, out.Products = scan.Verdict, scan.Reason, scan.Evidence, scan.Products
	for i := range scan.Probes {
		p := &scan.Probes[i]
		out.Items = append(out.Items, ReplayedItem{Product: p.Product, State: p.State, Reason: p.Reason, Says: p.Says})
	}
}

func (s *Scanner) replayItems(ctx context.Context, sf tracker.Storefront, items []tracker.Item, out *Replayed) error {
	for _, it := range items {
		p, wall, err := s.Probe(ctx, sf, it)
		if err != nil {
			p.Reason = err.Error()
		}
		if p.State == "" {
			return fmt.Errorf("read the page of %s: %w", it.ID, err)
		}
		out.Items = append(out.Items, ReplayedItem{Product: it.ID, State: p.State, Reason: p.Reason, Says: p.Says, Wall: wall})
	}
	return nil
}

// Probe looks at the page of a product, as a scan does that misses it. The
// verdict is that of a wall on the page; "" for none.
func (s *Scanner) Probe(ctx context.Context, sf tracker.Storefront, it tracker.Item) (p tracker.Probe, wall tracker.Verdict, err error) {
	r := s.reading(sf, tracker.Rules{}, nil)
	if err := r.open(); err != nil {
		return p, "", err
	}
	defer func() { r.reader.Close() }()
	return r.judgeItem(ctx, it)
}

// Recorded is what was made of a capture when it was captured.
func Recorded(c *archive.Capture) *Replayed {
	r := &c.Reading
	out := &Replayed{Scope: r.Scope, Verdict: r.Verdict, Reason: r.Reason, Evidence: r.Evidence, Products: r.Products}
	for i := range r.Items {
		p := &r.Items[i].Probe
		out.Items = append(out.Items, ReplayedItem{Product: p.Product, State: p.State, Reason: p.Reason, Says: p.Says})
	}
	return out
}

// Differences says in what a capture reads otherwise than it should.
func (r *Replayed) Differences(want *Replayed) (list []string) {
	differ := func(what string, got, want any) {
		if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
			list = append(list, fmt.Sprintf("%s is %s, want %s", what, g, w))
		}
	}
	differ("verdict", r.Verdict, want.Verdict)
	differ("reason", r.Reason, want.Reason)
	differ("layout", r.Evidence.Layout, want.Evidence.Layout)
	differ("pages", r.Evidence.Pages, want.Evidence.Pages)
	differ("what the storefront declares", r.Evidence.Declared, want.Evidence.Declared)
	differ("why it stopped", r.Evidence.Stop, want.Evidence.Stop)
	differ("number of products", len(r.Products), len(want.Products))
	for i := range min(len(r.Products), len(want.Products)) {
		differ(fmt.Sprintf("product %d", i+1), r.Products[i], want.Products[i])
	}
	differ("number of item pages", len(r.Items), len(want.Items))
	for i := range min(len(r.Items), len(want.Items)) {
		differ(fmt.Sprintf("item page %d", i+1), r.Items[i], want.Items[i])
	}
	return list
}

// A playback answers an HTTP client from a capture. A robots.txt that was not
// captured asks for nothing.
type playback struct{ player *archive.Player }

// RoundTrip implements http.RoundTripper.
func (p playback) RoundTrip(q *http.Request) (*http.Response, error) {
	var post []byte
	if q.Body != nil {
		var err error
		if post, err = io.ReadAll(q.Body); err != nil {
			return nil, err
		}
	}
	resp := &http.Response{StatusCode: http.StatusNotFound, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: q}
	a := p.player.Answer(q.Method, q.URL.String(), post)
	switch {
	case a != nil:
		resp.StatusCode, resp.Header = a.Status, a.Header.Clone()
		if resp.Header == nil {
			resp.Header = http.Header{}
		}
		resp.Body = io.NopCloser(bytes.NewReader(a.Body))
	case q.URL.Path == "/robots.txt":
		resp.Body = http.NoBody
	default:
		return nil, &fetch.RefusedError{Text: "it was not captured"}
	}
	return resp, nil
}
