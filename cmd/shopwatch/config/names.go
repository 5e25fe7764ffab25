package config

import (
	"os"

	"github.com/goccy/go-yaml"
)

// Names are those that a configuration gives.
type Names struct{ Storefronts, Channels, Groups []string }

// NamesIn returns the names in a configuration file, also in one that is half
// written or wants environment variables that are not set: they are for
// completing a command line. It returns none when the file cannot be read.
func NamesIn(file string) Names {
	text, err := os.ReadFile(file)
	if err != nil {
		return Names{}
	}
	type named []struct {
		Name string `yaml:"name"`
	}
	var c struct {
		Storefronts named `yaml:"storefronts"`
		Channels    named `yaml:"channels"`
		Groups      named `yaml:"groups"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return Names{}
	}
	of := func(all named) (names []string) {
		for _, n := range all {
			if nameForm.MatchString(n.Name) {
				names = append(names, n.Name)
			}
		}
		return names
	}
	return Names{of(c.Storefronts), of(c.Channels), of(c.Groups)}
}
