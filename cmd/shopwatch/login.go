package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
)

// A loginCommand makes a login, or carries one over from another machine.
type loginCommand struct {
	Marketplace string        `arg:"" help:"The marketplace: ${marketplaces}."`
	QR          bool          `name:"qr" xor:"how" help:"Show the marketplace's login code here, for the app on your phone."`
	Export      string        `xor:"how" placeholder:"FILE" help:"Write the login of this machine to a file, encrypted."`
	Import      string        `xor:"how" placeholder:"FILE" help:"Take over a login that --export has written."`
	Wait        time.Duration `default:"10m" help:"How long to wait for you at most (${default})."`
}

// Help tells what is and what is not done.
func (loginCommand) Help() string {
	return `Opens an ordinary Chrome window on the profile of shopwatch, in which you log in with an account of your own, and waits until you close it. Nobody drives that window: nothing is typed or clicked for you, and nothing of your account is read; whether you are logged in is judged by the names of cookies.

On a server without a screen, use --qr; or log in on a desktop and carry the login over: there with --export FILE, here with --import FILE. The passphrase of the file is asked for, or taken from SHOPWATCH_PASSPHRASE.

Examples:
  shopwatch login tmall
  shopwatch login tmall --qr
  shopwatch login tmall --export tmall.login`
}

func (l *loginCommand) Run(a *app) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	m, err := all.Markets().ByName(l.Marketplace)
	if err != nil {
		return err
	}
	if m.Login == nil {
		return fmt.Errorf("storefronts of %s need no login", m.Title)
	}
	if c.Browser.Remote != "" {
		return fmt.Errorf("browser.remote is set: log in with that Chrome, where it runs; a login lives in its profile")
	}
	if err := daemon.MayStartChrome(c); err != nil {
		return err
	}
	d := &loginSession{app: a, config: c, market: m}
	switch {
	case l.Export != "":
		return d.export(l.Export)
	case l.Import != "":
		return d.carryOver(l.Import)
	case l.QR:
		return d.byPhone(l.Wait)
	}
	return d.inWindow(l.Wait)
}

// A loginSession makes one login.
type loginSession struct {
	*app
	config *config.Config
	market *market.Market
}

func (d *loginSession) say(format string, a ...any) { fmt.Fprintf(d.out, format+"\n", a...) }

// inWindow lets a person log in in a window.
func (d *loginSession) inWindow(wait time.Duration) error {
	var before loginState
	if _, err := os.Stat(d.config.Browser.Profile); !errors.Is(err, fs.ErrNotExist) {
		if before, err = d.look(); err != nil {
			return err
		}
	}
	w, err := browser.OpenWindow(daemon.BrowserOptions(d.config, d.quietLogger()), d.market.Login.URL)
	if err != nil {
		return d.noWindow(err)
	}
	d.say("A Chrome window shows the login page of %s. Log in there, then close the window; it is closed after %s.", d.market.Name, wait)
	if os.Geteuid() == 0 {
		d.say("Chrome runs without its sandbox, as browser.flags says, because you are root: better use an ordinary account of this machine.")
	}
	ctx, cancel := context.WithTimeout(d.ctx, wait)
	defer cancel()
	err = w.Wait(ctx)
	if ctx.Err() != nil {
		err = nil
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return d.noWindow(err)
	}
	if d.ctx.Err() != nil {
		return errors.New("interrupted before the login was kept; begin again")
	}
	if err := w.Keep(d.ctx); err != nil {
		return fmt.Errorf("keep the login that was made in the window: %w", err)
	}
	return d.conclude("window", before)
}

// noWindow says what else can be done.
func (d *loginSession) noWindow(err error) error {
	if errors.Is(err, browser.ErrNoDisplay) || errors.Is(err, browser.ErrMissing) {
		return fmt.Errorf("%w: use shopwatch login %s --qr, or log in on a desktop and carry the login over with --export and --import", err, d.market.Name)
	}
	return err
}

// look looks at the cookies with a Chrome of its own, which sees what an
// earlier one has kept.
func (d *loginSession) look() (s loginState, err error) {
	b := daemon.NewBrowser(d.config, d.quietLogger())
	defer func() { err = errors.Join(err, b.Close()) }()
	s, err = loginOf(d.ctx, d.config, d.market, b)
	if err == nil && !s.Looked {
		// The others may look at it while they wait; here it is wanted.
		_, err = b.Cookies(d.ctx, d.market.Login.Domains)
	}
	return s, err
}

// conclude says what came of a login, and notes it.
func (d *loginSession) conclude(method string, before loginState) error {
	s, err := d.look()
	if err != nil {
		return err
	}
	switch {
	case !s.There:
		return fmt.Errorf("nobody is logged in: the cookies of a login to %s are not there", d.market.Name)
	case before.There && before.sameEnds(s):
		d.say("No new login was made. %s.", s)
		return nil
	}
	return d.noted(s, loginRecord{At: time.Now().UTC().Truncate(time.Second), Method: method})
}

// noted notes a login that was made and says what is known of it.
func (d *loginSession) noted(s loginState, r loginRecord) error {
	if err := writeLogin(d.config, d.market, r); err != nil {
		return err
	}
	s.At, s.Method = r.At, r.Method
	d.say("%s.", s)
	if len(s.Missing) > 0 {
		d.say("Only part of it is there: %s has no cookies of a login. If scans still end at a login wall, log in again and open a shop before you close the window.", term.List(s.Missing))
	}
	d.say("Whether it is enough shows in the next scan: shopwatch scan")
	return nil
}

// marketplaces lists them for the help.
func marketplaces() string {
	var names []string
	for _, m := range all.Markets() {
		if m.Login != nil {
			names = append(names, m.Name)
		}
	}
	return term.List(names)
}

// quietLogger logs what somebody must act on only.
func (d *loginSession) quietLogger() *slog.Logger { return d.logger(slog.LevelError) }
