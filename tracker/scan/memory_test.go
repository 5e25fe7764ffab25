package scan_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
)

// A child is a process of its own that reads one storefront, so that what it
// takes at its height can be measured.
type child struct {
	URL       string
	Flags     map[string]any
	Capturing scan.Capturing
	Wait      time.Duration // for a page
}

const childVariable = "SHOPWATCH_TEST_CHILD"

// A childResult is what a child says at its end.
type childResult struct {
	Verdict  tracker.Verdict
	Reason   string
	Products int
	Peak     int64 // bytes of memory at its height
}

// runChild is the child's main function.
func runChild() {
	debug.SetMemoryLimit(32 << 20) // as the daemon does
	var c child
	if err := json.Unmarshal([]byte(os.Getenv(childVariable)), &c); err != nil {
		panic(err)
	}
	b := browser.New(browser.Options{Flags: c.Flags})
	signer, err := newSigner("child")
	if err != nil {
		panic(err)
	}
	var catalog tracker.Items
	sc := scan.New(scan.Options{
		Markets: all.Markets(), Browser: b, PageTimeout: c.Wait, Retries: -1,
		Preview: func(s *tracker.Scan, r tracker.Rules) (tracker.Outcome, error) {
			return catalog.Reconcile(s, r), nil
		},
		Keep: func([]byte, string) (string, error) { return "kept", nil },
		Archive: func(_ context.Context, a *archive.Capture) (string, error) {
			a.Redact(nil)
			_, err := a.Pack(signer)
			return "kept", err
		},
	})
	// A catalog of another product makes those that are read news, so that
	// their pictures are looked at.
	rules := tracker.DefaultRules()
	catalog.Apply(catalog.Reconcile(&tracker.Scan{
		Storefront: "s", Began: time.Now().Add(-time.Hour), Verdict: tracker.Complete, Products: []tracker.Product{{ID: "1", Title: "x"}},
		Evidence: tracker.Evidence{Parser: 1},
	}, rules))
	s := sc.Capture(context.Background(), tracker.Storefront{Name: "s", URL: c.URL}, rules, nil, c.Capturing)
	if err := b.Close(); err != nil {
		panic(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(childResult{s.Verdict, s.Reason, len(s.Products), peak()}); err != nil {
		panic(err)
	}
}

// peak returns the most memory that this process has taken.
func peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				panic(err)
			}
			return kib << 10
		}
	}
	panic("no VmHWM")
}

// inChild reads a storefront in a process of its own.
func inChild(t *testing.T, address string, how scan.Capturing, wait time.Duration) childResult {
	t.Helper()
	what, err := json.Marshal(child{address, mall.Flags(), how, wait})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(what))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var r childResult
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// again does something 40 times: enough to fill a process, and not so often that
// Chrome has no time for its pages.
const again = `const again = (f, ms) => { let left = 40; const t = setInterval(() => { if (left-- <= 0) clearInterval(t); else f() }, ms) };`

// fillers are scripts of pages that fill whoever listens to them.
var fillers = map[string]string{
	"throw":        `setTimeout(() => { throw Error('x'.repeat(100e6)) })`,
	"console":      `again(() => console.log('x'.repeat(50e6)), 50)`,
	"log objects":  `again(() => { for (let i = 0; i < 1000; i++) console.log({a: 'x'.repeat(10000)}, [document], new Error('y'.repeat(10000))) }, 10)`,
	"rejections":   `again(() => Promise.reject(Error('x'.repeat(10e6))), 20)`,
	"alert":        `alert('x'.repeat(100e6)); again(() => alert('x'.repeat(10e6)), 10)`,
	"prompt":       `prompt('x'.repeat(100e6), 'y'.repeat(100e6))`,
	"title":        `again(() => { document.title = Math.random() + 'x'.repeat(10e6) }, 5)`,
	"history":      `again(() => { try { history.pushState(null, '', '/search.htm?' + Math.random() + 'x'.repeat(2e6)) } catch (e) {} }, 2)`,
	"hash":         `again(() => { location.hash = Math.random() + 'x'.repeat(1e6) }, 2)`,
	"data address": `again(() => { fetch('data:text/plain,' + 'x'.repeat(20e6)).catch(() => {}) }, 20)`,
	"data script":  `again(() => { const s = document.createElement('script'); s.src = 'data:text/javascript,//' + 'x'.repeat(20e6); document.head.append(s) }, 20)`,
	"data frame":   `again(() => { const s = document.createElement('iframe'); s.src = 'data:text/html,' + 'x'.repeat(1.9e6); document.documentElement.append(s) }, 10)`,
	"long address": `again(() => { for (let i = 0; i < 50; i++) fetch('/i/none.htm?' + 'x'.repeat(1e6)).catch(() => {}) }, 5)`,
	"posts":        `again(() => { for (let i = 0; i < 10; i++) fetch('/i/none.htm', {method: 'POST', body: 'x'.repeat(5e6)}).catch(() => {}) }, 5)`,
	"headers":      `again(() => { for (let i = 0; i < 50; i++) fetch('/i/none.htm', {headers: {a: 'x'.repeat(1e5)}}).catch(() => {}) }, 5)`,
	"frames":       `again(() => { for (let i = 0; i < 20; i++) { const f = document.createElement('iframe'); f.srcdoc = '<p>' + i; f.name = 'x'.repeat(1e6); document.documentElement.append(f); if (i % 2) f.remove() } }, 5)`,
	"workers":      `again(() => { try { new Worker(URL.createObjectURL(new Blob(['again(() => { throw Error("x".repeat(1e7)) }, 10)']))) } catch (e) {} }, 50)`,
	"sockets":      `again(() => { try { const w = new WebSocket('wss://' + location.host + '/socket'); w.onopen = () => { for (let i = 0; i < 50; i++) w.send('x'.repeat(1e6)) } } catch (e) {} }, 20)`,
	"events":       `new EventSource('/events')`,
	"list calls":   `again(() => { for (let i = 0; i < 100; i++) { const s = document.createElement('script'); s.src = '/i/asynSearch.htm?path=/search.htm&pageNo=1&callback=a' + i + '&x=' + 'x'.repeat(1000) + Math.random(); document.head.append(s) } }, 5)`,
	"long calls":   `again(() => { for (let i = 0; i < 20; i++) { const s = document.createElement('script'); s.src = '/i/asynSearch.htm?path=/search.htm&pageNo=1&callback=a' + i + '&x=' + 'x'.repeat(1e6) + Math.random(); document.head.append(s) } }, 5)`,
	"mtop calls":   `again(() => { for (let i = 0; i < 20; i++) fetch('/h5/mtop.taobao.shop.simple.item.fetch/1.0/?x=' + Math.random()).catch(() => {}) }, 5)`,
	"windows":      `again(() => { for (let i = 0; i < 20; i++) window.open('data:text/html,' + 'x'.repeat(1e6)) }, 5); addEventListener('click', () => window.open('/x?' + 'x'.repeat(1e6)))`,
	"documents":    `document.write('<p>' + 'x'.repeat(100e6)); again(() => { const p = document.createElement('p'); p.textContent = '好'.repeat(5e6); document.body.append(p) }, 10)`,
	"scripts":      `again(() => { const s = document.createElement('script'); s.src = '/large.js?' + Math.random(); document.head.append(s) }, 5)`,
	"downloads":    `again(() => { const a = document.createElement('a'); a.href = URL.createObjectURL(new Blob(['x'.repeat(1e6)])); a.download = 'x'.repeat(1e6); a.click() }, 5)`,
}

// TestPagesDoNotFillTheProcess shows how much of our memory a page can take.
// With SHOPWATCH_FILL it tries all that is known to try (make fill), else what
// once took most.
func TestPagesDoNotFillTheProcess(t *testing.T) {
	short(t)
	t.Parallel()
	names := []string{"throw", "console", "list calls", "posts", "data address", "frames", "scripts"}
	if os.Getenv("SHOPWATCH_FILL") != "" {
		names = slices.Sorted(maps.Keys(fillers))
	}
	for _, name := range names {
		script := fillers[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting for a page that is busy
			host := "fill-" + strings.ReplaceAll(name, " ", "-") + ".tmall.com"
			shop := openShop(t, host, 6)
			var served atomic.Int64
			mall.Handle(host, "/i/none.htm", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
			mall.Handle(host, "/h5/*", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"ret":["SUCCESS::ok"],"data":{"page":"%d","totalCnt":"1","hasNext":"true","pageSize":"24","data":[{"itemId":"600000000001","title":"%s"}]}}`, served.Add(1), strings.Repeat("x", 3<<20))
			}))
			mall.Handle(host, "/large.js", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/javascript")
				fmt.Fprint(w, "//", strings.Repeat("x", 3<<20))
			}))
			mall.Handle(host, "/events", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				line := []byte("data: " + strings.Repeat("x", 1<<20) + "\n\n")
				for r.Context().Err() == nil {
					if _, err := w.Write(line); err != nil {
						return
					}
				}
			}))
			mall.Handle(host, "/socket", http.HandlerFunc(floodSocket))
			shop.Set(func(d *fixtures.Shop) { d.Delay, d.Head = 2*time.Second, "<script>"+again+script+"</script>" })
			r := inChild(t, shop.URL(), scan.CaptureAll, 10*time.Second)
			fmt.Printf("%-14s %5d MiB  %s %s\n", name, r.Peak>>20, r.Verdict, r.Reason)
			if r.Peak > 256<<20 {
				t.Errorf("took %d MiB, want 256 at most", r.Peak>>20)
			}
		})
	}
}

// Pictures of a few hundred bytes that ask for gigabytes are left, and the
// products that show them are read all the same.
func TestPicturesDoNotFillTheProcess(t *testing.T) {
	short(t)
	shop := openShop(t, "bomb.tmall.com", 5)
	var served atomic.Int64
	mall.Handle("img.alicdn.com", "/*", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := served.Add(1)
		w.Header().Set("Content-Type", "image/jpeg")
		w.Write(fixtures.HugeJPEG(8000, 8000, n%2 == 0, 3+int(n%3)/2))
	}))
	defer mall.Unhandle("img.alicdn.com", "/*")
	r := inChild(t, shop.URL(), scan.CaptureEnd, 2*time.Minute)
	fmt.Printf("pictures       %5d MiB  %s %s\n", r.Peak>>20, r.Verdict, r.Reason)
	if r.Peak > 256<<20 || r.Verdict != tracker.Complete || r.Products != 5 || served.Load() < 5 {
		t.Errorf("%+v after %d pictures, want a complete scan that took 256 MiB at most", r, served.Load())
	}
}

// A shelf that never ends is left, and little of it is kept.
func TestEndlessShelf(t *testing.T) {
	short(t)
	shop := openShop(t, "endless.tmall.com", 20)
	shop.Set(func(d *fixtures.Shop) { d.Layout = fixtures.React })
	const path = "/h5/mtop.taobao.shop.simple.item.fetch/1.0/"
	mall.Handle("h5api.m.tmall.com", path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Page json.Number `json:"page"`
		}
		if err := json.Unmarshal([]byte(r.URL.Query().Get("data")), &asked); err != nil {
			t.Error(err)
		}
		page, err := asked.Page.Int64()
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"ret":["SUCCESS::ok"],"data":{"page":"%d","totalCnt":"99999999","hasNext":"true","pageSize":"600","data":[`, page)
		for i := range 600 {
			fmt.Fprintf(w, `{"itemId":"%d","title":"%s","image":"https://img.alicdn.com/%s"},`, 600000000000+page*1000+int64(i), longText, longText[:1900])
		}
		fmt.Fprint(w, `{"itemId":"600000000001","title":"x"}]}}`)
	}))
	defer mall.Unhandle("h5api.m.tmall.com", path)
	r := inChild(t, shop.URL(), scan.CaptureEnd, 2*time.Minute)
	fmt.Printf("endless shelf  %5d MiB  %s %s\n", r.Peak>>20, r.Verdict, r.Reason)
	if r.Peak > 256<<20 || r.Verdict != tracker.Partial || !strings.Contains(r.Reason, "does not end") {
		t.Errorf("%+v, want a partial scan that took 256 MiB at most", r)
	}
}

var longText = strings.Repeat("x", 3000)

// floodSocket is the other side of a WebSocket: it sends a million characters
// again and again, whatever it is told.
func floodSocket(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	frame := append([]byte{0x81, 127, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40}, bytes.Repeat([]byte("x"), 1_000_000)...)
	for {
		if _, err := conn.Write(frame); err != nil {
			return
		}
	}
}
