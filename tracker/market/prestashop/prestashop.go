// Package prestashop reads a category of a PrestaShop shop over HTTP, as the
// shop answers to scripts of its own pages. What is known of it in the field
// stands in NOTES.md.
package prestashop

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"shopwatch/tracker/market"
)

// parser is the version of how answers are read; see market.Market.
const parser = 1

// Market returns the marketplace.
func Market() *market.Market {
	return &market.Market{
		Name: "prestashop", Title: "PrestaShop",
		Addresses: "a category of any PrestaShop shop with marketplace: prestashop",
		Parser:    parser,
		Gate:      market.HostGate,
		ByName:    true,
		Options:   func() any { return &options{Robots: market.ObeyRobots} },
		Open:      func(u *url.URL, o any) (market.Storefront, error) { return open(u, *o.(*options)) },
		Recognise: recognise,
	}
}

// recognise knows a shop by what PrestaShop adds to answers and pages.
func recognise(a *market.Answer) []market.Way {
	signs := a.Signs([]string{"Powered-By: PrestaShop", "Set-Cookie: PrestaShop-"}, []string{"var prestashop =", `content="PrestaShop"`, "js-product-miniature"})
	if len(signs) == 0 {
		return nil
	}
	return []market.Way{{URL: a.URL, Signs: signs, Notes: []string{"a storefront is a category of the shop: name the one that shows all products, as the browser shows its address"}}}
}

// options are what a storefront may choose.
type options struct {
	Robots market.Robots `json:"robots"`
}

// A storefront is a category of a shop, or another list of its products.
type storefront struct {
	market.Robots
	page string // the address for people
	host string // with a port where it has one
}

// passing are parameters that say how somebody came to a page, or how he wants
// it shown, and not which list it is. With some of them shops answer scripts
// with a page (NOTES.md, 1).
var passing = []string{"page", "from-xhr", "resultsPerPage", "gclid", "gbraid", "wbraid", "fbclid", "msclkid", "_gl"}

func open(u *url.URL, o options) (*storefront, error) {
	if u.User != nil {
		return nil, fmt.Errorf("%s: want the address of a category without a password in it", u.Host)
	}
	var kept []string
	for _, p := range strings.Split(u.RawQuery, "&") {
		name, _, _ := strings.Cut(p, "=")
		if p != "" && !slices.Contains(passing, name) && !strings.HasPrefix(name, "utm_") {
			kept = append(kept, p)
		}
	}
	v := url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: u.Path, RawPath: u.RawPath, RawQuery: strings.Join(kept, "&")}
	if v.Path == "" {
		v.Path = "/"
	}
	return &storefront{o.Robots, v.String(), v.Host}, nil
}

// Home reports whether the host is the shop's, with or without www.
func (s *storefront) Home(host string) bool {
	own := (&url.URL{Host: s.host}).Hostname()
	return strings.TrimPrefix(host, "www.") == strings.TrimPrefix(own, "www.")
}

func (*storefront) Transport() market.Transport { return market.OverHTTP }

// list asks for a page of the list as scripts do.
func (s *storefront) list(page int) market.Request {
	mark := "?"
	if strings.Contains(s.page, "?") {
		mark = "&"
	}
	return market.Request{
		URL: fmt.Sprintf("%s%spage=%d&from-xhr", s.page, mark, page), Page: page,
		Header: http.Header{"Accept": {"application/json, text/javascript, */*; q=0.01"}, "X-Requested-With": {"XMLHttpRequest"}},
	}
}

// forPeople asks for a page as a browser does.
func forPeople(address string) market.Request {
	return market.Request{URL: address, Header: http.Header{"Accept": {"text/html"}}}
}

func (s *storefront) Entries() []market.Request { return []market.Request{s.list(1)} }

// Next asks for the page of the category for people after the first page of the
// list, which does not name its currency.
func (s *storefront) Next(read []market.Listing) (*market.Request, string) {
	lists := listsOf(read)
	if len(read) == len(lists) && !read[0].Empty {
		r := forPeople(s.page)
		r.Witness = true
		return &r, ""
	}
	if stop := market.Stop(lists); stop != "" {
		return nil, stop
	}
	if lists[len(lists)-1].Pages == 0 {
		return nil, "a page that does not say how many there are"
	}
	next := s.list(len(lists) + 1)
	return &next, ""
}

func listsOf(read []market.Listing) []market.Listing {
	return slices.DeleteFunc(slices.Clone(read), func(l market.Listing) bool { return l.Witness })
}

func (s *storefront) Read(a *market.Answer) (market.Reading, error) {
	if st := s.elsewhere(a); st != nil {
		return market.Reading{State: st}, nil
	}
	if a.Request.Witness {
		if st := market.Refusal(a); st != nil {
			return market.Reading{State: st}, nil
		}
		return market.Reading{Listing: market.Listing{Witness: true, Read: currency(currencyOf(a))}}, nil
	}
	if st := state(a); st != nil {
		return market.Reading{State: st}, nil
	}
	return s.readList(a)
}
