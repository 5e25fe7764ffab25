package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker/browser"
)

// asking is a script of a tab that waits for the title of its page.
const asking = `globalThis.shopwatch = {
	until: t => new Promise(done => setInterval(() => document.title === t && done(true), 5)),
	ask: (p, t) => fetch(p).then(a => a.text()).then(() => { document.title = t; return true }),
}`

// recorded opens a page in a tab that remembers what it is answered, and waits
// for its title.
func recorded(t *testing.T, address, title string) (*browser.Tab, context.Context) {
	t.Helper()
	tb := tab(t, chrome, browser.TabOptions{Record: true, Script: asking})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	if err := tb.Open(ctx, address); err != nil {
		t.Fatal(err)
	}
	if err := tb.Wait(ctx, fmt.Sprintf("shopwatch.until(%q)", title), nil); err != nil {
		t.Fatal(err)
	}
	return tb, ctx
}

// paths are those of exchanges, and whether their bodies are there.
func paths(list []browser.Exchange) string {
	var b strings.Builder
	for i := range list {
		x := &list[i]
		if _, path, found := strings.Cut(x.URL, ".tmall.com/"); found && path != "favicon.ico" {
			fmt.Fprintf(&b, " /%s", path)
			if x.Lost != nil {
				fmt.Fprintf(&b, " (%v)", x.Lost)
			}
		}
	}
	return b.String()
}

// A body that Chrome has not kept, or that broke off, is told as one that is
// lacking, and why.
func TestLostBodiesAreTold(t *testing.T) {
	address := serve(t, "lost", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			fmt.Fprint(w, `<title>a</title><script>
				const none = () => {}
				fetch('/large').then(a => a.text()).then(() => fetch('/cut')).then(a => a.text()).catch(none)
					.then(() => fetch('/small')).then(a => a.text()).then(() => { document.title = 'over' })</script>`)
		case "/large":
			fmt.Fprint(w, strings.Repeat("x", 6<<20))
		case "/cut":
			fmt.Fprint(w, "cut")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		case "/small":
			fmt.Fprint(w, "small")
		}
	})
	tb, ctx := recorded(t, address, "over")
	list, dropped, err := tb.Exchanges(ctx, 1<<20)
	if err != nil || dropped != (browser.Dropped{}) {
		t.Errorf("dropped %+v, %v", dropped, err)
	}
	got := paths(list)
	for _, want := range []string{" /large (chrome has not kept its body: ", ") /cut (it broke off) /small"} {
		if !strings.Contains(got, want) {
			t.Errorf("exchanges are%s, want%s", got, want)
		}
	}
	if err := tb.Wait(ctx, "shopwatch.ask('/small', 'more')", nil); err != nil {
		t.Fatal(err)
	}
	if list, _, _ = tb.Exchanges(ctx, 0); paths(list) != " /small (too much was answered)" {
		t.Errorf("with no room for bodies exchanges are%s", paths(list))
	}
}

// A list whose pages are turned is remembered by its document and by the page
// that it shows.
func TestTurnedPagesAreDropped(t *testing.T) {
	address := serve(t, "turned", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			fmt.Fprint(w, `<title>a</title><script>fetch('/1').then(a => a.text()).then(() => { document.title = 'over' })</script>`)
		}
	})
	tb, ctx := recorded(t, address, "over")
	for n := 2; n <= 4; n++ {
		tb.Turning()
		if err := tb.Wait(ctx, fmt.Sprintf("shopwatch.ask('/%d', 'over')", n), nil); err != nil {
			t.Fatal(err)
		}
	}
	list, dropped, err := tb.Exchanges(ctx, 1<<20)
	if err != nil || paths(list) != " / /1 /4" || dropped != (browser.Dropped{Earlier: 2}) {
		t.Errorf("exchanges are%s, dropped %+v, %v", paths(list), dropped, err)
	}
}

// Of a page that asks for more than the tab remembers, the oldest answers are
// dropped: neither its document nor the last ones, by which it is judged.
func TestOldestExchangesAreDropped(t *testing.T) {
	address := serve(t, "many", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			fmt.Fprint(w, `<title>a</title><script>(async () => {
				for (let i = 0; i < 1100; i += 100) await Promise.all([...Array(100).keys()].map(k => fetch('/' + (i + k)).then(a => a.text())))
				document.title = 'over' })()</script>`)
		}
	})
	tb, ctx := recorded(t, address, "over")
	list, dropped, err := tb.Exchanges(ctx, 1)
	got := strings.Fields(paths(list))
	if err != nil || len(list) != 1000 || dropped.Oldest < 101 || dropped.Earlier != 0 || got[0] != "/" || !strings.Contains(paths(list[980:]), "/1099") {
		t.Errorf("%d exchanges from %q to %q, dropped %+v, %v", len(list), got[0], got[len(got)-1], dropped, err)
	}
}
