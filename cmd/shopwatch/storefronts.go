package main

import (
	"fmt"
	"strconv"

	"shopwatch/tracker/web"
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
func (storefrontsCommand) Run(a *app) error {
	return a.ask(func(c *Config, client *web.Client) error {
		all, err := client.Storefronts(a.ctx)
		if err != nil {
			return err
		}
		t := table{right: map[int]bool{1: true}, spare: []int{2, 1}}
		t.row("NAME", "PRODUCTS", "LAST SCAN", "VERDICT", "LAST COMPLETE", "NEXT", "TITLE")
		for _, sf := range all {
			if a.json {
				if err := a.print(sf); err != nil {
					return err
				}
				continue
			}
			next := clock(sf.Next, c.Timezone.Location)
			switch {
			case sf.Scanning != nil:
				next = fmt.Sprintf("now: %s", of(sf.Scanning.Pages, sf.Scanning.Declared.Pages, "page"))
			case !sf.Cooling.IsZero():
				next += " (cooling down)"
			case !sf.Watched:
				next = "no longer watched"
			case sf.Next.IsZero():
				next = "no daemon runs"
			}
			verdict := string(sf.Verdict)
			if sf.Incomplete > 1 {
				verdict += fmt.Sprintf(" (%d in a row)", sf.Incomplete)
			}
			t.row(string(sf.Name), strconv.Itoa(sf.Listed), clock(sf.LastScan, c.Timezone.Location), verdict,
				clock(sf.LastComplete, c.Timezone.Location), next, sf.Title)
		}
		if a.json {
			return nil
		}
		if err := t.print(a.out); err != nil {
			return err
		}
		for _, m := range c.marketplaces() {
			s, err := loginOf(a.ctx, c, m, nil)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.out, paint(a.out, faint, s.made()))
		}
		return nil
	})
}
