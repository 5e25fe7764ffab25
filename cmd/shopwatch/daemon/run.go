package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/storage"
	"shopwatch/tracker/api"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fleet"
	"shopwatch/tracker/notify"
)

// Run runs the daemon on a database until ctx is done. load reads the
// configuration again when SIGHUP asks for that.
func Run(ctx context.Context, c *config.Config, store storage.Store, load func() (*config.Config, error), o Options) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	if every, err := daemon.SdWatchdogEnabled(false); err == nil && every > 0 {
		alive, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer stop()
		wg.Go(func() { watchdog(alive, store, every/3) })
	}
	err := serve(ctx, c, store, load, hup, o)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	return err
}

// RunWeb answers people and programs until ctx is done, and neither scans nor sends
// reports: another process may do that on the same database. Like Run it reads the
// configuration again when SIGHUP asks for that.
func RunWeb(ctx context.Context, c *config.Config, store storage.Store, load func() (*config.Config, error), o Options) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	// It sends nothing, but takes the links by which people unsubscribe.
	n, err := notify.New(ctx, store, notify.Options{}, o.Log)
	if err != nil {
		return err
	}
	leave := func() *notify.Notifier { return n }
	options, err := webOnly(c, store, leave, o)
	if err != nil {
		return err
	}
	listener, err := listen(c)
	if err != nil {
		return err
	}
	if err := writeAddressFile(c, listener); err != nil {
		return errors.Join(err, listener.Close())
	}
	defer os.Remove(filepath.Join(c.Data, AddressFile))
	server := api.New(options, o.Log)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer cancel()
		err = server.Run(ctx, listener)
	})
	if every, bad := daemon.SdWatchdogEnabled(false); bad == nil && every > 0 {
		wg.Go(func() { watchdog(ctx, store, every/3) })
	}
	o.Log.Info("started", "only", "web", "listen", listener.Addr().String(), "version", o.Version)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
	newer := time.NewTicker(o.Timing.Tick)
	defer newer.Stop()
	var refused refusal
	for {
		asked := false
		select {
		case <-ctx.Done():
			wg.Wait()
			return err
		case <-newer.C:
			if !isNewer(ctx, store, c) {
				continue
			}
		case <-hup:
			asked = true
		}
		next, bad := reload(c, load)
		var options api.Options
		if bad == nil {
			next.Listen = c.Listen // until it is started again
			options, bad = webOnly(next, store, leave, o)
		}
		if bad != nil {
			refused.tell(asked, bad, o.Log)
			continue
		}
		tellStorefronts(c, next, o.Log)
		c = next
		server.Replace(options)
		o.Log.Info("configuration read again", "storefronts", len(c.Storefronts))
	}
}

// isNewer reports whether all machines on a database have another configuration by
// now.
func isNewer(ctx context.Context, store storage.Store, c *config.Config) bool {
	db, ok := store.(fleet.Viewer)
	if !ok {
		return false
	}
	v, err := fleet.Newest(ctx, db)
	return err == nil && v.Number > c.Applied
}

// A refusal is why a configuration was not taken. That of all machines is tried again
// and again; what is wrong with it begins with its version.
type refusal struct{ why string }

// tell logs it, but not the same again unless somebody asked.
func (r *refusal) tell(asked bool, err error, log *slog.Logger) {
	if why := err.Error(); asked || why != r.why {
		r.why = why
		log.Error("configuration refused; the old one stays", "err", err)
	}
}

// webOnly are the options of a server that only looks.
func webOnly(c *config.Config, store storage.Store, l leaver, o Options) (api.Options, error) {
	options := APIOptions(c, store, o.Version)
	options.Connections = maxConnections()
	if err := guard(&options, c); err != nil {
		return options, err
	}
	addPages(&options, c, nil, l, o.Log)
	return options, nil
}

// A session is a daemon at work.
type session struct {
	log     *slog.Logger
	config  *config.Config
	service *Service
	server  *api.Server
	cancel  context.CancelFunc // of all its parts
	parts   sync.WaitGroup

	refused       refusal
	listener      net.Listener // of the API
	stopListening func()       // there

	mu   sync.Mutex
	errs []error // of parts
}

// serve works with the configuration and those that are read later.
func serve(ctx context.Context, c *config.Config, store storage.Store, load func() (*config.Config, error), hup <-chan os.Signal, o Options) (err error) {
	log := o.Log
	s, err := New(ctx, c, store, Plans, o)
	if err != nil && ctx.Err() != nil {
		return nil // told to end before it began
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l := &session{log: log, config: c, service: s}
	var listener net.Listener // none where nobody else is answered
	if !o.Silent {
		if listener, err = listen(c); err != nil {
			return err
		}
	}
	socket, err := api.ListenSocket(c.Data, log)
	if err != nil {
		return errors.Join(err, closeListener(listener))
	}
	so, err := serverOptions(c, s)
	if err == nil && listener != nil {
		err = writeAddressFile(c, listener)
	}
	if err != nil {
		return errors.Join(err, socket.Close(), closeListener(listener))
	}
	defer os.Remove(filepath.Join(c.Data, AddressFile))

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.cancel, l.server = cancel, api.New(so, log)
	s.scanned = l.server.Scanned
	l.part(ctx, s.Run)
	l.part(ctx, s.stamp)
	if s.fleet == nil {
		l.part(ctx, s.maintain)
		l.part(ctx, s.guardDatabase)
	}
	l.part(ctx, func(ctx context.Context) error { return l.server.RunSocket(ctx, socket) })
	if listener != nil {
		l.listen(ctx, listener)
	}
	if limit := browser.MaxFiles(); limit > 0 && limit < browser.LeastFiles {
		log.Warn("open files: " + FewFiles(limit))
	}
	log.Info("started", "storefronts", len(c.Storefronts), "channels", len(c.Channels), "listen", addressOf(listener), "version", o.Version)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
	for {
		select {
		case <-ctx.Done():
			l.parts.Wait()
			log.Info("stopped")
			return errors.Join(l.errs...)
		case <-s.newer:
			l.reload(ctx, false, load)
		case <-hup:
			_, _ = daemon.SdNotify(false, daemon.SdNotifyReloading)
			l.reload(ctx, true, load)
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
	if l.stopListening != nil {
		l.stopListening()
	}
	l.listener = listener
	here, stop := context.WithCancel(ctx)
	l.stopListening = stop
	l.part(ctx, func(ctx context.Context) error {
		err := l.server.Run(here, listener)
		if err == nil && here.Err() != nil {
			<-ctx.Done() // another listener may have taken its place
		}
		return err
	})
}

// reload works on with the configuration as it is by now, a file or a version for all
// machines. When something is in the way the old one stays.
func (l *session) reload(ctx context.Context, asked bool, load func() (*config.Config, error)) {
	c, err := reload(l.config, load)
	if err == nil {
		err = l.renew(ctx, c)
	}
	if err != nil && ctx.Err() == nil {
		l.refused.tell(asked, err, l.log)
	}
}

// renew works on with another configuration. What does not change goes on: the
// API answers all the time, and scans of storefronts that stay end as they
// would. After an error all is as it was.
func (l *session) renew(ctx context.Context, c *config.Config) error {
	listener, err := l.listener, error(nil)
	if c.Listen != l.config.Listen && listener != nil {
		listener, err = listen(c)
	}
	if err == nil {
		err = l.service.renew(ctx, c)
	}
	if err != nil {
		if listener != nil && listener != l.listener {
			listener.Close()
		}
		return err
	}
	tellStorefronts(l.config, c, l.log)
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
	l.log.Info("configuration read again", "storefronts", len(c.Storefronts), "channels", len(c.Channels), "listen", addressOf(listener), "applied", c.Applied)
	return nil
}

// closeListener closes one, if there is one.
func closeListener(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

// addressOf is where a listener listens; empty for none.
func addressOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// reload reads the configuration again, or says what is wrong with it.
func reload(old *config.Config, load func() (*config.Config, error)) (*config.Config, error) {
	c, err := load()
	if err == nil {
		err = MayStartChrome(c)
	}
	if err == nil && c.Data != old.Data {
		err = errors.New("data names another directory; restart the daemon to use it")
	}
	if err == nil && c.Database != old.Database {
		err = errors.New("database names another one; restart the daemon to use it")
	}
	if err == nil && c.Bucket != old.Bucket {
		err = errors.New("bucket is another one; restart the daemon to use it")
	}
	return c, err
}

// tellStorefronts logs which storefronts are watched no longer, and which go on under
// another name.
func tellStorefronts(old, c *config.Config, log *slog.Logger) {
	for i := range old.Storefronts {
		was := &old.Storefronts[i]
		if c.Storefront(was.Name) != nil {
			continue
		}
		for j := range c.Storefronts {
			if is := &c.Storefronts[j]; is.URL == was.URL && old.Storefront(is.Name) == nil {
				log.Warn("a storefront has another name; its history stays under the old one, a new name begins with a baseline",
					"storefront", is.Name, "before", was.Name)
			}
		}
		log.Info("no longer watched; what is known stays", "storefront", was.Name)
	}
}
