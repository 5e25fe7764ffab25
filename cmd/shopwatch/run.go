package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
)

// A runCommand is the daemon.
type runCommand struct {
	Debug bool   `help:"Log more."`
	Only  string `enum:",web,worker" default:"" placeholder:"web|worker" help:"web: answer people and programs only; scan and send nothing. worker: scan and send only. Needs a PostgreSQL database."`
}

// ownMemory is what the daemon may take before garbage is collected more often
// than it would be. The machine is Chrome's.
const ownMemory = 32 << 20

// storefrontMemory is what it may take for each storefront where that is more: with
// 1,000 of them it would do little else than collect garbage.
const storefrontMemory = 96 << 10

// garbage is how much of it there may be, in percent of what is in use, before it
// is collected.
const garbage = 50

// Help tells of signals.
func (runCommand) Help() string {
	return `SIGTERM and SIGINT end it: a scan under way is cut short and keeps nothing. SIGHUP reads the configuration again, and scans of storefronts that stay in it go on; a bad one is refused and the old one stays. Under systemd it says when it is ready and that it lives. Exit status: 0 when it was told to end, 1 for an error of use, configuration or database.

Examples:
  shopwatch run
  shopwatch run -c /etc/shopwatch/shopwatch.yaml
  shopwatch run --only web
  shopwatch run --only worker`
}

func (r *runCommand) Run(ctx context.Context, a *app) error {
	level := slog.LevelInfo
	if r.Debug {
		level = slog.LevelDebug
	}
	log := a.logger(level)
	a.servers.patience = time.Minute
	if r.Only == "web" {
		a.servers.patience = 5 * time.Second // people wait
	}
	a.servers.warn = func(why error) { log.Warn("evidence stays in the database", "err", why) }
	c, err := a.load()
	if err == nil && r.Only != "" && c.Database == "" {
		err = errors.New("--only needs a database that several processes use: set database to postgres://… (a file is for one)")
	}
	if err == nil {
		err = cmp.Or(c.MaySend(), c.Bucket.Lacks)
	}
	if err != nil {
		return err
	}
	if r.Only == "web" {
		return runWeb(ctx, a, c, log)
	}
	if err := daemon.MayStartChrome(c); err != nil {
		return err
	}
	warnWithoutInit(os.Getpid(), log)
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(max(ownMemory, int64(len(c.Storefronts))*storefrontMemory))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	store, err := a.openToRun(ctx, c, log)
	switch {
	case errors.Is(err, context.Canceled):
		return nil // told to end while it stood by
	case err != nil:
		return err
	}
	load := func() (*config.Config, error) { return a.loadWith(ctx, store) }
	if c, err = load(); err != nil { // it may have been away before
		return errors.Join(err, store.Close())
	}
	o := a.service(log)
	o.Silent = r.Only == "worker"
	return errors.Join(daemon.Run(ctx, c, store, load, o), store.Close())
}

// warnWithoutInit says when shopwatch is the first process of a container. That
// one inherits every process whose parent has ended, as Chrome's do when it is
// killed, and has to clear them away; shopwatch does not.
func warnWithoutInit(pid int, log *slog.Logger) {
	if pid == 1 {
		log.Warn("shopwatch runs as process 1: ended processes of Chrome stay in the process table; start the container with an init (docker run --init, or tini as in the Dockerfile)")
	}
}

// runWeb answers on a database on which another process works.
func runWeb(ctx context.Context, a *app, c *config.Config, log *slog.Logger) error {
	db, err := a.servers.open(ctx, c)
	if err != nil {
		return err
	}
	load := func() (*config.Config, error) { return a.loadWith(ctx, db) }
	return daemon.RunWeb(ctx, c, db, load, a.service(log))
}
