package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/report"
)

// A changesCommand prints the change log.
type changesCommand struct {
	Storefront tracker.StorefrontName `complete:"storefront" help:"Only of this storefront." placeholder:"NAME"`
	Kind       []tracker.Kind         `complete:"kind" help:"Only of these kinds: ${kinds}." placeholder:"KIND"`
	Since      When                   `help:"Only since then: 24h, 7d, 2026-11-22." placeholder:"TIME"`
	Limit      Limit                  `short:"n" default:"100" help:"At most so many, the newest; 0 for all (${default})."`
}

// Help gives examples.
func (changesCommand) Help() string {
	return `Examples:
  shopwatch changes --since 7d --kind added,removed
  shopwatch changes --storefront tencent --json -n 0`
}

// Run prints a line per change, the oldest first.
func (cc *changesCommand) Run(ctx context.Context, a *app) error {
	for _, k := range cc.Kind {
		if !slices.Contains(tracker.Kinds, k) {
			return fmt.Errorf("%q is no kind of change; there are %s", k, term.List(tracker.Kinds))
		}
	}
	return a.ask(ctx, func(c *config.Config, client *api.Client) error {
		since, err := cc.Since.in(c.Timezone.Location)
		if err != nil {
			return err
		}
		var all []tracker.Change
		for ch, err := range client.Changes(ctx, api.Filter{Storefront: cc.Storefront, Kinds: cc.Kind, Since: since, Limit: int(cc.Limit)}) {
			if err != nil {
				return err
			}
			all = append(all, ch)
		}
		slices.Reverse(all)
		t := term.Table{Right: map[int]bool{0: true}, Short: []int{2}, Whole: true}
		if cc.Storefront != "" {
			t.Spare = []int{2}
		}
		t.Row("SEQ", "WHEN", "STOREFRONT", "KIND", "WHAT")
		for i := range all {
			if a.json {
				if err := a.print(&all[i]); err != nil {
					return err
				}
				continue
			}
			ch := &all[i]
			t.Row(strconv.FormatUint(ch.Seq, 10), term.Time(ch.At, c.Timezone.Location), string(ch.Storefront), string(ch.Kind), describe(ch, c.Timezone.Location))
		}
		switch {
		case a.json:
			return nil
		case t.Empty():
			fmt.Fprintln(a.out, "no changes")
			return nil
		}
		return t.Print(a.out)
	})
}

// describe puts a change into one line.
func describe(c *tracker.Change, loc *time.Location) string {
	reason := func() string { return term.Plain(report.Reason("en", loc, c.Reason)) }
	s := ""
	if c.Product != nil {
		s = term.Plain(c.Product.Title)
	}
	switch c.Kind {
	case tracker.Soldout, tracker.Restocked:
		s += "  " + price(c.Product.Price)
	case tracker.Added:
		s += "  " + price(c.Product.Price)
		if c.Product.Availability == tracker.SoldOut {
			s += "  (sold out)"
		}
		if c.SameAs != nil {
			s += fmt.Sprintf("  (probably the same as %s)", c.SameAs.ID)
		}
	case tracker.Removed:
		s += "  (" + report.Proof("en", c) + ")"
	case tracker.Relisted:
		s += fmt.Sprintf("  %s  (away for %s)", price(c.Product.Price), term.About(c.Away))
	case tracker.Repriced:
		s += fmt.Sprintf("  %s → %s", price(c.Before.Price), price(c.Product.Price))
		if c.Prior.Known() && !c.Prior.Agrees(c.Before.Price) {
			s += fmt.Sprintf("  (lowest seen in the 30 days before: %s)", price(c.Prior))
		}
	case tracker.Retitled:
		s = fmt.Sprintf("%s → %s", term.Plain(c.Before.Title), s)
	case tracker.Stalled, tracker.Closed:
		s = fmt.Sprintf("%s: %s", c.Verdict, reason())
	case tracker.Recovered:
		s = reason()
	case tracker.Corrected:
		s += fmt.Sprintf("  (change %d was wrong: %s)", c.Corrects, term.Plain(c.Reason))
	}
	if c.Important != "" {
		s += "  [important: " + term.Plain(c.Important) + "]"
	}
	return s
}
