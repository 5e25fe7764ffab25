package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fleet"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/report"
	"shopwatch/tracker/watch"
)

// A Service is everything that works on a database: it scans storefronts and
// sends reports. The daemon, a single scan and the demo are services.
type Service struct {
	config   atomic.Pointer[config.Config]
	store    storage.Store
	engine   *engine
	watcher  watcher
	fleet    *fleet.Fleet // the watcher where several machines work; nil for one machine
	notifier atomic.Pointer[notify.Notifier]
	renewed  chan struct{}           // of capacity 1: there is another notifier
	lending  atomic.Pointer[lending] // nil while nobody has the profile
	loggedIn chan struct{}           // of capacity 1: a login was made
	newer    chan struct{}           // of capacity 1: there is another configuration for all machines
	options  Options
	log      *slog.Logger
	// scanned is told of every scan that was kept. It is set before run.
	scanned func(*tracker.Scan, []tracker.Change)
}

// A watcher says when storefronts are scanned.
type watcher interface {
	Run(ctx context.Context) error
	Scan(ctx context.Context, name tracker.StorefrontName, r watch.Request) (*tracker.Scan, []tracker.Change, error)
	Status(ctx context.Context) []watch.Status
}

// New joins a service. Its plans say when it scans; those of the
// configuration are Plans. Close ends its Chrome.
func New(ctx context.Context, c *config.Config, store storage.Store, plans func(*config.Config) []watch.Plan, o Options) (*Service, error) {
	s := &Service{
		store: store, options: o, log: o.Log, renewed: make(chan struct{}, 1), loggedIn: make(chan struct{}, 1), newer: make(chan struct{}, 1),
		scanned: func(*tracker.Scan, []tracker.Change) {},
	}
	n, err := s.newNotifier(ctx, c)
	if err != nil {
		return nil, err
	}
	s.config.Store(c)
	s.notifier.Store(n)
	if s.engine, err = newEngine(&s.config, store, o); err != nil {
		return nil, err
	}
	if db, ok := store.(fleet.Database); ok {
		if err := s.join(db, plans(c)); err != nil {
			return nil, errors.Join(err, s.engine.close())
		}
		return s, nil
	}
	s.watcher = watch.New(watch.Options{
		Plans: plans(c), Scan: s.engine.scan, Commit: s.commit, State: store.State, CoolDowns: store,
		Late:   func(name tracker.StorefrontName) time.Duration { return s.engine.journal.late(name, o.Timing.Late) },
		Jitter: o.Timing.Jitter, Cooling: o.Timing.CoolDown, Backoff: o.Timing.Backoff,
	}, o.Log)
	return s, nil
}

func (s *Service) newNotifier(ctx context.Context, c *config.Config) (*notify.Notifier, error) {
	if !s.options.Reads {
		if err := c.MaySend(); err != nil {
			return nil, err
		}
	}
	return notify.New(ctx, s.store, notify.Options{
		Channels: channelsOf(c), Shops: shopsOf(c), Groups: c.TrackedGroups(), Public: c.Public, PDF: s.printPDF,
		RetryFirst: s.options.Timing.RetryFirst, RetryMost: s.options.Timing.RetryMost, Now: s.now,
	}, s.log)
}

// now is the time by which all machines on a database go; that of this machine on a
// file of its own.
func (s *Service) now() time.Time {
	if s.fleet != nil {
		return s.fleet.Now()
	}
	return time.Now()
}

// OnDemand are the plans of a service that scans only when asked.
func OnDemand(c *config.Config) []watch.Plan {
	plans := Plans(c)
	for i := range plans {
		plans[i].Schedule = nil
	}
	return plans
}

// Close ends Chrome. The database is its opener's to close.
func (s *Service) Close() error { return s.engine.close() }

// Run watches and reports until ctx is done and everything has ended.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var sent error
	if s.fleet == nil { // which sends them as jobs
		wg.Go(func() { sent = s.notify(ctx) })
	}
	wg.Go(func() { s.scanAfterLogins(ctx) })
	err := s.watcher.Run(ctx)
	cancel()
	wg.Wait()
	return errors.Join(err, sent)
}

// notify sends reports until ctx is done, with one notifier after another.
func (s *Service) notify(ctx context.Context) error {
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
func (s *Service) renew(ctx context.Context, c *config.Config) error {
	n, err := s.newNotifier(ctx, c)
	if err != nil {
		return err
	}
	// Rules and Chrome are for the next scan, plans for now.
	old := s.config.Swap(c)
	switch w := s.watcher.(type) {
	case *watch.Watcher:
		if err := w.Replan(Plans(c)); err != nil {
			s.config.Store(old)
			return err
		}
	case *fleet.Fleet:
		w.Replan(Plans(c), profilesOf(c), channelNames(c), c.Applied)
	}
	s.notifier.Store(n)
	select {
	case s.renewed <- struct{}{}:
	default:
	}
	return nil
}

// commit takes a scan into the catalog and has it reported.
func (s *Service) commit(ctx context.Context, scan *tracker.Scan) ([]tracker.Change, error) {
	changes, err := s.engine.commit(ctx, scan)
	if err == nil {
		s.notifier.Load().Wake()
		s.kept(ctx, scan, changes)
	}
	return changes, err
}

// kept tells of a scan that was kept.
func (s *Service) kept(ctx context.Context, scan *tracker.Scan, changes []tracker.Change) {
	s.scanned(scan, changes)
	s.tellBaseline(ctx, scan)
}

// tellBaseline logs that a scan was the first complete one.
func (s *Service) tellBaseline(ctx context.Context, scan *tracker.Scan) {
	if scan.Verdict != tracker.Complete {
		return
	}
	if st, err := s.store.State(ctx, scan.Storefront); err == nil && st.Baseline.Equal(scan.Began) {
		s.log.Info("this is the baseline; changes from now on are news", "storefront", scan.Storefront, "products", st.Listed)
	}
}

// preview says what a scan would change, in the same form as commit.
func (s *Service) preview(ctx context.Context, scan *tracker.Scan) ([]tracker.Change, error) {
	out, err := s.store.Preview(ctx, scan, s.config.Load().RulesFor(scan.Storefront))
	scan.Verdict, scan.Reason, scan.Doubted, scan.Changes = out.Verdict, out.Reason, out.Doubted, len(out.Changes)
	return out.Changes, err
}

// A Service is the daemon of a server, also where it is none.
var _ api.Daemon = (*Service)(nil)

// Scan scans a storefront because somebody asks.
func (s *Service) Scan(ctx context.Context, name tracker.StorefrontName, how api.HowToScan, progress func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error) {
	r := watch.Request{Progress: progress}
	if how.DryRun {
		r.Commit = s.preview
	}
	if how.Capture {
		r.Scan = s.engine.captureAll
	}
	return s.watcher.Scan(ctx, name, r)
}

// Status says what the storefronts wait for.
func (s *Service) Status(ctx context.Context) []api.Waiting { return waiting(s.watcher.Status(ctx)) }

func waiting(list []watch.Status) (all []api.Waiting) {
	for _, st := range list {
		all = append(all, api.Waiting(st))
	}
	return all
}

// Preview puts a report of a channel into words without sending it.
func (s *Service) Preview(ctx context.Context, channel string, seq uint64, last bool) (api.Preview, error) {
	for i := range s.config.Load().Channels {
		if ch := &s.config.Load().Channels[i]; ch.Name == channel && ch.Sender == nil {
			return api.Preview{}, ch.Lacks
		}
	}
	p, err := s.notifier.Load().Preview(ctx, channel, seq, last)
	if err != nil {
		return api.Preview{}, err
	}
	return api.Preview{What: p.What, Subject: p.Mail.Subject(), Text: p.Mail.Text(report.Foot{}), Page: p.Page, EML: p.EML, CSV: p.Mail.CSV()}, nil
}

// Test sends a sample and returns what the receiving side said.
func (s *Service) Test(ctx context.Context, channel string) (answer string, err error) {
	return s.notifier.Load().Test(ctx, channel)
}

// Retry has deliveries tried again now: those of a report, with 0 all that wait.
func (s *Service) Retry(ctx context.Context, report uint64) (deliveries int, err error) {
	if report > 0 {
		deliveries, err = s.notifier.Load().Retry(ctx, report)
	} else {
		deliveries, err = s.notifier.Load().RetryAll(ctx)
	}
	s.wakeFleet(ctx)
	return deliveries, err
}

// Disputed has the channels told of a correction.
func (s *Service) Disputed() {
	s.notifier.Load().Wake()
	s.wakeFleet(context.Background())
}

// Ready says why nothing can be scanned.
func (s *Service) Ready() error {
	b := s.config.Load().Browser
	if b.Remote != "" {
		return nil
	}
	_, err := browser.Find(b.Path)
	return err
}

// Vitals are what is worth measuring beside the database.
func (s *Service) Vitals() api.Vitals {
	u := s.engine.chrome.Load().browser.Usage()
	v := api.Vitals{ChromeProcesses: u.Processes, ChromeMemory: u.Memory, Logins: make(map[string]time.Time)}
	if f, ok := s.store.(interface{ LastBackup() time.Time }); ok {
		v.LastBackup = f.LastBackup()
	}
	folder := filepath.Dir(filepath.Clean(s.config.Load().Browser.Profile))
	for _, m := range all.Markets() {
		// Written by shopwatch login; a marketplace without a login has none.
		var made struct{ At time.Time }
		if text, err := os.ReadFile(filepath.Join(folder, "login-"+m.Name+".json")); err == nil && json.Unmarshal(text, &made) == nil {
			v.Logins[m.Name] = made.At
		}
	}
	return v
}

// A leaver is a web.Leaver by the notifier that it returns.
type leaver func() *notify.Notifier

// Leave ends the deliveries of a channel to a recipient, or begins them again.
func (l leaver) Leave(ctx context.Context, channel, to, token string, act, back bool) (bool, error) {
	err := l().Leave(ctx, channel, to, token, act, back)
	if errors.Is(err, notify.ErrToken) {
		return false, nil
	}
	return err == nil, err
}

// channelsOf are the destinations as notify wants them.
func channelsOf(c *config.Config) []notify.Channel {
	var all []notify.Channel
	for i := range c.Channels {
		ch := &c.Channels[i]
		n := notify.Channel{
			Name: ch.Name, Sender: ch.Sender, Quiet: notify.Hours(ch.Quiet), Lang: ch.Lang, Zone: ch.Timezone.Location,
			Filter: notify.Filter{Storefronts: ch.Storefronts, Kinds: ch.Kinds, LeastPercent: ch.LeastPercent},
			Digest: ch.Digest, Heartbeat: ch.Beat, PDF: ch.Attach == "pdf",
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
		all[sf.Name] = report.StorefrontInfo{Title: sf.Title, URL: sf.URL, Marketplace: sf.Marketplace, Login: c.LoginCommand(sf.Marketplace)}
	}
	return all
}

// Watch scans what is due or asked for until ctx is done. It sends no reports.
func (s *Service) Watch(ctx context.Context) error { return s.watcher.Run(ctx) }

// Flush tries once to send what waits to be sent.
func (s *Service) Flush(ctx context.Context) error {
	if s.fleet != nil {
		return s.fleet.Flush(ctx)
	}
	return s.notifier.Load().Flush(ctx)
}

// Story puts a report that was made into words again.
func (s *Service) Story(ctx context.Context, r *tracker.Report) (*report.Story, error) {
	return s.notifier.Load().Story(ctx, r)
}

// StartChrome starts Chrome if it does not run, and says why it cannot.
func (s *Service) StartChrome(ctx context.Context) error {
	ch, giveBack := s.engine.use()
	defer giveBack()
	tab, err := ch.browser.Tab(ctx, browser.TabOptions{})
	if err != nil {
		return err
	}
	tab.Close()
	return nil
}
