package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// sample is a configuration with every key explained.
//
//go:embed sample.yaml
var sample []byte

// An initCommand writes a configuration to begin with.
type initCommand struct{}

// Help gives examples.
func (initCommand) Help() string {
	return `Examples:
  shopwatch init
  shopwatch init -c /etc/shopwatch/shopwatch.yaml`
}

// Run writes the sample where the configuration is looked for.
func (initCommand) Run(a *app) error {
	f, err := os.OpenFile(a.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; name a new file with -c FILE", a.file)
	}
	if err != nil {
		return fmt.Errorf("write a configuration: %w", err)
	}
	_, err = f.Write(sample)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write a configuration: %w", err)
	}
	fmt.Fprintf(a.out, "%s is written: put in your storefronts and channels, then try\n  shopwatch check\n  shopwatch scan\n  shopwatch run\n", a.file)
	return nil
}
