package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/watch"
	"shopwatch/tracker/web"
)

// jitter is the most by which a scan begins later than its schedule says.
const jitter = 5 * time.Minute

// cooling is how long a marketplace is left alone after the first wall,
// backoff how long a storefront after the first scan that failed.
const (
	cooling = 10 * time.Minute
	backoff = 10 * time.Minute
)

// A service is everything that works on a database: it scans storefronts and
// sends reports. The daemon, a single scan and the demo are services.
type service struct {
	config   *Config
	db       *storage.DB
	engine   *engine
	watcher  *watch.Watcher
	notifier *notify.Notifier
	log      *slog.Logger
	// scanned is told of every scan that was kept. It is set before run.
	scanned func(*tracker.Scan, []tracker.Change)
}

// newService joins a service. Its plans say when it scans; those of the
// configuration are engine.plans. close ends its Chrome.
func newService(c *Config, db *storage.DB, plans func(*engine) []watch.Plan, log *slog.Logger) (*service, error) {
	s := &service{
		config: c, db: db, log: log, engine: newEngine(c, db, log),
		scanned: func(*tracker.Scan, []tracker.Change) {},
	}
	var err error
	s.notifier, err = notify.New(db, notify.Options{
		Channels: c.channels(), Shops: c.shops(), Public: c.Public,
		RetryFirst: c.wait(time.Minute), RetryMost: c.wait(time.Hour),
	}, log)
	if err != nil {
		return nil, errors.Join(err, s.engine.close())
	}
	s.watcher = watch.New(watch.Options{
		Plans: plans(s.engine), Scan: s.engine.scan, Commit: s.commit, State: db.State,
		Jitter: c.wait(jitter), Cooling: c.wait(cooling), Backoff: c.wait(backoff),
	}, log)
	return s, nil
}

// onDemand are the plans of a service that scans only when asked.
func onDemand(e *engine) []watch.Plan {
	plans := e.plans()
	for i := range plans {
		plans[i].Schedule = nil
	}
	return plans
}

func (s *service) close() error { return s.engine.close() }

// run watches and reports until ctx is done and everything has ended.
func (s *service) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var sent error
	wg.Go(func() { sent = s.notifier.Run(ctx) })
	err := s.watcher.Run(ctx)
	cancel()
	wg.Wait()
	return errors.Join(err, sent)
}

// commit takes a scan into the catalog and has it reported.
func (s *service) commit(scan *tracker.Scan) ([]tracker.Change, error) {
	changes, err := s.engine.commit(scan)
	if err == nil {
		s.notifier.Wake()
		s.scanned(scan, changes)
	}
	return changes, err
}

// preview says what a scan would change, in the same form as commit.
func (s *service) preview(scan *tracker.Scan) ([]tracker.Change, error) {
	out, err := s.db.Preview(scan, s.config.rulesFor(scan.Storefront))
	scan.Verdict, scan.Reason, scan.Doubted, scan.Changes = out.Verdict, out.Reason, out.Doubted, len(out.Changes)
	return out.Changes, err
}

// scan scans a storefront because somebody asks.
func (s *service) scan(ctx context.Context, name tracker.Name, dry bool, progress func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error) {
	r := watch.Request{Progress: progress}
	if dry {
		r.Commit = s.preview
	}
	return s.watcher.Scan(ctx, name, r)
}

// status says what the storefronts wait for.
func (s *service) status() []web.Waiting {
	var all []web.Waiting
	for _, st := range s.watcher.Status() {
		all = append(all, web.Waiting(st))
	}
	return all
}

// channels lets a server speak for the channels.
func (s *service) channels(o *web.Options) {
	o.Test, o.Retry = s.notifier.Test, s.retry
	o.Preview = func(channel string, seq uint64, last bool) (web.Preview, error) {
		p, err := s.notifier.Preview(channel, seq, last)
		if err != nil {
			return web.Preview{}, err
		}
		return web.Preview{What: p.What, Subject: p.Mail.Subject, Text: p.Mail.Text, Page: p.Mail.Page(), EML: p.EML, CSV: p.Mail.CSV}, nil
	}
}

// retry has letters tried again now: those of a report, with 0 all that wait.
func (s *service) retry(report uint64) (letters int, err error) {
	if report > 0 {
		return s.notifier.Retry(report)
	}
	waiting, err := s.db.Undelivered("")
	for i := range waiting {
		n, again := s.notifier.Retry(waiting[i].ID)
		letters, err = letters+n, errors.Join(err, again)
	}
	return letters, err
}

// webOptions are what a server needs to know of a configuration.
func webOptions(c *Config, db *storage.DB) web.Options {
	o := web.Options{DB: db, Version: version, Zone: c.Timezone.Location}
	for i := range c.Storefronts {
		sf := &c.Storefronts[i]
		o.Shops = append(o.Shops, web.Shop{
			Storefront: tracker.Storefront{Name: sf.Name, URL: sf.URL},
			Title:      sf.Title, Marketplace: sf.Marketplace, Misses: c.Rules.Misses,
		})
	}
	for i := range c.Channels {
		o.Channels = append(o.Channels, c.Channels[i].Name)
	}
	return o
}
