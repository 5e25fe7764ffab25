package notify_test

import (
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// TestCorrectionGoesWhereTheWrongChangeWent: also where the filter would let
// no correction pass, and nowhere else.
func TestCorrectionGoesWhereTheWrongChangeWent(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
	channel := func(name, to string, kinds ...tracker.Kind) notify.Channel {
		return notify.Channel{Name: name, Sender: sender(t, "email", mailTo(srv, to)), Filter: notify.Filter{Kinds: kinds}}
	}
	n := notifier(t, db, quietLog(),
		channel("told", "told@example.com", tracker.Added), channel("not-told", "other@example.com", tracker.Removed, tracker.Corrected))
	commit(t, db, "tencent", nine, product("1"))
	commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"))
	flushUntil(t, n, db)
	if _, err := db.Dispute(ctx, 1, "it was a sample page", nine.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	flushUntil(t, n, db)
	if text := deliveries(t, srv)[1].Text; !strings.Contains(text, "It said: New, 22 Nov 10:00.") {
		t.Errorf("the correction does not say what was wrong:\n%s", text)
	}
	got := map[string]int{}
	for _, l := range deliveries(t, srv) {
		got[l.GetHeader("To")]++
	}
	if len(got) != 1 || got["<told@example.com>"] != 2 {
		t.Errorf("deliveries = %v, want the change and its correction for told@example.com", got)
	}
}
