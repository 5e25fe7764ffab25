package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/login"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker/api"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
)

// A loginCommand makes a login, or carries one over from another machine.
type loginCommand struct {
	Marketplace string        `arg:"" complete:"marketplace" help:"The marketplace: ${marketplaces}."`
	QR          bool          `name:"qr" xor:"how" help:"Show the marketplace's login code here, for the app on your phone."`
	Export      string        `xor:"how" placeholder:"FILE" complete:"file" help:"Write the login of this machine to a file, encrypted."`
	Import      string        `xor:"how" placeholder:"FILE" complete:"file" help:"Take over a login that --export has written."`
	Wait        time.Duration `default:"10m" help:"How long to wait for you at most (${default})."`
}

// Help tells what is and what is not done.
func (loginCommand) Help() string {
	return `Opens an ordinary Chrome window on the profile of shopwatch, in which you log in with an account of your own, and waits until you close it. Nobody drives that window: nothing is typed or clicked for you, and nothing of your account is read; whether you are logged in is judged by the names of cookies.

While the daemon runs it lends its profile, takes it back afterwards and scans at once what waited for a login.

On a server without a screen, use --qr; or log in on a desktop and carry the login over: there with --export FILE, here with --import FILE. The passphrase of the file is asked for, or taken from SHOPWATCH_PASSPHRASE.

Examples:
  shopwatch login tmall
  shopwatch login tmall --qr
  shopwatch login tmall --export tmall.login`
}

func (l *loginCommand) Run(ctx context.Context, a *app) error {
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
	s := &login.Session{
		Market: m, Browser: daemon.BrowserOptions(c, a.logger(slog.LevelError)), Out: a.out, Prompt: a.err,
	}
	client := a.daemon(ctx, c)
	if client == nil {
		return l.with(ctx, s)
	}
	defer client.Close()
	return l.lent(ctx, a, client, s)
}

// lent logs in with the profile of the daemon, which takes it back whatever
// becomes of this process.
func (l *loginCommand) lent(ctx context.Context, a *app, client *api.Client, s *login.Session) error {
	giveBack, err := client.Borrow(ctx, func() {
		fmt.Fprintln(a.err, "The daemon scans; it lends its profile when the scan has ended.")
	})
	if err != nil {
		return err
	}
	defer giveBack()
	if err := l.with(ctx, s); err != nil || l.Export != "" {
		return err
	}
	if err := client.LoginMade(ctx); err != nil {
		fmt.Fprintf(a.err, "shopwatch: the daemon did not hear of the login, and scans on as planned: %s\n", oneLine(err))
		return nil
	}
	fmt.Fprintln(a.out, "The daemon scans now what waited for a login.")
	return nil
}

// with logs in, in the way that was chosen.
func (l *loginCommand) with(ctx context.Context, s *login.Session) error {
	switch {
	case l.Export != "":
		return exportLogin(ctx, s, l.Export)
	case l.Import != "":
		sealed, err := os.ReadFile(l.Import)
		if err != nil {
			return fmt.Errorf("read the login: %w", err)
		}
		return s.Import(ctx, l.Import, sealed)
	case l.QR:
		return s.ByPhone(ctx, l.Wait)
	}
	return s.InWindow(ctx, l.Wait)
}

// exportLogin writes the login of this machine to a new file.
func exportLogin(ctx context.Context, s *login.Session, file string) error {
	if err := isNew(file); err != nil {
		return err
	}
	sealed, err := s.Export(ctx)
	if err != nil {
		return err
	}
	if err := writeNew(file, sealed); err != nil {
		return fmt.Errorf("write the login: %w", err)
	}
	fmt.Fprintf(s.Out, "%s holds the login to %s, encrypted. Whoever has it and the passphrase is logged in as you: carry it over, use --import there, then delete it.\n", file, s.Market.Name)
	return nil
}

// loginMarkets are the marketplaces that know a login.
func loginMarkets() []*market.Market {
	return slices.DeleteFunc(all.Markets(), func(m *market.Market) bool { return m.Login == nil })
}

// marketplaces lists them for the help.
func marketplaces() string {
	var names []string
	for _, m := range loginMarkets() {
		names = append(names, m.Name)
	}
	return term.List(names)
}

// marketplacesOf are those of the configured storefronts that know a login.
func marketplacesOf(c *config.Config) []*market.Market {
	return slices.DeleteFunc(all.Markets(), func(m *market.Market) bool {
		return m.Login == nil || !slices.ContainsFunc(c.Storefronts, func(sf config.Storefront) bool { return sf.Marketplace == m.Name })
	})
}
