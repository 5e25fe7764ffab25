package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"shopwatch/fixtures/chrometest"
	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// A slowDaemon scans until it is told to end.
type slowDaemon struct {
	daemon
	begun, end chan bool
}

func (d slowDaemon) Status(context.Context) []api.Waiting {
	w := api.Waiting{Storefront: tracker.Storefront{Name: "evil"}}
	select {
	case <-d.end:
		return []api.Waiting{w}
	default:
	}
	select {
	case <-d.begun:
		w.Began, w.Progress = time.Now(), tracker.Progress{Pages: 3, Products: 120, Declared: tracker.Declared{Pages: 7}}
	default:
	}
	return []api.Waiting{w}
}

func (d slowDaemon) Scan(_ context.Context, name tracker.StorefrontName, _ api.HowToScan, _ func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error) {
	close(d.begun)
	<-d.end
	return &tracker.Scan{Storefront: name, Verdict: tracker.Complete}, []tracker.Change{{}, {}}, nil
}

// TestTourWithoutScripts does everything that people do, in a Chrome that runs no
// scripts: look, filter, search, turn pages, sign in, have a storefront scanned
// and follow it, dispute a change, try a report again, choose language and
// colours.
func TestTourWithoutScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chrome")
	}
	db := populated(t)
	o := tourOptions(db)
	d := slowDaemon{begun: make(chan bool), end: make(chan bool)}
	o.Daemon = d
	address := "http://" + serve(t, o)
	ctx := chrometest.Start(t, 10*time.Minute)
	off := chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
	if err := chromedp.Do(ctx, off, chromedp.Navigate(address+"/")); err != nil {
		t.Fatal(err)
	}
	text := func() string {
		t.Helper()
		s, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.title + '\n' + location.pathname + location.search + '\n' + document.body.innerText`))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	// expect waits until the page holds a text: a click loads another one.
	expect := func(what, want string) {
		t.Helper()
		var got string
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if got, _ = chromedp.Run(ctx, chromedp.Evaluate[string](`document.readyState === 'complete' ? location.pathname + location.search + '\n' + document.body.innerText : ''`)); strings.Contains(got, want) {
				return
			}
		}
		t.Fatalf("%s: no %q in\n%s", what, want, got)
	}
	// do does something in the page as soon as it can be done.
	do := func(js string) bool {
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState === 'complete' && `+js)); err == nil && ok {
				return true
			}
		}
		return false
	}
	// press clicks on the first element of a selector that holds a text.
	press := func(selector, holds string) {
		t.Helper()
		js := fmt.Sprintf(`(() => { const e = [...document.querySelectorAll(%q)].find(e => e.textContent.includes(%q)); if (e) e.click(); return !!e; })()`, selector, holds)
		if !do(js) {
			t.Fatalf("nothing to press: %s with %q in\n%s", selector, holds, text())
		}
	}
	fill := func(selector, value string) {
		t.Helper()
		js := fmt.Sprintf(`(() => { const e = document.querySelector(%q); if (e) e.value = %q; return !!e; })()`, selector, value)
		if !do(js) {
			t.Fatalf("nothing to fill: %s in\n%s", selector, text())
		}
	}
	press("h2 a", "made-up")
	expect("a storefront", "Compare two days")
	press(".tabs a", "1 year")
	expect("a year", "window=1y")
	press("main p a", "The same as a table")
	expect("the shelf as a table", "What complete scans showed")
	press("main p a", "As a picture")
	expect("the shelf as a picture", "seen by complete scans")
	fill("input[name=q]", "音箱")
	press("form.filter button", "Apply")
	expect("search keeps the window", "window=1y&show=&sort=&q=%E9%9F%B3%E7%AE%B1")
	press(".timeline li > a", "王者荣耀") // the title is shortened in its middle
	expect("a product", "First seen")
	press(".changes a", "Proof")
	expect("a proof", "Why it is believed")
	press("a", "Sign in")
	expect("signing in", "Token")
	fill("#token", "wrong")
	press("form button", "Sign in")
	expect("a wrong token", "wrong token")
	fill("#token", token)
	press("form button", "Sign in")
	expect("signed in, and back at the proof", "Mark as wrong")
	fill("#reason", "I have it before me")
	press("form button", "Mark as wrong")
	expect("corrected", "I have it before me")
	if list, err := db.Changes(ctx, storage.Query{Kinds: []tracker.Kind{tracker.Corrected}}); err != nil || len(list) != 1 {
		t.Errorf("%d corrections, %v; want one", len(list), err)
	}
	press("nav a", "Reports")
	expect("reports", "analysts")
	press("td a", "Report 1")
	expect("a report names recipients to who signed in", secret)
	press("form button", "Try again now")
	expect("tried again", "Report 1")
	press("form.prefs button", "中文")
	expect("Chinese", "投递")
	press("form.prefs button", "English")
	expect("English", "Deliveries")
	if err := chromedp.Do(ctx, chromedp.Navigate(address+"/s/evil")); err != nil {
		t.Fatal(err)
	}
	press("form button", "Scan now")
	expect("progress", "Scanning: 3 pages, 120 products")
	html, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`!!document.querySelector('noscript') && document.querySelector('noscript').innerHTML.includes('refresh') && !!document.querySelector('progress')`))
	if err != nil || !html {
		t.Errorf("the page does not follow the scan: %v", err)
	}
	close(d.end)
	expect("the page followed the scan to its end", "The scan is done")
	press("form button", "Sign out")
	expect("signed out", "Sign in")
}
