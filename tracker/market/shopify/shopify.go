// Package shopify reads Shopify shops over HTTP by the feed of products that every
// shop has unless its owner closes it. What is known of it in the field stands in
// NOTES.md.
package shopify

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"shopwatch/tracker/market"
)

// parser is the version of how answers are read; see market.Market.
const parser = 1

// Market returns the marketplace.
func Market() *market.Market {
	return &market.Market{
		Name: "shopify", Title: "Shopify",
		Addresses:  "NAME.myshopify.com",
		Parser:     parser,
		Gate:       market.HostGate,
		ByName:     true,
		Match:      func(u *url.URL) bool { return onPlatform(u.Hostname()) },
		Options:    func() any { return &options{List: listFeed, Sitemap: compareSitemap, Robots: market.ObeyRobots} },
		Open:       func(u *url.URL, o any) (market.Storefront, error) { return open(u, *o.(*options)) },
		Recognise:  recognise,
		Thumbnails: func(picture string) []string { return []string{picture + "?width=240"} },
	}
}

// recognise knows a shop by what Shopify adds to all answers and pages.
func recognise(a *market.Answer) []market.Way {
	signs := a.Signs([]string{"X-Shopid", "X-Shopify-Stage", "Powered-By: Shopify"}, []string{"cdn.shopify.com", "Shopify.theme", "/cdn/shop/"})
	if len(signs) == 0 {
		return nil
	}
	w := market.Way{URL: market.Front(a.URL), Signs: signs}
	if u, err := url.Parse(a.URL); err == nil && address.MatchString(u.EscapedPath()) {
		w.URL = u.Scheme + "://" + u.Host + u.EscapedPath() // of a collection, or a language
	}
	return []market.Way{w}
}

// options are what a storefront may choose.
type options struct {
	// Country is the market whose products and prices are read, as two
	// letters; the shop's own when empty.
	Country string `json:"country"`
	// List says where the list comes from: the feed, or the sitemap of a shop
	// that has closed its feed.
	List string `json:"list"`
	// Sitemap says whether the list is compared with the sitemap, or that is
	// ignored: it also has what is not for sale in the country.
	Sitemap string        `json:"sitemap"`
	Robots  market.Robots `json:"robots"`
}

const (
	listFeed       = "feed"
	listSitemap    = "sitemap"
	compareSitemap = "compare"
	ignoreSitemap  = "ignore"
)

// A storefront is a shop, or one of its collections.
type storefront struct {
	market.Robots
	host       string // with a port where it has one
	scheme     string
	folder     string // of a language or market: "/en-de"; empty for none
	collection string // its handle; empty for the whole shop
	country    string // empty for the shop's own
	sitemap    bool   // the sitemap is the list
	alone      bool   // the sitemap is not compared with the list
}

// onPlatform reports whether a host is the one that a shop has at Shopify itself,
// which leads to its own.
func onPlatform(host string) bool {
	return strings.HasSuffix(strings.ToLower(host), ".myshopify.com")
}

var (
	country = regexp.MustCompile(`^[A-Za-z]{2}$`)
	// address is the path of a storefront: a folder, a collection, both or none.
	address = regexp.MustCompile(`^(/[a-z]{2}(?:-[A-Za-z]{2,4})?)?(?:/collections/([^/]+))?/?$`)
)

func open(u *url.URL, o options) (*storefront, error) {
	m := address.FindStringSubmatch(u.EscapedPath())
	if m == nil || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("%s: want the address of the shop's front page or of a collection, such as https://shop.example/ or https://shop.example/collections/lamps; write the market as options: {country: DE}", u.Host)
	}
	if o.Country != "" && !country.MatchString(o.Country) {
		return nil, &market.OptionError{Option: "country", Err: errors.New("want two letters, such as DE")}
	}
	if o.List != listFeed && o.List != listSitemap {
		return nil, &market.OptionError{Option: "list", Err: errors.New("want feed or sitemap")}
	}
	if o.Sitemap != compareSitemap && o.Sitemap != ignoreSitemap {
		return nil, &market.OptionError{Option: "sitemap", Err: errors.New("want compare or ignore")}
	}
	s := &storefront{
		Robots: o.Robots, host: strings.ToLower(u.Host), scheme: u.Scheme, folder: m[1], collection: m[2],
		country: strings.ToUpper(o.Country), sitemap: o.List == listSitemap,
		alone: o.Sitemap == ignoreSitemap,
	}
	if s.collection == "all" { // which every shop has, and which is no selection
		s.collection = ""
	}
	if s.sitemap && s.collection != "" {
		return nil, &market.OptionError{Option: "list", Err: errors.New("a sitemap lists the whole shop, not a collection")}
	}
	return s, nil
}

// Home reports whether the host is the shop's, with or without www.
func (s *storefront) Home(host string) bool {
	return bare(host) == bare((&url.URL{Host: s.host}).Hostname())
}

func bare(host string) string { return strings.TrimPrefix(strings.ToLower(host), "www.") }

func (*storefront) Transport() market.Transport { return market.OverHTTP }

// request asks for an address of the shop in a market, which is pinned in two
// ways because shops follow one or the other (NOTES.md, 3).
func (s *storefront) request(base, path, country string) market.Request {
	r := market.Request{URL: base + path, Header: http.Header{"Accept": {"application/json"}}}
	if country != "" {
		r.URL += mark(path) + "country=" + country
		r.Header.Set("Cookie", "localization="+country)
	}
	return r
}

// mark is what stands before a further parameter of an address.
func mark(address string) string {
	if strings.Contains(address, "?") {
		return "&"
	}
	return "?"
}

// witness asks for an answer that judges the list.
func (s *storefront) witness(base, path, country string) *market.Request {
	r := s.request(base, path, country)
	r.Witness = true
	return &r
}

// feedSize is the most that Shopify lists on a page, usualSize what it lists when
// nobody asks for a number.
const (
	feedSize  = 250
	usualSize = 30
	mostPages = 25_000 / feedSize // further ones are refused
)

// feed asks for page n of the feed.
func (s *storefront) feed(base, country string, n int) market.Request {
	path := s.folder
	if s.collection != "" {
		path += "/collections/" + s.collection
	}
	r := s.request(base, fmt.Sprintf("%s/products.json?limit=%d&page=%d", path, feedSize, n), country)
	r.Page = n
	return r
}

// Entries begin with what the shop says of itself: its own market is pinned when
// the user names none.
func (s *storefront) Entries() []market.Request {
	return []market.Request{*s.witness(s.scheme+"://"+s.host, "/meta.json", "")}
}

// A kind is what is asked for.
type kind int

const (
	other     kind = iota
	metaData       // what the shop says of itself
	cartData       // the cart, which names the currency of the visit
	itemData       // a product, which names the currency of its price
	shelfData      // the collection, which says how many products it has
	feedPage
	secondLook // the first page again
	mapIndex   // the sitemap
	mapFile    // one of its files of products
	itemPage   // a product of the sitemap
)

// kindOf reads what was asked for from the request.
func kindOf(r *market.Request) kind {
	u, err := url.Parse(r.URL)
	if err != nil {
		return other
	}
	path := u.Path
	switch {
	case strings.HasSuffix(path, "/meta.json"):
		return metaData
	case strings.HasSuffix(path, "/cart.js"):
		return cartData
	case strings.HasSuffix(path, "/products.json") && r.Witness:
		return secondLook
	case strings.HasSuffix(path, "/products.json"):
		return feedPage
	case strings.HasSuffix(path, "/sitemap.xml"):
		return mapIndex
	case strings.Contains(path, "/sitemap_products_"):
		return mapFile
	case strings.Contains(path, "/products/") && strings.HasSuffix(path, ".js"):
		return itemPage
	case strings.Contains(path, "/products/") && strings.HasSuffix(path, ".json"):
		return itemData
	case strings.Contains(path, "/collections/") && strings.HasSuffix(path, ".json"):
		return shelfData
	}
	return other
}
