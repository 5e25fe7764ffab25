package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// A Preview is a report in words that is not sent.
type Preview struct {
	Mail *report.Mail
	EML  []byte // the whole message; nil for channels that send no mail
	What string // what it shows, for people
}

// Preview puts a report of a channel into words: of change seq; with 0 the one
// that would be made next, else the last one, else a sample.
func (n *Notifier) Preview(channel string, seq uint64) (*Preview, error) {
	c := n.channel(channel)
	if c == nil {
		return nil, fmt.Errorf("there is no channel %q", channel)
	}
	s, what, err := n.some(c, seq)
	if err != nil {
		return nil, err
	}
	p := &Preview{What: what}
	if p.Mail, err = report.Write(*s); err != nil {
		return nil, err
	}
	e, ok := c.Sender.(*email)
	if !ok {
		return p, nil
	}
	to := c.Sender.Recipients()[0]
	msg, err := e.message(&Letter{ID: "preview." + n.letterID(&s.Report, to), Thread: n.thread(c, s, to), To: to, Story: s, Mail: p.Mail})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = msg.WriteTo(&b)
	p.EML = b.Bytes()
	return p, err
}

// some finds the story that a preview tells.
func (n *Notifier) some(c *channel, seq uint64) (s *report.Story, what string, err error) {
	if seq > 0 {
		if _, ok, err := n.db.Change(seq); err != nil || !ok {
			return nil, "", errors.Join(err, fmt.Errorf("there is no change %d", seq))
		}
		reports, err := n.db.ReportsOf(seq)
		if err != nil {
			return nil, "", err
		}
		i := slices.IndexFunc(reports, func(r tracker.Report) bool { return r.Channel == c.Name })
		if i >= 0 {
			s, err = n.story(c, &reports[i])
			return s, fmt.Sprintf("report %d, which told of change %d", reports[i].ID, seq), err
		}
		s, err = n.story(c, &tracker.Report{Channel: c.Name, Created: time.Now(), Changes: []uint64{seq}})
		return s, fmt.Sprintf("change %d as a report of its own; the channel was not told of it", seq), err
	}
	if s, ok, err := n.Pending(c.Name); err != nil || ok {
		return s, "the next report, as far as it is known", err
	}
	last, err := n.db.Reports(c.Name, 0, 1, true)
	if err != nil {
		return nil, "", err
	}
	if len(last) > 0 {
		s, err = n.story(c, &last[0])
		return s, fmt.Sprintf("report %d, the last one", last[0].ID), err
	}
	sample := report.Sample(c.Name, c.Lang, c.Zone, time.Now())
	return &sample, "a sample, because there was no change yet", nil
}

// Test sends a sample to every recipient of a channel, and returns what became
// of it. Nothing of it is kept.
func (n *Notifier) Test(ctx context.Context, channel string) ([]tracker.Letter, error) {
	c := n.channel(channel)
	if c == nil {
		return nil, fmt.Errorf("there is no channel %q", channel)
	}
	story := report.Sample(c.Name, c.Lang, c.Zone, time.Now())
	mail, err := report.Write(story)
	if err != nil {
		return nil, err
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var letters []tracker.Letter
	for _, to := range c.Sender.Recipients() {
		l := tracker.Letter{To: to, State: tracker.Sent, Attempts: 1, Tried: time.Now().UTC().Truncate(time.Millisecond)}
		id := "test." + n.letterID(&story.Report, to)
		if l.Answer, err = c.Sender.Send(ctx, &Letter{ID: id, Thread: id, To: to, Story: &story, Mail: mail}); err != nil {
			l.State, l.Answer = tracker.Dead, err.Error()
		}
		l.Answer = oneLine(l.Answer)
		letters = append(letters, l)
	}
	return letters, nil
}

// Retry has letters tried again now: those of one report, also the dead ones,
// or with 0 all that wait. It returns how many there are.
func (n *Notifier) Retry(ctx context.Context, id uint64) (letters int, err error) {
	reports, err := n.db.Undelivered("")
	if id > 0 {
		r, ok, found := n.db.Report(id)
		if err = found; err == nil && !ok {
			err = fmt.Errorf("there is no report %d", id)
		}
		reports = []tracker.Report{r}
	}
	if err != nil {
		return 0, err
	}
	for i := range reports {
		again, err := n.again(ctx, &reports[i], id > 0)
		if err != nil {
			return letters, err
		}
		letters += again
	}
	n.Wake()
	return letters, nil
}

// again makes the letters of a report due.
func (n *Notifier) again(ctx context.Context, r *tracker.Report, dead bool) (letters int, err error) {
	c := n.channel(r.Channel)
	if c == nil {
		return 0, fmt.Errorf("report %d is for the channel %s, which is not in the configuration", r.ID, r.Channel)
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	c.blocked = time.Time{}
	for _, l := range r.Letters {
		if l.State == tracker.Sent || l.State == tracker.Dead && !dead {
			continue
		}
		l.State, l.Next = tracker.Waiting, time.Time{}
		if err := n.db.NoteLetter(r.ID, l); err != nil {
			return letters, err
		}
		letters++
	}
	return letters, nil
}
