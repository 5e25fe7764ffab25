package notify_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// TestAddressesOfAllScripts: a host in any script works with every server, and
// nothing but a name before the @ needs SMTPUTF8.
func TestAddressesOfAllScripts(t *testing.T) {
	tests := []struct {
		name, from, to string
		utf8           bool   // the server offers SMTPUTF8
		sent           string // MAIL FROM and RCPT TO
		host           string // of the sender
		waits          string // part of the reason; the delivery waits
	}{
		{"all in ASCII", "shop@example.com", "a@example.com", false, "shop@example.com a@example.com", "example.com", ""},
		{"German host of the sender", "Bücher <someone@bücher.example>", "a@example.com", false, "someone@xn--bcher-kva.example a@example.com", "xn--bcher-kva.example", ""},
		{"Chinese host of the recipient", "shop@example.com", "王芳 <wang@例子.中国>", false, "shop@example.com wang@xn--fsqu00a.xn--fiqs8s", "example.com", ""},
		{"the same where the server knows SMTPUTF8", "shop@例子.中国", "wang@例子.中国", true, "shop@xn--fsqu00a.xn--fiqs8s wang@xn--fsqu00a.xn--fiqs8s", "xn--fsqu00a.xn--fiqs8s", ""},
		{"Chinese names before the @", "团队@例子.中国", "王芳@例子.中国", true, "团队@xn--fsqu00a.xn--fiqs8s 王芳@xn--fsqu00a.xn--fiqs8s", "xn--fsqu00a.xn--fiqs8s", ""},
		{"a sender that the server cannot take", "团队@例子.中国", "a@example.com", false, "", "", "offers no SMTPUTF8, which 团队@xn--fsqu00a.xn--fiqs8s needs: use an address in ASCII, or another server"},
		{"a recipient that the server cannot take", "shop@example.com", "王芳@例子.中国", false, "", "", "offers no SMTPUTF8, which 王芳@xn--fsqu00a.xn--fiqs8s needs: use an address in ASCII, or another server"},
		{"capital letters and full-width dots", "shop@BÜCHER。example", "a@example.com", false, "shop@xn--bcher-kva.example a@example.com", "xn--bcher-kva.example", ""},
		{"an @ within quotation marks", `"a@b c"@bücher.example`, "a@example.com", false, "a@b c@xn--bcher-kva.example a@example.com", "xn--bcher-kva.example", ""},
		{"an address instead of a host", "shop@[127.0.0.1]", "a@example.com", false, "shop@[127.0.0.1] a@example.com", "[127.0.0.1]", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{UTF8: tt.utf8})
			settings := mailTo(srv, tt.to)
			settings.From, settings.Thread = tt.from, true
			snd := sender(t, "email", settings)
			n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: snd})
			two(t, db)
			err := n.Flush(t.Context())
			checked := snd.(interface{ Check(context.Context) error }).Check(t.Context())
			if tt.waits != "" {
				wantState(t, db, tracker.Waiting)
				for _, err := range []error{err, checked} {
					if err == nil || !strings.Contains(err.Error(), tt.waits) {
						t.Errorf("error %v, want %q", err, tt.waits)
					}
				}
				if got := len(srv.Mails()); got != 0 {
					t.Errorf("%d deliveries arrived, want none", got)
				}
				return
			}
			if err != nil || checked != nil {
				t.Fatalf("Flush = %v, Check = %v", err, checked)
			}
			m, l := srv.Mails()[0], deliveries(t, srv)[0]
			if got := m.From + " " + m.To[0]; got != tt.sent {
				t.Errorf("the server got it from and to %s, want %s", got, tt.sent)
			}
			if len(l.Errors) > 0 {
				t.Errorf("the delivery is not well formed: %v", l.Errors)
			}
			if id := l.GetHeader("Message-ID"); !strings.HasSuffix(id, "@"+tt.host+">") {
				t.Errorf("Message-ID: %s, want it of %s", id, tt.host)
			}
			if got, want := l.GetHeader("List-Id"), "<analysts.shopwatch."+tt.host+">"; got != want {
				t.Errorf("List-Id: %s, want %s", got, want)
			}
			for _, name := range []string{"References", "In-Reply-To"} {
				if got := l.GetHeader(name); !strings.HasSuffix(got, "@"+tt.host+">") {
					t.Errorf("%s: %s, want it of %s", name, got, tt.host)
				}
			}
			head, _, _ := strings.Cut(l.raw, "\r\n\r\n")
			for line := range strings.SplitSeq(head, "\r\n") {
				name, value, _ := strings.Cut(line, ":")
				if (name == "From" || name == "To") && tt.utf8 {
					continue // where SMTPUTF8 allows it
				}
				if i := strings.IndexFunc(value, func(r rune) bool { return r >= 0x80 }); i >= 0 {
					t.Errorf("%s is not in ASCII", line)
				}
			}
		})
	}
}

// TestHostsThatCannotBe are found when the configuration is read.
func TestHostsThatCannotBe(t *testing.T) {
	good := notify.Settings{Server: "smtps://mail.example.com", From: "shop@example.com", To: []string{"a@example.com"}}
	for key, change := range map[string]func(*notify.Settings){
		"from":   func(s *notify.Settings) { s.From = "shop@bü_cher.example" },
		"to[1]":  func(s *notify.Settings) { s.To = append(s.To, "wang@-例子.中国") },
		"server": func(s *notify.Settings) { s.Server = "smtps://mail.bü cher.example" },
	} {
		s := good
		change(&s)
		_, err := notify.NewSender("email", s)
		var bad *notify.SettingError
		if !errors.As(err, &bad) || bad.Key != key {
			t.Errorf("%s: error %v, want one about it", key, err)
		}
	}
	good.Server, good.From = "smtps://mail.bücher.example", "shop@bücher.example"
	if _, err := notify.NewSender("email", good); err != nil {
		t.Error(err)
	}
}

// TestUnsubscribingByMail: the link writes to the sender as it is.
func TestUnsubscribingByMail(t *testing.T) {
	for from, want := range map[string]string{
		"shop+watch@example.com": "<mailto:shop+watch@example.com?subject=unsubscribe%20analysts>",
		"团队@例子.中国":               "<mailto:%E5%9B%A2%E9%98%9F@xn--fsqu00a.xn--fiqs8s?subject=unsubscribe%20analysts>",
	} {
		db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{UTF8: true})
		settings := mailTo(srv, "a@example.com")
		settings.From = from
		n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", settings)})
		two(t, db)
		flushUntil(t, n, db)
		if got := deliveries(t, srv)[0].GetHeader("List-Unsubscribe"); got != want {
			t.Errorf("List-Unsubscribe: %s, want %s", got, want)
		}
	}
}
