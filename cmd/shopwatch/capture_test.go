package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/scan"
)

// A removal comes with what its item page was answered: exported, verified with
// the checkpoint of a mail, and read again without the network. What was altered
// is found.
func TestCaptureOfRemoval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := func(name string) string { return filepath.Join(w.dir, name) }
	w.want(0, "scan")
	w.shop.Take("45100000002", fixtures.OffShelf)
	w.want(0, "scan")
	told := w.letter(1)
	if err := os.WriteFile(file("report.eml"), told.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	w.want(0, "evidence", "1", file("1.wacz"))
	if out := w.want(0, "why", "1"); !strings.Contains(out, "\npictures  "+file("data/evidence/")) || !strings.Contains(out, "\ncapture   "+file("data/evidence/")) {
		t.Errorf("why does not tell pictures from the capture:\n%s", out)
	}
	verify := func(status int, name string, says ...string) {
		t.Helper()
		out := w.want(status, "verify", "--checkpoint", file("report.eml"), file(name))
		for _, s := range says {
			if !strings.Contains(out, s) {
				t.Errorf("verify %s does not say %q:\n%s", name, s, out)
			}
		}
	}
	verify(0, "1.wacz", "every file has its digest", "that you hold is the one in the file", "The capture is the one that change 1 names", "The change in story.json is the one in the log")
	alter := func(name, inside string, change func([]byte) []byte) {
		t.Helper()
		restore(t, file("1.wacz"), file(name), inside, change)
	}
	alter("picture.wacz", "archive/data.warc.gz", func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	verify(1, "picture.wacz", "is not what it was when it was captured")
	alter("log.wacz", "log.json", func(b []byte) []byte { return bytes.Replace(b, []byte("offshelf"), []byte("gone"), 1) })
	verify(1, "log.wacz", "is not as it is here in the log")
	alter("story.wacz", "story.json", func(b []byte) []byte { return bytes.Replace(b, []byte("全民WiFi"), []byte("another"), 1) })
	verify(1, "story.wacz", "The change in story.json is not the one in the log")
	// Another capture by the same key is not that of the change.
	w.want(0, "scan", "tencent", "--capture", file("whole.wacz"))
	alterFrom(t, file("whole.wacz"), file("1.wacz"), file("other.wacz"))
	verify(1, "other.wacz", "The capture is not the one that change 1 names")

	w.mall.Forget()
	got := lines[scan.Replayed](t, w.want(0, "replay", "--json", file("1.wacz")))[0]
	if len(got.Items) != 1 || got.Items[0].State != tracker.PageOffshelf {
		t.Errorf("replay = %+v", got)
	}
	out := w.want(0, "replay", file("whole.wacz"))
	for _, s := range []string{"tencent (https://tencent.tmall.com/", "verdict: complete, 1 of 1 page, 2 products", "45100000001  199.00  糖大夫 血糖仪", "This is what was read when it was captured."} {
		if !strings.Contains(out, s) {
			t.Errorf("replay does not print %q:\n%s", s, out)
		}
	}
	if asked := w.mall.Requests(); len(asked) > 0 {
		t.Errorf("the network was asked: %v", asked)
	}
	if err := os.WriteFile(file("whole.json"), []byte(w.want(0, "replay", "--json", file("whole.wacz"))), 0o600); err != nil {
		t.Fatal(err)
	}
	w.want(0, "replay", file("whole.wacz"), "--expect", file("whole.json"))
	text, err := os.ReadFile(file("whole.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file("whole.json"), bytes.Replace(text, []byte("199.00"), []byte("200.00"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := w.do("replay", file("whole.wacz"), "--expect", file("whole.json")); status != 1 || !strings.Contains(errs, "want {45100000001") {
		t.Errorf("replay with another expectation = %d: %s", status, errs)
	}
	if _, errs, status := w.do("evidence", "99", file("99.wacz")); status != 1 || !strings.Contains(errs, "there is no change 99") {
		t.Errorf("evidence 99 = %d: %s", status, errs)
	}
}

// What a capture lacks is said when it is read again.
func TestReplayTellsWhatIsLacking(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out}
	a.tellReplayed(&archive.Capture{Reading: archive.Reading{Left: []string{"the answer of https://a.example/x (status 200) was left out: it broke off"}}}, &scan.Replayed{})
	if want := "the capture lacks something: the answer of https://a.example/x (status 200) was left out: it broke off\n"; !strings.Contains(out.String(), want) {
		t.Errorf("replay prints\n%swant\n%s", out.String(), want)
	}
}

// letter is the nth mail.
func (w *world) letter(n int) fixtures.Mail {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	for {
		m, err := w.mail.Wait(ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		if n--; n == 0 {
			return m
		}
	}
}

// restore copies an archive without compressing it, with one file altered.
func restore(t *testing.T, from, to, name string, alter func([]byte) []byte) {
	t.Helper()
	order, files := stored(t, from)
	files[name] = alter(files[name])
	store(t, to, order, files)
}

// alterFrom copies an archive with the story of another.
func alterFrom(t *testing.T, capture, story, to string) {
	t.Helper()
	order, files := stored(t, capture)
	_, other := stored(t, story)
	for _, name := range []string{"story.json", "log.json"} {
		order, files[name] = append(order, name), other[name]
	}
	store(t, to, order, files)
}

func stored(t *testing.T, file string) (order []string, files map[string][]byte) {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files = make(map[string][]byte)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		order = append(order, f.Name)
	}
	return order, files
}

func store(t *testing.T, file string, order []string, files map[string][]byte) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range order {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A scan that is not complete leaves its page, the next one everything that it
// read, in the place of the first; report-problem packs that without secrets.
func TestCaptureOfProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.configure(map[string]any{"token": "s3cret-t0ken-0123456789"})
	w.want(0, "scan")
	w.shop.Fault(fixtures.Fault{Name: "login overlay"})
	for range 2 {
		w.want(2, "scan")
	}
	zipped := filepath.Join(w.dir, "problem.zip")
	if out := w.want(0, "report-problem", "tencent", "--file", zipped); !strings.Contains(out, "1 capture") {
		t.Errorf("report-problem prints %s", out)
	}
	order, files := stored(t, zipped)
	all := strings.Join(order, " ")
	for _, secret := range []string{"s3cret", "team@example.com", "shopwatch@example.com"} {
		for name, content := range files {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds %q:\n%s", name, secret, content)
			}
		}
	}
	for name, says := range map[string]string{
		"about.txt": "shopwatch devel", "configuration.txt": "storefronts[0].url: https://tencent.tmall.com/", "check.txt": "storefront", "scans.jsonl": `"verdict":"login"`,
	} {
		if !strings.Contains(string(files[name]), says) {
			t.Errorf("%s does not say %q:\n%s", name, says, files[name])
		}
	}
	capture := order[len(order)-1]
	if !strings.HasPrefix(capture, "captures/tencent-") || strings.Count(all, ".wacz") != 1 {
		t.Fatalf("the file holds %s", all)
	}
	wacz := filepath.Join(w.dir, "problem.wacz")
	if err := os.WriteFile(wacz, files[capture], 0o600); err != nil {
		t.Fatal(err)
	}
	_, inside := stored(t, wacz)
	var reading struct {
		Scope   string
		Verdict string
	}
	if err := json.Unmarshal(inside["scan.json"], &reading); err != nil || reading.Scope != "scan" || reading.Verdict != "login" {
		t.Errorf("scan.json = %+v, %v", reading, err)
	}
	if out := w.want(0, "replay", wacz); !strings.Contains(out, "verdict: login") || !strings.Contains(out, "This is what was read when it was captured.") {
		t.Errorf("replay prints %s", out)
	}
	if found, _ := filepath.Glob(filepath.Join(w.dir, "data", "evidence", "*", "*.wacz")); len(found) != 1 {
		t.Errorf("kept are %q, want the newest capture only", found)
	}
	w.want(0, "verify", wacz)
	// Through the daemon it is the same.
	w.shop.Heal()
	stop := w.daemon()
	whole := filepath.Join(w.dir, "whole.wacz")
	w.want(0, "scan", "tencent", "--capture", whole)
	w.want(0, "verify", whole)
	client := api.Dial(filepath.Join(w.dir, "data"))
	defer client.Close()
	for s, err := range client.Scans(t.Context(), api.Filter{Limit: 1}) {
		if err != nil || s.Evidence.Capture == "" {
			t.Errorf("the scan names no capture: %v", err)
		}
	}
	if status, log := stop(); status != 0 {
		t.Errorf("the daemon ended with %d: %s", status, log)
	}
}

// Nothing in a capture tells whose login its pages were read with, and they read
// the same without it.
func TestCaptureOfAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mall.RequireLogin(true)
	const nick = "张三的小店"
	type saved struct {
		Name   string `json:"name"`
		Value  string `json:"value"`
		Domain string `json:"domain"`
		Path   string `json:"path"`
		Secure bool   `json:"secure"`
	}
	var cookies []saved
	secrets := map[string]bool{nick: true}
	for _, c := range w.mall.LoginCookies(nick) {
		cookies = append(cookies, saved{c.Name, c.Value, "." + c.Domain, c.Path, c.Secure})
		secrets[c.Value] = true
	}
	text, err := json.Marshal(cookies)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(filepath.Join(w.dir, "shopwatch.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b := daemon.NewBrowser(c, slog.New(slog.DiscardHandler))
	if err := errors.Join(b.LoadCookies(t.Context(), []string{"tmall.com", "taobao.com"}, text), b.Close()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(w.dir, "account.wacz")
	w.want(0, "scan", "tencent", "--capture", file)
	capture, err := openCapture(file)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for i := range capture.Records {
		r := &capture.Records[i]
		fmt.Fprintf(&all, "%s %s %v %s\n", r.URL, r.Post, r.Header, r.Body)
	}
	reading, err := json.Marshal(capture.Reading)
	if err != nil {
		t.Fatal(err)
	}
	all.Write(reading)
	for secret := range secrets {
		if strings.Contains(all.String(), secret) {
			t.Errorf("the capture holds %q", secret)
		}
	}
	listed := false
	for _, r := range capture.Reading.Redacted {
		listed = listed || r.What == "cookie unb" && r.Where == "body"
	}
	if !listed {
		t.Errorf("redacted = %+v, want the account's number too: the pages of the mall name it", capture.Reading.Redacted)
	}
	if out := w.want(0, "replay", file); !strings.Contains(out, "This is what was read when it was captured.") {
		t.Errorf("replay prints %s", out)
	}
}
