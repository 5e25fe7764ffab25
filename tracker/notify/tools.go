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
	if err == nil && !ok {
		err = fmt.Errorf("there is no report %d", id)
	}
	if err != nil {
		return 0, err
	}
	_, err = n.db.ChangeLetters([]uint64{id}, func(_ uint64, l *tracker.Letter) {
		if l.State != tracker.Sent {
			l.State, l.Next, l.Attempts = tracker.Waiting, time.Time{}, 0
			letters++
		}
	})
	if err != nil {
		return 0, err
	}
	if c := n.channel(r.Channel); c != nil {
		c.again()
	}
	return letters, nil
}

// retryLimit is how many reports are marked in one transaction.
const retryLimit = 2000

// RetryAll lets all letters that wait be tried now, and returns how many those
// are. It does not wait for the channels, which may be in the middle of a
// letter.
func (n *Notifier) RetryAll() (letters int, err error) {
	for _, c := range n.channels {
		count, err := n.retryAll(c)
		letters += count
		if err != nil {
			return letters, err
		}
	}
	return letters, nil
}

func (n *Notifier) retryAll(c *channel) (letters int, err error) {
	defer c.again()
	for after := uint64(0); ; {
		reports, err := n.db.UndeliveredAfter(c.Name, after, retryLimit)
		if len(reports) == 0 || err != nil {
			return letters, err
		}
		ids := make([]uint64, len(reports))
		for i := range reports {
			ids[i] = reports[i].ID
		}
		after = ids[len(ids)-1]
		marked := 0
		_, err = n.db.ChangeLetters(ids, func(_ uint64, l *tracker.Letter) {
			if l.State == tracker.Waiting {
				l.Next, l.Attempts = time.Time{}, 0
				marked++
			}
		})
		if err != nil {
			return letters, err
		}
		letters += marked
	}
}

// again makes a channel forget that its receiving side could not be reached,
// and go through its letters from the first.
func (c *channel) again() {
	c.anew.Store(true)
	c.wakeUp()
}
