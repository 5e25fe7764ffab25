package tracker

import (
	"errors"
	"fmt"
	"regexp"
)

// A Pattern picks products: by a regular expression that their titles match, or
// one product by its number. The zero value picks none. It is written as its
// text.
type Pattern struct{ re *regexp.Regexp }

// ParsePattern compiles a pattern.
func ParsePattern(text string) (Pattern, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return Pattern{}, fmt.Errorf("is not a regular expression: %w", err)
	}
	if re.MatchString("") {
		return Pattern{}, errors.New("matches every title; write a part of a title, several with | between")
	}
	return Pattern{re}, nil
}

// Picks reports whether the pattern picks a product.
func (p Pattern) Picks(product *Product) bool {
	return p.re != nil && (p.re.MatchString(product.Title) || p.re.String() == string(product.ID))
}

// String returns the text of the pattern.
func (p Pattern) String() string {
	if p.re == nil {
		return ""
	}
	return p.re.String()
}

// MarshalText writes the pattern for configurations and JSON.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a pattern.
func (p *Pattern) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePattern(string(text))
	return err
}

// Patterns pick what one of them picks.
type Patterns []Pattern

// Picks returns the first pattern that picks a product, in text; "" for none.
func (ps Patterns) Picks(product *Product) string {
	for _, p := range ps {
		if p.Picks(product) {
			return p.String()
		}
	}
	return ""
}
