// Package tmall reads storefronts of Tmall and Taobao: one house with one login
// and one guard, and three layouts of a storefront. What is known of them in the
// field stands in NOTES.md.
package tmall

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
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
		Name: "tmall", Title: "Tmall",
		Addresses:  "NAME.tmall.com, NAME.taobao.com, shopNUMBER.taobao.com",
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

var (
	shopHost = regexp.MustCompile(`^[a-z0-9-]+\.(tmall|taobao)\.com$`)
	category = regexp.MustCompile(`^/category-\d{1,20}\.htm$`)
	// notShops are hosts of the house that are no shops.
	notShops = []string{"www", "login", "detail", "item", "list", "s", "err", "error", "pages", "buy", "cart", "world", "guang", "rate", "store", "err", "h5api", "chaoshi"}
)

func match(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	name, _, _ := strings.Cut(host, ".")
	return shopHost.MatchString(host) && !slices.Contains(notShops, name)
}

// domains are those of the house: its shops, its pictures and scripts, and its
// login, which passes through its other sites.
var domains = []string{"tmall.com", "taobao.com", "tmall.hk", "alicdn.com", "tbcdn.cn", "alibaba.com", "1688.com", "alipay.com", "aliyun.com"}

func home(host string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) })
}

// A storefront is a shop, one of its categories, or its React front.
type storefront struct {
	entries []string
}

// open reads the address of a storefront. An order that is stable while pages
// are turned keeps products from slipping between them (NOTES.md, 2.8).
func open(u *url.URL) (*storefront, error) {
	if !match(u) {
		return nil, fmt.Errorf("%s is no storefront of Tmall or Taobao; those are %s", u.Hostname(), "NAME.tmall.com, NAME.taobao.com, shopNUMBER.taobao.com")
	}
	host := strings.ToLower(u.Hostname())
	classic := func(path string) string {
		return "https://" + host + path + "?search=y&orderType=newOn_desc&viewType=grid"
	}
	react := "https://" + host + reactPath
	switch {
	case category.MatchString(u.Path):
		return &storefront{[]string{classic(u.Path)}}, nil
	case u.Path == reactPath:
		if id := u.Query().Get("appUid"); id != "" {
			react += "?" + url.Values{"appUid": {id}}.Encode()
		}
		return &storefront{[]string{react}}, nil
	}
	return &storefront{[]string{classic("/search.htm"), react}}, nil
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

func (*storefront) Read(a *market.Answer) (market.Reading, error) {
	p, err := decode(a)
	if err != nil {
		return market.Reading{}, err
	}
	st := state(p)
	if more := more(p, st); more != nil {
		return market.Reading{More: more}, nil
	}
	if st != nil {
		return market.Reading{State: st}, nil
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

func (*storefront) ReadItem(a *market.Answer) market.ItemFinding {
	p, err := decode(a)
	if err != nil {
		return market.ItemFinding{State: tracker.PageUnknown, Reason: err.Error()}
	}
	return judgeItem(p)
}
