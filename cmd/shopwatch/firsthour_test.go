package main

import (
	"bytes"
	"encoding/json"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jhillyerd/enmime/v2"

	"shopwatch/fixtures"
)

// The first complete scan says what it is, a later one does not.
func TestBaselineSaysSo(t *testing.T) {
	t.Parallel()
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

// Before the first baseline the first wall is told at once, by mail and on the
// terminal, with the command that helps on this machine.
func TestFirstWallIsToldAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want func(file string) string
	}{
		{"with a screen", map[string]string{"DISPLAY": ":7"}, func(file string) string { return "shopwatch -c " + file + " login tmall" }},
		{"on a server", nil, func(file string) string { return "shopwatch -c " + file + " login tmall --qr" }},
		{"under systemd", map[string]string{"INVOCATION_ID": "4711"}, func(file string) string {
			u, err := user.Current()
			if err != nil {
				t.Fatal(err)
			}
			if u.Uid == "0" {
				return "shopwatch -c " + file + " login tmall --qr"
			}
			return "sudo -u " + u.Username + " shopwatch -c " + file + " login tmall --qr"
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY", "INVOCATION_ID"} {
				t.Setenv(name, tt.env[name])
			}
			w := newWorld(t)
			want := tt.want(filepath.Join(w.dir, "shopwatch.yaml"))
			w.shop.Fault(fixtures.Fault{Name: "login page"})
			if out := w.want(2, "scan"); !strings.Contains(out, "log in: "+want+"\n") {
				t.Errorf("the scan says\n%s\nwant %s", out, want)
			}
			mails := w.mail.Mails()
			if len(mails) != 1 {
				t.Fatalf("%d mails, want 1", len(mails))
			}
			mail, err := enmime.ReadEnvelope(bytes.NewReader(mails[0].Raw))
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.Join(strings.Fields(mail.Text), " "); !strings.Contains(text, `Run "`+want+`"`) {
				t.Errorf("the mail says\n%s\nwant %s", mail.Text, want)
			}
			// The next wall is no news.
			w.want(2, "scan")
			if n := len(w.mail.Mails()); n != 1 {
				t.Errorf("%d mails after the second wall, want 1", n)
			}
			w.shop.Heal()
			w.want(0, "scan")
			mails = w.mail.Mails()
			if len(mails) != 2 {
				t.Fatalf("%d mails after the baseline, want 2", len(mails))
			}
			mail, err = enmime.ReadEnvelope(bytes.NewReader(mails[1].Raw))
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.Join(strings.Fields(mail.Text), " "); !strings.Contains(text, "3 products; this is the baseline, changes from now on are news") {
				t.Errorf("the mail after the baseline says\n%s", mail.Text)
			}
		})
	}
}
