package notify

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// Story gathers what a stored report tells, for the channel of the given name.
func (n *Notifier) Story(r *tracker.Report) (*report.Story, error) {
	c := n.channel(r.Channel)
	if c == nil {
		c = &channel{Channel: Channel{Name: r.Channel, Zone: time.UTC}}
	}
	return n.story(c, r)
}

func (n *Notifier) channel(name string) *channel {
	for _, c := range n.channels {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Pending is what the next report of a channel would tell if it were made now;
// false when that is nothing. Nothing is written.
func (n *Notifier) Pending(channel string) (*report.Story, bool, error) {
	c := n.channel(channel)
	if c == nil {
		return nil, false, nil
	}
	r := &tracker.Report{Channel: c.Name, Created: time.Now()}
	var err error
	if r.Changes, err = n.untold(c); err != nil || len(r.Changes) == 0 {
		return nil, false, err
	}
	s, err := n.story(c, r)
	return s, err == nil, err
}

// untold are the numbers of the changes behind a channel's place in the log
// that it is going to be told.
func (n *Notifier) untold(c *channel) (tell []uint64, err error) {
	pending, err := n.db.Pending(c.Name)
	if err != nil {
		return nil, err
	}
	return n.wanted(c, pending, make(map[uint64]bool))
}

// write puts a report into words for sending. Pictures are left out where
// letters show none, and when ctx is done, because they take long: the letter
// is not sent then.
func (n *Notifier) write(ctx context.Context, c *channel, r *tracker.Report) (*report.Story, *report.Mail, error) {
	s, err := n.story(c, r)
	if err != nil {
		return nil, nil, err
	}
	if _, shown := emailOf(c.Sender); shown {
		s.Picture, s.Shot = whileRunning(ctx, s.Picture), whileRunning(ctx, s.Shot)
	} else {
		s.Picture, s.Shot = nil, nil
	}
	m, err := report.Write(*s)
	return s, m, errors.Join(err, ctx.Err())
}

// whileRunning loads pictures until ctx is done.
func whileRunning(ctx context.Context, load func(string) []byte) func(string) []byte {
	return func(name string) []byte {
		if ctx.Err() != nil {
			return nil
		}
		return load(name)
	}
}

func (n *Notifier) story(c *channel, r *tracker.Report) (*report.Story, error) {
	s := &report.Story{Report: *r, Lang: c.Lang, Zone: c.Zone, Shops: n.opts.Shops, Picture: n.picture, Shot: n.shot, Wrong: make(map[uint64]tracker.Change)}
	var err error
	if s.Changes, err = n.db.ChangesOf(r.Changes); err != nil {
		return nil, err
	}
	var corrects []uint64
	for i := range s.Changes {
		if s.Changes[i].Kind == tracker.Corrected {
			corrects = append(corrects, s.Changes[i].Corrects)
		}
	}
	wrong, err := n.db.ChangesOf(corrects)
	if err != nil {
		return nil, err
	}
	for _, ch := range wrong {
		s.Wrong[ch.Seq] = ch
	}
	if err := n.scans(s); err != nil {
		return nil, err
	}
	if err := n.suspects(s); err != nil {
		return nil, err
	}
	if r.About == report.Heartbeat {
		s.Filtered = c.Filter.picky()
		return s, n.quiet(c, s)
	}
	return s, nil
}

// scans adds the scans that the changes rest on, and how long before each the
// storefront was last read completely. A report about several scans of a
// storefront tells what they came to together. A scan may be missing: thinned
// out long ago, or a correction by hand.
func (n *Notifier) scans(s *report.Story) error {
	began := make(map[tracker.Name][]time.Time)
	type key struct {
		storefront tracker.Name
		began      int64
	}
	seen := make(map[key]bool)
	for i := range s.Changes {
		c := &s.Changes[i]
		if k := (key{c.Storefront, c.Scan.UnixMilli()}); !seen[k] {
			seen[k] = true
			began[c.Storefront] = append(began[c.Storefront], c.Scan)
		}
	}
	for name, times := range began {
		s.Net = s.Net || len(times) > 1
		records, err := n.db.ScansOf(name, times)
		if err != nil {
			return err
		}
		for _, r := range records {
			s.Scans = append(s.Scans, report.Scan(r))
		}
	}
	slices.SortFunc(s.Scans, func(a, b report.Scan) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Storefront, b.Storefront))
	})
	return nil
}

// suspects adds the products that are missing without proof. They are known
// for the newest complete scan only: a report that is sent late leaves them
// out.
func (n *Notifier) suspects(s *report.Story) error {
	for _, name := range names(s) {
		st, err := n.db.State(name)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(s.Scans, func(sc report.Scan) bool {
			return sc.Storefront == name && sc.Verdict == tracker.Complete && sc.Began.Equal(st.LastComplete)
		}) {
			continue
		}
		items, err := n.db.Suspects(name)
		if err != nil {
			return err
		}
		for _, it := range items {
			s.Suspects = append(s.Suspects, report.Suspect{Storefront: name, Item: it})
		}
	}
	return nil
}

// quiet adds what the scans of the channel's storefronts came to since its last
// report.
func (n *Notifier) quiet(c *channel, s *report.Story) error {
	var err error
	if s.Since, err = n.db.Joined(c.Name); err != nil {
		return err
	}
	earlier, err := n.db.Reports(c.Name, 0, 50, true)
	if err != nil {
		return err
	}
	for _, r := range earlier {
		if r.ID < s.Report.ID {
			if r.Created.After(s.Since) {
				s.Since = r.Created
			}
			break
		}
	}
	all, err := n.db.Storefronts()
	if err != nil {
		return err
	}
	for _, sf := range all {
		if len(c.Filter.Storefronts) > 0 && !slices.Contains(c.Filter.Storefronts, sf.Name) {
			continue
		}
		if _, watched := n.opts.Shops[sf.Name]; !watched && len(n.opts.Shops) > 0 {
			continue // no longer configured
		}
		q := report.Quiet{Storefront: sf.Name, Products: sf.Listed, Last: sf.LastComplete}
		before := s.Report.Created
		for {
			list, err := n.db.ScansBefore(sf.Name, s.Since, before, 1000)
			if err != nil {
				return err
			}
			for i := range list {
				q.Scans++
				if list[i].Verdict == tracker.Complete {
					q.Complete++
				}
			}
			if len(list) < 1000 {
				break
			}
			before = list[len(list)-1].Began
		}
		s.Quiet = append(s.Quiet, q)
	}
	return nil
}
