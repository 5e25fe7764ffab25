package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shopwatch/fixtures"
)

// Who was taken out of the configuration gets nothing any more, also what was
// written before; and what waits for a channel that is not there is not said to be
// tried again.
func TestFormerRecipients(t *testing.T) {
	t.Parallel()
	mail, err := fixtures.NewSMTP(fixtures.SMTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mail.Close() })
	channel := func(name, to string) string {
		return fmt.Sprintf("channels: [{name: %s, kind: email, server: %q, plaintext: true, from: a@example.com, to: [%s]}]\n", name, mail.URL(), to)
	}
	w := quietWorld(t, channel("analysts", "Bob <bob@example.com>, team@example.com"))
	file := filepath.Join(w.dir, "shopwatch.yaml")
	become := func(name, to string) {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		before, after, _ := strings.Cut(string(text), "channels: ")
		_, after, _ = strings.Cut(after, "\n")
		if err := os.WriteFile(file, []byte(before+channel(name, to)+after), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.retitle("data", "analysts")
	mail.Stop()
	w.want(1, "mail", "retry")

	become("others", "team@example.com")
	if out := w.want(0, "mail", "outbox"); strings.Count(out, "never") != 2 || !strings.Contains(out, "the channel is not in the configuration: put it back") {
		t.Errorf("outbox says\n%s", out)
	}
	if _, errs, status := w.do("mail", "retry", "1"); status != 1 || !strings.Contains(errs, "report 1 is for the channel analysts, which is not in the configuration") {
		t.Errorf("retry of a channel that is not there = %d: %s", status, errs)
	}
	if out, _, _ := w.do("check"); !strings.Contains(out, "ok    outbox           nothing waits but 2 deliveries for channels that are not in the configuration") {
		t.Errorf("check says\n%s", out)
	}

	become("analysts", "The team <team@example.com>")
	if err := mail.Start(); err != nil {
		t.Fatal(err)
	}
	w.want(0, "mail", "retry")
	if got := mail.Mails(); len(got) != 1 || got[0].To[0] != "team@example.com" {
		t.Errorf("%d mails were sent, want one to the team: %v", len(got), got)
	}
	if out := w.want(0, "mail", "outbox"); !strings.Contains(out, "taken out of the channel") {
		t.Errorf("outbox says\n%s", out)
	}
	become("analysts", "bob@example.com")
	w.want(0, "mail", "retry", "1")
	if got := mail.Mails(); len(got) != 2 || got[1].To[0] != "bob@example.com" {
		t.Errorf("%d mails were sent, want one to Bob, who is back", len(got))
	}
}
