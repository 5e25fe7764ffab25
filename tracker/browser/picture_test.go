package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"shopwatch/fixtures/deadline"
	"shopwatch/tracker/browser"
)

func TestPictureOfAPage(t *testing.T) {
	tb := tab(t, chrome, browser.TabOptions{})
	if _, err := title(t, tb, page(t, `<title>a</title><h1>hello</h1>`)); err != nil {
		t.Fatal(err)
	}
	img, err := tb.Picture(deadline.Context(t), 60, nil, 1)
	if err != nil || len(img) < 500 || string(img[8:12]) != "WEBP" {
		t.Errorf("%d bytes, %v", len(img), err)
	}
	part, err := tb.Picture(deadline.Context(t), 60, &browser.Rect{Width: 40, Height: 40}, 1)
	if err != nil || len(part) >= len(img) {
		t.Errorf("a part has %d bytes, the whole %d; %v", len(part), len(img), err)
	}
}

// Chrome never answers when the page goes elsewhere while its picture is taken,
// as a login page does once it was confirmed.
func TestPictureOfAPageThatGoesElsewhere(t *testing.T) {
	tb := tab(t, chrome, browser.TabOptions{})
	busy, release := make(chan bool, 10), make(chan bool)
	mall.Handle("goes.tmall.com", "/wait", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		busy <- true
		<-release
	}))
	mall.Handle("elsewhere.taobao.com", "/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		fmt.Fprint(w, "<title>elsewhere</title>")
	}))
	// The page is on its way and too busy to be drawn before it is gone.
	mall.Handle("goes.tmall.com", "/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<title>goes</title><script>
			setTimeout(() => { location.href = 'https://elsewhere.taobao.com/' })
			const wait = () => {
				const r = new XMLHttpRequest()
				r.open('GET', '/wait', false)
				try { r.send() } catch { setTimeout(wait, 50) } // Chrome ends requests when the network changes
			}
			setTimeout(wait, 200)
		</script>`)
	}))
	if err := tb.Open(deadline.Context(t), "https://goes.tmall.com/"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-busy:
	case <-time.After(time.Minute):
		t.Fatal("the page does not get as far as to wait")
	}
	time.AfterFunc(300*time.Millisecond, func() { close(release) }) // by then the picture is asked for
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if img, err := tb.Picture(ctx, 60, nil, 1); err != nil || len(img) < 300 {
		t.Errorf("a picture of %d bytes, %v", len(img), err)
	}
	var got string
	if err := tb.Wait(ctx, "shopwatch.title()", &got); err != nil || got != "elsewhere" {
		t.Errorf("the page is %q, %v, want the one that came", got, err)
	}
}
