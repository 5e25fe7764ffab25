// Package magento reads shops of Magento and Adobe Commerce over HTTP by their
// GraphQL API. What is known of it in the field stands in NOTES.md.
package magento

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"shopwatch/tracker/market"
)

// parser is the version of how answers are read; see market.Market.
const parser = 1

// Market returns the marketplace.
func Market() *market.Market {
	return &market.Market{
		Name: "magento", Title: "Magento",
		Addresses: "any Magento shop with marketplace: magento",
		Parser:    parser,
		Gate:      market.HostGate,
		ByName:    true,
		Options:   func() any { return &options{Robots: market.ObeyRobots, PageSize: 100} },
		Open:      func(u *url.URL, o any) (market.Storefront, error) { return open(u, *o.(*options)) },
		Recognise: recognise,
	}
}

// recognise knows a shop by what Magento adds to answers and pages.
func recognise(a *market.Answer) []market.Way {
	signs := a.Signs([]string{"X-Magento-Vary", "X-Magento-Cache-Id", "X-Magento-Cache-Debug", "X-Magento-Tags"}, []string{"Magento_", "data-mage-init", "text/x-magento-init", "mage/cookies"})
	if len(signs) == 0 {
		return nil
	}
	return []market.Way{{URL: market.Front(a.URL), Signs: signs}}
}

// options are what a storefront may choose.
type options struct {
	Robots market.Robots `json:"robots"`
	// Store is the code of a store view: a language, a country. Empty for the
	// shop's default one.
	Store string `json:"store"`
	// Currency is the code of the currency in which prices are asked for.
	// Empty for the store view's own.
	Currency string `json:"currency"`
	// PageSize is how many products are asked for at once.
	PageSize int `json:"page_size"`
	// Endpoint is the address of the API where that is not /graphql below the
	// shop's front page.
	Endpoint string `json:"endpoint"`
}

// A storefront is one store view of a shop.
type storefront struct {
	market.Robots
	options
	base     string // the front page, without a slash at the end
	endpoint string // of the API
	hosts    []string
}

var (
	storeCode    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,31}$`)
	currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)
)

func open(u *url.URL, o options) (*storefront, error) {
	if u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("%s: want the address of the shop's front page, such as https://shop.example/", u.Host)
	}
	switch {
	case o.Store != "" && !storeCode.MatchString(o.Store):
		return nil, &market.OptionError{Option: "store", Err: errors.New("want the code of a store view, such as en_SA")}
	case o.Currency != "" && !currencyCode.MatchString(o.Currency):
		return nil, &market.OptionError{Option: "currency", Err: errors.New("want a code such as EUR")}
	case o.PageSize < 10 || o.PageSize > 300:
		return nil, &market.OptionError{Option: "page_size", Err: errors.New("want 10 to 300")}
	}
	u = &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: strings.TrimRight(u.Path, "/")}
	s := &storefront{Robots: o.Robots, options: o, base: u.String(), hosts: []string{u.Hostname()}}
	s.endpoint = s.base + "/graphql"
	if o.Endpoint != "" {
		api, err := url.Parse(o.Endpoint)
		if err != nil || api.Scheme != "https" && api.Scheme != "http" || api.Hostname() == "" || api.User != nil || api.Fragment != "" {
			return nil, &market.OptionError{Option: "endpoint", Err: errors.New("want an address such as https://shop.example/graphql")}
		}
		s.endpoint = api.String()
		s.hosts = append(s.hosts, strings.ToLower(api.Hostname()))
	}
	return s, nil
}

// Home reports whether the host is the shop's or its API's, with or without www.
func (s *storefront) Home(host string) bool {
	return slices.ContainsFunc(s.hosts, func(own string) bool { return strings.TrimPrefix(host, "www.") == strings.TrimPrefix(own, "www.") })
}

func (*storefront) Transport() market.Transport { return market.OverHTTP }

// The questions (NOTES.md, 1). Without a filter or a search there is no answer,
// and every product that is sold has a price.
const (
	everything = `filter:{price:{from:"0"}}`
	fields     = `__typename uid name url_key url_suffix stock_status image{url} price_range{minimum_price{final_price{value currency}} maximum_price{final_price{value currency}}}`
	listQuery  = `query{storeConfig{store_code} products(` + everything + `,pageSize:%d,currentPage:%d){total_count page_info{current_page page_size total_pages} items{` + fields + `}}}`
	itemQuery  = `query($keys:[String]){asked:products(filter:{url_key:{in:$keys}},pageSize:20){total_count items{uid stock_status}} any:products(` + everything + `,pageSize:1){total_count items{uid url_key url_suffix}}}`
)

// question is the body of a request to the API.
type question struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

// ask is the request that asks the API.
func (s *storefront) ask(q question) market.Request {
	body, err := json.Marshal(q)
	if err != nil {
		panic(err) // texts and lists of texts
	}
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if s.Store != "" {
		h.Set("Store", s.Store)
	}
	if s.Currency != "" {
		h.Set("Content-Currency", s.Currency)
	}
	return market.Request{URL: s.endpoint, Header: h, Post: body}
}

// list asks for a page of the list.
func (s *storefront) list(page int) market.Request {
	r := s.ask(question{Query: fmt.Sprintf(listQuery, s.PageSize, page)})
	r.Page = page
	return r
}

func (s *storefront) Entries() []market.Request { return []market.Request{s.list(1)} }

func (s *storefront) Next(read []market.Listing) (*market.Request, string) {
	if stop := market.Stop(read); stop != "" {
		return nil, stop
	}
	if last := &read[len(read)-1]; last.Pages == 0 {
		return nil, "a page that does not say how many there are"
	}
	next := s.list(len(read) + 1)
	return &next, ""
}

func (s *storefront) Read(a *market.Answer) (market.Reading, error) {
	if st := s.elsewhere(a); st != nil {
		return market.Reading{State: st}, nil
	}
	if st := state(a); st != nil {
		return market.Reading{State: st}, nil
	}
	return s.readList(a)
}
