package bolt

import (
	"encoding/binary"
	"errors"
	"os"

	"go.etcd.io/bbolt"

	"shopwatch/tracker"
)

// Bolt is the file beneath, for tests that look at its keys or spoil them.
func (db *DB) Bolt() *bbolt.DB { return db.bolt.DB }

// OpenUpgrading opens a file as a later shopwatch would, whose schema is
// greater by the number of steps.
func OpenUpgrading(path string, steps ...func(*bbolt.Tx) error) (*DB, error) {
	f := present()
	for _, step := range steps {
		f.upgrades = append(f.upgrades, func(t tx) error { return step(t.Tx) })
	}
	return open(path, Options{}, f)
}

// Forge rewrites the log from a change on as somebody would who wants nobody to
// notice: change alters each, checksums and hashes are made anew, and changes for
// which it returns false are cut off.
func (db *DB) Forge(from uint64, change func(*tracker.Change) bool) error {
	return db.bolt.Update(func(bt *bbolt.Tx) error {
		t := tx{Tx: bt}
		log, tree, last := t.in(inChanges), t.in(inTree), t.last()
		for seq := from; seq <= last; seq++ {
			c, err := t.change(seq)
			if err != nil {
				return err
			}
			if !change(&c) {
				if err := errors.Join(log.Delete(number(seq)), tree.Delete(number(seq)), log.SetSequence(min(log.Sequence(), seq-1))); err != nil {
					return err
				}
				continue
			}
			p, kept, err := encodeChange(&c)
			if err != nil {
				return err
			}
			if err := errors.Join(log.put(number(seq), p), tree.grow(&kept)); err != nil {
				return err
			}
		}
		return nil
	})
}

// EvidencePath is where an evidence file lies.
func (db *DB) EvidencePath(name string) string { return db.evidencePath(name) }

// Verify is verify with the present schema.
func Verify(path string) error { return verify(path, present().schema(), true) }

// CheckFile is checkFile.
func CheckFile(path string) error {
	_, err := checkFile(path)
	return err
}

// Recognise is recognise.
func Recognise(f *os.File) error { return recognise(f) }

// StoredChange is a change as it comes back from the log.
func StoredChange(c *tracker.Change) (tracker.Change, error) {
	v, _, err := encodeChange(c)
	if err != nil {
		return tracker.Change{}, err
	}
	return decodeChange(c.Seq, v)
}

// Seal writes the checksum of a value that lies in one of the buckets at the
// root.
func Seal(bucket string, key, value []byte) error {
	if len(value) < sealLength {
		return errors.New("too short")
	}
	binary.BigEndian.PutUint32(value[1:], newBucket(nil, bucket).sum(key, value[sealLength:])^sealVersion)
	return nil
}

// KeptChange is a change as it is hashed for the log's tree, before it is read
// back.
func KeptChange(c *tracker.Change) (tracker.Change, error) {
	_, kept, err := encodeChange(c)
	return kept, err
}
