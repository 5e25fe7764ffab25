package notify_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// away is a receiving side that is never there.
type away struct{}

func (away) Recipients() []string { return []string{"away"} }

func (away) Send(context.Context, *notify.Message) (string, error) { return "", errors.New("later") }

// BenchmarkAttempt is one more attempt at a report of 10,000 changes.
func BenchmarkAttempt(b *testing.B) {
	db := fresh(b)
	n := notifier(b, db, quietLog(), notify.Channel{Name: "analysts", Sender: away{}})
	commit(b, db, "tencent", nine, product("1"))
	list := []tracker.Product{product("1")}
	for i := range 9999 {
		list = append(list, product(fmt.Sprint(45120000000+i)))
	}
	commit(b, db, "tencent", nine.Add(time.Hour), list...)
	if err := n.Flush(b.Context()); err == nil {
		b.Fatal("the first attempt succeeded")
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.RetryAll(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := n.Flush(b.Context()); err == nil {
			b.Fatal("an attempt succeeded")
		}
	}
}
