package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/storage/bolt"
	"shopwatch/tracker/api"
	"shopwatch/tracker/browser"
)

// checkFiles looks whether shopwatch and Chrome may have as many files open as
// they need. It finds nothing where that is not known.
func checkFiles() []finding {
	switch limit := browser.MaxFiles(); {
	case limit == 0:
		return nil
	case limit < browser.LeastFiles:
		return []finding{{"files", false, daemon.FewFiles(limit)}}
	default:
		return []finding{{"files", true, fmt.Sprintf("%d may be open at once", limit)}}
	}
}

// checkData looks whether the data directory can be written, whether others
// can read it, and how much space is left.
func checkData(c *config.Config) finding {
	st, err := os.Stat(c.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return checkNewData(c)
	}
	if err != nil {
		return finding{"data", false, fmt.Sprintf("%v; run shopwatch as the user whom it belongs to", err)}
	}
	if who := owner(st); who != "" && os.Geteuid() == 0 {
		return finding{"data", false, fmt.Sprintf("%s belongs to %s, and you are root, whose files %[2]s could not write: sudo -u %[2]s shopwatch …", c.Data, who)}
	}
	if st.Mode().Perm()&0o077 != 0 {
		return finding{"data", false, fmt.Sprintf("others can look into %s, which holds a login: chmod 700 %s", c.Data, c.Data)}
	}
	free, err := daemon.FreeSpace(c.Data)
	if err == nil && free < daemon.LeastSpace {
		return finding{"data", false, fmt.Sprintf("only %s left on the disk of %s: make room; below %s scans are not kept for sure", term.Size(free), c.Data, term.Size(daemon.LeastSpace))}
	}
	if err := tryWrite(c.Data); err != nil {
		return finding{"data", false, fmt.Sprintf("%v; let shopwatch run as the user whom %s belongs to", err, c.Data)}
	}
	if err != nil { // not to be known on this system
		return finding{"data", true, c.Data}
	}
	return finding{"data", true, fmt.Sprintf("%s, %s free", c.Data, term.Size(free))}
}

// checkNewData looks whether a data directory that is not there can be made.
func checkNewData(c *config.Config) finding {
	dir := filepath.Dir(filepath.Clean(c.Data))
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	if free, err := daemon.FreeSpace(dir); err == nil && free < daemon.LeastSpace {
		return finding{"data", false, fmt.Sprintf("only %s left on the disk of %s: make room, or set data to a directory elsewhere", term.Size(free), dir)}
	}
	if err := tryWrite(dir); err != nil {
		return finding{"data", false, fmt.Sprintf("%s cannot be made: %v; set data to a directory of your own", c.Data, err)}
	}
	return finding{"data", true, c.Data + " will be made by the first scan"}
}

// tryWrite writes a file in a directory and takes it away again.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// checkDatabase verifies the whole file and the evidence beside it, or has the
// daemon do it.
func (a *app) checkDatabase(ctx context.Context, c *config.Config) (database finding, evidence []finding) {
	path := databaseName(c)
	if client := a.daemon(ctx, c); client != nil {
		defer client.Close()
		return foundIn(ctx, path+", in use by the daemon,", client)
	}
	if !hasDatabase(c) {
		return result("database", path+" will be made by the first scan", bolt.Lost(path)), nil
	}
	store, err := a.openStore(ctx, c)
	if errors.Is(err, bolt.ErrLocked) {
		return finding{"database", false, err.Error() + " (it is no daemon that answers)"}, nil
	}
	if err != nil {
		return finding{"database", false, err.Error()}, nil
	}
	defer store.Close() // nothing was written
	return foundIn(ctx, path+",", api.Local(api.New(daemon.APIOptions(c, store, version), slog.New(slog.DiscardHandler))))
}

// foundIn makes findings of what a server says of its database.
func foundIn(ctx context.Context, path string, client *api.Client) (database finding, evidence []finding) {
	r, err := client.Check(ctx)
	if err == nil && r.Damage != "" {
		err = errors.New(r.Damage)
	}
	text := path + " answers"
	if r.Size > 0 { // it is a file that shopwatch looks after
		text = fmt.Sprintf("%s %s, of that %s free", path, term.Size(r.Size), term.Size(r.Free))
	}
	database = result("database", text, err)
	e := &r.Evidence
	log := result("log", "", err)
	if err == nil {
		mark, err := client.Checkpoint(ctx)
		log = result("log", fmt.Sprintf("%s; its public key is %s", term.Count(int(mark.Size), 0, "change"), mark.Key), err)
	}
	switch bad := e.Missing + e.Damaged; {
	case err != nil:
		return database, nil
	case e.Named == 0:
		return database, []finding{log}
	case bad > 0:
		return database, []finding{log, {"evidence", false, fmt.Sprintf(
			"of %s that changes name %d are missing and %d damaged, for example %s; put them back from a copy of the folder evidence, the changes themselves are whole",
			term.Count(e.Named, 0, "file"), e.Missing, e.Damaged, e.Files[0])}}
	}
	return database, []finding{log, {"evidence", true, fmt.Sprintf("%s, all there; %d read, as they were", term.Count(e.Named, 0, "file"), e.Read)}}
}
