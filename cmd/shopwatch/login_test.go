package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image/png"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/login"
	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market/all"
)

// newLoginWorld is a world whose mall shows lists to those who are logged in.
// No process and no file of a login in the making may be left over.
func newLoginWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.mall.RequireLogin(true)
	t.Cleanup(func() {
		if left := users(w.dir); len(left) > 0 {
			t.Errorf("processes %v are left over", left)
		}
		if left, _ := filepath.Glob(filepath.Join(w.dir, "data", "*.png")); len(left) > 0 {
			t.Errorf("%v are left over", left)
		}
	})
	return w
}

// users returns the processes with a word in their command line.
func users(word string) (all []int) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		if b, err := os.ReadFile(l); err == nil && bytes.Contains(b, []byte(word)) {
			if pid, err := strconv.Atoi(strings.Split(l, "/")[2]); err == nil {
				all = append(all, pid)
			}
		}
	}
	return all
}

// A typed command line runs beside the test.
type typed struct {
	t      *testing.T
	cancel context.CancelFunc
	status chan int

	mu   sync.Mutex
	text bytes.Buffer // both outputs
}

func (c *typed) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(b)
}

func (c *typed) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// start runs a command line until it ends or is interrupted.
func (w *world) start(args ...string) *typed {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &typed{t: w.t, cancel: cancel, status: make(chan int, 1)}
	go func() {
		c.status <- run(ctx, append([]string{"-c", filepath.Join(w.dir, "shopwatch.yaml")}, args...), c, c)
	}()
	w.t.Cleanup(func() {
		cancel()
		c.status <- deadline.Receive(w.t, "the command ends", c.status)
	})
	return c
}

// end waits for the end and wants a status and some words.
func (c *typed) end(status int, words ...string) {
	c.t.Helper()
	select {
	case got := <-c.status:
		c.status <- got
		if got != status {
			c.t.Errorf("it ends with %d, want %d; it prints\n%s", got, status, c)
		}
	case <-time.After(5 * time.Minute):
		c.t.Fatalf("it does not end; it prints\n%s", c)
	}
	for _, w := range words {
		if !strings.Contains(c.String(), w) {
			c.t.Errorf("it does not say %q:\n%s", w, c)
		}
	}
}

// until waits until something holds, while the command runs.
func (c *typed) until(what string, holds func() bool) {
	c.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(5 * time.Minute); !holds(); {
		select {
		case <-tick.C:
		case got := <-c.status:
			c.status <- got
			c.t.Fatalf("it ends with %d before %s:\n%s", got, what, c)
		case <-end:
			c.t.Fatalf("never: %s; it prints\n%s", what, c)
		}
	}
}

func (w *world) record() (r login.Record) {
	w.t.Helper()
	file := filepath.Join(w.dir, "data", "login-tmall.json")
	text, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		w.t.Fatal(err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		w.t.Errorf("%s has mode %v, %v, want 0600", file, st.Mode(), err)
	}
	if since := time.Since(r.At); since < 0 || since > 2*time.Minute {
		w.t.Errorf("the login was made %s ago by its record", since)
	}
	return r
}

// whole wants a scan that reads all three products.
func (w *world) whole() {
	w.t.Helper()
	if s := lines[scanned](w.t, w.want(0, "scan", "--json"))[0]; s.Verdict != "complete" || s.Products != 3 {
		w.t.Errorf("scan = %+v, want a complete one of three products", s)
	}
}

func TestLoginByPhone(t *testing.T) {
	t.Parallel()
	w := newLoginWorld(t)
	if s := lines[scanned](t, w.want(2, "scan", "--json"))[0]; s.Verdict != "login" {
		t.Fatalf("scan before the login = %+v, want the verdict login", s)
	}
	if out := w.want(1, "check"); !strings.Contains(out, "Not logged in to tmall: shopwatch login tmall") {
		t.Errorf("check before the login:\n%s", out)
	}
	c := w.start("login", "tmall", "--qr")
	c.until("a code is shown", func() bool { return len(fixtures.ReadTerminalQR(c.String())) == 1 })
	first := fixtures.ReadTerminalQR(c.String())[0]
	if first != w.mall.QRText() || first == "" {
		t.Errorf("the code on the terminal says %q, that of the login page %q", first, w.mall.QRText())
	}
	picture := filepath.Join(w.dir, "data", "login-tmall.png")
	c.until("the app and the picture are named", func() bool {
		return strings.Contains(c.String(), "the Taobao app") && strings.Contains(c.String(), picture)
	})
	f, err := os.Open(picture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || fixtures.ReadQR(img) != first {
		t.Errorf("the code in the picture cannot be read or says something else: %v", err)
	}

	w.mall.ExpireQR()
	c.until("the code that has run out is replaced", func() bool { return len(fixtures.ReadTerminalQR(c.String())) == 2 })
	second := fixtures.ReadTerminalQR(c.String())[1]
	if second == first {
		t.Error("the new code is the old one")
	}
	if err := w.mall.ScanQR(second, "tb_watcher"); err != nil {
		t.Fatal(err)
	}
	c.end(0, "That code has run out", "Logged in to tmall just now (qr); its cookies are kept until")
	if strings.Contains(c.String(), "tb_watcher") {
		t.Errorf("it prints the account:\n%s", c)
	}
	if r := w.record(); r.Method != "qr" {
		t.Errorf("record = %+v, want the method qr", r)
	}
	w.whole()
	for _, command := range []string{"check", "storefronts"} {
		if out := w.want(0, command); !strings.Contains(out, "Logged in to tmall just now (qr)") {
			t.Errorf("%s does not tell of the login:\n%s", command, out)
		}
	}

	// The cookies of an expired login are still there: only a scan can know.
	w.mall.ExpireLogins()
	if s := lines[scanned](t, w.want(2, "scan", "--json"))[0]; s.Verdict != "login" || !strings.Contains(s.Reason, "shopwatch login tmall") {
		t.Errorf("scan with an expired login = %+v, want login and what to do", s)
	}
	c = w.start("login", "tmall", "--qr")
	c.until("a code is shown", func() bool { return len(fixtures.ReadTerminalQR(c.String())) == 1 })
	if err := w.mall.ScanQR(fixtures.ReadTerminalQR(c.String())[0], "tb_watcher"); err != nil {
		t.Fatal(err)
	}
	c.end(0, "Logged in to tmall just now")
	w.whole()

	// A profile whose cookies are gone is something to fix.
	if err := os.RemoveAll(filepath.Join(w.dir, "data", "profile")); err != nil {
		t.Fatal(err)
	}
	w.want(2, "scan")
	if out := w.want(1, "check"); !strings.Contains(out, "its cookies are gone or have expired: shopwatch login tmall") {
		t.Errorf("check with a profile that is new:\n%s", out)
	}
}

func TestLoginByPhoneThatComesToNothing(t *testing.T) {
	t.Parallel()
	w := newLoginWorld(t)
	page := func(html string) {
		w.mall.Handle("login.taobao.com", "/member/login.jhtml", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/html; charset=utf-8")
			rw.Write([]byte(html))
		}))
	}
	c := w.start("login", "tmall", "--qr", "--wait", "3s")
	c.end(1, "no login within 3s")

	c = w.start("login", "tmall", "--qr")
	c.until("a code is shown", func() bool { return len(fixtures.ReadTerminalQR(c.String())) == 1 })
	c.cancel()
	c.end(1, "interrupted; nobody was logged in")

	page(`<body><div id="nocaptcha" class="nc-container" style="width:300px;height:40px">请按住滑块</div></body>`)
	c = w.start("login", "tmall", "--qr")
	c.end(1, "shows a challenge (slider), which shopwatch does not answer")
	if n := len(fixtures.ReadTerminalQR(c.String())); n > 0 {
		t.Errorf("%d codes are shown beside a slider", n)
	}

	// A code that stands nowhere in particular, small and in a frame.
	code, err := qrcode.NewQRCodeWriter().Encode("https://login.m.taobao.com/qrcodeCheck.htm?lgToken=0123456789abcdef", gozxing.BarcodeFormat_QR_CODE, 150, 150, nil)
	if err != nil {
		t.Fatal(err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, code); err != nil {
		t.Fatal(err)
	}
	page(`<body style="background:#eee"><h1>扫码登录</h1><p>打开淘宝APP 点击左上角扫一扫</p>
		<iframe style="width:400px;height:300px" srcdoc="<p>二维码</p><img src='data:image/png;base64,` + base64.StdEncoding.EncodeToString(picture.Bytes()) + `'>"></iframe></body>`)
	c = w.start("login", "tmall", "--qr")
	c.until("the code in the frame is shown", func() bool {
		return slices.Equal(fixtures.ReadTerminalQR(c.String()), []string{"https://login.m.taobao.com/qrcodeCheck.htm?lgToken=0123456789abcdef"})
	})
	page(`<body><h6>扫描成功！</h6><p>请在手机上确认登录</p></body>`)
	c.cancel()
	c.end(1)
	c = w.start("login", "tmall", "--qr")
	c.until("the person is told to confirm", func() bool { return strings.Contains(c.String(), "confirm the login there") })
	c.cancel()
	c.end(1)

	b := browser.New(browser.Options{Profile: filepath.Join(w.dir, "data", "profile"), Flags: w.mall.Flags()})
	defer b.Close()
	if _, err := b.Cookies(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--qr"}, {"--export", "x"}} {
		c = w.start(append([]string{"login", "tmall"}, args...)...)
		c.end(1, "profile is in use by this process itself: wait for it or end it")
	}
	if _, err := os.Stat(filepath.Join(w.dir, "data", "login-tmall.json")); err == nil {
		t.Error("a login was noted")
	}
}

func TestLoginCarriedOver(t *testing.T) {
	w := newLoginWorld(t)
	file := filepath.Join(w.dir, "tmall.login")
	if _, errs, status := w.do("login", "tmall", "--export", file); status != 1 || !strings.Contains(errs, "there is no login to carry over") {
		t.Errorf("export without a login = %d, %s", status, errs)
	}
	c := w.start("login", "tmall", "--qr")
	c.until("the phone has confirmed", func() bool { return w.mall.ScanQR("", "tb_watcher") == nil })
	c.end(0)
	w.openLogin("https://abroad.tmall.hk/") // as a person does who opens such a shop in the window

	for _, tt := range []struct{ name, passphrase, want string }{
		{"a short passphrase", "tiny", "too short"},
		{"an empty passphrase", "", "too short"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(login.PassphraseVariable, tt.passphrase)
			if _, errs, status := w.do("login", "tmall", "--export", file); status != 1 || !strings.Contains(errs, tt.want) {
				t.Errorf("export = %d, %s, want 1 and %q", status, errs, tt.want)
			}
			if _, err := os.Stat(file); err == nil {
				t.Error("it wrote the file")
			}
		})
	}
	w.want(0, "login", "tmall", "--export", file)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v, want 0600", st.Mode(), err)
	}
	if !bytes.HasPrefix(content, []byte("-----BEGIN AGE ENCRYPTED FILE-----")) || bytes.Contains(content, []byte("cookie2")) {
		t.Errorf("the file is not encrypted: %.80s", content)
	}
	if _, errs, status := w.do("login", "tmall", "--export", file); status != 1 || !strings.Contains(errs, "is there already") {
		t.Errorf("export over a file = %d, %s, want a refusal", status, errs)
	}
	made := w.record()

	// The other machine.
	w.configure(map[string]any{"data": "elsewhere"})
	w.want(2, "scan")
	refused := func(name, passphrase string, content []byte, want string) {
		t.Run(name, func(t *testing.T) {
			t.Setenv(login.PassphraseVariable, passphrase)
			file := filepath.Join(t.TempDir(), "x.login")
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, errs, status := w.do("login", "tmall", "--import", file)
			if status != 1 || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
				t.Errorf("import = %d, %s, want 1 and one line with %q", status, errs, want)
			}
		})
	}
	const right = "correct horse battery"
	sealed := func(content string) []byte {
		to, err := age.NewScryptRecipient(right)
		if err != nil {
			t.Fatal(err)
		}
		to.SetWorkFactor(10) // soon done
		var b bytes.Buffer
		armored := armor.NewWriter(&b)
		w, err := age.Encrypt(armored, to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Close(), armored.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	refused("the wrong passphrase", "incorrect donkey", content, "is another one")
	refused("a damaged file", right, slices.Concat(content[:200], content[201:]), "no login file, or it is damaged")
	refused("no login file", right, []byte("hello"), "no login file, or it is damaged")
	refused("another marketplace", right, sealed(`{"marketplace":"jd"}`), "holds a login to jd, not to tmall")
	refused("a cookie of another site", right, sealed(`{"marketplace":"tmall","cookies":[{"name":"a","value":"b","domain":".example.com","path":"/"}]}`), "example.com is not one of")
	refused("an expired login", right, sealed(`{"marketplace":"tmall","cookies":[
		{"name":"cookie2","value":"b","domain":".tmall.com","path":"/","expires":1700000000},
		{"name":"lgc","value":"b","domain":".tmall.com","path":"/","expires":1700000000}]}`), "has expired")

	if out := w.want(0, "login", "tmall", "--import", file); !strings.Contains(out, "(import); its cookies are kept until") {
		t.Errorf("import says\n%s", out)
	}
	var r login.Record
	text, err := os.ReadFile(filepath.Join(w.dir, "elsewhere", "login-tmall.json"))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil || !r.At.Equal(made.At) || r.Method != "import" {
		t.Errorf("record of the import = %+v, %v, want the time %s of the login", r, err, made.At)
	}
	w.whole()
	b := browser.New(browser.Options{Profile: filepath.Join(w.dir, "elsewhere", "profile"), Flags: w.mall.Flags()})
	defer b.Close()
	if cookies, err := b.Cookies(t.Context(), []string{"tmall.hk"}); err != nil || !slices.ContainsFunc(cookies, func(c browser.Cookie) bool { return c.Name == "cookie2" }) {
		t.Errorf("cookies of Tmall Global that came along: %v, %v, want those of a login", cookies, err)
	}
}

// openLogin logs in once more in the profile, on the login page to which a
// page of a shop leads.
func (w *world) openLogin(from string) {
	w.t.Helper()
	w.mall.Open(fixtures.Shop{Host: strings.Trim(strings.TrimPrefix(from, "https://"), "/")})
	c, err := config.Load(filepath.Join(w.dir, "shopwatch.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	ctx := deadline.Context(w.t)
	b := daemon.NewBrowser(c, slog.New(slog.DiscardHandler))
	tab, err := b.Tab(ctx, browser.TabOptions{Home: all.Markets()[0].Login.Home})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := tab.Open(ctx, w.mall.LoginURL(from)); err != nil {
		w.t.Fatal(err)
	}
	for !strings.HasPrefix(tab.Document().URL, from) {
		_ = w.mall.ScanQR("", "tb_watcher") // as soon as the code is shown
		if err := tab.Wait(ctx, "new Promise(done => setTimeout(done, 50))", nil); err != nil {
			w.t.Fatal(err)
		}
	}
	tab.Close()
	if err := b.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// screen gives the test a display of its own.
func screen(t *testing.T) {
	t.Helper()
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

func TestLoginInWindow(t *testing.T) {
	w := newLoginWorld(t)
	screen(t)
	profile := filepath.Join(w.dir, "data", "profile")
	// closed plays a person who closes the window.
	closed := func() {
		for _, pid := range users("--user-data-dir=" + profile) {
			if line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline"); err == nil && !bytes.Contains(line, []byte("--type=")) {
				syscall.Kill(pid, syscall.SIGINT)
			}
		}
	}
	shown := 0
	window := func(args ...string) *typed {
		c := w.start(append([]string{"login", "tmall"}, args...)...)
		c.until("the window shows the login page", func() bool { return w.mall.LoginPages() > shown })
		shown = w.mall.LoginPages()
		return c
	}

	c := window()
	closed()
	c.end(1, "nobody is logged in")

	c = window("--wait", "8s") // and nobody closes it
	c.until("the phone has confirmed", func() bool { return w.mall.ScanQR("", "tb_watcher") == nil })
	c.end(0, "Log in there, then close the window", "Logged in to tmall just now (window); its cookies are kept until")
	if r := w.record(); r.Method != "window" {
		t.Errorf("record = %+v, want the method window", r)
	}
	w.whole()

	c = window()
	if out, errs, status := w.do("scan"); status != 2 || !strings.Contains(out+errs, "is in use by") {
		t.Errorf("scan beside the window = %d, %s%s, want the profile in use", status, out, errs)
	}
	closed()
	c.end(0, "No new login was made. Logged in to tmall just now (window)")

	c = window()
	c.cancel()
	c.end(1, "interrupted")
}

func TestLoginWithoutDisplay(t *testing.T) {
	w := newLoginWorld(t)
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	want := "use shopwatch login tmall --qr, or log in on a desktop and carry the login over with --export and --import\n"
	if _, errs, status := w.do("login", "tmall"); status != 1 || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
		t.Errorf("without a display, or without a full Chrome: %d, %s, want one line that says what else there is", status, errs)
	}
	t.Setenv("PATH", t.TempDir())
	if _, errs, status := w.do("login", "tmall"); status != 1 || !strings.Contains(errs, "install chromium") || !strings.Contains(errs, want) {
		t.Errorf("without a full Chrome: %d, %s, want what to install and what else there is", status, errs)
	}
	if _, errs, status := w.do("login", "nowhere"); status != 1 || !strings.Contains(errs, `no marketplace "nowhere"; known are tmall`) {
		t.Errorf("a marketplace that is none: %d, %s", status, errs)
	}
	if _, errs, status := w.do("login", "tmall", "--qr", "--export", "x"); status != 1 || !strings.Contains(errs, "can't be used together") {
		t.Errorf("two ways at once: %d, %s", status, errs)
	}
}

// Nothing that a file of another time says may stop the other commands from
// saying what is wrong.
func TestLoginRecordThatIsDamaged(t *testing.T) {
	w := newLoginWorld(t)
	if err := os.MkdirAll(filepath.Join(w.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "data", "login-tmall.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := w.want(1, "check"); !strings.Contains(out, "delete it") {
		t.Errorf("check says\n%s", out)
	}
}
