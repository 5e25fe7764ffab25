package bolt_test

import (
	"bytes"
	"errors"
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
