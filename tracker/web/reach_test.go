package web_test

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"shopwatch/fixtures/chrometest"
)

// after runs a script in the page that is open, after some actions.
func after[T any](t *testing.T, ctx context.Context, script string, first ...chromedp.Action[chromedp.Void]) T {
	t.Helper()
	if err := chromedp.Do(ctx, first...); err != nil {
		t.Fatal(err)
	}
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// focused describes what has the focus and how it shows it: empty behind the
// last of the page.
const focused = `(() => {
	const e = document.activeElement;
	if (!e || e === document.body) return '';
	const r = e.getBoundingClientRect(), s = getComputedStyle(e);
	let name = e.tagName + ' ' + (e.textContent.trim() || e.getAttribute('aria-label') || e.name || '').slice(0, 40);
	// The parts of a date show it themselves.
	if (!(e.type === 'date' && e.dataset.reached) && (s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 2)) name = 'NOT SHOWN ' + name;
	if (r.width < 1 || r.height < 1 || r.right < 1 || r.left > innerWidth || r.bottom < 1 || r.top > innerHeight) name = 'NOT IN SIGHT ' + name;
	if (e.closest('[aria-hidden=true]')) name = 'HIDDEN ' + name;
	e.dataset.reached = '1';
	return name;
})()`

// missed are the elements that people use and the Tab key did not reach.
const missed = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')].filter(e =>
	e.dataset.reached !== '1' && !e.disabled && !e.closest('svg') && e.getClientRects().length > 0).map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 40))`

// TestKeyboardReachesEverything goes through pages with the Tab key alone: what
// has the focus shows it and is in sight, the marks of pictures are passed over
// because the tables have them, and nothing else is left out.
func TestKeyboardReachesEverything(t *testing.T) {
	ctx, address, pages := visit(t)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank"), setCookie(signedIn(t, address))); err != nil {
		t.Fatal(err)
	}
	press := chromedp.KeyEvent(kb.Tab)
	for _, name := range []string{"overview", "shelf-hostile", "shelf-table", "product-repriced", "changes-hostile", "proof-removed", "suspects", "reports", "report", "settings"} {
		t.Run(name, func(t *testing.T) {
			show(t, ctx, address+pages[name], "en", "light", 1280)
			unfold(t, ctx)
			var stops []string
			for len(stops) < 700 {
				stop := after[string](t, ctx, focused, press)
				if stop == "" {
					break
				}
				stops = append(stops, stop)
				if strings.HasPrefix(stop, "NOT ") || strings.HasPrefix(stop, "HIDDEN ") {
					t.Errorf("stop %d: %s", len(stops), stop)
				}
			}
			if len(stops) == 0 || !strings.HasPrefix(stops[0], "A Skip to content") {
				t.Fatalf("stops %q", stops)
			}
			if left := after[[]string](t, ctx, missed); len(left) > 0 {
				t.Errorf("the Tab key does not reach %q", left)
			}
		})
	}
}

// moves names what moves by itself on a page.
const moves = `document.getAnimations().length + [...document.querySelectorAll('*')].filter(e => { const s = getComputedStyle(e); return s.animationName !== 'none' || s.transitionDuration !== '0s' }).length`

// unnamed are the pictures of data that are neither hidden from those who listen,
// with a table beside them, nor named.
const unnamed = `[...document.querySelectorAll('main svg')].filter(e => !e.closest('[aria-hidden=true]')).length +
	(document.querySelector('main .chart, main .timeline, main .strip') && !document.querySelector('main table, main a[href*="view=table"]') ? 100 : 0)`

// inks are the colours of a heading and of the page.
const inks = `getComputedStyle(document.querySelector('h1')).color + ' on ' + getComputedStyle(document.body).backgroundColor`

// unseen is what cannot be seen without colours of our own.
const unseen = `(() => {
	const now = document.querySelector('nav [aria-current], .tabs [aria-current]'), bar = document.querySelector('path.seen'), back = getComputedStyle(document.body).backgroundColor;
	if (now && getComputedStyle(now).outlineStyle === 'none') return 'the place is not shown';
	if (bar && getComputedStyle(bar).fill === back) return 'bars are as the page: ' + back;
	return '';
})()`

// TestPagesAdapt looks at all pages as they are for who enlarges them (1280 px at
// 200 % and at 400 %), for widths in between, without colours of our own, on
// paper, and for who wants nothing to move.
func TestPagesAdapt(t *testing.T) {
	ctx, address, pages := visit(t)
	media := func(kind string, features ...*emulation.MediaFeature) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: kind, Features: features})
			return err
		})
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		t.Run(name, func(t *testing.T) {
			show(t, ctx, address+pages[name], "en", "dark", 320)
			for _, width := range []int64{320, 640, 800, 1024} {
				bad := after[[]string](t, ctx, overflow, chromedp.EmulateViewport(width, 800))
				for _, b := range bad[:min(len(bad), 4)] {
					t.Errorf("at %d px: %s", width, b)
				}
			}
			if n := after[int](t, ctx, moves, media("", &emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"})); n > 0 {
				t.Errorf("%d things move", n)
			}
			if n := after[int](t, ctx, unnamed); n > 0 {
				t.Errorf("%d pictures without a name or a table", n)
			}
			if ink := after[string](t, ctx, inks, media("print", &emulation.MediaFeature{Name: "prefers-color-scheme", Value: "dark"})); ink != "rgb(0, 0, 0) on rgb(255, 255, 255)" {
				t.Errorf("printed from dark colours: %s", ink)
			}
			// Who forces colours still sees where they are, and the bars.
			if forced := after[string](t, ctx, unseen, media("", &emulation.MediaFeature{Name: "forced-colors", Value: "active"})); forced != "" {
				t.Errorf("forced colours: %s", forced)
			}
			if err := chromedp.Do(ctx, media("")); err != nil {
				t.Fatal(err)
			}
		})
	}
	// Paper is white also for who chose dark colours here.
	dark := setCookie(network.SetCookieParams{Name: "theme", Value: "dark", URL: address})
	if ink := after[string](t, ctx, inks, dark, chromedp.Navigate(address+pages["proof-removed"]), media("print")); ink != "rgb(0, 0, 0) on rgb(255, 255, 255)" {
		t.Errorf("printed with dark colours chosen: %s", ink)
	}
}

// strays are the addresses of a page that lead out of a path, but for those of
// the marketplace.
const strays = `(prefix => [...document.querySelectorAll('a[href], link[href], script[src], img[src], form[action]')].map(e => e.href?.baseVal !== undefined ? new URL(e.href.baseVal, document.baseURI).href : e.href || e.src || e.action)
	.filter(u => u.startsWith(location.origin) && !u.startsWith(location.origin + prefix)))('/shopwatch/')`

// TestBehindProxy signs in and opens all pages through a real reverse proxy that
// serves them under a path: nothing leads out of it, nothing is missing, and what
// is chosen is kept for that path alone.
func TestBehindProxy(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chrome")
	}
	db := populated(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own := "http://" + l.Addr().String() + "/shopwatch/"
	o := tourOptions(db)
	if o.Public, err = url.Parse(own); err != nil {
		t.Fatal(err)
	}
	o.Closed = true
	behind, err := url.Parse("http://" + serve(t, o))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/shopwatch/", http.StripPrefix("/shopwatch", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}}))
	proxy := http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- proxy.Serve(l) }()
	t.Cleanup(func() {
		proxy.Close()
		<-ended
	})

	ctx := chrometest.Start(t, 10*time.Minute)
	heard := listen(t, ctx, own)
	arrived := func(want string) {
		t.Helper()
		var at string
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if at, _ = chromedp.Run(ctx, chromedp.Evaluate[string](`document.readyState === 'complete' ? location.href + ' ' + document.documentElement.lang + (document.getElementById('token') ? ' asks' : '') : ''`)); at == want {
				return
			}
		}
		t.Fatalf("at %q, want %q", at, want)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(own+"s/evil")); err != nil {
		t.Fatal(err)
	}
	arrived(own + "s/evil en asks")
	for _, b := range heard.take() {
		t.Errorf("the page that asks for the token: %s", b)
	}
	if err := chromedp.Do(ctx, chromedp.SendKeys("#token", token+kb.Enter)); err != nil {
		t.Fatal(err)
	}
	arrived(own + "s/evil en")
	pages := tour(t, db)
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		if name == "missing" || name == "nowhere" {
			continue
		}
		if err := chromedp.Do(ctx, chromedp.Navigate(own+strings.TrimPrefix(pages[name], "/"))); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if left := after[[]string](t, ctx, strays); len(left) > 0 {
			t.Errorf("%s leads to %q", name, left)
		}
		for _, b := range heard.take() {
			t.Errorf("%s: %s", name, b)
		}
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(own+"changes"), chromedp.Click("button[name=lang]")); err != nil {
		t.Fatal(err)
	}
	arrived(own + "changes zh-CN")
	var got []network.Cookie
	err = chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		r, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{})
		for _, c := range r.Cookies {
			got = append(got, *c)
		}
		return err
	}))
	if err != nil || len(got) < 2 {
		t.Fatalf("cookies %v, %v", got, err)
	}
	for _, c := range got {
		if !strings.HasPrefix(c.Path, "/shopwatch") {
			t.Errorf("the cookie %s is kept for %s", c.Name, c.Path)
		}
	}
}
