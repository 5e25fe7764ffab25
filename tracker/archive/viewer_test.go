package archive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"shopwatch/fixtures/chrometest"
	"shopwatch/tracker/archive"
)

var shot = flag.String("shot", "", "keep a picture of the viewer in this file (.png)")

// viewer is the archivists' own viewer. `make viewer` gets it from npm; it is no
// part of shopwatch.
const viewer = "testdata/viewer/package"

// The viewer of the web's archivists shows a captured page as a person saw it,
// and finds its signature right.
func TestViewer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chrome")
	}
	if _, err := os.Stat(viewer + "/sw.js"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("run `make viewer` first: %v", err)
		}
		t.Logf("THE VIEWER IS NOT TRIED: run `make viewer` first: %v", err)
		return
	}
	content, err := os.ReadFile("../../fixtures/captures/item-gone.wacz")
	if err != nil {
		t.Fatal(err)
	}
	c, err := archive.Open(content)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(viewer)))
	mux.HandleFunc("/capture.wacz", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "capture.wacz", time.Time{}, bytes.NewReader(content))
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	address := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1) // where service workers may be
	shown := ""
	for i := range c.Records {
		if c.Records[i].Page && c.Records[i].Status == http.StatusOK {
			shown = c.Records[i].URL
		}
	}
	ctx := chrometest.Start(t, 2*time.Minute)
	q := url.Values{"source": {address + "/capture.wacz"}}
	at := address + "/?" + q.Encode() + "#view=pages&url=" + url.QueryEscape(shown)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(at)); err != nil {
		t.Fatal(err)
	}
	text := eventually(t, ctx, replayedText)
	if !strings.Contains(text, "很抱歉，您查看的商品找不到了") {
		t.Errorf("the viewer shows %q", text)
	}
	if *shot != "" {
		img, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(*shot, img, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	verified := eventually(t, ctx, verification)
	var entries []struct {
		ID      string
		Matched *bool
	}
	if err := json.Unmarshal([]byte(verified), &entries); err != nil {
		t.Fatal(err)
	}
	// It has a place for the digests too, but this version computes none.
	signed := false
	for _, e := range entries {
		signed = signed || e.ID == "signature" && e.Matched != nil && *e.Matched
	}
	if !signed {
		t.Errorf("the viewer does not find the signature right: %s", verified)
	}
}

// eventually evaluates an expression until it is a text.
func eventually(t *testing.T, ctx context.Context, expression string) string {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		// An error is a page that goes elsewhere.
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
		if err == nil && text != "" {
			return text
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("it never came to a text: %v", errors.Join(err, ctx.Err()))
		}
	}
}

// replayedText is the text of the page that the viewer shows, once it shows one.
const replayedText = `(() => {
	const frames = root => {
		let list = [...root.querySelectorAll('iframe')]
		for (const e of root.querySelectorAll('*')) if (e.shadowRoot) list = list.concat(frames(e.shadowRoot))
		return list
	}
	for (const f of frames(document)) {
		try {
			const text = f.contentDocument.body.innerText.trim()
			if (text && f.src.includes('/w/')) return text
		} catch (e) {}
	}
	return ''
})()`

// verification is what the viewer has verified, as JSON; empty before that.
const verification = `(async () => {
	for (const {name} of await indexedDB.databases()) {
		const db = await new Promise((done, failed) => { const r = indexedDB.open(name); r.onsuccess = () => done(r.result); r.onerror = failed })
		if (!db.objectStoreNames.contains('verification')) { db.close(); continue }
		const list = await new Promise(done => { const r = db.transaction('verification').objectStore('verification').getAll(); r.onsuccess = () => done(r.result) })
		db.close()
		if (list.some(e => e.id === 'signature')) return JSON.stringify(list)
	}
	return ''
})()`
