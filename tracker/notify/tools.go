package notify

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// Test sends the sample report, which says that it is one, to every recipient
// of a channel. Nothing of it is stored. The answer is what the receiving side
// said last.
func (n *Notifier) Test(ctx context.Context, channel string) (answer string, err error) {
	c := n.channel(channel)
	if c == nil {
		return "", fmt.Errorf("there is no channel %q", channel)
	}
	story := report.Sample(c.Name, c.Lang, c.Zone, time.Now())
	words, err := report.Write(story)
	if err != nil {
		return "", err
	}
	var errs []error
	for _, to := range c.Sender.Recipients() {
		said, err := c.Sender.Send(ctx, &Letter{
			ID: "test." + strings.ToLower(rand.Text()[:16]), Thread: n.thread(c, &story, to), To: to, Story: &story, Mail: words,
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", to, err))
			continue
		}
		answer = said
	}
	return answer, errors.Join(errs...)
}

// Retry lets the letters of a report that were refused or given up wait again,
// and those that wait be tried now. It returns how many those are.
func (n *Notifier) Retry(id uint64) (letters int, err error) {
	r, ok, err := n.db.Report(id)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, fmt.Errorf("there is no report %d", id)
	}
	for _, l := range r.Letters {
		if l.State == tracker.Sent {
			continue
		}
		l.State, l.Next, l.Attempts = tracker.Waiting, time.Time{}, 0
		if err := n.db.NoteLetter(id, l); err != nil {
			return letters, err
		}
		letters++
	}
	n.again(r.Channel)
	return letters, nil
}

// again makes a channel forget that its receiving side could not be reached.
func (n *Notifier) again(channel string) {
	if c := n.channel(channel); c != nil {
		c.turn <- struct{}{}
		c.blocked, c.failures = time.Time{}, 0
		<-c.turn
	}
	n.Wake()
}
