package notify_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// A reader is a store that tells which evidence is read.
type reader struct {
	notify.Store
	reading func(name string)

	mu   sync.Mutex
	read []string
}

func (r *reader) Evidence(ctx context.Context, name string) ([]byte, bool, error) {
	r.mu.Lock()
	r.read = append(r.read, name)
	r.mu.Unlock()
	r.reading(name)
	return r.Store.Evidence(ctx, name)
}

// TestTheEndIsHeardAmongPictures: of 40 great pictures no more are read when
// the daemon is told to end, and the delivery without them is not sent.
func TestTheEndIsHeardAmongPictures(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
	ctx, end := context.WithCancel(t.Context())
	defer end()
	store := &reader{Store: db, reading: func(string) { end() }}
	n := notifier(t, store, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
	commit(t, db, "tencent", nine, product("1"))
	s := complete("tencent", nine.Add(time.Hour), product("1"), product("2"), product("3"))
	s.Pictures = map[tracker.ProductID]tracker.Picture{}
	var kept []string
	for _, id := range []tracker.ProductID{"2", "3"} {
		name, err := db.KeepEvidence(ctx, []byte("picture of "+id), "jpg")
		if err != nil {
			t.Fatal(err)
		}
		s.Pictures[id] = tracker.Picture{File: name}
		kept = append(kept, name)
	}
	if _, err := db.Commit(ctx, s, tracker.DefaultRules()); err != nil {
		t.Fatal(err)
	}
	if err := n.Flush(ctx); err == nil {
		t.Error("Flush said nothing of its end")
	}
	if len(store.read) != 1 || !slices.Contains(kept, store.read[0]) {
		t.Errorf("%q were read, want one of %q", store.read, kept)
	}
	if got := len(srv.Mails()); got != 0 {
		t.Errorf("%d deliveries arrived, want none", got)
	}
	wantState(t, db, tracker.Waiting)
}

// TestNobodyWaitsForTheGoodbye: a server that has taken the message and does not answer
// QUIT holds up neither what is noted of it nor what comes next.
func TestNobodyWaitsForTheGoodbye(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
	if err := srv.Fault(fixtures.MailFault{NoBye: true}); err != nil {
		t.Fatal(err)
	}
	settings := mailTo(srv, "a@example.com")
	settings.Timeout = time.Hour
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", settings)})
	two(t, db)
	flushed := make(chan error, 1)
	go func() { flushed <- n.Flush(t.Context()) }()
	select {
	case err := <-flushed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for the answer to QUIT")
	}
	wantState(t, db, tracker.Sent)
}
