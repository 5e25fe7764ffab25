package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// checkChannels asks the senders that can be asked whether they would get
// through.
func checkChannels(ctx context.Context, c *config.Config) []finding {
	if len(c.Channels) == 0 {
		return []finding{{"channel", false, "nobody is told of changes: put a channel into the configuration (shopwatch init --full shows how)"}}
	}
	var all []finding
	for i := range c.Channels {
		ch := &c.Channels[i]
		if ch.Lacks != nil {
			all = append(all, finding{"channel", false, ch.Name + ": " + ch.Lacks.Error()})
			continue
		}
		s, ok := ch.Sender.(interface{ Check(context.Context) error })
		if !ok {
			all = append(all, finding{"channel", true, fmt.Sprintf("%s (%s)", ch.Name, ch.Kind)})
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		err := s.Check(ctx)
		cancel()
		if err != nil {
			err = fmt.Errorf("%s: %w", ch.Name, err)
		}
		does := "answers"
		if ch.Username != "" {
			does += " and takes the login"
		}
		all = append(all, result("channel", fmt.Sprintf("%s: %s %s", ch.Name, ch.Server, does), err))
	}
	return append(all, untold(c)...)
}

// untold finds the storefronts that no channel names.
func untold(c *config.Config) []finding {
	left := slices.DeleteFunc(c.Names(), func(name tracker.StorefrontName) bool {
		return slices.ContainsFunc(c.Channels, func(ch config.Channel) bool {
			return len(ch.Storefronts) == 0 || slices.Contains(ch.Storefronts, name)
		})
	})
	if len(left) == 0 {
		return nil
	}
	return []finding{{"channel", false, fmt.Sprintf("nobody is told of changes of %s: name them in storefronts of a channel", term.List(left))}}
}

// checkOutbox tells of the oldest delivery that waits after it was tried, and of
// the newest that was refused. One to a recipient who is no longer told is
// nobody's concern; those that wait for a channel that is not there are counted.
func (a *app) checkOutbox(ctx context.Context, c *config.Config) []finding {
	if len(c.Channels) == 0 || !hasDatabase(c) {
		return nil
	}
	var waiting, dead []string
	former := 0
	err := a.ask(ctx, func(c *config.Config, client *api.Client) error {
		reports, err := outbox(ctx, client)
		for i := range reports {
			r := &reports[i]
			for _, l := range r.Deliveries {
				text := fmt.Sprintf("the report of %s to %s", term.Time(r.Created, c.Timezone.Location), l.To)
				switch {
				case l.State == tracker.Waiting && c.Channel(r.Channel) == nil:
					former++
				case l.State == tracker.Waiting && l.Attempts > 0:
					waiting = append(waiting, text+" waits: "+l.Answer)
				case l.State == tracker.Dead && c.Tells(r.Channel, l.To):
					dead = append(dead, text+" did not get through: "+l.Answer)
				}
			}
		}
		return err
	})
	var all []finding
	if len(waiting) > 0 {
		all = append(all, finding{"outbox", false, fmt.Sprintf("%s; shopwatch mail outbox shows %s", waiting[0], term.Count(len(waiting), 0, "delivery"))})
	}
	if n := len(dead); n > 0 {
		all = append(all, finding{"outbox", false, fmt.Sprintf("%s; fix it and try again with shopwatch mail retry NUMBER, or take the recipient out; shopwatch mail outbox shows %s", dead[n-1], term.Count(n, 0, "delivery"))})
	}
	if len(all) == 0 {
		says := "nothing waits"
		if former > 0 {
			says += fmt.Sprintf(" but %s for channels that are not in the configuration", term.Count(former, 0, "delivery"))
		}
		all = append(all, result("outbox", says, err))
	}
	return all
}
