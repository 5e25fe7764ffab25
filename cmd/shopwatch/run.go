package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"shopwatch/storage"
	"shopwatch/tracker/web"
)

// A runCommand is the daemon.
type runCommand struct {
	Debug bool `help:"Log more."`
}

// Help tells of signals.
func (runCommand) Help() string {
	return `SIGTERM and SIGINT end it: a scan under way is cut short and keeps nothing. SIGHUP reads the configuration again; a bad one is refused and the old one stays. Under systemd it says when it is ready and that it lives.`
}

func (r *runCommand) Run(a *app) error {
	level := slog.LevelInfo
	if r.Debug {
		level = slog.LevelDebug
	}
	log := a.logger(level)
	c, err := a.load()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	db, err := storage.Open(databasePath(c), storage.Options{Maintain: true})
	if err != nil {
		return err
	}
	return errors.Join(a.daemonOn(c, db, log), db.Close())
}

// daemonOn runs the daemon on a database until it is told to end, with one
// configuration after another.
func (a *app) daemonOn(c *Config, db *storage.DB, log *slog.Logger) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	if every, err := daemon.SdWatchdogEnabled(false); err == nil && every > 0 {
		ctx, stop := context.WithCancel(a.ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer stop()
		wg.Go(func() { watchdog(ctx, db, every/3) })
	}
	for {
		next, err := a.daemonWith(c, db, hup, log)
		if next == nil {
			_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
			return err
		}
		c = next
	}
}

// daemonWith runs the daemon with one configuration. It returns the next one
// when a good one was read on SIGHUP, nil when the daemon is to end.
func (a *app) daemonWith(c *Config, db *storage.DB, hup <-chan os.Signal, log *slog.Logger) (next *Config, err error) {
	s, err := newService(c, db, (*engine).plans, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; set listen to another address, or end the process that has this one", err)
	}
	o, err := serverOptions(c, s)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	address := filepath.Join(c.Data, addressFile)
	if err := os.WriteFile(address, []byte(listener.Addr().String()+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("leave the address of the API: %w", err), listener.Close())
	}
	defer os.Remove(address)

	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	server := web.New(o, log)
	s.scanned = server.Scanned
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for i, part := range []func(context.Context) error{
		s.run, s.keepHouse,
		func(ctx context.Context) error { return server.Run(ctx, listener) },
	} {
		wg.Go(func() {
			defer cancel() // without one of them the others are of no use
			errs[i] = part(ctx)
		})
	}
	log.Info("started", "storefronts", len(c.Storefronts), "channels", len(c.Channels), "listen", listener.Addr().String(), "version", version)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
	for next == nil {
		select {
		case <-ctx.Done():
			wg.Wait()
			log.Info("stopped")
			return nil, errors.Join(errs...)
		case <-hup:
			next = a.reload(c, log)
		}
	}
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReloading)
	cancel()
	wg.Wait()
	return next, errors.Join(errs...)
}

// reload reads the configuration again. It returns nil when it is bad, which
// it says, and the old one stays.
func (a *app) reload(old *Config, log *slog.Logger) *Config {
	c, err := a.load()
	if err == nil && c.Data != old.Data {
		err = fmt.Errorf("data is another directory; end the daemon and start it anew for that")
	}
	if err != nil {
		log.Error("configuration refused; the old one stays", "err", err)
		return nil
	}
	for i := range old.Storefronts {
		was := &old.Storefronts[i]
		if c.storefront(was.Name) != nil {
			continue
		}
		for j := range c.Storefronts {
			if c.Storefronts[j].URL == was.URL {
				log.Warn("a storefront has another name; its history stays under the old one, and it begins anew with a baseline",
					"storefront", c.Storefronts[j].Name, "before", was.Name)
			}
		}
		log.Info("no longer watched; what is known stays", "storefront", was.Name)
	}
	log.Info("configuration read again")
	return c
}

// serverOptions are those of the daemon's API.
func serverOptions(c *Config, s *service) (web.Options, error) {
	o := webOptions(c, s.db)
	o.Scan, o.Status, o.Disputed = s.scan, s.status, s.notifier.Wake
	s.channels(&o)
	if c.Public != "" {
		o.Leave = s.notifier.Leave
	}
	o.Chrome = func() (int, int64) {
		u := s.engine.browser.Usage()
		return u.Processes, u.Memory
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return o, err
	}
	ip, err := netip.ParseAddr(host)
	o.Closed = host != "localhost" && (err != nil || !ip.IsLoopback())
	if o.Token = c.Token; o.Token == "" {
		o.Token, err = web.Token(c.Data)
		return o, err
	}
	return o, nil
}

// scansInFull is how long every scan record is kept; later one a day is.
const scansInFull = 90 * 24 * time.Hour

// keepHouse makes the backup of the day and deletes what is kept no longer,
// now and every hour, until ctx is done.
func (s *service) keepHouse(ctx context.Context) error {
	for {
		now := time.Now()
		if s.config.Retention.Backups > 0 {
			if path, err := s.db.BackupDaily(s.config.Retention.Backups, now); err != nil {
				s.log.Error("no backup made", "err", err)
			} else if path != "" {
				s.log.Info("backup made", "file", path)
			}
		}
		if _, err := s.db.ThinScans(scansInFull, now); err != nil {
			s.log.Error("scan records not thinned out", "err", err)
		}
		if n, err := s.db.SweepEvidence(time.Duration(s.config.Retention.Evidence), now); err != nil {
			s.log.Error("evidence not swept", "err", err)
		} else if n > 0 {
			s.log.Info("old evidence deleted", "files", n)
		}
		s.db.Forget()
		t := time.NewTimer(time.Hour)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// watchdog tells systemd that the daemon lives, as long as its database
// answers.
func watchdog(ctx context.Context, db *storage.DB, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if _, err := db.Storefronts(); err == nil {
				_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
			}
		}
	}
}
