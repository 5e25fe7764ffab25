package notify_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// smallDisk mounts a file system that can be filled.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a small file system cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// giveBack gives the free pages of a closed database back to its disk, so that
// it cannot write without new space.
func giveBack(t *testing.T, path string) {
	t.Helper()
	b, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var free []int64
	err = b.View(func(tx *bbolt.Tx) error {
		for id := 0; ; id++ {
			p, err := tx.Page(id)
			if p == nil || err != nil {
				return err
			}
			if p.Type == "free" {
				free = append(free, int64(id))
			}
		}
	})
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := int64(os.Getpagesize())
	for _, id := range free {
		const punchHole = 0x03 // and keep the size
		if err := syscall.Fallocate(int(f.Fd()), punchHole, id*size, size); err != nil {
			t.Fatal(err)
		}
	}
}

// fill takes all space of the disk in which a file is made.
func fill(t *testing.T, ballast string) {
	t.Helper()
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t)
	path, ballast := filepath.Join(dir, "shopwatch.db"), filepath.Join(dir, "ballast")
	srv := serveMail(t, fixtures.SMTPOptions{})
	channel := notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com"))}
	db := open(t, path)
	n := notifier(t, db, quietLog(), channel)
	commit(t, db, "tencent", nine, product("1"))
	commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"))
	srv.Stop()
	if err := n.Flush(t.Context()); err == nil {
		t.Fatal("a report was sent to a server that is off")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	giveBack(t, path)
	db = open(t, path)
	n = notifier(t, db, quietLog(), channel)
	fill(t, ballast)
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}

	scan := func(hour int) *tracker.Scan {
		return &tracker.Scan{Storefront: "tencent", Began: nine.Add(time.Duration(hour) * time.Hour), Verdict: tracker.Complete,
			Products: []tracker.Product{product("1"), product("2"), product("3")}, Evidence: tracker.Evidence{Parser: 1, Products: 3}}
	}
	for hour := 2; hour <= 4; hour++ {
		if _, err := db.Commit(ctx, scan(hour), tracker.DefaultRules()); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("Commit on a full disk: %v, want it refused for lack of space", err)
		}
		for range 3 {
			time.Sleep(3 * time.Millisecond) // the next attempt is due
			if err := n.Flush(t.Context()); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Flush on a full disk: %v, want an error for lack of space", err)
			}
		}
	}
	if got := deliveries(t, srv); len(got) != 1 || !strings.Contains(got[0].Text, product("2").Title) {
		t.Fatalf("%d deliveries came through while the disk was full, want the one that was written before", len(got))
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	changes, err := db.Commit(ctx, scan(5), tracker.DefaultRules())
	if err != nil || len(changes) != 2 || changes[1].Kind != tracker.Recovered || changes[1].Away != 3*time.Hour {
		t.Fatalf("changes %+v, error %v; want what changed, and that scans are being saved again after 3 hours", changes, err)
	}
	if more := commit(t, db, "tencent", nine.Add(6*time.Hour), scan(6).Products...); len(more) != 0 {
		t.Errorf("the next scan tells %+v, want nothing", more)
	}
	flushUntil(t, n, db)
	got := deliveries(t, srv)
	if len(got) != 2 {
		t.Fatalf("%d deliveries, want one about product 2 and one about product 3", len(got))
	}
	for _, want := range []string{product("3").Title, "Scans are being saved again", "From 11:00 to 14:00", "3 scans could not be kept: no space left on device"} {
		if !strings.Contains(got[1].Text, want) {
			t.Errorf("the delivery does not say %q:\n%s", want, got[1].Text)
		}
	}
	if got[0].GetHeader("Message-ID") == got[1].GetHeader("Message-ID") {
		t.Error("two deliveries have one Message-ID")
	}
}
