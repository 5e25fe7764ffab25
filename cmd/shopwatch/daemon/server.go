package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/atomicfile"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fleet"
	"shopwatch/tracker/web"
)

// AddressFile is the file of the data directory in which the daemon leaves the
// address at which it answers people and programs. Commands use a socket beside
// it: at the address anybody may listen after the daemon was killed.
const AddressFile = "address"

// APIOptions are what a server needs to know of a configuration.
func APIOptions(c *config.Config, store storage.Store, version string) api.Options {
	o := api.Options{Store: store, Version: version, Zone: c.Timezone.Location}
	for i := range c.Storefronts {
		sf := &c.Storefronts[i]
		o.Shops = append(o.Shops, api.StorefrontInfo{
			Storefront: tracker.Storefront{Name: sf.Name, URL: sf.URL},
			Title:      sf.Title, Marketplace: sf.Marketplace, Misses: c.Rules.Misses,
		})
	}
	o.Groups = c.TrackedGroups()
	o.Maintainer, _ = store.(storage.Maintainer)
	if db, ok := store.(fleet.Viewer); ok {
		o.Fleet = func(ctx context.Context) (*api.Fleet, error) { return fleet.State(ctx, db) }
		o.Waiting = func(ctx context.Context) ([]api.Waiting, error) {
			all, err := fleet.Status(ctx, db, Plans(c), profilesOf(c))
			return waiting(all), err
		}
	}
	o.Feeds = make(map[string]string)
	for i := range c.Channels {
		ch := &c.Channels[i]
		o.Channels = append(o.Channels, ch.Name)
		if ch.Kind == "feed" {
			o.Feeds[ch.Name] = ch.Path
		}
	}
	return o
}

// serverOptions are those of the daemon's API, with its pages.
func serverOptions(c *config.Config, s *Service) (api.Options, error) {
	o := APIOptions(c, s.store, s.options.Version)
	o.Connections, o.Daemon = maxConnections(), s
	if err := guard(&o, c); err != nil {
		return o, err
	}
	addPages(&o, c, s.printPDF, s.notifier.Load, s.log)
	return o, nil
}

// guard says what a server demands of those who ask it.
func guard(o *api.Options, c *config.Config) error {
	if c.Public != "" {
		public, err := url.Parse(c.Public)
		if err != nil {
			return err
		}
		o.Public = public
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return err
	}
	ip, err := netip.ParseAddr(host)
	loopback := host == "localhost" || err == nil && ip.IsLoopback()
	o.Closed = !loopback || c.Token != "" || c.ViewerToken != ""
	o.ViewerToken, o.Hosts = c.ViewerToken, []string{c.Listen}
	if o.Token = c.Token; o.Token == "" {
		o.Token, err = api.Token(c.Data)
		return err
	}
	return nil
}

// addPages adds the pages that people read, and where they unsubscribe. printPDF is
// nil where there is no Chrome.
func addPages(o *api.Options, c *config.Config, printPDF func(context.Context, []byte) ([]byte, error), l leaver, log *slog.Logger) {
	pages := web.New(web.Options{Options: *o, Settings: settingsOf(c), PDF: printPDF, Scarce: func() string { return scarce(c.Data) }, Backups: c.Retention.Backups > 0}, log)
	o.Pages, o.Refusal = pages.Routes(), pages.Refuse
	if c.Public != "" {
		o.Unguarded = map[string]http.Handler{"/method": pages.Method(), "/unsubscribe": web.Unsubscribe(l, log)}
	}
}

// LeastSpace is what a scan with its pictures, a backup of the day and Chrome's
// profile may need.
const LeastSpace = 200 << 20

// scarce says how little space is left in a data directory, "" while there is
// enough or where that is not known.
func scarce(dir string) string {
	free, err := FreeSpace(dir)
	if err != nil || free >= LeastSpace {
		return ""
	}
	return fmt.Sprintf("%d MiB", free>>20)
}

// settingsOf are the keys of a configuration with their values, without secrets.
func settingsOf(c *config.Config) []web.Setting {
	var list []web.Setting
	for _, kv := range c.Shown() {
		list = append(list, web.Setting{Key: kv[0], Value: kv[1]})
	}
	return list
}

// printPDF prints a page with the Chrome that reads storefronts. A login may have
// that for minutes: whoever waits for it may give up.
func (s *Service) printPDF(ctx context.Context, html []byte) ([]byte, error) {
	type outcome struct {
		pdf []byte
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		ch, giveBack := s.engine.use()
		defer giveBack()
		if ctx.Err() == nil {
			pdf, err := ch.browser.PDF(ctx, html)
			done <- outcome{pdf, err}
		}
	}()
	select {
	case o := <-done:
		return o.pdf, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
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
	err := atomicfile.Write(filepath.Join(c.Data, AddressFile), []byte(l.Addr().String()+"\n"), 0o600)
	if err != nil {
		return fmt.Errorf("leave the address of the API: %w", err)
	}
	return nil
}

// FewFiles says what to do about a limit of open files.
func FewFiles(limit uint64) string {
	return fmt.Sprintf("only %d may be open at once, and pages may need more: raise the limit to %d (ulimit -n %[2]d; under systemd LimitNOFILE=%[2]d)", limit, 2*browser.LeastFiles)
}

// Dashboard opens the address of the configuration and returns it with what
// answers there until ctx is done: for a service that is no daemon.
func (s *Service) Dashboard(c *config.Config) (address, token string, serve func(ctx context.Context) error, err error) {
	l, err := listen(c)
	if err != nil {
		return "", "", nil, err
	}
	o, err := serverOptions(c, s)
	if err != nil {
		return "", "", nil, errors.Join(err, l.Close())
	}
	server := api.New(o, s.log)
	s.scanned = server.Scanned
	return "http://" + l.Addr().String() + "/", o.Token, func(ctx context.Context) error { return server.Run(ctx, l) }, nil
}
