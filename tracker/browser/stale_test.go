package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shopwatch/fixtures/deadline"
	"shopwatch/tracker/browser"
)

// A worker that the page has installed and that has taken charge of it answers
// none of its requests.
func TestServiceWorkerIsBypassed(t *testing.T) {
	var asked atomic.Int64
	address := serve(t, "worker", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/worker.js" {
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, `addEventListener('install', e => e.waitUntil(skipWaiting()))
				addEventListener('activate', e => e.waitUntil(clients.claim()))
				addEventListener('fetch', e => e.respondWith(new Response('<title>stale</title>', {headers: {'Content-Type': 'text/html'}})))`)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<title>loading</title><script>navigator.serviceWorker.register('/worker.js').then(() => navigator.serviceWorker.ready).then(() => { document.title = 'asked %d' })</script>`, asked.Add(1))
	})
	tb := tab(t, chrome, browser.TabOptions{Script: `globalThis.shopwatch = {heard() {}, title: () => new Promise(done => {
		const look = () => document.title === 'loading' ? setTimeout(look, 5) : done(document.title)
		look()
	})}`})
	for n := 1; n <= 3; n++ {
		got, err := title(t, tb, address)
		if want := fmt.Sprint("asked ", n); got != want || err != nil || tb.Document().Stale != "" {
			t.Errorf("title = %q, %v, want %q; the answer came from %q", got, err, want, tb.Document().Stale)
		}
	}
}

// What Chrome's cache answers is marked, also where it only led on to another
// page, until the cache is out of use.
func TestStaleAnswersAreMarked(t *testing.T) {
	address := serve(t, "stale", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/new?"+fmt.Sprint(time.Now().UnixNano()), http.StatusMovedPermanently)
		case "/onward":
			fmt.Fprint(w, `<script>location.href = '/new?' + Math.random()</script>`)
		case "/list":
			fmt.Fprint(w, `<title>list</title><script src="/call"></script>`)
			w.Header().Set("Cache-Control", "no-store")
		case "/call":
			fmt.Fprint(w, `document.title = 'called'`)
		default:
			fmt.Fprint(w, `<title>new</title>`)
		}
	})
	const script = `globalThis.shopwatch = {heard() {}, title: () => new Promise(done => {
		const look = () => document.title === 'new' || document.title === 'called' ? done(document.title) : setTimeout(look, 5)
		look()
	})}`
	o := browser.TabOptions{Script: script, Calls: func(u *url.URL) bool { return u.Path == "/call" }}
	for _, path := range []string{"plain", "moved", "onward"} {
		tb := tab(t, chrome, o)
		for _, want := range []string{"", "the disk cache"} {
			if _, err := title(t, tb, address+path); err != nil || tb.Document().Stale != want {
				t.Errorf("%s: %v, from %q, want %q", path, err, tb.Document().Stale, want)
			}
		}
		if err := tb.IgnoreCache(deadline.Context(t)); err != nil {
			t.Fatal(err)
		}
		if _, err := title(t, tb, address+path); err != nil || tb.Document().Stale != "" {
			t.Errorf("%s: %v, from %q, want the server", path, err, tb.Document().Stale)
		}
	}
	tb := tab(t, chrome, o)
	for n, want := range []bool{false, true} {
		if _, err := title(t, tb, address+"list"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		for len(tb.Calls(0)) == 0 && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
		calls := tb.Calls(0)
		if len(calls) != 1 || strings.Contains(calls[0].Stale, "cache") != want {
			t.Errorf("load %d: calls %+v, want one from the cache: %v", n+1, calls, want)
		}
	}
}
