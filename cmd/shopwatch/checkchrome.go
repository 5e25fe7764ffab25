package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/login"
	"shopwatch/tracker/browser"
)

// checkChrome asks Chrome for its version, starts it on a profile that is
// thrown away, and opens a tab: only that shows whether its sandbox works here.
func checkChrome(ctx context.Context, c *config.Config) finding {
	ctx, cancel := context.WithTimeout(ctx, 45*time.Second)
	defer cancel()
	o := browser.Options{Path: c.Browser.Path, Flags: c.Browser.Flags, Remote: c.Browser.Remote}
	b := browser.New(o)
	if c.Browser.Remote != "" {
		return result("chrome", "one at "+c.Browser.Remote+" answers", tryTab(ctx, b))
	}
	path, version, err := b.Version(ctx)
	if err != nil {
		return result("chrome", "", err)
	}
	if n := browser.Major(version); n > 0 && n < browser.Oldest {
		return finding{"chrome", false, fmt.Sprintf("%s, %s, is too old: update it to %d or newer", version, path, browser.Oldest)}
	}
	text := fmt.Sprintf("%s, %s, starts", version, path)
	switch {
	case o.Unsandboxed() && os.Geteuid() == 0:
		text += "; without its sandbox, as browser.flags says, and as root: better run shopwatch as an ordinary user"
	case o.Unsandboxed():
		text += "; without its sandbox, as browser.flags says"
	default:
		text += " in its sandbox"
	}
	if !browser.Shell(path) {
		text += "; chromium-headless-shell would need half the memory"
	}
	return result("chrome", text, tryTab(ctx, b))
}

// tryTab has a page with two Chinese characters drawn, and ends the browser. A
// font that knows neither draws the same box for both; a Chrome without any
// font ends itself over text.
func tryTab(ctx context.Context, b *browser.Browser) (err error) {
	const (
		page   = `data:text/html;charset=utf-8,<body style="margin:0;font:30px/40px sans-serif">血<br>糖`
		script = `globalThis.shopwatch = {calls: [], heard() {}, drawn: () => new Promise(done => {
			const look = () => document.readyState === "complete" ? done(true) : setTimeout(look, 10)
			look()
		})}`
		fix = "install a font for Chinese text (on Debian: apt-get install fonts-noto-cjk)"
	)
	defer func() { err = errors.Join(err, b.Close()) }()
	tab, err := b.Tab(ctx, browser.TabOptions{Script: script})
	if err != nil {
		return err
	}
	defer tab.Close()
	var drawn [2][]byte
	if err = tab.Open(ctx, page); err == nil {
		err = tab.Wait(ctx, "shopwatch.drawn()", new(bool))
	}
	for i := range drawn {
		if err == nil {
			drawn[i], err = tab.PictureOf(ctx, 0, float64(40*i), 40, 40, 1)
		}
	}
	switch {
	case errors.Is(err, browser.ErrLost), errors.Is(err, browser.ErrCrashed):
		return fmt.Errorf("%w over a page with text: %s", err, fix)
	case err != nil:
		return fmt.Errorf("draw a page: %w", err)
	case bytes.Equal(drawn[0], drawn[1]):
		return fmt.Errorf("it draws boxes for Chinese characters: %s", fix)
	}
	return nil
}

// checkLogins looks whether the profile is free, and tells how old the login
// to each marketplace is and whether its cookies are still there. One that was
// never made is no fault: some shops show their lists to everybody. Without a
// Chrome that starts only the age is told.
func (a *app) checkLogins(ctx context.Context, c *config.Config, chrome bool) []finding {
	var all []finding
	var b *browser.Browser // nil: the cookies are not looked at
	if _, err := os.Stat(c.Browser.Profile); chrome && (err == nil || c.Browser.Remote != "") {
		b = daemon.NewBrowser(c, a.logger(slog.LevelError+1))
		defer b.Close() // nothing was changed that could be lost
		_, err := b.Cookies(ctx, nil)
		all = append(all, a.profile(ctx, c, err))
		if err != nil {
			b = nil
		}
	}
	for _, m := range marketplacesOf(c) {
		s, err := login.StateOf(ctx, c.Browser.Profile, m, b)
		f := result("login", s.String(), err)
		f.OK = f.OK && (s.There || !s.Looked || s.At.IsZero())
		all = append(all, f)
	}
	return all
}

// profile tells what came of looking into the profile. That the daemon is in
// it is in order.
func (a *app) profile(ctx context.Context, c *config.Config, err error) finding {
	if errors.Is(err, browser.ErrInUse) {
		client := a.daemon(ctx, c)
		if client == nil {
			return finding{"profile", false, err.Error()}
		}
		client.Close()
		return finding{"profile", true, c.Browser.Profile + " is in use by the daemon"}
	}
	return result("profile", cmp.Or(c.Browser.Remote, c.Browser.Profile), err)
}
