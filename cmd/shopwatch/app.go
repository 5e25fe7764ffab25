package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker/api"
	"shopwatch/tracker/fleet"
	"shopwatch/tracker/market/all"
)

// An app is what every command gets: where to read, where to write, and how.
type app struct {
	file     string // the configuration
	json     bool
	out, err io.Writer
	timing   daemon.Timing
	read     func(file string) (*config.Config, error)
	servers  *servers
}

// load reads the configuration: that of the file, or the one that all machines on its
// database have. While that cannot be asked it is the file's.
func (a *app) load() (*config.Config, error) {
	c, err := a.read(a.file)
	if err != nil || c.Database == "" {
		return c, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	db, err := a.servers.open(ctx, c)
	if err != nil {
		return c, nil //nolint:nilerr // who needs the database finds out
	}
	return a.merge(ctx, c, db)
}

// merge is what a machine with a configuration of its own works with on a database.
func (a *app) merge(ctx context.Context, own *config.Config, db fleet.Viewer) (*config.Config, error) {
	v, err := fleet.Newest(ctx, db)
	if err != nil {
		return nil, err
	}
	if v.Number == 0 {
		if len(own.Storefronts) == 0 {
			return nil, fmt.Errorf("there are no storefronts in %s: put them in, or give all machines a configuration with shopwatch apply FILE", a.file)
		}
		return own, nil
	}
	return config.Merge(own, v.Number, v.File, v.Text, os.LookupEnv, all.Markets())
}

// loadWith is load on a database that is open. It fails when that cannot be asked.
func (a *app) loadWith(ctx context.Context, store storage.Store) (*config.Config, error) {
	c, err := a.read(a.file)
	if err != nil {
		return nil, err
	}
	if db, ok := store.(fleet.Viewer); ok && c.Database != "" {
		return a.merge(ctx, c, db)
	}
	return c, nil
}

// ask lets f ask the daemon or, when none runs, a server in this process that
// has opened the database. f sees no difference.
func (a *app) ask(ctx context.Context, f func(*config.Config, *api.Client) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if client := a.daemon(ctx, c); client != nil {
		defer client.Close()
		return f(c, client)
	}
	if !hasDatabase(c) {
		if err := bolt.Lost(databasePath(c)); err != nil {
			return err
		}
		return fmt.Errorf("nothing is known yet: there is no database %s; shopwatch scan or shopwatch run makes one", databasePath(c))
	}
	store, err := a.openStore(ctx, c)
	if err != nil {
		return err
	}
	server := api.New(daemon.APIOptions(c, store, version), slog.New(slog.DiscardHandler))
	return errors.Join(f(c, api.Local(server)), store.Close())
}

// daemon returns a client of the daemon that works in the data directory, nil
// when none answers. If one lives nevertheless its lock on the database will
// tell.
func (a *app) daemon(ctx context.Context, c *config.Config) *api.Client {
	client := api.Dial(c.Data)
	if !client.Healthy(ctx) {
		client.Close()
		return nil
	}
	return client
}

// service are the options of a service of this process.
func (a *app) service(log *slog.Logger) daemon.Options {
	return daemon.Options{Version: version, Timing: a.timing, Log: log, Process: process(), Trouble: diskTrouble}
}

// diskTrouble says why this machine cannot scan: it has no room for what a scan
// leaves.
func diskTrouble(c *config.Config) error {
	if free, err := daemon.FreeSpace(c.Data); err == nil && free < daemon.LeastSpace {
		return fmt.Errorf("only %s left on the disk of %s: make room", term.Size(free), c.Data)
	}
	return nil // or not to be known on this system
}

// upgrading tells how far the upgrade of a database has come that an earlier
// version made.
func (a *app) upgrading(done, total int) {
	if total == 0 {
		return
	}
	fmt.Fprintf(a.err, "shopwatch: upgrading the database: %d %%\n", 100*done/total)
}

// print writes a value as one line of JSON.
func (a *app) print(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// logger logs for people on a terminal and for machines otherwise.
func (a *app) logger(level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if term.Columns(a.err) > 0 {
		return slog.New(slog.NewTextHandler(a.err, o))
	}
	o.ReplaceAttr = func(_ []string, attr slog.Attr) slog.Attr {
		if attr.Value.Kind() == slog.KindDuration {
			attr.Value = slog.StringValue(attr.Value.Duration().String())
		}
		return attr
	}
	return slog.New(slog.NewJSONHandler(a.err, o))
}

// Seq is the number of a change that a person gives.
type Seq uint64

// UnmarshalText reads the number. There are none that JSON cannot carry.
func (s *Seq) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 10, 53)
	if err != nil || n == 0 {
		return fmt.Errorf("%q is no number of a change; shopwatch changes prints them", b)
	}
	*s = Seq(n)
	return nil
}

// Limit is how many a person wants at most.
type Limit int

// UnmarshalText reads the number.
func (l *Limit) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 10, 31)
	if err != nil {
		return fmt.Errorf("%q is not a number from 0 up", b)
	}
	*l = Limit(n)
	return nil
}

// When is a time that a person gives: how long ago, a day, or an instant.
type When struct{ text string }

// UnmarshalText takes the text; what it means depends on the configuration's
// time zone.
func (w *When) UnmarshalText(b []byte) error {
	w.text = string(b)
	_, err := w.in(time.UTC)
	return err
}

// in returns the time, zero when none was given.
func (w When) in(loc *time.Location) (time.Time, error) {
	if w.text == "" {
		return time.Time{}, nil
	}
	var ago config.Duration
	if ago.UnmarshalText([]byte(w.text)) == nil {
		return time.Now().Add(-time.Duration(ago)), nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(form, w.text, loc); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time; write 24h, 7d, 2026-11-22 or \"2026-11-22 09:00\"", w.text)
}
