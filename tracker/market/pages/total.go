package pages

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// total reads how many products the page declares; 0 when it is not to say, or
// says that there are none.
func (s *storefront) total(d *document) (int, error) {
	r := s.rules
	if r.total == nil {
		return 0, nil
	}
	n := r.total.findShown(d.root)
	if n == nil {
		return 0, fmt.Errorf("the page does not say how many products there are: nothing matches list.total.css (%s)", r.total.text)
	}
	text := words(n, 500)
	at := count.FindStringIndex(text)
	if r.match != nil {
		if m := r.match.FindStringSubmatchIndex(text); m != nil && m[2] >= 0 {
			at = m[2:4]
		} else {
			return 0, fmt.Errorf("the number of products cannot be read: list.total.match does not match %.80q", text)
		}
	}
	if at == nil {
		return 0, fmt.Errorf("the number of products cannot be read in %.80q", text)
	}
	number := strings.TrimSpace(text[at[0]:at[1]])
	if strings.HasSuffix(number, "+") || openEnds.MatchString(text[at[1]:]) {
		return 0, fmt.Errorf("the page says that there are more than so many products: %.80q", text)
	}
	total, ok := wholeNumber(number)
	if !ok {
		return 0, fmt.Errorf("%.40q is no number of products", number)
	}
	return total, nil
}

var (
	// count is a number of products as pages write it. What follows may say
	// that there are more.
	count    = regexp.MustCompile(`\p{Nd}[\p{Nd}.,'’ \x{a0}\x{202f}\x{2009}]*`)
	openEnds = regexp.MustCompile(`^\s*\+`)
)

// maxTotal is more than any list that is read has.
const maxTotal = 10_000_000

// wholeNumber reads a number with marks between its thousands or without, in any
// digits.
func wholeNumber(s string) (int, bool) {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '٠' && r <= '٩':
			return r - '٠' + '0'
		case r >= '۰' && r <= '۹':
			return r - '۰' + '0'
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		}
		return r
	}, strings.TrimRight(strings.TrimSpace(s), ".,'’"))
	groups := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(".,'’ \u00a0\u202f\u2009", r) })
	for i, g := range groups {
		if i > 0 && len(g) != 3 && (i == len(groups)-1 || len(g) != 2) || i == 0 && len(groups) > 1 && len(g) > 3 {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(strings.Join(groups, ""), 10, 31)
	return int(n), err == nil && n <= maxTotal
}
