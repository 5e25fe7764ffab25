package notify_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/storage/bolt"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/schedule"
)

// digestTo is a channel whose digest of the last minutes is due at once.
func digestTo(t *testing.T, srv *fixtures.SMTP, to ...string) notify.Channel {
	t.Helper()
	each, err := schedule.Parse("@every 1m", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, to...)), Digest: each, PDF: true}
}

// sendDigest sends one digest about a new product to who is in the channel.
func sendDigest(t *testing.T, o notify.Options) *bolt.DB {
	t.Helper()
	db := fresh(t)
	o.RetryFirst, o.RetryMost = time.Millisecond, 2*time.Millisecond
	n, err := notify.New(ctx, db, o, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	commit(t, db, "tencent", time.Now().Add(-3*time.Hour), product("1"))
	commit(t, db, "tencent", time.Now().Add(-2*time.Hour), product("1"), product("2"))
	if err := n.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// A digest goes with the report for paper, which Chrome prints once for all
// recipients; a report per scan and a heartbeat have none.
func TestDigestWithPDF(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chrome")
	}
	chrome := browser.New(browser.Options{Flags: map[string]any{"no-sandbox": true}})
	t.Cleanup(func() {
		if err := chrome.Close(); err != nil {
			t.Error(err)
		}
	})
	srv := serveMail(t, fixtures.SMTPOptions{})
	var printed [][]byte
	sendDigest(t, notify.Options{
		Channels: []notify.Channel{digestTo(t, srv, "a@example.com", "b@example.com")},
		PDF: func(ctx context.Context, html []byte) ([]byte, error) {
			printed = append(printed, html)
			return chrome.PDF(ctx, html)
		},
	})
	if len(printed) != 1 {
		t.Fatalf("printed %d times, want once", len(printed))
	}
	for _, want := range []string{"糖大夫 血糖仪 2", "No. 2", "— shopwatch/", "Complete scan"} {
		if !bytes.Contains(printed[0], []byte(want)) {
			t.Errorf("the document lacks %q:\n%s", want, printed[0])
		}
	}
	mails := deliveries(t, srv)
	if len(mails) != 2 {
		t.Fatalf("%d mails, want 2", len(mails))
	}
	for _, m := range mails {
		name := "shopwatch-" + time.Now().UTC().Format(time.DateOnly) + ".pdf"
		if len(m.Errors) > 0 || len(m.Attachments) != 2 || m.Attachments[0].FileName != "changes.csv" || m.Attachments[1].FileName != name || m.Attachments[1].ContentType != "application/pdf" {
			t.Fatalf("attachments %v, errors %v; want changes.csv and %s", m.Attachments, m.Errors, name)
		}
		pdf := m.Attachments[1].Content
		if !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pdf) < 5000 {
			t.Errorf("the PDF has %d bytes and begins with %q", len(pdf), pdf[:min(len(pdf), 20)])
		}
		if !strings.Contains(m.Text, "for paper is in "+name) || !strings.Contains(m.HTML, "for paper is in "+name) {
			t.Error("the mail does not say what is attached")
		}
	}
}

// A mail never waits for long for its PDF, and says that it goes without.
func TestDigestWithoutPDF(t *testing.T) {
	var mu sync.Mutex
	tries := 0
	try := func(f func(context.Context) ([]byte, error)) func(context.Context, []byte) ([]byte, error) {
		return func(ctx context.Context, _ []byte) ([]byte, error) {
			mu.Lock()
			tries++
			mu.Unlock()
			return f(ctx)
		}
	}
	for _, tt := range []struct {
		name string
		pdf  func(context.Context, []byte) ([]byte, error)
	}{
		{"no Chrome", nil},
		{"a Chrome that cannot be started", try(func(context.Context) ([]byte, error) { return nil, errors.New("no Chrome found") })},
		{"one that hangs", try(func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() })},
		{"a PDF that no mail server takes", try(func(context.Context) ([]byte, error) { return make([]byte, 7<<20), nil })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tries = 0
			srv := serveMail(t, fixtures.SMTPOptions{})
			began := time.Now()
			sendDigest(t, notify.Options{Channels: []notify.Channel{digestTo(t, srv, "a@example.com", "b@example.com")}, PDF: tt.pdf, PDFTime: 50 * time.Millisecond})
			mails := deliveries(t, srv)
			if len(mails) != 2 || time.Since(began) > time.Minute {
				t.Fatalf("%d mails after %s, want 2 at once", len(mails), time.Since(began))
			}
			if tries > 1 {
				t.Errorf("tried %d times, want once for the report", tries)
			}
			for _, m := range mails {
				if len(m.Attachments) != 1 || !strings.Contains(m.Text, "The PDF of this report is missing") || !strings.Contains(m.HTML, "The PDF of this report is missing") {
					t.Errorf("attachments %v, want changes.csv alone, and the mail to say why:\n%s", m.Attachments, m.Text)
				}
			}
		})
	}
}
