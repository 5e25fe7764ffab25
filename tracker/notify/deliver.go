package notify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// sendLimit is how many reports are read at once.
const sendLimit = 100

// giveUpAfter is how often a delivery is tried at least, however old it is: a
// machine may have been off for weeks.
const giveUpAfter = 10

// send sends the deliveries of a channel that are due and returns when the next
// one is. What the store does not take is an error, but what is written goes out
// all the same.
func (n *Notifier) send(ctx context.Context, c *channel) (next time.Time, err error) {
	if c.anew.Swap(false) {
		c.blocked, c.failures = time.Time{}, 0
	}
	if n.opts.Now().Before(c.blocked) {
		return c.blocked, nil
	}
	var full error
	for after := uint64(0); ; {
		reports, err := n.store.Reports(ctx, storage.ReportQuery{Channel: c.Name, With: tracker.Waiting, After: after, Limit: sendLimit})
		if err = errors.Join(err, ctx.Err()); len(reports) == 0 || err != nil {
			return next, errors.Join(err, full)
		}
		after = reports[len(reports)-1].ID
		if err := n.noteLate(ctx, c, reports); errors.Is(err, storage.ErrFull) {
			full = err
		} else if err != nil {
			return time.Time{}, err
		}
		if err := n.unsubscribe(ctx, c, reports); err != nil {
			return time.Time{}, err
		}
		for i := range reports {
			due, down, err := n.sendReport(ctx, c, &reports[i])
			next = earliest(next, due)
			if errors.Is(err, storage.ErrFull) {
				full = err
			} else if err != nil {
				return time.Time{}, err
			}
			if down {
				c.failures++
				c.blocked = n.opts.Now().Add(n.pause(c.failures))
				return c.blocked, full
			}
			if c.anew.Load() {
				return n.opts.Now(), full
			}
		}
	}
}

// sendReport sends the deliveries of a report that are due. It reports when the
// next one is, and whether the receiving side could not be reached at all.
func (n *Notifier) sendReport(ctx context.Context, c *channel, r *tracker.Report) (next time.Time, down bool, err error) {
	var full error
	var told *written
	waits := false
	defer func() {
		if told != nil && !waits && err == nil {
			c.written = nil
		}
	}()
	for _, l := range r.Deliveries {
		if l.State != tracker.Waiting {
			continue
		}
		if n.early(&l, n.opts.Now()) {
			next, waits = earliest(next, l.Next), true
			continue
		}
		if err := ctx.Err(); err != nil {
			return time.Time{}, false, err
		}
		if told == nil {
			if told, err = n.write(ctx, c, r); err != nil {
				return time.Time{}, false, err
			}
		}
		delivery := &Message{
			ID: n.deliveryID(r, l.To), Thread: n.thread(c, told.story, l.To), To: l.To, Again: l.Unsure,
			Leave: n.unsubscribeURL(c, l.To), Instance: n.hash("instance"), Story: told.story, Mail: told.mail, PDF: told.pdf,
		}
		l.Unsure = true // whatever happens from here on, also to the program
		if err := n.note(ctx, c, r.ID, l); errors.Is(err, storage.ErrFull) {
			full = err
		} else if err != nil {
			return time.Time{}, false, err
		}
		down = n.deliver(ctx, c, r, &l, delivery)
		if err := ctx.Err(); err != nil && l.State == tracker.Waiting {
			return time.Time{}, false, err // cut short: no attempt that counts
		}
		if err := n.note(ctx, c, r.ID, l); errors.Is(err, storage.ErrFull) {
			full = err
		} else if err != nil {
			return time.Time{}, false, err
		}
		if l.State == tracker.Waiting {
			next, waits = earliest(next, l.Next), true
		}
		if down {
			return next, true, errors.Join(full, n.tellOthers(ctx, r.ID, l))
		}
	}
	return next, false, full
}

// deliver sends one delivery and writes into l what became of it. It reports
// whether the receiving side could not be reached at all.
func (n *Notifier) deliver(ctx context.Context, c *channel, r *tracker.Report, l *tracker.Delivery, delivery *Message) (down bool) {
	began := time.Now()
	answer, err := c.Sender.Send(ctx, delivery)
	if err != nil && ctx.Err() != nil {
		return false
	}
	var unsure *Unsure
	l.Unsure = errors.As(err, &unsure)
	l.Attempts++
	l.Tried = n.opts.Now().UTC().Truncate(time.Millisecond)
	log := n.log.With("channel", c.Name, "report", r.ID, "to", l.To, "took", time.Since(began))
	var refused *Refused
	var unreachable *Unreachable
	switch {
	case err == nil:
		l.State, l.Answer, l.Next = tracker.Sent, oneLine(answer), time.Time{}
		c.failures, c.blocked = 0, time.Time{}
		log.Info("report sent")
	case errors.As(err, &refused):
		l.State, l.Answer, l.Next = tracker.Dead, oneLine(refused.Answer), time.Time{}
		log.Error("report refused", "err", err)
	case l.Attempts >= giveUpAfter && l.Tried.Sub(r.Created) > n.opts.GiveUp:
		l.State, l.Answer, l.Next = tracker.Dead, oneLine("given up after "+fmt.Sprint(l.Attempts)+" attempts: "+err.Error()), time.Time{}
		log.Error("report given up", "err", err)
	default:
		l.Answer = oneLine(err.Error())
		l.Next = l.Tried.Add(n.pause(l.Attempts))
		log.Warn("report waits", "err", err, "attempts", l.Attempts)
	}
	return errors.As(err, &unreachable)
}

// tellOthers notes with the deliveries that come after one that could not be sent
// why there is no use in trying them now.
func (n *Notifier) tellOthers(ctx context.Context, report uint64, tried tracker.Delivery) error {
	after := false
	_, err := n.store.ChangeDeliveries(ctx, []uint64{report}, func(_ uint64, l *tracker.Delivery) {
		if after && l.State == tracker.Waiting {
			l.Answer = tried.Answer
		}
		after = after || l.To == tried.To
	})
	return err
}

// early reports whether it is too early for the next attempt at a delivery. One
// that is further away than any pause was noted before the clock was put back.
func (n *Notifier) early(l *tracker.Delivery, now time.Time) bool {
	left := l.Next.Sub(now)
	return left > 0 && left <= max(n.opts.RetryMost, n.opts.RetryFirst)
}

// pause is the time to wait after the given number of attempts.
func (n *Notifier) pause(attempts int) time.Duration {
	d := n.opts.RetryFirst
	for range attempts - 1 {
		if d >= n.opts.RetryMost {
			break
		}
		d *= 2
	}
	return min(d, max(n.opts.RetryMost, n.opts.RetryFirst))
}

// oneLine is a string as it is kept: a server may answer with anything.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}

// A deliveryKey tells a delivery from all others.
type deliveryKey struct {
	report uint64
	to     string
}

// note writes what became of a delivery, also when ctx is done. What the store
// does not take now is kept for the next pass, so that a delivery that was sent is
// not sent again.
func (n *Notifier) note(ctx context.Context, c *channel, report uint64, l tracker.Delivery) error {
	err := n.store.NoteDelivery(context.WithoutCancel(ctx), report, l)
	if key := (deliveryKey{report, l.To}); !errors.Is(err, storage.ErrFull) {
		delete(c.unnoted, key)
	} else {
		if c.unnoted == nil {
			c.unnoted = make(map[deliveryKey]tracker.Delivery)
		}
		c.unnoted[key] = l
	}
	return err
}

// noteLate writes what the store did not take before, and puts into the reports
// what it still does not take.
func (n *Notifier) noteLate(ctx context.Context, c *channel, reports []tracker.Report) error {
	var about []uint64
	for i := range reports {
		for _, l := range reports[i].Deliveries {
			if late, ok := c.unnoted[deliveryKey{reports[i].ID, l.To}]; ok {
				noteIn(&reports[i], late)
				about = append(about, reports[i].ID)
			}
		}
	}
	if len(about) == 0 {
		return nil
	}
	_, err := n.store.ChangeDeliveries(ctx, about, func(report uint64, l *tracker.Delivery) {
		if late, ok := c.unnoted[deliveryKey{report, l.To}]; ok {
			*l = late
		}
	})
	if err == nil {
		maps.DeleteFunc(c.unnoted, func(k deliveryKey, _ tracker.Delivery) bool { return slices.Contains(about, k.report) })
	}
	return err
}

// noteIn keeps a report in memory in step with what is stored.
func noteIn(r *tracker.Report, l tracker.Delivery) {
	for i := range r.Deliveries {
		if r.Deliveries[i].To == l.To {
			r.Deliveries[i] = l
		}
	}
}
