package bolt

import "context"

// Instance implements storage.Store.
func (db *DB) Instance(ctx context.Context) (string, error) {
	var m metaValue
	err := db.view(ctx, func(t tx) (err error) {
		m, err = t.meta()
		return err
	})
	return m.ID, err
}
