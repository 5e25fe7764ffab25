package web_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"shopwatch/fixtures/chrometest"
)

var (
	shots = flag.String("shots", "", "keep pictures of the pages in this folder")
	only  = flag.String("pages", "", "look at these pages only: their names, with commas between")
)

// axe is the accessibility checker. `make axe` gets it from npm; it is no part
// of shopwatch.
func axe(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/axe/node_modules/axe-core/axe.min.js")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("run `make axe` first: %v", err)
	}
	if err != nil {
		t.Logf("ACCESSIBILITY IS NOT CHECKED: run `make axe` first: %v", err)
	}
	return string(b)
}

// overflow names what sticks out of the window, and texts that are cut.
const overflow = `(() => {
	const wide = document.documentElement.clientWidth, bad = [];
	const name = e => e.tagName + '.' + (e.getAttribute('class') || '') + ' ' + e.textContent.trim().slice(0, 40);
	for (const e of document.body.querySelectorAll('*')) {
		if (e.closest('svg, .hidden, .skip, .wide')) continue;
		const r = e.getBoundingClientRect();
		if (r.width && r.height && (r.right > wide + 0.5 || r.left < -0.5)) bad.push('sticks out: ' + name(e));
		if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && !e.closest('.t') && getComputedStyle(e).display !== 'inline' && e.tagName !== 'SELECT' && e.tagName !== 'INPUT') bad.push('cut: ' + name(e));
		if (r.width > 0 && r.width < 40 && e.childElementCount === 0 && e.textContent.trim().length > 12) bad.push('squeezed: ' + name(e));
	}
	if (document.documentElement.scrollWidth > wide) bad.push('the page scrolls to ' + document.documentElement.scrollWidth);
	return bad;
})()`

// check runs axe with the rules of WCAG 2.2 A and AA.
const check = `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r =>
	JSON.stringify(r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' ' + (n.any[0] ? n.any[0].message : '')).join(' | '))))`

// A listener gathers what goes wrong in a tab.
type listener struct {
	mu  sync.Mutex
	bad []string
}

func (l *listener) hear(own string) func(any) {
	return func(ev any) {
		said := ""
		switch e := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			said = "console: " + string(e.Type)
		case *runtime.EventExceptionThrown:
			said = "exception: " + e.ExceptionDetails.Text
		case *log.EventEntryAdded:
			if !strings.Contains(e.Entry.Text, "404 (Not Found)") && !strings.Contains(e.Entry.Text, "401 (Unauthorized)") { // of the page itself
				said = "log: " + e.Entry.Text
			}
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, own) && !strings.HasPrefix(u, "data:") {
				said = "request to another host: " + u
			}
		case *page.EventJavascriptDialogOpening:
			said = "dialog: " + e.Message
		}
		if said != "" {
			l.mu.Lock()
			l.bad = append(l.bad, said)
			l.mu.Unlock()
		}
	}
}

func (l *listener) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	bad := l.bad
	l.bad = nil
	return bad
}

// listen gathers what goes wrong in a tab from now on: among it requests that
// lead elsewhere than to own.
func listen(t *testing.T, ctx context.Context, own string) *listener {
	t.Helper()
	l := new(listener)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, l.hear(own)); err != nil {
		t.Fatal(err)
	}
	return l
}

// visit returns a tab of a Chrome, and where pages are that have everything on
// them.
func visit(t *testing.T) (ctx context.Context, address string, pages map[string]string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Chrome")
	}
	db := populated(t)
	address, pages = "http://"+serve(t, tourOptions(db)), tour(t, db)
	return chrometest.Start(t, 10*time.Minute), address, pages
}

// setCookie has the browser keep a cookie.
func setCookie(c network.SetCookieParams) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.SetCookie, c)
		return err
	})
}

// signedIn is the cookie of an operator.
func signedIn(t *testing.T, address string) network.SetCookieParams {
	t.Helper()
	resp, err := noRedirect().PostForm(address+"/signin", url.Values{"token": {token}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for _, c := range resp.Cookies() {
		if strings.HasPrefix(c.Name, "shopwatch-") {
			return network.SetCookieParams{Name: c.Name, Value: c.Value, URL: address + "/"}
		}
	}
	t.Fatalf("signing in gave %s and no cookie", resp.Status)
	return network.SetCookieParams{}
}

// TestLookAtEveryPage opens all pages in a real Chrome, in both languages, light
// and dark, on a phone and on a desktop: nothing is cut or sticks out, nothing
// is asked of other hosts, nothing is complained of, and axe finds nothing.
func TestLookAtEveryPage(t *testing.T) {
	ctx, address, pages := visit(t)
	script := axe(t)
	heard := listen(t, ctx, address)
	names := slices.Sorted(maps.Keys(pages))
	for _, operator := range []bool{false, true} {
		if operator {
			if err := chromedp.Do(ctx, setCookie(signedIn(t, address))); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range names {
			if *only != "" && !slices.Contains(strings.Split(*only, ","), name) {
				continue
			}
			if operator && !slices.Contains([]string{"shelf", "proof-removed", "report", "overview"}, name) {
				continue
			}
			for _, lang := range []string{"en", "zh"} {
				for _, scheme := range []string{"light", "dark"} {
					for _, width := range []int64{360, 1280} {
						as := ""
						if operator {
							as = ".operator"
						}
						t.Run(fmt.Sprintf("%s%s.%s.%s.%d", name, as, lang, scheme, width), func(t *testing.T) {
							show(t, ctx, address+pages[name], lang, scheme, width)
							look(t, ctx, script, heard)
							if lang == "en" && scheme == "light" && unfold(t, ctx) {
								look(t, ctx, script, heard)
							}
						})
					}
				}
			}
		}
	}
}

// show opens a page.
func show(t *testing.T, ctx context.Context, address, lang, scheme string, width int64) {
	t.Helper()
	as := chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		if err == nil {
			_, err = chromedp.Call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": lang}})
		}
		return err
	})
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800), as, chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
}

// unfold opens what is folded on the page that is open, and reports whether
// something was.
func unfold(t *testing.T, ctx context.Context) bool {
	t.Helper()
	n, err := chromedp.Run(ctx, chromedp.Evaluate[int](`(() => { const all = document.querySelectorAll('details:not([open])'); all.forEach(d => d.open = true); return all.length })()`))
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// look looks at the page that is open.
func look(t *testing.T, ctx context.Context, script string, heard *listener) {
	t.Helper()
	if *shots != "" {
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(t.Name(), "/")
		if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bad, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](overflow))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bad[:min(len(bad), 8)] {
		t.Error(b)
	}
	for _, b := range heard.take() {
		t.Error(b)
	}
	if script == "" {
		return
	}
	// Our policy lets no script of others run in the page; the tests' runs as
	// Chrome's own.
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](script+";"+check, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	var violations []string
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Error("axe: " + v)
	}
}
