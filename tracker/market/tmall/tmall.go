// Package tmall reads storefronts of Tmall, Tmall Global and Taobao, which share
// one login and one protection, in their three layouts. What is known of them in
// the field stands in NOTES.md.
package tmall

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
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
		Name: "tmall", Title: "Tmall",
		Addresses:  addresses,
		Parser:     parser,
		Match:      match,
		Open:       func(u *url.URL, _ any) (market.Storefront, error) { return open(u) },
		Thumbnails: func(picture string) []string { return []string{picture + "_240x240.jpg"} },
		Login:      &login,
		Tab: &market.Tab{
			Script: script, Heard: "shopwatch.heard",
			Blocked: needless, Pictures: pictures,
			Calls: func(u *url.URL) bool { return listCall(u) || mtopCall(u) },
			// A refusal is short, a list is not; the React shelf exists only
			// in the answers.
			Body: func(u *url.URL, bytes int64) bool { return mtopCall(u) || bytes < 8<<10 },
			Card: card,
		},
	}
}

// pictures are the addresses of pictures; needless those of fonts, films,
// beacons and chats. None of them has a part in a list.
var (
	pictures = []string{"*://*:*/*.jpg", "*://*:*/*.jpeg", "*://*:*/*.png", "*://*:*/*.gif", "*://*:*/*.webp", "*://*:*/*.jpg_*",
		"*://*:*/*.png_*", "*://img.alicdn.com:*/*", "*://gw.alicdn.com:*/*"}
	needless = []string{"*://*:*/*.woff", "*://*:*/*.woff2", "*://*:*/*.ttf", "*://*:*/*.mp4", "*://*:*/*.m3u8",
		"*://*.mmstat.com:*/*", "*://webfontcdn.taobao.com:*/*", "*://cloud.video.taobao.com:*/*"}
)

func listCall(u *url.URL) bool { return strings.HasPrefix(u.Path, "/i/asynSearch.htm") }

func mtopCall(u *url.URL) bool { return strings.HasPrefix(u.Path, "/h5/mtop.taobao.shop.simple.") }

// card is the expression by which the page script shows the card of a product.
func card(p *tracker.Product, picture []byte) string {
	args, err := json.Marshal([]string{string(p.ID), p.Title, base64.StdEncoding.EncodeToString(picture)})
	if err != nil {
		panic(err) // strings can be written
	}
	return fmt.Sprintf("shopwatch.card(...%s)", args)
}

// A storefront is a shop, one of its categories, or its React front.
type storefront struct {
	entries []string
	global  bool // it is one of Tmall Global
}

// open reads the address of a storefront. An order that is stable while pages
// are turned keeps products from slipping between them (NOTES.md, 2.8).
func open(u *url.URL) (*storefront, error) {
	host := desktop(strings.ToLower(u.Hostname()))
	if !isShop(host) {
		return nil, errors.New(advice(u))
	}
	s := &storefront{global: strings.HasSuffix(host, ".tmall.hk")}
	classic := func(path string) string {
		return "https://" + host + path + "?search=y&orderType=newOn_desc&viewType=grid"
	}
	react := "https://" + host + reactPath
	switch q := u.Query(); {
	case category.MatchString(u.Path):
		s.entries = []string{classic(u.Path)}
		return s, nil
	case u.Path == reactPath && !q.Has("user_number_id"):
		if id := q.Get("appUid"); id != "" {
			react += "?" + url.Values{"appUid": {id}}.Encode()
		}
		s.entries = []string{react}
		return s, nil
	}
	s.entries = []string{classic("/search.htm"), react}
	return s, nil
}

const reactPath = "/shop/view_shop.htm"

func (*storefront) Home(host string) bool { return home(host) }

func (*storefront) Transport() market.Transport { return market.InTab }

func (s *storefront) Entries() []market.Request {
	var all []market.Request
	for _, e := range s.entries {
		all = append(all, listing(e, 1, ""))
	}
	return all
}

func (*storefront) Next(read []market.Listing) (*market.Request, string) {
	if stop := market.Stop(read); stop != "" {
		return nil, stop
	}
	next := listing(read[0].Request.URL, len(read)+1, read[len(read)-1].Layout)
	return &next, ""
}

// listing is the request for page n of the list that begins at entry.
func listing(entry string, n int, layout string) market.Request {
	r := market.Request{URL: entry, Page: n, Wait: fmt.Sprintf("shopwatch.wait('list', %d, ms)", n)}
	switch {
	case n == 1:
	case layout == layoutReact:
		// A shelf is one page that grows; More scrolls it.
		r.Keep, r.Turn, r.Wait = true, "true", "shopwatch.wait('list', 1, ms)"
	default:
		r.URL, r.Turn = numbered(entry, n), fmt.Sprintf("shopwatch.turn(%d)", n)
	}
	return r
}

// numbered is the address of a classic listing page.
func numbered(entry string, n int) string {
	u, err := url.Parse(entry)
	if err != nil {
		return entry
	}
	q := u.Query()
	q.Set("pageNo", fmt.Sprint(n))
	u.RawQuery = q.Encode()
	return u.String()
}

func (*storefront) Assess(pages []market.Listing) market.Completeness { return market.Assess(pages) }

func (s *storefront) Read(a *market.Answer) (market.Reading, error) {
	p, err := decode(a)
	if err != nil {
		return market.Reading{}, err
	}
	st := state(p)
	if more := more(p, st); more != nil {
		return market.Reading{More: more}, nil
	}
	if st != nil {
		return market.Reading{State: s.told(st)}, nil
	}
	return market.Reading{Listing: parse(p)}, nil
}

func (*storefront) ItemPage(p *tracker.Product) market.Request {
	r := market.Request{URL: p.URL, Product: p.ID, Wait: "shopwatch.wait('item', 0, ms)"}
	if r.URL == "" {
		r.URL = "https://detail.tmall.com/item.htm?id=" + string(p.ID)
	}
	return r
}

func (s *storefront) ReadItem(a *market.Answer) market.ItemFinding {
	p, err := decode(a)
	if err != nil {
		return market.ItemFinding{State: tracker.PageUnknown, Reason: err.Error()}
	}
	f := judgeItem(p)
	f.Wall = s.told(f.Wall)
	return f
}

// told returns the state as this storefront tells it. The login of Tmall Global
// needs one more step.
func (s *storefront) told(st *market.State) *market.State {
	if st == nil || st.Verdict != tracker.Login || !s.global {
		return st
	}
	global := *st
	global.Reason = logInGlobal
	return &global
}
