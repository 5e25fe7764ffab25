package daemon

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker"
	"shopwatch/tracker/fleet"
	"shopwatch/tracker/watch"
)

// join makes the service one of several that work on a database.
func (s *Service) join(db fleet.Database, plans []watch.Plan) (err error) {
	c := s.config.Load()
	o := fleet.Options{
		Database: db, Machine: c.Worker(), Alone: s.options.Alone, Holder: s.options.Process, Version: s.options.Version, Egress: c.Fleet.Egress,
		Plans: plans, Profiles: profilesOf(c), Applied: c.Applied, Channels: channelNames(c),
		Scan: s.engine.scan, Capture: s.engine.captureAll, Preview: s.preview,
		Commit: func(ctx context.Context, scan *tracker.Scan, first func(context.Context, pgx.Tx) error) ([]tracker.Change, error) {
			changes, err := db.CommitWith(ctx, scan, s.config.Load().RulesFor(scan.Storefront), first)
			if err == nil {
				s.engine.keepNewest(ctx, scan)
				s.kept(ctx, scan, changes)
			}
			return changes, err
		},
		Deliver: func(ctx context.Context, channel string) (time.Time, error) {
			return s.notifier.Load().Pass(ctx, channel)
		},
		Tidy:    s.tidy,
		Trouble: s.trouble,
		Newer: func(int64) {
			select {
			case s.newer <- struct{}{}:
			default:
			}
		},
		Pace:   s.pause,
		Jitter: s.options.Timing.Jitter, Cooling: s.options.Timing.CoolDown, Backoff: s.options.Timing.Backoff, Tick: s.options.Timing.Tick,
	}
	if s.fleet, err = fleet.New(o, s.log); err != nil {
		return err
	}
	s.watcher, s.engine.pace, s.engine.now = s.fleet, s.fleet.Pace, s.fleet.Now
	return nil
}

// pause is the one before the next page of a marketplace.
func (s *Service) pause() time.Duration {
	p := s.config.Load().Browser.Pace
	return watch.Pause(p.Min, p.Max)
}

// trouble says why this machine cannot scan now.
func (s *Service) trouble() error {
	if err := s.Ready(); err != nil || s.options.Trouble == nil {
		return err
	}
	return s.options.Trouble(s.config.Load())
}

// wakeFleet has the machines look at the channels, where there are several.
func (s *Service) wakeFleet(ctx context.Context) {
	if s.fleet != nil {
		s.fleet.Wake(ctx)
	}
}

// profilesOf are the workers on which profiles lie, by the profiles.
func profilesOf(c *config.Config) map[string]string {
	all := make(map[string]string)
	for _, p := range c.Fleet.Profiles {
		all[p.Name] = p.Worker
	}
	return all
}

func channelNames(c *config.Config) []string {
	var all []string
	for i := range c.Channels {
		all = append(all, c.Channels[i].Name)
	}
	return all
}
