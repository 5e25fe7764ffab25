package browser_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker/browser"
)

// sizeOf is how many bytes the files below a directory take.
func sizeOf(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, gone := d.Info()
			if err = gone; err == nil {
				bytes += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) { // gone meanwhile
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// awaitTitle waits until the title of the tab's page begins with a word.
const awaitTitle = `globalThis.shopwatch = {heard() {}, title: () => new Promise(done => {
	const look = () => document.title.startsWith('done') ? done(document.title) : setTimeout(look, 20)
	look()
})}`

// A page that stores as much as it is let, under several names, and makes
// downloads of the rest, fills no disk, and nothing of it is left but its
// cookies.
func TestPagesDoNotFillTheDisk(t *testing.T) {
	short(t)
	const store = `<title>storing</title><script>
		const block = new Uint8Array(8 << 20)
		crypto.getRandomValues(block.subarray(0, 65536))
		const fill = async () => {
			const shelf = await caches.open('shelf')
			for (let i = 0; i < 60; i++) { try { await shelf.put('/kept' + i, new Response(block)) } catch (e) { break } }
			await new Promise(done => {
				const open = indexedDB.open('shelf')
				open.onupgradeneeded = () => open.result.createObjectStore('a')
				open.onerror = done
				open.onsuccess = async () => {
					for (let i = 0; i < 10; i++) await new Promise(next => {
						const t = open.result.transaction('a', 'readwrite')
						t.objectStore('a').put(block, i)
						t.oncomplete = t.onabort = t.onerror = next
					})
					done()
				}
			})
			try { localStorage.a = 'x'.repeat(4e6) } catch (e) {}
			for (let i = 0; i < 20; i++) await fetch('/large?' + i).then(r => r.arrayBuffer())
			for (let i = 0; i < 20; i++) { const a = document.createElement('a'); a.href = URL.createObjectURL(new Blob([block])); a.download = 'x' + i; a.click() }
		}`
	handler := func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "login", Value: "kept", MaxAge: 3600, Secure: true, Path: "/"})
		switch r.URL.Path {
		case "/large":
			w.Header().Set("Cache-Control", "max-age=86400")
			for range 4 {
				w.Write(make([]byte, 1<<20))
			}
		case "/frame":
			fmt.Fprint(w, store, `
				fill().finally(() => parent.postMessage('done', '*'))</script>`)
		case "/look":
			fmt.Fprint(w, `<title>looking</title><script>(async () => {
				const q = await navigator.storage.estimate(), d = await indexedDB.databases(), s = await navigator.serviceWorker.getRegistrations()
				document.title = 'done, ' + [q.usage, Object.keys(localStorage).length, d.length, s.length, document.cookie].join(' ')
			})()</script>`)
		default:
			fmt.Fprint(w, store, `
				let left = 3
				addEventListener('message', () => { if (--left === 0) document.title = 'done' })
				fill().finally(() => { if (--left === 0) document.title = 'done' })
				</script><iframe src="https://filler2.taobao.com/frame"></iframe><iframe src="https://filler3.alicdn.com/frame"></iframe>`)
		}
	}
	address := serve(t, "filler", handler)
	mall.Handle("filler2.taobao.com", "/*", http.HandlerFunc(handler))
	mall.Handle("filler3.alicdn.com", "/*", http.HandlerFunc(handler))
	profile := filepath.Join(t.TempDir(), "profile")
	b := browser.New(browser.Options{Flags: mall.Flags(), Resolver: mall.Resolver(), Profile: profile})
	defer b.Close()
	for range 2 {
		tb := tab(t, b, browser.TabOptions{Script: awaitTitle})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := tb.Open(ctx, address)
		if err == nil {
			err = tb.Wait(ctx, "shopwatch.title()", nil)
		}
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if n := sizeOf(t, profile); n > 450<<20 {
			t.Errorf("the page has %d MiB on the disk", n>>20)
		}
		tb.Close()
		if n := sizeOf(t, profile); n > 100<<20 {
			t.Errorf("%d MiB are left on the disk", n>>20)
		}
	}
	tb := tab(t, b, browser.TabOptions{Script: awaitTitle})
	got, err := title(t, tb, address+"look")
	if want := "done, 0 0 0 0 login=kept"; err != nil || !strings.HasPrefix(got, want) {
		t.Errorf("left are %q, %v, want %q", got, err, want)
	}
}
