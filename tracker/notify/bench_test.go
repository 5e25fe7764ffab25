package notify_test

import (
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// BenchmarkDeliver is one report from the log to the mail server.
func BenchmarkDeliver(b *testing.B) {
	srv := serveMail(b, fixtures.SMTPOptions{})
	db := fresh(b)
	n := notifier(b, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(b, "email", mailTo(srv, "a@example.com"))})
	at, i := nine, int64(0)
	for b.Loop() {
		i++
		at = at.Add(time.Minute)
		p := product("1")
		p.Price.Low += i
		commit(b, db, "tencent", at, []tracker.Product{p}...)
		if err := n.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
