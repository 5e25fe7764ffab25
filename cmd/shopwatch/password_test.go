package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shopwatch/fixtures"
)

// The password of the mail server is wanted by what sends, and by nothing else.
func TestReadingNeedsNoPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(0, "scan")
	w.shop.Put(fixtures.Product{ID: "45100000004", Title: "亲子蓝牙音箱", Price: "129.00"})
	w.want(0, "scan")
	channel := map[string]any{
		"name": "analysts", "kind": "email", "server": "smtps://mail.example.com", "username": "shopwatch", "password": "${SHOPWATCH_UNSET_PASSWORD}",
		"from": "shopwatch@example.com", "to": []string{"team@example.com"},
	}
	w.configure(map[string]any{"channels": []any{channel}})
	eml := filepath.Join(w.dir, "report.eml")
	for _, line := range []string{"storefronts", "products tencent", "changes", "scans", "suspects", "why 1", "mail outbox", "mail preview", "mail preview " + eml, "scan --dry-run", "groups list"} {
		w.want(0, strings.Fields(line)...)
	}
	if text, err := os.ReadFile(eml); err != nil || !strings.Contains(string(text), "team@example.com") || strings.Contains(string(text), "PASSWORD") {
		t.Errorf("the preview is\n%s, %v, want a mail to the team", text, err)
	}
	const says = "channels[0].password: the environment variable SHOPWATCH_UNSET_PASSWORD is not set"
	for _, line := range []string{"run", "scan", "mail test"} {
		if _, errs, status := w.do(strings.Fields(line)...); status != 1 || !strings.Contains(errs, says) {
			t.Errorf("%s = %d, %s, want 1 and %q", line, status, errs, says)
		}
	}
	if out := w.want(1, "check"); !strings.Contains(out, says) {
		t.Errorf("check says\n%s", out)
	}

	// Without the address of the server nobody can say how the mail would be.
	channel["server"], channel["password"] = "${SHOPWATCH_UNSET_SERVER}", "known"
	w.configure(map[string]any{"channels": []any{channel}})
	const server = "channels[0].server: the environment variable SHOPWATCH_UNSET_SERVER is not set"
	if _, errs, status := w.do("mail", "preview"); status != 1 || !strings.Contains(errs, server) {
		t.Errorf("mail preview = %d, %s, want 1 and %q", status, errs, server)
	}
}
