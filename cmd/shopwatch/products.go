package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// A productsCommand prints a catalog.
type productsCommand struct {
	Name   tracker.StorefrontName `arg:"" optional:"" complete:"storefront" help:"The storefront."`
	Group  string                 `placeholder:"NAME" complete:"group" help:"The products of a group of the configuration instead, in all its storefronts."`
	Listed bool                   `help:"Only what is on the shelf."`
}

// Help gives examples.
func (productsCommand) Help() string {
	return `Examples:
  shopwatch products tencent
  shopwatch products tencent --listed --json
  shopwatch products --group glucometer`
}

// Run prints a line per product.
func (p *productsCommand) Run(ctx context.Context, a *app) error {
	if (p.Name == "") == (p.Group == "") {
		return errors.New("name a storefront, or a group with --group")
	}
	return a.ask(ctx, func(c *config.Config, client *api.Client) error {
		if p.Group != "" {
			return a.printGroup(ctx, c, client, p.Group, p.Listed)
		}
		t := term.Table{Right: map[int]bool{1: true}, Spare: []int{2}}
		t.Row("PRODUCT", "PRICE", "FIRST SEEN", "STATE", "TITLE")
		for it, err := range client.Products(ctx, p.Name) {
			if err != nil {
				return err
			}
			if p.Listed && !it.Listed() {
				continue
			}
			if a.json {
				if err := a.print(it); err != nil {
					return err
				}
				continue
			}
			t.Row(string(it.ID), price(it.Price), term.Time(it.FirstSeen, c.Timezone.Location), state(&it, c.Timezone.Location), it.Title)
		}
		switch {
		case a.json:
			return nil
		case t.Empty():
			fmt.Fprintln(a.out, "no products")
			return nil
		}
		return t.Print(a.out)
	})
}

// state says whether a product is on the shelf.
func state(it *tracker.Item, loc *time.Location) string {
	switch {
	case !it.Listed():
		return "removed " + term.Time(it.Removed, loc)
	case it.Missing > 0:
		return fmt.Sprintf("missing (%d)", it.Missing)
	case it.Availability == tracker.SoldOut:
		return "sold out"
	}
	return "listed"
}

// price prints a price with its currency and what it is for; "?" when it is
// unknown.
func price(p tracker.Price) string {
	s := p.String() + " " + p.Currency
	switch {
	case !p.Known():
		return "?"
	case p.Currency == "CNY":
		s = "¥" + p.String()
	}
	if p.Market != "" {
		s += " " + p.Market
	}
	switch p.Tax {
	case tracker.TaxIncluded:
		s += " incl. tax"
	case tracker.TaxExcluded:
		s += " excl. tax"
	}
	return s
}
