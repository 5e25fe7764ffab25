package notify_test

import (
	"context"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// A counted store counts what is read of changes and of pictures.
type counted struct {
	*bolt.DB
	changes, pictures int
}

func (c *counted) ChangesOf(ctx context.Context, seqs []uint64) ([]tracker.Change, error) {
	c.changes += len(seqs)
	return c.DB.ChangesOf(ctx, seqs)
}

func (c *counted) Evidence(ctx context.Context, name string) ([]byte, bool, error) {
	c.pictures++
	return c.DB.Evidence(ctx, name)
}

// TestAnAttemptDoesNotWriteTheReportAgain: what waits for another attempt is
// sent as it was written for the first, which reads no log and no pictures.
func TestAnAttemptDoesNotWriteTheReportAgain(t *testing.T) {
	db, srv := &counted{DB: fresh(t)}, serveMail(t, fixtures.SMTPOptions{})
	n, err := notify.New(ctx, db, notify.Options{
		Channels:   []notify.Channel{{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com", "b@example.com"))}},
		RetryFirst: time.Millisecond, RetryMost: time.Millisecond,
	}, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	commit(t, db.DB, "tencent", nine, product("1"))
	name, err := db.KeepEvidence(ctx, noise(200, 200), "jpg")
	if err != nil {
		t.Fatal(err)
	}
	s := complete("tencent", nine.Add(time.Hour), product("1"), product("2"), product("3"))
	s.Pictures = map[tracker.ProductID]tracker.Picture{"2": {Hash: "x", File: name}}
	if _, err := db.Commit(ctx, s, tracker.DefaultRules()); err != nil {
		t.Fatal(err)
	}
	if err := srv.Fault(fixtures.MailFault{Data: 451, Times: 4}); err != nil {
		t.Fatal(err)
	}
	if err := n.Flush(ctx); err == nil {
		t.Fatal("a message that was refused for now does not wait")
	}
	flushUntil(t, n, db.DB)
	if db.changes != 2 || db.pictures != 1 {
		t.Errorf("%d changes and %d pictures were read, want 2 and 1, once each", db.changes, db.pictures)
	}
	for _, l := range deliveries(t, srv) {
		if len(l.Inlines) != 1 {
			t.Errorf("the mail to %s has %d pictures, want 1", l.to, len(l.Inlines))
		}
	}
}

// TestAChatLoadsNoPictures, nor does a file of lines.
func TestAChatLoadsNoPictures(t *testing.T) {
	db := &counted{DB: fresh(t)}
	n, err := notify.New(ctx, db, notify.Options{
		Channels: []notify.Channel{{Name: "lines", Sender: sender(t, "file", notify.Settings{Path: t.TempDir() + "/lines"})}},
	}, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	commit(t, db.DB, "tencent", nine, product("1"))
	name, err := db.KeepEvidence(ctx, noise(200, 200), "jpg")
	if err != nil {
		t.Fatal(err)
	}
	s := complete("tencent", nine.Add(time.Hour), product("1"), product("2"))
	s.Pictures = map[tracker.ProductID]tracker.Picture{"2": {Hash: "x", File: name}}
	if _, err := db.Commit(ctx, s, tracker.DefaultRules()); err != nil {
		t.Fatal(err)
	}
	flushUntil(t, n, db.DB)
	if db.changes != 1 || db.pictures != 0 {
		t.Errorf("%d changes and %d pictures were read, want 1 and none", db.changes, db.pictures)
	}
}

// TestNothingIsWrittenForAServerThatIsAway: a mail is written when the server
// takes its recipient.
func TestNothingIsWrittenForAServerThatIsAway(t *testing.T) {
	db, srv := &counted{DB: fresh(t)}, serveMail(t, fixtures.SMTPOptions{})
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
	commit(t, db.DB, "tencent", nine, product("1"))
	name, err := db.KeepEvidence(ctx, noise(200, 200), "jpg")
	if err != nil {
		t.Fatal(err)
	}
	s := complete("tencent", nine.Add(time.Hour), product("1"), product("2"))
	s.Pictures = map[tracker.ProductID]tracker.Picture{"2": {Hash: "x", File: name}}
	if _, err := db.Commit(ctx, s, tracker.DefaultRules()); err != nil {
		t.Fatal(err)
	}
	srv.Stop()
	if err := n.Flush(ctx); err == nil || db.pictures > 0 {
		t.Errorf("%d pictures were read for a server that is away: %v", db.pictures, err)
	}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	if err := srv.Fault(fixtures.MailFault{Refuse: map[string]int{"*": 451}, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.RetryAll(ctx); err != nil {
		t.Fatal(err)
	}
	if err := n.Flush(ctx); err == nil || db.pictures > 0 {
		t.Errorf("%d pictures were read for a recipient who is refused for now: %v", db.pictures, err)
	}
	if _, err := n.RetryAll(ctx); err != nil {
		t.Fatal(err)
	}
	flushUntil(t, n, db.DB)
	if db.pictures != 1 {
		t.Errorf("%d pictures were read, want 1", db.pictures)
	}
}
