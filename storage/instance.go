package storage

import (
	"crypto/rand"
	"time"
)

// An instanceValue tells one database from every other.
type instanceValue struct {
	ID string `json:"id"`
}

// Instance returns the name that tells this database from every other. It is
// made up when it is first asked for, stays in the file and goes with its
// backups.
func (db *DB) Instance() (string, error) {
	var v instanceValue
	err := db.view(func(t tx) error {
		_, err := t.in(inMeta).read([]byte("instance"), &v)
		return err
	})
	if err != nil || v.ID != "" {
		return v.ID, err
	}
	err = db.update(func(t tx) error {
		b := t.in(inMeta)
		if found, err := b.read([]byte("instance"), &v); found || err != nil {
			return err
		}
		v.ID = rand.Text()
		return b.write([]byte("instance"), v)
	})
	return v.ID, err
}

// Joined returns when a channel was given its place in the log.
func (db *DB) Joined(channel string) (time.Time, error) {
	var at time.Time
	err := db.view(func(t tx) error {
		v, err := t.channel(channel)
		at = time.UnixMilli(v.Joined).UTC()
		return err
	})
	return at, err
}
