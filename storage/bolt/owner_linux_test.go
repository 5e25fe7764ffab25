package bolt_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"shopwatch/storage/bolt"
)

// What root compacts or restores still belongs to the user of the daemon.
func TestFilesKeepTheirOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can show it")
	}
	const user = 4711
	owned := func(name, path string) {
		t.Helper()
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if uid := st.Sys().(*syscall.Stat_t).Uid; uid != user {
			t.Errorf("%s: the file belongs to %d, want %d", name, uid, user)
		}
	}
	backup := filled(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "shopwatch.db")
	if err := os.Chown(dir, user, user); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"restored where there is none", "restored"} {
		if _, err := bolt.Restore(path, backup); err != nil {
			t.Fatal(err)
		}
		owned(name, path)
	}
	if _, _, err := open(t, path).Compact(ctx); err != nil {
		t.Fatal(err)
	}
	owned("compacted", path)
}
