package notify_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

func TestGreeting(t *testing.T) {
	v4 := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 40000}
	v6 := &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 40000, Zone: "eth0"}
	for _, tt := range []struct {
		hostname string
		local    net.Addr
		want     string
	}{
		{"host.example.com", v4, "host.example.com"},
		{"host.example.com.", v4, "host.example.com"},
		{"mybox", v4, "[192.0.2.7]"},
		{"mybox", v6, "[IPv6:fe80::1]"},
		{"", v4, "[192.0.2.7]"},
		{"mybox.local", v4, "[192.0.2.7]"},
		{"localhost.localdomain", v4, "[192.0.2.7]"},
		{"my_box.example.com", v4, "[192.0.2.7]"},
		{"10.0.0.1", v4, "[192.0.2.7]"},
	} {
		if got := notify.Greeting(tt.hostname, tt.local); got != tt.want {
			t.Errorf("%q greets with %s, want %s", tt.hostname, got, tt.want)
		}
	}
}

// TestHello: the server hears a full name or an address, never "mybox".
func TestHello(t *testing.T) {
	for _, hello := range []string{"", "shopwatch.example.com", "[192.0.2.7]"} {
		db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
		s := mailTo(srv, "a@example.com")
		s.Hello = hello
		n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", s)})
		two(t, db)
		flushUntil(t, n, db)
		got := srv.Mails()[0].Helo
		if hello != "" && got != hello || hello == "" && !strings.Contains(got, ".") {
			t.Errorf("hello %q: the server heard %q", hello, got)
		}
	}
}

// TestBadGreetingIsForNow: a server that wants another name of this machine
// refuses no letter. Somebody can mend that.
func TestBadGreetingIsForNow(t *testing.T) {
	for says, code := range map[string]int{
		"<mybox>: Helo command rejected: need fully-qualified hostname": 504,
		"Access denied - Invalid HELO name":                             550,
		"command parameter not implemented":                             504,
	} {
		db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
		n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
		two(t, db)
		if err := srv.Fault(fixtures.MailFault{Refuse: map[string]int{"*": code}, Says: says, Times: 1}); err != nil {
			t.Fatal(err)
		}
		if err := n.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "set hello to a full name") {
			t.Errorf("%d %s: Flush = %v, want what to do", code, says, err)
		}
		wantState(t, db, tracker.Waiting)
		flushUntil(t, n, db)
		wantState(t, db, tracker.Sent)
	}
}

// TestHelloIsChecked: what cannot be a greeting is refused where it is written.
func TestHelloIsChecked(t *testing.T) {
	for hello, ok := range map[string]bool{
		"shopwatch.example.com": true, "[192.0.2.7]": true, "[IPv6:2001:db8::1]": true,
		"mybox": false, "a b.example.com": false, "192.0.2.7": false, "[2001:db8::1]": false, "[192.0.2.7": false, "x.example.com\r\nRSET": false,
	} {
		_, err := notify.NewSender("email", notify.Settings{
			Server: "smtps://mail.example.com", From: "a@example.com", To: []string{"b@example.com"}, Hello: hello, Timeout: time.Second,
		})
		if (err == nil) != ok {
			t.Errorf("hello %q: %v", hello, err)
		}
	}
}
