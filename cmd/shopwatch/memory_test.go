package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"shopwatch/fixtures"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// The daemon stays below 64 MiB, also while it starts and verifies its file,
// with 100 storefronts of 1,000 products each. Chrome is not part of that.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("there is no /proc here")
	}
	dir := t.TempDir()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	config := map[string]any{"listen": "127.0.0.1:0", "browser": map[string]any{"flags": map[string]any{"no-sandbox": true}}}
	var storefronts []any
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(dir, "data", "shopwatch.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		name := fmt.Sprintf("shop%02d", i)
		storefronts = append(storefronts, map[string]any{"name": name, "url": "https://" + name + ".tmall.com/", "schedule": "@yearly"})
		s := &tracker.Scan{
			Storefront: tracker.StorefrontName(name), Began: time.Now().Add(-time.Hour), Took: time.Minute, Verdict: tracker.Complete,
			Evidence: tracker.Evidence{Pages: 17, Products: 1000, Parser: 1},
		}
		for _, p := range fixtures.Catalogue(1000, uint64(i)) {
			price, _ := tracker.ParseMinor(p.Price, "CNY")
			s.Products = append(s.Products, tracker.Product{
				ID: tracker.ProductID(p.ID), Title: p.Title, URL: "https://detail.tmall.com/item.htm?id=" + p.ID,
				Image: "https://img.alicdn.com/bao/uploaded/i4/2200000000000/O1CN01" + p.ID + "_!!2200000000000.jpg",
				Price: tracker.Price{Kind: tracker.PriceExact, Low: price, Currency: "CNY"},
			})
		}
		for range 3 {
			if _, err := db.Commit(t.Context(), s, tracker.DefaultRules()); err != nil {
				t.Fatal(err)
			}
			s.Began = s.Began.Add(time.Minute)
			s.Products[0].Price.Low += 100
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	config["storefronts"] = storefronts
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "shopwatch.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}

	// While the file is verified its pages are given back every millisecond, which
	// comes late on a machine that is busy: the least of some peaks counts.
	peak := int64(1 << 40)
	for start := 0; start < 3 && peak > 64<<20; start++ {
		s := memoryOf(t, program, file)
		peak = min(peak, s["VmHWM"])
		if s["RssAnon"] > 24<<20 {
			t.Errorf("%.1f MiB are its own, want 24 at most", mib(s["RssAnon"]))
		}
	}
	if peak > 64<<20 {
		t.Errorf("the peak was %.1f MiB, want 64 at most", mib(peak))
	}
}

// memoryOf runs the daemon until it was asked for some things, and returns its sizes.
func memoryOf(t *testing.T, program, file string) map[string]int64 {
	t.Helper()
	cmd := exec.Command(program, "-c", file, "run")
	errs := &log{said: make(chan bool)}
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	began := time.Now()
	select {
	case <-errs.said:
	case <-time.After(2 * time.Minute):
		t.Fatalf("the daemon did not start: %s", errs)
	}
	st, _ := os.Stat(filepath.Join(filepath.Dir(file), "data", "shopwatch.db"))
	t.Logf("started in %s, with a file of %.0f MiB", time.Since(began).Round(time.Millisecond), mib(st.Size()))
	tell := func(when string) map[string]int64 {
		s := status(cmd.Process.Pid)
		t.Logf("%-20s %5.1f MiB resident, of that %5.1f its own and %5.1f of files; peak %5.1f", when, mib(s["VmRSS"]), mib(s["RssAnon"]), mib(s["RssFile"]), mib(s["VmHWM"]))
		return s
	}
	tell("at start")
	time.Sleep(2 * time.Second) // the first backup is made
	tell("after the backup")
	for _, args := range [][]string{{"storefronts"}, {"products", "shop07", "--json"}, {"changes"}, {"suspects"}} {
		if out, err := exec.Command(program, append([]string{"-c", file}, args...)...).CombinedOutput(); err != nil {
			t.Errorf("shopwatch %s: %v: %s", args[0], err, out)
		}
	}
	return tell("after some questions")
}

// measure notes the memory of the daemon and of Chrome.
func (d *day) measure(hour int) {
	st := status(d.daemon.Process.Pid)
	d.rss = append(d.rss, st["RssAnon"])
	d.peak = max(d.peak, st["VmHWM"])
	var chrome int64
	chromes := d.chromes()
	for pid := range chromes {
		chrome += pss(pid)
	}
	d.memory = append(d.memory, fmt.Sprintf("%4d  %5.1f  %5.1f  %5.1f  %9s  %5d  %6.0f", hour,
		mib(st["VmRSS"]), mib(st["RssAnon"]), mib(st["VmHWM"]), time.Since(d.since).Round(time.Second), len(chromes), mib(chrome)))
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// status reads the sizes in /proc/PID/status, in bytes.
func status(pid int) map[string]int64 {
	all := map[string]int64{}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[2] == "kB" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			all[strings.TrimSuffix(f[0], ":")] = n << 10
		}
	}
	return all
}

// pss is the share of memory that a process has, in bytes.
func pss(pid int) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}
