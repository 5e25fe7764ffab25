package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// Daily backups lie in the folder backups beside the database, named by day:
// backups/shopwatch-2026-11-22.db.
const backupFolder = "backups"

// Backup implements storage.Maintainer. The copy is made in a file beside the
// database first.
func (db *DB) Backup(ctx context.Context, w io.Writer) error {
	tmp := temporary(db.path)
	defer os.Remove(tmp)
	if err := db.copyTo(ctx, tmp); err != nil {
		return fmt.Errorf("back up %s: %w", db.path, err)
	}
	f, err := os.Open(tmp)
	if err != nil {
		return fmt.Errorf("back up %s: %w", db.path, err)
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// BackupFile is Backup to a file. One that is there already is replaced when
// the new one is good.
func (db *DB) BackupFile(ctx context.Context, to string) error {
	if same, err := sameFile(db.path, to); err != nil || same {
		return errors.Join(err, fmt.Errorf("back up to %s: that is the database itself", to))
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("back up to %s: %w", to, err)
	}
	tmp := temporary(to)
	defer os.Remove(tmp)
	err := db.copyTo(ctx, tmp)
	if err == nil {
		err = errors.Join(os.Rename(tmp, to), syncDir(filepath.Dir(to)))
	}
	if err != nil {
		return fmt.Errorf("back up to %s: %w", to, err)
	}
	return nil
}

// copyTo writes the file as it is now to a new one, and verifies that.
func (db *DB) copyTo(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := sink{ctx: ctx, w: f}
	err = db.view(ctx, func(t tx) error {
		if _, err := t.WriteTo(&w); err != nil {
			return cmp.Or(w.err, err)
		}
		t.releaseMemory()
		return nil
	})
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return verify(path, db.format.schema(), false)
}

// A sink keeps the error of a write, which bbolt does not wrap, and writes no
// more when its context is done.
type sink struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (n int, err error) {
	if err = s.ctx.Err(); err == nil {
		n, err = s.w.Write(p)
	}
	s.err = cmp.Or(s.err, err)
	return n, err
}

// BackupDaily makes the backup of the day of now in the folder backups beside
// the file, unless it is there, and deletes all but the newest keep ones. It
// returns the path of the new backup, "" when there was nothing to do.
func (db *DB) BackupDaily(ctx context.Context, keep int, now time.Time) (string, error) {
	if keep <= 0 {
		return "", nil
	}
	to := filepath.Join(filepath.Dir(db.path), backupFolder, now.Format("shopwatch-2006-01-02.db"))
	if _, err := os.Stat(to); err == nil {
		return "", nil
	}
	if err := db.BackupFile(ctx, to); err != nil {
		return "", err
	}
	var errs []error
	list := slices.DeleteFunc(backups(db.path), func(b string) bool { return b == to })
	for len(list) > keep-1 { // the new one stays, whatever the clock said before
		errs = append(errs, os.Remove(list[0]))
		list = list[1:]
	}
	return to, errors.Join(errs...)
}

// backups are the daily backups beside a database, oldest first.
func backups(path string) []string {
	dir := filepath.Join(filepath.Dir(path), backupFolder)
	entries, _ := os.ReadDir(dir)
	var list []string
	for _, e := range entries {
		if _, err := time.Parse("shopwatch-2006-01-02.db", e.Name()); err == nil {
			list = append(list, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(list)
	return list
}

// Rescue is BackupFile to a new file beside the database, for one that is not in
// place any more. It returns the path: shopwatch.db.rescued-2026-11-22T090000.
func (db *DB) Rescue(ctx context.Context, now time.Time) (string, error) {
	to := db.path + rescuedSuffix + now.Format("2006-01-02T150405")
	return to, db.BackupFile(ctx, to)
}

const rescuedSuffix = ".rescued-"

// lastCopy is the newest of the daily backups and of what Rescue has made, by
// their names; "" when there is none.
func lastCopy(path string) string {
	daily := backups(path)
	made, _ := filepath.Glob(escapeGlob(path) + rescuedSuffix + "*") // in the order of their names
	switch {
	case len(made) == 0 && len(daily) == 0:
		return ""
	case len(made) == 0:
		return daily[len(daily)-1]
	case len(daily) == 0:
		return made[len(made)-1]
	}
	day := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(daily[len(daily)-1]), "shopwatch-"), ".db")
	if at := strings.TrimPrefix(made[len(made)-1], path+rescuedSuffix); at < day {
		return daily[len(daily)-1]
	}
	return made[len(made)-1]
}

// verify says what is wrong with a database file that nobody uses, for a
// program that knows a schema. The meaning of values is looked at when asked.
func verify(path string, schema int, meaning bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = unlock(f) }() // whatever became of bbolt
	if err = recognise(f); err == nil {
		_, err = checkTree(f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	err = guarded(func() error {
		b, err := bbolt.Open(path, 0o600, &bbolt.Options{
			ReadOnly: true, PreLoadFreelist: true, Timeout: time.Second,
			OpenFile: func(string, int, os.FileMode) (*os.File, error) { return f, nil },
		})
		if err != nil {
			return err
		}
		err = b.View(func(t *bbolt.Tx) error { return tx{Tx: t}.verify(schema, meaning) })
		return errors.Join(err, b.Close())
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// verify checks a whole file. The meaning of values can be told only when they
// have the program's schema.
func (t tx) verify(schema int, meaning bool) error {
	m, err := t.meta()
	switch {
	case err != nil:
		return err
	case m.Schema > schema:
		return fmt.Errorf("made by a newer shopwatch (schema %d, this one knows %d)", m.Schema, schema)
	}
	if err := errors.Join(t.checkBolt(), t.checkSums()); err != nil || !meaning || m.Schema < schema {
		return err
	}
	return t.checkValues()
}

// Restore replaces the database file by a backup after verifying it, and keeps
// the old file aside under the returned name ("" when there was none). No
// process may have the file open; ErrLocked says that one has.
func Restore(path, backup string) (aside string, err error) {
	if same, err := sameFile(path, backup); err != nil || same {
		return "", errors.Join(err, fmt.Errorf("restore %s: that is the database itself", backup))
	}
	if err := verify(backup, present().schema(), true); err != nil {
		return "", fmt.Errorf("restore: the backup is no good, nothing was changed: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("restore: %w", err)
	}
	old, err := os.OpenFile(path, os.O_RDWR, 0)
	switch {
	case err == nil:
		defer old.Close()
		if err := lock(old, time.Second); err != nil {
			return "", fmt.Errorf("restore: %s is %w by %s; stop it first", path, err, holder(old))
		}
		aside = path + time.Now().UTC().Format(".before-restore-20060102T150405.000Z")
	case !errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("restore: %w", err)
	}
	tmp := temporary(path)
	defer os.Remove(tmp)
	if err := copyFile(tmp, backup); err != nil {
		return "", fmt.Errorf("restore: copy %s: %w", backup, err)
	}
	if err := verify(tmp, present().schema(), false); err != nil {
		return "", fmt.Errorf("restore: the copy is no good, nothing was changed: %w", err)
	}
	like := path
	if aside == "" {
		like = filepath.Dir(path)
	}
	if err := keepOwner(tmp, like); err != nil {
		return "", fmt.Errorf("restore: %w", err)
	}
	if aside != "" {
		// A second name for the old file, so that there is a database under
		// its own name at every moment.
		if err := os.Link(path, aside); err != nil {
			if err := os.Rename(path, aside); err != nil {
				return "", fmt.Errorf("restore: keep the old file: %w", err)
			}
		}
	}
	if err := errors.Join(os.Rename(tmp, path), syncDir(filepath.Dir(path))); err != nil {
		return aside, fmt.Errorf("restore: %w", err)
	}
	return aside, nil
}

func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Sync(), dst.Close())
}

// sameFile reports whether two paths lead to one file. A path that leads
// nowhere is another one.
func sameFile(a, b string) (bool, error) {
	sa, errA := os.Stat(a)
	sb, errB := os.Stat(b)
	for _, err := range []error{errA, errB} {
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
	}
	if errA != nil || errB != nil {
		absA, err1 := filepath.Abs(a)
		absB, err2 := filepath.Abs(b)
		return strings.EqualFold(absA, absB) && absA == absB, errors.Join(err1, err2)
	}
	return os.SameFile(sa, sb), nil
}

// Compact implements storage.Maintainer. Readers go on until the files change
// places, writers wait. A crash at any point leaves the old file or the new
// one.
func (db *DB) Compact(ctx context.Context) (before, after int64, err error) {
	db.writing.Lock()
	defer db.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	tmp := temporary(db.path)
	defer os.Remove(tmp)
	fresh, before, after, err := db.compactTo(tmp)
	if err != nil {
		return 0, 0, fmt.Errorf("compact %s: %w", db.path, err)
	}
	db.mu.Lock() // readers are done
	defer db.mu.Unlock()
	err = keepOwner(tmp, db.path)
	if err == nil {
		err = errors.Join(os.Rename(tmp, db.path), syncDir(filepath.Dir(db.path)))
	}
	if err != nil {
		return 0, 0, errors.Join(fmt.Errorf("compact %s: %w", db.path, err), fresh.Close())
	}
	old := db.bolt
	db.bolt = fresh
	if err := old.Close(); err != nil {
		return 0, 0, fmt.Errorf("compact %s: %w", db.path, err)
	}
	return before, after, nil
}

// compactTo copies the file to a new one without its free pages, and returns
// that open, locked and safe on disk, with the sizes of both. The caller keeps
// writers out.
func (db *DB) compactTo(path string) (fresh *boltFile, before, after int64, err error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if err := db.inPlace(); err != nil {
		return nil, 0, 0, err
	}
	fresh, err = openBolt(path, db.path, 0, true)
	if err != nil {
		return nil, 0, 0, err
	}
	usual := fresh.AllocSize
	fresh.AllocSize = 0 // the file is as long as what is in it
	err = guarded(func() error {
		if err := db.bolt.View(func(t *bbolt.Tx) error { before = t.Size(); return nil }); err != nil {
			return err
		}
		return bbolt.Compact(fresh.DB, db.bolt.DB, 16<<20)
	})
	db.explain(&err)
	if err == nil {
		err = fresh.Sync()
	}
	if err == nil {
		err = guarded(func() error {
			return fresh.View(func(t *bbolt.Tx) error {
				after = t.Size()
				return tx{Tx: t}.verify(db.format.schema(), false)
			})
		})
	}
	if err != nil {
		return nil, 0, 0, errors.Join(err, fresh.Close())
	}
	fresh.NoSync, fresh.AllocSize = false, usual
	return fresh, before, after, nil
}

// LastBackup returns when the newest backup of a day was made, the zero time
// when there is none.
func (db *DB) LastBackup() time.Time {
	list := backups(db.path)
	if len(list) == 0 {
		return time.Time{}
	}
	st, err := os.Stat(list[len(list)-1])
	if err != nil {
		return time.Time{} // deleted in this moment
	}
	return st.ModTime()
}
