package scan_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
	"shopwatch/tracker/scan"
)

// A toy is a marketplace that shopwatch does not know: what is here is all that
// it takes to add one. Its pages are the same in a tab and over HTTP: a JSON
// document, which the script of the tab reads off the page that Chrome makes of
// it.
type toy struct {
	base string
	toyOptions
}

type toyOptions struct {
	Transport string `json:"transport"` // tab or http
	Loud      bool   `json:"loud"`      // titles are read in capitals
}

func toyMarket() *market.Market {
	return &market.Market{
		Name: "toy", Title: "Toy Town", Addresses: "NAME.toy.example", Parser: 1,
		Match:   func(u *url.URL) bool { return strings.HasSuffix(u.Hostname(), ".toy.example") },
		Options: func() any { return &toyOptions{Transport: "http"} },
		Open: func(u *url.URL, options any) (market.Storefront, error) {
			o := options.(*toyOptions)
			if o.Transport != "tab" && o.Transport != "http" {
				return nil, &market.OptionError{Option: "transport", Err: errors.New("want tab or http")}
			}
			return &toy{"https://" + u.Host, *o}, nil
		},
		Tab: &market.Tab{Script: `globalThis.toyTown = {text: () => document.body.innerText}`},
	}
}

func (t *toy) Home(host string) bool { return strings.HasSuffix(host, ".toy.example") }

func (t *toy) Transport() market.Transport {
	if t.toyOptions.Transport == "tab" {
		return market.InTab
	}
	return market.OverHTTP
}

func (t *toy) listing(n int) market.Request {
	return market.Request{URL: fmt.Sprintf("%s/shelf/%d", t.base, n), Page: n, Wait: "toyTown.text()"}
}

func (t *toy) Entries() []market.Request { return []market.Request{t.listing(1)} }

func (t *toy) Next(read []market.Listing) (*market.Request, string) {
	if stop := market.Stop(read); stop != "" {
		return nil, stop
	}
	next := t.listing(len(read) + 1)
	return &next, ""
}

// body is the document, whichever way it came.
func (t *toy) body(a *market.Answer) []byte {
	var text string
	if json.Unmarshal(a.Body, &text) == nil {
		return []byte(text)
	}
	return a.Body
}

func (t *toy) Read(a *market.Answer) (market.Reading, error) {
	switch {
	case a.Status == http.StatusTooManyRequests:
		return market.Reading{State: &market.State{Name: "too many", Verdict: tracker.Blocked, Reason: "Toy Town asks to wait", Wait: market.RetryAfter(a.Header, time.Now())}}, nil
	case a.Status != http.StatusOK:
		return market.Reading{State: &market.State{Name: "status", Verdict: tracker.Failed, Transient: true, Reason: "status " + strconv.Itoa(a.Status)}}, nil
	}
	var shelf struct {
		Page, Pages int
		Toys        []struct{ ID, Name, Price string }
	}
	if err := json.Unmarshal(t.body(a), &shelf); err != nil {
		return market.Reading{}, err
	}
	l := market.Listing{Layout: "shelf", Page: shelf.Page, Pages: shelf.Pages, Last: shelf.Page == shelf.Pages, Next: shelf.Page + 1}
	seen := map[tracker.ProductID]bool{}
	for _, x := range shelf.Toys {
		p := tracker.Product{ID: tracker.ProductID(x.ID), Title: x.Name, URL: t.base + "/toy/" + x.ID}
		if t.Loud {
			p.Title = strings.ToUpper(p.Title)
		}
		if cents, ok := tracker.ParseMinor(x.Price, "EUR"); ok {
			p.Price = tracker.Price{Kind: tracker.PriceExact, Low: cents, Currency: "EUR"}
		}
		l.Take(p, nil, seen)
	}
	return market.Reading{Listing: l}, nil
}

func (t *toy) Assess(read []market.Listing) market.Completeness { return market.Assess(read) }

func (t *toy) ItemPage(p *tracker.Product) market.Request {
	return market.Request{URL: p.URL, Product: p.ID, Wait: "toyTown.text()"}
}

func (t *toy) ReadItem(a *market.Answer) market.ItemFinding {
	switch a.Status {
	case http.StatusOK:
		return market.ItemFinding{State: tracker.PageSold, Reason: "its page sells it"}
	case http.StatusGone:
		return market.ItemFinding{State: tracker.PageGone, Reason: "status 410", Says: strings.TrimSpace(string(t.body(a)))}
	}
	return market.ItemFinding{State: tracker.PageUnknown, Reason: "status " + strconv.Itoa(a.Status)}
}

// A toyServer is the marketplace itself.
type toyServer struct {
	*httptest.Server
	mu   sync.Mutex
	toys []string
	busy bool // it asks to be left alone
}

func (s *toyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const size = 3
	if s.busy {
		w.Header().Set("Retry-After", "1800")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if id, ok := strings.CutPrefix(r.URL.Path, "/toy/"); ok {
		for _, known := range s.toys {
			if known == id {
				fmt.Fprintln(w, "buy it")
				return
			}
		}
		w.WriteHeader(http.StatusGone)
		fmt.Fprintln(w, "no such toy")
		return
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/shelf/"))
	pages := (len(s.toys) + size - 1) / size
	if n < 1 || n > pages {
		http.NotFound(w, r)
		return
	}
	var toys []map[string]string
	for _, id := range s.toys[(n-1)*size : min(n*size, len(s.toys))] {
		toys = append(toys, map[string]string{"ID": id, "Name": "Toy " + id, "Price": "9.99"})
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(map[string]any{"Page": n, "Pages": pages, "Toys": toys}); err != nil {
		panic(err)
	}
}

// flags lead Chrome and HTTP to the server at the marketplace's own host names.
func (s *toyServer) flags() map[string]any {
	sum := sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo)
	f := mall.Flags() // of which the sandbox
	f["host-resolver-rules"] = "MAP *.toy.example " + s.Listener.Addr().String() + ", MAP * ~NOTFOUND"
	f["ignore-certificate-errors-spki-list"] = base64.StdEncoding.EncodeToString(sum[:])
	return f
}

// TestMarketplaceFromOutside adds a marketplace without a line elsewhere, and
// reads it in a tab and over HTTP.
func TestMarketplaceFromOutside(t *testing.T) {
	for _, transport := range []string{"http", "tab"} {
		t.Run(transport, func(t *testing.T) {
			if transport == "tab" {
				short(t)
			}
			srv := &toyServer{toys: []string{"bear", "car", "doll", "drum", "kite"}}
			srv.Server = httptest.NewTLSServer(srv)
			defer srv.Close()
			o, err := fetch.FromFlags(srv.flags())
			if err != nil {
				t.Fatal(err)
			}
			client := fetch.New(o)
			defer client.Close()
			b := browser.New(browser.Options{Flags: srv.flags()})
			defer b.Close()
			sh := newShopper(t, func(o *scan.Options) {
				o.Markets, o.Browser, o.HTTP = market.Set{toyMarket()}, b, client
			})
			sf := tracker.Storefront{Name: "toys", URL: "https://north.toy.example/", Options: `{"transport":"` + transport + `"}`}

			s, changes := sh.scanStorefront(t.Context(), sf)
			if s.Verdict != tracker.Complete || len(s.Products) != 5 || s.Evidence.Pages != 2 || s.Evidence.Parser != 1 || s.Evidence.Layout != "shelf" || len(changes) != 0 {
				t.Fatalf("%s (%s): %s, %+v, changes %v", s.Verdict, s.Reason, ids(s.Products), s.Evidence, changes)
			}
			if p := s.Products[0]; p.Price.String() != "9.99" || p.Title != "Toy bear" {
				t.Errorf("product = %+v", p)
			}

			srv.mu.Lock()
			srv.toys = []string{"bear", "car", "drum", "kite", "train"}
			srv.mu.Unlock()
			_, changes = sh.scanStorefront(t.Context(), sf)
			if len(changes) != 2 || changes[0].Kind != tracker.Added || changes[1].Kind != tracker.Removed || changes[1].Proof != tracker.ProofGone || changes[1].Probe.Says != "no such toy" {
				t.Errorf("changes = %+v", changes)
			}

			srv.mu.Lock()
			srv.busy = true
			srv.mu.Unlock()
			s, changes = sh.scanStorefront(t.Context(), sf)
			if s.Verdict != tracker.Blocked || len(changes) != 0 {
				t.Errorf("%s (%s), changes %v", s.Verdict, s.Reason, changes)
			}
			if transport == "http" && s.Evidence.RetryAfter != 1800 {
				t.Errorf("asked to be left alone for %d s, want 1800", s.Evidence.RetryAfter)
			}
		})
	}
}

// TestOtherOptionsAreNoNews reads the titles of the same toys otherwise.
func TestOtherOptionsAreNoNews(t *testing.T) {
	srv := &toyServer{toys: []string{"bear", "car", "doll"}}
	srv.Server = httptest.NewTLSServer(srv)
	defer srv.Close()
	o, err := fetch.FromFlags(srv.flags())
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(o)
	defer client.Close()
	toys, gates, underWay := toyMarket(), map[string]int{}, false
	toys.Gate = market.HostGate
	sh := newShopper(t, func(o *scan.Options) {
		o.Markets, o.HTTP = market.Set{toys}, client
		o.Pace = func(_ context.Context, gate string) (func(), error) {
			if underWay {
				t.Error("a page was asked for before the one before it had come")
			}
			gates[gate]++
			underWay = true
			return func() { underWay = false }, nil
		}
	})
	for _, options := range []string{``, `{"loud":true}`} {
		s, changes := sh.scanStorefront(t.Context(), tracker.Storefront{Name: "toys", URL: "https://north.toy.example/", Options: options})
		if s.Verdict != tracker.Complete || len(changes) != 0 {
			t.Errorf("with options %q: %s (%s), %d changes, want none", options, s.Verdict, s.Reason, len(changes))
		}
		if underWay {
			t.Error("the scan ended and its last page is still said to be under way")
		}
	}
	if title := sh.catalog.Item("bear").Title; title != "TOY BEAR" {
		t.Errorf("title = %q, want as the options read it", title)
	}
	if len(gates) != 1 || gates["north.toy.example"] == 0 {
		t.Errorf("a pace was kept with %v, want north.toy.example", gates)
	}
}

func TestOptionsOfStorefronts(t *testing.T) {
	for options, want := range map[string]string{
		``: "", `{}`: "", `{"transport":"tab"}`: "", `{"transport":"ship"}`: "transport: want tab or http", `{"sail":1}`: `unknown field "sail"`, `{} {}`: "more than one",
	} {
		_, _, err := market.Set{toyMarket()}.Open(tracker.Storefront{URL: "https://x.toy.example/", Options: options})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", options, err, want)
		}
	}
	if _, _, err := (market.Set{toyMarket()}).Open(tracker.Storefront{URL: "https://shop.example/", Marketplace: "toy"}); err != nil {
		t.Errorf("a marketplace that is named: %v", err)
	}
	if _, _, err := (market.Set{toyMarket()}).Open(tracker.Storefront{URL: "https://shop.example/"}); err == nil || !strings.Contains(err.Error(), "NAME.toy.example") {
		t.Errorf("an address of nobody: %v", err)
	}
}
