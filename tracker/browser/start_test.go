package browser_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shopwatch/tracker/browser"
)

// What a Chrome says that may not make its sandbox becomes what can be done.
// Root may not, so it is the user who can show it: a script starts a Chrome
// that tries.
func TestNoSandbox(t *testing.T) {
	short(t)
	path, err := browser.Find("")
	if err != nil {
		t.Fatal(err)
	}
	tries := filepath.Join(t.TempDir(), "headless")
	script := fmt.Sprintf("#!/bin/bash\ndir=%s\nexec $dir/%s \"${@/--no-sandbox/--no-first-run}\"\n", filepath.Dir(path), filepath.Base(path))
	if err := os.WriteFile(tries, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	b := browser.New(browser.Options{Path: tries, Flags: map[string]any{"no-sandbox": true}})
	tab, err := b.Tab(t.Context(), browser.TabOptions{})
	if err == nil {
		tab.Close()
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if os.Geteuid() != 0 && err == nil {
		t.Skip("this user's Chrome has its sandbox")
	}
	if !errors.Is(err, browser.ErrSandbox) || !strings.Contains(err.Error(), "browser.flags") {
		t.Errorf("Tab = %v, want what to do about the sandbox", err)
	}
}

// Root's Chrome is not started without its sandbox unless that is asked for.
func TestRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can show it")
	}
	for _, flags := range []map[string]any{nil, {"no-sandbox": false}, {"lang": "de"}} {
		o := browser.Options{Flags: flags, Profile: filepath.Join(t.TempDir(), "profile")}
		b := browser.New(o)
		if _, err := b.Tab(t.Context(), browser.TabOptions{}); !errors.Is(err, browser.ErrRoot) || !strings.Contains(err.Error(), "no-sandbox: true") || b.PID() != 0 {
			t.Errorf("%v: Tab = %v, want that root may not and what to do", flags, err)
		}
		if _, err := os.Stat(o.Profile); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: the profile of a Chrome that did not start: %v", flags, err)
		}
	}
	o := browser.Options{Remote: "ws://127.0.0.1:1/"}
	if err := o.Check(); err != nil {
		t.Errorf("a Chrome that runs elsewhere: %v", err)
	}
}

// A program that does not even tell its version is quoted.
func TestVersionFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chrome")
	script := "#!/bin/sh\necho chrome: error while loading shared libraries: libnss3.so >&2; exit 127\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	_, _, err := browser.New(browser.Options{Path: path}).Version(t.Context())
	if err == nil || !strings.Contains(err.Error(), "libnss3.so") || !strings.Contains(err.Error(), "package manager") {
		t.Errorf("Version = %v, want which library is missing and what to do", err)
	}
}

func TestMajor(t *testing.T) {
	for version, want := range map[string]int{
		"Chromium 156.0.8078.79": 156, "Google Chrome 150.0.7871.100 unknown": 150,
		"Chromium 98.0.4758.102 built on Debian 11.2, running on Debian 11.2": 98, "something else": 0, "": 0,
	} {
		if got := browser.Major(version); got != want {
			t.Errorf("Major(%q) = %d, want %d", version, got, want)
		}
	}
}

func TestNoChromeSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := browser.Find("chromium-of-nobody"); err == nil || !strings.Contains(err.Error(), "browser.path") {
		t.Errorf("err = %v", err)
	}
	b := browser.New(browser.Options{Path: "/nonexistent/chrome"})
	if _, err := b.Tab(t.Context(), browser.TabOptions{Script: script}); err == nil || !strings.Contains(err.Error(), "/nonexistent/chrome") {
		t.Errorf("err = %v", err)
	}
}

// A Chrome that dies over its first commands is told from one that was told to
// end.
func TestEndsByItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chrome-headless-shell")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nsleep 0.1; kill -TRAP $$\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	b := browser.New(browser.Options{Path: path, Flags: mall.Flags()})
	defer b.Close()
	if _, err := b.Tab(t.Context(), browser.TabOptions{}); err == nil || !strings.Contains(err.Error(), "it ended by itself") {
		t.Errorf("Tab = %v, want that it ended by itself", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Tab(ctx, browser.TabOptions{}); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "by itself") {
		t.Errorf("Tab = %v, want that it was cancelled", err)
	}
}
