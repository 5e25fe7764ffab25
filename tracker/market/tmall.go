package market

import (
	_ "embed"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"shopwatch/tracker"
)

//go:embed tmall.js
var tmallScript string

// Tmall is Tmall with Taobao: one house with one login and one guard, and
// three layouts of a storefront. Its facts are in tmall.md.
func Tmall() *Market {
	return &Market{
		Name:       "tmall",
		Hosts:      "NAME.tmall.com, NAME.taobao.com, shopNUMBER.taobao.com",
		Storefront: tmallStorefront,
		Script:     tmallScript,
		Blocked:    needless,
		Pictures:   pictures,
		Calls:      func(u *url.URL) bool { return listCall(u) || mtopCall(u) },
		// A refusal is short, a list is not; the React shelf exists only in
		// the answers.
		Body:    func(u *url.URL, bytes int64) bool { return mtopCall(u) || bytes < 8<<10 },
		States:  tmallStates,
		Parse:   parseTmall,
		Item:    judgeItem,
		ItemURL: func(id tracker.ProductID) string { return "https://detail.tmall.com/item.htm?id=" + string(id) },
		Login:   tmallLogin,
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

var (
	shopHost = regexp.MustCompile(`^[a-z0-9-]+\.(tmall|taobao)\.com$`)
	category = regexp.MustCompile(`^/category-\d{1,20}\.htm$`)
	// notShops are hosts of the house that are no shops.
	notShops = []string{"www", "login", "detail", "item", "list", "s", "err", "error", "pages", "buy", "cart", "world", "guang", "rate", "store", "err", "h5api", "chaoshi"}
)

// tmallStorefront reads the address of a shop, of one of its categories, or of
// its React front. An order that is stable while pages are turned keeps
// products from slipping between them (tmall.md, section 2.8).
func tmallStorefront(u *url.URL) (Address, bool) {
	host := strings.ToLower(u.Hostname())
	name, _, _ := strings.Cut(host, ".")
	if !shopHost.MatchString(host) || slices.Contains(notShops, name) {
		return Address{}, false
	}
	classic := func(path string) string {
		return "https://" + host + path + "?search=y&orderType=newOn_desc&viewType=grid"
	}
	react := "https://" + host + "/shop/view_shop.htm"
	switch {
	case category.MatchString(u.Path):
		return Address{Listings: []string{classic(u.Path)}}, true
	case u.Path == "/shop/view_shop.htm":
		if id := u.Query().Get("appUid"); id != "" {
			react += "?" + url.Values{"appUid": {id}}.Encode()
		}
		return Address{Listings: []string{react}}, true
	}
	return Address{Listings: []string{classic("/search.htm"), react}}, true
}

// itemHosts are where item pages live (tmall.md, section 2.1).
var itemHosts = []string{"detail.tmall.com", "item.taobao.com", "detail.tmall.hk", "chaoshi.detail.tmall.com"}

var itemID = regexp.MustCompile(`^[1-9]\d{4,19}$`)

// itemAddress reads the link of a product: its number, and the address of its
// page, which is built from the number alone. A link is written by the page and
// may hold anything.
func itemAddress(link string) (tracker.ProductID, string, bool) {
	u, err := url.Parse(link)
	if err != nil {
		return "", "", false
	}
	id := u.Query().Get("id")
	if !itemID.MatchString(id) {
		return "", "", false
	}
	host, path := u.Hostname(), "/item.htm"
	switch {
	case !slices.Contains(itemHosts, host):
		host = "detail.tmall.com"
	case host == "detail.tmall.hk" && u.Path == "/hk/item.htm":
		path = u.Path
	}
	return tracker.ProductID(id), "https://" + host + path + "?id=" + id, true
}

// sized is the size suffix of a picture address: "…_180x180.jpg",
// "…_240x240q90.jpg_.webp" (tmall.md, section 2.6).
var sized = regexp.MustCompile(`(_\d{2,4}x\d{2,4}[a-zA-Z0-9]*\.(jpg|jpeg|png|webp|gif))?(_\.webp)?$`)

// picture returns the address of a main picture in its full size, "" for a
// placeholder or anything that is no web address.
func picture(address string) string {
	address = strings.TrimSpace(address)
	if strings.HasPrefix(address, "//") {
		address = "https:" + address
	}
	u, err := url.Parse(address)
	if err != nil || len(address) > longestAddress || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.HasSuffix(u.Path, "/s.gif") {
		return ""
	}
	return "https://" + u.Host + sized.ReplaceAllString(u.EscapedPath(), "")
}
