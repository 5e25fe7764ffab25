package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/report"
)

// ctx is that of calls that nothing ends.
var ctx = context.Background()

var nine = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func open(t testing.TB, path string) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // a test may have closed it
	return db
}

func fresh(t testing.TB) *bolt.DB {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "shopwatch.db"))
}

func product(id string) tracker.Product {
	return tracker.Product{
		ID: tracker.ProductID(id), Title: "糖大夫 血糖仪 " + id, URL: "https://detail.tmall.com/item.htm?id=" + id,
		Price: tracker.Price{Kind: tracker.PriceExact, Low: 29900, Currency: "CNY"},
	}
}

// complete is a complete scan that listed the products.
func complete(name tracker.StorefrontName, began time.Time, list ...tracker.Product) *tracker.Scan {
	return &tracker.Scan{
		Storefront: name, Began: began, Took: time.Second, Verdict: tracker.Complete, Products: list,
		Evidence: tracker.Evidence{
			Layout: "classic", Parser: 1, Pages: 1, Products: len(list), Declared: tracker.Declared{Pages: 1},
			Shop: tracker.SellerIdentity{ID: string(name), Name: "腾讯官方数码旗舰店"},
		},
	}
}

// commit writes a complete scan that listed the products.
func commit(t testing.TB, db *bolt.DB, name tracker.StorefrontName, began time.Time, list ...tracker.Product) []tracker.Change {
	t.Helper()
	changes, err := db.Commit(ctx, complete(name, began, list...), tracker.DefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// logTo is a logger that writes into a buffer.
func logTo(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func sender(t testing.TB, kind string, s notify.Settings) notify.Sender {
	t.Helper()
	snd, err := notify.NewSender(kind, s)
	if err != nil {
		t.Fatal(err)
	}
	return snd
}

func notifier(t testing.TB, store notify.Store, log *slog.Logger, channels ...notify.Channel) *notify.Notifier {
	t.Helper()
	n, err := notify.New(ctx, store, notify.Options{
		Channels: channels, RetryFirst: time.Millisecond, RetryMost: 2 * time.Millisecond,
		Shops: map[tracker.StorefrontName]report.StorefrontInfo{"tencent": {Title: "Tencent flagship", URL: "https://tencent.tmall.com/", Marketplace: "tmall"}},
	}, log)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// flushUntil flushes until no delivery waits, or fails when that takes long.
func flushUntil(t testing.TB, n *notify.Notifier, db *bolt.DB) {
	t.Helper()
	var err error
	for began := time.Now(); time.Since(began) < 20*time.Second; {
		err = n.Flush(t.Context())
		if left, e := db.Reports(ctx, storage.ReportQuery{With: tracker.Waiting}); e != nil || len(left) == 0 && err == nil {
			return
		}
		time.Sleep(time.Millisecond) // a retry is due after one or two
	}
	t.Fatalf("deliveries still wait: %v", err)
}

func allReports(t testing.TB, db *bolt.DB) []tracker.Report {
	t.Helper()
	rs, err := db.Reports(ctx, storage.ReportQuery{Limit: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func TestMailAsItArrives(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{Security: fixtures.TLS})
	settings := mailTo(srv, "team@example.com")
	settings.Plaintext = false
	settings.Thread = true
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", settings), Lang: "zh", Zone: time.FixedZone("", 8*3600)})
	commit(t, db, "tencent", nine, product("1"), product("2"))
	hostile := product("3")
	hostile.Title = "<b>新品</b>\r\nBcc: x@example.com\u202e " + strings.Repeat("长", 500)
	commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"), hostile)
	if err := n.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := deliveries(t, srv)
	if len(got) != 1 {
		t.Fatalf("%d deliveries arrived, want 1: the baseline is no news", len(got))
	}
	l := got[0]
	if len(l.Errors) > 0 {
		t.Errorf("the delivery is not well formed: %v", l.Errors)
	}
	for header, want := range map[string]string{
		"From":             `"Shopwatch" <shopwatch@example.com>`,
		"To":               "<team@example.com>",
		"Subject":          "[Tencent flagship] 上新 1 · 11月22日 18:00",
		"List-Id":          "<analysts.shopwatch.example.com>",
		"List-Unsubscribe": "<mailto:shopwatch@example.com?subject=unsubscribe%20analysts>",
		"Auto-Submitted":   "auto-generated",
		"Bcc":              "",
		// One click needs an address that takes it.
		"List-Unsubscribe-Post": "",
	} {
		if got := l.GetHeader(header); got != want {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
	if id := l.GetHeader("Message-ID"); !strings.HasPrefix(id, "<1.") || !strings.HasSuffix(id, "@example.com>") {
		t.Errorf("Message-ID: %s, want <1.HASH@example.com>", id)
	}
	if root := l.GetHeader("References"); root == "" || root != l.GetHeader("In-Reply-To") {
		t.Errorf("References: %q, In-Reply-To: %q, want one root", root, l.GetHeader("In-Reply-To"))
	}
	if _, err := l.Date(); err != nil {
		t.Errorf("Date: %v", err)
	}
	head, _, _ := strings.Cut(l.raw, "\r\n\r\n")
	if strings.Contains(head, "Subject:\r\n") {
		t.Error("the line of the subject is empty")
	}
	for _, line := range strings.Split(head, "\r\n") {
		if strings.Contains(line, "=?") && len(line) > 76 {
			t.Errorf("an encoded line of %d characters: %s", len(line), line)
		}
	}
	for _, line := range strings.Split(l.raw, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes; SMTP allows 998", len(line))
		}
	}
	for name, body := range map[string]string{"text": l.Text, "HTML": l.HTML} {
		if !strings.Contains(body, "https://detail.tmall.com/item.htm?id=3") {
			t.Errorf("the %s does not link the product", name)
		}
	}
	if strings.Contains(l.HTML, "<b>新品") {
		t.Error("the title's markup is markup in the HTML")
	}
	if len(l.Attachments) != 1 || l.Attachments[0].FileName != "changes.csv" || !bytes.HasPrefix(l.Attachments[0].Content, []byte("\ufeff\"序号\",")) {
		t.Errorf("attachments = %v, want changes.csv", l.Attachments)
	}
	if got := l.Root.ContentType; got != "multipart/mixed" {
		t.Errorf("the delivery is %s, want multipart/mixed", got)
	}
}

// TestDelivery goes through what servers do. Every case begins with one report
// to three people.
func TestDelivery(t *testing.T) {
	to := []string{"a@example.com", "b@example.com", "c@example.com"}
	login := func(mechanism string) fixtures.SMTPOptions {
		return fixtures.SMTPOptions{Security: fixtures.StartTLS, Auth: []string{mechanism}, Username: "shop", Password: "s3cret"}
	}
	tests := []struct {
		name   string
		server fixtures.SMTPOptions
		fault  fixtures.MailFault
		// want is how often each delivery arrives, states what becomes of them.
		want, states string
		answer       string // part of what is kept of the first delivery
	}{
		{name: "taken at once", want: "1 1 1", states: "sent sent sent", answer: "OK: queued"},
		{name: "TLS from the first byte", server: fixtures.SMTPOptions{Security: fixtures.TLS}, want: "1 1 1", states: "sent sent sent"},
		{name: "STARTTLS", server: fixtures.SMTPOptions{Security: fixtures.StartTLS}, want: "1 1 1", states: "sent sent sent"},
		{name: "greylisting", fault: fixtures.MailFault{Refuse: map[string]int{"*": 450}, Times: 4}, want: "1 1 1", states: "sent sent sent"},
		{name: "sender refused for now", fault: fixtures.MailFault{Sender: 451, Times: 2}, want: "1 1 1", states: "sent sent sent"},
		{name: "one bad recipient holds up nobody", fault: fixtures.MailFault{Refuse: map[string]int{to[0]: 550}}, want: "0 1 1", states: "dead sent sent", answer: "550"},
		{name: "delivery refused for good", fault: fixtures.MailFault{Data: 554}, want: "0 0 0", states: "dead dead dead", answer: "554"},
		{name: "dropped after the delivery was taken", fault: fixtures.MailFault{DropKept: true, Times: 1}, want: "2 1 1", states: "sent sent sent"},
		{name: "dropped before the delivery was taken", fault: fixtures.MailFault{DropLost: true, Times: 2}, want: "1 1 1", states: "sent sent sent"},
		{name: "hangs up", fault: fixtures.MailFault{HangUp: true, Times: 3}, want: "1 1 1", states: "sent sent sent"},
		{name: "stalls", fault: fixtures.MailFault{Stall: true, Times: 1}, want: "1 1 1", states: "sent sent sent"},
		{name: "logs in with PLAIN", server: login("PLAIN"), want: "1 1 1", states: "sent sent sent"},
		{name: "logs in with LOGIN", server: login("LOGIN"), want: "1 1 1", states: "sent sent sent"},
		{name: "logs in with CRAM-MD5", server: login("CRAM-MD5"), want: "1 1 1", states: "sent sent sent"},
		{name: "login refused for now", server: login("PLAIN"), fault: fixtures.MailFault{Login: 454, Times: 2}, want: "1 1 1", states: "sent sent sent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, srv := fresh(t), serveMail(t, tt.server)
			srv.Fault(tt.fault)
			settings := mailTo(srv, to...)
			settings.Username, settings.Password = tt.server.Username, tt.server.Password
			settings.Plaintext = tt.server.Security == fixtures.Plaintext
			if tt.fault.Stall {
				settings.Timeout = 200 * time.Millisecond
			}
			n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", settings)})
			commit(t, db, "tencent", nine, product("1"))
			commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"))
			flushUntil(t, n, db)

			var counts, states []string
			ids := make(map[string]string)
			for _, who := range to {
				c := 0
				for _, l := range deliveries(t, srv) {
					if l.to == who {
						c++
						id := l.GetHeader("Message-ID")
						if ids[who] != "" && ids[who] != id {
							t.Errorf("%s got the report under %s and %s", who, ids[who], id)
						}
						ids[who] = id
					}
				}
				counts = append(counts, fmt.Sprint(c))
			}
			rs := allReports(t, db)
			for _, l := range rs[0].Deliveries {
				states = append(states, string(l.State))
			}
			if got := strings.Join(counts, " "); got != tt.want {
				t.Errorf("deliveries arrived %s times, want %s", got, tt.want)
			}
			if got := strings.Join(states, " "); got != tt.states {
				t.Errorf("deliveries are %s, want %s", got, tt.states)
			}
			if got := rs[0].Deliveries[0].Answer; !strings.Contains(got, tt.answer) {
				t.Errorf("answer kept is %q, want one with %q", got, tt.answer)
			}
			if ids[to[1]] != "" && ids[to[1]] == ids[to[2]] {
				t.Errorf("two deliveries have one Message-ID %s", ids[to[1]])
			}
		})
	}
}

// TestUnreachableServers: nothing is lost, nothing is said in clear, the reason
// says what to do, and no password is in it.
func TestUnreachableServers(t *testing.T) {
	stranger := serveMail(t, fixtures.SMTPOptions{})
	tests := []struct {
		name     string
		server   fixtures.SMTPOptions
		change   func(*notify.Settings)
		answer   string
		sessions int // at most; STARTTLS makes two greetings of one session
	}{
		{"nobody listens", fixtures.SMTPOptions{}, func(s *notify.Settings) { s.Server = "smtp://127.0.0.1:1" }, "connection refused", 0},
		{"no TLS offered", fixtures.SMTPOptions{}, nil, "offers no STARTTLS: use smtps://, or set plaintext: true", 1},
		{"wrong password", fixtures.SMTPOptions{Security: fixtures.StartTLS, Auth: []string{"PLAIN"}, Username: "shop", Password: "other"}, nil, "check username and password", 2},
		{"no login offered", fixtures.SMTPOptions{Security: fixtures.StartTLS}, nil, "leave username and password out", 2},
		{"certificate of a stranger", fixtures.SMTPOptions{Security: fixtures.TLS}, func(s *notify.Settings) { s.Roots = stranger.Pool() }, "certificate", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, srv := fresh(t), serveMail(t, tt.server)
			settings := mailTo(srv, "a@example.com", "b@example.com")
			settings.Username, settings.Password, settings.Plaintext = "shop", "s3cret-s3cret", false
			if tt.change != nil {
				tt.change(&settings)
			}
			var log bytes.Buffer
			n := notifier(t, db, logTo(&log), notify.Channel{Name: "analysts", Sender: sender(t, "email", settings)})
			commit(t, db, "tencent", nine, product("1"))
			commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"))
			err := n.Flush(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.answer) {
				t.Errorf("Flush = %v, want an error with %q", err, tt.answer)
			}
			rs := allReports(t, db)
			for _, l := range rs[0].Deliveries {
				if l.State != tracker.Waiting || !strings.Contains(l.Answer, tt.answer) {
					t.Errorf("delivery to %s is %s: %q, want waiting with %q", l.To, l.State, l.Answer, tt.answer)
				}
			}
			if srv.Sessions() > tt.sessions {
				t.Errorf("%d sessions, want %d: a server that cannot be reached is not tried for each delivery", srv.Sessions(), tt.sessions)
			}
			said := fmt.Sprint(err, log.String(), rs)
			if strings.Contains(said, "s3cret") || strings.Contains(said, "c2hvcA") {
				t.Errorf("the password is in %s", said)
			}
		})
	}
}

// TestCrashAfterSending ends the program between the server's answer and the
// note of it.
func TestCrashAfterSending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	db, srv := open(t, path), serveMail(t, fixtures.SMTPOptions{})
	ctx, crash := context.WithCancel(t.Context())
	first := sender(t, "email", mailTo(srv, "a@example.com"))
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: crashing{first, crash}})
	commit(t, db, "tencent", nine, product("1"))
	commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"))
	if err := n.Flush(ctx); err == nil {
		t.Fatal("Flush went on after the crash")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	n = notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
	flushUntil(t, n, db)
	flushUntil(t, n, db)
	got := deliveries(t, srv)
	if len(got) != 2 {
		t.Fatalf("%d deliveries arrived, want 2: the one before the crash and the one after", len(got))
	}
	if a, b := got[0].GetHeader("Message-ID"), got[1].GetHeader("Message-ID"); a != b {
		t.Errorf("Message-IDs %s and %s, want one", a, b)
	}
	if rs := allReports(t, db); len(rs) != 1 || rs[0].Deliveries[0].State != tracker.Sent {
		t.Errorf("reports = %+v, want one whose delivery is sent", rs)
	}
}

// A crashing sender sends, and the program ends before anybody hears of it.
type crashing struct {
	notify.Sender
	crash context.CancelFunc
}

func (c crashing) Send(ctx context.Context, l *notify.Message) (string, error) {
	_, err := c.Sender.Send(ctx, l)
	if err != nil {
		return "", err
	}
	c.crash()
	return "", ctx.Err()
}

// TestRunSendsWhenWoken runs the notifier as the daemon does.
func TestRunSendsWhenWoken(t *testing.T) {
	db := fresh(t)
	srv := serveMail(t, fixtures.SMTPOptions{})
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	commit(t, db, "tencent", nine, product("1"))
	for i := range 3 {
		list := []tracker.Product{product("1")}
		for j := range i + 1 {
			list = append(list, product(fmt.Sprint(j+2)))
		}
		commit(t, db, "tencent", nine.Add(time.Duration(i+1)*time.Hour), list...)
		n.Wake()
		n.Wake()
		wait, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if _, err := srv.Wait(wait); err != nil {
			t.Fatalf("no delivery came: %v", err)
		}
		cancel()
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
	if got := len(deliveries(t, srv)); got != 3 {
		t.Errorf("%d deliveries arrived, want 3", got)
	}
}

func TestANewChannelStartsAtTheEndOfTheLog(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
	commit(t, db, "tencent", nine, product("1"))
	commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"))
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
	if err := n.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(deliveries(t, srv)); got != 0 {
		t.Errorf("%d deliveries about the past arrived, want none", got)
	}
}

// TestAReportForEachScan: storefronts and scans are not mixed, and what the
// filter leaves out makes no report.
func TestAReportForEachScan(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
	n := notifier(t, db, quietLog(), notify.Channel{
		Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com")),
		Filter: notify.Filter{Storefronts: []tracker.StorefrontName{"tencent", "oppo"}},
	})
	for _, name := range []tracker.StorefrontName{"tencent", "oppo", "huawei"} {
		commit(t, db, name, nine, product("1"))
	}
	for i, name := range []tracker.StorefrontName{"tencent", "oppo", "huawei", "tencent"} {
		commit(t, db, name, nine.Add(time.Duration(i+1)*time.Hour), product("1"), product(fmt.Sprint(name, i)), product(fmt.Sprint(name, i, "b")))
	}
	flushUntil(t, n, db)
	var subjects []string
	for _, l := range deliveries(t, srv) {
		subjects = append(subjects, l.GetHeader("Subject"))
	}
	want := "[Tencent flagship] +2 new · 22 Nov 10:00\n[腾讯官方数码旗舰店] +2 new · 22 Nov 11:00\n[Tencent flagship] +2 new · 22 Nov 13:00"
	if got := strings.Join(subjects, "\n"); got != want {
		t.Errorf("subjects:\n%s\nwant\n%s", got, want)
	}
}

// A storefront is called by its own name also where the scan, or a heartbeat
// without one, does not know it.
func TestAReportCallsAWalledStorefrontByItsName(t *testing.T) {
	db := fresh(t)
	commit(t, db, "oppo", nine, product("1"))
	n, err := notify.New(ctx, db, notify.Options{Shops: map[tracker.StorefrontName]report.StorefrontInfo{"oppo": {}}}, quietLog())
	if err := errors.Join(err, db.Join(ctx, "analysts")); err != nil {
		t.Fatal(err)
	}
	var seqs []uint64
	for i, v := range []tracker.Verdict{tracker.Login, tracker.Login, tracker.Login, tracker.Gone, tracker.Gone, tracker.Gone} {
		scan := &tracker.Scan{Storefront: "oppo", Began: nine.Add(time.Duration(i+1) * time.Hour), Verdict: v, Reason: "asks for a login"}
		changes, err := db.Commit(ctx, scan, tracker.DefaultRules())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			seqs = append(seqs, c.Seq)
		}
	}
	if len(seqs) != 2 {
		t.Fatalf("%d changes, want stalled and closed", len(seqs))
	}
	for about, r := range map[string]*tracker.Report{
		"stalled":   {Channel: "analysts", Created: nine, Changes: seqs[:1]},
		"closed":    {Channel: "analysts", Created: nine, Changes: seqs[1:]},
		"heartbeat": {Channel: "analysts", Created: nine.Add(time.Hour), About: report.Heartbeat},
	} {
		s, err := n.Story(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		if got := report.New(*s).Heading(); got != "腾讯官方数码旗舰店" {
			t.Errorf("%s is about %q, want the name of the shop", about, got)
		}
	}
}
