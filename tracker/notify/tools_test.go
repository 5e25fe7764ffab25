package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

func TestPreviewOfTheSample(t *testing.T) {
	srv := serveMail(t, fixtures.SMTPOptions{})
	n := notifier(t, fresh(t), quietLog(), notify.Channel{Name: "analysts", Lang: "zh", Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
	p, err := n.Preview(ctx, "analysts", 0, false)
	if err != nil {
		t.Fatal(err)
	}
	env, err := enmime.ReadEnvelope(bytes.NewReader(p.EML))
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
	if want := "multipart/mixed(multipart/alternative(text/plain, multipart/related, …), text/csv)"; shape != want {
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
	got := deliveries(t, srv)
	if len(got) != 2 || !strings.HasPrefix(got[0].GetHeader("Subject"), "Sample: ") || !strings.Contains(got[0].Text, "This is a sample.") {
		t.Errorf("deliveries = %v, want two that say that they are samples", got)
	}
	if got[0].GetHeader("Message-ID") == got[1].GetHeader("Message-ID") {
		t.Error("two deliveries have one Message-ID")
	}
	if rs := allReports(t, db); len(rs) != 0 {
		t.Errorf("reports = %v, want none", rs)
	}
	if _, err := n.Test(t.Context(), "nobody"); err == nil {
		t.Error("Test of a channel that is not there has no error")
	}
}

func TestRetryRevivesDeadDeliveries(t *testing.T) {
	db := fresh(t)
	var answer error = &notify.Refused{Answer: "550 no such user"}
	book := &notebook{fail: func() error { return answer }}
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: book})
	two(t, db)
	_ = n.Flush(t.Context()) // refused
	wantState(t, db, tracker.Dead)
	answer = nil
	if got, err := n.Retry(ctx, 1); got != 1 || err != nil {
		t.Errorf("Retry = %d, %v, want 1 delivery", got, err)
	}
	flushUntil(t, n, db)
	wantState(t, db, tracker.Sent)
	if got, err := n.Retry(ctx, 1); got != 0 || err != nil {
		t.Errorf("Retry of a report that was sent = %d, %v, want nothing to do", got, err)
	}
	if _, err := n.Retry(ctx, 2); err == nil {
		t.Error("Retry of a report that is not there has no error")
	}
}

func TestPendingMovesNothing(t *testing.T) {
	db := fresh(t)
	book := &notebook{}
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: book, Digest: daily(0)})
	if _, ok, err := n.Pending(ctx, "analysts"); ok || err != nil {
		t.Errorf("Pending before any change = %v, %v, want nothing", ok, err)
	}
	two(t, db)
	for range 2 {
		s, ok, err := n.Pending(ctx, "analysts")
		if err != nil || !ok || len(s.Changes) != 1 {
			t.Fatalf("Pending = %+v, %v, %v, want one change", s, ok, err)
		}
	}
	if rs := allReports(t, db); len(rs) != 0 {
		t.Errorf("reports = %v, want none", rs)
	}
}

func TestCheckOfAMailServer(t *testing.T) {
	check := func(s notify.Settings) error {
		c, ok := sender(t, "email", s).(interface{ Check(context.Context) error })
		if !ok {
			t.Fatal("an email channel cannot be checked")
		}
		return c.Check(t.Context())
	}
	srv := serveMail(t, fixtures.SMTPOptions{Security: fixtures.TLS, Auth: []string{"PLAIN"}, Username: "shop", Password: "s3cret"})
	s := mailTo(srv, "a@example.com")
	s.Username, s.Password = "shop", "s3cret"
	if err := check(s); err != nil {
		t.Errorf("Check = %v", err)
	}
	s.Password = "wr0ng-wr0ng"
	err := check(s)
	if err == nil || !strings.Contains(err.Error(), "check username and password") || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("Check with a wrong password = %v, want what to do and no password", err)
	}
	if got := len(deliveries(t, srv)); got != 0 {
		t.Errorf("Check sent %d deliveries", got)
	}
}

// TestAllIDsDiffer: deliveries of reports, channels, recipients and databases
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
		for i, l := range deliveries(t, srv) {
			id := l.GetHeader("Message-ID")
			if other := seen[id]; other != "" {
				t.Errorf("delivery %d has the Message-ID of %s", i, other)
			}
			seen[id] = fmt.Sprint(l.GetHeader("Subject"), " to ", l.to)
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d IDs, want 12", len(seen))
	}
}

// TestWhoLeftStaysOut: also when the configuration gives the recipient a name.
func TestWhoLeftStaysOut(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
	channels := func(to string) notify.Options {
		return notify.Options{
			Public:   "https://shopwatch.example.com",
			Channels: []notify.Channel{{Name: "analysts", Sender: sender(t, "email", mailTo(srv, to, "b@example.com"))}},
		}
	}
	n, err := notify.New(ctx, db, channels("Wang@example.com"), quietLog())
	if err != nil {
		t.Fatal(err)
	}
	two(t, db)
	flushUntil(t, n, db)
	u, err := url.Parse(strings.Trim(strings.Split(deliveries(t, srv)[0].GetHeader("List-Unsubscribe"), ">")[0], "<"))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Leave(ctx, "analysts", u.Query().Get("to"), u.Query().Get("token"), true, false); err != nil {
		t.Fatal(err)
	}
	if n, err = notify.New(ctx, db, channels("王芳 <wang@example.com>"), quietLog()); err != nil {
		t.Fatal(err)
	}
	before := len(srv.Mails())
	commit(t, db, "tencent", nine.Add(2*h), product("1"), product("2"), product("3"))
	flushUntil(t, n, db)
	if got := deliveries(t, srv)[before:]; len(got) != 1 || got[0].to != "b@example.com" {
		t.Errorf("%d deliveries, want one to the other recipient", len(got))
	}
}

// TestLeaving: a recipient who clicks gets nothing any more, not even what
// waits; the others do.
func TestLeaving(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
	n, err := notify.New(ctx, db, notify.Options{
		Public: "https://shopwatch.example.com/", RetryFirst: time.Millisecond,
		Channels: []notify.Channel{{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a+b@example.com", "c@example.com"))}},
	}, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	two(t, db)
	flushUntil(t, n, db)
	l := deliveries(t, srv)[0]
	if got := l.GetHeader("List-Unsubscribe-Post"); got != "List-Unsubscribe=One-Click" {
		t.Errorf("List-Unsubscribe-Post: %q", got)
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(l.GetHeader("List-Unsubscribe"), "<"), ">")
	u, err := url.Parse(first)
	if err != nil || u.Scheme != "https" || u.Host != "shopwatch.example.com" || u.Path != "/unsubscribe" {
		t.Fatalf("List-Unsubscribe: %s, want an address below the public one", first)
	}
	q := u.Query()
	if q.Get("to") != "a+b@example.com" || q.Get("channel") != "analysts" {
		t.Errorf("the address is about %v", q)
	}
	if err := n.Leave(ctx, "analysts", "c@example.com", q.Get("token"), true, false); !errors.Is(err, notify.ErrToken) {
		t.Errorf("leaving for somebody else = %v, want ErrToken", err)
	}
	if err := n.Leave(ctx, "analysts", q.Get("to"), q.Get("token"), false, false); err != nil {
		t.Errorf("looking at the link = %v", err)
	}
	more := func(id string) int {
		t.Helper()
		before := len(srv.Mails())
		commit(t, db, "tencent", time.Now(), product("1"), product("2"), product(id))
		flushUntil(t, n, db)
		return len(srv.Mails()) - before
	}
	if got := more("3"); got != 2 {
		t.Errorf("%d deliveries after a look at the link, want 2", got)
	}
	if err := n.Leave(ctx, "analysts", q.Get("to"), q.Get("token"), true, false); err != nil {
		t.Fatal(err)
	}
	if got := more("4"); got != 1 {
		t.Errorf("%d deliveries after leaving, want 1", got)
	}
	if err := n.Leave(ctx, "analysts", q.Get("to"), q.Get("token"), true, true); err != nil {
		t.Fatal(err)
	}
	if got := more("5"); got != 2 {
		t.Errorf("%d deliveries after coming back, want 2", got)
	}

	srv.Fault(fixtures.MailFault{Data: 451})
	commit(t, db, "tencent", time.Now(), product("1"), product("2"), product("6"))
	_ = n.Flush(t.Context()) // it waits
	if err := n.Leave(ctx, "analysts", q.Get("to"), q.Get("token"), true, false); err != nil {
		t.Fatal(err)
	}
	srv.Fault(fixtures.MailFault{})
	before := len(srv.Mails())
	flushUntil(t, n, db)
	if got := len(srv.Mails()) - before; got != 1 {
		t.Errorf("%d deliveries that waited arrived, want 1", got)
	}
}
