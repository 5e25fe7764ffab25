package main

import (
	"context"
	"fmt"
	"strconv"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/login"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker/api"
)

// A storefrontsCommand lists storefronts.
type storefrontsCommand struct{}

// Help gives examples.
func (storefrontsCommand) Help() string {
	return `Examples:
  shopwatch storefronts
  shopwatch storefronts --json`
}

// Run prints a line per storefront.
func (storefrontsCommand) Run(ctx context.Context, a *app) error {
	return a.ask(ctx, func(c *config.Config, client *api.Client) error {
		all, err := client.Storefronts(ctx)
		if err != nil {
			return err
		}
		t := term.Table{Right: map[int]bool{1: true}, Spare: []int{2}, Short: []int{0}}
		t.Row("NAME", "PRODUCTS", "LAST SCAN", "VERDICT", "LAST COMPLETE", "NEXT", "TITLE")
		for _, sf := range all {
			if a.json {
				if err := a.print(sf); err != nil {
					return err
				}
				continue
			}
			next := term.Time(sf.Next, c.Timezone.Location)
			switch {
			case sf.Scanning != nil:
				next = fmt.Sprintf("now: %s", term.Count(sf.Scanning.Pages, sf.Scanning.Declared.Pages, "page"))
			case !sf.Cooling.IsZero():
				next += " (cooling down)"
			case !sf.Watched:
				next = "no longer watched"
			case c.Storefront(sf.Name) != nil && c.Storefront(sf.Name).When == nil:
				next = "when asked"
			case sf.Next.IsZero():
				next = "no daemon runs"
			}
			verdict := string(sf.Verdict)
			if sf.Incomplete > 1 {
				verdict += fmt.Sprintf(" (%d in a row)", sf.Incomplete)
			}
			t.Row(string(sf.Name), strconv.Itoa(sf.Listed), term.Time(sf.LastScan, c.Timezone.Location), verdict,
				term.Time(sf.LastComplete, c.Timezone.Location), next, sf.Title)
		}
		if a.json {
			return nil
		}
		if err := t.Print(a.out); err != nil {
			return err
		}
		for _, m := range marketplacesOf(c) {
			s, err := login.StateOf(ctx, c.Browser.Profile, m, nil)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.out, term.Paint(a.out, term.Faint, s.Made()))
		}
		return nil
	})
}
