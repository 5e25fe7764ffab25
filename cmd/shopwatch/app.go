package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker/api"
)

// An app is what every command gets: where to read, where to write, and how.
type app struct {
	file     string // the configuration
	json     bool
	out, err io.Writer
	timing   daemon.Timing
	read     func(file string) (*config.Config, error)
}

func (a *app) load() (*config.Config, error) { return a.read(a.file) }

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
	return daemon.Options{Version: version, Timing: a.timing, Log: log}
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
