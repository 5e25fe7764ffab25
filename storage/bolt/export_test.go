package bolt

import (
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

// EvidencePath is where an evidence file lies.
func (db *DB) EvidencePath(name string) string { return db.evidencePath(name) }

// Verify is verify with the present schema.
func Verify(path string) error { return verify(path, present().schema(), true) }

// CheckFile is checkFile.
func CheckFile(path string) error { return checkFile(path) }

// Recognise is recognise.
func Recognise(f *os.File) error { return recognise(f) }

// StoredChange is a change as it comes back from the log.
func StoredChange(c *tracker.Change) (tracker.Change, error) {
	v, err := encodeChange(c)
	if err != nil {
		return tracker.Change{}, err
	}
	return decodeChange(c.Seq, v)
}
