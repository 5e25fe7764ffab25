package bolt

import "time"

// Instance returns the name that tells this database from every other. It was
// made up with the file, and goes with its backups.
func (db *DB) Instance() (string, error) {
	var m metaValue
	err := db.view(func(t tx) (err error) {
		m, err = t.meta()
		return err
	})
	return m.ID, err
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
