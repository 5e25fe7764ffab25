package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker/api"
)

// A disputeCommand says that a change is wrong.
type disputeCommand struct {
	Seq    Seq    `arg:"" help:"The number of the change, as shopwatch changes prints it."`
	Reason string `required:"" help:"Why it is wrong; the correction says so."`
}

// Help tells what follows.
func (disputeCommand) Help() string {
	return `The catalog is set right as if the change had not been seen, and a correction goes out to the channels that told of it. Nothing is rewritten: the change stays in the log, and shopwatch why shows both.

Example:
  shopwatch dispute 12 --reason "the shop confirmed that it was never off the shelf"`
}

// Run sends the dispute.
func (d *disputeCommand) Run(ctx context.Context, a *app) error {
	reason := strings.TrimSpace(d.Reason)
	switch {
	case reason == "":
		return errors.New("say why it is wrong: --reason \"…\"")
	case utf8.RuneCountInString(reason) > 1000:
		return errors.New("--reason: 1000 characters at most")
	}
	return a.ask(ctx, func(_ *config.Config, client *api.Client) error {
		fixed, err := client.Dispute(ctx, uint64(d.Seq), reason)
		if err != nil {
			return err
		}
		if a.json {
			return a.print(fixed)
		}
		fmt.Fprintf(a.out, "change %d is corrected by change %d; the channels that told of it are told again\n", d.Seq, fixed.Seq)
		return nil
	})
}
