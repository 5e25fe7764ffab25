package bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/tracker"
)

func TestEvidenceIsNamedByItsContent(t *testing.T) {
	db := fresh(t)
	content := []byte("RIFF....WEBP")
	name, err := db.KeepEvidence(ctx, content, "webp")
	if err != nil {
		t.Fatal(err)
	}
	again, err := db.KeepEvidence(ctx, content, "webp")
	if again != name || err != nil || !strings.HasSuffix(name, ".webp") {
		t.Errorf("names %q and %q, error %v", name, again, err)
	}
	path := db.EvidencePath(name)
	if want := filepath.Join(filepath.Dir(db.Path()), "evidence", name[:2], name); path != want {
		t.Errorf("path %q, want %q", path, want)
	}
	if got, err := os.ReadFile(path); string(got) != string(content) || err != nil {
		t.Errorf("content %q, error %v", got, err)
	}
	// A file that was cut short in a crash of the file system is written anew.
	if err := os.WriteFile(path, content[:3], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := db.KeepEvidence(ctx, content, "webp"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != string(content) {
		t.Errorf("content %q after keeping it again", got)
	}
	for _, bad := range []string{"", "..", "../../etc/passwd", "ab.webp", "/" + name, name[:64] + "/../x", strings.ToUpper(name[:1]) + name[1:] + "/"} {
		if p := db.EvidencePath(bad); p != "" {
			t.Errorf("EvidencePath(%q) = %q, want none", bad, p)
		}
	}
	if _, err := db.KeepEvidence(ctx, content, "../x"); err == nil {
		t.Error("kept a file with a path for an extension")
	}
}

func TestSweep(t *testing.T) {
	db := fresh(t)
	keep := func(s string) string {
		t.Helper()
		name, err := db.KeepEvidence(ctx, []byte(s), "jpg")
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d).UTC().Truncate(time.Millisecond) }
	const year = 365 * 24 * time.Hour
	old, young, orphan, fresh1, shared, suspect := keep("old"), keep("young"), keep("orphan"), keep("fresh"), keep("shared"), keep("suspect")
	list := products(6)
	commit(t, db, whole("tencent", ago(3*year), list[:3]...))
	s := whole("tencent", ago(2*year), list[:5]...)
	s.Pictures = map[tracker.ProductID]tracker.Picture{list[3].ID: {File: old}, list[4].ID: {File: shared}}
	commit(t, db, s)
	s = whole("tencent", ago(time.Hour), list[1:]...)
	s.Pictures = map[tracker.ProductID]tracker.Picture{list[5].ID: {File: young, Card: shared}}
	s.Probes = []tracker.Probe{{Product: list[0].ID, State: tracker.PageSold, At: ago(time.Hour), Picture: suspect}}
	commit(t, db, s)
	sound(t, db)
	for _, name := range []string{old, young, orphan, shared, suspect} {
		if err := os.Chtimes(db.EvidencePath(name), now, ago(200*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	stranger := filepath.Join(filepath.Dir(db.EvidencePath(old)), "notes.txt")
	if err := errors.Join(os.WriteFile(stranger, nil, 0o600), os.Chtimes(stranger, now, ago(year))); err != nil {
		t.Fatal(err)
	}
	n, err := db.SweepEvidence(ctx, year, now)
	if n != 2 || err != nil {
		t.Errorf("swept %d, error %v; want 2", n, err)
	}
	for what, want := range map[string]struct {
		path string
		kept bool
	}{
		"old":                                {db.EvidencePath(old), false},
		"young":                              {db.EvidencePath(young), true},
		"orphan":                             {db.EvidencePath(orphan), false},
		"orphan of a scan under way":         {db.EvidencePath(fresh1), true},
		"old, named again by a young change": {db.EvidencePath(shared), true},
		"named by a product under suspicion": {db.EvidencePath(suspect), true},
		"not ours":                           {stranger, true},
	} {
		if _, err := os.Stat(want.path); (err == nil) != want.kept {
			t.Errorf("%s: kept %v, want %v", what, err == nil, want.kept)
		}
	}
	sound(t, db)
	if n, err := db.SweepEvidence(ctx, year, now); n != 0 || err != nil {
		t.Errorf("second sweep: %d, %v", n, err)
	}
}

func TestCheckOfEvidence(t *testing.T) {
	db := fresh(t)
	list := products(60)
	commit(t, db, whole("tencent", day, list...))
	var names []string
	s := whole("tencent", day.Add(time.Hour), list[40:]...)
	for i, p := range list[:40] {
		name, err := db.KeepEvidence(ctx, []byte(strings.Repeat(p.Title, 100)), "webp")
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
		s.Probes = append(s.Probes, tracker.Probe{Product: list[i].ID, State: tracker.PageGone, At: s.Began, Picture: name})
	}
	commit(t, db, s)
	check := func(most int64) storage.EvidenceCheck {
		t.Helper()
		c, err := db.CheckEvidence(ctx, most)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if got, want := check(1<<30), (storage.EvidenceCheck{Named: 40, Read: 40}); !cmp.Equal(got, want) {
		t.Errorf("whole evidence: %+v, want %+v", got, want)
	}
	spoil := func(n int, how func(path string) error) {
		t.Helper()
		if err := how(db.EvidencePath(names[n])); err != nil {
			t.Fatal(err)
		}
	}
	spoil(0, os.Remove)
	spoil(1, func(p string) error { return os.Truncate(p, 0) })
	spoil(2, func(p string) error {
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 1
		return os.WriteFile(p, b, 0o600)
	})
	spoil(3, func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) })
	got := check(1 << 30)
	slices.Sort(got.Files)
	want := storage.EvidenceCheck{Named: 40, Read: 38, Missing: 1, Damaged: 3, Files: slices.Sorted(slices.Values(names[:4]))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spoilt evidence (-want +got):\n%s", diff)
	}

	// With little to read the place to begin at changes, and all is looked at
	// in the end.
	whole, found := int64(len(list[0].Title)*100), 0
	for range 2000 {
		c := check(whole * 3)
		if c.Named != 40 || c.Read > 5 || c.Missing != 1 {
			t.Fatalf("a short check: %+v, want at most 3 whole files read", c)
		}
		if found = max(found, c.Damaged); found == 3 {
			break
		}
	}
	if found < 3 {
		t.Errorf("2,000 short checks never came to the third damaged file")
	}
}

func TestSweepWithoutEvidence(t *testing.T) {
	if n, err := fresh(t).SweepEvidence(ctx, time.Hour, day); n != 0 || err != nil {
		t.Errorf("%d, %v; want nothing", n, err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("a small file system cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	db := open(t, filepath.Join(dir, "data", "shopwatch.db"))
	list := products(2000)
	commit(t, db, whole("tencent", day, list...))
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
	if err := db.Join(ctx, "analysts"); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	was := dump(t, db)

	more := whole("tencent", day.Add(time.Hour), append(list, products(4000)[2000:]...)...)
	evidence := *more
	for round := range 3 {
		_, err := db.Commit(ctx, more, rules)
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free some disk space") || strings.Contains(err.Error(), "\n") {
			t.Fatalf("round %d: error %v, want one about the full disk", round, err)
		}
		if more.Changes != evidence.Changes || more.Verdict != evidence.Verdict {
			t.Errorf("round %d: the failed commit changed the scan", round)
		}
		if got := written(was, dump(t, db)); len(got) > 0 {
			t.Errorf("round %d: half written: %v", round, got)
		}
		sound(t, db)
	}
	if _, err := db.KeepEvidence(ctx, make([]byte, 1<<20), "jpg"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("evidence: error %v, want one about the full disk", err)
	}
	if err := db.BackupFile(ctx, filepath.Join(dir, "backup.db")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("backup: error %v, want one about the full disk", err)
	}
	if _, _, err := db.Compact(ctx); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("compact: error %v, want one about the full disk", err)
	}
	sound(t, db)
	if left, _ := filepath.Glob(filepath.Join(dir, "data", "*.tmp-*")); len(left) > 0 {
		t.Errorf("left-over files %v", left)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if got := commit(t, db, whole("oppo", day, list[:5]...)); len(got) != 0 {
		t.Errorf("another storefront tells %v, want nothing", told(got))
	}
	s := whole("tencent", day.Add(3*time.Hour), append(list, products(2500)[2000:]...)...)
	got := commit(t, db, s)
	if len(got) != 501 || s.Changes != 501 {
		t.Fatalf("%d changes after space returned, want 500 products and what was not kept", len(got))
	}
	want := tracker.Change{
		Seq: 501, Kind: tracker.Recovered, Storefront: "tencent", At: s.Began.Add(s.Took), Scan: s.Began,
		Away: 2 * time.Hour, Reason: "3 scans could not be kept: no space left on device",
	}
	stored, err := db.Changes(ctx, storage.Query{Newest: true, Limit: 1})
	if diff := cmp.Diff([]tracker.Change{want}, stored); diff != "" || err != nil {
		t.Errorf("the last change differs (-want +got), error %v:\n%s", err, diff)
	}
	if got := commit(t, db, whole("tencent", day.Add(4*time.Hour), s.Products...)); len(got) != 0 {
		t.Errorf("the next scan tells %v, want nothing", told(got))
	}
	sound(t, db)
}
