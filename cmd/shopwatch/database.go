package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/jackc/pgx/v5"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/storage/bucket"
	"shopwatch/storage/postgres"
	"shopwatch/tracker/fleet"
)

// databasePath is where the database is when it is a file.
func databasePath(c *config.Config) string { return filepath.Join(c.Data, "shopwatch.db") }

// databaseName is how people are told of the database.
func databaseName(c *config.Config) string {
	if c.Database != "" {
		return postgres.Name(c.Database)
	}
	return databasePath(c)
}

// hasDatabase reports whether there may be one: whether a file is there, or a
// server is named.
func hasDatabase(c *config.Config) bool {
	if c.Database != "" {
		return true
	}
	_, err := os.Stat(databasePath(c))
	return !errors.Is(err, fs.ErrNotExist)
}

// openStore opens the database of the configuration and makes it where there is
// none.
func (a *app) openStore(ctx context.Context, c *config.Config) (storage.Store, error) {
	if c.Database != "" {
		db, err := a.servers.open(ctx, c)
		if err != nil {
			return nil, err
		}
		return shared{db}, nil
	}
	return a.openFile(c, bolt.Options{})
}

// openToWork is openStore for a process that scans and sends reports. Of a file no
// other one does so until the store is closed; of a server each takes its part.
func (a *app) openToWork(ctx context.Context, c *config.Config) (storage.Store, error) {
	if c.Database == "" {
		return a.openFile(c, bolt.Options{}) // which one process has
	}
	return a.openFleet(ctx, c)
}

// openServerToWork opens the database at a URL, on which no other process works
// until it is closed.
func openServerToWork(ctx context.Context, url string, o postgres.Options) (*worker, error) {
	db, err := postgres.Open(ctx, url, o)
	if err != nil {
		return nil, err
	}
	l, err := db.Acquire(ctx, workLease, process())
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	w := &worker{db, l}
	// Who begins to work looks for this lease after it has taken its own: at least
	// one of them sees the other. One that sleeps is told when it wakes.
	holders, err := db.Holders(ctx, fleet.WorkerPrefix)
	if err == nil && len(holders) > 0 {
		err = fmt.Errorf("%s is %w by %s; stop that one first", postgres.Name(url), postgres.ErrHeld, strings.Join(holders, " and by "))
	}
	if err == nil {
		err = db.Update(ctx, func(t pgx.Tx) error { return postgres.TakeOver(ctx, t, fleet.WorkerPrefix) })
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	db.Fence(l)
	return w, nil
}

// openToRun is openToWork for a daemon: it verifies a file first, and waits for a
// server that is away.
func (a *app) openToRun(ctx context.Context, c *config.Config, log *slog.Logger) (storage.Store, error) {
	if c.Database == "" {
		return a.openFile(c, bolt.Options{Maintain: true})
	}
	s := standby{log: log}
	began := time.Now()
	db, err := a.openFleet(ctx, c)
	for errors.Is(err, postgres.ErrAway) && time.Since(began) < startPatience {
		s.waits(err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
		db, err = a.openFleet(ctx, c)
	}
	return db, err
}

// startPatience is how long a daemon that begins waits for a database that cannot
// be reached: both may have been started at once.
const startPatience = 5 * time.Minute

// A standby says that a daemon waits for its database: to people once, and to
// systemd as long as it does.
type standby struct {
	log  *slog.Logger
	said bool
}

func (s *standby) waits(why error) {
	if !s.said {
		s.log.Info("standing by", "why", why.Error())
		_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
	}
	s.said = true
	_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
}

// workLease is held by who works on a database alone.
const workLease = "daemon"

// process names this process for people at other machines.
func process() string {
	host, err := os.Hostname()
	if err != nil {
		host = "a machine without a name"
	}
	return fmt.Sprintf("shopwatch on %s (process %d)", host, os.Getpid())
}

// A worker is a database of several machines on which this process works alone.
type worker struct {
	*postgres.DB
	lease *postgres.Lease
}

// Close lets others work.
func (w *worker) Close() error {
	return errors.Join(w.lease.Release(context.Background()), w.DB.Close())
}

// servers are the databases on servers that a command has open.
type servers struct {
	patience time.Duration // with one that goes away after it was reached
	warn     func(error)   // of evidence that stays in the database; nil for nobody

	mu    sync.Mutex
	byURL map[string]*postgres.DB
}

// open returns the database of the configuration, which stays open until close.
func (s *servers) open(ctx context.Context, c *config.Config) (*postgres.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if db := s.byURL[c.Database]; db != nil {
		return db, nil
	}
	if err := makeData(c); err != nil {
		return nil, err
	}
	o, err := serverOptions(c)
	if err != nil {
		return nil, err
	}
	o.Patience, o.Warn = s.patience, s.warn
	db, err := postgres.Open(ctx, c.Database, o)
	if err != nil {
		return nil, err
	}
	if s.byURL == nil {
		s.byURL = make(map[string]*postgres.DB)
	}
	s.byURL[c.Database] = db
	return db, nil
}

// serverOptions are those of a database on a server, with the bucket of its evidence.
func serverOptions(c *config.Config) (o postgres.Options, err error) {
	b := &c.Bucket
	if b.URL == "" {
		return o, nil
	}
	o.BucketFrom = int64(b.From)
	o.Bucket, err = bucket.New(bucket.Options{URL: b.URL, Region: b.Region, AccessKey: b.AccessKey, SecretKey: b.SecretKey, Lacks: b.Lacks})
	return o, err
}

// close closes all of them.
func (s *servers) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, db := range s.byURL {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}

// A shared is a database of servers.
type shared struct{ *postgres.DB }

// Close leaves it open: servers close it.
func (shared) Close() error { return nil }

func (a *app) openFile(c *config.Config, o bolt.Options) (storage.Store, error) {
	o.Progress = a.upgrading
	if err := makeData(c); err != nil {
		return nil, err
	}
	db, err := bolt.Open(databasePath(c), o)
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, bolt.ErrForeign):
		err = fmt.Errorf("%w; set data: to another folder or move the file away", err)
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w; run shopwatch as the user whom the file belongs to", err)
	}
	return nil, err // and no *bolt.DB that is nil
}

func makeData(c *config.Config) error {
	err := os.MkdirAll(c.Data, 0o700)
	if err != nil {
		err = fmt.Errorf("make the data directory: %w; set data to a directory of your own", err)
	}
	return err
}
