package main

import (
	"context"
	"log/slog"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
	"shopwatch/tracker/scan"
	"shopwatch/tracker/watch"
)

// An engine is what reads storefronts and keeps what was seen: one Chrome, one
// database, one pace. It is the same for the daemon, for a single scan and for
// the demo.
type engine struct {
	config  *Config
	db      *storage.DB
	browser *browser.Browser
	scanner *scan.Scanner
	log     *slog.Logger
}

// newEngine joins browser, scanner and database. Chrome is started when it is
// first needed; close ends it.
func newEngine(c *Config, db *storage.DB, log *slog.Logger) *engine {
	e := &engine{config: c, db: db, log: log}
	b := c.Browser
	e.browser = newBrowser(c, log)
	pacer := &watch.Pacer{Min: time.Duration(b.Pace.Min), Max: time.Duration(b.Pace.Max)}
	e.scanner = scan.New(scan.Options{
		Browser:     e.browser,
		Preview:     db.Preview,
		Keep:        db.KeepEvidence,
		Pace:        pacer.Wait,
		PageTimeout: time.Duration(b.PageTimeout),
		Backoff:     b.backoff,
		DailyPages:  b.DailyPages,
		Opened:      e.openedToday,
		Log:         log,
	})
	return e
}

// newBrowser returns the Chrome of the configuration, not yet started.
func newBrowser(c *Config, log *slog.Logger) *browser.Browser {
	return browser.New(browserOptions(c, log))
}

// browserOptions are those of every Chrome on the profile. Logins outlive it,
// also where a marketplace lets them stand on session cookies.
func browserOptions(c *Config, log *slog.Logger) browser.Options {
	o := browser.Options{Path: c.Browser.Path, Profile: c.Browser.Profile, Flags: c.Browser.Flags, Remote: c.Browser.Remote, Log: log}
	for _, m := range market.All() {
		o.Keep = append(o.Keep, m.Login.Domains...)
	}
	return o
}

// openedToday counts the pages of a storefront that were asked for within 24
// hours.
func (e *engine) openedToday(name tracker.Name) (n int, err error) {
	const scans = 2000 // of a day: one a minute is 1,440
	all, err := e.db.Scans(name, time.Now().Add(-24*time.Hour), scans)
	for i := range all {
		n += all[i].Evidence.Opened
	}
	return n, err
}

// close ends Chrome. The database is its opener's to close.
func (e *engine) close() error { return e.browser.Close() }

// scan reads a storefront by the rules that hold for it.
func (e *engine) scan(ctx context.Context, sf tracker.Storefront, tell func(tracker.Progress)) *tracker.Scan {
	return e.scanner.Scan(ctx, sf, e.config.rulesFor(sf.Name), tell)
}

// commit takes a scan into the catalog and returns what it changed.
func (e *engine) commit(s *tracker.Scan) ([]tracker.Change, error) {
	defer e.db.Forget()
	return e.db.Commit(s, e.config.rulesFor(s.Storefront))
}

// plans are the configured storefronts for the watcher.
func (e *engine) plans() []watch.Plan {
	var all []watch.Plan
	for i := range e.config.Storefronts {
		sf := &e.config.Storefronts[i]
		all = append(all, watch.Plan{
			Storefront:  tracker.Storefront{Name: sf.Name, URL: sf.URL},
			Marketplace: sf.Marketplace,
			Schedule:    sf.When,
		})
	}
	return all
}

// marketplace returns the marketplace that an address belongs to.
func marketplace(address string) (string, error) {
	m, _, err := market.Find(address)
	if err != nil {
		return "", err
	}
	return m.Name, nil
}
