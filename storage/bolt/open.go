package bolt

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"shopwatch/storage"
	"shopwatch/storage/merkle"
)

// Options of Open. The zero value is good.
type Options struct {
	Timeout time.Duration // how long to wait for another process; 1 s when zero
	// Maintain does at opening what a daemon that runs for months should do
	// when it starts: verify the whole file, and compact it when that gives
	// back a third of it or more.
	Maintain bool
	// Anew makes a file where there is none although backups lie beside it: those
	// of the database that was there before.
	Anew bool
	// Progress is told how far the upgrade of an older file has come: so many
	// parts of all. Nil for nobody.
	Progress func(done, total int)
}

const (
	sentinel  = "shopwatch database"
	mapLength = 1 << 30  // address space only; an open reader never stalls a writer below it
	worthMap  = 16 << 20 // bytes of a file that is compacted by itself
)

// Open opens the database file, or makes a new one where there is none. A file
// that is empty, foreign, damaged or from a newer shopwatch is left as it is;
// the error says what to do. One from an older shopwatch is upgraded after a
// backup. When another process has the file the error wraps ErrLocked and
// names it.
func Open(path string, o Options) (*DB, error) { return open(path, o, present()) }

func open(path string, o Options, f format) (*DB, error) {
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		err = create(path, f, o.Anew)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db := &DB{path: path, format: f, progress: o.Progress, advice: sync.OnceValue(func() string { return wayBack(path) })}
	if db.bolt, err = openBolt(path, path, o.Timeout, false); err != nil {
		return nil, err
	}
	sweepTemporary(path)
	if err := db.prepare(o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// prepare makes sure that the open file is ours, whole and of our schema.
func (db *DB) prepare(o Options) error {
	ctx := context.Background()
	var m metaValue
	err := db.view(ctx, func(t tx) error {
		var err error
		m, err = t.meta()
		return err
	})
	switch {
	case errors.Is(err, ErrForeign):
		return fmt.Errorf("%s is %w, but a bbolt file of another program", db.path, err)
	case err != nil:
		return err
	case m.Schema > db.format.schema():
		return fmt.Errorf("%s was written by a newer shopwatch (schema %d, this one knows %d); run that version, or restore a backup made by this one",
			db.path, m.Schema, db.format.schema())
	}
	var content int64
	if o.Maintain {
		content, err = db.checkPages(ctx)
		if err == nil {
			err = db.view(ctx, tx.checkSums)
		}
		if err != nil {
			return err
		}
	}
	if m.Schema < db.format.schema() {
		if err := db.upgrade(ctx, m.Schema); err != nil {
			return err
		}
	}
	if size, _, err := db.Size(ctx); o.Maintain && err == nil && worthCompacting(size, content) {
		_, _, err = db.Compact(ctx)
		if errors.Is(err, storage.ErrDamaged) {
			return err // for lack of disk space it can wait
		}
	}
	return nil
}

// worthCompacting reports whether a file of so many bytes, of which so many are
// in use, is to be compacted when it is opened. What is not in use lies in free
// pages, and in pages that are not full: one that is split in two leaves both half
// empty. After 60 simulated days (TestYear) pages were between 62 and 94 % full,
// and compacting the 118 MB gave 15 % of them back: that is not worth the time of
// writing the file anew at every start. A third is.
func worthCompacting(size, content int64) bool {
	return size > worthMap && size-content > size/3
}

// ErrForeign comes from opening a file that another program made.
var ErrForeign = errors.New("not a shopwatch database")

// meta reads what the file is.
func (t tx) meta() (metaValue, error) {
	var m metaValue
	found, err := t.in(inMeta).read([]byte("file"), &m)
	if err == nil && (!found || m.What != sentinel) {
		err = ErrForeign
	}
	if err != nil {
		return m, err
	}
	for _, name := range rootBuckets {
		late := slices.Contains(lateBuckets, name) || name == inTree && m.Schema < treeSchema
		if t.Bucket([]byte(name)) == nil && !late {
			return m, fmt.Errorf("bucket %s is missing: %w", name, storage.ErrDamaged)
		}
	}
	return m, nil
}

// Lost says, of a database file that is not there, that it was: backups of it lie
// beside it. It is nil when a new one may be made.
func Lost(path string) error {
	last := lastCopy(path)
	if last == "" {
		return nil
	}
	return fmt.Errorf("%s is missing though it has backups; bring it back with shopwatch restore %s, or move %s and all %s* away to begin anew",
		path, last, filepath.Join(filepath.Dir(path), backupFolder), path+rescuedSuffix)
}

// create makes a new file under another name first, so that a crash leaves
// either no database or a whole one.
func create(path string, f format, anew bool) error {
	if err := Lost(path); err != nil && !anew {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp := temporary(path)
	defer os.Remove(tmp)
	b, err := bbolt.Open(tmp, 0o600, boltOptions())
	if err != nil {
		return err
	}
	err = b.Update(func(t *bbolt.Tx) error {
		for _, name := range rootBuckets {
			if _, err := t.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		m := metaValue{What: sentinel, Schema: f.schema(), Created: time.Now().UnixMilli(), ID: rand.Text()}
		var err error
		if m.Signer, err = merkle.NewSigner(m.ID); err != nil {
			return err
		}
		return tx{Tx: t}.in(inMeta).write([]byte("file"), m)
	})
	if err := errors.Join(err, b.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, os.ErrExist) {
		// A file system without links: another process that creates the
		// file in this very moment would lose its empty one.
		if err := os.Rename(tmp, path); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

func boltOptions() *bbolt.Options {
	return &bbolt.Options{FreelistType: bbolt.FreelistMapType, InitialMmapSize: mapLength}
}

// openBolt locks a file, looks whether bbolt can read it without crashing, and
// opens it under the given name. A new file may be empty.
func openBolt(path, name string, timeout time.Duration, isNew bool) (*boltFile, error) {
	flag := os.O_RDWR
	if isNew {
		flag |= os.O_CREATE | os.O_EXCL
	}
	if timeout == 0 {
		timeout = time.Second
	}
	f, err := openLocked(path, flag, timeout)
	if err != nil {
		return nil, err
	}
	if !isNew {
		if err := recognise(f); err != nil {
			return nil, errors.Join(fmt.Errorf("%s %w", path, withWayBack(err, path)), f.Close())
		}
	}
	if name != path {
		if f, err = rename(f, name); err != nil {
			return nil, err
		}
	}
	o := boltOptions()
	o.NoSync = isNew
	o.Timeout = timeout
	o.OpenFile = func(string, int, os.FileMode) (*os.File, error) { return f, nil }
	var b *bbolt.DB
	err = guarded(func() (err error) {
		b, err = bbolt.Open(path, 0o600, o)
		return err
	})
	switch {
	case err == nil:
		return &boltFile{b, f}, nil
	case errors.Is(err, berrors.ErrTimeout):
		err = fmt.Errorf("%s is %w by another process; stop it first", path, ErrLocked)
	case errors.Is(err, storage.ErrDamaged), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch):
		err = fmt.Errorf("%s is %w: %w; %s", path, storage.ErrDamaged, err, wayBack(path))
	default:
		err = fmt.Errorf("open database %s: %w", path, err)
	}
	_ = unlock(f) // bbolt does usually, but not when it crashes
	return nil, err
}

// openLocked opens a file and locks it. Who had it may have put another in its
// place meanwhile, as Compact does: then that is the one to be locked.
func openLocked(path string, flag int, timeout time.Duration) (*os.File, error) {
	for end := time.Now().Add(timeout); ; {
		f, err := os.OpenFile(path, flag, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open database: %w", err)
		}
		if err := lock(f, time.Until(end)); err != nil {
			if errors.Is(err, ErrLocked) {
				err = fmt.Errorf("%s is %w by %s; stop it first", path, ErrLocked, holder(f))
			}
			return nil, errors.Join(err, f.Close())
		}
		if !replaced(path, f) {
			return f, nil
		}
		if err := unlock(f); err != nil {
			return nil, err
		}
	}
}

// replaced reports whether a path leads to another file than the one that was
// opened there, as far as that can be known.
func replaced(path string, f *os.File) bool {
	there, gone := os.Stat(path)
	open, unknown := f.Stat()
	return gone == nil && unknown == nil && !os.SameFile(there, open)
}

func withWayBack(err error, path string) error {
	if errors.Is(err, storage.ErrDamaged) {
		return fmt.Errorf("%w; %s", err, wayBack(path))
	}
	return err
}

// temporary is a name for a file that is to take the place of another.
func temporary(path string) string {
	return fmt.Sprintf("%s.tmp-%d-%s", path, os.Getpid(), rand.Text()[:6])
}

// escapeGlob is a pattern that means the path itself.
func escapeGlob(path string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// sweepTemporary deletes what a crash left. The caller holds the lock of path.
func sweepTemporary(path string) {
	list, _ := filepath.Glob(escapeGlob(path) + ".tmp-*")
	for _, f := range list {
		os.Remove(f)
	}
}
