// Package pages reads storefronts of any website by selectors that the user
// names, in a browser or over HTTP. What is known of such sites stands in
// NOTES.md.
package pages

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"

	"golang.org/x/net/publicsuffix"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

//go:embed page.js
var script string

// parser is the version of how pages are read; see market.Market.
const parser = 1

// Market returns the marketplace.
func Market() *market.Market {
	return &market.Market{
		Name: "pages", Title: "a website", Addresses: "any address, with marketplace: pages", Parser: parser,
		Gate:    market.HostGate,
		ByName:  true,
		Options: func() any { return &Options{Robots: market.ObeyRobots} },
		Open: func(u *url.URL, options any) (market.Storefront, error) {
			return open(u, options.(*Options))
		},
		Recognise: recognise,
		Tab:       &market.Tab{Script: script, Show: "shopwatch.show(ms)", Blocked: needless, Pictures: pictures, Card: card},
	}
}

// pictures are the addresses of pictures; needless those of fonts and films.
// Neither has a part in a list.
var (
	pictures = []string{"*://*:*/*.jpg", "*://*:*/*.jpeg", "*://*:*/*.png", "*://*:*/*.gif", "*://*:*/*.webp", "*://*:*/*.avif"}
	needless = []string{"*://*:*/*.woff", "*://*:*/*.woff2", "*://*:*/*.ttf", "*://*:*/*.otf", "*://*:*/*.mp4", "*://*:*/*.webm", "*://*:*/*.m3u8"}
)

// card is the expression by which the page script shows the card of a product.
func card(p *tracker.Product, picture []byte) string {
	args, err := json.Marshal([]string{p.URL, p.Title, base64.StdEncoding.EncodeToString(picture)})
	if err != nil {
		panic(err) // strings can be written
	}
	return fmt.Sprintf("shopwatch.card(...%s)", args)
}

// A storefront is the list of one website.
type storefront struct {
	market.Robots
	address *url.URL
	rules   *rules
	script  string // the rules as the page script takes them
}

// What is asked for, in market.Request.Kind.
const (
	kindList    = "list"
	kindBeyond  = "page beyond" // the total: there should be none
	kindLook    = "second look" // at the first page
	kindRobots  = "robots.txt"
	kindSitemap = "sitemap"
	kindItem    = "item"
)

func open(u *url.URL, o *Options) (*storefront, error) {
	r, err := compile(*o, u)
	if err != nil {
		return nil, err
	}
	s := &storefront{Robots: o.Robots, address: u, rules: r}
	s.address.Fragment = ""
	if s.script, err = r.forScript(); err != nil {
		return nil, err
	}
	return s, nil
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

func (s *storefront) Home(host string) bool { return bareHost(host) == bareHost(s.address.Hostname()) }

func (s *storefront) Transport() market.Transport {
	if s.rules.http {
		return market.OverHTTP
	}
	return market.InTab
}

// sameSite reports whether addresses belong to one registered name.
func sameSite(a, b *url.URL) bool {
	if sameHost(a, b) {
		return true
	}
	x, err := publicsuffix.EffectiveTLDPlusOne(bareHost(a.Hostname()))
	y, err2 := publicsuffix.EffectiveTLDPlusOne(bareHost(b.Hostname()))
	return err == nil && err2 == nil && x == y
}

// layout names the way in which the list is read.
func (s *storefront) layout() string {
	n := &s.rules.List.Next
	way := "one page"
	switch {
	case n.Link != "":
		way = "links"
	case n.Param != "":
		way = "parameter"
	case n.Button != "" && n.Scroll:
		way = "button and scrolling"
	case n.Button != "":
		way = "button"
	case n.Scroll:
		way = "scrolling"
	}
	if s.rules.row == nil {
		way += ", " + s.rules.List.Data
	}
	return way
}

// forScript are the rules as the page script takes them.
func (r *rules) forScript() (string, error) {
	text := func(s *selector) string {
		if s == nil {
			return ""
		}
		return s.text
	}
	signOf := func(s *sign) map[string]string { return map[string]string{"css": text(s.css), "text": s.text} }
	idLink := ""
	if r.idLink != nil {
		idLink = r.idLink.String()
	}
	b, err := json.Marshal(map[string]any{
		"row": text(r.row), "within": text(r.within), "stop": text(r.stop), "link": text(r.link), "idCSS": text(r.idCSS),
		"idAttr": r.List.ID.Attr, "idLink": idLink, "keep": append([]string{}, r.List.Keep...),
		"button": text(r.button), "scroll": r.List.Next.Scroll, "ready": signOf(&r.ready), "empty": signOf(&r.empty), "end": signOf(&r.end),
		"selling": signOf(&r.selling), "gone": map[string]string{"css": text(r.gone), "text": r.Item.Gone.Text},
	})
	return string(b), err
}

// Entries is the address of the list.
func (s *storefront) Entries() []market.Request {
	return []market.Request{s.page(1, s.address.String())}
}

// page is the request for page n of the list, which stands at an address.
func (s *storefront) page(n int, address string) market.Request {
	r := market.Request{URL: address, Page: n, Kind: kindList, Header: header()}
	if s.rules.grows() {
		r.Wait = fmt.Sprintf("shopwatch.grow(%s, %d, ms)", s.script, n)
		if n > 1 {
			// A list that grows is one page; each step on it is reached
			// through those before.
			r.Keep, r.Turn = true, "true"
		}
		return r
	}
	r.Wait = fmt.Sprintf("shopwatch.list(%s, ms)", s.script)
	return r
}

// header is what is sent along over HTTP.
func header() http.Header {
	return http.Header{"Accept": {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"}}
}

// Read reads the answer to a request for the list, or for what judges it.
func (s *storefront) Read(a *market.Answer) (market.Reading, error) {
	switch a.Request.Kind {
	case kindLook:
		return s.secondLook(a)
	case kindRobots, kindSitemap:
		return s.readFile(a)
	}
	return s.list(a)
}

// ItemPage is the request for the page of a product.
func (s *storefront) ItemPage(p *tracker.Product) market.Request {
	return market.Request{URL: p.URL, Product: p.ID, Kind: kindItem, Header: header(), Wait: fmt.Sprintf("shopwatch.item(%s, ms)", s.script)}
}
