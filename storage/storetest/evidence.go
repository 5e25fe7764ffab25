package storetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// keep keeps a file of evidence.
func keep(t testing.TB, s storage.Store, content string) string {
	t.Helper()
	name, err := s.KeepEvidence(ctx, []byte(content), "jpg")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func (e Engine) testEvidence(t *testing.T) {
	s := e.Open(t)
	content := []byte("RIFF....WEBP")
	name, err := s.KeepEvidence(ctx, content, "webp")
	if err != nil || !strings.HasSuffix(name, ".webp") {
		t.Fatalf("KeepEvidence = %q, %v", name, err)
	}
	if again, err := s.KeepEvidence(ctx, content, "webp"); again != name || err != nil {
		t.Errorf("the same content again: %q, %v; want %q", again, err, name)
	}
	if other := keep(t, s, "another"); other == name {
		t.Error("two contents have one name")
	}
	if got, found, err := s.Evidence(ctx, name); string(got) != string(content) || !found || err != nil {
		t.Errorf("Evidence = %q, %v, %v; want what was kept", got, found, err)
	}
	for _, no := range []string{"", "..", "../../etc/passwd", "ab.webp", "/" + name, name[:64] + "/../x", name + "/", strings.Repeat("0", 64) + ".webp", name + "\x00"} {
		if got, found, err := s.Evidence(ctx, no); found || err != nil {
			t.Errorf("Evidence(%q) = %q, %v, %v; want none", no, got, found, err)
		}
	}
	for _, ext := range []string{"", "../x", "a.b", "a\x00"} {
		if name, err := s.KeepEvidence(ctx, content, ext); err == nil {
			t.Errorf("kept a file with extension %q as %q", ext, name)
		}
	}
	if c, err := s.CheckEvidence(ctx, 1<<20); err != nil || c.Named != 0 {
		t.Errorf("CheckEvidence = %+v, %v; want none that a change names", c, err)
	}
	Commit(t, s, Complete("tencent", Day, Products(2)...))
	scan := Complete("tencent", Day.Add(time.Hour), Products(3)...)
	scan.Pictures = map[tracker.ProductID]tracker.Picture{Product(2).ID: {File: name}}
	Commit(t, s, scan)
	want := storage.EvidenceCheck{Named: 1, Read: 1}
	if c, err := s.CheckEvidence(ctx, 1<<20); err != nil || !cmp.Equal(c, want) {
		t.Errorf("CheckEvidence = %+v, %v; want %+v", c, err, want)
	}
	want.Read = 0
	if c, err := s.CheckEvidence(ctx, 0); err != nil || !cmp.Equal(c, want) {
		t.Errorf("CheckEvidence that may read nothing = %+v, %v; want %+v", c, err, want)
	}
}

func (e Engine) testSweep(t *testing.T) {
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	s := e.Open(t)
	if n, err := s.SweepEvidence(ctx, time.Hour, Day); n != 0 || err != nil {
		t.Errorf("a sweep without evidence: %d, %v", n, err)
	}
	old, young, orphan, shared, suspect := keep(t, s, "old"), keep(t, s, "young"), keep(t, s, "orphan"), keep(t, s, "shared"), keep(t, s, "suspect")
	kept := time.Now()
	now := kept.Add(8 * day) // all files are older than a week
	ago := func(d time.Duration) time.Time { return now.Add(-d).UTC().Truncate(time.Millisecond) }
	list := Products(6)
	Commit(t, s, Complete("tencent", ago(3*year), list[:3]...))
	scan := Complete("tencent", ago(2*year), list[:5]...)
	scan.Pictures = map[tracker.ProductID]tracker.Picture{list[3].ID: {File: old}, list[4].ID: {File: shared}}
	Commit(t, s, scan)
	scan = Complete("tencent", ago(time.Hour), list[1:]...)
	scan.Pictures = map[tracker.ProductID]tracker.Picture{list[5].ID: {File: young, Card: shared}}
	scan.Probes = []tracker.Probe{{Product: list[0].ID, State: tracker.PageSold, At: ago(time.Hour), Picture: suspect}}
	Commit(t, s, scan)
	if n, err := s.SweepEvidence(ctx, year, kept.Add(6*day)); n != 0 || err != nil {
		t.Errorf("swept %d within a week, %v; want none", n, err)
	}
	if n, err := s.SweepEvidence(ctx, year, now); n != 2 || err != nil {
		t.Errorf("swept %d, %v; want 2", n, err)
	}
	for what, want := range map[string]struct {
		name string
		kept bool
	}{
		"old":                                {old, false},
		"young":                              {young, true},
		"orphan":                             {orphan, false},
		"old, named again by a young change": {shared, true},
		"named by a product under suspicion": {suspect, true},
	} {
		if _, found, err := s.Evidence(ctx, want.name); found != want.kept || err != nil {
			t.Errorf("%s: kept %v, %v; want %v", what, found, err, want.kept)
		}
	}
	if c, err := s.CheckEvidence(ctx, 1<<20); err != nil || c.Named != 3 || c.Missing != 0 {
		t.Errorf("after the sweep CheckEvidence = %+v, %v; want 3 files, none missing", c, err)
	}
	Sound(t, s)
	if n, err := s.SweepEvidence(ctx, year, now); n != 0 || err != nil {
		t.Errorf("second sweep: %d, %v", n, err)
	}
}

// Captures are files of evidence that scans name too. They are deleted when they
// take too much, and the newest of each reason is enough.
func (e Engine) testCaptures(t *testing.T) {
	s := e.Open(t)
	capture := func(content string) string {
		t.Helper()
		name, err := s.KeepEvidence(ctx, []byte(content), "wacz")
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	there := func(names ...string) (found int) {
		t.Helper()
		for _, name := range names {
			_, is, err := s.Evidence(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			if is {
				found++
			}
		}
		return found
	}
	n := 0
	incomplete := func(reason, name string) *tracker.Scan {
		t.Helper()
		n++
		scan := &tracker.Scan{Storefront: "tencent", Began: Day.Add(time.Duration(n) * time.Hour), Verdict: tracker.Partial, Reason: reason, Evidence: tracker.Evidence{Capture: name, Stop: "error"}}
		Commit(t, s, scan)
		if err := storage.DropOlderCaptures(ctx, s, scan); err != nil {
			t.Fatal(err)
		}
		return scan
	}
	first, login := capture("page 3"), capture("login")
	tick(t)
	second := capture("page 12")
	incomplete("stopped after page 3", first)
	incomplete("log in", login)
	scan := incomplete("stopped after page 12", second)
	if there(first) != 0 || there(login, second) != 2 {
		t.Errorf("of the same reason %d are there, of others and the newest %d", there(first), there(login, second))
	}
	got, found, err := s.Scan(ctx, "tencent", scan.Began)
	if err != nil || !found || got.Evidence.Capture != second {
		t.Errorf("the scan names the capture %q, %v", got.Evidence.Capture, err)
	}
	incomplete("stopped after page 1", "")
	if there(second) != 1 {
		t.Error("a scan without a capture deletes that of another")
	}
	want := storage.EvidenceCheck{Named: 2, Read: 2}
	if c, err := s.CheckEvidence(ctx, 1<<20); err != nil || !cmp.Equal(c, want) {
		t.Errorf("CheckEvidence = %+v, %v; want %+v", c, err, want)
	}
	picture := keep(t, s, strings.Repeat("picture", 100))
	if n, err := s.TrimEvidence(ctx, "wacz", 100); n != 0 || err != nil {
		t.Errorf("trimmed %d, %v; want none", n, err)
	}
	if n, err := s.TrimEvidence(ctx, "wacz", int64(len("page 12"))); n != 1 || err != nil || there(second, picture) != 2 || there(login) != 0 {
		t.Errorf("trimmed %d, %v; want the older one: %d of the others are there", n, err, there(second, picture))
	}
	if n, err := s.TrimEvidence(ctx, "wacz", 0); n != 1 || err != nil || there(second) != 0 || there(picture) != 1 {
		t.Errorf("trimmed %d, %v; want all captures", n, err)
	}
	for _, name := range []string{second, "", "..", "../../x.wacz"} {
		if err := s.DropEvidence(ctx, name); err != nil {
			t.Errorf("drop %q: %v", name, err)
		}
	}
	if c, err := s.CheckEvidence(ctx, 1<<20); err != nil || c.Named != 0 {
		t.Errorf("after that CheckEvidence = %+v, %v", c, err)
	}
	Sound(t, s)
}

// tick waits until files get another time than before: the clock of a file system
// stands still for some milliseconds.
func tick(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clock")
	var first time.Time
	for {
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if first.IsZero() {
			first = st.ModTime()
		}
		if st.ModTime().After(first) {
			return
		}
	}
}
