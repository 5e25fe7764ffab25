package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
	"shopwatch/tracker/schedule"
)

// A Channel is a configured destination.
type Channel struct {
	Name   string
	Sender Sender
	Filter Filter
	// Digest are the times of reports about all that happened since the last
	// one; nil for a report per scan.
	Digest schedule.Schedule
	// Heartbeat are the times at which a channel that was told nothing since
	// the time before is told that nothing happened; nil for never.
	Heartbeat schedule.Schedule
	Quiet     Hours          // in which nothing is sent
	Lang      string         // of the reports: "zh", else English
	Zone      *time.Location // of the reports and the quiet hours; nil is UTC
	PDF       bool           // a digest goes with the report for paper
}

// Options of New.
type Options struct {
	Channels []Channel
	Shops    map[tracker.StorefrontName]report.StorefrontInfo // how reports call the storefronts
	Groups   []tracker.Group
	// Public is the address at which people reach the API of this shopwatch
	// (https://…), for links to its pages and those by which they leave a
	// channel; empty for none.
	Public string
	// PDF prints a page that stands alone, and gives up when ctx is done. Nil where
	// nothing prints: reports go without a PDF, and say so.
	PDF func(ctx context.Context, html []byte) ([]byte, error)
	// PDFTime is how long a delivery waits for that (30 s when zero).
	PDFTime time.Duration
	// RetryFirst is the pause after the first attempt that fails (a minute
	// when zero). It doubles up to RetryMost (an hour when zero).
	RetryFirst, RetryMost time.Duration
	// GiveUp is how long after its report a delivery is tried at least (5 days
	// when zero).
	GiveUp time.Duration
	// Now is the time by which reports are due and tried again. Nil for that of
	// this machine.
	Now func() time.Time
}

// A Store is what a notifier needs of one.
type Store interface {
	storage.Catalogs
	storage.Scans
	storage.Log
	storage.Channels
	storage.Outbox
	storage.Evidence
	Instance(context.Context) (string, error)
}

// A Notifier cuts the log into reports and sends them.
type Notifier struct {
	store    Store
	log      *slog.Logger
	opts     Options
	instance string
	channels []*channel
}

// A channel is a Channel at work.
type channel struct {
	Channel
	wake chan struct{}
	// anew asks whoever has the turn to forget blocked and to begin with the
	// first delivery again.
	anew atomic.Bool
	// turn is held by the one goroutine that works on the channel.
	turn chan struct{}
	// blocked is until when the receiving side is left alone, and failures
	// how often in a row it could not be reached. Guarded by turn.
	blocked  time.Time
	failures int
	// unnoted are deliveries as they are by now, where the store did not take
	// that. Guarded by turn.
	unnoted map[deliveryKey]tracker.Delivery
	// written is the report that was put into words last, if it waits for
	// another attempt; nil for none. Guarded by turn.
	written *written
}

// New returns a notifier of a store. New channels begin at the end of the log.
func New(ctx context.Context, store Store, o Options, log *slog.Logger) (*Notifier, error) {
	instance, err := store.Instance(ctx)
	if err != nil {
		return nil, err
	}
	if o.RetryFirst == 0 {
		o.RetryFirst = time.Minute
	}
	if o.RetryMost == 0 {
		o.RetryMost = time.Hour
	}
	if o.GiveUp == 0 {
		o.GiveUp = 5 * 24 * time.Hour
	}
	if o.PDFTime == 0 {
		o.PDFTime = pdfTime
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	n := &Notifier{store: store, log: log, opts: o, instance: instance}
	for _, c := range o.Channels {
		if c.Zone == nil {
			c.Zone = time.UTC
		}
		if err := store.Join(ctx, c.Name); err != nil {
			return nil, fmt.Errorf("join channel %s: %w", c.Name, err)
		}
		n.channels = append(n.channels, &channel{Channel: c, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1)})
	}
	return n, nil
}

// Wake makes the notifier look at the log and at the deliveries that wait. It
// returns at once.
func (n *Notifier) Wake() {
	for _, c := range n.channels {
		c.wakeUp()
	}
}

func (c *channel) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default: // it is asked already
	}
}

// Run sends reports until ctx is done, each channel in a goroutine of its own,
// so that a slow one holds up no other. Deliveries that are under way get a few
// seconds to end.
func (n *Notifier) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, c := range n.channels {
		wg.Go(func() { n.run(ctx, c) })
	}
	wg.Wait()
	return nil
}

func (n *Notifier) run(ctx context.Context, c *channel) {
	for ctx.Err() == nil {
		next, err := n.pass(ctx, c)
		if err != nil && ctx.Err() == nil {
			n.log.Error("cannot work through the outbox", "channel", c.Name, "err", err)
			next = n.opts.Now().Add(n.opts.RetryFirst)
		}
		n.rest(ctx, c, next)
	}
}

// rest waits until a time, a wake or the end. A zero time never comes.
func (n *Notifier) rest(ctx context.Context, c *channel, until time.Time) {
	var due <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(min(until.Sub(n.opts.Now()), time.Hour)) // clocks jump
		defer t.Stop()
		due = t.C
	}
	select {
	case <-ctx.Done():
	case <-c.wake:
	case <-due:
	}
}

// Flush sends what is due now and returns. The error says which deliveries wait
// for another attempt or are refused.
func (n *Notifier) Flush(ctx context.Context) error {
	errs := make([]error, len(n.channels))
	var wg sync.WaitGroup
	for i, c := range n.channels {
		wg.Go(func() {
			if _, err := n.pass(ctx, c); err != nil {
				errs[i] = fmt.Errorf("channel %s: %w", c.Name, err)
				return
			}
			errs[i] = n.waiting(ctx, c)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Pass makes and sends the reports of one channel that are due, and returns when the
// next one is, the zero time for when there is something new to tell.
func (n *Notifier) Pass(ctx context.Context, name string) (next time.Time, err error) {
	if c := n.channel(name); c != nil {
		return n.pass(ctx, c)
	}
	return time.Time{}, nil // it was in the configuration once
}

// waiting returns an error that names the first delivery that waits.
func (n *Notifier) waiting(ctx context.Context, c *channel) error {
	for r, err := range storage.AllReports(ctx, n.store, storage.ReportQuery{Channel: c.Name, With: tracker.Waiting}) {
		if err != nil {
			return err
		}
		for _, l := range r.Deliveries {
			if l.State == tracker.Waiting && l.Attempts > 0 {
				return fmt.Errorf("report %d to %s waits until %s: %s", r.ID, l.To,
					l.Next.In(c.Zone).Format("2006-01-02 15:04"), l.Answer)
			}
		}
	}
	return nil
}

// pass makes the reports that are due, sends the deliveries that are due, and
// returns when to look again, the zero time for when woken.
func (n *Notifier) pass(ctx context.Context, c *channel) (next time.Time, err error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	now := n.opts.Now()
	if end := c.Quiet.end(now.In(c.Zone)); !end.IsZero() {
		return end, nil
	}
	collect, err1 := n.collect(ctx, c, now)
	beat, err2 := n.heartbeat(ctx, c, now)
	send, err3 := n.send(ctx, c) // what is written goes out, also when no more can be written
	return earliest(collect, beat, send), errors.Join(err1, err2, err3)
}

// earliest returns the first of several times, of which zero ones are none.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
