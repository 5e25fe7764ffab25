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
)

// A scansCommand prints scans.
type scansCommand struct {
	Name  tracker.StorefrontName `arg:"" optional:"" complete:"storefront" help:"Only of this storefront."`
	Since When                   `help:"Only since then: 24h, 7d, 2026-11-22." placeholder:"TIME"`
	Limit Limit                  `short:"n" default:"30" help:"At most so many, the newest; 0 for all (${default})."`
}

// Help gives examples.
func (scansCommand) Help() string {
	return `Examples:
  shopwatch scans tencent
  shopwatch scans --since 2026-11-01 -n 0`
}

// Run prints a line per scan, the oldest first.
func (s *scansCommand) Run(ctx context.Context, a *app) error {
	return a.ask(ctx, func(c *config.Config, client *api.Client) error {
		since, err := s.Since.in(c.Timezone.Location)
		if err != nil {
			return err
		}
		var all []tracker.Scan
		for sc, err := range client.Scans(ctx, api.Filter{Storefront: s.Name, Since: since, Limit: int(s.Limit)}) {
			if err != nil {
				return err
			}
			all = append(all, sc)
		}
		slices.Reverse(all)
		t := term.Table{Right: map[int]bool{3: true, 4: true}, Spare: []int{4}, Short: []int{1}, Whole: true}
		if s.Name != "" {
			t.Spare = []int{4, 1}
		}
		t.Row("BEGAN", "STOREFRONT", "VERDICT", "CHANGES", "TOOK", "EVIDENCE")
		for i := range all {
			if a.json {
				if err := a.print(&all[i]); err != nil {
					return err
				}
				continue
			}
			sc := &all[i]
			reason := sc.Reason
			if sc.Doubted {
				reason = "doubted: it misses too much at once"
			}
			t.Row(sc.Began.In(c.Timezone.Location).Format(time.DateTime), string(sc.Storefront), string(sc.Verdict),
				strconv.Itoa(sc.Changes), sc.Took.Round(100*time.Millisecond).String(), evidenceLine(sc))
			t.Note(reason)
		}
		switch {
		case a.json:
			return nil
		case t.Empty():
			fmt.Fprintln(a.out, "no scans")
			return nil
		}
		return t.Print(a.out)
	})
}
