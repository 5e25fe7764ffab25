package scan_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
	"shopwatch/tracker/scan"
)

// A politeToy is a toy shop for which the user may choose to ignore robots.txt.
type politeToy struct {
	*toy
	market.Robots
}

func politeMarket() *market.Market {
	return &market.Market{
		Name: "toy", Title: "Toy Town",
		Match: func(*url.URL) bool { return true },
		Options: func() any {
			return &struct {
				Robots market.Robots `json:"robots"`
			}{market.ObeyRobots}
		},
		Open: func(u *url.URL, options any) (market.Storefront, error) {
			o := options.(*struct {
				Robots market.Robots `json:"robots"`
			})
			return politeToy{&toy{"https://" + u.Host, toyOptions{Transport: "http"}}, o.Robots}, nil
		},
	}
}

// A robotsSite is a toy shop with a robots.txt.
type robotsSite struct {
	*toyServer
	robots func(w http.ResponseWriter, r *http.Request, n int) // asked for the nth time
	moved  string                                              // where the shop has moved to

	mu    sync.Mutex
	asked []string // addresses
	agent string
}

func (s *robotsSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := 1
	for _, a := range s.asked {
		if a == r.Host+"/robots.txt" && r.URL.Path == "/robots.txt" {
			n++
		}
	}
	s.asked, s.agent = append(s.asked, r.Host+r.URL.RequestURI()), r.UserAgent()
	s.mu.Unlock()
	switch {
	case r.URL.Path == "/robots.txt":
		s.robots(w, r, n)
	case s.moved != "" && r.Host != s.moved:
		http.Redirect(w, r, "https://"+s.moved+r.URL.RequestURI(), http.StatusMovedPermanently)
	default:
		s.toyServer.ServeHTTP(w, r)
	}
}

func openRobotsSite(t *testing.T, robots func(http.ResponseWriter, *http.Request, int)) (*robotsSite, *shopper) {
	t.Helper()
	s := &robotsSite{toyServer: &toyServer{toys: []string{"bear", "car", "doll", "drum", "kite"}}, robots: robots}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	o, err := fetch.FromFlags(s.flags())
	if err != nil {
		t.Fatal(err)
	}
	o.UserAgent = "Mozilla/5.0"
	client := fetch.New(o)
	t.Cleanup(client.Close)
	return s, newShopper(t, func(o *scan.Options) {
		o.Markets, o.HTTP, o.Retries = market.Set{politeMarket()}, client, 1
	})
}

func text(s string) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprint(w, s) }
}

func status(n int) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(n) }
}

// count is how often an address was asked for.
func (s *robotsSite) count(address string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asked {
		if a == address {
			n++
		}
	}
	return n
}

func TestRobots(t *testing.T) {
	const home = "north.toy.example"
	for _, c := range []struct {
		rule    string
		robots  func(http.ResponseWriter, *http.Request, int)
		options string
		verdict tracker.Verdict
		says    string
		asked   int // times that robots.txt was asked for
	}{
		{"that allows", text("User-agent: *\nDisallow: /cart"), "", tracker.Complete, "", 1},
		{"that there is not", status(404), "", tracker.Complete, "", 1},
		{"that is shut", status(403), "", tracker.Complete, "", 1},
		{"that is a page", text("<html>Disallow: /"), "", tracker.Complete, "", 1},
		{"of another program", text("User-agent: bad\nDisallow: /"), "", tracker.Complete, "", 1},
		{"that disallows the list", text("User-agent: *\nDisallow: /shelf/"), "", tracker.Failed, "robots.txt of north.toy.example asks programs not to open /shelf/1", 1},
		{"that disallows its second page", text("User-agent: shopwatch\nDisallow: /shelf/2"), "", tracker.Partial, "not to open /shelf/2", 1},
		{"that the user ignores", text("User-agent: *\nDisallow: /"), `{"robots":"ignore"}`, tracker.Complete, "", 0},
		{"that the user obeys", text("User-agent: *\nDisallow: /"), `{"robots":"obey"}`, tracker.Failed, "options: {robots: ignore}", 1},
		{"of a server in trouble", status(503), "", tracker.Failed, "cannot be read (it was answered with status 503)", 2},
		{"of a server in passing trouble", func(w http.ResponseWriter, _ *http.Request, n int) {
			if n == 1 {
				w.WriteHeader(503)
			}
		}, "", tracker.Complete, "", 2},
		{"that breaks off", func(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) }, "", tracker.Failed, "cannot be read (", 2},
		{"that stands elsewhere", func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.Host != home {
				fmt.Fprint(w, "User-agent: *\nDisallow: /shelf/")
				return
			}
			http.Redirect(w, r, "https://south.toy.example/robots.txt", http.StatusFound)
		}, "", tracker.Failed, "the robots.txt of north.toy.example asks", 1},
	} {
		t.Run(c.rule, func(t *testing.T) {
			site, sh := openRobotsSite(t, c.robots)
			s, _ := sh.scanStorefront(t.Context(), tracker.Storefront{Name: "s", URL: "https://" + home + "/", Options: c.options})
			if s.Verdict != c.verdict || !strings.Contains(s.Reason, c.says) {
				t.Errorf("%s (%s), want %s with %q", s.Verdict, s.Reason, c.verdict, c.says)
			}
			if n := site.count(home + "/robots.txt"); n != c.asked {
				t.Errorf("robots.txt was asked for %d times, want %d", n, c.asked)
			}
			if c.verdict == tracker.Complete && s.Evidence.Pages != 2 {
				t.Errorf("%d pages, want 2: robots.txt is none", s.Evidence.Pages)
			}
			if c.verdict == tracker.Failed && site.count(home+"/shelf/1") > 0 {
				t.Error("the list was asked for")
			}
			if want := "Mozilla/5.0 shopwatch"; site.agent != want {
				t.Errorf("agent %q, want %q", site.agent, want)
			}
		})
	}
}

// A host to which the shop has moved is asked for its robots.txt before it is
// asked for anything else.
func TestRobotsOfAnotherHost(t *testing.T) {
	for want, rules := range map[tracker.Verdict]string{tracker.Complete: "", tracker.Failed: "User-agent: *\nDisallow: /shelf/"} {
		site, sh := openRobotsSite(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.Host == "south.toy.example" {
				fmt.Fprint(w, rules)
			}
		})
		site.moved = "south.toy.example"
		s, _ := sh.scan("https://north.toy.example/")
		if s.Verdict != want || want == tracker.Failed && !strings.Contains(s.Reason, "south.toy.example") {
			t.Errorf("%s (%s), want %s", s.Verdict, s.Reason, want)
		}
		first := slices.IndexFunc(site.asked, func(a string) bool { return strings.HasPrefix(a, "south.") })
		if first < 0 || site.asked[first] != "south.toy.example/robots.txt" || site.count("south.toy.example/robots.txt") != 1 {
			t.Errorf("asked %q", site.asked)
		}
		if want == tracker.Failed && site.count("south.toy.example/shelf/1") > 0 {
			t.Error("the list was asked for")
		}
	}
	// A chain of ever new hosts ends.
	n := 0
	site, sh := openRobotsSite(t, text(""))
	site.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/robots.txt" {
			n++
			http.Redirect(w, r, fmt.Sprintf("https://h%d.toy.example/", n), http.StatusFound)
		}
	})
	if s, _ := sh.scan("https://north.toy.example/"); s.Verdict != tracker.Failed || n > 40 {
		t.Errorf("%s (%s) after %d requests", s.Verdict, s.Reason, n)
	}
}

// What robots.txt forbids of a product's page proves nothing of the product.
func TestRobotsForbidItems(t *testing.T) {
	site, sh := openRobotsSite(t, text("User-agent: *\nDisallow: /toy/"))
	sh.scan("https://north.toy.example/")
	site.toyServer.mu.Lock()
	site.toys = site.toys[:4]
	site.toyServer.mu.Unlock()
	s, changes := sh.scan("https://north.toy.example/")
	if s.Verdict != tracker.Complete || len(changes) != 0 || len(s.Probes) != 1 || !strings.Contains(s.Probes[0].Reason, "asks programs not to open /toy/kite") {
		t.Errorf("%s (%s), probes %+v, changes %v", s.Verdict, s.Reason, s.Probes, changes)
	}
}

func TestCrawlDelay(t *testing.T) {
	site, sh := openRobotsSite(t, text("User-agent: *\nCrawl-delay: 0.4"))
	s, _ := sh.scan("https://north.toy.example/")
	if s.Verdict != tracker.Complete || len(site.asked) != 3 {
		t.Fatalf("%s (%s), asked %q", s.Verdict, s.Reason, site.asked)
	}
	if s.Took < 400*time.Millisecond {
		t.Errorf("two pages took %s, want 400 ms between them", s.Took)
	}
}

func TestRobotsOption(t *testing.T) {
	_, _, err := market.Set{politeMarket()}.Open(tracker.Storefront{URL: "https://x.toy.example/", Options: `{"robots":"defy"}`})
	if err == nil || !strings.Contains(err.Error(), "neither obey nor ignore") {
		t.Errorf("error = %v", err)
	}
	var r market.Robots
	if err := errors.Join(r.UnmarshalText([]byte("ignore")), r.UnmarshalText([]byte("obey"))); err != nil || r.IgnoresRobots() {
		t.Errorf("%q: %v", r, err)
	}
}
