//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
	"shopwatch/fixtures/pgtest"
	"shopwatch/storage/postgres"
	"shopwatch/tracker/api"
	"shopwatch/tracker/fleet"
)

// machine is a world on another machine with the same database. Its file says nothing
// of storefronts and channels when bare is set.
func (w *world) machine(name, url string, bare bool) *world {
	w.t.Helper()
	m := *w
	m.dir = w.t.TempDir()
	change := map[string]any{"database": url, "public": "https://watch.example.com/shopwatch", "fleet": map[string]any{"worker": name}}
	if bare {
		change["storefronts"], change["channels"] = nil, nil
	}
	m.configure(change)
	return &m
}

// fleet is what the machine's daemon says of all.
func (w *world) fleet() (f api.Fleet) {
	w.t.Helper()
	_, answer := w.ask("/api/fleet")
	if err := json.Unmarshal([]byte(answer), &f); err != nil {
		w.t.Fatal(err)
	}
	return f
}

func alive(f api.Fleet) (names []string) {
	for _, w := range f.Workers {
		if w.Alive && len(w.Queues) > 0 {
			names = append(names, w.Name)
		}
	}
	return names
}

// leave unsubscribes by one click at the machine's daemon, as a mail program does
// through the proxy in front of it, and returns the status.
func (w *world) leave(letter []byte) (status int) {
	w.t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(letter))
	if err != nil {
		w.t.Fatal(err)
	}
	_, link, _ := strings.Cut(m.Header.Get("List-Unsubscribe"), "<https://watch.example.com")
	link, _, _ = strings.Cut(link, ">")
	req, err := http.NewRequest(http.MethodPost, "http://"+w.address()+link, strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Host = "watch.example.com"
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", "192.0.2.1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// Several machines work at once on one database, and share the work. Commands work
// from any of them, also where no daemon runs.
func TestMachinesOnOneDatabase(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	url := cluster.NetworkURL(cluster.Database(t), pgtest.Password)
	base := newWorld(t)
	alpha, beta, gamma := base.machine("alpha", url, false), base.machine("beta", url, false), base.machine("gamma", url, false)

	if out := alpha.want(0, "scan"); !strings.Contains(out, "3 products") {
		t.Errorf("a scan before any daemon runs:\n%s", out)
	}
	if out := alpha.want(0, "check"); !strings.Contains(out, "nobody scans or sends now") {
		t.Errorf("check before any daemon runs:\n%s", out)
	}
	stopAlpha, stopBeta := alpha.daemon(), beta.daemon("--only", "worker")
	until(t, "both work", func() bool { return strings.Join(alive(alpha.fleet()), " ") == "alpha beta" })
	if _, err := os.Stat(filepath.Join(beta.dir, "data", daemon.AddressFile)); err == nil {
		t.Error("a daemon with --only worker answers people")
	}
	alpha.shop.Put(fixtures.Product{ID: "45100000004", Title: "亲子蓝牙音箱", Price: "129.00"})
	for _, w := range []*world{gamma, beta} { // one without a daemon, one with
		if out := w.want(0, "scan", "--json"); !strings.Contains(out, `"verdict":"complete"`) {
			t.Errorf("scan from another machine:\n%s", out)
		}
		if out := w.want(0, "products", "tencent", "--json"); strings.Count(out, "\n") != 4 {
			t.Errorf("products from another machine:\n%s", out)
		}
	}
	// Who asks gets what the other machine has captured.
	capture := filepath.Join(gamma.dir, "all.wacz")
	gamma.want(0, "scan", "tencent", "--capture", capture)
	if out := gamma.want(0, "replay", capture); !strings.Contains(out, "verdict: complete, 1 of 1 page, 4 products") {
		t.Errorf("replay of what another machine captured:\n%s", out)
	}
	until(t, "the mail of what was added", func() bool { return len(base.mail.Mails()) == 1 })
	out := gamma.want(0, "check")
	for _, want := range []string{"worker           alpha is shopwatch on ", "worker           beta is shopwatch on ", "last heard of"} {
		if !strings.Contains(out, want) {
			t.Errorf("check lacks %q:\n%s", want, out)
		}
	}
	// A dashboard at another place shows the same, and does nothing.
	page := gamma.daemon("--only", "web")
	if status, shown := gamma.ask("/api/storefronts/tencent/products"); status != http.StatusOK || !strings.Contains(shown, "糖大夫 血糖仪") {
		t.Errorf("the dashboard answers %d: %s", status, shown)
	}
	if got := strings.Join(alive(gamma.fleet()), " "); got != "alpha beta" {
		t.Errorf("the dashboard knows of %s, want alpha beta", got)
	}
	for _, w := range []*world{gamma, base.machine("delta", url, false)} { // by the dashboard, and where nothing runs
		for _, sf := range lines[api.Storefront](t, w.want(0, "storefronts", "--json")) {
			if sf.Next.IsZero() {
				t.Errorf("it is not known when the others scan %s next", sf.Name)
			}
		}
		if out := w.want(0, "storefronts"); strings.Contains(out, "no daemon runs") {
			t.Errorf("while others work storefronts prints\n%s", out)
		}
	}
	// It is what people reach, so the links of mails work there.
	if status := gamma.leave(base.mail.Mails()[0].Raw); status != http.StatusOK {
		t.Errorf("unsubscribing at the dashboard: %d", status)
	}
	if out := alpha.want(0, "mail", "unsubscribed"); !strings.Contains(out, "team@example.com") {
		t.Errorf("who unsubscribed at the dashboard is not known:\n%s", out)
	}
	if status, log := page(); status != 0 || strings.Contains(log, "ERROR") || !strings.Contains(log, `"only":"web"`) {
		t.Errorf("the dashboard ended with %d: %s", status, log)
	}
	// When one ends the other goes on.
	if status, log := stopBeta(); status != 0 || strings.Contains(log, "ERROR") {
		t.Errorf("the second daemon ended with %d: %s", status, log)
	}
	if out := gamma.want(0, "scan", "--json"); !strings.Contains(out, `"verdict":"complete"`) {
		t.Errorf("scan after one has ended:\n%s", out)
	}
	if out := gamma.want(0, "check"); strings.Contains(out, "beta") {
		t.Errorf("check tells of a daemon that ended in good order:\n%s", out)
	}
	// Two of one name would share a profile: the second one stands by.
	twin := base.machine("alpha", url, false)
	stopTwin := twin.daemon()
	until(t, "the twin stands by", func() bool { return strings.Join(alive(twin.fleet()), " ") == "alpha" })
	if status, log := stopTwin(); status != 0 || !strings.Contains(log, "give this one another name") {
		t.Errorf("the twin ended with %d: %s", status, log)
	}
	if status, log := stopAlpha(); status != 0 || strings.Contains(log, "ERROR") {
		t.Errorf("the first daemon ended with %d: %s", status, log)
	}
}

// One configuration is given to all machines, which keep what is about themselves. A
// bad one is given to none.
func TestApply(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	url := cluster.NetworkURL(cluster.Database(t), pgtest.Password)
	base := newWorld(t)
	bare := base.machine("alpha", url, true)
	_, errs, status := bare.do("run")
	if status != 1 || !strings.Contains(errs, "shopwatch apply FILE") {
		t.Errorf("run without storefronts = %d, %s", status, errs)
	}
	whole := filepath.Join(base.dir, "shopwatch.yaml")
	if out := bare.want(0, "apply", whole); !strings.Contains(out, "version 1: 1 storefront, 1 channel") {
		t.Errorf("apply prints %s", out)
	}
	if out := bare.want(0, "apply", whole); !strings.Contains(out, "version 1 is the same already") {
		t.Errorf("apply again prints %s", out)
	}
	stop := bare.daemon()
	until(t, "it works", func() bool { return len(alive(bare.fleet())) == 1 })
	until(t, "the storefront is read", func() bool { return strings.Contains(bare.want(0, "products", "tencent"), "45100000001") })
	second := base.mall.Open(fixtures.Shop{Host: "lining.tmall.com", Title: "李宁官方网店", Delay: -1, Products: fixtures.Catalogue(3, 1)})
	base.configure(map[string]any{"storefronts": []any{
		map[string]any{"name": "tencent", "url": base.shop.URL(), "schedule": "@daily"},
		map[string]any{"name": "lining", "url": second.URL(), "schedule": "@daily"},
	}})
	bare.want(0, "apply", whole)
	until(t, "the new storefront is read", func() bool {
		return len(lines[api.Storefront](t, bare.want(0, "storefronts", "--json"))) == 2 && strings.Contains(bare.want(0, "scans", "lining"), "complete")
	})
	if f := bare.fleet(); f.Applied != 2 || f.Workers[0].Applied != 2 {
		t.Errorf("version %d is applied, the worker has %d; want 2", f.Applied, f.Workers[0].Applied)
	}
	if err := os.WriteFile(whole, []byte("storefront: []"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := bare.do("apply", whole); status != 1 || !strings.Contains(errs, "unknown key") {
		t.Errorf("apply of a bad one = %d, %s", status, errs)
	}
	if status, log := stop(); status != 0 || strings.Contains(log, "ERROR") {
		t.Errorf("the daemon ended with %d: %s", status, log)
	}
	// Nothing of it is for a database in a file.
	base.configure(nil)
	if _, errs, status := base.do("apply", whole); status != 1 || !strings.Contains(errs, "a file is for one machine") {
		t.Errorf("apply on a file = %d, %s", status, errs)
	}
}

// A version that a machine refuses is tried again and again, and told of once.
// Another version, or another reason, is told of anew.
func TestRefusedVersion(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	for _, only := range []string{"worker", "web"} {
		t.Run(only, func(t *testing.T) {
			t.Parallel()
			url := cluster.URL(cluster.Database(t))
			m := newWorld(t).machine("alpha", url, false)
			db, err := postgres.Open(t.Context(), url, postgres.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			errs := log{said: make(chan bool)}
			tries := make(chan bool)
			a := &app{file: filepath.Join(m.dir, "shopwatch.yaml"), out: io.Discard, err: &errs, timing: daemon.UsualTiming(), servers: &servers{}, read: func(file string) (*config.Config, error) {
				select {
				case tries <- true:
				default:
				}
				return config.Load(file)
			}}
			a.timing.Tick = 20 * time.Millisecond
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- (&runCommand{Only: only}).Run(ctx, a) }()
			defer func() {
				stop()
				if err := errors.Join(deadline.Receive(t, "the daemon ends", ended), a.servers.close()); err != nil {
					t.Errorf("the daemon ended with %v", err)
				}
			}()
			deadline.Receive(t, "the daemon starts", errs.said)
			good, err := os.ReadFile(filepath.Join(m.dir, "shopwatch.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			refused := func() int { return strings.Count(errs.String(), "configuration refused") }
			for i, text := range []string{"storefront: []", "storefront: [] # still", string(good)} {
				if _, _, err := fleet.Apply(ctx, db, text, "watch.yaml", "a test"); err != nil {
					t.Fatal(err)
				}
				if text == string(good) {
					until(t, "the good one is taken", func() bool { return strings.Contains(errs.String(), "configuration read again") })
					break
				}
				until(t, "it is refused", func() bool { return refused() > i })
				for range 5 {
					deadline.Receive(t, "the daemon tries again", tries)
				}
				if n := refused(); n != i+1 {
					t.Fatalf("of %d bad versions the log tells %d times:\n%s", i+1, n, errs.String())
				}
			}
		})
	}
}
