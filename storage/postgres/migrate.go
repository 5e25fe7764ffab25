package postgres

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage/merkle"
)

//go:embed migrations
var files embed.FS

// A schema is what a program knows of the tables: the steps that lead there.
type schema struct{ steps []step }

// A step changes the tables. It only adds to them, so that programs that do not
// know it go on.
type step struct {
	sql string
	// needs is the number of steps that a program must know to work with the
	// tables after this one. It is that of the step itself only when something
	// changes that others rely on.
	needs int
}

// known are the steps of this program.
func known() schema {
	return schema{[]step{
		{read("0001_tables.sql"), 1},
		{read("0002_stamps.sql"), 1},
	}}
}

func read(name string) string {
	b, err := fs.ReadFile(files, "migrations/"+name)
	if err != nil {
		panic(err) // it was built in
	}
	return string(b)
}

// migrateLock is held while the tables are changed.
const migrateLock = 7305123018845

// migrate brings the tables to what the program knows. Several programs may do
// that at a time.
func (db *DB) migrate(ctx context.Context, s schema) error {
	done, err := db.steps(ctx)
	if err != nil || len(done) > 0 && (len(done) >= len(s.steps) || slices.Max(done) > len(s.steps)) {
		return db.fits(done, s, err)
	}
	err = db.update(ctx, func(t pgx.Tx) error {
		if _, err := t.Exec(ctx, "select pg_advisory_xact_lock($1)", migrateLock); err != nil {
			return err
		}
		done, err := db.stepsIn(ctx, t)
		if err != nil {
			return err
		}
		if len(done) == 0 {
			if err := begin(ctx, t); err != nil {
				return err
			}
		}
		for i := len(done); i < len(s.steps); i++ {
			if _, err := t.Exec(ctx, s.steps[i].sql); err != nil {
				return fmt.Errorf("step %d of the tables: %w", i+1, err)
			}
			if _, err := t.Exec(ctx, "insert into migrations (step, needs) values ($1, $2)", i+1, s.steps[i].needs); err != nil {
				return err
			}
		}
		if len(done) == 0 {
			id := rand.Text()
			signer, err := merkle.NewSigner(id)
			if err != nil {
				return err
			}
			_, err = t.Exec(ctx, "insert into instance (id, signer) values ($1, $2)", id, signer)
			return err
		}
		return nil
	})
	if err == nil {
		done, err = db.steps(ctx)
	}
	return db.fits(done, s, err)
}

var errForeign = errors.New("foreign tables")

// begin makes the table of steps in a database that is empty.
func begin(ctx context.Context, t pgx.Tx) error {
	var foreign bool
	err := t.QueryRow(ctx, `select exists (select from pg_tables where schemaname = current_schema() and tablename = any($1))`,
		[]string{"migrations", "instance", "storefronts", "products", "changes"}).Scan(&foreign)
	if err == nil && foreign {
		err = errForeign
	}
	if err != nil {
		return err
	}
	_, err = t.Exec(ctx, "create table migrations (step integer primary key, needs integer not null, done timestamptz not null default now())")
	return err
}

// fits says why the program cannot work with the tables.
func (db *DB) fits(needs []int, s schema, err error) error {
	switch {
	case errors.Is(err, errForeign):
		return fmt.Errorf("%s has tables of another program; name an empty one in the configuration (database)", db.server)
	case err != nil:
		return err
	case slices.Max(needs) > len(s.steps):
		return fmt.Errorf("%s was written by a newer shopwatch (schema %d, this one knows %d); run that version here too", db.server, len(needs), len(s.steps))
	}
	return nil
}

// steps are the needs of the steps that were done; none in an empty database.
func (db *DB) steps(ctx context.Context) (needs []int, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		needs, err = db.stepsIn(ctx, t)
		return err
	})
	return needs, err
}

func (db *DB) stepsIn(ctx context.Context, t pgx.Tx) ([]int, error) {
	var ours bool
	err := t.QueryRow(ctx, `select exists (select from pg_attribute where attrelid = to_regclass('migrations') and attname = 'needs')`).Scan(&ours)
	if err != nil || !ours {
		return nil, err
	}
	return list(ctx, t, pgx.RowTo[int], "select needs from migrations order by step")
}
