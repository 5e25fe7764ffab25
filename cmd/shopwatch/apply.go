package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker/fleet"
	"shopwatch/tracker/market/all"
)

// An applyCommand gives a configuration to all machines.
type applyCommand struct {
	File string `arg:"" help:"The configuration."`
}

// Help tells what stays with the machines.
func (applyCommand) Help() string {
	return `All machines on the database take it within some seconds; scans that run go on. What is about a machine stays as its own file says: data, database, bucket, listen, token, viewer_token, public, fleet.worker, fleet.egress, and of browser path, profile, remote and flags. Write secrets as ${NAME}: each machine takes them from its own environment, and the database holds the text as it is.

Examples:
  shopwatch apply watch.yaml
  shopwatch -c /etc/shopwatch/shopwatch.yaml apply watch.yaml`
}

// Run checks the file and stores it.
func (c *applyCommand) Run(ctx context.Context, a *app) error {
	own, err := a.read(a.file)
	if err != nil {
		return err
	}
	if own.Database == "" {
		return errors.New("a file is for one machine, which reads its configuration again at SIGHUP; set database to postgres://… to give one to several")
	}
	text, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	db, err := a.servers.open(ctx, own)
	if err != nil {
		return err
	}
	next, err := config.Merge(own, 0, c.File, string(text), os.LookupEnv, all.Markets())
	if err != nil {
		return err
	}
	if len(next.Storefronts) == 0 {
		return fmt.Errorf("%s: name at least one storefront", c.File)
	}
	version, changed, err := fleet.Apply(ctx, db, string(text), filepath.Base(c.File), process())
	if err != nil {
		return err
	}
	if a.json {
		return a.print(struct {
			Version int64 `json:"version"`
			Changed bool  `json:"changed"`
		}{version, changed})
	}
	if !changed {
		fmt.Fprintf(a.out, "version %d is the same already\n", version)
		return nil
	}
	fmt.Fprintf(a.out, "version %d: %s, %s; all machines take it within some seconds (shopwatch check)\n",
		version, term.Count(len(next.Storefronts), 0, "storefront"), term.Count(len(next.Channels), 0, "channel"))
	return nil
}
