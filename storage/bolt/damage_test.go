package bolt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
)

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
