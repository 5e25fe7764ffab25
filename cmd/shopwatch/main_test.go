package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/login"
	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
)

// TestMain lets the test binary be other programs.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("SHOPWATCH_TEST_RUN") != "":
		main()
	case os.Getenv("SHOPWATCH_TEST_CALENDAR") != "":
		os.Exit(runFast(os.Getenv("SHOPWATCH_TEST_CALENDAR")))
	}
	// Tests that run side by side cannot change the environment.
	os.Setenv(login.PassphraseVariable, "correct horse battery")
	code := m.Run()
	if err := os.RemoveAll(buildDir); err != nil {
		println("remove the program:", err.Error())
		code = 1
	}
	os.Exit(code)
}

var buildDir string // of the program; empty until a test needs it

// built is the program as make build makes it, made once.
var built = sync.OnceValues(func() (program string, err error) {
	if buildDir, err = os.MkdirTemp("", "shopwatch-build-"); err != nil {
		return "", err
	}
	program = filepath.Join(buildDir, "shopwatch")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return program, nil
})

// A world is a mall with one storefront, a mail server, and a configuration
// that knows both.
type world struct {
	t    *testing.T
	mall *fixtures.Mall
	shop *fixtures.Storefront
	mail *fixtures.SMTP
	dir  string
}

// store opens the world's database, by its configuration.
func (w *world) store() (*config.Config, storage.Store) {
	w.t.Helper()
	c, err := config.Load(filepath.Join(w.dir, "shopwatch.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	db, err := (&app{}).openStore(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	return c, db
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Chrome")
	}
	if _, err := browser.Find(""); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	mall, err := fixtures.NewMall()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mall.Close() })
	mail, err := fixtures.NewSMTP(fixtures.SMTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mail.Close() })
	w := &world{t: t, mall: mall, mail: mail, dir: t.TempDir()}
	w.shop = mall.Open(fixtures.Shop{Host: "tencent.tmall.com", Title: "腾讯官方数码旗舰店", Delay: -1, Products: []fixtures.Product{
		{ID: "45100000001", Title: "糖大夫 血糖仪", Price: "199.00"},
		{ID: "45100000002", Title: "全民WiFi 无线网卡", Price: "19.90"},
		{ID: "45100000003", Title: "Qrobot 聊天机器人", Price: "399.00"},
	}})
	w.configure(nil)
	return w
}

// configure writes the configuration, with other values for some keys.
func (w *world) configure(change map[string]any) {
	w.t.Helper()
	flags := w.mall.Flags()
	c := map[string]any{
		"listen":  "127.0.0.1:0",
		"browser": map[string]any{"pace": "0s", "page_timeout": "10s", "daily_pages": 0, "flags": flags},
		"storefronts": []any{map[string]any{
			"name": "tencent", "url": w.shop.URL(), "schedule": "@daily", "title": "Tencent flagship",
		}},
		"channels": []any{map[string]any{
			"name": "analysts", "kind": "email", "server": w.mail.URL(), "plaintext": true,
			"from": "shopwatch@example.com", "to": []string{"team@example.com"},
		}},
	}
	for k, v := range change {
		c[k] = v
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "shopwatch.yaml"), text, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// do runs a command line and returns what it prints and its exit status.
func (w *world) do(args ...string) (stdout, stderr string, status int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), deadline.Most)
	defer cancel()
	var out, errs bytes.Buffer
	status = run(ctx, append([]string{"-c", filepath.Join(w.dir, "shopwatch.yaml")}, args...), &out, &errs)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		w.t.Errorf("after %s: shopwatch %s has not ended; it prints\n%s%s", deadline.Most, strings.Join(args, " "), out.String(), errs.String())
	}
	return out.String(), errs.String(), status
}

// want runs a command line that must end with a status.
func (w *world) want(status int, args ...string) string {
	w.t.Helper()
	out, errs, got := w.do(args...)
	if got != status {
		w.t.Fatalf("shopwatch %s = %d, want %d; it prints\n%s%s", strings.Join(args, " "), got, status, out, errs)
	}
	return out
}

// daemon runs the daemon until the returned function is called, which returns
// its exit status and log.
func (w *world) daemon(flags ...string) (stop func() (int, string)) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out bytes.Buffer
	errs := log{said: make(chan bool)}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"-c", filepath.Join(w.dir, "shopwatch.yaml"), "run"}, flags...), &out, &errs)
	}()
	stop = sync.OnceValues(func() (int, string) {
		cancel()
		return deadline.Receive(w.t, "the daemon ends", ended), errs.String()
	})
	w.t.Cleanup(func() { stop() })
	select {
	case status := <-ended:
		ended <- status
		w.t.Fatalf("the daemon ended with %d: %s", status, errs.String())
	case <-errs.said:
	case <-time.After(deadline.Most):
		w.t.Fatalf("the daemon did not start: %s", errs.String())
	}
	return stop
}

// A log keeps what the daemon logs.
type log struct {
	said chan bool // closed when it says that it has started

	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := bytes.Contains(l.b.Bytes(), []byte(`"started"`))
	n, err := l.b.Write(b)
	if !before && bytes.Contains(l.b.Bytes(), []byte(`"started"`)) {
		close(l.said)
	}
	return n, err
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// lines reads JSON, an object a line.
func lines[T any](t *testing.T, text string) []T {
	t.Helper()
	var all []T
	for line := range strings.Lines(text) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		all = append(all, v)
	}
	return all
}

// scanned is what scan --json promises (docs/commands.md).
type scanned struct {
	Storefront, Scan, Verdict, Reason string
	Products, Pages                   int
	Declared                          struct{ Pages, Products int }
	TookMS                            *int `json:"took_ms"`
	Changes                           []struct {
		Seq                     uint64
		Kind, Proof, Storefront string
		Product, Before         *struct{ ID, Title, Price string }
	}
}

func (s scanned) kinds() (k []string) {
	for _, c := range s.Changes {
		k = append(k, c.Kind+" "+c.Product.ID)
	}
	slices.Sort(k)
	return k
}

// The whole program, without and with the daemon: a baseline is silent, a
// product that appears and one that disappears are told of, by mail too.
func TestLoop(t *testing.T) {
	for _, daemon := range []bool{false, true} {
		t.Run(map[bool]string{false: "on demand", true: "through the daemon"}[daemon], func(t *testing.T) {
			t.Parallel()
			newWorld(t).loop(daemon)
		})
	}
}

// loop is the whole loop on one storefront.
func (w *world) loop(daemon bool) {
	t := w.t
	stop := func() (int, string) { return 0, "" }
	if daemon {
		stop = w.daemon()
	}
	first := lines[scanned](t, w.want(0, "scan", "--json"))
	if len(first) != 1 || first[0].Verdict != "complete" || first[0].Products != 3 || len(first[0].Changes) != 0 || first[0].TookMS == nil {
		t.Fatalf("scan = %+v, want a complete one of three products, and no change", first)
	}
	w.shop.Take("45100000002", fixtures.Gone)
	w.shop.Put(fixtures.Product{ID: "45100000004", Title: "亲子蓝牙音箱", Price: "129.00"})
	w.shop.Update("45100000003", func(p *fixtures.Product) { p.Price = "349.00" })

	dry := lines[scanned](t, w.want(0, "scan", "--json", "--dry-run", "tencent"))[0]
	want := []string{"added 45100000004", "removed 45100000002", "repriced 45100000003"}
	if got := dry.kinds(); !slices.Equal(got, want) {
		t.Errorf("dry run = %q, want %q", got, want)
	}
	if got := w.want(0, "changes", "--json"); got != "" {
		t.Errorf("a dry run kept %s", got)
	}
	second := lines[scanned](t, w.want(0, "scan", "--json"))[0]
	if got := second.kinds(); !slices.Equal(got, want) {
		t.Errorf("scan = %q, want %q", got, want)
	}
	for _, c := range second.Changes {
		if c.Kind == "removed" && c.Proof != "gone" || c.Kind == "repriced" && (c.Before == nil || c.Before.Price != "399.00" || c.Product.Price != "349.00") {
			t.Errorf("change = %+v", c)
		}
	}
	mail, err := w.mail.Wait(deadline.Context(t))
	if err != nil || !bytes.Contains(mail.Raw, []byte("+1 new")) || mail.To[0] != "team@example.com" {
		t.Errorf("mail = %s, %v, want one about a new product", mail.Raw, err)
	}
	if got := len(lines[tracker.Item](t, w.want(0, "products", "tencent", "--json"))); got != 4 {
		t.Errorf("products = %d lines, want 4", got)
	}
	text := w.want(0, "changes", "--kind", "removed")
	if !strings.Contains(text, "全民WiFi") || !strings.Contains(text, "its page says that it does not exist") {
		t.Errorf("changes prints\n%s", text)
	}
	seq := lines[tracker.Change](t, w.want(0, "changes", "--kind", "removed", "--json"))[0].Seq
	story := w.want(0, "why", fmt.Sprint(seq))
	// The server has the mail before the daemon has noted that.
	for end := time.Now().Add(10 * time.Second); !strings.Contains(story, ": sent") && time.Now().Before(end); {
		story = w.want(0, "why", fmt.Sprint(seq))
	}
	for _, part := range []string{"its page says that it does not exist", "channel analysts, to team@example.com: sent", "1 page", "\npictures  ", ".jpg"} {
		if !strings.Contains(story, part) {
			t.Errorf("why does not say %q:\n%s", part, story)
		}
	}
	if _, log := stop(); strings.Contains(log, `"ERROR"`) {
		t.Errorf("the daemon logs\n%s", log)
	}
}

// What commands print is the same, whether the daemon is asked or the file.
func TestDaemonMakesNoDifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(0, "scan")
	w.shop.Take("45100000001", fixtures.StillSold)
	w.shop.Put(fixtures.Product{ID: "45100000005", Title: "投影仪", Price: "1999.00"})
	w.want(0, "scan")
	var commands [][]string
	for _, c := range []string{"products tencent", "products tencent --listed", "changes", "changes --since 1h", "scans", "scans tencent -n 1", "suspects", "why 1"} {
		commands = append(commands, strings.Fields(c), append(strings.Fields(c), "--json"))
	}
	commands = append(commands, []string{"products", "nobody"}, []string{"why", "99"}, []string{"changes", "--kind", "deleted"})
	type printed struct {
		out, err string
		status   int
	}
	before := make([]printed, len(commands))
	for i, c := range commands {
		before[i].out, before[i].err, before[i].status = w.do(c...)
	}
	stop := w.daemon()
	for i, c := range commands {
		var after printed
		after.out, after.err, after.status = w.do(c...)
		if after != before[i] {
			t.Errorf("%s\nwith the daemon:    %+v\nwithout the daemon: %+v", c, after, before[i])
		}
	}
	began := time.Now()
	if status, log := stop(); status != 0 || time.Since(began) > 10*time.Second {
		t.Errorf("the daemon ended with %d after %s, want 0 within 10s: %s", status, time.Since(began), log)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "data", daemon.AddressFile)); err == nil {
		t.Error("the daemon left its address behind")
	}
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(0, "scan")
	w.mall.RequireLogin(true)
	w.shop.Take("45100000001", fixtures.Gone)
	s := lines[scanned](t, w.want(2, "scan", "--json"))[0]
	if s.Verdict != "login" || s.Reason == "" || len(s.Changes) != 0 {
		t.Errorf("scan behind a login wall = %+v, want login, a reason, no change", s)
	}
	w.mall.RequireLogin(false)

	for _, tt := range []struct {
		name    string
		prepare func()
		args    string
		status  int
		want    string
	}{
		{"a storefront that is not configured", nil, "scan nobody", 1, `no storefront "nobody"`},
		{"a command that is none", nil, "scann", 1, "shopwatch --help"},
		{"a filter that is none", nil, "changes --since yesterday", 1, "write 24h"},
		{"Chrome is missing", func() {
			w.configure(map[string]any{"browser": map[string]any{"path": "/nowhere/chrome", "page_timeout": "5s", "flags": w.mall.Flags()}})
		}, "scan", 2, "/nowhere/chrome"},
		{"a configuration with a mistake", func() { w.configure(map[string]any{"storefront": 1}) }, "scan", 1, "did you mean storefronts?"},
		{"another process has the database", func() {
			w.configure(nil)
			db, err := bolt.Open(filepath.Join(w.dir, "data", "shopwatch.db"), bolt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
		}, "changes", 1, "in use"},
		{"no configuration", func() { os.Remove(filepath.Join(w.dir, "shopwatch.yaml")) }, "changes", 1, "there is no configuration"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.prepare != nil {
				tt.prepare()
			}
			out, errs, status := w.do(strings.Fields(tt.args)...)
			if status != tt.status || !strings.Contains(out+errs, tt.want) {
				t.Errorf("status %d, want %d and a word about %q:\n%s%s", status, tt.status, tt.want, out, errs)
			}
			if status == 1 && strings.Count(errs, "\n") != 1 {
				t.Errorf("it prints %q, want one line", errs)
			}
		})
	}
}

// A database that is empty or foreign is never taken over.
func TestForeignDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, content := range map[string]string{"empty": "", "foreign": strings.Repeat("a text, not a database\n", 1000)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(w.dir, "data", "shopwatch.db")
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range []string{"scan", "changes", "run"} {
				if out, errs, status := w.do(args); status != 1 || strings.Count(errs, "\n") != 1 {
					t.Errorf("shopwatch %s = %d, %s%s, want 1 and one line", args, status, out, errs)
				}
			}
			if got, _ := os.ReadFile(path); string(got) != content {
				t.Error("the file was changed")
			}
		})
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(0, "scan")
	stop := w.daemon()
	file := filepath.Join(w.dir, "copy.db")
	w.want(0, "backup", file)
	w.want(1, "backup", file) // it is there
	w.want(1, "restore", file)
	stop()
	w.shop.Put(fixtures.Product{ID: "45100000009", Title: "遥控笔", Price: "99.00"})
	w.want(0, "scan")
	if got := len(lines[tracker.Item](t, w.want(0, "products", "tencent", "--json"))); got != 4 {
		t.Fatalf("%d products, want 4", got)
	}
	w.want(0, "restore", file)
	if got := len(lines[tracker.Item](t, w.want(0, "products", "tencent", "--json"))); got != 3 {
		t.Errorf("%d products after the restore, want the 3 of the backup", got)
	}
	w.want(0, "compact")
}

func TestHelp(t *testing.T) {
	for _, args := range [][2]string{{"help", "--help"}, {"help scan", "scan --help"}, {"help mail test", "mail test --help"}, {"", "--help"}} {
		var got, want, errs bytes.Buffer
		if status := run(t.Context(), strings.Fields(args[0]), &got, &errs); status != 0 || errs.Len() > 0 {
			t.Errorf("%q ends with %d: %s", args[0], status, &errs)
		}
		run(t.Context(), strings.Fields(args[1]), &want, &errs)
		if got.String() != want.String() || !strings.HasPrefix(got.String(), "Usage: shopwatch") {
			t.Errorf("%q prints\n%s\nwant\n%s", args[0], &got, &want)
		}
	}
}

// A storefront without a schedule waits for somebody who asks, not for a daemon.
func TestNextScan(t *testing.T) {
	t.Parallel()
	w := quietWorld(t, "")
	w.retitle("data")
	if out := w.want(0, "storefronts"); !strings.Contains(out, "when asked") {
		t.Errorf("storefronts says\n%s", out)
	}
}

// A number that cannot be is refused in the words of the command line.
func TestBadNumbers(t *testing.T) {
	t.Parallel()
	w := quietWorld(t, "")
	w.retitle("data")
	for args, says := range map[string]string{
		"changes --limit=-1":         `"-1" is not a number from 0 up`,
		"scans --limit=x":            `"x" is not a number from 0 up`,
		"groups suggest --limit=-1":  `"-1" is not a number from 0 up`,
		"mail outbox --limit=-1":     `"-1" is not a number from 0 up`,
		"mail outbox -n 1001":        "--limit: 1000 at most",
		"why 0":                      `"0" is no number of a change`,
		"why 9007199254740992":       "is no number of a change",
		"evidence one 1.zip":         `"one" is no number of a change`,
		"mail preview --seq 0":       `"0" is no number of a change`,
		"dispute 2 --reason because": "there is no change 2",
		"dispute 1 --reason " + strings.Repeat("长", 1001): "--reason: 1000 characters at most",
	} {
		if out, errs, status := w.do(strings.Fields(args)...); status != 1 || !strings.Contains(errs, says) {
			t.Errorf("shopwatch %.40s = %d: %s%s, want %q", args, status, out, errs, says)
		}
	}
}

// With --json nothing is prose, also where a command says only what it did.
func TestJSON(t *testing.T) {
	t.Parallel()
	w := quietWorld(t, "channels: [{name: notes, kind: file, path: notes.jsonl}]\n")
	w.retitle("data", "notes")
	file := func(name string) string { return filepath.Join(w.dir, name) }
	for _, tt := range []struct {
		args []string
		want string // a part of it
	}{
		{[]string{"backup", file("copy.db")}, `"file":"` + file("copy.db") + `"`},
		{[]string{"mail", "preview", file("report.html")}, `"what":"the next report`},
		{[]string{"mail", "retry"}, `{"deliveries":0}`},
		{[]string{"evidence", "1", file("1.zip")}, `"sha256":`},
		{[]string{"export", "changes"}, `"kind":"retitled"`},
		{[]string{"compact"}, `"after":`},
		{[]string{"restore", file("copy.db")}, `"before":"` + file("data/shopwatch.db.before-restore-")},
	} {
		out := w.want(0, append(tt.args, "--json")...)
		if strings.Count(out, "\n") != 1 || !json.Valid([]byte(out)) || !strings.Contains(out, tt.want) {
			t.Errorf("shopwatch %v --json prints %s, want a line with %s", tt.args, out, tt.want)
		}
	}
}
