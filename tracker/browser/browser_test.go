package browser_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
	"shopwatch/tracker/browser"
)

// script is the least that a tab's script must be.
const script = `globalThis.shopwatch = {
	calls: [], heard(c) { this.calls.push(c) },
	title: () => new Promise(done => setTimeout(() => done(document.title), 0)),
}`

var (
	mall   *fixtures.Mall
	chrome *browser.Browser
	tmp    string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	var err error
	if tmp, err = os.MkdirTemp("", "browser-test-"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(tmp)
	os.Setenv("TMPDIR", tmp)
	if err := openNetwork(); err != nil {
		panic(err)
	}
	if mall, err = fixtures.NewMall(); err != nil {
		panic(err)
	}
	defer mall.Close()
	chrome = browser.New(browser.Options{Flags: mall.Flags(), Resolver: mall.Resolver()})
	code = m.Run()
	if err := chrome.Close(); err != nil {
		println("close chrome:", err.Error())
		code = 1
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 {
		println("left over:", strings.Join(left, " "))
		code = 1
	}
	if left := pids(tmp); len(left) > 0 {
		fmt.Println("processes left over:", left)
		code = 1
	}
	return code
}

// pids returns the processes with all the words in their command line.
func pids(words ...string) (all []int) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
next:
	for _, l := range lines {
		b, err := os.ReadFile(l)
		if err != nil {
			continue // it has ended
		}
		for _, w := range words {
			if !bytes.Contains(b, []byte(w)) {
				continue next
			}
		}
		if pid, err := strconv.Atoi(strings.Split(l, "/")[2]); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// below reports whether a process descends from another.
func below(pid, ancestor int) bool {
	for pid > 1 && pid != ancestor {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		pid, _ = strconv.Atoi(fields[1])
	}
	return pid == ancestor
}

// home are the hosts of the marketplace.
func home(host string) bool {
	return strings.HasSuffix(host, ".tmall.com") || strings.HasSuffix(host, ".taobao.com")
}

func short(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Chrome")
	}
}

// tab opens a tab that the end of the test closes.
func tab(t *testing.T, b *browser.Browser, o browser.TabOptions) *browser.Tab {
	t.Helper()
	short(t)
	if o.Script == "" {
		o.Script = script
	}
	if o.Calls != nil {
		o.Heard = "shopwatch.heard"
	}
	if o.Home == nil {
		o.Home = home
	}
	tb, err := b.Tab(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tb.Close)
	return tb
}

// page puts a page at an address of its own and returns the address.
func page(t *testing.T, html string) string {
	name := strings.NewReplacer("/", "-", "_", "-", ",", "").Replace(strings.ToLower(t.Name()))
	return serve(t, name, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, html)
	})
}

func serve(t *testing.T, name string, h http.HandlerFunc) string {
	host := name + ".tmall.com"
	mall.Handle(host, "/*", h)
	return "https://" + host + "/"
}

// title loads a page and returns its title.
func title(t *testing.T, tb *browser.Tab, address string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := tb.Open(ctx, address); err != nil {
		return "", err
	}
	var got string
	err := tb.Wait(ctx, "shopwatch.title()", &got)
	return got, err
}

// usable fails the test when the tab does not show an ordinary page any more.
func usable(t *testing.T, tb *browser.Tab) {
	t.Helper()
	address := serve(t, "fine", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<title>fine</title>") })
	if got, err := title(t, tb, address); got != "fine" || err != nil {
		t.Errorf("afterwards the tab shows %q, %v", got, err)
	}
}

func TestDialogsAreDeclined(t *testing.T) {
	tb := tab(t, chrome, browser.TabOptions{})
	got, err := title(t, tb, page(t, `<title>a</title><script>
		alert(1); const c = confirm('?'), p = prompt('?'); document.title = 'b ' + c + ' ' + p
		addEventListener('beforeunload', e => { e.preventDefault(); e.returnValue = 'stay' })
		for (let i = 0; i < 5; i++) alert(i)</script>`))
	if got != "b false null" || err != nil {
		t.Errorf("title = %q, %v", got, err)
	}
	usable(t, tb)
}

func TestWindowsAreClosedAndDownloadsRefused(t *testing.T) {
	address := serve(t, "grabby", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/file" {
			w.Header().Set("Content-Disposition", "attachment; filename=x.bin")
			w.Write(make([]byte, 1000))
			return
		}
		fmt.Fprint(w, `<title>a</title><script>
			for (let i = 0; i < 5; i++) open('/' + i)
			const a = document.createElement('a'); a.href = '/file'; a.download = 'x'; a.click()
			navigator.geolocation && navigator.geolocation.getCurrentPosition(() => {}); Notification && Notification.requestPermission()
			document.title = 'b'</script>`)
	})
	tb := tab(t, chrome, browser.TabOptions{})
	if got, err := title(t, tb, address); err != nil || got != "b" {
		t.Errorf("title = %q, %v", got, err)
	}
	if err := tb.Open(t.Context(), address+"file"); err == nil {
		t.Error("a download was opened like a page")
	} else if load := (*browser.LoadError)(nil); !errors.As(err, &load) {
		t.Errorf("err = %v, want a load error", err)
	}
	for _, dir := range []string{".", os.TempDir(), os.Getenv("HOME")} {
		if found, _ := filepath.Glob(filepath.Join(dir, "x*.bin*")); len(found) > 0 {
			t.Errorf("downloaded %s", found)
		}
	}
	usable(t, tb)
}

func TestRedirectLoopIsALoadError(t *testing.T) {
	tb := tab(t, chrome, browser.TabOptions{})
	address := serve(t, "loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", 302) })
	_, err := title(t, tb, address)
	if load := (*browser.LoadError)(nil); !errors.As(err, &load) || !strings.Contains(err.Error(), "TOO_MANY_REDIRECTS") {
		t.Errorf("err = %v", err)
	}
	usable(t, tb)
}

func TestInternalAddressesAreRefused(t *testing.T) {
	address := serve(t, "prying", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<title>a</title><iframe src="%s"></iframe><img src="%s"><iframe src="file:///etc/passwd"></iframe><script>
			fetch(%[1]q, {mode: 'no-cors'}).catch(() => {}).finally(() => document.title = 'b')</script>`, mall.InsideURL(), mall.InsideURL())
	})
	tb := tab(t, chrome, browser.TabOptions{Script: `globalThis.shopwatch = {heard() {},
		end: () => new Promise(done => setInterval(() => document.title === 'b' && done(document.title), 10))}`})
	hits := mall.InsideHits()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := tb.Open(ctx, address); err != nil {
		t.Fatal(err)
	}
	if err := tb.Wait(ctx, "shopwatch.end()", nil); err != nil {
		t.Fatal(err)
	}
	if got := mall.InsideHits() - hits; got != 0 {
		t.Errorf("a page reached an address of this machine %d times", got)
	}
}

func TestHugePageEnds(t *testing.T) {
	address := serve(t, "huge", func(w http.ResponseWriter, r *http.Request) {
		chunk := bytes.Repeat([]byte("<p>much</p>"), 100_000)
		for range 91 { // 100 MB
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	tb := tab(t, chrome, browser.TabOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := tb.Open(ctx, address); err == nil {
		tb.Wait(ctx, "shopwatch.title()", nil)
	}
	tb.Close()
	usable(t, tab(t, chrome, browser.TabOptions{}))
}

func TestCrashedPageIsTold(t *testing.T) {
	tb := tab(t, chrome, browser.TabOptions{})
	usable(t, tb)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, pid := range pids("--type=renderer") {
		if below(pid, chrome.PID()) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	err := tb.Wait(ctx, "shopwatch.title()", nil)
	if !errors.Is(err, browser.ErrCrashed) {
		t.Errorf("err = %v, want ErrCrashed", err)
	}
	usable(t, tab(t, chrome, browser.TabOptions{}))
}

func TestKilledChromeIsReplaced(t *testing.T) {
	short(t)
	b := browser.New(browser.Options{Flags: mall.Flags()})
	defer b.Close()
	for range 3 {
		tb := tab(t, b, browser.TabOptions{})
		usable(t, tb)
		if err := syscall.Kill(b.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := tb.Wait(ctx, "shopwatch.title()", nil); !errors.Is(err, browser.ErrLost) && !errors.Is(err, browser.ErrCrashed) {
			t.Errorf("err = %v, want ErrLost", err)
		}
		cancel()
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestProfileIsHeldByOne(t *testing.T) {
	short(t)
	dir := filepath.Join(t.TempDir(), "profile")
	a := browser.New(browser.Options{Flags: mall.Flags(), Profile: dir})
	b := browser.New(browser.Options{Flags: mall.Flags(), Profile: dir})
	defer a.Close()
	usable(t, tab(t, a, browser.TabOptions{}))
	if _, err := b.Tab(t.Context(), browser.TabOptions{Script: script}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("err = %v, want one that says that the profile is in use", err)
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("profile = %v, %v, want mode 0700", st.Mode(), err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	usable(t, tab(t, b, browser.TabOptions{}))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCallsAreHeardWithTheirBodies(t *testing.T) {
	address := serve(t, "calling", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			fmt.Fprint(w, `<title>a</title><script>
				fetch('/api?n=1').then(() => fetch('/api?n=2')).then(() => fetch('/other'))</script>`)
		case "/api":
			fmt.Fprintf(w, `{"n":%q}`, r.URL.Query().Get("n"))
		}
	})
	tb := tab(t, chrome, browser.TabOptions{
		Script: `globalThis.shopwatch = {calls: [], heard(c) { this.calls.push(c.url) },
			two() { return new Promise(done => setInterval(() => this.calls.length > 1 && done(this.calls), 10)) }}`,
		Calls: func(u *url.URL) bool { return u.Path == "/api" },
		Body:  func(u *url.URL, _ int64) bool { return u.Query().Get("n") == "2" },
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := tb.Open(ctx, address); err != nil {
		t.Fatal(err)
	}
	var heard []string
	if err := tb.Wait(ctx, "shopwatch.two()", &heard); err != nil {
		t.Fatal(err)
	}
	calls := tb.Calls(0)
	if len(calls) != 2 || calls[0].Body != nil || string(calls[1].Body) != `{"n":"2"}` || calls[1].Status != 200 || len(heard) != 2 {
		t.Errorf("calls = %+v, heard %v", calls, heard)
	}
	if err := tb.Open(ctx, address+"nothing"); err != nil {
		t.Fatal(err)
	}
	if calls := tb.Calls(0); len(calls) != 0 {
		t.Errorf("calls of the page before are kept: %+v", calls)
	}
}

func TestBlockedAddressesAreNotLoadedButFetched(t *testing.T) {
	asked := map[string]int{}
	address := serve(t, "blocking", func(w http.ResponseWriter, r *http.Request) {
		asked[r.URL.Path]++
		if r.URL.Path == "/" {
			fmt.Fprint(w, `<title>a</title><script src="/a.js?x=1"></script><script src="/b.mjs"></script>`)
			return
		}
		w.Write([]byte("/* script */"))
	})
	tb := tab(t, chrome, browser.TabOptions{Blocked: []string{"*://*:*/*.js", "*://*:*/*.mjs"}})
	if _, err := title(t, tb, address); err != nil {
		t.Fatal(err)
	}
	body, err := tb.Fetch(deadline.Context(t), address+"a.js", 1000)
	if string(body) != "/* script */" || err != nil {
		t.Errorf("fetched %q, %v", body, err)
	}
	if _, err := tb.Fetch(t.Context(), address+"a.js", 3); err == nil {
		t.Error("more bytes than allowed were taken")
	}
	if asked["/a.js"] != 2 || asked["/b.mjs"] != 0 {
		t.Errorf("asked = %v, want a.js by the two fetches only", asked)
	}
}

func TestPagesLoadPicturesWhereThatIsWanted(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		var asked atomic.Int64
		address := serve(t, fmt.Sprint("pictures", wanted), func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/a.png" {
				asked.Add(1)
				return
			}
			fmt.Fprint(w, `<title>a</title><img src="/a.png">`)
		})
		b := chrome
		if wanted {
			b = browser.New(browser.Options{Flags: mall.Flags(), Pictures: true})
			defer b.Close()
		}
		tb := tab(t, b, browser.TabOptions{})
		if _, err := title(t, tb, address); err != nil {
			t.Fatal(err)
		}
		const loaded = `new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', () => done()))`
		if err := tb.Wait(deadline.Context(t), loaded, nil); err != nil {
			t.Fatal(err)
		}
		if got := asked.Load() > 0; got != wanted {
			t.Errorf("pictures are loaded: %v, want %v", got, wanted)
		}
	}
}

func TestWornOutChromeIsReplaced(t *testing.T) {
	short(t)
	b := browser.New(browser.Options{Flags: mall.Flags(), MaxTabs: 2})
	defer b.Close()
	var seen []int
	for range 4 {
		tb := tab(t, b, browser.TabOptions{})
		usable(t, tb)
		seen = append(seen, b.PID())
		tb.Close()
	}
	if seen[0] != seen[1] || seen[1] == seen[2] || seen[2] != seen[3] {
		t.Errorf("processes = %v, want another after two tabs", seen)
	}
}

func TestLargeOrIdleChromeIsEnded(t *testing.T) {
	short(t)
	for name, o := range map[string]browser.Options{
		"large": {Flags: mall.Flags(), MaxMemory: 1},
		"idle":  {Flags: mall.Flags(), Idle: 50 * time.Millisecond},
	} {
		b := browser.New(o)
		tb := tab(t, b, browser.TabOptions{})
		usable(t, tb)
		if u := b.Usage(); u.Processes < 2 || u.Memory < 20<<20 {
			t.Errorf("usage = %+v, want that of a Chrome", u)
		}
		tb.Close()
		for end := time.Now().Add(5 * time.Second); b.PID() != 0 && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		if b.PID() != 0 {
			t.Errorf("%s: Chrome still runs", name)
		}
		usable(t, tab(t, b, browser.TabOptions{}))
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestWhatAnEarlierRunLeftIsSwept starts a Chrome on a profile as a program
// that was killed would leave it.
func TestWhatAnEarlierRunLeftIsSwept(t *testing.T) {
	short(t)
	dir := filepath.Join(t.TempDir(), "profile")
	path, err := browser.Find("")
	if err != nil {
		t.Fatal(err)
	}
	left := exec.Command(path, "--headless", "--no-sandbox", "--user-data-dir="+dir, "--remote-debugging-port=0", "about:blank")
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- left.Wait() }()
	b := browser.New(browser.Options{Flags: mall.Flags(), Profile: dir})
	defer b.Close()
	usable(t, tab(t, b, browser.TabOptions{}))
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("the Chrome that was left behind still runs")
		left.Process.Kill()
	}
}

// The profile of another folder may have the same name.
func TestNamesakesOfAProfileAreLeftAlone(t *testing.T) {
	short(t)
	t.Chdir(t.TempDir())
	other := exec.Command("sh", "-c", "read line; exit 7", "sh", "--user-data-dir=profile")
	other.Dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(other.Dir, "profile"), 0o700); err != nil {
		t.Fatal(err)
	}
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	b := browser.New(browser.Options{Flags: mall.Flags(), Profile: "profile"})
	defer b.Close()
	usable(t, tab(t, b, browser.TabOptions{}))
	in.Close()
	if other.Wait(); other.ProcessState.ExitCode() != 7 {
		t.Errorf("a process with a profile in another folder ended: %v", other.ProcessState)
	}
}

func TestRemoteChromeIsUsedAndLeftRunning(t *testing.T) {
	short(t)
	path, err := browser.Find("")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--headless", "--no-sandbox", "--user-data-dir=" + t.TempDir(), "--remote-debugging-port=0"}
	for name, value := range mall.Flags() {
		args = append(args, fmt.Sprintf("--%s=%v", name, value))
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	address := ""
	for lines := bufio.NewScanner(out); address == "" && lines.Scan(); {
		_, address, _ = strings.Cut(lines.Text(), "DevTools listening on ")
	}
	for range 2 {
		b := browser.New(browser.Options{Remote: address})
		usable(t, tab(t, b, browser.TabOptions{}))
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	b := browser.New(browser.Options{Remote: "ws://127.0.0.1:1/"})
	if _, err := b.Tab(t.Context(), browser.TabOptions{Script: script}); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("err = %v, want one that names the address", err)
	}
}
