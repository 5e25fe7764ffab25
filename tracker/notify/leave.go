package notify

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// recipients are those of a channel that did not leave.
func (n *Notifier) recipients(ctx context.Context, c *channel) ([]string, error) {
	known, err := n.known(ctx, c)
	if err != nil {
		return nil, err
	}
	var stay []string
	for _, to := range c.Sender.Recipients() {
		if !slices.Contains(known.Unsubscribed, address(to)) {
			stay = append(stay, to)
		}
	}
	return stay, nil
}

// known is what is stored of a channel, which joined when the notifier was made.
func (n *Notifier) known(ctx context.Context, c *channel) (storage.Channel, error) {
	known, found, err := n.store.Channel(ctx, c.Name)
	if err == nil && !found {
		err = fmt.Errorf("channel %s is not in the database any more", c.Name)
	}
	return known, err
}

// address is a recipient without the name that stands before a mail address: who
// left stays out when the configuration spells the name in another way.
func address(to string) string {
	if a, err := mail.ParseAddress(to); err == nil {
		return strings.ToLower(a.Address)
	}
	return to
}

// unsubscribeURL is where a recipient leaves a channel, "" when people cannot
// reach this shopwatch.
func (n *Notifier) unsubscribeURL(c *channel, to string) string {
	if n.opts.Public == "" {
		return ""
	}
	q := url.Values{"channel": {c.Name}, "to": {to}, "token": {n.leaveToken(c.Name, to)}}
	return strings.TrimSuffix(n.opts.Public, "/") + "/unsubscribe?" + q.Encode()
}

// leaveToken is known to nobody but this database and those whom it wrote to.
func (n *Notifier) leaveToken(channel, to string) string { return n.hash("leave", channel, to) }

// ErrToken says that a token was not made for the channel and recipient.
var ErrToken = errors.New("this link is not one of ours, or of another database")

// Leave ends the deliveries of a channel to a recipient, or with back begins them
// again. The token is that of a link in one of its deliveries; without act only
// the token is looked at.
func (n *Notifier) Leave(ctx context.Context, channel, to, token string, act, back bool) error {
	if subtle.ConstantTimeCompare([]byte(token), []byte(n.leaveToken(channel, to))) != 1 {
		return ErrToken
	}
	if !act {
		return nil
	}
	n.log.Info("recipient leaves", "channel", channel, "to", to, "back", back)
	if back {
		return n.store.Resubscribe(ctx, channel, address(to))
	}
	return n.store.Unsubscribe(ctx, channel, address(to))
}

// unsubscribe ends the deliveries that wait for recipients who left.
func (n *Notifier) unsubscribe(ctx context.Context, c *channel, reports []tracker.Report) error {
	known, err := n.known(ctx, c)
	if err != nil || len(known.Unsubscribed) == 0 {
		return err
	}
	end := func(l *tracker.Delivery) bool {
		if l.State != tracker.Waiting || !slices.Contains(known.Unsubscribed, address(l.To)) {
			return false
		}
		l.State, l.Next, l.Answer = tracker.Left, time.Time{}, "the recipient left the channel"
		return true
	}
	var about []uint64
	for i := range reports {
		ended := false
		for j := range reports[i].Deliveries {
			ended = end(&reports[i].Deliveries[j]) || ended
		}
		if ended {
			about = append(about, reports[i].ID)
		}
	}
	if len(about) == 0 {
		return nil
	}
	_, err = n.store.ChangeDeliveries(ctx, about, func(_ uint64, l *tracker.Delivery) { end(l) })
	return err
}
