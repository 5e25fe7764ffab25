package main

import (
	"context"
	"fmt"
	"strconv"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// A suspectsCommand prints products that are missing without proof.
type suspectsCommand struct {
	Storefront tracker.StorefrontName `complete:"storefront" help:"Only of this storefront." placeholder:"NAME"`
}

// Help tells what becomes of them.
func (suspectsCommand) Help() string {
	return `They count as listed until their own page, or more complete scans, prove that they are gone.

Examples:
  shopwatch suspects
  shopwatch suspects --storefront tencent`
}

// Run prints a line per product.
func (s *suspectsCommand) Run(ctx context.Context, a *app) error {
	return a.ask(ctx, func(c *config.Config, client *api.Client) error {
		all, err := client.Suspects(ctx, s.Storefront)
		if err != nil {
			return err
		}
		t := term.Table{Right: map[int]bool{3: true}, Spare: []int{2}, Short: []int{0}}
		t.Row("STOREFRONT", "PRODUCT", "LAST SEEN", "MISSED BY", "TITLE")
		for i := range all {
			if a.json {
				if err := a.print(&all[i]); err != nil {
					return err
				}
				continue
			}
			sp := &all[i]
			t.Row(string(sp.Storefront), string(sp.Product.ID), term.Time(sp.Product.LastSeen, c.Timezone.Location),
				strconv.Itoa(sp.Product.Missing)+" of "+strconv.Itoa(sp.Misses), sp.Product.Title)
			t.Note(sp.Why)
		}
		switch {
		case a.json:
			return nil
		case t.Empty():
			fmt.Fprintln(a.out, "no product is missing without proof")
			return nil
		}
		return t.Print(a.out)
	})
}
