package main

import (
	"context"
	"fmt"

	"shopwatch/cmd/shopwatch/config"
)

// An initCommand writes a configuration to begin with.
type initCommand struct{}

// Help gives examples.
func (initCommand) Help() string {
	return `Examples:
  shopwatch init
  shopwatch init -c /etc/shopwatch/shopwatch.yaml`
}

// Run writes the sample where the configuration is looked for.
func (initCommand) Run(ctx context.Context, a *app) error {
	if err := isNew(a.file); err != nil {
		return fmt.Errorf("%w with -c FILE", err)
	}
	if err := writeNew(a.file, config.Sample); err != nil {
		return fmt.Errorf("write a configuration: %w", err)
	}
	fmt.Fprintf(a.out, "%s is written: put in your storefronts and channels, then try\n  shopwatch check\n  shopwatch scan\n  shopwatch run\n", a.file)
	return nil
}
