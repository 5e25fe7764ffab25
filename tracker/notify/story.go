package notify

import (
	"cmp"
	"context"
	"slices"
	"time"

	"shopwatch/storage"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// Story gathers what a stored report tells, for the channel of the given name.
func (n *Notifier) Story(ctx context.Context, r *tracker.Report) (*report.Story, error) {
	c := n.channel(r.Channel)
	if c == nil {
		c = &channel{Channel: Channel{Name: r.Channel, Zone: time.UTC}}
	}
	return n.story(ctx, c, r)
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
func (n *Notifier) Pending(ctx context.Context, channel string) (*report.Story, bool, error) {
	c := n.channel(channel)
	if c == nil {
		return nil, false, nil
	}
	r := &tracker.Report{Channel: c.Name, Created: n.opts.Now()}
	var err error
	if r.Changes, err = n.untold(ctx, c); err != nil || len(r.Changes) == 0 {
		return nil, false, err
	}
	s, err := n.story(ctx, c, r)
	return s, err == nil, err
}

// untold are the numbers of the changes behind a channel's place in the log
// that it is going to be told.
func (n *Notifier) untold(ctx context.Context, c *channel) (tell []uint64, err error) {
	_, pending, err := n.store.Pending(ctx, c.Name, 0)
	if err != nil {
		return nil, err
	}
	return n.wanted(ctx, c, pending, make(map[uint64]bool))
}

// write returns what a report tells and its words, which are kept for the next
// attempt while the report waits for one.
func (n *Notifier) write(ctx context.Context, c *channel, r *tracker.Report) (*written, error) {
	if c.written == nil || c.written.report != r.ID {
		s, err := n.story(ctx, c, r)
		if err != nil {
			return nil, err
		}
		m := report.New(*s)
		c.written = &written{r.ID, s, m, n.printing(c, s, m)}
	}
	return c.written, nil
}

func (n *Notifier) story(ctx context.Context, c *channel, r *tracker.Report) (*report.Story, error) {
	s := &report.Story{Report: *r, Lang: c.Lang, Zone: c.Zone, Shops: n.opts.Shops, Picture: n.picture, Shot: n.shot, Wrong: make(map[uint64]tracker.Change), Names: make(map[tracker.StorefrontName]string), Public: n.opts.Public}
	var err error
	if s.Changes, err = n.store.ChangesOf(ctx, r.Changes); err != nil {
		return nil, err
	}
	if err := storage.WithPrior(ctx, n.store, s.Changes); err != nil {
		return nil, err
	}
	var corrects []uint64
	for i := range s.Changes {
		if s.Changes[i].Kind == tracker.Corrected {
			corrects = append(corrects, s.Changes[i].Corrects)
		}
	}
	wrong, err := n.store.ChangesOf(ctx, corrects)
	if err != nil {
		return nil, err
	}
	for _, ch := range wrong {
		s.Wrong[ch.Seq] = ch
	}
	if err := n.groups(ctx, s); err != nil {
		return nil, err
	}
	if err := n.scans(ctx, s); err != nil {
		return nil, err
	}
	n.witness(ctx, s)
	if err := n.states(ctx, s); err != nil {
		return nil, err
	}
	if r.About == report.Heartbeat {
		s.Filtered = c.Filter.picky()
		return s, n.heartbeatSummary(ctx, c, s)
	}
	return s, nil
}

// groups adds the groups that have products among the changes.
func (n *Notifier) groups(ctx context.Context, s *report.Story) error {
	changed := make(map[tracker.ProductKey]bool)
	for i := range s.Changes {
		if c := &s.Changes[i]; c.Product != nil {
			changed[tracker.ProductKey{Storefront: c.Storefront, ID: c.Product.ID}] = true
		}
	}
	for i := range n.opts.Groups {
		g := &n.opts.Groups[i]
		if !slices.ContainsFunc(g.Products, func(k tracker.ProductKey) bool { return changed[k] }) {
			continue
		}
		offers, err := storage.Offers(ctx, n.store, g)
		if err != nil {
			return err
		}
		s.Groups = append(s.Groups, report.Group{Name: g.Name, Offers: offers})
	}
	return nil
}

// witness adds the checkpoint of the log at the end of what the report covers,
// which is the same on every attempt; for a heartbeat it is the newest one. A
// report that cannot have one goes out without.
func (n *Notifier) witness(ctx context.Context, s *report.Story) {
	mark, key, _, err := merkle.Sign(ctx, n.store, s.Report.Last)
	if err != nil {
		n.log.Error("the report has no checkpoint", "channel", s.Report.Channel, "report", s.Report.ID, "err", err)
		return
	}
	s.Checkpoint, s.Key = mark.Text, key
}

// scans adds the scans that the changes rest on, and how long before each the
// storefront was last read completely. A report about several scans of a
// storefront tells what they came to together. A scan may be missing: thinned
// out long ago, or a correction by hand.
func (n *Notifier) scans(ctx context.Context, s *report.Story) error {
	began := make(map[tracker.StorefrontName][]time.Time)
	type key struct {
		storefront tracker.StorefrontName
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
		records, err := n.store.ScansOf(ctx, name, times)
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

// states adds what storefronts call themselves, and the products that are missing
// without proof. These are known for the newest complete scan only: a report that is sent late leaves them
// out.
func (n *Notifier) states(ctx context.Context, s *report.Story) error {
	for _, name := range names(s) {
		st, err := n.store.State(ctx, name)
		if err != nil {
			return err
		}
		s.Names[name] = st.Shop.Name
		if !slices.ContainsFunc(s.Scans, func(sc report.Scan) bool {
			return sc.Storefront == name && sc.Verdict == tracker.Complete && sc.Began.Equal(st.LastComplete)
		}) {
			continue
		}
		for it, err := range storage.AllSuspects(ctx, n.store, name) {
			if err != nil {
				return err
			}
			s.Suspects = append(s.Suspects, report.Suspect{Storefront: name, Item: it})
		}
	}
	return nil
}

// heartbeatSummary adds what the scans of the channel's storefronts came to since its last
// report.
func (n *Notifier) heartbeatSummary(ctx context.Context, c *channel, s *report.Story) error {
	known, err := n.known(ctx, c)
	if err != nil {
		return err
	}
	s.Since = known.Joined
	earlier, err := n.store.Reports(ctx, storage.ReportQuery{Channel: c.Name, Limit: 50, Newest: true})
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
	all, err := n.store.Storefronts(ctx)
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
		s.Names[sf.Name] = sf.Shop.Name
		q := report.Quiet{Storefront: sf.Name, Products: sf.Listed, Last: sf.LastComplete}
		scans := storage.ScanQuery{Storefront: sf.Name, Since: s.Since, Before: storage.ScanPlace{Began: s.Report.Created}, Limit: 1000}
		for {
			list, err := n.store.Scans(ctx, scans)
			if err != nil {
				return err
			}
			for i := range list {
				q.Scans++
				if list[i].Verdict == tracker.Complete {
					q.Complete++
				}
			}
			if len(list) < scans.Limit {
				break
			}
			scans.Before.Began = list[len(list)-1].Began
		}
		s.Quiet = append(s.Quiet, q)
	}
	return nil
}

// A written report is one in words, with what it tells.
type written struct {
	report uint64 // its number
	story  *report.Story
	mail   *report.Mail
	pdf    func(context.Context) []byte // nil for none
}
