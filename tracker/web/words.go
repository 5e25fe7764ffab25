package web

import "fmt"

// T puts a phrase into the language of the page. English stands in the pages
// themselves.
func (p *page) T(phrase string, args ...any) string {
	if p.Lang == "zh" {
		if z, ok := chinese[phrase]; ok {
			phrase = z
		}
	}
	if len(args) == 0 {
		return phrase
	}
	return fmt.Sprintf(phrase, args...)
}

// N puts a count into words: one for 1, else many.
func (p *page) N(one, many string, n int) string {
	if n == 1 {
		return p.T(one, n)
	}
	return p.T(many, n)
}
