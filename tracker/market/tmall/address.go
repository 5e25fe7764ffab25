package tmall

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// addresses are those of storefronts, for messages.
const addresses = "NAME.tmall.com, NAME.tmall.hk, NAME.taobao.com, shopNUMBER.taobao.com"

var (
	shopHost = regexp.MustCompile(`^[a-z0-9-]+\.(tmall\.com|tmall\.hk|taobao\.com)$`)
	// likelyHost is built like those of otherHosts.
	likelyHost = regexp.MustCompile(`^([a-z0-9-]+\.)(?:m|world)\.(tmall\.hk|taobao\.com)$`)
	category   = regexp.MustCompile(`^/category-\d{1,20}\.htm$`)
	itemPath   = regexp.MustCompile(`/item\.htm$|^/awp/core/detail\.htm$|^/i(\d{5,20})\.htm$|^/item/(\d{5,20})\.htm$`)
	// notShops are hosts that look like shops and are none.
	notShops = []string{"www", "login", "pass", "detail", "item", "list", "s", "err", "error", "pages", "buy", "cart", "world", "guang", "rate", "store",
		"h5api", "chaoshi", "m", "a", "h5", "shop", "click", "uland"}
)

// match reports whether an address belongs to Tmall or Taobao. Whether it is that
// of a storefront says open, and what to write instead where it is not.
func match(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	return within(host, "tmall.com", "taobao.com", "tmall.hk") || shareHost(host)
}

// domains are those of Alibaba: its shops, its pictures and scripts, and its
// login, which passes through its other sites.
var domains = []string{"tmall.com", "taobao.com", "tmall.hk", "alicdn.com", "tbcdn.cn", "alibaba.com", "1688.com", "alipay.com", "aliyun.com"}

func home(host string) bool { return within(host, domains...) }

// shareHost reports whether a host shortens links. What it leads to shows only
// when it is opened.
func shareHost(host string) bool {
	return within(host, "tb.cn", "click.taobao.com", "click.tmall.com", "uland.taobao.com")
}

func within(host string, domains ...string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) })
}

func isShop(host string) bool {
	name, _, _ := strings.Cut(host, ".")
	return shopHost.MatchString(host) && !slices.Contains(notShops, name)
}

// otherHosts are the ends of host names under which shops are found elsewhere
// than on the desktop, and where that is: the pages of a shop of Tmall name its
// mobile host, and shops lead visitors from abroad on to their foreign one
// (NOTES.md, 2.11).
var otherHosts = map[string]string{".m.tmall.com": ".tmall.com", ".world.tmall.com": ".tmall.com", ".world.taobao.com": ".taobao.com"}

// desktop returns the host under which a desktop browser finds the shop of a
// host.
func desktop(host string) string {
	for other, end := range otherHosts {
		if name, ok := strings.CutSuffix(host, other); ok {
			return name + end
		}
	}
	return host
}

// advice says why an address of Tmall or Taobao is none of a storefront, and
// what to write instead.
func advice(u *url.URL) string {
	host, q := strings.ToLower(u.Hostname()), u.Query()
	like := "; open it in a browser, go to the shop and write the address of that, which is one of " + addresses
	if shareHost(host) {
		return host + " is a share link, which does not say whose shop it leads to" + like
	}
	if itemPath.MatchString(u.Path) {
		return fmt.Sprintf("%s%s is the page of one product and no storefront%s", host, market.Clip(u.Path, 100), like)
	}
	for _, name := range []string{"shop_id", "shopId"} {
		if id := q.Get(name); itemID.MatchString(id) {
			return fmt.Sprintf("%s is no storefront that a desktop browser shows; write https://shop%s.taobao.com/, where the shop with this number is found", host, id)
		}
	}
	if m := likelyHost.FindStringSubmatch(host); m != nil && isShop(m[1]+m[2]) {
		return fmt.Sprintf("%s is no storefront that a desktop browser shows; write https://%s/ if that is the shop", host, m[1]+m[2])
	}
	return host + " is no storefront of Tmall or Taobao; those are " + addresses
}

// itemHosts are where item pages live (NOTES.md, 2.1).
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
// "…_240x240q90.jpg_.webp" (NOTES.md, 2.6).
var sized = regexp.MustCompile(`(_\d{2,4}x\d{2,4}[a-zA-Z0-9]*\.(jpg|jpeg|png|webp|gif))?(_\.webp)?$`)

// picture returns the address of a main picture in its full size, "" for a
// placeholder or anything that is no web address.
func picture(address string) string {
	address = strings.TrimSpace(address)
	if strings.HasPrefix(address, "//") {
		address = "https:" + address
	}
	u, err := url.Parse(address)
	if err != nil || len(address) > market.MaxAddress || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.HasSuffix(u.Path, "/s.gif") {
		return ""
	}
	return "https://" + u.Host + sized.ReplaceAllString(u.EscapedPath(), "")
}
