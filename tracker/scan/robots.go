package scan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
	"shopwatch/tracker/robots"
)

// mostHosts is of how many hosts robots.txt is read in one scan: a shop has one
// or two, an endless chain of redirects any number.
const mostHosts = 8

// A robotsPolicy is what the hosts of a storefront ask of programs. It is nil
// where nobody is asked: in a browser, which a person could use, and where the
// user has chosen so.
type robotsPolicy struct {
	rules map[string]*robots.Rules // by the origin of the host
	// reading is set while a robots.txt is fetched, whose redirects are
	// followed wherever they lead.
	reading bool
	last    time.Time // when a page was asked for
}

// newRobotsPolicy returns the policy by which a storefront is to be read.
func newRobotsPolicy(sf market.Storefront) *robotsPolicy {
	if choice, ok := sf.(interface{ IgnoresRobots() bool }); ok && choice.IgnoresRobots() || sf.Transport() != market.OverHTTP {
		return nil
	}
	return &robotsPolicy{rules: map[string]*robots.Rules{}}
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// askRobots waits until robots.txt lets an address be asked for. It reads that
// of its host first, once a scan. A *stateError says that it must not be asked
// for.
func (r *reading) askRobots(ctx context.Context, address string) error {
	if r.policy == nil {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	if err := r.readRobots(ctx, u); err != nil {
		return err
	}
	rules := r.policy.rules[origin(u)]
	if !rules.Allows(u) {
		return disallowed(u)
	}
	if rules.Delay == 0 || r.policy.last.IsZero() {
		return nil
	}
	return r.pause(ctx, time.Until(r.policy.last.Add(rules.Delay)))
}

// readRobots reads the robots.txt of the host of an address, unless that was done
// before. One that does not exist asks for nothing. One that cannot be read may
// ask for anything, so nothing is asked for then.
func (r *reading) readRobots(ctx context.Context, u *url.URL) error {
	at := origin(u)
	if r.policy.rules[at] != nil {
		return nil
	}
	if len(r.policy.rules) == mostHosts {
		return errors.New("the pages lead to more and more hosts")
	}
	if err := r.turn(ctx); err != nil {
		return err
	}
	a, err := r.fetchRobots(ctx, at)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return unreachable(u, err.Error())
	case a.Status >= 200 && a.Status < 300:
		r.policy.rules[at] = robots.Parse(a.Body, fetch.Agent)
	case a.Status >= 400 && a.Status < 500:
		r.policy.rules[at] = &robots.Rules{}
	default:
		return unreachable(u, fmt.Sprintf("it was answered with status %d", a.Status))
	}
	return nil
}

func (r *reading) fetchRobots(ctx context.Context, origin string) (*market.Answer, error) {
	r.policy.reading = true
	defer func() { r.policy.reading = false }()
	return r.readOnce(ctx, market.Request{URL: origin + "/robots.txt", Header: http.Header{"Accept": {"text/plain"}}})
}

// An unaskedError is a redirect to a host whose robots.txt has not been read.
type unaskedError struct{ to *url.URL }

func (e *unaskedError) Error() string { return "redirected to " + e.to.Host }

// mayFollow reports by an error that a redirect is not to be followed, or not
// yet.
func (r *reading) mayFollow(to *url.URL) error {
	if r.policy == nil || r.policy.reading {
		return nil
	}
	rules := r.policy.rules[origin(to)]
	switch {
	case rules == nil:
		return &unaskedError{to}
	case !rules.Allows(to):
		return disallowed(to)
	}
	return nil
}

// askFirst asks the host to which a page has led what it wants of programs, and
// reports that the page is to be asked for again.
func (r *reading) askFirst(ctx context.Context, err error) (again bool, _ error) {
	var unasked *unaskedError
	if !errors.As(err, &unasked) {
		return false, err
	}
	err = r.readRobots(ctx, unasked.to)
	return err == nil, err
}

// mayFetch reports whether a picture may be loaded. Of hosts that only have
// pictures nobody asks what they want: a page is what shows them.
func (r *reading) mayFetch(address string) bool {
	if r.policy == nil {
		return true
	}
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	rules := r.policy.rules[origin(u)]
	return rules == nil || rules.Allows(u)
}

// robotsIgnored is how the user chooses otherwise.
const robotsIgnored = "options: {robots: ignore}"

// robotsState is the name of the state in which robots.txt forbids a page.
const robotsState = "disallowed by robots.txt"

func disallowed(u *url.URL) error {
	return &stateError{&market.State{
		Name: robotsState, Verdict: tracker.Failed,
		Reason: fmt.Sprintf("the robots.txt of %s asks programs not to open %s: ask the shop for permission, then write %s", u.Host, market.Clip(u.RequestURI(), 200), robotsIgnored),
	}}
}

func unreachable(u *url.URL, why string) error {
	return &stateError{&market.State{
		Name: "robots.txt cannot be read", Verdict: tracker.Failed, Transient: true,
		Reason: fmt.Sprintf("the robots.txt of %s cannot be read (%s), so nothing is asked for; when the shop has none, write %s", u.Host, why, robotsIgnored),
	}}
}
