// Package woocommerce reads WooCommerce shops over HTTP by their Store API, which
// every such shop has for its own pages. What is known of it in the field stands
// in NOTES.md.
package woocommerce

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"shopwatch/tracker/market"
)

// parser is the version of how answers are read; see market.Market.
const parser = 1

// Market returns the marketplace.
func Market() *market.Market {
	return &market.Market{
		Name: "woocommerce", Title: "WooCommerce",
		Addresses: "any WooCommerce shop with marketplace: woocommerce",
		Parser:    parser,
		Gate:      market.HostGate,
		ByName:    true,
		Options:   func() any { return &options{Robots: market.ObeyRobots} },
		Open:      func(u *url.URL, o any) (market.Storefront, error) { return open(u, *o.(*options)) },
		Recognise: recognise,
	}
}

// api is where WordPress says that its API is, in a header or in the page.
var api = regexp.MustCompile(`<?["']?(https?://[^"'<> ]+?)/(?:wp-json/?|\?rest_route=/?)["']?>?; rel="https://api\.w\.org/"|rel=["']https://api\.w\.org/["'] href=["'](https?://[^"'<> ]+?)/(?:wp-json|\?rest_route=)`)

// recognise knows a shop by the API of WordPress, which says where the shop is,
// and by what WooCommerce adds to pages.
func recognise(a *market.Answer) []market.Way {
	signs := a.Signs([]string{"Link: /wp-json/wc/store"}, []string{"/plugins/woocommerce/", "woocommerce-page", "woocommerce-no-js", "WooCommerce", "wc-blocks"})
	if len(signs) == 0 {
		return nil
	}
	w := market.Way{URL: market.Front(a.URL), Signs: signs}
	m := api.FindStringSubmatch(a.Header.Get("Link"))
	if m == nil {
		m = api.FindStringSubmatch(string(a.Body[:min(len(a.Body), 64<<10)]))
	}
	if m != nil {
		// WordPress may live in a folder; on another host it is no shop here.
		if base := m[1] + m[2] + "/"; market.Front(base) == market.Front(a.URL) {
			w.URL, w.Signs = base, append(w.Signs, "the API of WordPress")
		}
	}
	return []market.Way{w}
}

// options are what a storefront may choose.
type options struct {
	Robots market.Robots `json:"robots"`
}

// A storefront is one shop.
type storefront struct {
	market.Robots
	base string // its front page, without a slash at the end
	host string // with a port where it has one
}

func open(u *url.URL, o options) (*storefront, error) {
	if u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("%s: want the address of the shop's front page, such as https://shop.example/", u.Host)
	}
	host := strings.ToLower(u.Host)
	return &storefront{o.Robots, u.Scheme + "://" + host + strings.TrimRight(u.EscapedPath(), "/"), host}, nil
}

// Home reports whether the host is the shop's, with or without www.
func (s *storefront) Home(host string) bool {
	own := (&url.URL{Host: s.host}).Hostname()
	return strings.TrimPrefix(host, "www.") == strings.TrimPrefix(own, "www.")
}

func (*storefront) Transport() market.Transport { return market.OverHTTP }

// The Store API with its version and as it was before it had one (NOTES.md, 1).
var routes = []string{"/wc/store/v1/products", "/wc/store/products"}

// at is the front page at a host of the shop, without a slash at the end.
func (s *storefront) at(host string) string { return strings.Replace(s.base, s.host, host, 1) }

// endpoints are the addresses at which the products may be found at a host, in
// the order in which they are tried.
func (s *storefront) endpoints(host string) []string {
	base := s.at(host)
	return []string{base + "/wp-json" + routes[0], base + "/wp-json" + routes[1], base + "/?rest_route=" + routes[0]}
}

// endpointOf returns the endpoint of an address, "" when it has none.
func endpointOf(address string) string {
	for _, r := range routes {
		if i := strings.Index(address, r); i >= 0 {
			return address[:i+len(r)]
		}
	}
	return ""
}

// nextEndpoint returns what is tried after an endpoint that is not there, ""
// after the last.
func (s *storefront) nextEndpoint(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	all := s.endpoints(u.Host)
	if i := slices.Index(all, endpoint); i >= 0 && i+1 < len(all) {
		return all[i+1]
	}
	return ""
}

// pageSize is the greatest that the API allows.
const pageSize = 100

// A query says how the list is asked for.
type query struct {
	endpoint string
	page     int
	sized    bool // by pages of pageSize; else by those that the shop chooses
	byID     bool // in the order of numbers; else in that of dates
}

// queryOf reads a query from the address of a request.
func queryOf(r *market.Request) query {
	return query{endpointOf(r.URL), r.Page, strings.Contains(r.URL, "per_page="), strings.Contains(r.URL, "orderby=")}
}

// request asks for a page of the list in an order in which new products come
// last, so that nothing shifts between pages (NOTES.md, 1).
func (q query) request() market.Request {
	params := fmt.Sprintf("page=%d&order=asc&catalog_visibility=catalog", q.page)
	if q.byID {
		params += "&orderby=id"
	}
	if q.sized {
		params += "&per_page=" + strconv.Itoa(pageSize)
	}
	return market.Request{URL: q.endpoint + mark(q.endpoint) + params, Header: acceptJSON(), Page: q.page}
}

// mark is what stands before the parameters of an address.
func mark(address string) string {
	if strings.Contains(address, "?") {
		return "&"
	}
	return "?"
}

func acceptJSON() http.Header { return http.Header{"Accept": {"application/json"}} }

// Entries ask for the list in the order of numbers, and where robots.txt wants
// sorted lists left alone in that of dates.
func (s *storefront) Entries() []market.Request {
	q := query{endpoint: s.endpoints(s.host)[0], page: 1, sized: true, byID: true}
	other := q
	other.byID = false
	return []market.Request{q.request(), other.request()}
}

// mostInstead is how many answers of one pass may lead to another address of the
// list. All ways to it together are fewer.
const mostInstead = 12

// circles reports whether the answers lead from one address of the list to
// another without end.
func circles(read []market.Listing) bool {
	n := 0
	for i := range read {
		if _, ok := read[i].Read.(*market.Request); ok {
			n++
		}
	}
	return n > mostInstead
}

func (*storefront) Next(read []market.Listing) (*market.Request, string) {
	last := &read[len(read)-1]
	if instead, ok := last.Read.(*market.Request); ok {
		if circles(read) {
			return nil, "redirects in circles"
		}
		return instead, ""
	}
	p := last.Read.(*page)
	switch {
	case last.Empty:
		return nil, "no products"
	case last.Last:
		return nil, "last page"
	case last.Cells == 0:
		return nil, "empty page"
	case !p.declared && len(last.Problems) > 0:
		return nil, "a page without totals that proves nothing"
	}
	q := queryOf(&last.Request)
	q.endpoint, q.page = p.endpoint, last.Page+1
	next := q.request()
	return &next, ""
}

func (s *storefront) Read(a *market.Answer) (market.Reading, error) {
	if st := s.elsewhere(a); st != nil {
		return market.Reading{State: st}, nil
	}
	if endpointOf(a.Request.URL) == "" {
		return s.readHome(a), nil
	}
	if instead := s.instead(a); instead != nil {
		return market.Reading{Listing: market.Listing{Witness: true, Read: instead}}, nil
	}
	if st := state(a); st != nil {
		return market.Reading{State: st}, nil
	}
	return readList(a)
}

// readHome reads the front page, which is asked for when the API was not where
// it usually is.
func (s *storefront) readHome(a *market.Answer) market.Reading {
	if st := market.Refusal(a); st != nil {
		return market.Reading{State: st}
	}
	endpoint := s.found(a)
	if endpoint == "" {
		return market.Reading{State: &noAPI}
	}
	r := query{endpoint, 1, true, true}.request()
	return market.Reading{Listing: market.Listing{Witness: true, Read: &r}}
}

// instead returns what to ask for instead of a first page that did not come, nil
// when the answer is to be taken as it is.
func (s *storefront) instead(a *market.Answer) *market.Request {
	q := queryOf(&a.Request)
	refused := a.Status == http.StatusForbidden || a.Status == http.StatusBadRequest
	switch moved := s.moved(a); {
	case moved != "":
		q.endpoint = moved
	case q.page > 1 || market.Challenged(a):
		return nil
	case q.sized && refused:
		q.sized = false
	case noRoute(a):
		if q.endpoint = s.nextEndpoint(q.endpoint); q.endpoint == "" {
			return s.home(a)
		}
	default:
		return nil
	}
	r := q.request()
	return &r
}

// moved returns the endpoint at another host of the shop to which a redirect led
// without the question, "" when none did.
func (s *storefront) moved(a *market.Answer) string {
	asked, err := url.Parse(a.Request.URL)
	if err != nil {
		return ""
	}
	u, err := url.Parse(a.URL)
	if err != nil || !s.Home(u.Hostname()) || u.Host == asked.Host || u.Path != asked.Path || u.Query().Get("page") == asked.Query().Get("page") {
		return ""
	}
	asked.Scheme, asked.Host = u.Scheme, u.Host
	return endpointOf(asked.String())
}

// home is the request for the front page, which says where the API is; nil when
// what was asked for is what the front page said.
func (s *storefront) home(a *market.Answer) *market.Request {
	u, err := url.Parse(a.Request.URL)
	if err != nil || !slices.Contains(s.endpoints(u.Host), endpointOf(a.Request.URL)) {
		return nil
	}
	return &market.Request{URL: s.at(u.Host) + "/", Header: http.Header{"Accept": {"text/html"}}, Product: a.Request.Product}
}

// link is how a page of WordPress says where its API is.
var link = regexp.MustCompile(`(?i)<link\s[^>]*\brel=["']?https://api\.w\.org/["']?[^>]*>`)

var href = regexp.MustCompile(`(?i)\shref=(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`)

// found returns the endpoint that the front page names, "" when it names none
// that was not tried before.
func (s *storefront) found(a *market.Answer) string {
	tag := link.Find(a.Body[:min(len(a.Body), 256<<10)])
	m := href.FindSubmatch(tag)
	if a.Status != http.StatusOK || m == nil {
		return ""
	}
	root := html.UnescapeString(string(slices.Concat(m[1], m[2], m[3])))
	u, err := url.Parse(root)
	if err != nil || !s.Home(u.Hostname()) || u.Scheme != "https" && !strings.HasPrefix(s.base, u.Scheme+":") || len(root) > market.MaxAddress {
		return ""
	}
	endpoint := strings.TrimSuffix(root, "/") + routes[0]
	if slices.Contains(s.endpoints(u.Host), endpoint) {
		return ""
	}
	return endpoint
}
