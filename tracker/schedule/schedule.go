// Package schedule says when things are due: by the clocks of a place, or again
// and again.
package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// A Schedule says when something is due.
type Schedule interface {
	// Next returns the first time after t that the schedule names, or the
	// zero time if there is none within five years.
	Next(t time.Time) time.Time
}

// shortest is how often a schedule may name a time.
const shortest = time.Minute

// Parse reads a cron expression of five fields ("0 9,21 * * *"), a descriptor
// (@hourly, @daily, @weekly, @monthly, @yearly) or "@every 6h". Its times are
// those of loc, unless it begins with CRON_TZ=Zone. An expression that never
// comes, or comes more than once a minute, is an error.
//
// Clocks that are put forward and back do not confuse a schedule. A time that
// a day skips, such as 02:30 on the last Sunday of March, is due when the gap
// ends; one that a day has twice is due the first time. A schedule for every
// hour counts hours that pass, not numbers on a dial.
func Parse(expr string, loc *time.Location) (Schedule, error) {
	spec := strings.TrimSpace(expr)
	for _, prefix := range []string{"CRON_TZ=", "TZ="} {
		rest, ok := strings.CutPrefix(spec, prefix)
		if !ok {
			continue
		}
		zone, fields, _ := strings.Cut(rest, " ")
		l, err := time.LoadLocation(zone)
		if err != nil || zone == "" || zone == "Local" {
			return nil, fmt.Errorf("%q is not a time zone; write one such as Asia/Shanghai", zone)
		}
		loc, spec = l, strings.TrimSpace(fields)
		break
	}
	if d, ok := strings.CutPrefix(spec, "@every "); ok {
		every, err := time.ParseDuration(strings.TrimSpace(d))
		if err != nil {
			return nil, fmt.Errorf("%q is not a duration; write @every 6h or @every 1h30m", strings.TrimSpace(d))
		}
		if every < shortest {
			return nil, fmt.Errorf("every %s is too often; a minute is the least", every)
		}
		return Every(every), nil
	}
	c, err := parseFields(spec)
	if err != nil {
		return nil, err
	}
	d := &dial{fields: c, loc: loc, hourly: c.Hour&star != 0}
	if d.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("such a day never comes")
	}
	return d, nil
}

// star marks a field of a cron expression that was written as *.
const star = 1 << 63

// parseFields asks the cron parser, which panics on some of what it does not
// understand.
func parseFields(spec string) (c *cron.SpecSchedule, err error) {
	const fix = "write five fields (minute hour day month weekday, such as 0 9,21 * * *), @daily or @every 6h"
	defer func() {
		if recover() != nil {
			c, err = nil, errors.New(fix)
		}
	}()
	if n := len(strings.Fields(spec)); !strings.HasPrefix(spec, "@") && n != 5 {
		return nil, fmt.Errorf("%d fields; %s", n, fix)
	}
	s, err := cron.ParseStandard(spec)
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, fix)
	}
	c, ok := s.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New(fix)
	}
	c.Location = time.UTC // fields are matched against dials, see dial
	return c, nil
}

// Every is due again and again after the given time.
type Every time.Duration

// Next returns t plus the interval.
func (e Every) Next(t time.Time) time.Time { return t.Add(time.Duration(e)) }

// A dial matches cron fields with what clocks in a place show. The cron module
// skips times that daylight saving time skips, and loses whole days where it
// begins at midnight. Here it only sees UTC: the hands of the clock are read as
// if they were UTC, and what comes out is turned into the instant at which the
// clocks of the place show it.
type dial struct {
	fields *cron.SpecSchedule
	loc    *time.Location
	hourly bool // due in every hour
}

// turned is more than clocks are ever put forward or back.
const turned = 3 * time.Hour

// Next returns the first due time after t.
func (d *dial) Next(t time.Time) time.Time {
	// When clocks are put back the hands pass the same places twice, so what
	// is due next may stand earlier on the dial than now.
	slack := time.Duration(0)
	if start, end := t.In(d.loc).ZoneBounds(); t.Sub(start) < turned || !end.IsZero() && end.Sub(t) < turned {
		slack = turned
	}
	var first time.Time
	for h := d.fields.Next(d.hands(t).Add(-slack)); !h.IsZero(); h = d.fields.Next(h) {
		if !first.IsZero() && !h.Before(d.hands(first).Add(slack)) {
			break
		}
		for _, at := range d.instants(h) {
			if at.After(t) && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first
}

// hands returns what clocks show at t, as if it were UTC.
func (d *dial) hands(t time.Time) time.Time {
	_, offset := t.In(d.loc).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// instants returns when clocks show h: once; or, when they are put forward,
// never, for which the end of the gap stands in; or, when they are put back,
// twice, of which only a schedule for every hour wants the second.
func (d *dial) instants(h time.Time) []time.Time {
	var at []time.Time
	for _, side := range []time.Time{h.Add(-24 * time.Hour), h.Add(24 * time.Hour)} {
		_, offset := side.In(d.loc).Zone()
		u := h.Add(-time.Duration(offset) * time.Second)
		if d.hands(u).Equal(h) && (len(at) == 0 || !at[0].Equal(u)) {
			at = append(at, u.In(d.loc))
		}
	}
	switch {
	case d.hourly:
		return at
	case len(at) > 1:
		return at[:1]
	case len(at) == 1:
		return at
	}
	_, before := h.Add(-24 * time.Hour).In(d.loc).Zone()
	end, _ := h.Add(-time.Duration(before) * time.Second).In(d.loc).ZoneBounds()
	return []time.Time{end}
}
