package notify_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// TestAnswers are the lines that a person reads in the outbox when a delivery
// does not get through, and whether it is tried again.
func TestAnswers(t *testing.T) {
	stranger := serveMail(t, fixtures.SMTPOptions{})
	encrypted := func(s *notify.Settings) { s.Plaintext = false }
	login := fixtures.SMTPOptions{Security: fixtures.StartTLS, Auth: []string{"PLAIN"}, Username: "shop", Password: "s3cret"}
	all := func(code int) map[string]int { return map[string]int{"*": code} }
	tests := []struct {
		name   string
		server fixtures.SMTPOptions
		fault  fixtures.MailFault
		change func(*notify.Settings)
		state  tracker.DeliveryState
		answer string // HOST stands for the server's address, * for anything
	}{
		{"nobody listens", fixtures.SMTPOptions{}, fixtures.MailFault{}, func(s *notify.Settings) { s.Server = "smtp://127.0.0.1:1" }, tracker.Waiting,
			"HOST: connection refused: nobody listens there; check server"},
		{"no such host", fixtures.SMTPOptions{}, fixtures.MailFault{}, func(s *notify.Settings) { s.Server = "smtp://mail.no-such-host.invalid" }, tracker.Waiting,
			"*HOST*"}, // without a network the lookup itself fails
		{"TLS to a server in plaintext", fixtures.SMTPOptions{}, fixtures.MailFault{}, func(s *notify.Settings) {
			s.Plaintext, s.Server = false, strings.Replace(s.Server, "smtp:", "smtps:", 1)
		}, tracker.Waiting, "HOST speaks no TLS on this port: write smtp:// for STARTTLS, or another port"},
		{"no STARTTLS offered", fixtures.SMTPOptions{}, fixtures.MailFault{}, encrypted, tracker.Waiting,
			"HOST offers no STARTTLS: use smtps://, or set plaintext: true to send without encryption"},
		{"STARTTLS offered no more", fixtures.SMTPOptions{Security: fixtures.StartTLS}, fixtures.MailFault{NoTLS: true}, encrypted, tracker.Waiting,
			"HOST offers no STARTTLS: use smtps://, or set plaintext: true to send without encryption"},
		{"certificate of an unknown authority", fixtures.SMTPOptions{Security: fixtures.TLS}, fixtures.MailFault{}, func(s *notify.Settings) { s.Roots = stranger.Pool() }, tracker.Waiting,
			"the certificate of HOST is signed by nobody whom this machine trusts: install ca-certificates, or the certificate of the server's own authority"},
		{"certificate of another host", fixtures.SMTPOptions{Security: fixtures.StartTLS, CertName: "mail.other.example"}, fixtures.MailFault{}, func(s *notify.Settings) {
			s.Plaintext, s.Server = false, strings.Replace(s.Server, "127.0.0.1", "localhost", 1)
		}, tracker.Waiting, "the certificate of HOST is for another host (x509: certificate is valid for mail.other.example, not localhost): check server"},
		{"busy", fixtures.SMTPOptions{}, fixtures.MailFault{Greet: 421}, nil, tracker.Waiting, "HOST answers: 421 mail.example.com is busy, come back later"},
		{"hangs up", fixtures.SMTPOptions{}, fixtures.MailFault{HangUp: true}, nil, tracker.Waiting, "HOST closed the connection"},
		{"hangs up instead of TLS", fixtures.SMTPOptions{Security: fixtures.TLS}, fixtures.MailFault{HangUp: true}, nil, tracker.Waiting, "HOST closed the connection"},
		{"never greets", fixtures.SMTPOptions{}, fixtures.MailFault{Late: time.Minute}, nil, tracker.Waiting, "HOST does not answer within 300ms"},
		{"never begins TLS", fixtures.SMTPOptions{Security: fixtures.TLS}, fixtures.MailFault{Late: time.Minute}, nil, tracker.Waiting, "HOST does not answer within 300ms"},
		{"stalls after the message", fixtures.SMTPOptions{}, fixtures.MailFault{Stall: true}, nil, tracker.Waiting,
			"no answer to the message (HOST does not answer within 300ms); it may have arrived, and is sent again under the same Message-ID"},
		{"drops the connection after the message", fixtures.SMTPOptions{}, fixtures.MailFault{DropKept: true}, nil, tracker.Waiting,
			"no answer to the message (HOST closed the connection); it may have arrived, and is sent again under the same Message-ID"},
		{"greylisting", fixtures.SMTPOptions{}, fixtures.MailFault{Refuse: all(451), Says: "Greylisted, come back in 300 seconds"}, nil, tracker.Waiting,
			"HOST refuses <a@example.com> for now: 451 4.0.0 Greylisted, come back in 300 seconds"},
		{"no such recipient", fixtures.SMTPOptions{}, fixtures.MailFault{Refuse: all(550), Says: "No such user here"}, nil, tracker.Dead,
			"HOST refuses <a@example.com>: 550 5.0.0 No such user here"},
		{"the message is refused for now", fixtures.SMTPOptions{}, fixtures.MailFault{Data: 452, Says: "mailbox full"}, nil, tracker.Waiting,
			"HOST refuses the message for now: 452 4.0.0 mailbox full"},
		{"the message is refused", fixtures.SMTPOptions{}, fixtures.MailFault{Data: 554, Says: "looks like spam"}, nil, tracker.Dead,
			"HOST refuses the message: 554 5.0.0 looks like spam"},
		{"an answer without end", fixtures.SMTPOptions{}, fixtures.MailFault{Data: 451, Says: strings.Repeat("later ", 20_000)}, nil, tracker.Waiting,
			"HOST refuses the message for now: 451 4.0.0 " + strings.Repeat("later ", 50) + "*"},
		{"the sender is refused, which somebody can mend", fixtures.SMTPOptions{}, fixtures.MailFault{Sender: 553, Says: "not your domain"}, nil, tracker.Waiting,
			"HOST does not take mail from <shopwatch@example.com>: 553 5.0.0 not your domain"},
		{"a login is missing, which somebody can mend", login, fixtures.MailFault{}, encrypted, tracker.Waiting,
			"HOST does not take mail from <shopwatch@example.com>: 502 5.7.0 Please authenticate first"},
		{"no login now", login, fixtures.MailFault{Login: 454, Says: "try later"}, func(s *notify.Settings) {
			s.Plaintext, s.Username, s.Password = false, "shop", "s3cret"
		}, tracker.Waiting, "HOST takes no login now: 454 4.0.0 try later"},
		{"wrong password", login, fixtures.MailFault{}, func(s *notify.Settings) {
			s.Plaintext, s.Username, s.Password = false, "shop", "another"
		}, tracker.Waiting, "HOST does not accept the login of shop, check username and password: 535 5.7.8 Authentication failed"},
		{"no login offered", fixtures.SMTPOptions{Security: fixtures.StartTLS}, fixtures.MailFault{}, func(s *notify.Settings) {
			s.Plaintext, s.Username, s.Password = false, "shop", "s3cret"
		}, tracker.Waiting, "HOST takes no login, or none of the kinds that are known here: check server, or leave username and password out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, srv := fresh(t), serveMail(t, tt.server)
			if err := srv.Fault(tt.fault); err != nil {
				t.Fatal(err)
			}
			settings := mailTo(srv, "a@example.com")
			settings.Timeout = 5 * time.Second
			if tt.fault.Late > 0 || tt.fault.Stall {
				settings.Timeout = 300 * time.Millisecond
			}
			if tt.change != nil {
				tt.change(&settings)
			}
			n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", settings)})
			two(t, db)
			_ = n.Flush(t.Context()) // the delivery says it too
			l := allReports(t, db)[0].Deliveries[0]
			_, host, _ := strings.Cut(settings.Server, "://")
			answer := strings.ReplaceAll(l.Answer, host, "HOST")
			if !matches(answer, tt.answer) {
				t.Errorf("answer = %q\nwant     %q", answer, tt.answer)
			}
			if len(l.Answer) > 510 {
				t.Errorf("an answer of %d bytes is kept", len(l.Answer))
			}
			if l.State != tt.state {
				t.Errorf("the delivery is %s, want %s", l.State, tt.state)
			}
		})
	}
}

// matches reports whether a text has the parts of a pattern in their order.
func matches(text, pattern string) bool {
	parts := strings.Split(pattern, "*")
	text, ok := strings.CutPrefix(text, parts[0])
	for _, part := range parts[1:] {
		if _, text, ok = strings.Cut(text, part); !ok {
			return false
		}
	}
	return ok && (text == "" || parts[len(parts)-1] == "")
}

// TestLogins: of what a server offers the client takes the best, and it works.
func TestLogins(t *testing.T) {
	everything := []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"}
	tests := []struct {
		name     string
		security fixtures.Security
		offers   []string
		want     string
	}{
		{"the best over TLS", fixtures.TLS, everything, "SCRAM-SHA-256-PLUS"},
		{"the best after STARTTLS", fixtures.StartTLS, everything, "SCRAM-SHA-256-PLUS"},
		{"SCRAM-SHA-256 before SHA-1", fixtures.TLS, everything[:6], "SCRAM-SHA-256"},
		{"SCRAM-SHA-1 bound to the connection", fixtures.TLS, []string{"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"}, "SCRAM-SHA-1-PLUS"},
		{"SCRAM-SHA-1 before CRAM-MD5", fixtures.StartTLS, everything[:4], "SCRAM-SHA-1"},
		{"CRAM-MD5 before PLAIN", fixtures.StartTLS, everything[:3], "CRAM-MD5"},
		{"PLAIN before LOGIN", fixtures.StartTLS, everything[:2], "PLAIN"},
		{"LOGIN when there is no other", fixtures.TLS, []string{"LOGIN"}, "LOGIN"},
		{"without TLS no password in clear where it can be helped", fixtures.Plaintext, everything[:5], "SCRAM-SHA-256"},
		{"without TLS as plaintext: true allows", fixtures.Plaintext, []string{"LOGIN"}, "LOGIN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := fixtures.SMTPOptions{Security: tt.security, Auth: tt.offers, Username: "shop,watch=1", Password: "pässwörd-1"}
			db, srv := fresh(t), serveMail(t, o)
			settings := mailTo(srv, "a@example.com")
			settings.Username, settings.Password, settings.Plaintext = o.Username, o.Password, tt.security == fixtures.Plaintext
			n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", settings)})
			two(t, db)
			flushUntil(t, n, db)
			mails := srv.Mails()
			if len(mails) != 1 || mails[0].Auth != tt.want || mails[0].User != o.Username {
				t.Fatalf("mails = %+v, want one after a login of %s by %s", mails, o.Username, tt.want)
			}
		})
	}
}

// TestNoPasswordIsTold: whatever a login comes to, also where the server says
// in clear what it was told.
func TestNoPasswordIsTold(t *testing.T) {
	const username, right, wrong = "shop", "right-s3cret-passw0rd", "wrong-s3cret-passw0rd"
	for _, mechanism := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"} {
		for name, password := range map[string]string{"the delivery is refused": right, "the login is refused": wrong, "the server knows another password": wrong} {
			t.Run(mechanism+"/"+name, func(t *testing.T) {
				o := fixtures.SMTPOptions{Security: fixtures.TLS, Auth: []string{mechanism}, Username: username, Password: right}
				db, srv := fresh(t), serveMail(t, o)
				wire := []string{
					password, base64.StdEncoding.EncodeToString([]byte(password)),
					base64.StdEncoding.EncodeToString([]byte("\x00" + username + "\x00" + password)),
				}
				echo := "your password is " + strings.Join(wire, " or ")
				fault := map[string]fixtures.MailFault{
					"the delivery is refused": {Data: 451, Says: echo}, "the login is refused": {Login: 535, Says: echo},
				}[name]
				if err := srv.Fault(fault); err != nil {
					t.Fatal(err)
				}
				settings := mailTo(srv, "a@example.com")
				settings.Username, settings.Password, settings.Plaintext = username, password, false
				var log bytes.Buffer
				snd := sender(t, "email", settings)
				n := notifier(t, db, logTo(&log), notify.Channel{Name: "analysts", Sender: snd})
				two(t, db)
				err := n.Flush(t.Context())
				if err == nil {
					t.Fatal("the delivery got through")
				}
				_, sample := n.Test(t.Context(), "analysts")
				said := fmt.Sprint(err, sample, log.String(), allReports(t, db))
				if !strings.Contains(said, map[string]string{right: "451", wrong: "535"}[password]) {
					t.Errorf("the server's answer is not told: %s", said)
				}
				for _, secret := range append(wire, "s3cret") {
					if strings.Contains(said, secret) {
						t.Errorf("%q is told: %s", secret, said)
					}
				}
			})
		}
	}
}
