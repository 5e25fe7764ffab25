package config

import (
	"os"

	"github.com/goccy/go-yaml"
)

// NamesIn returns the names of storefronts and channels in a configuration
// file, also in one that is half written or wants environment variables that
// are not set: they are for completing a command line. It returns none when
// the file cannot be read.
func NamesIn(file string) (storefronts, channels []string) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil
	}
	type named []struct {
		Name string `yaml:"name"`
	}
	var c struct {
		Storefronts named `yaml:"storefronts"`
		Channels    named `yaml:"channels"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return nil, nil
	}
	of := func(all named) (names []string) {
		for _, n := range all {
			if nameForm.MatchString(n.Name) {
				names = append(names, n.Name)
			}
		}
		return names
	}
	return of(c.Storefronts), of(c.Channels)
}
