package notify

import (
	"context"
	"errors"
	"slices"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// A Filter says what a channel wants to hear of. The zero value lets
// everything pass but the changes of ignored products.
type Filter struct {
	Storefronts []tracker.StorefrontName // all when empty
	Kinds       []tracker.Kind           // all when empty
	// Watched picks products; nil for all. Changes of a storefront itself
	// pass. Of a product that changed its title the old one counts too.
	Watched func(*tracker.Product) bool
	// LeastPercent is by how much of the old price a price must change; one
	// that cannot be compared passes.
	LeastPercent float64
}

// Wants reports whether the channel is told of a change.
func (f *Filter) Wants(c *tracker.Change) bool {
	switch {
	case c.Ignored,
		len(f.Storefronts) > 0 && !slices.Contains(f.Storefronts, c.Storefront),
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, c.Kind):
		return false
	}
	if f.Watched != nil && c.Product != nil && !f.Watched(c.Product) && (c.Before == nil || !f.Watched(c.Before)) {
		return false
	}
	if c.Kind == tracker.Repriced && c.Before != nil {
		if p, ok := report.Percent(c.Before.Price, c.Product.Price); ok && p < f.LeastPercent && -p < f.LeastPercent {
			return false
		}
	}
	return true
}

// picky reports whether changes of the storefronts may not pass.
func (f *Filter) picky() bool { return len(f.Kinds) > 0 || f.Watched != nil || f.LeastPercent > 0 }

// facets are those of which the channel wants a change, or what several came
// to: prices that creep.
func (f *Filter) facets(changes []tracker.Change) map[report.Facet]bool {
	wanted := make(map[report.Facet]bool)
	see := func(list []tracker.Change) {
		for i := range list {
			if facet, ok := report.FacetOf(&list[i]); ok && f.Wants(&list[i]) {
				wanted[facet] = true
			}
		}
	}
	see(changes)
	net, _ := report.Net(changes)
	see(net)
	return wanted
}

// Hours are a part of the day, in the time zone of a channel. The zero value
// is none. From 22:00 to 07:00 goes over midnight.
type Hours struct {
	From, To time.Duration // since midnight
}

// end returns when the hours that a time lies in are over; the zero time when
// it lies in none.
func (h Hours) end(t time.Time) time.Time {
	if h.From == h.To {
		return time.Time{}
	}
	y, m, d := t.Date()
	at := func(day int, since time.Duration) time.Time { // by the clock on the wall, whatever summer time does
		return time.Date(y, m, d+day, 0, int(since/time.Minute), 0, 0, t.Location())
	}
	for day := -1; day <= 0; day++ {
		from, to := at(day, h.From), at(day, h.To)
		if h.To < h.From {
			to = at(day+1, h.To)
		}
		if !t.Before(from) && t.Before(to) {
			return to
		}
	}
	return time.Time{}
}

// cutLimit is how many changes are read, and reports written, in one go where
// each scan makes a report of its own. A reader of all of them for each report
// would be busy for minutes behind a mail server that was away for days.
const cutLimit = 1000

// collect cuts what is behind the channel's place in the log into reports, as
// far as they are due, and returns when the next one is.
func (n *Notifier) collect(ctx context.Context, c *channel, now time.Time) (next time.Time, err error) {
	to, err := n.recipients(ctx, c)
	if err != nil {
		return time.Time{}, err
	}
	for limit := cutLimit; ctx.Err() == nil; {
		var d division
		_, err := storage.NextReports(ctx, n.store, c.Name, to, now, limit, func(pending []tracker.Change) []storage.Portion {
			d = n.divide(ctx, c, pending, now, limit)
			return d.portions
		})
		switch {
		case err != nil || d.err != nil:
			return time.Time{}, errors.Join(err, d.err)
		case len(d.portions) > 0:
			limit = cutLimit
		case d.more:
			limit = 0
		default:
			return d.due, nil
		}
	}
	return time.Time{}, ctx.Err()
}

// A division says how changes become reports.
type division struct {
	portions []storage.Portion
	due      time.Time // of the next one, which it is too early for; zero for none
	more     bool      // there may be more changes of the next one than were read
	err      error
}

// divide divides the changes behind a channel's place, of which at most limit
// were read. With limit 0, which is as many as a report can cover, the first
// portion is enough.
func (n *Notifier) divide(ctx context.Context, c *channel, pending []tracker.Change, now time.Time, limit int) (d division) {
	told := make(map[uint64]bool)
	full := len(pending) == limit
	for len(pending) > 0 {
		take, due := c.portion(pending, now)
		switch {
		case take == 0:
			d.due = due
			return d
		case full && take == len(pending):
			d.more = true
			return d
		}
		tell, err := n.wanted(ctx, c, pending[:take], told)
		if err != nil {
			return division{err: err}
		}
		d.portions = append(d.portions, storage.Portion{Take: take, Tell: tell})
		if pending = pending[take:]; limit == 0 {
			return d
		}
	}
	return d
}

// wanted are the numbers of those changes that a channel is told, which are
// noted in told too. Where it wants one change of a facet it is told all of
// them, because only together they say what the facet came to: of a price that
// fell by 10 % and rose by 4 % a channel that wants 5 % must not be left with
// the lower one. A correction goes to the channels that carry the wrong change,
// whatever their filter.
func (n *Notifier) wanted(ctx context.Context, c *channel, changes []tracker.Change, told map[uint64]bool) (tell []uint64, err error) {
	var corrected []uint64
	for i := range changes {
		if changes[i].Kind == tracker.Corrected {
			corrected = append(corrected, changes[i].Corrects)
		}
	}
	before, err := n.store.Told(ctx, c.Name, corrected)
	if err != nil {
		return nil, err
	}
	facets := c.Filter.facets(changes)
	for i := range changes {
		ch := &changes[i]
		want := c.Filter.Wants(ch)
		if f, ok := report.FacetOf(ch); ok {
			want = facets[f] && !ch.Ignored
		}
		if ch.Kind == tracker.Corrected {
			want = before[ch.Corrects] || told[ch.Corrects]
		}
		if want {
			tell = append(tell, ch.Seq)
			told[ch.Seq] = true
		}
	}
	return tell, nil
}

// portion says how many of the changes the next report covers, and when it is
// due if that is none.
func (c *channel) portion(pending []tracker.Change, now time.Time) (n int, due time.Time) {
	first := &pending[0]
	switch {
	case c.Digest != nil && first.At.Sub(now) > time.Minute:
		return len(pending), time.Time{} // the clock was put back since; that time may be years away
	case c.Digest != nil:
		if due = c.Digest.Next(first.At); due.IsZero() || now.Before(due) {
			return 0, due
		}
		return len(pending), time.Time{}
	case !c.Quiet.end(first.At.In(c.Zone)).IsZero():
		return len(pending), time.Time{} // what the quiet hours held back is told at once
	}
	for n < len(pending) && together(first, &pending[n]) {
		n++
	}
	return n, time.Time{}
}

// together reports whether two changes are of one scan. Corrections are made
// by people and stand alone.
func together(a, b *tracker.Change) bool {
	return a.Storefront == b.Storefront && a.Scan.Equal(b.Scan) &&
		(a.Kind == tracker.Corrected) == (b.Kind == tracker.Corrected)
}

// heartbeat writes a report that nothing happened when that is due, and
// returns when the next one is.
func (n *Notifier) heartbeat(ctx context.Context, c *channel, now time.Time) (next time.Time, err error) {
	if c.Heartbeat == nil {
		return time.Time{}, nil
	}
	known, err := n.known(ctx, c)
	if err != nil {
		return time.Time{}, err
	}
	since := known.Joined
	last, err := n.store.Reports(ctx, storage.ReportQuery{Channel: c.Name, Newest: true, Limit: 1})
	if err != nil {
		return time.Time{}, err
	}
	told := len(last) > 0 && (last[0].Created.After(since) || since.After(now))
	if told {
		since = last[0].Created
	}
	if since.After(now) {
		since, told = time.Time{}, false // the clock was put back: one beat sets this right
	}
	next = c.Heartbeat.Next(since)
	if told && last[0].About != report.Heartbeat && !next.IsZero() {
		next = c.Heartbeat.Next(next) // what was told is in the period that ends first
	}
	if next.IsZero() || now.Before(next) {
		return next, nil
	}
	if tell, err := n.untold(ctx, c); err != nil || len(tell) > 0 {
		return c.Heartbeat.Next(now), err // something did happen: the digest will tell
	}
	r := &tracker.Report{Channel: c.Name, Created: now, About: report.Heartbeat}
	recipients, err := n.recipients(ctx, c)
	if err != nil {
		return time.Time{}, err
	}
	for _, to := range recipients {
		r.Deliveries = append(r.Deliveries, tracker.Delivery{To: to, State: tracker.Waiting})
	}
	return c.Heartbeat.Next(now), n.store.AddReport(ctx, r)
}
