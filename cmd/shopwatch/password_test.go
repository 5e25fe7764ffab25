package main

import (
	"strings"
	"testing"

	"shopwatch/fixtures"
)

// The password of the mail server is wanted by what sends, and by nothing else.
func TestReadingNeedsNoPassword(t *testing.T) {
	w := newWorld(t)
	w.want(0, "scan")
	w.shop.Put(fixtures.Product{ID: "45100000004", Title: "亲子蓝牙音箱", Price: "129.00"})
	w.want(0, "scan")
	w.configure(map[string]any{"channels": []any{map[string]any{
		"name": "analysts", "kind": "email", "server": "smtps://mail.example.com", "username": "shopwatch", "password": "${SHOPWATCH_UNSET_PASSWORD}",
		"from": "shopwatch@example.com", "to": []string{"team@example.com"},
	}}})
	for _, line := range []string{"storefronts", "products tencent", "changes", "scans", "suspects", "why 1", "mail outbox", "groups list"} {
		w.want(0, strings.Fields(line)...)
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
}
