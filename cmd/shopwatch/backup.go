package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/storage/bolt"
	"shopwatch/tracker/api"
)

// A backupCommand copies the database.
type backupCommand struct {
	File string `arg:"" complete:"file" help:"Where to; a file that is there is not replaced."`
}

// Help gives an example.
func (backupCommand) Help() string {
	return `The copy is whole and verified, also while the daemon runs. Pictures and the login are not part of it.

Example:
  shopwatch backup shopwatch-2026-11-22.db`
}

// Run writes the copy.
func (b *backupCommand) Run(ctx context.Context, a *app) error {
	if err := isNew(b.File); err != nil {
		return err
	}
	return a.ask(ctx, func(_ *config.Config, client *api.Client) error {
		f, err := os.CreateTemp(filepath.Dir(b.File), ".shopwatch-backup-*")
		if err != nil {
			return fmt.Errorf("write the backup: %w", err)
		}
		defer os.Remove(f.Name())
		if err := errors.Join(client.Backup(ctx, f), f.Sync(), f.Close()); err != nil {
			return err
		}
		// Its name is taken first, so that nothing is replaced that came to be
		// there meanwhile.
		if err := writeNew(b.File, nil); err != nil {
			return fmt.Errorf("write the backup: %w", err)
		}
		if err := os.Rename(f.Name(), b.File); err != nil {
			return fmt.Errorf("write the backup: %w", errors.Join(err, os.Remove(b.File)))
		}
		st, err := os.Stat(b.File)
		if err != nil {
			return err
		}
		if a.json {
			return a.print(map[string]any{"file": b.File, "bytes": st.Size()})
		}
		fmt.Fprintf(a.out, "%s: %s, verified; pictures of evidence are not part of it\n", b.File, term.Size(st.Size()))
		return nil
	})
}

// A restoreCommand puts a backup back.
type restoreCommand struct {
	File string `arg:"" type:"existingfile" complete:"file" help:"The backup."`
}

// Help gives an example.
func (restoreCommand) Help() string {
	return `Stop the daemon first. The present database is kept beside it under another name.

Example:
  shopwatch restore FILE`
}

// Run replaces the database with the backup.
func (r *restoreCommand) Run(ctx context.Context, a *app) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if c.Database != "" {
		return fmt.Errorf("%s is no file of shopwatch: restore it with the tools of its server, such as pg_restore", databaseName(c))
	}
	aside, err := bolt.Restore(databasePath(c), r.File)
	if err != nil {
		return err
	}
	if a.json {
		return a.print(map[string]string{"file": r.File, "before": aside})
	}
	fmt.Fprintf(a.out, "%s is the database now\n", r.File)
	if aside != "" {
		fmt.Fprintf(a.out, "the one before is kept as %s\n", aside)
	}
	return nil
}

// A compactCommand makes the database file smaller.
type compactCommand struct{}

// Help gives an example.
func (compactCommand) Help() string {
	return `Example:
  shopwatch compact`
}

// Run compacts the file.
func (compactCommand) Run(ctx context.Context, a *app) error {
	return a.ask(ctx, func(_ *config.Config, client *api.Client) error {
		s, err := client.Compact(ctx)
		if err != nil {
			return err
		}
		if a.json {
			return a.print(s)
		}
		fmt.Fprintf(a.out, "%s before, %s now\n", term.Size(s.Before), term.Size(s.After))
		return nil
	})
}
