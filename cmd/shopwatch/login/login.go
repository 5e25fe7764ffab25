// Package login lets people log in to a marketplace with an account of their
// own: in a window, by phone, or by a login that another machine made. Nothing
// is typed or clicked for them.
package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
)

// A Session makes one login, or carries one over.
type Session struct {
	Market  *market.Market  // it knows a login
	Browser browser.Options // of the Chrome whose profile keeps the login
	Out     io.Writer       // what people read
	Prompt  io.Writer       // where a passphrase is asked for

	lookTimeout, patience time.Duration // for tests; those of the login page when zero
}

func (d *Session) say(format string, a ...any) { fmt.Fprintf(d.Out, format+"\n", a...) }

// InWindow lets a person log in in a window.
func (d *Session) InWindow(ctx context.Context, wait time.Duration) error {
	var before State
	if _, err := os.Stat(d.Browser.Profile); !errors.Is(err, fs.ErrNotExist) {
		if before, err = d.look(ctx); err != nil {
			return err
		}
	}
	w, err := browser.OpenWindow(d.Browser, d.Market.Login.URL)
	if err != nil {
		return d.noWindow(err)
	}
	d.say("A Chrome window shows the login page of %s. Log in there, then close the window; it is closed after %s.", d.Market.Name, wait)
	if os.Geteuid() == 0 {
		d.say("Chrome runs without its sandbox, as browser.flags says, because you are root: better use an ordinary account of this machine.")
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err = w.Wait(waiting)
	if waiting.Err() != nil {
		err = nil
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return d.noWindow(err)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted before the login was kept; begin again")
	}
	if err := w.Keep(ctx); err != nil {
		return fmt.Errorf("keep the login that was made in the window: %w", err)
	}
	return d.conclude(ctx, "window", before)
}

// noWindow says what else can be done.
func (d *Session) noWindow(err error) error {
	if errors.Is(err, browser.ErrNoDisplay) || errors.Is(err, browser.ErrMissing) {
		return fmt.Errorf("%w: use shopwatch login %s --qr, or log in on a desktop and carry the login over with --export and --import", err, d.Market.Name)
	}
	return err
}

// look looks at the cookies with a Chrome of its own, which sees what an
// earlier one has kept.
func (d *Session) look(ctx context.Context) (s State, err error) {
	b := browser.New(d.Browser)
	defer func() { err = errors.Join(err, b.Close()) }()
	s, err = StateOf(ctx, d.Browser.Profile, d.Market, b)
	if err == nil && !s.Looked {
		// The others may look at it while they wait; here it is wanted.
		_, err = b.Cookies(ctx, d.Market.Login.Domains)
	}
	return s, err
}

// conclude says what came of a login, and notes it.
func (d *Session) conclude(ctx context.Context, method string, before State) error {
	s, err := d.look(ctx)
	if err != nil {
		return err
	}
	switch {
	case !s.There:
		return fmt.Errorf("nobody is logged in: the cookies of a login to %s are not there", d.Market.Name)
	case before.There && before.sameEnds(s):
		d.say("No new login was made. %s.", s)
		return nil
	}
	return d.noted(s, Record{At: time.Now().UTC().Truncate(time.Second), Method: method})
}

// noted notes a login that was made and says what is known of it.
func (d *Session) noted(s State, r Record) error {
	if err := WriteRecord(d.Browser.Profile, d.Market, r); err != nil {
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
