package market

import (
	"net/url"
	"strings"
)

// A Way is one way to read the storefront at an address, as its marketplace
// proposes it.
type Way struct {
	URL     string   // of the storefront, for the configuration
	Options any      // as Market.Options returns them; nil for the defaults
	Signs   []string // what speaks for it, for people: "header X-Shopid"
	Notes   []string // what a person should know or add
}

// Signs are those of some headers and words by which a platform is known that an
// answer has. Headers may be given with a part of their value: "Powered-By:
// Shopify".
func (a *Answer) Signs(headers, words []string) (signs []string) {
	for _, h := range headers {
		name, part, _ := strings.Cut(h, ": ")
		if v := a.Header.Get(name); v != "" && strings.Contains(strings.ToLower(v), strings.ToLower(part)) {
			signs = append(signs, "header "+h)
		}
	}
	for _, w := range words {
		if a.Holds(w) {
			signs = append(signs, w+" on the page")
		}
	}
	return signs
}

// Front is the address of the front page of a website, "" where there is none.
func Front(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/"
}
