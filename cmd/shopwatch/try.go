package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/cmd/shopwatch/try"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
	"shopwatch/tracker/watch"
)

// A tryCommand finds out what an address is.
type tryCommand struct {
	URL   string `arg:"" name:"url" help:"The address of a storefront, as a browser shows it."`
	Pages int    `default:"20" help:"How many pages are asked for at most, for each way of reading (${default})."`
}

// Help tells what is and what is not done.
func (tryCommand) Help() string {
	return `Finds out which marketplace would read the storefront at an address, reads it in each way that fits until one shows the whole list, and prints the lines for the configuration. For a website on no known platform it proposes selectors by what repeats on the page.

Nothing is kept and nobody is told. Pages are asked for as slowly as in a scan, and as robots.txt wants it. No configuration is needed; where there is one, its browser is used.

Exit status: 0 when a way is recommended, 2 when none is, 1 for an error.

Examples:
  shopwatch try https://shop.example/lamps
  shopwatch try tencent.tmall.com
  shopwatch try https://shop.example/ --pages 100 --json`
}

// Run tries the address and prints what was found.
func (t *tryCommand) Run(ctx context.Context, a *app) (err error) {
	if t.Pages < 1 {
		return fmt.Errorf("--pages %d: want at least 1", t.Pages)
	}
	c, err := a.loadIfThere()
	if err != nil {
		return err
	}
	way, err := fetch.FromFlags(c.Browser.Flags)
	if err != nil {
		return err
	}
	way.UserAgent = cmp.Or(way.UserAgent, "shopwatch/"+version)
	client := fetch.New(way)
	defer client.Close()
	log := a.logger(slog.LevelError)
	own, anonymous := daemon.NewBrowser(c, log), anonymousBrowser(c, log)
	defer func() { err = errors.Join(err, own.Close(), anonymous.Close()) }()

	pacer := &watch.Pacer{Min: time.Duration(c.Browser.Pace.Min), Max: time.Duration(c.Browser.Pace.Max)}
	options := scan.Options{
		Markets: all.Markets(), HTTP: client, Pace: pacer.Wait, PageTimeout: time.Duration(c.Browser.PageTimeout),
		Backoff: a.timing.PageRetry, Retries: 1, DailyPages: t.Pages, Log: slog.New(slog.DiscardHandler),
	}
	options.Browser = anonymous
	open := scan.New(options)
	options.Browser = own
	loggedIn := scan.New(options)

	p := term.Progress{Out: a.err, Notes: a.json, Pace: time.Duration(c.Browser.Pace.Min+c.Browser.Pace.Max)/2 + time.Second}
	o := try.Options{
		Markets: all.Markets(), Pages: t.Pages, Browser: true,
		Scanner: func(m *market.Market) *scan.Scanner {
			if _, err := os.Stat(c.Browser.Profile); m.Login != nil && c.Browser.Profile != "" && err == nil {
				return loggedIn
			}
			return open
		},
		Tell: func(step string, at *tracker.Progress) {
			switch {
			case at != nil:
				p.Show(*at)
			case !a.json:
				p.Clear()
				fmt.Fprintln(a.err, term.Plain(step))
			}
		},
	}
	if err := daemon.MayStartChrome(c); err != nil {
		o.Browser = false
		fmt.Fprintf(a.err, "shopwatch: no page is shown in a browser: %s\n", oneLine(err))
	}
	f, err := try.Address(ctx, t.URL, o)
	p.Clear()
	if err != nil {
		return err
	}
	if a.json {
		err = a.print(f)
	} else {
		err = a.tellFinding(f)
	}
	if err == nil && f.Best < 0 {
		return errIncomplete
	}
	return err
}

// loadIfThere returns the configuration, or the defaults where there is none.
func (a *app) loadIfThere() (*config.Config, error) {
	if _, err := os.Stat(a.file); errors.Is(err, fs.ErrNotExist) {
		return config.Default(), nil
	}
	return a.load()
}

// anonymousBrowser is the Chrome of the configuration on a profile that is thrown
// away, so that it needs not be lent by a daemon.
func anonymousBrowser(c *config.Config, log *slog.Logger) *browser.Browser {
	o := daemon.BrowserOptions(c, log)
	o.Profile, o.Keep = "", nil
	return browser.New(o)
}

// tellFinding prints what was found for people.
func (a *app) tellFinding(f *try.Finding) error {
	fmt.Fprintln(a.out, term.Plain(f.Address))
	for _, s := range f.Signs {
		fmt.Fprintf(a.out, "  %s\n", term.Plain(s))
	}
	if len(f.Ways) == 0 {
		fmt.Fprintln(a.out, "\nNothing there looks like a list of products: name the address of a page that shows one, such as a category or \"all products\".")
		return nil
	}
	fmt.Fprintln(a.out)
	table := &term.Table{Right: map[int]bool{4: true, 5: true}, Spare: []int{3, 6, 2}, Whole: true}
	table.Row("", "MARKETPLACE", "BY", "LAYOUT", "PRODUCTS", "DECLARED", "PRICES", "VERDICT", "PROOF")
	for i := range f.Ways {
		r := &f.Ways[i]
		mark := ""
		if i == f.Best {
			mark = "*"
		}
		table.Row(mark, r.Marketplace, r.Transport, r.Layout, fmt.Sprint(r.Products), declared(r), prices(r), string(r.Verdict), r.Proof)
	}
	if err := table.Print(a.out); err != nil {
		return err
	}
	if f.Best < 0 {
		fmt.Fprintln(a.out, "\nNone of these can be recommended.")
		return nil
	}
	return a.tellBest(&f.Ways[f.Best], f.Lines)
}

// tellBest prints the way that is recommended.
func (a *app) tellBest(r *try.Result, lines string) error {
	fmt.Fprintf(a.out, "\nRecommended: %s, because of %s\n", r.Marketplace, term.Plain(term.List(r.Signs)))
	for _, n := range r.Notes {
		fmt.Fprintf(a.out, "  %s\n", term.Plain(n))
	}
	if len(r.First) > 0 {
		fmt.Fprintln(a.out)
		table := &term.Table{Right: map[int]bool{1: true}}
		table.Row("ID", "PRICE", "TITLE")
		for i := range r.First {
			p := &r.First[i]
			table.Row(string(p.ID), strings.TrimSpace(p.Price.String()+" "+p.Price.Currency), p.Title)
		}
		if err := table.Print(a.out); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.out, "\nFor the configuration, without the first line where storefronts is there already:\n\n%s", lines)
	return err
}

func declared(r *try.Result) string {
	switch {
	case r.Declared.Products > 0:
		return fmt.Sprint(r.Declared.Products)
	case r.Declared.Pages > 0:
		return term.Count(r.Declared.Pages, 0, "page")
	}
	return "-"
}

func prices(r *try.Result) string {
	if r.Priced == 0 {
		return "-"
	}
	text := strings.Join(r.Currencies, ", ")
	if r.Priced < r.Products {
		text += fmt.Sprintf(" (%d)", r.Priced)
	}
	return text
}
