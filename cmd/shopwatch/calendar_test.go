package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker/schedule"
)

// A calendar is what a day is measured by that passes faster than a real one.
// The daemon's clock is the ordinary one; its schedules are looked up in the
// calendar, and the waits that nobody configures are shorter.
type calendar struct {
	midnight time.Time // of the calendar
	began    time.Time // when it was midnight
	speed    int
}

func (c calendar) date(t time.Time) time.Time {
	return c.midnight.Add(t.Sub(c.began) * time.Duration(c.speed))
}

func (c calendar) instant(date time.Time) time.Time {
	return c.began.Add(date.Sub(c.midnight) / time.Duration(c.speed))
}

// A fast schedule is one of the calendar.
type fast struct {
	schedule.Schedule
	c calendar
}

func (f fast) Next(t time.Time) time.Time {
	date := f.Schedule.Next(f.c.date(t))
	if date.IsZero() {
		return date
	}
	return f.c.instant(date)
}

// read reads a configuration as one of the calendar.
func (c calendar) read(file string) (*config.Config, error) {
	conf, err := config.Load(file)
	if err == nil {
		c.adapt(conf)
	}
	return conf, err
}

// adapt makes a configuration one of the calendar.
func (c calendar) adapt(config *config.Config) {
	for i := range config.Storefronts {
		sf := &config.Storefronts[i]
		sf.When = fast{sf.When, c}
	}
	for i := range config.Channels {
		if ch := &config.Channels[i]; ch.Digest != nil {
			ch.Digest = fast{ch.Digest, c}
		}
	}
}

// String is the calendar as runFast reads it.
func (c calendar) String() string {
	b, _ := json.Marshal([]int64{c.midnight.UnixMilli(), c.began.UnixMilli(), int64(c.speed)})
	return string(b)
}

// runFast is the program in a process of its own, with the calendar of
// SHOPWATCH_TEST_CALENDAR: the daemon as it is shipped, with other schedules.
func runFast(text string) int {
	var v []int64
	if err := json.Unmarshal([]byte(text), &v); err != nil || len(v) != 3 {
		fmt.Fprintln(os.Stderr, "no calendar:", text)
		return 1
	}
	c := calendar{time.UnixMilli(v[0]), time.UnixMilli(v[1]), int(v[2])}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := faster(c.speed)
	t.PageRetry = 200 * time.Millisecond
	a := &app{file: os.Args[1], out: os.Stdout, err: os.Stderr, timing: t, read: c.read, servers: &servers{}}
	if err := (&runCommand{}).Run(ctx, a); err != nil {
		fmt.Fprintln(os.Stderr, "shopwatch:", err)
		return 1
	}
	return 0
}
