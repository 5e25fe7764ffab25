package notify_test

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// TestTheEndIsHeardAmongPictures: of 40 great pictures no more are read when
// the daemon is told to end, and the letter without them is not sent.
func TestTheEndIsHeardAmongPictures(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
	commit(t, db, "tencent", nine, product("1"))
	s := complete("tencent", nine.Add(time.Hour), product("1"), product("2"), product("3"))
	s.Pictures = map[tracker.ProductID]tracker.Picture{}
	var pipes []string // a reader waits there until somebody writes
	for _, id := range []tracker.ProductID{"2", "3"} {
		name, err := db.KeepEvidence([]byte("picture of "+id), "jpg")
		if err != nil {
			t.Fatal(err)
		}
		s.Pictures[id] = tracker.Picture{File: name}
		path := db.EvidencePath(name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		pipes = append(pipes, path)
	}
	if _, err := db.Commit(s, tracker.DefaultRules()); err != nil {
		t.Fatal(err)
	}

	ctx, end := context.WithCancel(t.Context())
	defer end()
	read := make(chan string, len(pipes))
	for _, path := range pipes {
		go func() {
			w, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for a reader
			if err != nil {
				t.Error(err)
			}
			end()
			w.Close()
			read <- path
		}()
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Flush(ctx) }()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("Flush said nothing of its end")
		}
	case <-time.After(30 * time.Second):
		t.Error("Flush goes on")
	}
	<-read
	select {
	case path := <-read:
		t.Errorf("%s was read after the end", path)
	default:
	}
	for _, path := range pipes { // lets those go that still wait
		if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
			defer f.Close()
		}
	}
	if got := len(srv.Mails()); got != 0 {
		t.Errorf("%d letters arrived, want none", got)
	}
	wantState(t, db, tracker.Waiting)
}
