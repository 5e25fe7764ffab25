package notify_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"

	"shopwatch/fixtures"
	"shopwatch/tracker/notify"
)

// serveMail starts a mail server that ends with the test.
func serveMail(t testing.TB, o fixtures.SMTPOptions) *fixtures.SMTP {
	t.Helper()
	srv, err := fixtures.NewSMTP(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() }) // nothing hangs on it any more
	return srv
}

// mailTo are settings of an e-mail channel to a server, without STARTTLS.
func mailTo(srv *fixtures.SMTP, to ...string) notify.Settings {
	return notify.Settings{
		Channel: "analysts", Server: srv.URL(), Plaintext: !strings.HasPrefix(srv.URL(), "smtps:"), Roots: srv.Pool(),
		From: "Shopwatch <shopwatch@example.com>", To: to, Timeout: 5 * time.Second,
	}
}

// A delivery is a mail as it arrived.
type delivery struct {
	*enmime.Envelope
	to, raw string
}

// deliveries are those that arrived, in their order.
func deliveries(t testing.TB, srv *fixtures.SMTP) []delivery {
	t.Helper()
	var ls []delivery
	for _, m := range srv.Mails() {
		env, err := enmime.ReadEnvelope(bytes.NewReader(m.Raw))
		if err != nil {
			t.Fatalf("a delivery cannot be read: %v", err)
		}
		ls = append(ls, delivery{env, m.To[0], string(m.Raw)})
	}
	return ls
}
