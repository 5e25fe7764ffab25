package browser_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"shopwatch/tracker/browser"
)

func TestPageCannotBendTheScript(t *testing.T) {
	tb := tab(t, chrome, browser.TabOptions{})
	got, err := title(t, tb, page(t, `<title>true</title><script>
		Promise = function() { throw 1 }; setTimeout = () => {}; globalThis.shopwatch = {title: () => 'bent'}
		Object.defineProperty(document, 'title', {get: () => 'bent'})</script>`))
	if got != "true" || err != nil {
		t.Errorf("title = %q, %v", got, err)
	}
}

func TestEndlessScriptEndsWithTheDeadline(t *testing.T) {
	tb := tab(t, chrome, browser.TabOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	err := tb.Open(ctx, page(t, `<title>x</title><script>for (;;) {}</script>`))
	if err == nil {
		err = tb.Wait(ctx, "shopwatch.title()", nil)
	}
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 30*time.Second {
		t.Errorf("err = %v after %s", err, time.Since(began))
	}
	began = time.Now()
	tb.Close()
	if d := time.Since(began); d > 30*time.Second {
		t.Errorf("closing the tab took %s", d)
	}
	usable(t, tab(t, chrome, browser.TabOptions{}))
}

func TestScriptThatGoesOnIsFollowed(t *testing.T) {
	address := serve(t, "hopping", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			fmt.Fprint(w, `<title>end</title>`)
			return
		}
		fmt.Fprint(w, `<title>start</title><script>location.href = '/end'</script>`)
	})
	tb := tab(t, chrome, browser.TabOptions{Script: `globalThis.shopwatch = {heard() {},
		end: () => new Promise(done => setInterval(() => document.title === 'end' && done(location.pathname), 10))}`})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := tb.Open(ctx, address); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := tb.Wait(ctx, "shopwatch.end()", &got); got != "/end" || err != nil {
		t.Errorf("ended at %q, %v", got, err)
	}
	if d := tb.Document(); d.URL != address+"end" || d.Status != 200 {
		t.Errorf("document = %+v", d)
	}
}
