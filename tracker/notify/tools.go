package notify

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"shopwatch/storage"
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
	story := n.sample(c)
	words := report.New(*story)
	pdf := n.printing(c, story, words)
	var errs []error
	for _, to := range c.Sender.Recipients() {
		said, err := c.Sender.Send(ctx, &Message{
			ID: "test." + strings.ToLower(rand.Text()[:16]), Thread: n.thread(c, story, to), To: to, Instance: n.hash("instance"), Story: story, Mail: words, PDF: pdf,
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", to, err))
			continue
		}
		answer = said
	}
	return answer, errors.Join(errs...)
}

// Retry lets the deliveries of a report that were refused or given up wait again,
// and those that wait be tried now. It returns how many those are.
func (n *Notifier) Retry(ctx context.Context, id uint64) (deliveries int, err error) {
	r, ok, err := n.store.Report(ctx, id)
	if err == nil && !ok {
		err = fmt.Errorf("there is no report %d", id)
	}
	if err != nil {
		return 0, err
	}
	c := n.channel(r.Channel)
	if c == nil {
		return 0, storage.Refused("report %d is for the channel %s, which is not in the configuration: put it back to send it", id, r.Channel)
	}
	deliveries, err = n.letAgain(ctx, []uint64{id}, func(l *tracker.Delivery) bool { return l.State != tracker.Sent })
	if err != nil {
		return 0, err
	}
	c.again()
	return deliveries, nil
}

// retryLimit is how many reports are marked in one transaction.
const retryLimit = 2000

// RetryAll lets all deliveries that wait be tried now, and returns how many those
// are. It does not wait for the channels, which may be in the middle of a
// delivery.
func (n *Notifier) RetryAll(ctx context.Context) (deliveries int, err error) {
	for _, c := range n.channels {
		count, err := n.retryAll(ctx, c)
		deliveries += count
		if err != nil {
			return deliveries, err
		}
	}
	return deliveries, nil
}

func (n *Notifier) retryAll(ctx context.Context, c *channel) (deliveries int, err error) {
	defer c.again()
	for after := uint64(0); ; {
		reports, err := n.store.Reports(ctx, storage.ReportQuery{Channel: c.Name, With: tracker.Waiting, After: after, Limit: retryLimit})
		if len(reports) == 0 || err != nil {
			return deliveries, err
		}
		ids := make([]uint64, len(reports))
		for i := range reports {
			ids[i] = reports[i].ID
		}
		after = ids[len(ids)-1]
		marked, err := n.letAgain(ctx, ids, func(l *tracker.Delivery) bool { return l.State == tracker.Waiting })
		if err != nil {
			return deliveries, err
		}
		deliveries += marked
	}
}

// letAgain lets deliveries of reports wait and be tried now, and returns how many
// those are.
func (n *Notifier) letAgain(ctx context.Context, reports []uint64, which func(*tracker.Delivery) bool) (deliveries int, err error) {
	again := make(map[deliveryKey]bool) // the store may ask of a delivery twice
	_, err = n.store.ChangeDeliveries(ctx, reports, func(report uint64, l *tracker.Delivery) {
		key := deliveryKey{report, l.To}
		if again[key] = which(l); again[key] {
			l.State, l.Next, l.Attempts = tracker.Waiting, time.Time{}, 0
		}
	})
	if err != nil {
		return 0, err
	}
	for _, is := range again {
		if is {
			deliveries++
		}
	}
	return deliveries, nil
}

// again makes a channel forget that its receiving side could not be reached,
// and go through its deliveries from the first.
func (c *channel) again() {
	c.anew.Store(true)
	c.wakeUp()
}
