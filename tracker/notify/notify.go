package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
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
}

// giveUpAfter is how often a delivery is tried at least, however old it is: a
// machine may have been off for weeks.
const giveUpAfter = 10

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

// A written report is one in words, with what it tells.
type written struct {
	report uint64 // its number
	story  *report.Story
	mail   *report.Mail
	pdf    func(context.Context) []byte // nil for none
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
			next = time.Now().Add(n.opts.RetryFirst)
		}
		n.rest(ctx, c, next)
	}
}

// rest waits until a time, a wake or the end. A zero time never comes.
func (n *Notifier) rest(ctx context.Context, c *channel, until time.Time) {
	var due <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(min(time.Until(until), time.Hour)) // clocks jump
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
	if end := c.Quiet.end(time.Now().In(c.Zone)); !end.IsZero() {
		return end, nil
	}
	collect, err1 := n.collect(ctx, c, time.Now())
	beat, err2 := n.heartbeat(ctx, c, time.Now())
	send, err3 := n.send(ctx, c) // what is written goes out, also when no more can be written
	return earliest(collect, beat, send), errors.Join(err1, err2, err3)
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

// sendLimit is how many reports are read at once.
const sendLimit = 100

// send sends the deliveries of a channel that are due and returns when the next
// one is. What the store does not take is an error, but what is written goes out
// all the same.
func (n *Notifier) send(ctx context.Context, c *channel) (next time.Time, err error) {
	if c.anew.Swap(false) {
		c.blocked, c.failures = time.Time{}, 0
	}
	if time.Now().Before(c.blocked) {
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
				c.blocked = time.Now().Add(n.pause(c.failures))
				return c.blocked, full
			}
			if c.anew.Load() {
				return time.Now(), full
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
		if n.early(&l, time.Now()) {
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

// noteIn keeps a report in memory in step with what is stored.
func noteIn(r *tracker.Report, l tracker.Delivery) {
	for i := range r.Deliveries {
		if r.Deliveries[i].To == l.To {
			r.Deliveries[i] = l
		}
	}
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
	l.Tried = time.Now().UTC().Truncate(time.Millisecond)
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

// deliveryID derives from what is stored of the report and from the database, so
// that it is the same on every attempt and unlike that of any other delivery,
// also when an older copy of the database is put back and numbers reports
// anew.
func (n *Notifier) deliveryID(r *tracker.Report, to string) string {
	return fmt.Sprintf("%d.%s", r.ID, n.hash("letter", fmt.Sprint(r.ID), fmt.Sprint(r.Created.UnixMilli()), r.Channel, to))
}

// thread is the same for all deliveries of a channel to one recipient about one
// storefront.
func (n *Notifier) thread(c *channel, s *report.Story, to string) string {
	about := "all"
	if ns := names(s); len(ns) == 1 {
		about = string(ns[0])
	}
	return "thread." + n.hash("thread", c.Name, about, to)
}

func (n *Notifier) hash(parts ...string) string {
	sum := sha256.Sum256([]byte(n.instance + "\x00" + strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:10])
}

// oneLine is a string as it is kept: a server may answer with anything.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}
