package bolt

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shopwatch/storage"
)

// Evidence files lie in the folder evidence beside the database, named by the
// SHA-256 of their content: evidence/ab/abcdef….webp. They are safe on disk
// before the transaction that names them.
const evidenceFolder = "evidence"

// orphanAge is how old a file must be before it can be swept: a scan keeps its
// files some time before it is committed, and after a restore the file that was
// set aside may be wanted back.
const orphanAge = 7 * 24 * time.Hour

// KeepEvidence implements storage.Evidence. The file is safe on disk when it
// returns.
func (db *DB) KeepEvidence(ctx context.Context, content []byte, ext string) (name string, err error) {
	if ext == "" || strings.ContainsAny(ext, `./\`+"\x00") {
		return "", fmt.Errorf("evidence file with extension %q", ext)
	}
	sum := sha256.Sum256(content)
	name = hex.EncodeToString(sum[:]) + "." + ext
	if err := db.ready(ctx); err != nil {
		return "", err
	}
	path := db.evidencePath(name)
	db.keeping.Lock()
	defer db.keeping.Unlock()
	if known, err := os.ReadFile(path); err == nil && bytes.Equal(known, content) {
		now := time.Now()
		return name, os.Chtimes(path, now, now) // young again in the eyes of a sweep
	}
	if err := writeFile(path, content); err != nil {
		return "", fmt.Errorf("keep evidence: %w", err)
	}
	return name, nil
}

// greatestEvidence is how large a file may be that Evidence reads.
const greatestEvidence = 64 << 20

// Evidence implements storage.Evidence. Only a regular file of the folder itself
// is read, no link and no pipe: who may write there shall neither read what
// shopwatch can read nor hold it up. Content that the name does not fit is an
// error.
func (db *DB) Evidence(ctx context.Context, name string) (content []byte, found bool, err error) {
	if err := db.ready(ctx); err != nil || !isEvidence(name) {
		return nil, false, err
	}
	root, err := os.OpenRoot(filepath.Join(filepath.Dir(db.path), evidenceFolder))
	if err != nil {
		return nil, false, absent(err)
	}
	defer root.Close()
	path := filepath.Join(name[:2], name)
	st, err := root.Lstat(path)
	switch {
	case err != nil:
		return nil, false, absent(err)
	case !st.Mode().IsRegular():
		return nil, false, nil
	case st.Size() > greatestEvidence:
		return nil, false, fmt.Errorf("evidence %s is %w: it is too large", name, storage.ErrDamaged)
	}
	if content, err = root.ReadFile(path); err != nil {
		return nil, false, absent(err)
	}
	if !named(name, content) {
		return nil, false, fmt.Errorf("evidence %s is %w: it is not what it was", name, storage.ErrDamaged)
	}
	return content, true, nil
}

// absent is an error of opening a file, nil when that is not there.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("read evidence: %w", err)
}

// isEvidence reports whether a name can be that of an evidence file.
func isEvidence(name string) bool {
	hash, _, _ := strings.Cut(name, ".")
	_, err := hex.DecodeString(hash)
	return err == nil && len(hash) == 2*sha256.Size && name == filepath.Base(name) && !strings.ContainsRune(name, 0)
}

// named reports whether a name is that of a content.
func named(name string, content []byte) bool {
	sum := sha256.Sum256(content)
	return strings.HasPrefix(name, hex.EncodeToString(sum[:])+".")
}

// evidencePath is where an evidence file lies, also when it is swept by now;
// "" for a name that is none.
func (db *DB) evidencePath(name string) string {
	if !isEvidence(name) {
		return ""
	}
	return filepath.Join(filepath.Dir(db.path), evidenceFolder, name[:2], name)
}

// writeFile writes a whole file, safe on disk together with its folders.
func writeFile(path string, content []byte) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); err != nil {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		for d := filepath.Dir(dir); ; d = filepath.Dir(d) {
			if err := syncDir(d); err != nil {
				return err
			}
			if filepath.Base(d) != evidenceFolder {
				break // the folder in which evidence itself is a name
			}
		}
	}
	tmp := temporary(path)
	defer os.Remove(tmp)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(dir)
}

// nameEvidence notes that something of the given time names evidence files.
// Empty names are left out.
func (t tx) nameEvidence(at time.Time, names ...string) error {
	b := t.in(inEvidence)
	for _, name := range names {
		if name == "" {
			continue
		}
		newest, err := t.evidenceTime(name)
		if err != nil {
			return err
		}
		if at.After(newest) {
			if err := b.put([]byte(name), timeKey(at)); err != nil {
				return err
			}
		}
	}
	return nil
}

// evidenceTime is the time of the newest change that names a file; zero when
// none does.
func (t tx) evidenceTime(name string) (time.Time, error) {
	b := t.in(inEvidence)
	p, err := b.get([]byte(name))
	if p == nil || err != nil {
		return time.Time{}, err
	}
	if len(p) != 8 {
		return time.Time{}, b.damaged([]byte(name), errors.New("wrong length"))
	}
	return storage.FromMillis(int64(binary.BigEndian.Uint64(p))), nil
}

// SweepEvidence implements storage.Retention.
func (db *DB) SweepEvidence(ctx context.Context, keep time.Duration, now time.Time) (int, error) {
	if err := db.ready(ctx); err != nil {
		return 0, err
	}
	swept := 0
	err := db.walkEvidence(func(path string, _ fs.DirEntry) error {
		gone, err := db.sweep(ctx, path, keep, now)
		if gone {
			swept++
		}
		return err
	})
	if err != nil {
		return swept, fmt.Errorf("sweep evidence: %w", err)
	}
	return swept, nil
}

// walkEvidence calls a function for every file in the folder of evidence, whatever
// it is.
func (db *DB) walkEvidence(fn func(path string, d fs.DirEntry) error) error {
	root := filepath.Join(filepath.Dir(db.path), evidenceFolder)
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil || d.IsDir():
			return err
		}
		return fn(path, d)
	})
}

// sweep deletes a file unless something still needs it. Strange files are
// left alone.
func (db *DB) sweep(ctx context.Context, path string, keep time.Duration, now time.Time) (bool, error) {
	name := filepath.Base(path)
	leftOver := strings.Contains(name, ".tmp-")
	if db.evidencePath(name) != path && !leftOver {
		return false, nil
	}
	db.keeping.Lock()
	defer db.keeping.Unlock()
	st, err := os.Stat(path)
	if err != nil || now.Sub(st.ModTime()) < orphanAge {
		return false, nil
	}
	var newest time.Time
	err = db.view(ctx, func(t tx) (err error) {
		newest, err = t.evidenceTime(name)
		return err
	})
	if err != nil || !newest.IsZero() && now.Sub(newest) < keep {
		return false, err
	}
	return true, db.drop(ctx, path, !newest.IsZero())
}

// drop deletes a file. What names it goes first: after a crash between the two
// nothing is missed, and the file is swept as one that nothing names. The caller
// holds keeping.
func (db *DB) drop(ctx context.Context, path string, named bool) error {
	if named {
		if err := db.update(ctx, func(t tx) error { return t.in(inEvidence).Delete([]byte(filepath.Base(path))) }); err != nil {
			return err
		}
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// DropEvidence implements storage.Retention.
func (db *DB) DropEvidence(ctx context.Context, name string) error {
	if err := db.ready(ctx); err != nil || !isEvidence(name) {
		return err
	}
	db.keeping.Lock()
	defer db.keeping.Unlock()
	if err := db.drop(ctx, db.evidencePath(name), true); err != nil {
		return fmt.Errorf("drop evidence: %w", err)
	}
	return nil
}

// TrimEvidence implements storage.Retention. When a file was kept is when it was
// written, or kept once more.
func (db *DB) TrimEvidence(ctx context.Context, ext string, most int64) (int, error) {
	if err := db.ready(ctx); err != nil {
		return 0, err
	}
	var files []fs.FileInfo
	err := db.walkEvidence(func(path string, d fs.DirEntry) error {
		if name := d.Name(); !strings.HasSuffix(name, "."+ext) || db.evidencePath(name) != path {
			return nil
		}
		st, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files = append(files, st)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("trim evidence: %w", err)
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	trimmed := 0
	for _, st := range files {
		if most -= st.Size(); most >= 0 {
			continue
		}
		if err := db.DropEvidence(ctx, st.Name()); err != nil {
			return trimmed, err
		}
		trimmed++
	}
	return trimmed, nil
}

// CheckEvidence implements storage.Evidence.
func (db *DB) CheckEvidence(ctx context.Context, most int64) (storage.EvidenceCheck, error) {
	var c storage.EvidenceCheck
	start := make([]byte, sha256.Size)
	_, _ = rand.Read(start) // never fails
	for _, part := range []struct{ after, end string }{{hex.EncodeToString(start), "~"}, {"", hex.EncodeToString(start)}} {
		for after := part.after; ; {
			names, err := db.evidenceNames(ctx, after, part.end)
			if err != nil {
				return c, err
			}
			if len(names) == 0 {
				break
			}
			for _, name := range names {
				most -= look(&c, db.evidencePath(name), name, most)
			}
			after = names[len(names)-1]
		}
	}
	return c, nil
}

// evidenceNames are names of files after one and not after another, a few
// hundred at a time.
func (db *DB) evidenceNames(ctx context.Context, after, end string) (names []string, err error) {
	err = db.view(ctx, func(t tx) error {
		cur := t.in(inEvidence).cursor()
		for k, _ := from(cur, []byte(after)); k != nil && string(k) <= end && len(names) < 500; k, _ = cur.Next() {
			names = append(names, string(k))
		}
		return nil
	})
	return names, err
}

// look takes one file into the check and returns how many bytes it read.
func look(c *storage.EvidenceCheck, path, name string, most int64) int64 {
	c.Named++
	bad := func(count *int) {
		if *count++; len(c.Files) < 20 {
			c.Files = append(c.Files, name)
		}
	}
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		bad(&c.Missing)
		return 0
	case err != nil || !st.Mode().IsRegular():
		bad(&c.Damaged)
		return 0
	case st.Size() > most:
		return 0
	}
	c.Read++
	content, err := os.ReadFile(path)
	if err != nil || !named(name, content) {
		bad(&c.Damaged)
	}
	return int64(len(content))
}
