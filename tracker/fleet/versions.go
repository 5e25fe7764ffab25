package fleet

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// A Version is a configuration that all daemons of a fleet have.
type Version struct {
	Number int64  // 0 for none
	Text   string // with ${NAME} for secrets
	File   string // how it was called, for messages
}

// A Writer is a database that lets write.
type Writer interface {
	Viewer
	Update(ctx context.Context, fn func(pgx.Tx) error) error
}

// Newest returns the newest version of the configuration, the zero Version when none
// was applied.
func Newest(ctx context.Context, db Viewer) (v Version, err error) {
	err = db.View(ctx, func(t pgx.Tx) error {
		v, err = newestVersion(ctx, t)
		return err
	})
	return v, err
}

func newestVersion(ctx context.Context, t pgx.Tx) (v Version, err error) {
	err = t.QueryRow(ctx, "select version, text, file from config_versions order by version desc limit 1").Scan(&v.Number, &v.Text, &v.File)
	if errors.Is(err, pgx.ErrNoRows) {
		return Version{}, nil
	}
	return v, err
}

// Apply gives a configuration to all daemons and returns its version. One that is
// the newest already gets no other. The caller has checked it.
func Apply(ctx context.Context, db Writer, text, file, who string) (version int64, changed bool, err error) {
	err = db.Update(ctx, func(t pgx.Tx) error {
		if _, err := t.Exec(ctx, "lock table config_versions in exclusive mode"); err != nil {
			return err
		}
		v, err := newestVersion(ctx, t)
		version, changed = v.Number, false
		if err != nil || v.Number > 0 && v.Text == text {
			return err
		}
		version, changed = v.Number+1, true
		_, err = t.Exec(ctx, "insert into config_versions (version, text, file, who) values ($1, $2, $3, $4)", version, text, file, who)
		return err
	})
	return version, changed, err
}
