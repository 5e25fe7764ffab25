package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A database comes back to where an earlier one has left its backups.
func TestMoveBesideBackups(t *testing.T) {
	t.Parallel()
	w := quietWorld(t, "")
	w.retitle("data")
	w.retitle("before")
	at := func(name string) string { return filepath.Join(w.dir, name) }
	if err := os.MkdirAll(at("before/backups"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(at("before/shopwatch.db"), at("before/backups/shopwatch-2026-11-26.db")); err != nil {
		t.Fatal(err)
	}
	if out := w.want(0, "move", at("data/shopwatch.db"), at("before/shopwatch.db")); !strings.Contains(out, "compared, and the same") {
		t.Errorf("move prints\n%s", out)
	}
	w.want(0, "verify", at("before/shopwatch.db"))
}
