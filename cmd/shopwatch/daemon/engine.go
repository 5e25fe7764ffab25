package daemon

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
	"shopwatch/tracker/watch"
)

// An engine is what reads storefronts and keeps what was seen: one Chrome, one
// database, one pace. It is the same for the daemon, for a single scan and for
// the demo.
type engine struct {
	config  *atomic.Pointer[config.Config]
	store   storage.Store
	options Options
	log     *slog.Logger
	journal *journal
	chrome  atomic.Pointer[chrome]
	// A scan holds used for reading: another Chrome takes the place of one
	// that is not used.
	used sync.RWMutex
	lent atomic.Int32 // logins that have the profile or wait for it
	// pace and now are those of all machines; pace is nil where this one goes by its
	// own.
	pace func(ctx context.Context, gate string) (came func(), err error)
	now  func() time.Time
}

// A chrome is a Chrome with what reads pages through it, and through a client of
// HTTP that goes the same way.
type chrome struct {
	config  config.Browser
	browser *browser.Browser
	http    *fetch.Client
	scanner *scan.Scanner
}

// newEngine joins browser, scanner and database. Chrome is started when it is
// first needed; close ends it.
func newEngine(c *atomic.Pointer[config.Config], store storage.Store, o Options) (*engine, error) {
	j, err := openJournal(c.Load().Data, c.Load().Names(), o.Log)
	if err != nil {
		return nil, fmt.Errorf("read what shopwatch was at last: %w", err)
	}
	e := &engine{config: c, store: store, options: o, log: o.Log, journal: j, now: time.Now}
	ch, err := e.newChrome()
	if err != nil {
		return nil, err
	}
	e.chrome.Store(ch)
	return e, nil
}

// newChrome returns the Chrome of the configuration.
func (e *engine) newChrome() (*chrome, error) {
	c := e.config.Load()
	b := c.Browser
	way, err := fetch.FromFlags(b.Flags)
	if err != nil {
		return nil, err
	}
	way.UserAgent = cmp.Or(way.UserAgent, "shopwatch/"+e.options.Version)
	pacer := &watch.Pacer{Min: time.Duration(b.Pace.Min), Max: time.Duration(b.Pace.Max)}
	ch := &chrome{config: b, browser: NewBrowser(c, e.log), http: fetch.New(way)}
	ch.scanner = scan.New(scan.Options{
		Markets: all.Markets(),
		Browser: ch.browser,
		HTTP:    ch.http,
		Preview: func(s *tracker.Scan, r tracker.Rules) (tracker.Outcome, error) {
			return e.store.Preview(context.Background(), s, r)
		},
		Keep: func(content []byte, ext string) (string, error) {
			return e.store.KeepEvidence(context.Background(), content, ext)
		},
		Archive: e.archive,
		Account: func(ctx context.Context, url string, m *market.Market) ([]archive.Cookie, error) {
			return accountCookies(ctx, ch.browser, url, m)
		},
		Picture: e.journal.picture,
		Pace: func(ctx context.Context, gate string) (func(), error) {
			if e.pace != nil {
				return e.pace(ctx, gate)
			}
			return pacer.Wait(ctx, gate)
		},
		PageTimeout: time.Duration(b.PageTimeout),
		Backoff:     e.options.Timing.PageRetry,
		DailyPages:  b.DailyPages,
		Opened:      e.openedToday,
		Log:         e.log,
	})
	return ch, nil
}

// close ends Chrome and what it has left open.
func (ch *chrome) close() error {
	ch.http.Close()
	return ch.browser.Close()
}

// use returns the Chrome of the configuration for a scan, which gives it back.
// When the configuration asks for another one, that takes the place of the old
// one as soon as no scan uses it.
func (e *engine) use() (ch *chrome, giveBack func()) {
	for {
		e.used.RLock()
		ch := e.chrome.Load()
		if reflect.DeepEqual(ch.config, e.config.Load().Browser) {
			return ch, e.used.RUnlock
		}
		e.used.RUnlock()
		e.used.Lock()
		if ch = e.chrome.Load(); !reflect.DeepEqual(ch.config, e.config.Load().Browser) {
			next, err := e.newChrome()
			if err != nil { // the configuration was checked
				e.log.Error("the old Chrome stays", "err", err)
				e.used.Unlock()
				e.used.RLock()
				return ch, e.used.RUnlock
			}
			if err := ch.close(); err != nil {
				e.log.Warn("chrome did not end in good order", "err", err)
			}
			e.chrome.Store(next)
		}
		e.used.Unlock()
	}
}

// NewBrowser returns the Chrome of the configuration, not yet started.
func NewBrowser(c *config.Config, log *slog.Logger) *browser.Browser {
	return browser.New(BrowserOptions(c, log))
}

// BrowserOptions are those of every Chrome on the profile. Logins outlive it,
// also where a marketplace lets them stand on session cookies.
func BrowserOptions(c *config.Config, log *slog.Logger) browser.Options {
	o := browser.Options{Path: c.Browser.Path, Profile: c.Browser.Profile, Flags: c.Browser.Flags, Remote: c.Browser.Remote, Log: log}
	for _, m := range all.Markets() {
		if m.Login != nil {
			o.Keep = append(o.Keep, m.Login.All()...)
		}
	}
	return o
}

// MayStartChrome says why Chrome is not started as the configuration has it.
func MayStartChrome(c *config.Config) error {
	o := BrowserOptions(c, nil)
	return o.Check()
}

// openedToday counts the pages of a storefront that were asked for within 24
// hours.
func (e *engine) openedToday(name tracker.StorefrontName) (int, error) {
	now := e.now() // scans may be later than that: clocks are put back
	return e.store.PagesOpened(context.Background(), name, now.Add(-24*time.Hour), now)
}

// close ends Chrome. The database is its opener's to close.
func (e *engine) close() error { return e.chrome.Load().close() }

// scan reads a storefront by the rules that hold for it.
func (e *engine) scan(ctx context.Context, sf tracker.Storefront, tell func(tracker.Progress)) *tracker.Scan {
	return e.capture(ctx, sf, tell, e.capturing(ctx, sf.Name))
}

// captureAll is scan, and captures all that it reads.
func (e *engine) captureAll(ctx context.Context, sf tracker.Storefront, tell func(tracker.Progress)) *tracker.Scan {
	return e.capture(ctx, sf, tell, scan.CaptureAll)
}

func (e *engine) capture(ctx context.Context, sf tracker.Storefront, tell func(tracker.Progress), how scan.Capturing) *tracker.Scan {
	e.waitsForLogin(sf.Name, tell)
	ch, giveBack := e.use()
	defer giveBack()
	e.journal.begin(sf.Name)
	defer func() { e.journal.end(sf.Name, ctx.Err() != nil) }()
	return ch.scanner.Capture(ctx, sf, e.config.Load().RulesFor(sf.Name), tell, how)
}

// commit takes a scan into the catalog and returns what it changed.
func (e *engine) commit(ctx context.Context, s *tracker.Scan) ([]tracker.Change, error) {
	changes, err := e.store.Commit(ctx, s, e.config.Load().RulesFor(s.Storefront))
	if err == nil {
		e.keepNewest(ctx, s)
	}
	return changes, err
}

// gateOf is the gate of a storefront of the configuration, which was checked.
func gateOf(sf tracker.Storefront) string {
	m, err := all.Markets().ByName(sf.Marketplace)
	if err != nil {
		return sf.Marketplace
	}
	return m.GateOf(sf.URL)
}

// Plans are the configured storefronts for the watcher.
func Plans(c *config.Config) []watch.Plan {
	var all []watch.Plan
	for i := range c.Storefronts {
		sf := &c.Storefronts[i]
		all = append(all, watch.Plan{
			Storefront: sf.Storefront,
			Gate:       gateOf(sf.Storefront),
			Schedule:   sf.When,
			Profile:    c.ProfileOf(sf.Name),
		})
	}
	return all
}
