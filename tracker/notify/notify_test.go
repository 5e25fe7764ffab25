package notify_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/report"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var nine = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func open(t testing.TB, path string) *storage.DB {
	t.Helper()
	db, err := storage.Open(path, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // a test may have closed it
	return db
}

func fresh(t testing.TB) *storage.DB {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "shopwatch.db"))
}

func product(id string) tracker.Product {
	return tracker.Product{
		ID: tracker.ProductID(id), Title: "糖大夫 血糖仪 " + id, URL: "https://detail.tmall.com/item.htm?id=" + id,
		Price: tracker.Price{Kind: tracker.PriceExact, Low: 29900, Currency: "CNY"},
	}
}

// commit writes a complete scan that listed the products.
func commit(t testing.TB, db *storage.DB, name tracker.Name, began time.Time, list ...tracker.Product) []tracker.Change {
	t.Helper()
	changes, err := db.Commit(&tracker.Scan{
		Storefront: name, Began: began, Took: time.Second, Verdict: tracker.Complete, Products: list,
		Evidence: tracker.Evidence{
			Layout: "classic", Parser: 1, Pages: 1, Products: len(list), Declared: tracker.Declared{Pages: 1},
			Shop: tracker.Shop{ID: string(name), Name: "腾讯官方数码旗舰店"},
		},
	}, tracker.DefaultRules())
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

// mailTo are settings of an e-mail channel to a server.
func mailTo(s *mailServer, to ...string) notify.Settings {
	scheme := "smtp"
	if s.smtps {
		scheme = "smtps"
	}
	return notify.Settings{
		Channel: "analysts", Server: scheme + "://" + s.addr, Plaintext: !s.tls && !s.smtps, Roots: s.roots,
		From: "Shopwatch <shopwatch@example.com>", To: to, Timeout: 5 * time.Second,
	}
}

func sender(t testing.TB, kind string, s notify.Settings) notify.Sender {
	t.Helper()
	snd, err := notify.NewSender(kind, s)
	if err != nil {
		t.Fatal(err)
	}
	return snd
}

func notifier(t testing.TB, db *storage.DB, log *slog.Logger, channels ...notify.Channel) *notify.Notifier {
	t.Helper()
	n, err := notify.New(db, notify.Options{
		Channels: channels, RetryFirst: time.Millisecond, RetryMost: 2 * time.Millisecond,
		Shops: map[tracker.Name]report.Shop{"tencent": {Title: "Tencent flagship", URL: "https://tencent.tmall.com/", Marketplace: "tmall"}},
	}, log)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// flushUntil flushes until no letter waits, or fails when that takes long.
func flushUntil(t testing.TB, n *notify.Notifier, db *storage.DB) {
	t.Helper()
	var err error
	for began := time.Now(); time.Since(began) < 20*time.Second; {
		err = n.Flush(t.Context())
		if left, e := db.Undelivered(""); e != nil || len(left) == 0 && err == nil {
			return
		}
		time.Sleep(time.Millisecond) // a retry is due after one or two
	}
	t.Fatalf("letters still wait: %v", err)
}

func allReports(t testing.TB, db *storage.DB) []tracker.Report {
	t.Helper()
	rs, err := db.Reports("", 0, 1_000_000, false)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func TestMailAsItArrives(t *testing.T) {
	db, srv := fresh(t), serveMail(t, &mailServer{smtps: true})
	settings := mailTo(srv, "team@example.com")
	settings.Thread = true
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", settings), Lang: "zh", Zone: time.FixedZone("", 8*3600)})
	commit(t, db, "tencent", nine, product("1"), product("2"))
	hostile := product("3")
	hostile.Title = "<b>新品</b>\r\nBcc: x@example.com\u202e " + strings.Repeat("长", 500)
	commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"), hostile)
	if err := n.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := srv.letters(t)
	if len(got) != 1 {
		t.Fatalf("%d letters arrived, want 1: the baseline is no news", len(got))
	}
	l := got[0]
	if len(l.Errors) > 0 {
		t.Errorf("the letter is not well formed: %v", l.Errors)
	}
	for header, want := range map[string]string{
		"From":             `"Shopwatch" <shopwatch@example.com>`,
		"To":               "<team@example.com>",
		"Subject":          "[Tencent flagship] 上新 1 · 11月22日 18:00",
		"List-Id":          "<analysts.shopwatch.example.com>",
		"List-Unsubscribe": "<mailto:shopwatch@example.com?subject=unsubscribe%20analysts>",
		"Auto-Submitted":   "auto-generated",
		"Bcc":              "",
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
	if len(l.Attachments) != 1 || l.Attachments[0].FileName != "changes.csv" || !bytes.HasPrefix(l.Attachments[0].Content, []byte("\ufeffseq,")) {
		t.Errorf("attachments = %v, want changes.csv", l.Attachments)
	}
	if got := l.Root.ContentType; got != "multipart/mixed" {
		t.Errorf("the letter is %s, want multipart/mixed", got)
	}
}

// TestDelivery goes through what servers do. Every case begins with one report
// to three people.
func TestDelivery(t *testing.T) {
	to := []string{"a@example.com", "b@example.com", "c@example.com"}
	tests := []struct {
		name   string
		server *mailServer
		change func(*notify.Settings)
		// want is how often each letter arrives, states what becomes of them.
		want, states string
		answer       string // part of what is kept of the first letter
	}{
		{name: "taken at once", server: &mailServer{}, want: "1 1 1", states: "sent sent sent", answer: "OK: queued"},
		{name: "TLS from the first byte", server: &mailServer{smtps: true}, want: "1 1 1", states: "sent sent sent"},
		{name: "STARTTLS", server: &mailServer{tls: true}, want: "1 1 1", states: "sent sent sent"},
		{
			name: "temporary refusal", want: "1 1 1", states: "sent sent sent",
			server: &mailServer{fault: func(n int, step, _ string) error {
				if step == "rcpt" && n <= 3 {
					return refuse(451, "greylisted")
				}
				return nil
			}},
		},
		{
			name: "one bad recipient holds up nobody", want: "0 1 1", states: "dead sent sent", answer: "550",
			server: &mailServer{fault: func(_ int, step, rcpt string) error {
				if step == "rcpt" && rcpt == to[0] {
					return refuse(550, "no such user")
				}
				return nil
			}},
		},
		{
			name: "letter refused for good", want: "0 0 0", states: "dead dead dead", answer: "554",
			server: &mailServer{fault: func(_ int, step, _ string) error {
				if step == "data" {
					return refuse(554, "spam")
				}
				return nil
			}},
		},
		{
			name: "dropped after the letter was taken", want: "2 1 1", states: "sent sent sent",
			server: &mailServer{fault: func(n int, step, _ string) error {
				if step == "data" && n == 1 {
					return errDrop
				}
				return nil
			}},
		},
		{
			name: "stalls once", want: "1 1 1", states: "sent sent sent",
			change: func(s *notify.Settings) { s.Timeout = 200 * time.Millisecond },
			server: &mailServer{fault: func(n int, step, _ string) error {
				if step == "rcpt" && n == 2 {
					return errStall
				}
				return nil
			}},
		},
		{
			name: "logs in with PLAIN", want: "1 1 1", states: "sent sent sent",
			server: &mailServer{tls: true, auth: []string{"PLAIN"}, user: "shop", pwd: "s3cret"},
			change: func(s *notify.Settings) { s.Username, s.Password = "shop", "s3cret" },
		},
		{
			name: "logs in with LOGIN", want: "1 1 1", states: "sent sent sent",
			server: &mailServer{smtps: true, auth: []string{"LOGIN"}, user: "shop", pwd: "s3cret"},
			change: func(s *notify.Settings) { s.Username, s.Password = "shop", "s3cret" },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, srv := fresh(t), serveMail(t, tt.server)
			settings := mailTo(srv, to...)
			if tt.change != nil {
				tt.change(&settings)
			}
			n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", settings)})
			commit(t, db, "tencent", nine, product("1"))
			commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"))
			flushUntil(t, n, db)

			var counts, states []string
			ids := make(map[string]string)
			for _, who := range to {
				c := 0
				for _, l := range srv.letters(t) {
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
			for _, l := range rs[0].Letters {
				states = append(states, string(l.State))
			}
			if got := strings.Join(counts, " "); got != tt.want {
				t.Errorf("letters arrived %s times, want %s", got, tt.want)
			}
			if got := strings.Join(states, " "); got != tt.states {
				t.Errorf("letters are %s, want %s", got, tt.states)
			}
			if got := rs[0].Letters[0].Answer; !strings.Contains(got, tt.answer) {
				t.Errorf("answer kept is %q, want one with %q", got, tt.answer)
			}
			if ids[to[1]] != "" && ids[to[1]] == ids[to[2]] {
				t.Errorf("two letters have one Message-ID %s", ids[to[1]])
			}
		})
	}
}

// TestUnreachableServers: nothing is lost, nothing is said in clear, the reason
// says what to do, and no password is in it.
func TestUnreachableServers(t *testing.T) {
	closed := serveMail(t, &mailServer{smtps: true})
	tests := []struct {
		name     string
		server   *mailServer
		change   func(*notify.Settings)
		answer   string
		sessions int // at most; two greetings are one session with STARTTLS
	}{
		{"nobody listens", &mailServer{}, func(s *notify.Settings) { s.Server = "smtp://127.0.0.1:1" }, "connection refused", 0},
		{"no TLS offered", &mailServer{}, func(s *notify.Settings) { s.Plaintext = false }, "offers no STARTTLS: use smtps://, or set plaintext: true", 1},
		{"wrong password", &mailServer{tls: true, auth: []string{"PLAIN"}, user: "shop", pwd: "other"}, nil, "check username and password", 2},
		{"no login offered", &mailServer{tls: true}, nil, "check username and password", 2},
		{"certificate of a stranger", &mailServer{smtps: true}, func(s *notify.Settings) { s.Roots = closed.roots }, "certificate", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, srv := fresh(t), serveMail(t, tt.server)
			settings := mailTo(srv, "a@example.com", "b@example.com")
			settings.Username, settings.Password = "shop", "s3cret-s3cret"
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
			for _, l := range rs[0].Letters {
				if l.State != tracker.Waiting || !strings.Contains(l.Answer, tt.answer) {
					t.Errorf("letter to %s is %s: %q, want waiting with %q", l.To, l.State, l.Answer, tt.answer)
				}
			}
			if srv.sessions > tt.sessions {
				t.Errorf("%d sessions, want %d: a server that cannot be reached is not tried for each letter", srv.sessions, tt.sessions)
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
	db, srv := open(t, path), serveMail(t, &mailServer{})
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
	got := srv.letters(t)
	if len(got) != 2 {
		t.Fatalf("%d letters arrived, want 2: the one before the crash and the one after", len(got))
	}
	if a, b := got[0].GetHeader("Message-ID"), got[1].GetHeader("Message-ID"); a != b {
		t.Errorf("Message-IDs %s and %s, want one", a, b)
	}
	if rs := allReports(t, db); len(rs) != 1 || rs[0].Letters[0].State != tracker.Sent {
		t.Errorf("reports = %+v, want one whose letter is sent", rs)
	}
}

// A crashing sender sends, and the program ends before anybody hears of it.
type crashing struct {
	notify.Sender
	crash context.CancelFunc
}

func (c crashing) Send(ctx context.Context, l *notify.Letter) (string, error) {
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
	arrived := make(chan struct{}, 10)
	srv := serveMail(t, &mailServer{fault: func(_ int, step, _ string) error {
		if step == "data" {
			arrived <- struct{}{}
		}
		return nil
	}})
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
		select {
		case <-arrived:
		case <-time.After(10 * time.Second):
			t.Fatal("no letter came")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
	if got := len(srv.letters(t)); got != 3 {
		t.Errorf("%d letters arrived, want 3", got)
	}
}

func TestANewChannelStartsAtTheEndOfTheLog(t *testing.T) {
	db, srv := fresh(t), serveMail(t, &mailServer{})
	commit(t, db, "tencent", nine, product("1"))
	commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"))
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
	if err := n.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(srv.letters(t)); got != 0 {
		t.Errorf("%d letters about the past arrived, want none", got)
	}
}

// TestAReportForEachScan: storefronts and scans are not mixed, and what the
// filter leaves out makes no report.
func TestAReportForEachScan(t *testing.T) {
	db, srv := fresh(t), serveMail(t, &mailServer{})
	n := notifier(t, db, quietLog(), notify.Channel{
		Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com")),
		Filter: notify.Filter{Storefronts: []tracker.Name{"tencent", "oppo"}},
	})
	for _, name := range []tracker.Name{"tencent", "oppo", "huawei"} {
		commit(t, db, name, nine, product("1"))
	}
	for i, name := range []tracker.Name{"tencent", "oppo", "huawei", "tencent"} {
		commit(t, db, name, nine.Add(time.Duration(i+1)*time.Hour), product("1"), product(fmt.Sprint(name, i)), product(fmt.Sprint(name, i, "b")))
	}
	flushUntil(t, n, db)
	var subjects []string
	for _, l := range srv.letters(t) {
		subjects = append(subjects, l.GetHeader("Subject"))
	}
	want := "[Tencent flagship] +2 new · 22 Nov 10:00\n[腾讯官方数码旗舰店] +2 new · 22 Nov 11:00\n[Tencent flagship] +2 new · 22 Nov 13:00"
	if got := strings.Join(subjects, "\n"); got != want {
		t.Errorf("subjects:\n%s\nwant\n%s", got, want)
	}
}
