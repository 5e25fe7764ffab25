package bolt_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// filled writes a closed database with some history and returns its path.
func filled(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	list := products(400)
	commit(t, db, whole("tencent", day, list...))
	for i := range 20 {
		list[i*7].Price.Low += 100
		commit(t, db, whole("tencent", day.Add(time.Duration(i+1)*time.Hour), list[:len(list)-i]...))
	}
	_, err = db.ChangeCoolDown(ctx, "tmall", func(c *storage.CoolDown) { c.Walls, c.Until = 3, day })
	must(t, err)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenMakesANewFileWhereThereIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "shopwatch.db")
	db := open(t, path)
	sound(t, db)
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v; want 0600", st.Mode(), err)
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("folder mode %v, error %v; want 0700", dir.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left-over files %v", left)
	}
}

func TestOpenLeavesAStrangeFileAlone(t *testing.T) {
	whole, err := os.ReadFile(filled(t))
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	b, err := bbolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("meta")); return err })
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	zeroed := func(from, to int) []byte {
		c := bytes.Clone(whole)
		clear(c[from:to])
		return c
	}
	page := os.Getpagesize()
	for _, c := range []struct {
		name    string
		content []byte
		want    string
		damaged bool
	}{
		{"empty", nil, "is an empty file", true},
		{"text", []byte(strings.Repeat("storefront,product\n", 5000)), "is not a shopwatch database", false},
		{"short text", []byte("hello"), "is not a shopwatch database", false},
		{"bbolt file of another program", other, "of another program", false},
		{"all zeros", make([]byte, 1<<16), "all zeros", true},
		{"both metas zeroed", zeroed(0, 2*page), "all zeros", true},
		{"cut to three pages", whole[:3*page], "cut short", true},
		{"cut in the first page", whole[:100], "cut short", true},
		{"pages after the metas zeroed", zeroed(2*page, len(whole)), "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "shopwatch.db")
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := bolt.Open(path, bolt.Options{})
			if err == nil {
				db.Close()
				t.Fatal("opened, want an error")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q", err, c.want)
			}
			if errors.Is(err, storage.ErrDamaged) != c.damaged {
				t.Errorf("error %q wraps ErrDamaged: %v, want %v", err, !c.damaged, c.damaged)
			}
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, c.content) {
				t.Errorf("the file was touched (error %v)", err)
			}
		})
	}
}

func TestOneGoodMetaIsEnough(t *testing.T) {
	path := filled(t)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The newer meta is lost in a power cut: the file is as one commit before.
	newer := 0
	if native64(b[16+48:]) < native64(b[os.Getpagesize()+16+48:]) {
		newer = os.Getpagesize()
	}
	clear(b[newer : newer+os.Getpagesize()])
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	db := open(t, path)
	if st, err := db.State(ctx, "tencent"); err != nil || st.Listed == 0 {
		t.Errorf("State = %+v, %v; want the catalog", st, err)
	}
}

func native64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }

func TestErrorNamesTheNewestGoodBackup(t *testing.T) {
	path := filled(t)
	db := open(t, path)
	var made []string
	for i := range 3 {
		b, err := db.BackupDaily(ctx, 7, day.AddDate(0, 0, i))
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, b)
	}
	db.Close()
	if err := os.WriteFile(made[2], []byte("rotten"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 9000); err != nil {
		t.Fatal(err)
	}
	_, err := bolt.Open(path, bolt.Options{})
	if want := "shopwatch restore " + made[1]; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Fatalf("error %v, want it to end in %q", err, want)
	}
	aside, err := bolt.Restore(path, made[1])
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(aside); err != nil || st.Size() != 9000 {
		t.Errorf("the old file is not aside under %s: %v", aside, err)
	}
	back := open(t, path)
	sound(t, back)

	// A database that vanished is not begun anew either.
	back.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Open(path, bolt.Options{}); err == nil || !strings.Contains(err.Error(), "though it has backups") {
		t.Errorf("error %v, want one about the backups", err)
	}
}

func TestFlippedByteInAValueNamesTheKey(t *testing.T) {
	path := filled(t)
	id := []byte(product(50).ID)
	title := []byte(product(50).Title)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// All copies, also those in free pages: one of them counts.
	for at := 0; ; {
		i := bytes.Index(b[at:], title)
		if i < 0 {
			break
		}
		b[at+i+7] ^= 0x20
		at += i + len(title)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	db := open(t, path)
	want := "catalogs/tencent/" + string(id)
	if _, err := db.Products(ctx, "tencent", "", 1000); !errors.Is(err, storage.ErrDamaged) || !strings.Contains(err.Error(), want) {
		t.Errorf("Products: error %v, want one that names %s", err, want)
	}
	list := products(400)[:300]
	if _, err := db.Commit(ctx, whole("tencent", day.AddDate(0, 1, 0), list...), rules); !errors.Is(err, storage.ErrDamaged) || !strings.Contains(err.Error(), want) {
		t.Errorf("Commit: error %v, want one that names %s", err, want)
	}
	if err := db.Check(ctx); !errors.Is(err, storage.ErrDamaged) || !strings.Contains(err.Error(), want) {
		t.Errorf("Check: error %v, want one that names %s", err, want)
	}
	if _, err := bolt.Open(path, bolt.Options{Timeout: time.Millisecond}); !errors.Is(err, bolt.ErrLocked) {
		t.Errorf("the file is not locked any more: %v", err)
	}
}

// spoil damages a file in a way that a number decides.
func spoil(b []byte, n uint64) []byte {
	r := rand.New(rand.NewPCG(n, 7))
	b = bytes.Clone(b)
	page := os.Getpagesize()
	switch r.IntN(4) {
	case 0: // a flipped bit
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	case 1: // a page of zeros
		p := r.IntN(len(b)/page) * page
		clear(b[p : p+page])
	case 2: // a page in another's place
		from, to := r.IntN(len(b)/page)*page, r.IntN(len(b)/page)*page
		copy(b[to:to+page], b[from:from+page])
	case 3: // rubbish in the head of a page, where bbolt trusts most
		p := r.IntN(len(b)/page) * page
		for range 4 {
			b[p+r.IntN(64)] = byte(r.Uint32())
		}
	}
	return b
}

// used is the part of a file that holds pages.
func used(t testing.TB, path string) []byte {
	t.Helper()
	db := open(t, path)
	var n int64
	err := db.Bolt().View(func(tx *bbolt.Tx) error { n = tx.Size(); return nil })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// TestDamagedFileNeverCrashes works in a child process, because what it guards
// against cannot be recovered from.
func TestDamagedFileNeverCrashes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while, and one goroutine does it")
	}
	if os.Getenv("SHOPWATCH_DAMAGED") != "" {
		damagedRounds(t, os.Getenv("SHOPWATCH_DAMAGED"))
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestDamagedFileNeverCrashes$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), "SHOPWATCH_DAMAGED="+filled(t), "GOMEMLIMIT=2GiB")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out[:min(len(out), 6000)])
	}
}

func damagedRounds(t *testing.T, path string) {
	good := used(t, path)
	sane := open(t, path)
	all, err := sane.Changes(ctx, queryAll)
	if err != nil {
		t.Fatal(err)
	}
	items, err := sane.Products(ctx, "tencent", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	rounds := uint64(150)
	if n, err := strconv.ParseUint(os.Getenv("SHOPWATCH_DAMAGES"), 10, 32); err == nil {
		rounds = n
	}
	dir, found := t.TempDir(), 0
	for n := range rounds {
		path := filepath.Join(dir, "shopwatch.db")
		if err := os.WriteFile(path, spoil(good, n), 0o600); err != nil {
			t.Fatal(err)
		}
		var errs []error
		db, err := bolt.Open(path, bolt.Options{})
		errs = append(errs, err)
		if err == nil {
			log, err := db.Changes(ctx, queryAll)
			if err == nil && len(log) < len(all)-2 { // one commit may be lost with its meta
				t.Errorf("round %d: the log has %d changes instead of %d, and no error", n, len(log), len(all))
			}
			errs = append(errs, err)
			got, err := db.Products(ctx, "tencent", "", 1000)
			errs = append(errs, err)
			if err == nil && len(got) != len(items) && db.Check(ctx) == nil {
				t.Errorf("round %d: %d products instead of %d, and no error", n, len(got), len(items))
			}
			_, err = db.Commit(ctx, whole("tencent", day.AddDate(0, 1, 0), products(380)...), rules)
			errs = append(errs, err)
			if err == nil {
				if st, err := db.State(ctx, "tencent"); err == nil && st.Listed != 380 && st.Listed != 400 {
					t.Errorf("round %d: %d products listed after the commit", n, st.Listed)
				}
			}
			errs = append(errs, db.Check(ctx), db.Close())
		}
		errs = append(errs, bolt.Verify(path))
		if err := errors.Join(errs...); err != nil {
			found++
		}
	}
	if found < int(rounds)/4 {
		t.Errorf("only %d of %d damaged files were found out", found, rounds)
	}
}

// known is all that can be read from a database, or the first error.
func known(db *bolt.DB) (string, error) {
	var all strings.Builder
	list, err := db.Storefronts(ctx)
	fmt.Fprintf(&all, "%+v\n", list)
	items, err2 := db.Products(ctx, "tencent", "", 1000)
	fmt.Fprintf(&all, "%+v\n", items)
	log, err3 := db.Changes(ctx, queryAll)
	for _, c := range log {
		fmt.Fprintf(&all, "%d %s %+v %+v\n", c.Seq, c.Kind, *c.Product, c.Before)
	}
	scans, err4 := db.Scans(ctx, storage.ScanQuery{Limit: 1000})
	fmt.Fprintf(&all, "%+v\n", scans)
	history, err5 := db.History(ctx, "tencent", product(7).ID, 0, 1000)
	fmt.Fprintf(&all, "%d\n", len(history))
	return all.String(), errors.Join(err, err2, err3, err4, err5)
}

// Every page of a file is damaged in turn. What can be read afterwards is
// either what was written, by the last commit or by the one before, or an
// error that says damaged; and the check finds out.
func TestEveryDamagedPage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while, and one goroutine does it")
	}
	if os.Getenv("SHOPWATCH_PAGES") != "" {
		damagedPages(t, os.Getenv("SHOPWATCH_PAGES"))
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestEveryDamagedPage$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), "SHOPWATCH_PAGES="+filled(t), "GOMEMLIMIT=2GiB")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out[:min(len(out), 6000)])
	}
}

func damagedPages(t *testing.T, path string) {
	db := open(t, path)
	if err := db.Join(ctx, "analysts"); err != nil { // a commit that changes nothing of what is read
		t.Fatal(err)
	}
	want, err := known(db)
	if err != nil {
		t.Fatal(err)
	}
	free := make(map[int]bool)
	err = db.Bolt().View(func(tx *bbolt.Tx) error {
		for id := range int(tx.Size()) / os.Getpagesize() {
			p, err := tx.Page(id)
			if err != nil {
				return err
			}
			free[id] = p != nil && p.Type == "free"
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	good := used(t, path)
	page := os.Getpagesize()
	dir := t.TempDir()
	for _, how := range []struct {
		name   string
		damage func(b []byte, from int) []byte
	}{
		{"zeroed", func(b []byte, from int) []byte { clear(b[from : from+page]); return b }},
		{"one bit flipped in its head", func(b []byte, from int) []byte { b[from+8] ^= 1; return b }},
		{"one bit flipped in its last value", func(b []byte, from int) []byte { b[lastByte(b, from)] ^= 4; return b }},
		{"cut off", func(b []byte, from int) []byte { return b[:from] }},
	} {
		for id := range len(good) / page {
			path := filepath.Join(dir, "shopwatch.db")
			if err := os.WriteFile(path, how.damage(bytes.Clone(good), id*page), 0o600); err != nil {
				t.Fatal(err)
			}
			verified := bolt.Verify(path)
			got := ""
			db, err := bolt.Open(path, bolt.Options{})
			if err == nil {
				got, err = known(db)
				err = errors.Join(err, db.Close())
			}
			switch {
			case err != nil && !errors.Is(err, storage.ErrDamaged):
				t.Errorf("page %d %s: error %v, want one that says damaged", id, how.name, err)
			case err == nil && got != want && verified == nil:
				t.Errorf("page %d %s: another content, and nobody finds out", id, how.name)
			case err == nil && got != want && !strings.HasPrefix(how.name, "one bit"):
				// A bit of the number of a page may lead into the midst of
				// another one: that only a check finds, as at every start.
				t.Errorf("page %d %s: another content, and no error", id, how.name)
			case verified == nil && got != want:
				t.Errorf("page %d %s: the check finds nothing", id, how.name)
			case verified == nil && !free[id] && id > 1 && !(branch(good, id*page) && strings.HasPrefix(how.name, "one bit")):
				// Of the first two pages one is enough, and a key of a branch
				// may be another one between the same two leaves.
				t.Errorf("page %d %s: the check finds nothing", id, how.name)
			case verified != nil && !errors.Is(verified, storage.ErrDamaged):
				t.Errorf("page %d %s: the check says %v, want damaged", id, how.name, verified)
			}
		}
	}
}

// branch reports whether a page is one.
func branch(b []byte, from int) bool { return b[from+8] == 0x01 }

// lastByte is where the last element of a page ends; of a page that is no leaf
// or branch the end of its first number.
func lastByte(b []byte, from int) int {
	n := int(binary.NativeEndian.Uint16(b[from+10:]))
	at := from + 16 + (n-1)*16
	number := func(i int) int { return int(binary.NativeEndian.Uint32(b[at+4*i:])) }
	switch {
	case binary.NativeEndian.Uint64(b[from:]) != uint64(from/os.Getpagesize()) || n == 0:
	case b[from+8] == 0x01:
		return at + number(0) + number(1) - 1
	case b[from+8] == 0x02:
		return at + number(1) + number(2) + number(3) - 1
	}
	return from + 16
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filled(t)
	step := func(*bbolt.Tx) error { return nil }
	db, err := bolt.OpenUpgrading(path, step)
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	_, err = bolt.Open(path, bolt.Options{})
	if err == nil || !strings.Contains(err.Error(), "newer shopwatch (schema 5, this one knows 4)") {
		t.Errorf("error %v, want one about the newer schema", err)
	}
}

func TestOlderSchemaIsUpgradedAfterABackup(t *testing.T) {
	path := filled(t)
	ran := 0
	step := func(tx *bbolt.Tx) error {
		ran++
		_, err := tx.CreateBucket([]byte("notes"))
		return err
	}
	for range 2 { // the second time there is nothing to do
		db, err := bolt.OpenUpgrading(path, step)
		if err != nil {
			t.Fatal(err)
		}
		sound(t, db)
		db.Close()
	}
	if ran != 1 {
		t.Errorf("the step ran %d times, want once", ran)
	}
	backup := filepath.Join(filepath.Dir(path), "backups", "before-schema-5.db")
	old, err := bolt.Open(backup, bolt.Options{})
	if err != nil {
		t.Fatalf("the backup is no good: %v", err)
	}
	old.Close()
}

// A file as the first shopwatch wrote it: every change of a product is in the
// index.
func TestFileOfSchema1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	must(t, os.WriteFile(path, unpacked(t, "schema-1.db.gz"), 0o600))
	db := open(t, path)
	sound(t, db)
	list := products(6)
	gone := list[5]
	list = list[:5]
	for i := range 3 {
		list[i].Price.Low += 1000 // ten times 100
	}
	if got := commit(t, db, whole("tencent", day.Add(99*time.Hour), list...)); got != nil {
		t.Errorf("the same list reports %v, want nothing", told(got))
	}
	list[0].Price.Low += 100
	again := gone
	again.ID = "1234567890"
	got := commit(t, db, whole("tencent", day.Add(100*time.Hour), append(list, again)...))
	if len(got) != 2 || got[1].SameAs == nil || got[1].SameAs.ID != gone.ID {
		t.Errorf("changes %+v, want a price and a product that was removed before", got)
	}
	if h, err := db.History(ctx, "tencent", list[0].ID, 0, 0); len(h) != 11 || err != nil || h[10].Seq != 32 {
		t.Errorf("history of %d changes, error %v; want 11", len(h), err)
	}
	sound(t, db)
	if err := bolt.Verify(filepath.Join(filepath.Dir(path), "backups", "before-schema-2.db")); err != nil {
		t.Errorf("the backup is no good: %v", err)
	}
}

// Who waits for an upgrade is told how far it has come, through each of its steps
// to the end.
func TestUpgradeTellsHowFar(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	must(t, os.WriteFile(path, unpacked(t, "schema-1.db.gz"), 0o600))
	var parts []float64
	db, err := bolt.Open(path, bolt.Options{Progress: func(done, total int) { parts = append(parts, float64(done)/float64(total)) }})
	must(t, err)
	must(t, db.Close())
	if len(parts) != 2 || parts[0] >= parts[1] || parts[1] != 1 {
		t.Errorf("told were %v, want something after the indexes and 1 after the tree", parts)
	}
}

// unpacked is a packed file of testdata.
func unpacked(t testing.TB, name string) []byte {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", name))
	must(t, err)
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	must(t, err)
	content, err := io.ReadAll(r)
	must(t, err)
	return content
}

// A file of the present schema that was made before its engine had a package of
// its own, and what that version knew from it: nothing is lost, nothing of it is
// written anew, and what came since finds its place.
func TestFileOfSchema2(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	must(t, os.WriteFile(path, unpacked(t, "schema-2.db.gz"), 0o600))
	db := open(t, path)
	sound(t, db)
	before := dump(t, db)
	type channel struct {
		Name         string
		Told         uint64
		Unsubscribed []string
	}
	type contents struct {
		Storefronts []storage.Storefront
		Products    map[tracker.StorefrontName][]tracker.Item
		Scans       []tracker.Scan
		Changes     []tracker.Change
		Channels    []channel
		Reports     []tracker.Report
	}
	var k contents
	var err error
	k.Storefronts, err = db.Storefronts(ctx)
	must(t, err)
	k.Products = make(map[tracker.StorefrontName][]tracker.Item)
	for _, sf := range k.Storefronts {
		k.Products[sf.Name], err = db.Products(ctx, sf.Name, "", 1000)
		must(t, err)
	}
	k.Scans, err = db.Scans(ctx, storage.ScanQuery{Limit: 1000})
	must(t, err)
	k.Changes, err = db.Changes(ctx, queryAll)
	must(t, err)
	channels, err := db.Channels(ctx)
	must(t, err)
	for _, c := range channels {
		k.Channels = append(k.Channels, channel{c.Name, c.Told, c.Unsubscribed})
	}
	k.Reports, err = db.Reports(ctx, storage.ReportQuery{Limit: 1000})
	must(t, err)
	got, err := json.MarshalIndent(k, "", " ")
	must(t, err)
	// Fields that came later are empty.
	var then contents
	decoder := json.NewDecoder(bytes.NewReader(unpacked(t, "schema-2.json.gz")))
	decoder.DisallowUnknownFields()
	must(t, decoder.Decode(&then))
	want, err := json.MarshalIndent(then, "", " ")
	must(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("it is read otherwise (-then +now):\n%s", diff)
	}
	if got := written(before, dump(t, db)); len(got) > 0 {
		t.Errorf("reading it wrote %v", got)
	}
	if n, err := db.PagesOpened(ctx, "tencent", day); n != 276 || err != nil {
		t.Errorf("PagesOpened = %d, %v; want 276", n, err)
	}

	wall := func(c *storage.CoolDown) { c.Walls, c.Until = c.Walls+1, day }
	_, err = db.ChangeCoolDown(ctx, "tmall", wall)
	must(t, errors.Join(err, db.SetBackoff(ctx, "chat", storage.Backoff{Failures: 1, Until: day})))
	added := written(before, dump(t, db))
	if want := []string{"channels/chat", "cooldowns/tmall"}; !slices.Equal(added, want) {
		t.Errorf("written were %v, want %v", added, want)
	}
	sound(t, db)
	_, _, err = db.Compact(ctx)
	must(t, errors.Join(err, db.BackupFile(ctx, path+".backup"), bolt.Verify(path+".backup")))
	if c, err := db.CoolDown(ctx, "tmall"); c.Walls != 1 || err != nil {
		t.Errorf("CoolDown after it was compacted = %+v, %v", c, err)
	}
}

func TestFailedUpgradeLeavesTheFileAsItWas(t *testing.T) {
	path := filled(t)
	boom := errors.New("boom")
	_, err := bolt.OpenUpgrading(path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("changes")) }, func(*bbolt.Tx) error { return boom })
	if !errors.Is(err, boom) {
		t.Fatalf("error %v, want %v", err, boom)
	}
	db := open(t, path)
	sound(t, db)
}

func TestLockErrorNamesTheProcess(t *testing.T) {
	if path := os.Getenv("SHOPWATCH_HOLD"); path != "" {
		db := open(t, path)
		os.Stdout.WriteString("held\n")
		os.Stdin.Read(make([]byte, 1))
		db.Close()
		return
	}
	path := filled(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockErrorNamesTheProcess$")
	cmd.Env = append(os.Environ(), "SHOPWATCH_HOLD="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	_, err = bolt.Open(path, bolt.Options{Timeout: 50 * time.Millisecond})
	if !errors.Is(err, bolt.ErrLocked) {
		t.Errorf("error %v, want ErrLocked", err)
	}
	if want := "process " + strconv.Itoa(cmd.Process.Pid) + " (bolt.test"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want it to name %q", err, want)
	}
	if _, err := bolt.Restore(path, path+".backup"); err == nil {
		t.Error("Restore under an open database succeeded")
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestWaitsForAProcessThatIsAboutToEnd(t *testing.T) {
	path := filled(t)
	first := open(t, path)
	done := make(chan error)
	go func() {
		db, err := bolt.Open(path, bolt.Options{Timeout: time.Minute})
		if err == nil {
			err = db.Close()
		}
		done <- err
	}()
	first.Close()
	if err := <-done; err != nil {
		t.Errorf("Open: %v", err)
	}
}
