package browser_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shopwatch/fixtures/deadline"
	"shopwatch/tracker/browser"
)

// programs are the Chromes of this machine: the headless shell and the full
// one, which are made of different parts.
func programs(t *testing.T) map[string]string {
	t.Helper()
	short(t)
	all := map[string]string{}
	if path, err := browser.Find(""); err == nil {
		all["found first"] = path
	}
	if path, err := browser.FindVisible(); err == nil {
		all["full"] = path
	} else {
		t.Log("without a full Chrome: ", err)
	}
	return all
}

// A way is how a page leads to an address: by what the server answers, or by
// what stands in the page. %[1]s is the address.
type way struct {
	name string
	html string
	http func(w http.ResponseWriter, to string)
}

// mainWays take the main frame to the address.
var mainWays = []way{
	{name: "302", http: redirect(http.StatusFound)},
	{name: "307", http: redirect(http.StatusTemporaryRedirect)},
	{name: "refresh header", http: func(w http.ResponseWriter, to string) {
		w.Header().Set("Refresh", "0;url="+to)
		fmt.Fprint(w, `<title>a</title>`)
	}},
	{name: "location", html: `<script>location.href = '%[1]s'</script>`},
	{name: "location later", html: `<script>setTimeout(() => location.replace('%[1]s'), 100)</script>`},
	{name: "by way of another page", html: `<script>location.href = '/to?%[1]s'</script>`},
	{name: "navigation", html: `<script>navigation.navigate('%[1]s')</script>`},
	{name: "meta refresh", html: `<meta http-equiv="refresh" content="0;url=%[1]s">`},
	{name: "form", html: `<form action="%[1]s"></form><script>document.forms[0].submit()</script>`},
	{name: "form post", html: `<form method="post" action="%[1]s"></form><script>document.forms[0].submit()</script>`},
	{name: "link", html: `<a href="%[1]s">a</a><script>document.links[0].click()</script>`},
	{name: "link with download", html: `<a href="%[1]s" download="x">a</a><script>document.links[0].click()</script>`},
	{name: "frame", html: `<iframe srcdoc="<script>top.location.href = '%[1]s'</script>"></iframe>`},
}

func redirect(status int) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, to string) {
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}
}

// otherWays stay on the page.
var otherWays = []way{
	{name: "windows", html: `<script>open('%[1]s'); open('/to?%[1]s'); open('%[1]s', '_blank', 'noopener,popup')</script>
		<a href="%[1]s" target="_blank">a</a><script>document.currentScript.previousElementSibling.click()</script>
		<form method="post" action="%[1]s" target="_blank"></form><script>document.currentScript.previousElementSibling.submit()</script>`},
	{name: "frames", html: `<iframe src="%[1]s"></iframe><iframe src="/to?%[1]s"></iframe><iframe src="https://leads.taobao.com/?%[1]s"></iframe>
		<iframe srcdoc="<meta http-equiv=refresh content='0;url=%[1]s'>"></iframe><iframe name="f%[1]s"></iframe>
		<form method="post" action="%[1]s" target="f%[1]s"></form><script>document.currentScript.previousElementSibling.submit()</script>
		<object data="%[1]s"></object><embed src="%[1]s">`},
	{name: "parts", html: `<link rel="stylesheet" href="%[1]s"><link rel="icon" href="%[1]s"><link rel="manifest" href="%[1]s"><link rel="prefetch" href="%[1]s">
		<link rel="preload" as="script" href="%[1]s"><img src="%[1]s"><video src="%[1]s"></video><script src="%[1]s"></script><script type="module" src="%[1]s"></script>
		<style>@import url(%[1]s); body { background: url(%[1]s) }</style>`},
	{name: "scripts", html: `<script>{
		const get = "fetch('%[1]s', {mode: 'no-cors'}).catch(() => {});"
		const code = URL.createObjectURL(new Blob([get + "importScripts('%[1]s')"]))
		eval(get); fetch('/to?%[1]s', {mode: 'no-cors'}).catch(() => {}); navigator.sendBeacon('%[1]s', 'x')
		new EventSource('%[1]s'); new WebSocket('%[1]s'.replace('http', 'ws')); new Worker(code); new SharedWorker(code)
		}</script>`},
	{name: "loads ahead", html: `<script type="speculationrules">{"prefetch": [{"source": "list", "eagerness": "immediate", "urls": ["%[1]s", "/to?%[1]s"]}],
		"prerender": [{"source": "list", "eagerness": "immediate", "urls": ["%[1]s", "/leads?%[1]s", "/to?%[1]s"]}]}</script>`},
}

// insideAddresses are addresses of the mall's inside server, and of where a
// machine might be, by number and by name.
func insideAddresses() []string {
	port := strings.TrimPrefix(mall.InsideURL(), "http://127.0.0.1")
	all := []string{mall.InsideURL(), "https://127.0.0.1" + port}
	for _, host := range []string{"localhost", "localhost.", "x.localhost", "2130706433", "[::1]", "[::ffff:127.0.0.1]"} {
		all = append(all, "http://"+host+port)
	}
	return append(all, mall.InsideNames()...)
}

// leads serves pages that lead to the addresses that are in their query, or to
// those of the returned list.
func leads(t *testing.T, name string, w way) (address string, to *[]string) {
	to = new([]string)
	mall.Handle("leads.taobao.com", "/*", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(rw, `<script>setTimeout(() => { location.href = '%s' }, 50); fetch('%[1]s', {mode: 'no-cors'}).catch(() => {})</script>`, r.URL.RawQuery)
	}))
	address = serve(t, name, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		switch {
		case r.URL.Path == "/to":
			redirect(http.StatusFound)(rw, r.URL.RawQuery)
		case r.URL.Path == "/leads":
			fmt.Fprintf(rw, `<script>location.href = '%s'</script>`, r.URL.RawQuery)
		case r.URL.Path != "/":
			rw.WriteHeader(http.StatusNotFound)
		case w.http != nil:
			w.http(rw, (*to)[0])
		default:
			fmt.Fprint(rw, `<!DOCTYPE html><title>a</title><body>`)
			for _, a := range *to {
				fmt.Fprintf(rw, w.html, a)
			}
		}
	})
	return address, to
}

// No page takes the main frame inside, in whichever way, and is told for what
// it is.
func TestNoPageGoesInside(t *testing.T) {
	for name, path := range programs(t) {
		b := browser.New(browser.Options{Path: path, Flags: mall.Flags(), Resolver: mall.Resolver()})
		t.Cleanup(func() { b.Close() })
		for i, w := range mainWays {
			t.Run(name+"/"+w.name, func(t *testing.T) {
				addresses := insideAddresses()
				if w.name != "location" { // which goes everywhere
					addresses = []string{addresses[i%8], "https://private.inside.test/", "https://machine.inside.test/"}
				}
				address, to := leads(t, fmt.Sprintf("goes%d", i), w)
				tb := tab(t, b, browser.TabOptions{})
				hits := mall.InsideHits()
				for _, a := range addresses {
					*to = []string{a}
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					err := tb.Open(ctx, address)
					if err == nil {
						err = tb.Wait(ctx, `new Promise(() => {})`, nil)
					}
					cancel()
					if load := (*browser.LoadError)(nil); !errors.As(err, &load) || !strings.Contains(err.Error(), "an address of this machine or its network") {
						t.Errorf("%s: %v, want that it leads inside", a, err)
					}
				}
				if n := mall.InsideHits() - hits; n != 0 {
					t.Errorf("inside was reached %d times", n)
				}
				usable(t, tb)
			})
		}
	}
}

// No page reaches inside by what it loads, in whichever way.
func TestNoPageReachesInside(t *testing.T) {
	for name, path := range programs(t) {
		b := browser.New(browser.Options{Path: path, Flags: mall.Flags(), Resolver: mall.Resolver(), Pictures: true})
		t.Cleanup(func() { b.Close() })
		for i, w := range otherWays {
			t.Run(name+"/"+w.name, func(t *testing.T) {
				address, to := leads(t, fmt.Sprintf("reaches%d", i), w)
				*to = insideAddresses()
				hits := mall.InsideHits()
				// Chrome now and then ends a page that asks for something inside
				// while it is still being put in place.
				err := browser.ErrCrashed
				for try := 0; errors.Is(err, browser.ErrCrashed) && try < 5; try++ {
					tb := tab(t, b, browser.TabOptions{})
					if _, err = title(t, tb, address); err == nil {
						// What is tried in vain says nothing of when it ends.
						err = tb.Wait(deadline.Context(t), `new Promise(done => setTimeout(done, 1000))`, nil)
					}
					tb.Close()
				}
				if err != nil {
					t.Error(err)
				}
				if n := mall.InsideHits() - hits; n != 0 {
					t.Errorf("inside was reached %d times", n)
				}
				usable(t, tab(t, b, browser.TabOptions{}))
			})
		}
	}
}

// A page that would have the next one loaded ahead of a visit leads there all
// the same.
func TestPageThatLoadsAhead(t *testing.T) {
	for name, path := range programs(t) {
		t.Run(name, func(t *testing.T) {
			b := browser.New(browser.Options{Path: path, Flags: mall.Flags()})
			t.Cleanup(func() { b.Close() })
			var ahead atomic.Int64
			address := serve(t, "ahead", func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") {
					ahead.Add(1)
				}
				if r.URL.Path != "/" {
					fmt.Fprint(w, `<title>next</title>`)
					return
				}
				fmt.Fprint(w, `<title>a</title><script type="speculationrules">{"prefetch": [{"source": "list", "eagerness": "immediate", "urls": ["/b", "/c"]}],
					"prerender": [{"source": "list", "eagerness": "immediate", "urls": ["/b", "/d"]}]}</script><script>setTimeout(() => { location.href = '/b' }, 300)</script>`)
			})
			tb := tab(t, b, browser.TabOptions{})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err := tb.Open(ctx, address)
			if err == nil {
				err = tb.Wait(ctx, `new Promise(done => setInterval(() => document.title === 'next' && done(), 10))`, nil)
			}
			if err != nil || ahead.Load() > 0 {
				t.Errorf("the next page: %v; %d pages were loaded ahead", err, ahead.Load())
			}
		})
	}
}

// moved is an address that was outside when its name was looked up.
const moved = "https://moved.inside.test/"

// A name may lead elsewhere when Chrome asks for it than it did before.
func TestNameThatMovesInside(t *testing.T) {
	for name, path := range programs(t) {
		t.Run(name, func(t *testing.T) {
			b := browser.New(browser.Options{Path: path, Flags: mall.Flags(), Resolver: mall.Resolver()})
			t.Cleanup(func() { b.Close() })
			tb := tab(t, b, browser.TabOptions{})
			address := serve(t, "moving", func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, `<title>a</title><script>location.href = %q</script>`, moved)
			})
			for _, from := range []string{address, moved} {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				err := tb.Open(ctx, from)
				if err == nil {
					err = tb.Wait(ctx, `new Promise(done => setInterval(() => document.title === 'internal' && done(), 10))`, nil)
				}
				cancel()
				if load := (*browser.LoadError)(nil); !errors.As(err, &load) || !strings.Contains(err.Error(), "moved.inside.test (127.0.0.1)") {
					t.Errorf("from %s: %v, want that it leads inside", from, err)
				}
				if d := tb.Document(); d.URL == moved {
					t.Errorf("from %s: document = %+v", from, d)
				}
			}
			usable(t, tb)
		})
	}
}

// A page whose next document waits for judgement does not get it when its tab
// is closed.
func TestTabThatIsClosedInTime(t *testing.T) {
	for name, path := range programs(t) {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{}, 1)
			b := browser.New(browser.Options{Path: path, Flags: mall.Flags(), Resolver: &net.Resolver{
				PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
					select {
					case asked <- struct{}{}:
					default:
					}
					<-ctx.Done() // a name server that takes its time
					return nil, ctx.Err()
				},
			}})
			t.Cleanup(func() { b.Close() })
			hits := mall.InsideHits()
			for range 3 {
				tb := tab(t, b, browser.TabOptions{})
				if _, err := title(t, tb, page(t, `<title>a</title>`)); err != nil {
					t.Fatal(err)
				}
				// The page may be gone before it says that it was told.
				_ = tb.Wait(deadline.Context(t), `new Promise(done => { setTimeout(() => { location.href = 'https://private.inside.test/' }); done() })`, nil)
				deadline.Receive(t, "the page goes elsewhere", asked)
				tb.Close()
			}
			tb := tab(t, b, browser.TabOptions{})
			if _, err := title(t, tb, page(t, `<title>a</title><script>for (const left of ['beforeunload', 'pagehide', 'visibilitychange', 'unload'])
				addEventListener(left, () => { location.href = 'https://private.inside.test/'; fetch('https://private.inside.test/', {mode: 'no-cors', keepalive: true}).catch(() => {}) })</script>`)); err != nil {
				t.Fatal(err)
			}
			tb.Close()
			usable(t, tab(t, b, browser.TabOptions{}))
			if n := mall.InsideHits() - hits; n != 0 {
				t.Errorf("inside was reached %d times", n)
			}
		})
	}
}

// Pictures are not fetched from inside, nor where a redirect leads there.
func TestPicturesAreNotFetchedFromInside(t *testing.T) {
	for name, path := range programs(t) {
		t.Run(name, func(t *testing.T) {
			b := browser.New(browser.Options{Path: path, Flags: mall.Flags(), Resolver: mall.Resolver()})
			t.Cleanup(func() { b.Close() })
			to := ""
			address := serve(t, "pictured", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/" {
					fmt.Fprint(w, `<title>a</title>`)
					return
				}
				w.Header().Set("Location", to)
				w.WriteHeader(http.StatusFound)
			})
			tb := tab(t, b, browser.TabOptions{})
			if _, err := title(t, tb, address); err != nil {
				t.Fatal(err)
			}
			hits := mall.InsideHits()
			for _, to = range append(insideAddresses(), moved) {
				for _, from := range []string{to, address + "a.jpg"} {
					body, err := tb.Fetch(t.Context(), from, 1000)
					if err == nil {
						t.Errorf("%s, which leads to %s: %q", from, to, body)
					}
					if told := strings.Contains(fmt.Sprint(err), "this machine or its network"); told != (from == to && to != moved) {
						t.Errorf("%s, which leads to %s: %v", from, to, err)
					}
				}
			}
			if n := mall.InsideHits() - hits; n != 0 {
				t.Errorf("inside was reached %d times", n)
			}
			if got, err := title(t, tb, address); got != "a" || err != nil {
				t.Errorf("afterwards the tab shows %q, %v", got, err)
			}
			// Nor where the page has led inside, which keeps no others away.
			if err := tb.Open(t.Context(), mall.InsideURL()); err == nil {
				t.Error("an address inside was opened")
			}
			to = "https://private.inside.test/"
			if body, err := tb.Fetch(t.Context(), address+"a.jpg", 1000); err == nil {
				t.Errorf("%s, after it was refused: %q", to, body)
			}
			if body, err := tb.Fetch(deadline.Context(t), address, 1000); err != nil || !strings.Contains(string(body), "title") {
				t.Errorf("a picture, after an address was refused: %q, %v", body, err)
			}
			if n := mall.InsideHits() - hits; n != 0 {
				t.Errorf("inside was reached %d times", n)
			}
		})
	}
}
