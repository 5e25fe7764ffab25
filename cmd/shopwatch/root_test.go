package main

import (
	"os"
	"strings"
	"testing"
)

// Root gets no Chrome without its sandbox unless the configuration says so; the
// commands that start none do their work.
func TestRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can show it")
	}
	w := newWorld(t)
	w.want(0, "scan")
	if out := w.want(0, "check"); !strings.Contains(out, "without its sandbox, as browser.flags says, and as root") {
		t.Errorf("check says\n%s", out)
	}
	w.configure(map[string]any{"browser": map[string]any{"pace": "0s"}})
	for _, args := range [][]string{{"scan"}, {"scan", "--dry-run"}, {"run"}, {"login", "tmall"}, {"login", "tmall", "--qr"}, {"login", "tmall", "--export", w.dir + "/login"}} {
		out, errs, status := w.do(args...)
		if status != 1 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "you are root") || !strings.Contains(errs, "browser.flags to {no-sandbox: true}") {
			t.Errorf("shopwatch %s = %d\n%s%s", strings.Join(args, " "), status, out, errs)
		}
	}
	out, _, status := w.do("check")
	if status != 1 || !strings.Contains(out, "FIX   chrome") || !strings.Contains(out, "no-sandbox: true") {
		t.Errorf("check = %d\n%s", status, out)
	}
	w.want(0, "products", "tencent")
	w.want(0, "mail", "preview")
}
