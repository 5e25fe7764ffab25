package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/report"
	"shopwatch/tracker/watch"
	"shopwatch/tracker/web"
)

// A timing are the waits that nobody configures.
type timing struct {
	jitter     time.Duration // the most by which a scan begins later than its schedule says
	coolDown   time.Duration // of a marketplace after the first wall
	backoff    time.Duration // of a storefront after the first scan that failed
	pageRetry  time.Duration // before a page that failed in passing is asked for again
	retryFirst time.Duration // before a report that was not taken is sent again
	retryMost  time.Duration // the longest such wait
	guard      time.Duration // between two looks whether the database is in place
	rescue     time.Duration // between two tries to save one that is not
	late       time.Duration // of a storefront whose scans were killed, the first time
}

// usual is the timing of every shopwatch.
var usual = timing{
	jitter: 5 * time.Minute, coolDown: 10 * time.Minute, backoff: 10 * time.Minute, pageRetry: 2 * time.Second,
	retryFirst: time.Minute, retryMost: time.Hour, guard: 5 * time.Second, rescue: time.Minute, late: time.Minute,
}

// A service is everything that works on a database: it scans storefronts and
// sends reports. The daemon, a single scan and the demo are services.
type service struct {
	config   atomic.Pointer[config.Config]
	store    storage.Store
	engine   *engine
	watcher  *watch.Watcher
	notifier atomic.Pointer[notify.Notifier]
	renewed  chan struct{} // of capacity 1: there is another notifier
	timing   timing
	log      *slog.Logger
	// scanned is told of every scan that was kept. It is set before run.
	scanned func(*tracker.Scan, []tracker.Change)
}

// newService joins a service. Its plans say when it scans; those of the
// configuration are plansOf. close ends its Chrome.
func newService(ctx context.Context, c *config.Config, store storage.Store, plans func(*config.Config) []watch.Plan, t timing, log *slog.Logger) (*service, error) {
	s := &service{
		store: store, timing: t, log: log, renewed: make(chan struct{}, 1),
		scanned: func(*tracker.Scan, []tracker.Change) {},
	}
	n, err := s.newNotifier(ctx, c)
	if err != nil {
		return nil, err
	}
	s.config.Store(c)
	s.notifier.Store(n)
	if s.engine, err = newEngine(&s.config, store, t, log); err != nil {
		return nil, err
	}
	s.watcher = watch.New(watch.Options{
		Plans: plans(c), Scan: s.engine.scan, Commit: s.commit, State: store.State, CoolDowns: store,
		Late:   func(name tracker.StorefrontName) time.Duration { return s.engine.journal.late(name, t.late) },
		Jitter: t.jitter, Cooling: t.coolDown, Backoff: t.backoff,
	}, log)
	return s, nil
}

func (s *service) newNotifier(ctx context.Context, c *config.Config) (*notify.Notifier, error) {
	return notify.New(ctx, s.store, notify.Options{
		Channels: channelsOf(c), Shops: shopsOf(c), Public: c.Public,
		RetryFirst: s.timing.retryFirst, RetryMost: s.timing.retryMost,
	}, s.log)
}

// onDemand are the plans of a service that scans only when asked.
func onDemand(c *config.Config) []watch.Plan {
	plans := plansOf(c)
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
	wg.Go(func() { sent = s.notify(ctx) })
	err := s.watcher.Run(ctx)
	cancel()
	wg.Wait()
	return errors.Join(err, sent)
}

// notify sends reports until ctx is done, with one notifier after another.
func (s *service) notify(ctx context.Context) error {
	for {
		turn, end := context.WithCancel(ctx)
		var wg sync.WaitGroup
		var err error
		wg.Go(func() { err = s.notifier.Load().Run(turn) })
		select {
		case <-s.renewed:
		case <-ctx.Done():
		}
		end()
		wg.Wait()
		if err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// renew works on with another configuration, while it runs. Scans of
// storefronts that stay go on; reports under way are sent. An error leaves
// everything as it was.
func (s *service) renew(ctx context.Context, c *config.Config) error {
	n, err := s.newNotifier(ctx, c)
	if err != nil {
		return err
	}
	// Rules and Chrome are for the next scan, plans for now.
	old := s.config.Swap(c)
	if err := s.watcher.Replan(plansOf(c)); err != nil {
		s.config.Store(old)
		return err
	}
	s.notifier.Store(n)
	select {
	case s.renewed <- struct{}{}:
	default:
	}
	return nil
}

// commit takes a scan into the catalog and has it reported.
func (s *service) commit(ctx context.Context, scan *tracker.Scan) ([]tracker.Change, error) {
	changes, err := s.engine.commit(ctx, scan)
	if err == nil {
		s.notifier.Load().Wake()
		s.scanned(scan, changes)
	}
	return changes, err
}

// preview says what a scan would change, in the same form as commit.
func (s *service) preview(ctx context.Context, scan *tracker.Scan) ([]tracker.Change, error) {
	out, err := s.store.Preview(ctx, scan, s.config.Load().RulesFor(scan.Storefront))
	scan.Verdict, scan.Reason, scan.Doubted, scan.Changes = out.Verdict, out.Reason, out.Doubted, len(out.Changes)
	return out.Changes, err
}

// scan scans a storefront because somebody asks.
func (s *service) scan(ctx context.Context, name tracker.StorefrontName, dry bool, progress func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error) {
	r := watch.Request{Progress: progress}
	if dry {
		r.Commit = s.preview
	}
	return s.watcher.Scan(ctx, name, r)
}

// status says what the storefronts wait for.
func (s *service) status(ctx context.Context) []web.Waiting {
	var all []web.Waiting
	for _, st := range s.watcher.Status(ctx) {
		all = append(all, web.Waiting(st))
	}
	return all
}

// channels lets a server speak for the channels.
func (s *service) channels(o *web.Options) {
	n := s.notifier.Load()
	o.Test, o.Retry = n.Test, s.retry
	o.Preview = func(ctx context.Context, channel string, seq uint64, last bool) (web.Preview, error) {
		p, err := n.Preview(ctx, channel, seq, last)
		if err != nil {
			return web.Preview{}, err
		}
		return web.Preview{What: p.What, Subject: p.Mail.Subject, Text: p.Mail.Text, Page: p.Mail.Page(), EML: p.EML, CSV: p.Mail.CSV}, nil
	}
}

// retry has deliveries tried again now: those of a report, with 0 all that wait.
func (s *service) retry(ctx context.Context, report uint64) (deliveries int, err error) {
	if report > 0 {
		return s.notifier.Load().Retry(ctx, report)
	}
	return s.notifier.Load().RetryAll(ctx)
}

// webOptions are what a server needs to know of a configuration.
func webOptions(c *config.Config, store storage.Store) web.Options {
	o := web.Options{Store: store, Version: version, Zone: c.Timezone.Location}
	for i := range c.Storefronts {
		sf := &c.Storefronts[i]
		o.Shops = append(o.Shops, web.StorefrontInfo{
			Storefront: tracker.Storefront{Name: sf.Name, URL: sf.URL},
			Title:      sf.Title, Marketplace: sf.Marketplace, Misses: c.Rules.Misses,
		})
	}
	o.Maintainer, _ = store.(storage.Maintainer)
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

// channelsOf are the destinations as notify wants them.
func channelsOf(c *config.Config) []notify.Channel {
	var all []notify.Channel
	for i := range c.Channels {
		ch := &c.Channels[i]
		n := notify.Channel{
			Name: ch.Name, Sender: ch.Sender, Quiet: notify.Hours(ch.Quiet), Lang: ch.Lang, Zone: ch.Timezone.Location,
			Filter: notify.Filter{Storefronts: ch.Storefronts, Kinds: ch.Kinds, LeastPercent: ch.LeastPercent},
			Digest: ch.Digest, Heartbeat: ch.Beat,
		}
		if len(ch.Watch) > 0 {
			n.Filter.Watched = func(p *tracker.Product) bool { return tracker.Patterns(ch.Watch).Picks(p) != "" }
		}
		all = append(all, n)
	}
	return all
}

// shopsOf are the storefronts as reports call them.
func shopsOf(c *config.Config) map[tracker.StorefrontName]report.StorefrontInfo {
	all := map[tracker.StorefrontName]report.StorefrontInfo{}
	for i := range c.Storefronts {
		sf := &c.Storefronts[i]
		all[sf.Name] = report.StorefrontInfo{Title: sf.Title, URL: sf.URL, Marketplace: sf.Marketplace}
	}
	return all
}
