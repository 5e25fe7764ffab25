package notify

import (
	"context"
	"slices"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// A Sender brings deliveries to the recipients of one channel. It is used by
// one goroutine at a time.
type Sender interface {
	// Recipients are those that get a delivery each. A sender with a single
	// destination names it in a way that people recognise and that holds no
	// secret.
	Recipients() []string
	// Send brings one delivery and returns what the receiving side said to
	// it. An error means that the delivery may be sent again, unless it is
	// Refused. Send is given the same delivery again after
	// an error and after a crash, and keeps the outcome to one where the
	// receiving side allows that.
	Send(ctx context.Context, l *Message) (answer string, err error)
}

// A Message is a report ready to be sent to one recipient.
type Message struct {
	// ID tells the delivery from every other of every database, and stays the
	// same on every attempt. It consists of letters, digits and dots.
	ID string
	// Thread is the same for all deliveries to a recipient about a storefront.
	Thread string
	To     string
	// Again says that the delivery may have arrived before: an earlier attempt
	// was cut off. Receiving sides that show what comes twice tell people so.
	Again bool
	// Leave is the address at which one click ends the deliveries to the
	// recipient; empty when there is none.
	Leave string
	// PDF makes the report for paper; it returns nil when that cannot be done.
	// Nil where none is wanted.
	PDF func(ctx context.Context) []byte
	// Instance tells this shopwatch from every other.
	Instance string
	Story    *report.Story
	Mail     *report.Mail
}

// grace is how long a delivery under way may go on at shutdown: one that is cut
// off is made again at the next start, and may then arrive twice.
const grace = 5 * time.Second

// Refused is an error of Send after which trying again is of no use.
type Refused struct{ Answer string }

func (e *Refused) Error() string { return "refused for good: " + e.Answer }

// former refuses a delivery to somebody who was taken out of a channel while it
// waited.
func former(recipients []string, to string) error {
	if slices.ContainsFunc(recipients, func(r string) bool { return address(r) == address(to) }) {
		return nil
	}
	return &Refused{to + " was taken out of the channel before this was sent"}
}

// Unreachable is an error of Send that is not about the delivery: no delivery
// would get through now.
type Unreachable struct{ Err error }

// Unsure is an error of Send after which the delivery may have arrived all the
// same: the connection broke when it was on its way.
type Unsure struct{ Err error }

func (e *Unsure) Error() string { return e.Err.Error() }
func (e *Unsure) Unwrap() error { return e.Err }

func (e *Unreachable) Error() string { return e.Err.Error() }
func (e *Unreachable) Unwrap() error { return e.Err }

// names returns the storefronts that a story tells of.
func names(s *report.Story) []tracker.StorefrontName {
	var ns []tracker.StorefrontName
	seen := make(map[tracker.StorefrontName]bool)
	for i := range s.Changes {
		if n := s.Changes[i].Storefront; !seen[n] {
			seen[n] = true
			ns = append(ns, n)
		}
	}
	return ns
}
