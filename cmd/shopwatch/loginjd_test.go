package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"shopwatch/cmd/shopwatch/login"
	"shopwatch/fixtures"
	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/jd"
)

// newJDWorld is a world with a storefront of JD, which shows lists to those who
// are logged in.
func newJDWorld(t *testing.T) (w *world, site *jd.Site, shop *jd.Shop) {
	t.Helper()
	w = newLoginWorld(t)
	site = jd.NewSite()
	shop = site.Open("penguin.jd.com", []string{"50100000100", "50100000200", "50100000300"})
	markets.Mount(w.mall, shop)
	site.RequireLogin(true)
	w.configureJD(shop, "data")
	return w, site, shop
}

// configureJD lets the program watch a storefront of JD, with its data in a
// folder.
func (w *world) configureJD(shop *jd.Shop, data string) {
	w.t.Helper()
	w.configure(map[string]any{"data": data, "storefronts": []any{map[string]any{"name": "penguin", "url": shop.URL(), "schedule": "@daily"}}})
}

func jdRecord(t *testing.T, w *world, data string) (r login.Record) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, data, "login-jd.json"))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A login to JD by phone is told of, keeps the account to itself, is carried
// over to another machine, and may end.
func TestLoginToJDByPhoneAndCarriedOver(t *testing.T) {
	t.Parallel()
	w, site, shop := newJDWorld(t)
	if s := lines[scanned](t, w.want(2, "scan", "--json"))[0]; s.Verdict != "login" || !strings.Contains(s.Reason, "run shopwatch login jd") {
		t.Fatalf("scan before the login = %+v, want the verdict login and what to do", s)
	}
	file := filepath.Join(w.dir, "jd.login")
	if _, errs, status := w.do("login", "jd", "--export", file); status != 1 || !strings.Contains(errs, "there is no login to carry over") {
		t.Errorf("export without a login = %d, %s", status, errs)
	}
	c := w.start("login", "jd", "--qr")
	c.until("a code is shown", func() bool { return len(fixtures.ReadTerminalQR(c.String())) == 1 })
	first := fixtures.ReadTerminalQR(c.String())[0]
	if first != site.QRText() || first == "" {
		t.Errorf("the code on the terminal says %q, that of the login page %q", first, site.QRText())
	}
	site.ExpireQR()
	c.until("the code that has run out is replaced", func() bool { return len(fixtures.ReadTerminalQR(c.String())) == 2 })
	if err := site.ScanQR(fixtures.ReadTerminalQR(c.String())[1], "jd_watcher"); err != nil {
		t.Fatal(err)
	}
	c.end(0, "That code has run out", "Logged in to jd just now (qr)")
	if strings.Contains(c.String(), "jd_watcher") {
		t.Errorf("it prints the account:\n%s", c)
	}
	w.whole()
	for _, command := range []string{"check", "storefronts"} {
		if out := w.want(0, command); !strings.Contains(out, "Logged in to jd just now (qr)") {
			t.Errorf("%s does not tell of the login:\n%s", command, out)
		}
	}

	// It is carried over, and no other marketplace takes it.
	w.want(0, "login", "jd", "--export", file)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(content, []byte("thor")) || bytes.Contains(content, []byte("jd_watcher")) {
		t.Errorf("the file is not encrypted: %.80s", content)
	}
	made := jdRecord(t, w, "data")
	w.configureJD(shop, "elsewhere")
	w.want(2, "scan")
	if _, errs, status := w.do("login", "tmall", "--import", file); status != 1 || !strings.Contains(errs, "holds a login to jd, not to tmall") {
		t.Errorf("import to tmall = %d, %s", status, errs)
	}
	if out := w.want(0, "login", "jd", "--import", file); !strings.Contains(out, "Logged in to jd") || !strings.Contains(out, "(import)") {
		t.Errorf("import says\n%s", out)
	}
	if r := jdRecord(t, w, "elsewhere"); !r.At.Equal(made.At) || r.Method != "import" {
		t.Errorf("record of the import = %+v, want the time %s of the login", r, made.At)
	}
	w.whole()

	// The cookies of an expired login are still there: only a scan can know.
	site.ExpireLogins()
	if s := lines[scanned](t, w.want(2, "scan", "--json"))[0]; s.Verdict != "login" || !strings.Contains(s.Reason, "shopwatch login jd") {
		t.Errorf("scan with an expired login = %+v, want login and what to do", s)
	}
}

func TestLoginToJDInWindow(t *testing.T) {
	w, site, _ := newJDWorld(t)
	screen(t)
	c := w.start("login", "jd", "--wait", "8s")
	c.until("the window shows the login page", func() bool { return site.LoginPages() > 0 })
	c.until("the phone has confirmed", func() bool { return site.ScanQR("", "jd_watcher") == nil })
	c.end(0, "Log in there, then close the window", "Logged in to jd just now (window)")
	if r := jdRecord(t, w, "data"); r.Method != "window" {
		t.Errorf("record = %+v, want the method window", r)
	}
	w.whole()

	shown := site.LoginPages()
	c = w.start("login", "jd")
	c.until("the window shows the login page", func() bool { return site.LoginPages() > shown })
	for _, pid := range users("--user-data-dir=" + filepath.Join(w.dir, "data", "profile")) {
		if line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline"); err == nil && !bytes.Contains(line, []byte("--type=")) {
			syscall.Kill(pid, syscall.SIGINT)
		}
	}
	c.end(0, "No new login was made. Logged in to jd just now (window)")
}

// A shop whose login page shows a slider is left to the person.
func TestLoginToJDBehindASlider(t *testing.T) {
	t.Parallel()
	w, site, _ := newJDWorld(t)
	site.SlideLogin(true)
	c := w.start("login", "jd", "--qr")
	c.end(1, "shows a challenge (slider), which shopwatch does not answer")
	if n := len(fixtures.ReadTerminalQR(c.String())); n > 0 {
		t.Errorf("%d codes are shown beside a slider", n)
	}
}
