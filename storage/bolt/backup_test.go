package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
)

func TestBackupIsWholeWhileWritersWrite(t *testing.T) {
	db := fresh(t)
	list := products(200)
	commit(t, db, whole("tencent", day, list...))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			changed := slices.Clone(list)
			changed[i%200].Price.Low += int64(i)
			if _, err := db.Commit(ctx, whole("tencent", day.Add(time.Duration(i)*time.Minute), changed...), rules); err != nil {
				t.Error(err)
				return
			}
		}
	})
	to := filepath.Join(t.TempDir(), "copy.db")
	for range 10 {
		if err := db.BackupFile(ctx, to); err != nil {
			t.Fatal(err)
		}
		if err := bolt.Verify(to); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	if err := db.BackupFile(ctx, to); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dump(t, db), dump(t, open(t, to))); diff != "" {
		t.Errorf("the copy differs:\n%s", diff)
	}
	if left, _ := filepath.Glob(to + ".*"); len(left) > 0 {
		t.Errorf("left-over files %v", left)
	}
}

func TestBackupKeepsTheOldOneWhenItFails(t *testing.T) {
	db := fresh(t)
	commit(t, db, whole("tencent", day, products(200)...))
	dir := t.TempDir()
	if err := db.BackupFile(ctx, filepath.Join(dir, "file", "x")); err != nil {
		t.Fatal(err)
	}
	if err := db.BackupFile(ctx, filepath.Join(dir, "file", "x", "y")); err == nil {
		t.Error("backed up under a file")
	}
	if err := db.BackupFile(ctx, db.Path()); err == nil || !strings.Contains(err.Error(), "the database itself") {
		t.Errorf("error %v for a backup onto the database", err)
	}
	sound(t, db)
}

func TestDailyBackupsRotate(t *testing.T) {
	db := fresh(t)
	commit(t, db, whole("tencent", day, products(5)...))
	strange := filepath.Join(filepath.Dir(db.Path()), "backups", "mine.db")
	for i := range 6 {
		path, err := db.BackupDaily(ctx, 3, day.AddDate(0, 0, i))
		if err != nil || path == "" {
			t.Fatalf("day %d: %q, %v", i, path, err)
		}
		if again, err := db.BackupDaily(ctx, 3, day.AddDate(0, 0, i).Add(time.Hour)); again != "" || err != nil {
			t.Errorf("day %d, second time: %q, %v; want nothing", i, again, err)
		}
		if i == 0 {
			if err := os.WriteFile(strange, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The clock was wrong: the backup just made is not the one to go.
	if path, err := db.BackupDaily(ctx, 3, day.AddDate(-1, 0, 0)); err != nil || path == "" {
		t.Fatal(path, err)
	}
	list, err := filepath.Glob(filepath.Join(filepath.Dir(strange), "*"))
	for i := range list {
		list[i] = filepath.Base(list[i])
	}
	want := []string{"mine.db", "shopwatch-2025-11-22.db", "shopwatch-2026-11-26.db", "shopwatch-2026-11-27.db"}
	if diff := cmp.Diff(want, list); diff != "" || err != nil {
		t.Errorf("backups differ (-want +got), error %v:\n%s", err, diff)
	}
	if path, err := db.BackupDaily(ctx, 0, day.AddDate(1, 0, 0)); path != "" || err != nil {
		t.Errorf("none wanted, got %q, %v", path, err)
	}
}

func TestRestore(t *testing.T) {
	path := filled(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	db := open(t, path)
	if err := db.BackupFile(ctx, backup); err != nil {
		t.Fatal(err)
	}
	was := dump(t, db)
	commit(t, db, whole("tencent", day.AddDate(1, 0, 0), products(500)...))
	if _, err := bolt.Restore(path, backup); !errors.Is(err, bolt.ErrLocked) {
		t.Errorf("restored under an open database: %v", err)
	}
	db.Close()
	later, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	rotten := filepath.Join(t.TempDir(), "rotten.db")
	if err := os.WriteFile(rotten, later[:5*os.Getpagesize()], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{rotten, path + ".nowhere", path} {
		if aside, err := bolt.Restore(path, bad); err == nil || aside != "" {
			t.Errorf("restored %s: %q, %v", bad, aside, err)
		}
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != string(later) {
		t.Errorf("a bad backup changed the file (%v)", err)
	}

	aside, err := bolt.Restore(path, backup)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(was, dump(t, open(t, path))); diff != "" {
		t.Errorf("what was restored differs:\n%s", diff)
	}
	if kept, err := os.ReadFile(aside); err != nil || string(kept) != string(later) {
		t.Errorf("the old file is not aside (%v)", err)
	}
}

func TestRestoreWhereThereIsNothing(t *testing.T) {
	backup := filled(t)
	path := filepath.Join(t.TempDir(), "new", "shopwatch.db")
	if aside, err := bolt.Restore(path, backup); aside != "" || err != nil {
		t.Fatalf("%q, %v", aside, err)
	}
	sound(t, open(t, path))
}

func TestCompactWhileItIsUsed(t *testing.T) {
	db := fresh(t)
	list := products(3000)
	commit(t, db, whole("tencent", day, list...))
	for i := range 30 {
		for k := range list {
			list[k].Price.Low = int64(1000 + i*10 + k)
		}
		commit(t, db, part("tencent", day.Add(time.Duration(i+1)*time.Hour), list[:1+i%2*2000]...))
	}
	if err := db.Bolt().Update(func(tx *boltTx) error { return tx.DeleteBucket([]byte("history")) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Bolt().Update(func(tx *boltTx) error { _, err := tx.CreateBucket([]byte("history")); return err }); err != nil {
		t.Fatal(err)
	}
	was := dump(t, db)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 3 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				var err error
				if i == 0 {
					err = db.Join(ctx, fmt.Sprintf("channel %d", n))
				} else {
					_, err = db.Changes(ctx, storage.Query{Newest: true, Limit: 10})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	before, after, err := db.Compact(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	close(stop)
	wg.Wait()
	if after >= before {
		t.Errorf("%d bytes before, %d after", before, after)
	}
	for k, v := range dump(t, db) {
		if w, ok := was[k]; (!ok || w != v) && !strings.HasPrefix(k, "channels/") {
			t.Errorf("%s is new or changed", k)
		}
	}
	// The new file has the name and the lock of the old one.
	if _, err := bolt.Open(db.Path(), bolt.Options{Timeout: time.Millisecond}); !errors.Is(err, bolt.ErrLocked) {
		t.Errorf("the file is not locked: %v", err)
	}
	commit(t, db, whole("tencent", day.AddDate(1, 0, 0), list...))
	path := db.Path()
	if err := db.BackupFile(ctx, path+".copy"); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if st, err := open(t, path).State(ctx, "tencent"); err != nil || !st.LastScan.Equal(day.AddDate(1, 0, 0)) {
		t.Errorf("last scan %v, %v; want the one after compacting", st.LastScan, err)
	}
}

// A file with little in it becomes no larger, and what is said of it is what Size
// says.
func TestCompactASmallFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	if err := open(t, filled(t)).BackupFile(ctx, path); err != nil {
		t.Fatal(err)
	}
	was, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, path)
	for range 2 {
		size, _, err := db.Size(ctx)
		if err != nil {
			t.Fatal(err)
		}
		before, after, err := db.Compact(ctx)
		if err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if before != size || after > before || st.Size() > was.Size() {
			t.Errorf("%d of %d bytes before, %d after; the file had %d bytes and has %d", before, size, after, was.Size(), st.Size())
		}
	}
}

func TestMaintainCompactsAFileThatIsMostlyFree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	db := open(t, path)
	db.Bolt().NoSync = true
	long := products(20_000)
	for i := range long {
		long[i].Title += strings.Repeat("，大字大音量", 60)
	}
	commit(t, db, whole("tencent", day, long...))
	if err := db.Bolt().Update(func(tx *boltTx) error {
		return errors.Join(tx.Bucket([]byte("catalogs")).DeleteBucket([]byte("tencent")), tx.Bucket([]byte("storefronts")).Delete([]byte("tencent")),
			tx.Bucket([]byte("scans")).DeleteBucket([]byte("tencent")), tx.Bucket([]byte("shops")).DeleteBucket([]byte("tencent")))
	}); err != nil {
		t.Fatal(err)
	}
	db.Close()
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	db, err = bolt.Open(path, bolt.Options{Maintain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sound(t, db)
	if after, err := os.Stat(path); err != nil || after.Size() > before.Size()/4 {
		t.Errorf("%d bytes before, %d after, error %v", before.Size(), after.Size(), err)
	}
}

// Pages that are half empty are packed too: a file may have hardly a free page
// and be mostly air.
func TestMaintainPacksHalfFullPages(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while, and one goroutine does it")
	}
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	db := open(t, path)
	db.Bolt().NoSync = true
	commit(t, db, whole("tencent", day, products(40_000)...))
	loosen(t, db, "catalogs", "tencent")
	if _, _, err := db.Compact(ctx); err != nil { // leaves no free page
		t.Fatal(err)
	}
	loosen(t, db, "catalogs", "tencent")
	size, free, err := db.Size(ctx)
	if err != nil || size < 16<<20 || free > size/2 {
		t.Fatalf("the file has %d bytes of which %d are free (error %v): this test tells nothing", size, free, err)
	}
	db.Close()
	db, err = bolt.Open(path, bolt.Options{Maintain: true})
	if err != nil {
		t.Fatal(err)
	}
	sound(t, db)
	packed, free, err := db.Size(ctx)
	if err != nil || packed > size*2/3 || free > packed/10 {
		t.Errorf("%d bytes before, %d after, of which %d are free, error %v", size, packed, free, err)
	}
	// What is packed is left alone.
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if db, err = bolt.Open(path, bolt.Options{Maintain: true}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("a packed file was packed again, error %v", err)
	}
}

// loosen writes a bucket anew into pages that are half full.
func loosen(t *testing.T, db *bolt.DB, root, name string) {
	t.Helper()
	type entry struct{ k, v []byte }
	var all []entry
	err := db.Bolt().Update(func(tx *boltTx) error {
		parent := tx.Bucket([]byte(root))
		old := parent.Bucket([]byte(name))
		seq := old.Sequence()
		err := old.ForEach(func(k, v []byte) error {
			all = append(all, entry{bytes.Clone(k), bytes.Clone(v)})
			return nil
		})
		if err != nil {
			return err
		}
		if err := parent.DeleteBucket([]byte(name)); err != nil {
			return err
		}
		fresh, err := parent.CreateBucket([]byte(name))
		if err != nil {
			return err
		}
		for _, e := range all {
			if err := fresh.Put(e.k, e.v); err != nil {
				return err
			}
		}
		return fresh.SetSequence(seq)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Who waits for the lock while the file is compacted gets the new file, not the
// one that has just lost its name.
func TestOpenWhileItIsCompacted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	db := open(t, path)
	commit(t, db, whole("tencent", day, products(10)...))
	opened := make(chan error, 1)
	var other *bolt.DB
	go func() {
		var err error
		other, err = bolt.Open(path, bolt.Options{Timeout: time.Minute})
		opened <- err
	}()
	waitForReader(t, path)
	if _, _, err := db.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-opened:
		t.Fatalf("two have the file open at once (error %v)", err)
	case <-time.After(200 * time.Millisecond): // it asks every 20 ms
	}
	commit(t, db, whole("tencent", day.Add(time.Hour), products(11)...))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if st, err := other.State(ctx, "tencent"); err != nil || st.Listed != 11 {
		t.Errorf("%d products, error %v; want the 11 that were committed after the file was compacted", st.Listed, err)
	}
	commit(t, other, whole("tencent", day.Add(2*time.Hour), products(12)...))
}

// waitForReader waits until this process has a file open twice.
func waitForReader(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		links, err := filepath.Glob("/proc/self/fd/*")
		if err != nil || len(links) == 0 {
			t.Skip("this system does not tell which files are open")
		}
		n := 0
		for _, l := range links {
			if to, err := os.Readlink(l); err == nil && to == path {
				n++
			}
		}
		if n == 2 {
			return
		}
	}
	t.Fatal("nobody waits for the file")
}

func TestClosedDatabase(t *testing.T) {
	db := fresh(t)
	for range 2 {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, errCommit := db.Commit(ctx, whole("tencent", day), rules)
	_, errRead := db.Storefronts(ctx)
	_, _, errCompact := db.Compact(ctx)
	for what, err := range map[string]error{"Commit": errCommit, "Storefronts": errRead, "Compact": errCompact, "Check": db.Check(ctx), "Backup": db.BackupFile(ctx, db.Path()+"2")} {
		if err == nil || !strings.Contains(err.Error(), "is closed") {
			t.Errorf("%s: error %v, want one that says that it is closed", what, err)
		}
	}
}
