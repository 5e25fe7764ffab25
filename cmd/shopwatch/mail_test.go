package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
)

// What a mail server answers reaches the terminal as text: it moves no cursor and
// sets no colours.
func TestAnswersOfServersAreText(t *testing.T) {
	t.Parallel()
	server, err := fixtures.NewSMTP(fixtures.SMTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if err := server.Fault(fixtures.MailFault{Sender: 550, Says: "no\x1b[2J\x1b]0;ours\x07 \u202emore"}); err != nil {
		t.Fatal(err)
	}
	w := quietWorld(t, "channels: [{name: c, kind: email, server: 'smtp://"+server.Addr()+"', plaintext: true, from: a@example.com, to: [b@example.com]}]\n")
	out, errs, status := w.do("mail", "test")
	if status != 1 || !strings.Contains(errs, "no[2J]0;ours more") || strings.ContainsAny(out+errs, "\x1b\x07\u202e") {
		t.Errorf("mail test = %d %q %q", status, out, errs)
	}
}

// Reports can be looked at and sent for a test before anything has changed.
// What a mail server does not take waits, is shown, and is tried again.
func TestMail(t *testing.T) {
	t.Parallel()
	for _, daemon := range []bool{false, true} {
		t.Run(map[bool]string{false: "on demand", true: "through the daemon"}[daemon], func(t *testing.T) {
			w := newWorld(t)
			if daemon {
				w.daemon()
			}
			for ending, part := range map[string]string{".eml": "Message-ID: <preview.", ".html": "<html", ".txt": "糖大夫"} {
				file := filepath.Join(w.dir, "preview"+ending)
				out := w.want(0, "mail", "preview", file)
				content, err := os.ReadFile(file)
				if err != nil || !strings.Contains(string(content), part) || !strings.Contains(out, "a sample") {
					t.Errorf("preview %s = %s, %v, want a sample with %q; it prints %s", ending, content, err, part, out)
				}
			}
			if got := w.mail.Mails(); len(got) != 0 {
				t.Fatalf("a preview sent %d mails", len(got))
			}
			if out := w.want(0, "mail", "test"); !strings.Contains(out, "a sample was sent through analysts") {
				t.Errorf("mail test prints %s", out)
			}
			if _, err := w.mail.Wait(deadline.Context(t)); err != nil {
				t.Error(err)
			}
			w.mail.Fault(fixtures.MailFault{Refuse: map[string]int{"*": 550}, Times: 1})
			if out, errs, status := w.do("mail", "test"); status != 1 || !strings.Contains(errs, "not sent: team@example.com: refused") {
				t.Errorf("mail test of a recipient that is refused = %d, %s%s, want 1 and who", status, out, errs)
			}

			w.want(0, "scan")
			if out := w.want(0, "mail", "outbox"); !strings.Contains(out, "nothing waits") {
				t.Errorf("mail outbox prints %s", out)
			}
			if out := w.want(0, "mail", "unsubscribed"); !strings.Contains(out, "nobody unsubscribed") {
				t.Errorf("mail unsubscribed prints %s", out)
			}
			w.mail.Stop()
			w.shop.Take("45100000003", fixtures.OffShelf)
			w.want(0, "scan")
			out := w.want(0, "mail", "outbox")
			for end := time.Now().Add(10 * time.Second); !strings.Contains(out, "connect") && time.Now().Before(end); {
				out = w.want(0, "mail", "outbox") // the daemon is about to try
			}
			if !strings.Contains(out, "waiting") || !strings.Contains(out, "connect") {
				t.Errorf("mail outbox prints %s, want a delivery that waits because nobody answers", out)
			}
			if out := w.want(1, "check"); !strings.Contains(out, "FIX   outbox") {
				t.Errorf("check with a report that waits:\n%s", out)
			}
			if err := w.mail.Start(); err != nil {
				t.Fatal(err)
			}
			if out := w.want(0, "mail", "retry"); !strings.Contains(out, "1 delivery tried again") {
				t.Errorf("mail retry prints %s", out)
			}
			mail, err := w.mail.Wait(deadline.Context(t))
			if err != nil || !bytes.Contains(mail.Raw, []byte("-1 removed")) {
				t.Errorf("mail = %s, %v, want one about a removed product", mail.Raw, err)
			}
			if out := w.want(0, "mail", "preview", "--last"); !strings.Contains(out, "report 1, the last one") || !strings.Contains(out, "-1 removed") {
				t.Errorf("mail preview --last prints %s", out)
			}

			// What is refused for good stays in sight.
			w.mail.Fault(fixtures.MailFault{Refuse: map[string]int{"*": 550}, Says: "no such user"})
			w.shop.Return("45100000003")
			w.want(0, "scan")
			for end := time.Now().Add(10 * time.Second); !strings.Contains(out, "dead") && time.Now().Before(end); {
				out = w.want(0, "mail", "outbox") // the daemon is about to try
			}
			if !strings.Contains(out, "dead") || !strings.Contains(out, "refuses <team@example.com>: 550 5.0.0 no such user") {
				t.Errorf("mail outbox prints %s, want a delivery that was refused and why", out)
			}
			if out := w.want(1, "check"); !strings.Contains(out, "did not get through") || !strings.Contains(out, "mail retry") {
				t.Errorf("check with a report that was refused:\n%s", out)
			}
			w.mail.Fault(fixtures.MailFault{})
			if out := w.want(0, "mail", "retry", "2"); !strings.Contains(out, "1 delivery tried again") {
				t.Errorf("mail retry 2 prints %s", out)
			}
			if mail, err := w.mail.Wait(deadline.Context(t)); err != nil || !bytes.Contains(mail.Raw, []byte("1 back again")) {
				t.Errorf("mail = %s, %v, want one about a product that is back", mail.Raw, err)
			}
			out = w.want(0, "mail", "outbox", "-n", "5")
			for end := time.Now().Add(10 * time.Second); strings.Count(out, "sent") != 2 && time.Now().Before(end); {
				out = w.want(0, "mail", "outbox", "-n", "5") // the daemon is about to note it
			}
			if strings.Count(out, "sent") != 2 {
				t.Errorf("mail outbox -n 5 prints %s, want two reports that were sent", out)
			}
			if newest, all := w.want(0, "mail", "outbox", "-n", "1000"), w.want(0, "mail", "outbox", "--all"); newest != all {
				t.Errorf("mail outbox --all prints\n%s, want what -n 1000 prints:\n%s", all, newest)
			}
		})
	}
}

// The Chrome that reads storefronts prints the report that goes with a digest.
func TestMailWithPDF(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.configure(map[string]any{"channels": []any{map[string]any{
		"name": "analysts", "kind": "email", "server": w.mail.URL(), "plaintext": true,
		"from": "shopwatch@example.com", "to": []string{"team@example.com"}, "schedule": "@weekly", "attach": "pdf",
	}}})
	w.want(0, "mail", "test")
	m, err := w.mail.Wait(deadline.Context(t))
	if err != nil || !bytes.Contains(m.Raw, []byte("Content-Type: application/pdf")) || !bytes.Contains(m.Raw, []byte("\r\nJVBERi0")) { // %PDF-
		t.Errorf("the sample has no PDF: %v\n%s", err, m.Raw)
	}
}
