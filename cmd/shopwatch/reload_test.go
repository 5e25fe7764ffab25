package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
	"shopwatch/tracker/api"
)

// hup sends SIGHUP to the daemon in this process.
func hup(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// until waits until something is so.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not yet: %s", what)
		}
	}
}

func (w *world) address() string {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, "data", daemon.AddressFile))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// ask asks the daemon as anybody does, and returns its status and answer.
func (w *world) ask(path string) (status int, answer string) {
	w.t.Helper()
	resp, err := http.Get("http://" + w.address() + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// SIGHUP reads the configuration again: the API answers all the time, a scan
// under way ends as it would, and the next one is by the new rules.
func TestReload(t *testing.T) {
	w := newWorld(t)
	second := w.mall.Open(fixtures.Shop{Host: "lining.tmall.com", Title: "李宁官方网店", Delay: -1, Products: fixtures.Catalogue(3, 1)})
	w.shop.Set(func(s *fixtures.Shop) { s.Delay = 2 * time.Second })
	watched := func() string {
		var names []string
		for _, sf := range lines[api.Storefront](t, w.want(0, "storefronts", "--json")) {
			if sf.Watched {
				names = append(names, string(sf.Name))
			}
		}
		return strings.Join(names, " ")
	}
	tencent := map[string]any{"name": "tencent", "url": w.shop.URL(), "schedule": "@daily"}
	lining := map[string]any{"name": "lining", "url": second.URL(), "schedule": "@daily"}
	analysts := map[string]any{
		"name": "analysts", "kind": "email", "server": w.mail.URL(), "plaintext": true,
		"from": "shopwatch@example.com", "to": []string{"team@example.com"},
	}
	others := map[string]any{
		"name": "others", "kind": "email", "server": w.mail.URL(), "plaintext": true,
		"from": "shopwatch@example.com", "to": []string{"others@example.com"},
	}
	stop := w.daemon()
	address := w.address()
	// Somebody asks without a break.
	quiet, deaf := make(chan struct{}), 0
	var asking sync.WaitGroup
	asking.Go(func() {
		for client := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}); ; {
			select {
			case <-quiet:
				return
			default:
			}
			if resp, err := client.Get("http://" + address + "/healthz"); err != nil {
				deaf++
				t.Logf("the API: %v", err)
				time.Sleep(100 * time.Millisecond)
			} else {
				resp.Body.Close()
			}
		}
	})

	hush := sync.OnceFunc(func() { close(quiet); asking.Wait() })
	defer hush()

	// The first scan begins at once. Everything but its storefront changes
	// while it runs: another storefront, other switches of Chrome, another channel.
	until(t, "a scan runs", func() bool {
		sf := lines[api.Storefront](t, w.want(0, "storefronts", "--json"))
		return len(sf) == 1 && sf[0].Scanning != nil
	})
	w.configure(map[string]any{
		"storefronts": []any{tencent, lining}, "channels": []any{analysts, others},
		"browser": map[string]any{"pace": "0s", "page_timeout": "9s", "flags": w.mall.Flags()},
	})
	hup(t)
	until(t, "two storefronts are watched", func() bool { return watched() == "tencent lining" })
	until(t, "both are known", func() bool {
		return len(lines[scanned](t, w.want(0, "scans", "--json"))) >= 2
	})
	for _, s := range lines[scanned](t, w.want(0, "scans", "--json")) {
		if s.Verdict != "complete" {
			t.Errorf("scan of %s = %s (%s), want it complete", s.Storefront, s.Verdict, s.Reason)
		}
	}

	// A bad one is refused, and the old one stays.
	w.configure(map[string]any{"storefronts": []any{tencent, tencent}})
	hup(t)
	time.Sleep(300 * time.Millisecond)
	w.configure(nil) // commands read it too
	if got := watched(); got != "tencent lining" {
		t.Errorf("after a bad configuration %s are watched, want tencent and lining", got)
	}
	// One that names an address which is taken is bad too.
	w.configure(map[string]any{"listen": strings.Replace(w.mail.Addr(), "0.0.0.0", "127.0.0.1", 1), "storefronts": []any{tencent}})
	hup(t)
	time.Sleep(300 * time.Millisecond)
	if got := watched(); got != "tencent lining" {
		t.Errorf("after a listen that is taken %s are watched, want tencent and lining", got)
	}

	// One that is taken out keeps its history; the new channel is told.
	w.configure(map[string]any{"storefronts": []any{lining}, "channels": []any{analysts, others}})
	hup(t)
	until(t, "one storefront is watched", func() bool { return watched() == "lining" })
	if out := w.want(0, "products", "tencent", "--json"); strings.Count(out, "\n") != 3 {
		t.Errorf("products of a storefront that is watched no longer: %s, want 3", out)
	}
	second.Put(fixtures.Product{ID: "45100000009", Title: "遥控笔", Price: "99.00"})
	w.want(0, "scan", "lining")
	to := map[string]bool{}
	for range 2 {
		m, err := w.mail.Wait(deadline.Context(t))
		if err != nil {
			t.Fatal(err)
		}
		to[m.To[0]] = true
	}
	if !to["team@example.com"] || !to["others@example.com"] {
		t.Errorf("mails went to %v, want both channels", to)
	}
	hush()
	if deaf > 0 {
		t.Errorf("%d requests were not answered, want none", deaf)
	}

	// Another address: the old one ends, commands find the new one.
	w.configure(map[string]any{"listen": "localhost:0", "storefronts": []any{lining}})
	hup(t)
	until(t, "the API is elsewhere", func() bool { return w.address() != address })
	if got := watched(); got != "lining" {
		t.Errorf("at the new address %s are watched, want lining", got)
	}
	until(t, "the old address is free", func() bool {
		_, err := http.Get("http://" + address + "/healthz")
		return err != nil
	})
	status, log := stop()
	if status != 0 || strings.Count(log, "configuration read again") != 3 || strings.Count(log, "configuration refused") != 2 || strings.Contains(log, "cut short") {
		t.Errorf("the daemon ended with %d, want three configurations read and two refused: %s", status, log)
	}
}

// A scan of a storefront that gets another address is cut short, and who waits
// for it is told so.
func TestReloadCuts(t *testing.T) {
	w := newWorld(t)
	w.shop.Set(func(s *fixtures.Shop) { s.Delay = 5 * time.Second })
	second := w.mall.Open(fixtures.Shop{Host: "lining.tmall.com", Delay: -1, Products: fixtures.Catalogue(3, 1)})
	stop := w.daemon()
	until(t, "a scan runs", func() bool {
		return lines[api.Storefront](t, w.want(0, "storefronts", "--json"))[0].Scanning != nil
	})
	asked := make(chan string, 1)
	go func() {
		_, errs, status := w.do("scan")
		asked <- fmt.Sprint(status, " ", errs)
	}()
	time.Sleep(1500 * time.Millisecond) // it is asked for
	w.configure(map[string]any{"storefronts": []any{map[string]any{"name": "tencent", "url": second.URL(), "schedule": "@daily"}}})
	hup(t)
	if got := <-asked; !strings.HasPrefix(got, "1 ") || !strings.Contains(got, "another address") {
		t.Errorf("scan = %s, want 1 and why", got)
	}
	until(t, "the new address was read", func() bool {
		all := lines[scanned](t, w.want(0, "scans", "--json"))
		return len(all) == 1 && all[0].Verdict == "complete" && all[0].Products == 3
	})
	if status, log := stop(); status != 0 || !strings.Contains(log, "cut short") {
		t.Errorf("the daemon ended with %d: %s", status, log)
	}
}
