package main

import (
	"fmt"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker/market/all"
)

// A configCommand is about configurations.
type configCommand struct {
	Schema schemaCommand `cmd:"" help:"Print the JSON Schema of configurations, for editors."`
}

// A schemaCommand prints what editors want to know.
type schemaCommand struct{}

// Help says where it goes.
func (schemaCommand) Help() string {
	return `Editors that understand YAML complete keys by it and mark what is wrong, when the first line of the configuration says where it is: # yaml-language-server: $schema=./shopwatch.schema.json

Examples:
  shopwatch config schema > shopwatch.schema.json`
}

// Run prints it.
func (schemaCommand) Run(a *app) error {
	text, err := config.Schema(all.Markets())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s\n", text)
	return err
}
