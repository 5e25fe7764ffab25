package daemon

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/fixtures/tsa"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// Once a day all authorities stamp the same checkpoint. One that does not answer
// is asked again, the others are not, and nobody is asked about a log that has
// not grown.
func TestStampDay(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	var authorities [2]*tsa.Authority
	c := config.Default()
	for i := range authorities {
		a, err := tsa.New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.Close)
		authorities[i], c.Timestamp = a, append(c.Timestamp, a.URL)
	}
	db, err := bolt.Open(filepath.Join(t.TempDir(), "shopwatch.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := &Service{store: db, log: slog.New(slog.DiscardHandler)}
	s.config.Store(c)
	grown := 0
	grow := func() {
		t.Helper()
		list := make([]tracker.Product, grown+1)
		for i := range list {
			list[i] = tracker.Product{ID: tracker.ProductID(rune('a' + i)), Title: "糖大夫"}
		}
		scan := &tracker.Scan{
			Storefront: "tencent", Began: time.Now().Add(-time.Hour + time.Duration(grown)*time.Minute), Verdict: tracker.Complete, Products: list,
			Evidence: tracker.Evidence{Pages: 1, Products: len(list), Parser: 1},
		}
		if _, err := db.Commit(t.Context(), scan, tracker.DefaultRules()); err != nil {
			t.Fatal(err)
		}
		grown++
	}
	grow() // the baseline: the log is empty
	grow()
	grow()
	now := time.Now()
	for i, step := range []struct {
		name   string
		do     func()
		now    time.Time
		fails  bool
		asked  [2]int   // times since the beginning
		stamps []uint64 // lengths of the log
	}{
		{"one does not answer", func() { authorities[1].Fault("down") }, now, true, [2]int{1, 1}, []uint64{2}},
		{"it alone is asked again, about the same checkpoint", func() { authorities[1].Fault(""); grow() }, now, false, [2]int{1, 2}, []uint64{2, 2}},
		{"that is all of the day", grow, now, false, [2]int{1, 2}, []uint64{2, 2}},
		{"the next day both are asked", func() {}, now.Add(24 * time.Hour), false, [2]int{2, 3}, []uint64{2, 2, 4, 4}},
		{"a log that has not grown needs no stamp", func() {}, now.Add(48 * time.Hour), false, [2]int{2, 3}, []uint64{2, 2, 4, 4}},
		{"nobody is asked whom the configuration does not name", func() { c := config.Default(); s.config.Store(c); grow() }, now.Add(72 * time.Hour), false, [2]int{2, 3}, []uint64{2, 2, 4, 4}},
	} {
		step.do()
		err := s.stampDay(t.Context(), http.DefaultClient, step.now)
		if (err != nil) != step.fails {
			t.Errorf("%d, %s: %v, want it to fail: %v", i, step.name, err, step.fails)
		}
		if got := [2]int{authorities[0].Asked(), authorities[1].Asked()}; got != step.asked {
			t.Errorf("%d, %s: asked %v times, want %v", i, step.name, got, step.asked)
		}
		stamps, err := db.Stamps(t.Context(), storage.StampQuery{})
		var sizes []uint64
		for _, st := range stamps {
			sizes = append(sizes, st.Size)
		}
		if err != nil || len(sizes) != len(step.stamps) {
			t.Fatalf("%d, %s: stamps of %v, %v; want %v", i, step.name, sizes, err, step.stamps)
		}
		for j := range sizes {
			if sizes[j] != step.stamps[j] {
				t.Errorf("%d, %s: stamps of %v, want %v", i, step.name, sizes, step.stamps)
			}
		}
	}
	if err := errors.Join(db.Check(t.Context())); err != nil {
		t.Error(err)
	}
}
