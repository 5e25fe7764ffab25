package notify_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jhillyerd/enmime/v2"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/report"
)

func TestEMLOfTheSample(t *testing.T) {
	story := report.Sample("analysts", "zh", nil, nine)
	raw, err := notify.EML(notify.Settings{Channel: "analysts"}, "", &story)
	if err != nil {
		t.Fatal(err)
	}
	env, err := enmime.ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if len(env.Errors) > 0 {
		t.Errorf("not well formed: %v", env.Errors)
	}
	if got := env.GetHeader("Subject"); !strings.HasPrefix(got, "示例：[腾讯官方数码旗舰店] 上新 2，下架 1") {
		t.Errorf("Subject = %q, want one that says that it is a sample", got)
	}
	if len(env.Inlines) == 0 {
		t.Error("no pictures")
	}
	for _, p := range env.Inlines {
		if !strings.Contains(env.HTML, `"cid:`+p.ContentID+`"`) {
			t.Errorf("picture %s is in the mail but not in its HTML", p.ContentID)
		}
	}
	if n := strings.Count(env.HTML, `src="cid:`); n < len(env.Inlines) {
		t.Errorf("%d pictures shown, %d in the mail", n, len(env.Inlines))
	}
	shape := env.Root.ContentType + "(" + env.Root.FirstChild.ContentType + "(" + env.Root.FirstChild.FirstChild.ContentType +
		", " + env.Root.FirstChild.FirstChild.NextSibling.ContentType + ", …), " + env.Root.FirstChild.NextSibling.ContentType + ")"
	if want := "multipart/mixed(multipart/related(multipart/alternative, image/png, …), text/csv)"; shape != want {
		t.Errorf("shape %s, want %s", shape, want)
	}
}

func TestTestSaysThatItIsOne(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com", "b@example.com"))})
	answer, err := n.Test(t.Context(), "analysts")
	if err != nil || !strings.Contains(answer, "OK") {
		t.Errorf("Test = %q, %v, want the server's answer", answer, err)
	}
	got := letters(t, srv)
	if len(got) != 2 || !strings.HasPrefix(got[0].GetHeader("Subject"), "Sample: ") || !strings.Contains(got[0].Text, "This is a sample.") {
		t.Errorf("letters = %v, want two that say that they are samples", got)
	}
	if got[0].GetHeader("Message-ID") == got[1].GetHeader("Message-ID") {
		t.Error("two letters have one Message-ID")
	}
	if rs := allReports(t, db); len(rs) != 0 {
		t.Errorf("reports = %v, want none", rs)
	}
	if _, err := n.Test(t.Context(), "nobody"); err == nil {
		t.Error("Test of a channel that is not there has no error")
	}
}

func TestRetryRevivesDeadLetters(t *testing.T) {
	db := fresh(t)
	var answer error = &notify.Refused{Answer: "550 no such user"}
	book := &notebook{fail: func() error { return answer }}
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: book})
	two(t, db)
	_ = n.Flush(t.Context()) // refused
	wantState(t, db, tracker.Dead)
	answer = nil
	if got, err := n.Retry(1); got != 1 || err != nil {
		t.Errorf("Retry = %d, %v, want 1 letter", got, err)
	}
	flushUntil(t, n, db)
	wantState(t, db, tracker.Sent)
	if got, err := n.Retry(1); got != 0 || err != nil {
		t.Errorf("Retry of a report that was sent = %d, %v, want nothing to do", got, err)
	}
	if _, err := n.Retry(2); err == nil {
		t.Error("Retry of a report that is not there has no error")
	}
}

func TestPendingMovesNothing(t *testing.T) {
	db := fresh(t)
	book := &notebook{}
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: book, Digest: daily(0)})
	if _, ok, err := n.Pending("analysts"); ok || err != nil {
		t.Errorf("Pending before any change = %v, %v, want nothing", ok, err)
	}
	two(t, db)
	for range 2 {
		s, ok, err := n.Pending("analysts")
		if err != nil || !ok || len(s.Changes) != 1 {
			t.Fatalf("Pending = %+v, %v, %v, want one change", s, ok, err)
		}
	}
	if rs := allReports(t, db); len(rs) != 0 {
		t.Errorf("reports = %v, want none", rs)
	}
}

func TestCheck(t *testing.T) {
	srv := serveMail(t, fixtures.SMTPOptions{Security: fixtures.TLS, Auth: []string{"PLAIN"}, Username: "shop", Password: "s3cret"})
	s := mailTo(srv, "a@example.com")
	s.Username, s.Password = "shop", "s3cret"
	if err := notify.Check(t.Context(), sender(t, "email", s)); err != nil {
		t.Errorf("Check = %v", err)
	}
	s.Password = "wr0ng-wr0ng"
	err := notify.Check(t.Context(), sender(t, "email", s))
	if err == nil || !strings.Contains(err.Error(), "check username and password") || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("Check with a wrong password = %v, want what to do and no password", err)
	}
	if got := len(letters(t, srv)); got != 0 {
		t.Errorf("Check sent %d letters", got)
	}
	if err := notify.Check(t.Context(), &notebook{fail: func() error { return errors.New("never asked") }}); err != nil {
		t.Errorf("Check of a sender that cannot be checked = %v", err)
	}
}

// TestAllIDsDiffer: letters of reports, channels, recipients and databases
// never share an ID.
func TestAllIDsDiffer(t *testing.T) {
	seen := make(map[string]string)
	for range 2 { // databases with the same history
		db := fresh(t)
		srv := serveMail(t, fixtures.SMTPOptions{})
		n := notifier(t, db, quietLog(),
			notify.Channel{Name: "one", Sender: sender(t, "email", mailTo(srv, "a@example.com", "b@example.com"))},
			notify.Channel{Name: "two", Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
		two(t, db)
		commit(t, db, "oppo", nine, product("1"))
		commit(t, db, "oppo", nine.Add(h), product("1"), product("2"))
		flushUntil(t, n, db)
		for i, l := range letters(t, srv) {
			id := l.GetHeader("Message-ID")
			if other := seen[id]; other != "" {
				t.Errorf("letter %d has the Message-ID of %s", i, other)
			}
			seen[id] = fmt.Sprint(l.GetHeader("Subject"), " to ", l.to)
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d IDs, want 12", len(seen))
	}
}
