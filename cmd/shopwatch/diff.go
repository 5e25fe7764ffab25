package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/report"
)

// A diffCommand compares the shelf of two days.
type diffCommand struct {
	Name tracker.StorefrontName `arg:"" complete:"storefront" help:"The storefront."`
	From When                   `required:"" help:"The first day: 7d, 2026-11-22." placeholder:"TIME"`
	To   When                   `help:"The second; now when left out." placeholder:"TIME"`
}

// Help gives examples.
func (diffCommand) Help() string {
	return `What changed and changed back is left out.

Examples:
  shopwatch diff tencent --from 7d
  shopwatch diff tencent --from 2026-11-01 --to 2026-11-15 --json`
}

// Run prints a line per difference.
func (d *diffCommand) Run(ctx context.Context, a *app) error {
	return a.ask(ctx, func(c *config.Config, client *api.Client) error {
		from, err := d.From.in(c.Timezone.Location)
		if err != nil {
			return err
		}
		to, err := d.To.in(c.Timezone.Location)
		if err != nil {
			return err
		}
		net, err := difference(ctx, client, d.Name, from, to)
		if err != nil {
			return err
		}
		t := term.Table{Short: []int{1}, Whole: true}
		t.Row("KIND", "WHEN", "WHAT")
		for i := range net {
			ch := &net[i]
			if a.json {
				if err := a.print(ch); err != nil {
					return err
				}
				continue
			}
			t.Row(string(ch.Kind), term.Time(ch.At, c.Timezone.Location), describe(ch, c.Timezone.Location))
		}
		switch {
		case a.json:
			return nil
		case t.Empty():
			fmt.Fprintln(a.out, "no difference")
			return nil
		}
		return t.Print(a.out)
	})
}

// difference is the shelf of two times against each other, kind by kind. A zero
// to is now.
func difference(ctx context.Context, client *api.Client, name tracker.StorefrontName, from, to time.Time) ([]tracker.Change, error) {
	if to.IsZero() {
		to = time.Now()
	}
	if !from.Before(to) {
		return nil, errors.New("from is not before to")
	}
	var all []tracker.Change
	for ch, err := range client.Changes(ctx, api.Filter{Storefront: name, Since: from, Until: to}) {
		if err != nil {
			return nil, err
		}
		all = append(all, ch)
	}
	slices.Reverse(all)
	net, _ := report.Net(all)
	net = slices.DeleteFunc(net, func(ch tracker.Change) bool { return ch.Product == nil })
	slices.SortStableFunc(net, func(a, b tracker.Change) int {
		return cmp.Compare(slices.Index(tracker.Kinds, a.Kind), slices.Index(tracker.Kinds, b.Kind))
	})
	return net, nil
}
