package browser_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
	"shopwatch/tracker/browser"
)

var loginDomains = []string{"taobao.com", "tmall.com"}

// screen gives the test a display of its own.
func screen(t *testing.T) {
	t.Helper()
	short(t)
	if _, err := exec.LookPath("Xvfb"); err != nil {
		t.Skip("needs Xvfb (on Debian: apt-get install xvfb)")
	}
	if _, err := browser.FindVisible(); err != nil {
		t.Skip("needs a full Chrome: ", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		_ = deadline.Wait(t, cmd)
	})
	if err := r.SetReadDeadline(time.Now().Add(deadline.Most)); err != nil {
		t.Fatal(err)
	}
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb gave no display: %v", err)
	}
	t.Setenv("DISPLAY", ":"+strings.TrimSpace(number))
	t.Setenv("WAYLAND_DISPLAY", "")
}

// until waits until something holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); !holds(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("never: %s", what)
		}
	}
}

// phone plays a person who scans the QR code of the login page.
func phone(t *testing.T, m *fixtures.Mall) {
	t.Helper()
	until(t, "the QR code is confirmed", func() bool { return m.ScanQR("", "tb_watcher") == nil })
	until(t, "the login has reached tmall.com", func() bool {
		return slices.ContainsFunc(m.Requests(), func(r fixtures.Request) bool { return r.Host == "i.taobao.com" })
	})
}

func ownMall(t *testing.T) *fixtures.Mall {
	t.Helper()
	m, err := fixtures.NewMall()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// names of the cookies that last, by domain.
func lasting(t *testing.T, b *browser.Browser) (all []string) {
	t.Helper()
	cookies, err := b.Cookies(t.Context(), loginDomains)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cookies {
		if !c.Expires.IsZero() {
			all = append(all, strings.TrimPrefix(c.Domain, ".")+" "+c.Name)
		}
	}
	slices.Sort(all)
	return all
}

func TestLoginInAWindowIsKeptForTheHeadlessBrowser(t *testing.T) {
	screen(t)
	m := ownMall(t)
	o := browser.Options{Profile: filepath.Join(t.TempDir(), "profile"), Flags: m.Flags(), Keep: loginDomains}
	driven := o
	driven.Flags = maps.Clone(o.Flags)
	driven.Flags["remote-debugging-port"] = "0" // meant for the headless one
	w, err := browser.OpenWindow(driven, m.LoginURL("https://www.tmall.com/"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	until(t, "Chrome shows the login page", func() bool { return m.LoginPages() > 0 })
	if p := append(pids(o.Profile, "remote-debugging"), pids(o.Profile, "enable-automation")...); len(p) > 0 {
		t.Errorf("processes %v of the window are driven", p)
	}

	b := browser.New(o)
	defer b.Close()
	if _, err := b.Cookies(t.Context(), loginDomains); !errors.Is(err, browser.ErrInUse) || !strings.Contains(err.Error(), "this process") {
		t.Errorf("a browser beside the window: err = %v, want ErrInUse that says by whom", err)
	}
	until(t, "the QR code is confirmed", func() bool { return m.ScanQR("", "tb_watcher") == nil })
	until(t, "the login came back from tmall.com", func() bool {
		return slices.ContainsFunc(m.Requests(), func(r fixtures.Request) bool { return r.Host == "www.tmall.com" })
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(deadline.Context(t)); err != nil {
		t.Errorf("Wait = %v after a window that was closed", err)
	}
	// Nothing of the account but the login is to stay in the profile.
	text, err := os.ReadFile(filepath.Join(o.Profile, "Default", "Preferences"))
	if err != nil || !strings.Contains(string(text), `"credentials_enable_service":false`) || !strings.Contains(string(text), `"exit_type":"Normal"`) {
		t.Errorf("Chrome would save passwords, or did not end in good order (%v): %.3000s", err, text)
	}
	m.Forget()
	if err := w.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if visits := m.Requests(); len(visits) > 0 {
		t.Errorf("keeping the cookies has visited %d pages, such as %s", len(visits), visits[0].URL())
	}
	want := []string{"taobao.com _nk_", "taobao.com cookie2", "taobao.com lgc", "taobao.com sn", "taobao.com tracknick", "taobao.com unb",
		"tmall.com _nk_", "tmall.com cookie2", "tmall.com lgc", "tmall.com sn", "tmall.com tracknick", "tmall.com unb"}
	if got := lasting(t, b); !slices.Equal(got, want) {
		t.Errorf("lasting cookies = %v, want %v", got, want)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if left := pids(o.Profile); len(left) > 0 {
		t.Errorf("processes %v are left over", left)
	}
}

func TestSessionCookiesOutliveChromeWhereTheyAreKept(t *testing.T) {
	short(t)
	m := ownMall(t)
	dir := filepath.Join(t.TempDir(), "profile")
	for _, tt := range []struct {
		name string
		keep []string
		want []string
	}{
		{"kept nowhere", nil, []string{"taobao.com lgc", "taobao.com tracknick", "tmall.com lgc", "tmall.com tracknick"}},
		{"kept for one domain", []string{"tmall.com"}, []string{"taobao.com lgc", "taobao.com tracknick",
			"tmall.com _nk_", "tmall.com cookie2", "tmall.com lgc", "tmall.com sn", "tmall.com tracknick", "tmall.com unb"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := browser.New(browser.Options{Profile: dir, Flags: m.Flags(), Keep: tt.keep})
			defer b.Close()
			tb := tab(t, b, browser.TabOptions{})
			m.Forget()
			if err := tb.Open(deadline.Context(t), m.LoginURL("")); err != nil {
				t.Fatal(err)
			}
			phone(t, m)
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			if got := lasting(t, b); !slices.Equal(got, tt.want) {
				t.Errorf("after Chrome has ended = %v, want %v", got, tt.want)
			}
		})
	}
}

// A person closes the window by hand, which Chrome takes otherwise than a
// signal: it deletes session cookies, unless it is to continue where it left
// off.
func TestLoginInAWindowThatThePersonCloses(t *testing.T) {
	screen(t)
	if _, err := exec.LookPath("xdotool"); err != nil {
		t.Skip("needs xdotool (on Debian: apt-get install xdotool)")
	}
	m := ownMall(t)
	o := browser.Options{Profile: filepath.Join(t.TempDir(), "profile"), Flags: m.Flags(), Keep: loginDomains}
	for range 2 { // the second time it must not show what was open before
		m.Forget()
		w, err := browser.OpenWindow(o, m.LoginURL(""))
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		phone(t, m)
		if n := pagesOpened(m); n != 1 {
			t.Errorf("the window opened %d login pages, want 1", n)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait = %v while the window is open, want that of the context", err)
		}
		until(t, "the window takes Ctrl-Shift-W", func() bool {
			_ = exec.Command("xdotool", "search", "--onlyvisible", "--class", "chrom", "windowfocus", "key", "ctrl+shift+w").Run()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			return w.Wait(ctx) == nil
		})
		if err := w.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		b := browser.New(o)
		defer b.Close()
		if got := lasting(t, b); len(got) != 12 {
			t.Errorf("lasting cookies = %v, want all 12", got)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func pagesOpened(m *fixtures.Mall) (n int) {
	for _, r := range m.Requests() {
		if r.Document && r.Path == "/member/login.jhtml" {
			n++
		}
	}
	return n
}

func TestNoDisplay(t *testing.T) {
	short(t)
	if _, err := browser.FindVisible(); err != nil {
		t.Skip("needs a full Chrome: ", err)
	}
	o := browser.Options{Profile: filepath.Join(t.TempDir(), "profile"), Flags: mall.Flags()}
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("DISPLAY", "")
	if _, err := browser.OpenWindow(o, "about:blank"); !errors.Is(err, browser.ErrNoDisplay) {
		t.Errorf("without DISPLAY: err = %v, want ErrNoDisplay", err)
	}
	t.Setenv("DISPLAY", ":4711") // where nobody is
	w, err := browser.OpenWindow(o, "about:blank")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.Wait(ctx); !errors.Is(err, browser.ErrNoDisplay) {
		t.Errorf("with a DISPLAY that is not there: err = %v, want ErrNoDisplay", err)
	}
}

func TestProfileOfAChromeOfAnotherHand(t *testing.T) {
	short(t)
	full, err := browser.FindVisible()
	if err != nil {
		t.Skip("needs a full Chrome: ", err)
	}
	dir := filepath.Join(t.TempDir(), "profile")
	cmd := exec.Command(full, "--headless=new", "--no-sandbox", "--no-first-run", "--user-data-dir="+dir, "about:blank")
	cmd.Stderr = io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "SingletonLock")
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	var socket string
	until(t, "Chrome has locked the profile", func() bool {
		socket, err = os.Readlink(filepath.Join(dir, "SingletonSocket"))
		return err == nil
	})
	b := browser.New(browser.Options{Profile: dir, Flags: mall.Flags()})
	defer b.Close()
	if _, err := b.Cookies(t.Context(), loginDomains); !errors.Is(err, browser.ErrInUse) || !strings.Contains(err.Error(), "close it") {
		t.Errorf("err = %v, want ErrInUse that says what to do", err)
	}
	// What a killed one leaves behind is in nobody's way.
	cmd.Process.Kill()
	cmd.Wait()
	until(t, "it is gone", func() bool { return len(pids(dir)) == 0 })
	if _, err := os.Readlink(link); err != nil {
		t.Errorf("the killed Chrome took its lock along: %v; this test proves nothing", err)
	}
	if _, err := b.Cookies(t.Context(), loginDomains); err != nil {
		t.Errorf("after it was killed: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(socket)); err == nil {
		t.Errorf("%s is left over", filepath.Dir(socket))
	}
}

func TestCookiesCarriedOver(t *testing.T) {
	short(t)
	m := ownMall(t)
	from := browser.New(browser.Options{Profile: filepath.Join(t.TempDir(), "a"), Flags: m.Flags(), Keep: loginDomains})
	to := browser.New(browser.Options{Profile: filepath.Join(t.TempDir(), "b"), Flags: m.Flags()})
	defer from.Close()
	defer to.Close()
	tb := tab(t, from, browser.TabOptions{})
	if err := tb.Open(deadline.Context(t), m.LoginURL("")); err != nil {
		t.Fatal(err)
	}
	phone(t, m)
	tb.Close() // now session cookies are kept
	if got := lasting(t, from); len(got) != 12 {
		t.Fatalf("lasting cookies = %v, want all 12", got)
	}

	none, err := from.SaveCookies(t.Context(), []string{"example.com", "mall.com"})
	if err != nil || string(none) != "[]" {
		t.Errorf("cookies of other domains = %s, %v, want none", none, err)
	}
	saved, err := from.SaveCookies(t.Context(), loginDomains)
	if err != nil {
		t.Fatal(err)
	}
	if err := to.LoadCookies(t.Context(), []string{"tmall.com"}, saved); err == nil || !strings.Contains(err.Error(), "taobao.com") {
		t.Errorf("cookies of a domain that was not asked for: err = %v", err)
	}
	if got := lasting(t, to); len(got) > 0 {
		t.Errorf("a refused load has set %v", got)
	}
	some := `[{"name":"__Host-a","value":"secret","domain":".tmall.com","path":"/","secure":true}, {"name":"b","value":"secret","domain":".tmall.com","path":"/","expires":4000000000}]`
	if err := to.LoadCookies(t.Context(), loginDomains, []byte(some)); err == nil || !strings.Contains(err.Error(), "__Host-a") || strings.Contains(err.Error(), "secret") {
		t.Errorf("a cookie that Chrome refuses: err = %v, want one that tells its name and not its value", err)
	}
	if got := lasting(t, to); !slices.Equal(got, []string{"tmall.com b"}) {
		t.Errorf("beside a cookie that Chrome refuses %v were set, want the other one", got)
	}
	if err := to.LoadCookies(t.Context(), loginDomains, saved); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil { // and start again
		t.Fatal(err)
	}
	if got, want := lasting(t, to), append(lasting(t, from), "tmall.com b"); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("carried over %v, want %v", got, want)
	}
}
