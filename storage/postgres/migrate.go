package postgres

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

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
	// jobs are the versions of the tables of River, the job engine, that it makes.
	jobs []int
	// needs is the number of steps that a program must know to work with the
	// tables after this one. It is that of the step itself only when something
	// changes that others rely on.
	needs int
}

// known are the steps of this program.
func known() schema {
	return schema{[]step{
		{sql: read("0001_tables.sql"), needs: 1},
		{sql: read("0002_stamps.sql"), needs: 1},
		// Programs that do not know it believe that they work alone.
		{sql: read("0003_fleet.sql"), jobs: []int{1, 2, 3, 4}, needs: 3},
		{jobs: []int{5, 6, 7, 8}, needs: 3}, // apart: it uses a value of an enumeration that the step before adds
		{sql: read("0005_capture.sql"), needs: 3},
		{sql: read("0006_bucket.sql"), needs: 3},
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
	for more := true; more && err == nil; {
		err = db.update(ctx, func(t pgx.Tx) error {
			more, err = nextStep(ctx, t, s)
			return err
		})
	}
	if err == nil {
		done, err = db.steps(ctx)
	}
	return db.fits(done, s, err)
}

func (s step) make(ctx context.Context, t pgx.Tx) error {
	if _, err := t.Exec(ctx, s.sql); err != nil {
		return err
	}
	for _, version := range s.jobs {
		if err := makeJobTables(ctx, t, version); err != nil {
			return fmt.Errorf("version %d of the tables of jobs: %w", version, err)
		}
	}
	return nil
}

// makeJobTables brings River's tables from the version before to one, by River's own
// SQL, and notes it as River's own program would.
func makeJobTables(ctx context.Context, t pgx.Tx, version int) error {
	files := riverpgxv5.New(nil).GetMigrationFS(riverdriver.MigrationLineMain)
	found, err := fs.Glob(files, fmt.Sprintf("migration/main/%03d_*.up.sql", version))
	if err != nil || len(found) != 1 {
		return errors.Join(err, fmt.Errorf("River has %d files for it", len(found)))
	}
	sql, err := fs.ReadFile(files, found[0])
	if err != nil {
		return err
	}
	if _, err := t.Exec(ctx, strings.ReplaceAll(string(sql), "/* TEMPLATE: schema */", "")); err != nil {
		return err
	}
	note := "insert into river_migration (version) values ($1)"
	if version >= 5 { // its tables have lines of migrations from then on
		note = "insert into river_migration (line, version) values ('main', $1)"
	}
	_, err = t.Exec(ctx, note, version)
	return err
}

// nextStep does the first step that was not done, and reports whether there was
// one.
func nextStep(ctx context.Context, t pgx.Tx, s schema) (more bool, err error) {
	if _, err := t.Exec(ctx, "select pg_advisory_xact_lock($1)", migrateLock); err != nil {
		return false, err
	}
	done, err := stepsIn(ctx, t)
	if err != nil || len(done) >= len(s.steps) {
		return false, err
	}
	n := len(done)
	if n == 0 {
		if err := begin(ctx, t); err != nil {
			return false, err
		}
	}
	if err := s.steps[n].make(ctx, t); err != nil {
		return false, fmt.Errorf("step %d of the tables: %w", n+1, err)
	}
	if _, err := t.Exec(ctx, "insert into migrations (step, needs) values ($1, $2)", n+1, s.steps[n].needs); err != nil || n > 0 {
		return true, err
	}
	id := rand.Text()
	signer, err := merkle.NewSigner(id)
	if err != nil {
		return false, err
	}
	_, err = t.Exec(ctx, "insert into instance (id, signer) values ($1, $2)", id, signer)
	return true, err
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
		needs, err = stepsIn(ctx, t)
		return err
	})
	return needs, err
}

func stepsIn(ctx context.Context, t pgx.Tx) ([]int, error) {
	var ours bool
	err := t.QueryRow(ctx, `select exists (select from pg_attribute where attrelid = to_regclass('migrations') and attname = 'needs')`).Scan(&ours)
	if err != nil || !ours {
		return nil, err
	}
	return list(ctx, t, pgx.RowTo[int], "select needs from migrations order by step")
}
