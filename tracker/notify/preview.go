package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// A Preview is a report in words that is not sent.
type Preview struct {
	Mail *report.Mail
	Page string // the HTML with the pictures in it
	EML  []byte // the whole message; nil for channels that send no mail
	What string // what it shows, for people
}

// Preview puts a report of a channel into words: of change seq; with 0 the one
// that would be made next, else the last one, else a sample; with last not the
// next one.
func (n *Notifier) Preview(ctx context.Context, channel string, seq uint64, last bool) (*Preview, error) {
	c := n.channel(channel)
	if c == nil {
		return nil, fmt.Errorf("there is no channel %q", channel)
	}
	s, what, err := n.some(ctx, c, seq, last)
	if err != nil {
		return nil, err
	}
	p := &Preview{What: what, Mail: report.New(*s)}
	if p.Page, err = p.Mail.Page(ctx); err != nil {
		return nil, err
	}
	e, ok := emailOf(c.Sender)
	if !ok {
		return p, nil
	}
	to := c.Sender.Recipients()[0]
	p.EML, err = e.message(ctx, &Message{ID: "preview." + n.deliveryID(&s.Report, to), Thread: n.thread(c, s, to), To: to, Story: s, Mail: p.Mail, PDF: n.printing(c, s, p.Mail)})
	return p, err
}

// some finds the story that a preview tells.
func (n *Notifier) some(ctx context.Context, c *channel, seq uint64, last bool) (s *report.Story, what string, err error) {
	if seq > 0 {
		if _, ok, err := n.store.Change(ctx, seq); err != nil || !ok {
			return nil, "", errors.Join(err, fmt.Errorf("there is no change %d", seq))
		}
		reports, err := n.store.ReportsOf(ctx, seq)
		if err != nil {
			return nil, "", err
		}
		i := slices.IndexFunc(reports, func(r tracker.Report) bool { return r.Channel == c.Name })
		if i >= 0 {
			s, err = n.story(ctx, c, &reports[i])
			return s, fmt.Sprintf("report %d, which told of change %d", reports[i].ID, seq), err
		}
		s, err = n.story(ctx, c, &tracker.Report{Channel: c.Name, Created: n.opts.Now(), Changes: []uint64{seq}})
		return s, fmt.Sprintf("change %d as a report of its own; the channel was not told of it", seq), err
	}
	if !last {
		if s, ok, err := n.Pending(ctx, c.Name); err != nil || ok {
			return s, "the next report, as far as it is known", err
		}
	}
	made, err := n.store.Reports(ctx, storage.ReportQuery{Channel: c.Name, Newest: true, Limit: 1})
	if err != nil {
		return nil, "", err
	}
	if len(made) > 0 {
		s, err = n.story(ctx, c, &made[0])
		return s, fmt.Sprintf("report %d, the last one", made[0].ID), err
	}
	return n.sample(c), "a sample, because there was no change yet", nil
}

// sample is a report that is made up, for a channel.
func (n *Notifier) sample(c *channel) *report.Story {
	s := report.Sample(c.Name, c.Lang, c.Zone, n.opts.Now())
	s.Public = n.opts.Public
	return &s
}
