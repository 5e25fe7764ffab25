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

func TestEvidenceLiesBesideTheFile(t *testing.T) {
	db := fresh(t)
	content := []byte("RIFF....WEBP")
	name, err := db.KeepEvidence(ctx, content, "webp")
	if err != nil {
		t.Fatal(err)
	}
	path := db.EvidencePath(name)
	if want := filepath.Join(filepath.Dir(db.Path()), "evidence", name[:2], name); path != want {
		t.Errorf("path %q, want %q", path, want)
	}
	if got, err := os.ReadFile(path); string(got) != string(content) || err != nil {
		t.Errorf("content %q, error %v", got, err)
	}
	// A file that was cut short in a crash of the file system is no evidence,
	// and is written anew.
	if err := os.WriteFile(path, content[:3], 0o600); err != nil {
		t.Fatal(err)
	}
	if got, found, err := db.Evidence(ctx, name); found || !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("Evidence of a file cut short = %q, %v, %v; want ErrDamaged", got, found, err)
	}
	if _, err := db.KeepEvidence(ctx, content, "webp"); err != nil {
		t.Fatal(err)
	}
	if got, found, err := db.Evidence(ctx, name); string(got) != string(content) || !found || err != nil {
		t.Errorf("content %q, %v, %v after keeping it again", got, found, err)
	}
}

// Who may write into the folder neither reads through it what shopwatch can
// read nor holds it up.
func TestStrangeEvidenceFiles(t *testing.T) {
	db := fresh(t)
	outside := filepath.Join(filepath.Dir(db.Path()), "token")
	must(t, os.WriteFile(outside, []byte("private"), 0o600))
	for what, place := range map[string]func(path string) error{
		"a link out of the folder": func(path string) error { return os.Symlink("../../token", path) },
		"a link with a whole path": func(path string) error { return os.Symlink(outside, path) },
		"a folder":                 func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":                   func(path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		name, err := db.KeepEvidence(ctx, []byte(what), "jpg")
		must(t, err)
		path := db.EvidencePath(name)
		must(t, errors.Join(os.Remove(path), place(path)))
		if got, found, err := db.Evidence(ctx, name); found || err != nil {
			t.Errorf("%s: %q, %v, %v; want none", what, got, found, err)
		}
	}
	name, err := db.KeepEvidence(ctx, []byte("large"), "jpg")
	must(t, err)
	must(t, os.Truncate(db.EvidencePath(name), 1<<40)) // takes no space
	if got, found, err := db.Evidence(ctx, name); found || !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("a file of a terabyte: %d bytes, %v, %v; want ErrDamaged", len(got), found, err)
	}
}

func TestSweepLeavesStrangersAlone(t *testing.T) {
	db := fresh(t)
	name, err := db.KeepEvidence(ctx, []byte("orphan"), "jpg")
	must(t, err)
	folder := filepath.Dir(db.EvidencePath(name))
	stranger, half := filepath.Join(folder, "notes.txt"), filepath.Join(folder, name+".tmp-1-ABCDEF")
	must(t, errors.Join(os.WriteFile(stranger, nil, 0o600), os.WriteFile(half, nil, 0o600)))
	if n, err := db.SweepEvidence(ctx, time.Hour, time.Now().AddDate(0, 0, 8)); n != 2 || err != nil {
		t.Errorf("swept %d, %v; want the orphan and what a crash left", n, err)
	}
	if left, err := os.ReadDir(folder); len(left) != 1 || left[0].Name() != "notes.txt" || err != nil {
		t.Errorf("left are %v, %v; want the file that is not ours", left, err)
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
