package market

import "errors"

// Robots says whether a storefront that is read over HTTP does as its robots.txt
// asks. Marketplaces offer it as the option robots, and their storefronts embed
// it: the scan looks for IgnoresRobots.
type Robots string

const (
	ObeyRobots   Robots = "obey" // also when empty
	IgnoreRobots Robots = "ignore"
)

// IgnoresRobots reports whether robots.txt is not even read.
func (r Robots) IgnoresRobots() bool { return r == IgnoreRobots }

// UnmarshalText reads the option.
func (r *Robots) UnmarshalText(text []byte) error {
	switch *r = Robots(text); *r {
	case ObeyRobots, IgnoreRobots:
		return nil
	}
	return errors.New("is neither obey nor ignore")
}
