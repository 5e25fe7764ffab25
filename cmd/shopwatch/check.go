package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// A checkCommand looks whether everything that shopwatch needs is there.
type checkCommand struct{}

// Help tells what is not done.
func (checkCommand) Help() string {
	return `Mail servers are greeted, logged in to and asked whether they would take a mail to the first recipient; nothing is sent, and no marketplace is visited. Exit status: 0 when all is well; 1 otherwise, also when a storefront is stalled, behind a wall or without a baseline, when nobody is told of one, when a delivery was refused, and when the newest backup is old: cron may run it.

Examples:
  shopwatch check
  shopwatch check --json`
}

// A finding is one line of the check.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// Run prints a line per thing that was looked at.
func (checkCommand) Run(ctx context.Context, a *app) error {
	c, err := a.load()
	if err != nil {
		return errors.Join(a.found(finding{"configuration", false, err.Error()}), errUnwell)
	}
	all := []finding{{"configuration", true, fmt.Sprintf("%s: %s, %s", a.file, term.Count(len(c.Storefronts), 0, "storefront"), term.Count(len(c.Channels), 0, "channel"))}}
	chrome := checkChrome(ctx, c)
	db, evidence := a.checkDatabase(ctx, c)
	all = append(all, checkSystem(lacking()), chrome)
	all = append(all, checkFiles()...)
	all = append(all, checkData(c), db)
	all = append(all, evidence...)
	if db.OK && c.Database != "" {
		all = append(all, a.checkServer(ctx, c)...)
	}
	all = append(all, a.checkClock(ctx, c, db.OK))
	all = append(all, a.checkLogins(ctx, c, chrome.OK)...)
	all = append(all, checkSchedules(c, time.Now())...)
	all = append(all, checkChannels(ctx, c)...)
	if db.OK {
		all = append(all, a.checkWatched(ctx, c, time.Now())...)
		all = append(all, a.checkOutbox(ctx, c)...)
	}
	well := true
	for _, f := range all {
		well = well && f.OK
		if err := a.found(f); err != nil {
			return err
		}
	}
	if !well {
		return errUnwell
	}
	return nil
}

var errUnwell = errors.New("not everything is well, see above")

func (a *app) found(f finding) error {
	if a.json {
		return a.print(f)
	}
	mark := term.Paint(a.out, term.Green, "ok  ")
	if !f.OK {
		mark = term.Paint(a.out, term.Red, "FIX ")
	}
	const indent = len("FIX   configuration    ")
	text := term.Plain(f.Text)
	if columns := term.Columns(a.out); columns > indent+20 {
		text = strings.Join(term.Wrap(text, columns-indent), "\n"+strings.Repeat(" ", indent))
	}
	_, err := fmt.Fprintf(a.out, "%s  %-16s %s\n", mark, f.What, text)
	return err
}

// result makes a finding of what was found or of the error.
func result(what, text string, err error) finding {
	if err != nil {
		return finding{what, false, err.Error()}
	}
	return finding{what, true, text}
}

// checkSystem says what shopwatch lacks where it runs.
func checkSystem(lacking []string) finding {
	text := fmt.Sprintf("shopwatch %s for %s on %s", version, runtime.GOOS, runtime.GOARCH)
	if len(lacking) > 0 {
		text += ", where it was not tried and lacks this: " + strings.Join(lacking, "; ")
	}
	return finding{"system", true, text}
}

// checkClock shows the time, and doubts it when it lies before the program or
// before a scan that was kept, for which it asks a database that answers.
func (a *app) checkClock(ctx context.Context, c *config.Config, db bool) finding {
	const fix = "set the clock (timedatectl set-ntp true)"
	now := time.Now()
	text := fmt.Sprintf("%s (%s)", now.In(c.Timezone.Location).Format("2006-01-02 15:04:05 MST"), c.Timezone)
	if now.Year() < 2026 {
		return finding{"clock", false, text + " is in the past: " + fix}
	}
	if !db {
		return finding{"clock", true, text}
	}
	if at, name := a.lastScan(ctx, c); at.Sub(now) > 10*time.Minute {
		return finding{"clock", false, fmt.Sprintf("%s is before the last scan of %s, %s: %s", text, name, term.Time(at, c.Timezone.Location), fix)}
	}
	return finding{"clock", true, text}
}

// lastScan returns when a storefront was scanned last, and which; zero when
// none was.
func (a *app) lastScan(ctx context.Context, c *config.Config) (at time.Time, name tracker.StorefrontName) {
	if !hasDatabase(c) {
		return at, ""
	}
	_ = a.ask(ctx, func(_ *config.Config, client *api.Client) error {
		all, err := client.Storefronts(ctx)
		for _, sf := range all {
			if sf.LastScan.After(at) {
				at, name = sf.LastScan, sf.Name
			}
		}
		return err
	})
	return at, name
}
