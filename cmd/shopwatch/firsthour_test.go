package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// The first complete scan says what it is, a later one does not.
func TestBaselineSaysSo(t *testing.T) {
	w := newWorld(t)
	if out := w.want(0, "scan", "--dry-run"); !strings.Contains(out, "3 products; this would be the baseline") {
		t.Errorf("a dry scan says\n%s", out)
	}
	if out := w.want(0, "scan"); !strings.Contains(out, "3 products; this is the baseline, changes from now on are news") {
		t.Errorf("the first scan says\n%s", out)
	}
	if out := w.want(0, "scan"); strings.Contains(out, "baseline") || !strings.Contains(out, "no changes") {
		t.Errorf("the second scan says\n%s", out)
	}
	// So does JSON, also when the daemon scans.
	w.daemon()
	var second struct{ Baseline *bool }
	if out := w.want(0, "scan", "--json"); json.Unmarshal([]byte(out), &second) != nil || second.Baseline != nil {
		t.Errorf("a later scan prints %s, want no baseline", out)
	}
}
