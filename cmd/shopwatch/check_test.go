package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/login"
	"shopwatch/fixtures"
	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/market/all"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := w.want(0, "check")
	for _, part := range []string{"configuration", "chrome", ", starts", "database", "clock", "Asia/Shanghai", "tencent is scanned", "analysts", "answers"} {
		if !strings.Contains(out, part) {
			t.Errorf("check does not say %q:\n%s", part, out)
		}
	}
	if mails := w.mail.Mails(); len(mails) != 0 {
		t.Errorf("check sent %d mails, want none", len(mails))
	}
	// A server that knows nobody here lets mail wait at first: that is no fault.
	if err := w.mail.Fault(fixtures.MailFault{Refuse: map[string]int{"*": 450}}); err != nil {
		t.Fatal(err)
	}
	w.want(0, "check")
	w.mail.Stop()
	out = w.want(1, "check")
	if !strings.Contains(out, "FIX   channel") {
		t.Errorf("check with the mail server down:\n%s", out)
	}
}

// What is wrong is said in words that say what to do, on the line of the thing
// that is wrong and on no other.
func TestCheckSaysWhatToDo(t *testing.T) {
	w := newWorld(t)
	w.want(0, "scan")
	data := filepath.Join(w.dir, "data")
	c, err := config.Load(filepath.Join(w.dir, "shopwatch.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	open := func(t *testing.T) storage.Store {
		t.Helper()
		db, err := (&app{}).openStore(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	chrome := func(t *testing.T, path string) {
		t.Helper()
		w.configure(map[string]any{"browser": map[string]any{"path": path, "flags": w.mall.Flags()}})
		t.Cleanup(func() { w.configure(nil) })
	}
	// met commits scans that ended at a login wall; the next complete one ends
	// that.
	met := func(t *testing.T, name tracker.StorefrontName, times int) {
		t.Helper()
		db := open(t)
		defer db.Close()
		for range times {
			wall := &tracker.Scan{Storefront: name, Began: time.Now(), Verdict: tracker.Login, Reason: "asks for a login"}
			if _, err := db.Commit(t.Context(), wall, c.RulesFor(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name    string
		provoke func(*testing.T)
		line    string // begins with
		says    string
	}{
		{"no Chrome", func(t *testing.T) { chrome(t, "/nowhere/chrome") }, "FIX   chrome", "install chromium-headless-shell"},
		{"root's Chrome", func(t *testing.T) {
			if os.Geteuid() != 0 {
				t.Skip("NOT TESTED: only root can show it")
			}
			w.configure(map[string]any{"browser": map[string]any{}})
			t.Cleanup(func() { w.configure(nil) })
		}, "FIX   chrome", "no-sandbox: true"},
		{"an old Chrome", func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "chrome")
			if err := os.WriteFile(path, []byte("#!/bin/sh\necho Chromium 90.0.4430.212\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			chrome(t, path)
		}, "FIX   chrome", "too old: update it to"},
		{"a Chrome that does not start", func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "chrome")
			if err := os.WriteFile(path, []byte("#!/bin/sh\n[ \"$1\" = --version ] && echo Chromium 156.0.8078.79 && exit\necho No usable sandbox! >&2; exit 1\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			chrome(t, path)
		}, "FIX   chrome", "allow user namespaces"},
		{"no font for Chinese text", func(t *testing.T) {
			fonts := filepath.Join(t.TempDir(), "fonts.conf")
			if err := os.WriteFile(fonts, []byte(`<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>/nowhere</dir></fontconfig>`), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("FONTCONFIG_FILE", fonts)
		}, "FIX   chrome", "fonts-noto-cjk"},
		{"a directory that others can read", func(t *testing.T) {
			if err := os.Chmod(data, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod(data, 0o700) })
		}, "FIX   data", "chmod 700"},
		{"a directory of somebody else", func(t *testing.T) {
			if os.Chown(data, 4711, -1) != nil {
				t.Skip("this user may not give files away")
			}
			t.Cleanup(func() { os.Chown(data, os.Geteuid(), -1) })
		}, "FIX   data", "sudo -u 4711"},
		{"a database that another process has", func(t *testing.T) {
			db := open(t)
			t.Cleanup(func() { db.Close() })
		}, "FIX   database", "stop it first"},
		{"a database that was deleted", func(t *testing.T) {
			db, kept := filepath.Join(data, "shopwatch.db"), filepath.Join(data, "backups", "shopwatch-2026-11-22.db")
			if err := errors.Join(os.MkdirAll(filepath.Dir(kept), 0o700), os.Rename(db, kept)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Rename(kept, db) })
			if out, errs, status := w.do("products", "tencent"); status != 1 || !strings.Contains(errs, "shopwatch restore "+kept) {
				t.Errorf("products = %d, %s%s, want how to bring it back", status, out, errs)
			}
		}, "FIX   database", "is missing though it has backups; bring it back with shopwatch restore"},
		{"no channel", func(t *testing.T) {
			w.configure(map[string]any{"channels": []any{}})
			t.Cleanup(func() { w.configure(nil) })
		}, "FIX   channel", "nobody is told of changes"},
		{"a storefront of no channel", func(t *testing.T) {
			w.configure(map[string]any{
				"storefronts": []any{map[string]any{"name": "tencent", "url": w.shop.URL()}, map[string]any{"name": "new", "url": "https://new.tmall.com/"}},
				"channels":    []any{map[string]any{"name": "lines", "kind": "file", "path": "lines", "storefronts": []any{"tencent"}}},
			})
			t.Cleanup(func() { w.configure(nil) })
		}, "FIX   channel", "nobody is told of changes of new"},
		{"a name that the mail server refuses, as it says at the recipient", func(t *testing.T) {
			fault := fixtures.MailFault{Refuse: map[string]int{"*": 504}, Says: "<mybox>: Helo command rejected: need fully-qualified hostname"}
			if err := w.mail.Fault(fault); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.mail.Fault(fixtures.MailFault{}) })
		}, "FIX   channel", "set hello to a full name"},
		{"an old backup", func(t *testing.T) {
			old := filepath.Join(data, "backups", "shopwatch-2026-01-01.db")
			week := time.Now().Add(-7 * 24 * time.Hour)
			if err := errors.Join(os.MkdirAll(filepath.Dir(old), 0o700), os.WriteFile(old, nil, 0o600), os.Chtimes(old, week, week)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Remove(old) })
		}, "FIX   backup", "let shopwatch run"},
		{"a wall", func(t *testing.T) {
			met(t, "tencent", 1)
			t.Cleanup(func() { w.want(0, "scan") })
		}, "FIX   storefront", "asks for a login; log in: shopwatch -c "},
		{"a storefront that is stalled", func(t *testing.T) {
			met(t, "tencent", 3)
			t.Cleanup(func() { w.want(0, "scan") })
		}, "FIX   storefront", "tencent was last read completely"},
		{"a storefront without a baseline", func(t *testing.T) {
			w.configure(map[string]any{"storefronts": []any{
				map[string]any{"name": "tencent", "url": w.shop.URL()}, map[string]any{"name": "new", "url": "https://new.tmall.com/"},
			}})
			met(t, "new", 1)
			t.Cleanup(func() { w.configure(nil) })
		}, "FIX   storefront", "new has no baseline, so nothing of it is reported"},
		{"a picture that somebody deleted", func(t *testing.T) {
			db := open(t)
			defer db.Close()
			name, err := db.KeepEvidence(t.Context(), []byte("a picture"), "webp")
			if err != nil {
				t.Fatal(err)
			}
			st, err1 := db.State(t.Context(), "tencent")
			items, err2 := db.Products(t.Context(), "tencent", "", 0)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			gone := &tracker.Scan{Storefront: "tencent", Began: time.Now(), Verdict: tracker.Complete, Evidence: tracker.Evidence{Parser: st.Parser, Shop: st.Shop}}
			for _, it := range items[1:] {
				gone.Products = append(gone.Products, it.Product)
			}
			gone.Probes = []tracker.Probe{{Product: items[0].ID, State: tracker.PageGone, At: time.Now(), Picture: name}}
			if _, err := db.Commit(t.Context(), gone, c.RulesFor("tencent")); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(data, "evidence", name[:2], name)
			if err := os.Rename(path, path+".away"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Rename(path+".away", path) })
		}, "FIX   evidence", "1 are missing and 0 damaged, for example "},
		{"a profile that another process has", func(t *testing.T) {
			b := daemon.NewBrowser(c, nil)
			if _, err := b.Cookies(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { b.Close() })
		}, "FIX   profile", "wait for it or end it"},
		{"a login that has expired", func(t *testing.T) {
			m := marketplacesOf(c)[0]
			if err := login.WriteRecord(c.Browser.Profile, m, login.Record{At: time.Now().Add(-40 * 24 * time.Hour), Method: "window"}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Remove(login.RecordFile(c.Browser.Profile, m)) })
		}, "FIX   login", "40 days ago (window), but its cookies are gone or have expired: shopwatch login tmall"},
		{"a clock that was put back", func(t *testing.T) {
			db := open(t)
			defer db.Close()
			if _, err := db.Commit(t.Context(), &tracker.Scan{Storefront: "tencent", Began: time.Now().Add(48 * time.Hour), Verdict: tracker.Failed, Reason: "of the day after tomorrow"}, c.RulesFor("tencent")); err != nil {
				t.Fatal(err)
			}
		}, "FIX   clock", "is before the last scan of tencent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.provoke(t)
			out := w.want(1, "check")
			mends := 0
			for line := range strings.Lines(out) {
				if !strings.HasPrefix(line, "FIX ") {
					continue
				}
				if mends++; !strings.HasPrefix(line, tt.line) || !strings.Contains(line, tt.says) {
					t.Errorf("check says %q, want %q and %q", line, tt.line, tt.says)
				}
			}
			if mends != 1 {
				t.Errorf("%d lines say what to fix, want 1:\n%s", mends, out)
			}
		})
	}
}

// The next scans are told with the year where that is another one.
func TestCheckSchedulesOfYears(t *testing.T) {
	c, err := config.Parse("shopwatch.yaml", []byte("storefronts:\n  - {name: tencent, url: 'https://tencent.tmall.com/', schedule: '0 9 1 1,12 *'}\n"), os.LookupEnv, all.Markets())
	if err != nil {
		t.Fatal(err)
	}
	got := checkSchedules(c, time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC))[0].Text
	if want := "tencent is scanned Tue 1 Dec 09:00, Fri 1 Jan 2027 09:00, Wed 1 Dec 2027 09:00 (Asia/Shanghai)"; got != want {
		t.Errorf("check says %q, want %q", got, want)
	}
}
