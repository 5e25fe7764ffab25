package main

import (
	"context"
	"fmt"
	"strings"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// A groupsCommand is about products that several storefronts sell.
type groupsCommand struct {
	List    groupsListCommand    `cmd:"" default:"withargs" help:"The groups of the configuration, and who sells each for the lowest price."`
	Suggest groupsSuggestCommand `cmd:"" help:"Find products of several storefronts that are probably the same."`
}

// A groupsListCommand prints the groups.
type groupsListCommand struct{}

// Help gives an example.
func (groupsListCommand) Help() string {
	return `Prices in unlike currencies, or with and without tax, are not compared: each may
be the lowest.

Example:
  shopwatch groups list`
}

// Run prints a line per group and lowest price.
func (*groupsListCommand) Run(ctx context.Context, a *app) error {
	return a.ask(ctx, func(_ *config.Config, client *api.Client) error {
		groups, err := client.Groups(ctx, "")
		if err != nil {
			return err
		}
		t := term.Table{Right: map[int]bool{1: true}}
		t.Row("GROUP", "LOWEST", "STOREFRONT", "TITLE")
		for i := range groups {
			if a.json {
				if err := a.print(&groups[i]); err != nil {
					return err
				}
				continue
			}
			name, none := groups[i].Name, true
			for _, o := range groups[i].Offers {
				if o.Lowest {
					t.Row(name, price(o.Product.Price), string(o.Storefront), o.Product.Title)
					name, none = "", false
				}
			}
			if none {
				t.Row(name, "?", "", "nobody offers it at a price that is known")
			}
		}
		switch {
		case a.json:
			return nil
		case t.Empty():
			fmt.Fprintln(a.out, "no groups in the configuration; shopwatch groups suggest finds some")
			return nil
		}
		return t.Print(a.out)
	})
}

// printGroup prints a line per product of a group.
func (a *app) printGroup(ctx context.Context, c *config.Config, client *api.Client, name string, listed bool) error {
	groups, err := client.Groups(ctx, name)
	if err != nil {
		return err
	}
	t := term.Table{Right: map[int]bool{2: true}}
	t.Row("STOREFRONT", "PRODUCT", "PRICE", "", "STATE", "TITLE")
	for i := range groups {
		for _, o := range groups[i].Offers {
			if listed && (o.Product == nil || !o.Product.Listed()) {
				continue
			}
			if a.json {
				if err := a.print(&o); err != nil {
					return err
				}
				continue
			}
			row := []string{string(o.Storefront), string(o.ID), "?", "", "never seen", ""}
			if it := o.Product; it != nil {
				row[2], row[4], row[5] = price(it.Price), state(it, c.Timezone.Location), it.Title
			}
			if o.Lowest {
				row[3] = "lowest"
			}
			t.Row(row...)
		}
	}
	if a.json {
		return nil
	}
	return t.Print(a.out)
}

// A groupsSuggestCommand looks for groups.
type groupsSuggestCommand struct {
	Limit Limit `short:"n" default:"50" help:"At most so many, the surest; 0 for all (${default})."`
}

// Help gives an example.
func (groupsSuggestCommand) Help() string {
	return `Products are compared by their titles, by the numbers of models and trade
items (EAN) in these, and by their pictures. Put what is right under groups: in
the configuration.

Example:
  shopwatch groups suggest -n 10`
}

// Run prints suggestions as lines for the configuration.
func (g *groupsSuggestCommand) Run(ctx context.Context, a *app) error {
	return a.ask(ctx, func(c *config.Config, client *api.Client) error {
		offers, err := client.Offers(ctx)
		if err != nil {
			return err
		}
		list := tracker.SuggestGroups(offers, c.TrackedGroups())
		if g.Limit > 0 {
			list = list[:min(len(list), int(g.Limit))]
		}
		if len(list) == 0 && !a.json {
			fmt.Fprintln(a.out, "no products of several storefronts look like the same")
		}
		taken := make(map[string]bool)
		for _, other := range c.Groups {
			taken[other.Name] = true
		}
		for i := range list {
			s := &list[i]
			if s.Group == "" {
				s.Name = free(s.Name, taken)
			}
			if a.json {
				if err := a.print(s); err != nil {
					return err
				}
				continue
			}
			a.printSuggestion(s, c.Groups)
		}
		return nil
	})
}

// free returns a name that is not taken, and takes it.
func free(name string, taken map[string]bool) string {
	for n, try := 2, name; ; n++ {
		if !taken[try] {
			taken[try] = true
			return try
		}
		try = fmt.Sprintf("%s-%d", name, n)
	}
}

// printSuggestion prints lines that may be pasted into the configuration, those of
// a group that is there with what it has.
func (a *app) printSuggestion(s *tracker.Suggestion, groups []config.Group) {
	what := "the same product?"
	if s.Group != "" {
		what = "one more of " + s.Group + "?"
	}
	fmt.Fprintf(a.out, "# %s %.0f %% sure, by %s\n", what, 100*s.Confidence, strings.Join(s.Because, ", "))
	for i, title := range s.Titles {
		fmt.Fprintf(a.out, "#   %s: %s\n", s.Products[i].Storefront, term.Plain(title))
	}
	var keys []string
	for _, g := range groups {
		if g.Name == s.Group {
			keys = quotedKeys(g.Products)
		}
	}
	keys = append(keys, quotedKeys(s.Products)...)
	fmt.Fprintf(a.out, "  - name: %s\n    products: [%s]\n", quoted(s.Name), strings.Join(keys, ", "))
}

func quotedKeys(keys []tracker.ProductKey) []string {
	var all []string
	for _, k := range keys {
		all = append(all, quoted(k.String()))
	}
	return all
}

// quoted writes a text for YAML: in quotation marks where it must be.
func quoted(s string) string {
	plain := strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-") == ""
	if plain && strings.ContainsAny(s[:1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		return s
	}
	return "'" + strings.ReplaceAll(term.Plain(s), "'", "''") + "'"
}
