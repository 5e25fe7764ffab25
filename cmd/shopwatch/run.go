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
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/web"
)

// A runCommand is the daemon.
type runCommand struct {
	Debug bool `help:"Log more."`
}

// ownMemory is what the daemon may take before garbage is collected more often
// than it would be. The machine is Chrome's.
const ownMemory = 32 << 20

// Help tells of signals.
func (runCommand) Help() string {
	return `SIGTERM and SIGINT end it: a scan under way is cut short and keeps nothing. SIGHUP reads the configuration again, and scans of storefronts that stay in it go on; a bad one is refused and the old one stays. Under systemd it says when it is ready and that it lives. Exit status: 0 when it was told to end, 1 for an error of use, configuration or database.

Examples:
  shopwatch run
  shopwatch run -c /etc/shopwatch/shopwatch.yaml`
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
	if err := mayStartChrome(c); err != nil {
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(ownMemory)
	}
	store, err := openToRun(c)
	if err != nil {
		return err
	}
	return errors.Join(a.daemonOn(c, store, log), store.Close())
}

// daemonOn runs the daemon on a database until it is told to end.
func (a *app) daemonOn(c *config.Config, store storage.Store, log *slog.Logger) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	if every, err := daemon.SdWatchdogEnabled(false); err == nil && every > 0 {
		ctx, stop := context.WithCancel(a.ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer stop()
		wg.Go(func() { watchdog(ctx, store, every/3) })
	}
	err := a.serve(c, store, hup, log)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	return err
}

// A session is a daemon at work.
type session struct {
	*app
	log     *slog.Logger
	config  *config.Config
	service *service
	server  *web.Server
	cancel  context.CancelFunc // of all its parts
	parts   sync.WaitGroup

	listener net.Listener // of the API
	deaf     func()       // ends listening there

	mu   sync.Mutex
	errs []error // of parts
}

// serve lives one life, with the configuration and those that are read later.
func (a *app) serve(c *config.Config, store storage.Store, hup <-chan os.Signal, log *slog.Logger) (err error) {
	s, err := newService(a.ctx, c, store, plansOf, a.timing, log)
	if err != nil && a.ctx.Err() != nil {
		return nil // told to end before it began
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	l := &session{app: a, log: log, config: c, service: s}
	listener, err := listen(c)
	if err != nil {
		return err
	}
	socket, err := web.ListenSocket(c.Data, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	o, err := serverOptions(c, s)
	if err == nil {
		err = writeAddressFile(c, listener)
	}
	if err != nil {
		return errors.Join(err, socket.Close(), listener.Close())
	}
	defer os.Remove(filepath.Join(c.Data, addressFile))

	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	l.cancel, l.server = cancel, web.New(o, log)
	s.scanned = l.server.Scanned
	l.part(ctx, s.run)
	l.part(ctx, s.maintain)
	l.part(ctx, s.guardDatabase)
	l.part(ctx, func(ctx context.Context) error { return l.server.RunSocket(ctx, socket) })
	l.listen(ctx, listener)
	if limit := browser.MaxFiles(); limit > 0 && limit < browser.LeastFiles {
		log.Warn("open files: " + fewFiles(limit))
	}
	log.Info("started", "storefronts", len(c.Storefronts), "channels", len(c.Channels), "listen", listener.Addr().String(), "version", version)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
	for {
		select {
		case <-ctx.Done():
			l.parts.Wait()
			log.Info("stopped")
			return errors.Join(l.errs...)
		case <-hup:
			_, _ = daemon.SdNotify(false, daemon.SdNotifyReloading)
			if next := a.reload(l.config, log); next != nil {
				l.renew(ctx, next)
			}
			_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
		}
	}
}

// part starts a part, without which the others are of no use.
func (l *session) part(ctx context.Context, run func(context.Context) error) {
	l.parts.Go(func() {
		if err := run(ctx); err != nil {
			l.mu.Lock()
			l.errs = append(l.errs, err)
			l.mu.Unlock()
		}
		l.cancel()
	})
}

// listen answers at a listener from now on, and no longer at the one before.
func (l *session) listen(ctx context.Context, listener net.Listener) {
	if l.deaf != nil {
		l.deaf()
	}
	l.listener = listener
	here, deaf := context.WithCancel(ctx)
	l.deaf = deaf
	l.part(ctx, func(ctx context.Context) error {
		err := l.server.Run(here, listener)
		if err == nil && here.Err() != nil {
			<-ctx.Done() // others may hear now
		}
		return err
	})
}

func listen(c *config.Config) (net.Listener, error) {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; set listen to another address, or end the process that has this one", err)
	}
	return l, nil
}

// writeAddressFile writes for people where the API is, which they may have left to
// the system to choose.
func writeAddressFile(c *config.Config, l net.Listener) error {
	// Another name first: who reads it never finds half of it.
	path := filepath.Join(c.Data, addressFile)
	err := os.WriteFile(path+".tmp", []byte(l.Addr().String()+"\n"), 0o600)
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return fmt.Errorf("leave the address of the API: %w", err)
	}
	return nil
}

// renew lives on with another configuration. What does not change goes on: the
// API is heard all the time, and scans of storefronts that stay end as they
// would. When something is in the way the old configuration stays.
func (l *session) renew(ctx context.Context, c *config.Config) {
	listener, err := l.listener, error(nil)
	if c.Listen != l.config.Listen {
		listener, err = listen(c)
	}
	if err == nil {
		err = l.service.renew(ctx, c)
	}
	if err != nil {
		if ctx.Err() == nil {
			l.log.Error("configuration refused; the old one stays", "err", err)
		}
		if listener != nil && listener != l.listener {
			listener.Close()
		}
		return
	}
	l.config = c
	o, err := serverOptions(c, l.service)
	if err != nil {
		l.log.Error("the API keeps its old settings", "err", err)
	} else {
		l.server.Replace(o)
	}
	if listener != l.listener {
		if err := writeAddressFile(c, listener); err != nil {
			l.log.Error("the new address is not written down", "err", err)
		}
		l.listen(ctx, listener)
	}
	l.log.Info("configuration read again", "storefronts", len(c.Storefronts), "channels", len(c.Channels), "listen", listener.Addr().String())
}

// reload reads the configuration again. It returns nil when it is bad, which
// it says, and the old one stays.
func (a *app) reload(old *config.Config, log *slog.Logger) *config.Config {
	c, err := a.load()
	if err == nil {
		err = mayStartChrome(c)
	}
	if err == nil && c.Data != old.Data {
		err = fmt.Errorf("data names another directory; restart the daemon to use it")
	}
	if err != nil {
		log.Error("configuration refused; the old one stays", "err", err)
		return nil
	}
	for i := range old.Storefronts {
		was := &old.Storefronts[i]
		if c.Storefront(was.Name) != nil {
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
	return c
}

// serverOptions are those of the daemon's API.
func serverOptions(c *config.Config, s *service) (web.Options, error) {
	o := webOptions(c, s.store)
	o.Connections = maxConnections()
	o.Scan, o.Status, o.Disputed = s.scan, s.status, s.notifier.Load().Wake
	s.channels(&o)
	if c.Public != "" {
		n := s.notifier.Load()
		o.Leave = func(ctx context.Context, channel, to, token string, act, back bool) (bool, error) {
			err := n.Leave(ctx, channel, to, token, act, back)
			if errors.Is(err, notify.ErrToken) {
				return false, nil
			}
			return err == nil, err
		}
	}
	o.Ready = func() error {
		if c.Browser.Remote != "" {
			return nil
		}
		_, err := browser.Find(c.Browser.Path)
		return err
	}
	o.Chrome = func() (int, int64) {
		u := s.engine.chrome.Load().browser.Usage()
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

// maxConnections is how many connections the API may have. Half of the files
// that may be open are left to the database, Chrome and mail.
func maxConnections() int {
	const most = 256
	limit := browser.MaxFiles()
	if limit == 0 || limit/2 > most {
		return most
	}
	return max(int(limit/2), 8)
}

// scansInFull is how long every scan record is kept; later one a day is.
const scansInFull = 90 * 24 * time.Hour

// maintain makes the backup of the day and deletes what is kept no longer,
// now and every hour, until ctx is done.
func (s *service) maintain(ctx context.Context) error {
	failed := func(what string, err error) {
		if ctx.Err() == nil {
			s.log.Error(what, "err", err)
		}
	}
	for {
		now, c := time.Now(), s.config.Load()
		if f, ok := s.store.(databaseFile); ok && c.Retention.Backups > 0 {
			if path, err := f.BackupDaily(ctx, c.Retention.Backups, now); err != nil {
				failed("no backup made", err)
			} else if path != "" {
				s.log.Info("backup made", "file", path)
			}
		}
		if _, err := s.store.ThinScans(ctx, scansInFull, now); err != nil {
			failed("scan records not thinned out", err)
		}
		if n, err := s.store.SweepEvidence(ctx, time.Duration(c.Retention.Evidence), now); err != nil {
			failed("evidence not swept", err)
		} else if n > 0 {
			s.log.Info("old evidence deleted", "files", n)
		}
		t := time.NewTimer(time.Hour)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// A databaseFile is a store in a file on this machine, which is backed up beside
// itself.
type databaseFile interface {
	BackupDaily(ctx context.Context, keep int, now time.Time) (path string, err error)
	Rescue(ctx context.Context, now time.Time) (path string, err error)
}

// guardDatabase ends the daemon when its database is deleted or replaced: what
// it learns from then on would be lost. What it knows is saved first, and as
// long as that fails the daemon goes on, because nobody else knows it.
func (s *service) guardDatabase(ctx context.Context) error {
	t := time.NewTicker(s.timing.guard)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		err := s.store.Ping(ctx)
		f, ok := s.store.(databaseFile)
		if !ok || !errors.Is(err, bolt.ErrReplaced) {
			continue
		}
		to, unsaved := f.Rescue(context.WithoutCancel(ctx), time.Now())
		if unsaved == nil {
			return fmt.Errorf("%w; what it held is saved: bring it back with shopwatch restore %s and start again", err, to)
		}
		s.log.Error("the database is lost when this process ends, and cannot be saved yet", "err", errors.Join(err, unsaved))
		t.Reset(s.timing.rescue)
	}
}

// watchdog tells systemd that the daemon lives, as long as its database
// answers and is where it was.
func watchdog(ctx context.Context, store storage.Store, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if store.Ping(ctx) == nil {
				_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
			}
		}
	}
}
