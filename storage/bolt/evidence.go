package bolt

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Evidence files lie in the folder evidence beside the database, named by the
// SHA-256 of their content: evidence/ab/abcdef….webp. They are safe on disk
// before the transaction that names them.
const evidenceFolder = "evidence"

// orphanAge is how old a file must be before it can be swept: a scan keeps its
// files some time before it is committed, and after a restore the file that was
// set aside may be wanted back.
const orphanAge = 7 * 24 * time.Hour

// KeepEvidence keeps a file in the evidence folder, safe on disk, and returns
// the name under which changes refer to it. The extension has no dot. Keeping
// the same content again costs nothing.
func (db *DB) KeepEvidence(content []byte, ext string) (name string, err error) {
	if ext == "" || strings.ContainsAny(ext, `./\`+"\x00") {
		return "", fmt.Errorf("evidence file with extension %q", ext)
	}
	sum := sha256.Sum256(content)
	name = hex.EncodeToString(sum[:]) + "." + ext
	path := db.EvidencePath(name)
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

// EvidencePath returns where an evidence file lies, also when it is swept by
// now; "" for a name that is none.
func (db *DB) EvidencePath(name string) string {
	hash, _, _ := strings.Cut(name, ".")
	if _, err := hex.DecodeString(hash); err != nil || len(hash) != 2*sha256.Size || name != filepath.Base(name) {
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
	return fromMillis(int64(binary.BigEndian.Uint64(p))), nil
}

// SweepEvidence deletes the evidence files whose newest change is older than
// keep, and those that nothing names. Files that were kept within a week, also
// once more, are left. It returns how many files it deleted.
func (db *DB) SweepEvidence(keep time.Duration, now time.Time) (int, error) {
	swept := 0
	root := filepath.Join(filepath.Dir(db.path), evidenceFolder)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir():
			return nil
		}
		gone, err := db.sweep(path, keep, now)
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

// sweep deletes a file unless something still needs it. Strange files are
// left alone.
func (db *DB) sweep(path string, keep time.Duration, now time.Time) (bool, error) {
	name := filepath.Base(path)
	leftOver := strings.Contains(name, ".tmp-")
	if db.EvidencePath(name) != path && !leftOver {
		return false, nil
	}
	db.keeping.Lock()
	defer db.keeping.Unlock()
	st, err := os.Stat(path)
	if err != nil || now.Sub(st.ModTime()) < orphanAge {
		return false, nil
	}
	var newest time.Time
	err = db.view(func(t tx) (err error) {
		newest, err = t.evidenceTime(name)
		return err
	})
	if err != nil || !newest.IsZero() && now.Sub(newest) < keep {
		return false, err
	}
	// What names the file goes first: after a crash between the two nothing
	// is missed, and the file is swept as one that nothing names.
	if !newest.IsZero() {
		if err := db.update(func(t tx) error { return t.in(inEvidence).Delete([]byte(name)) }); err != nil {
			return false, err
		}
	}
	return true, os.Remove(path)
}

// An EvidenceCheck is what came of looking at the evidence files that changes
// name.
type EvidenceCheck struct {
	Named   int      `json:"named" doc:"files that changes name"`
	Read    int      `json:"read" doc:"files whose content was compared with their names; the others only were there"`
	Missing int      `json:"missing"`
	Damaged int      `json:"damaged" doc:"files whose content is not what it was"`
	Files   []string `json:"files" doc:"some of the missing and damaged ones"`
}

// CheckEvidence looks whether the evidence files that changes name are there,
// and whether their content is what it was. It reads so many bytes at most,
// beginning at a place by chance, so that checks in a row come to all files.
func (db *DB) CheckEvidence(most int64) (EvidenceCheck, error) {
	var c EvidenceCheck
	start := make([]byte, sha256.Size)
	_, _ = rand.Read(start) // never fails
	for _, part := range []struct{ after, end string }{{hex.EncodeToString(start), "~"}, {"", hex.EncodeToString(start)}} {
		for after := part.after; ; {
			names, err := db.evidenceNames(after, part.end)
			if err != nil {
				return c, err
			}
			if len(names) == 0 {
				break
			}
			for _, name := range names {
				most -= c.look(db.EvidencePath(name), name, most)
			}
			after = names[len(names)-1]
		}
	}
	return c, nil
}

// evidenceNames are names of files after one and not after another, a few
// hundred at a time.
func (db *DB) evidenceNames(after, end string) (names []string, err error) {
	err = db.view(func(t tx) error {
		cur := t.in(inEvidence).cursor()
		for k, _ := from(cur, []byte(after)); k != nil && string(k) <= end && len(names) < 500; k, _ = cur.Next() {
			names = append(names, string(k))
		}
		return nil
	})
	return names, err
}

// look takes one file into the check and returns how many bytes it read.
func (c *EvidenceCheck) look(path, name string, most int64) int64 {
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
	if sum := sha256.Sum256(content); err != nil || !strings.HasPrefix(name, hex.EncodeToString(sum[:])+".") {
		bad(&c.Damaged)
	}
	return int64(len(content))
}
