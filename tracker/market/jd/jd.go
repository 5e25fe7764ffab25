// Package jd reads storefronts of JD: a list of two forms that a page fetches
// for itself, with prices that come later still. What is known of them in the
// field, and how sure it is, stands in NOTES.md.
package jd

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

//go:embed page.js
var script string

// Parser is the version of how pages are read; see market.Market.
const parser = 1

// Market returns the marketplace.
func Market() *market.Market {
	return &market.Market{
		Name: "jd", Title: "JD",
		Addresses: addresses,
		Parser:    parser,
		Match:     match,
		Open:      func(u *url.URL, _ any) (market.Storefront, error) { return open(u) },
		Login:     &login,
		Tab: &market.Tab{
			Script: script, Heard: "shopwatch.heard",
			Blocked: needless, Pictures: pictures,
			Calls: listCall,
			Card:  card,
		},
	}
}

// pictures are the addresses of pictures; needless those of fonts, films and
// beacons. None of them has a part in a list.
var (
	pictures = []string{"*://*:*/*.jpg", "*://*:*/*.jpeg", "*://*:*/*.png", "*://*:*/*.gif", "*://*:*/*.webp", "*://*:*/*.avif", "*://*:*/*.jpg!*", "*://*:*/*.png!*",
		"*://*.360buyimg.com:*/n*/jfs/*"}
	needless = []string{"*://*:*/*.woff", "*://*:*/*.woff2", "*://*:*/*.ttf", "*://*:*/*.mp4", "*://*:*/*.m3u8", "*://mercury.jd.com:*/*"}
)

// listCall picks the calls of a page for its modules, of which one is the list.
func listCall(u *url.URL) bool {
	return ours(u.Hostname()) && (strings.HasSuffix(u.Path, "/getModuleHtml.html") || strings.HasSuffix(u.Path, "/allGoods/goods.html"))
}

// card is the expression by which the page script shows the card of a product.
func card(p *tracker.Product, picture []byte) string {
	args, err := json.Marshal([]string{string(p.ID), base64.StdEncoding.EncodeToString(picture)})
	if err != nil {
		panic(err) // strings can be written
	}
	return fmt.Sprintf("shopwatch.card(...%s)", args)
}

// A storefront is a shop, or one of its categories.
type storefront struct {
	entry market.Request // for its list, or for its home page, which is page 0
}

func homePage(address string) market.Request {
	return market.Request{URL: address, Wait: "shopwatch.wait('home', ms)"}
}

// listing is the request for page n of a list.
func listing(address string, n int) market.Request {
	return market.Request{URL: address, Page: n, Wait: "shopwatch.wait('list', ms)"}
}

func (*storefront) Home(host string) bool { return home(host) }

func (*storefront) Transport() market.Transport { return market.InTab }

func (s *storefront) Entries() []market.Request { return []market.Request{s.entry} }

func (*storefront) Next(read []market.Listing) (*market.Request, string) {
	if s, ok := read[len(read)-1].Read.(*shopNumbers); ok { // the home page
		next := listing(wholeList(s), 1)
		return &next, ""
	}
	lists := slices.DeleteFunc(slices.Clone(read), func(l market.Listing) bool { return l.Witness })
	if stop := market.Stop(lists); stop != "" {
		return nil, stop
	}
	address, ok := numbered(lists[0].Request.URL, len(lists)+1)
	if !ok {
		return nil, "no address of a further page"
	}
	next := listing(address, len(lists)+1)
	return &next, ""
}

func (*storefront) Assess(pages []market.Listing) market.Completeness { return market.Assess(pages) }

func (*storefront) Read(a *market.Answer) (market.Reading, error) {
	p, err := decode(a)
	if err != nil {
		return market.Reading{}, err
	}
	if st := state(p); st != nil {
		return market.Reading{State: st}, nil
	}
	if p.wanted == 0 {
		s := p.Shop
		return market.Reading{Listing: market.Listing{Witness: true, Read: &s, Seller: p.seller()}}, nil
	}
	return market.Reading{Listing: parse(p)}, nil
}

func (*storefront) ItemPage(p *tracker.Product) market.Request {
	return market.Request{URL: itemAddress(string(p.ID)), Product: p.ID, Wait: "shopwatch.wait('item', ms)"}
}

func (*storefront) ReadItem(a *market.Answer) market.ItemFinding {
	p, err := decode(a)
	if err != nil {
		return market.ItemFinding{State: tracker.PageUnknown, Reason: err.Error()}
	}
	return judgeItem(p)
}
