// Package bolt is the storage engine of a single machine: a bbolt file, and a
// folder of evidence beside it. One process at a time can have it open.
//
// What must be true together is written in one transaction: a scan with the
// catalog, the changes and the episode that follow from it; a report with its
// channel's place in the log. Every value carries a checksum over its key and
// itself, so that damage is an error that names the key and never a wrong
// catalog. Nothing that waits (for a network, a person, a disk that is not the
// file's own) happens inside a transaction.
package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// ErrLocked is wrapped by the error of Open and Restore when another process
// has the file.
var ErrLocked = errors.New("in use")

// A DB is an open database file with its evidence folder. Its methods may be
// called from several goroutines.
type DB struct {
	path   string
	format format
	// progress is told how far an upgrade has come; nil for nobody.
	progress func(done, total int)

	// writing is held by whoever writes, so that Compact can keep writers out
	// while readers go on. Taken before mu.
	writing sync.Mutex
	mu      sync.RWMutex // held for writing while the file is exchanged or closed
	bolt    *boltFile    // nil when closed
	broken  atomic.Pointer[error]
	advice  func() string // wayBack, looked for once
	keeping sync.Mutex    // held while evidence files come and go

	read     atomic.Int64 // bytes of catalogs and log since memory was released last
	released atomic.Int64 // when that was

	thinning sync.Mutex
	thinned  map[tracker.StorefrontName][]byte // until when the scan records of a storefront are thinned out

	gaps storage.WriteGaps
}

// A boltFile is an open bbolt file. The file itself is at hand for the case
// that bbolt crashed in it and cannot close it any more.
type boltFile struct {
	*bbolt.DB
	file *os.File
}

// A DB is a storage.Store with a file to look after.
var (
	_ storage.Store      = (*DB)(nil)
	_ storage.Maintainer = (*DB)(nil)
)

// view runs a function in a read transaction. It must not begin another one.
func (db *DB) view(ctx context.Context, fn func(tx) error) (err error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if err := cmp.Or(ctx.Err(), db.usable()); err != nil {
		return err
	}
	defer db.explain(&err)
	return guarded(func() error {
		return db.bolt.View(func(t *bbolt.Tx) error {
			x := tx{Tx: t, read: &db.read}
			defer db.release(x)
			return fn(x)
		})
	})
}

// update runs a function in the write transaction. It must not begin another
// one.
func (db *DB) update(ctx context.Context, fn func(tx) error) (err error) {
	db.writing.Lock()
	defer db.writing.Unlock()
	db.mu.RLock()
	defer db.mu.RUnlock()
	if err := cmp.Or(ctx.Err(), db.inPlace()); err != nil {
		return err
	}
	defer db.explain(&err)
	return guarded(func() error {
		return db.bolt.Update(func(t *bbolt.Tx) error {
			x := tx{Tx: t, read: &db.read}
			defer db.release(x)
			return fn(x)
		})
	})
}

// A daemon reads every catalog again and again, and would hold the memory of the
// whole mapped file. It is given back to the system after releaseFrom bytes of
// catalogs and log were read. Commits in a row would map it anew each time,
// which takes a third as long as the commit itself: among them it is given back
// ten times a second, or after releaseAt bytes.
const (
	releaseFrom  = 4 << 20
	releaseAt    = 32 << 20
	releaseEvery = 100 * time.Millisecond
)

// release gives back the memory of the mapped file if it is time.
func (db *DB) release(t tx) {
	read := db.read.Load()
	if read < releaseFrom {
		return
	}
	now := time.Now().UnixNano()
	if t.Writable() && read < releaseAt && time.Duration(now-db.released.Load()).Abs() < releaseEvery {
		return
	}
	db.read.Store(0)
	db.released.Store(now)
	t.releaseMemory()
}

// count takes in that bytes of the file were read.
func (t tx) count(n int) {
	if t.read != nil {
		t.read.Add(int64(n))
	}
}

// ready says why nothing can be done now.
func (db *DB) ready(ctx context.Context) error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return cmp.Or(ctx.Err(), db.usable())
}

// usable says why the file cannot be used: it is closed, or an earlier call
// crashed in it and left bbolt's locks in an unknown state.
func (db *DB) usable() error {
	if p := db.broken.Load(); p != nil {
		return *p
	}
	if db.bolt == nil {
		return fmt.Errorf("%s is closed", db.path)
	}
	return nil
}

// Ping implements storage.Store. The error wraps storage.ErrReplaced when the file is
// no longer where it was.
func (db *DB) Ping(ctx context.Context) error {
	return db.view(ctx, func(t tx) error {
		if err := db.inPlace(); err != nil {
			return err
		}
		_, err := t.meta()
		return err
	})
}

// inPlace says why what is written would be lost, or why the file cannot be
// used at all. The first wraps storage.ErrReplaced. The caller holds mu.
func (db *DB) inPlace() error {
	if err := db.usable(); err != nil {
		return err
	}
	there, err := os.Stat(db.path)
	open, unknown := db.bolt.file.Stat()
	gone := errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
	another := err == nil && unknown == nil && !os.SameFile(there, open)
	if !gone && !another { // or nobody knows
		return nil
	}
	return fmt.Errorf("%s was %w while shopwatch has it open; nothing can be kept any more", db.path, storage.ErrReplaced)
}

// explain adds to an error what a person can do about it.
func (db *DB) explain(err *error) {
	var c *crash
	switch {
	case *err == nil:
	case errors.Is(*err, storage.ErrDamaged):
		*err = fmt.Errorf("%s: %w; %s", db.path, *err, db.advice())
		if errors.As(*err, &c) {
			broken := *err
			db.broken.CompareAndSwap(nil, &broken)
		}
	case errors.Is(*err, syscall.ENOSPC), errors.Is(*err, syscall.EDQUOT):
		*err = &diskError{*err, fmt.Sprintf("%s: nothing was written: %v; free some disk space, what was stored before is safe", db.path, *err)}
	case errors.Is(*err, syscall.EIO), errors.Is(*err, syscall.EROFS), errors.Is(*err, syscall.EFBIG):
		*err = &diskError{*err, fmt.Sprintf("%s: nothing was written: %v; look after the disk, what was stored before is safe", db.path, *err)}
	}
}

type diskError struct {
	error
	text string
}

func (e *diskError) Error() string   { return e.text }
func (e *diskError) Unwrap() []error { return []error{storage.ErrFull, e.error} }

// A crash is a panic or a fault of bbolt on pages that make no sense.
type crash struct{ reason any }

func (c *crash) Error() string { return fmt.Sprintf("damaged pages (%v)", c.reason) }
func (c *crash) Unwrap() error { return storage.ErrDamaged }

// guarded runs a function and turns a crash on a damaged file into an error.
// Other panics are bugs and pass.
func guarded(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if !ofFile(r) {
				panic(r)
			}
			err = &crash{r}
		}
	}()
	return fn()
}

// ofFile reports whether a panic comes from reading the file: bbolt's own, or
// a fault on memory that maps it. Called while the panicking frames are still
// on the stack.
func ofFile(reason any) bool {
	if fault, ok := reason.(interface{ Addr() uintptr }); ok && fault.Addr() > 1<<16 {
		return true
	}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	panicked := false
	for {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if panicked && !inRuntime {
			return strings.HasPrefix(f.Function, "go.etcd.io/bbolt")
		}
		panicked = panicked || inRuntime
		if !more {
			return false
		}
	}
}

// Path returns where the file lies.
func (db *DB) Path() string { return db.path }

// Size implements storage.Maintainer.
func (db *DB) Size(ctx context.Context) (size, free int64, err error) {
	err = db.view(ctx, func(t tx) error {
		size = t.Size()
		free = int64(db.bolt.Stats().FreePageN) * int64(db.bolt.Info().PageSize)
		return nil
	})
	return size, free, err
}

// Close implements storage.Store.
func (db *DB) Close() error {
	db.writing.Lock()
	defer db.writing.Unlock()
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.bolt == nil {
		return nil
	}
	b := db.bolt
	db.bolt = nil
	if db.broken.Load() != nil {
		return unlock(b.file) // bbolt might wait for ever
	}
	if err := b.Close(); err != nil {
		return fmt.Errorf("close %s: %w", db.path, err)
	}
	return nil
}

// syncDir makes the names in a folder safe on disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if runtime.GOOS == "windows" {
		err = nil // folders cannot be synced there
	}
	return errors.Join(err, d.Close())
}

// wayBack says how to get out of a damaged file: with the newest backup that
// is whole.
func wayBack(path string) string {
	list := backups(path)
	for i := len(list) - 1; i >= 0; i-- {
		if verify(list[i], present().schema(), true) == nil {
			return fmt.Sprintf("stop shopwatch and go back to the newest good backup: shopwatch restore %s", list[i])
		}
	}
	return fmt.Sprintf("there is no good backup in %s: restore one from elsewhere with shopwatch restore FILE, or move the file away to begin anew", filepath.Join(filepath.Dir(path), backupFolder))
}

// names are the storefronts that have a bucket under a root bucket.
func (t tx) names(root string) []tracker.StorefrontName {
	var list []tracker.StorefrontName
	cur := t.in(root).cursor()
	if cur == nil {
		return nil
	}
	for k, v := cur.First(); k != nil; k, v = cur.Next() {
		if v == nil {
			list = append(list, tracker.StorefrontName(k))
		}
	}
	return list
}
