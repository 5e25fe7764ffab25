package scan_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
	"shopwatch/tracker/scan"
)

// A countedToy is a toy shop that counts its toys at another address, before and
// after the list, and says on a page for people why a toy is gone.
type countedToy struct{ *toy }

func countedMarket() *market.Market {
	m := toyMarket()
	inner := m.Open
	m.Open = func(u *url.URL, options any) (market.Storefront, error) {
		sf, err := inner(u, options)
		if err != nil {
			return nil, err
		}
		return countedToy{sf.(*toy)}, nil
	}
	return m
}

func (c countedToy) counting() *market.Request {
	return &market.Request{URL: c.base + "/count", Witness: true}
}

func (c countedToy) Entries() []market.Request { return []market.Request{*c.counting()} }

func (c countedToy) Next(read []market.Listing) (*market.Request, string) {
	listed := read[1:]
	switch n := len(read); {
	case n == 1:
		first := c.listing(1)
		return &first, ""
	case read[n-1].Witness:
		return nil, "counted again"
	case market.Stop(listed) != "":
		return c.counting(), ""
	}
	next := c.listing(len(read))
	return &next, ""
}

func (c countedToy) Read(a *market.Answer) (market.Reading, error) {
	if !a.Request.Witness || a.Status == http.StatusTooManyRequests {
		return c.toy.Read(a)
	}
	l := market.Listing{}
	n, err := strconv.Atoi(strings.TrimSpace(string(a.Body)))
	if l.Read = n; err != nil {
		l.Problem("the count cannot be read")
	}
	return market.Reading{Listing: l}, nil
}

func (c countedToy) Assess(read []market.Listing) market.Completeness {
	j := market.Assess(read)
	for i := range read {
		switch w := &read[i]; {
		case !w.Witness:
		case len(w.Problems) > 0:
			j.Warnings = append(j.Warnings, w.Problems[0])
		case w.Read.(int) != len(j.Products):
			j.Doubt(fmt.Sprintf("%d toys are counted", w.Read), false)
		}
	}
	return j
}

func (c countedToy) ReadItem(a *market.Answer) market.ItemFinding {
	f := c.toy.ReadItem(a)
	if strings.HasSuffix(a.URL, "/why") {
		f = market.ItemFinding{State: tracker.PageGone, Reason: "its page for people", Says: string(a.Body)}
	} else if f.State == tracker.PageGone {
		f = market.ItemFinding{State: tracker.PageUnknown, Reason: "alone it proves nothing", More: &market.Request{URL: a.URL + "/why", Product: a.Request.Product}}
	}
	return f
}

// countedSite serves the toys, and the count by the given handler.
func countedSite(t *testing.T, count http.HandlerFunc) (*toyServer, *fetch.Client) {
	t.Helper()
	srv := &toyServer{toys: []string{"bear", "car", "doll", "drum", "kite"}}
	srv.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/count":
			count(w, r)
		case strings.HasSuffix(r.URL.Path, "/why"):
			fmt.Fprint(w, "sold to a museum")
		default:
			srv.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	o, err := fetch.FromFlags(srv.flags())
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(o)
	t.Cleanup(client.Close)
	return srv, client
}

func TestWitness(t *testing.T) {
	number := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, n) }
	}
	status := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) }
	}
	for _, c := range []struct {
		rule    string
		count   http.HandlerFunc
		verdict tracker.Verdict
		says    string // in the reason or the warnings
	}{
		{"that agrees", number(5), tracker.Complete, ""},
		{"that knows of more", number(6), tracker.Partial, "6 toys are counted"},
		{"that cannot be read", status(http.StatusNotFound), tracker.Complete, "cannot be read"},
		{"that says nothing in time", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, tracker.Complete, "not ready after"},
		{"that meets a wall", status(http.StatusTooManyRequests), tracker.Blocked, "asks to wait"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, client := countedSite(t, c.count)
			sh := newShopper(t, func(o *scan.Options) {
				o.Markets, o.HTTP, o.Retries = market.Set{countedMarket()}, client, -1
			})
			if strings.Contains(c.says, "not ready") {
				sh.wait(2 * time.Second)
			}
			s, _ := sh.scan("https://north.toy.example/")
			if s.Verdict != c.verdict || !strings.Contains(s.Reason+fmt.Sprint(s.Evidence.Warnings), c.says) {
				t.Errorf("%s (%s), warnings %q, want %s with %q", s.Verdict, s.Reason, s.Evidence.Warnings, c.verdict, c.says)
			}
			if c.verdict != tracker.Blocked && (s.Evidence.Pages != 2 || len(s.Products) != 5 || s.Evidence.Layout != "shelf") {
				t.Errorf("%d products, %+v", len(s.Products), s.Evidence)
			}
		})
	}
}

// Witnesses alone are no list, whatever comes after them.
func TestWitnessesWithoutList(t *testing.T) {
	srv, client := countedSite(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, 0) })
	srv.toys = nil // its first page is answered with 404
	sh := newShopper(t, func(o *scan.Options) { o.Markets, o.HTTP = market.Set{countedMarket()}, client })
	if s, _ := sh.scan("https://north.toy.example/"); s.Verdict != tracker.Failed || !strings.Contains(s.Reason, "status 404") {
		t.Errorf("%s (%s)", s.Verdict, s.Reason)
	}
}

// A finding may take more than one answer.
func TestItemOfTwoAnswers(t *testing.T) {
	toys := 5
	srv, client := countedSite(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, toys) })
	sh := newShopper(t, func(o *scan.Options) { o.Markets, o.HTTP = market.Set{countedMarket()}, client })
	sh.scan("https://north.toy.example/")
	srv.mu.Lock()
	srv.toys, toys = srv.toys[:4], 4
	srv.mu.Unlock()
	s, changes := sh.scan("https://north.toy.example/")
	if len(changes) != 1 || changes[0].Proof != tracker.ProofGone || changes[0].Probe.Says != "sold to a museum" || s.Evidence.Probed != 1 {
		t.Errorf("%s (%s): changes %+v, probes %+v", s.Verdict, s.Reason, changes, s.Probes)
	}
}
