package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"shopwatch/cmd/shopwatch/term"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/storage/postgres"
	"shopwatch/tracker/market/all"
)

// A moveCommand carries a database over to another engine.
type moveCommand struct {
	From string `arg:"" help:"A database file, or postgres://…"`
	To   string `arg:"" help:"A file that is not there, or postgres://… of an empty database."`
}

// Help tells what follows.
func (moveCommand) Help() string {
	return `Everything goes with it: catalogs, scans, the change log, reports with their deliveries, pictures, also those in the bucket of the configuration. In the end both databases are compared. Stop the daemon first; then set database in the configuration, or take it out. The database that was stays as it is. A password is better in PGPASSWORD than here.

Examples:
  shopwatch move data/shopwatch.db postgres://shopwatch@db.example.com/shopwatch
  shopwatch move postgres://shopwatch@db.example.com/shopwatch data/shopwatch.db`
}

// Run moves and compares.
func (m *moveCommand) Run(ctx context.Context, a *app) (err error) {
	o, err := moveOptions(a)
	if err != nil {
		return err
	}
	from, err := m.open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	var moved storage.Moved
	if isURL(m.To) {
		moved, err = m.toServer(ctx, from, o)
	} else {
		moved, err = m.toFile(ctx, from)
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.print(moved)
	}
	fmt.Fprintf(a.out, "moved %s with %s, %s, %s, %s, %s of evidence; compared, and the same\n",
		term.Count(moved.Storefronts, 0, "storefront"), term.Count(moved.Products, 0, "product"), term.Count(moved.Scans, 0, "scan"),
		term.Count(moved.Changes, 0, "change"), term.Count(moved.Reports, 0, "report"), term.Count(moved.Evidence, 0, "file"))
	if moved.Missing > 0 {
		fmt.Fprintf(a.out, "%s of evidence that changes name could not be read and stayed behind\n", term.Count(moved.Missing, 0, "file"))
	}
	if isURL(m.To) {
		fmt.Fprintln(a.out, "now set database in the configuration, and start the daemon")
	} else {
		fmt.Fprintf(a.out, "now take database out of the configuration, set data to %s, and start the daemon\n", filepath.Dir(m.To))
	}
	return nil
}

// moveOptions are those of the database on a server, with the bucket of the
// configuration if there is one.
func moveOptions(a *app) (o postgres.Options, err error) {
	if _, err := os.Stat(a.file); errors.Is(err, os.ErrNotExist) {
		return o, nil
	}
	c, err := a.read(a.file)
	if err != nil {
		return o, err
	}
	return serverOptions(c)
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
}

// open opens the database that is moved. Nobody else works on it meanwhile.
func (m *moveCommand) open(ctx context.Context, o postgres.Options) (storage.Store, error) {
	if isURL(m.From) {
		return openServerToWork(ctx, m.From, o)
	}
	if _, err := os.Stat(m.From); err != nil {
		return nil, fmt.Errorf("there is nothing to move: %w", err)
	}
	db, err := bolt.Open(m.From, bolt.Options{Maintain: true})
	if err != nil {
		return nil, err // and no *bolt.DB that is nil
	}
	return db, nil
}

// toServer loads a server in one transaction: when that fails it stays empty.
func (m *moveCommand) toServer(ctx context.Context, from storage.Store, o postgres.Options) (moved storage.Moved, err error) {
	to, err := openServerToWork(ctx, m.To, o)
	if err != nil {
		return moved, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	err = to.Load(ctx, func(l storage.Loader) error {
		moved, err = storage.Move(ctx, from, l, coolDowns())
		return err
	})
	if err == nil {
		err = storage.Compare(ctx, from, to)
	}
	if err != nil {
		return moved, fmt.Errorf("move to %s: %w", postgres.Name(m.To), err)
	}
	return moved, nil
}

// toFile loads a file under another name, which it gets in the end: after an
// error there is none.
func (m *moveCommand) toFile(ctx context.Context, from storage.Store) (moved storage.Moved, err error) {
	if err := isNew(m.To); err != nil {
		return moved, err
	}
	if err := os.MkdirAll(filepath.Dir(m.To), 0o700); err != nil {
		return moved, err
	}
	half := m.To + ".moving"
	if err := os.Remove(half); err != nil && !errors.Is(err, os.ErrNotExist) {
		return moved, err
	}
	to, err := bolt.Open(half, bolt.Options{Anew: true}) // a database that was moved away left its backups
	if err != nil {
		return moved, err
	}
	err = to.Load(ctx, func(l storage.Loader) error {
		moved, err = storage.Move(ctx, from, l, coolDowns())
		return err
	})
	if err == nil {
		err = errors.Join(to.Check(ctx), storage.Compare(ctx, from, to))
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return moved, errors.Join(fmt.Errorf("move to %s: %w", m.To, err), os.Remove(half))
	}
	return moved, os.Rename(half, m.To)
}

// coolDowns are the keys of cool-downs: marketplaces.
func coolDowns() []string {
	var keys []string
	for _, m := range all.Markets() {
		keys = append(keys, m.Name)
	}
	return keys
}
