package jd

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"shopwatch/tracker/market"
)

// addresses are those of storefronts, for messages.
const addresses = "mall.jd.com/index-NUMBER.html, NAME.jd.com, mall.jd.com/view_search-….html"

var (
	shopHost  = regexp.MustCompile(`^[a-z0-9-]+\.jd\.com$`)
	indexPath = regexp.MustCompile(`^/index-[1-9]\d{0,19}\.html$`)
	// listPath is that of a list, in one of the forms of pageNumber.
	listPath = regexp.MustCompile(`^/(view|advance)_search((?:-\d{1,20}){1,12})\.html$`)
	itemPath = regexp.MustCompile(`^/(?:product/)?\d{5,20}\.html$`)
	number   = regexp.MustCompile(`^[1-9]\d{0,19}$`)
	// notShops are hosts of JD that are no shops.
	notShops = []string{"www", "item", "list", "search", "passport", "reg", "cart", "order", "home", "i", "club", "sale", "pro", "prodev", "m", "item-soa", "corporate",
		"global", "help", "jr", "a", "channel", "miaosha", "coupon", "try", "u", "p", "so", "book", "bean", "vip", "b", "trade", "plus", "qr", "mercury", "module-jshop"}
)

// match reports whether an address belongs to JD. Whether it is that of a
// storefront says open.
func match(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	return ours(host) || host == "3.cn"
}

// ours reports whether a host is one of JD's sites.
func ours(host string) bool { return host == "jd.com" || strings.HasSuffix(host, ".jd.com") }

// domains are those of JD: its sites, its prices and share links, and
// its pictures and scripts.
var domains = []string{"jd.com", "jd.hk", "3.cn", "360buyimg.com"}

func home(host string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) })
}

// pageNumber returns where in the numbers of a list's address that of the page
// stands, counted from 0; -1 when it has none (NOTES.md, addresses).
func pageNumber(kind string, numbers int) (at int, ok bool) {
	switch {
	case kind == "view" && numbers == 1:
		return -1, true
	case kind == "view" && numbers == 6:
		return 5, true
	case kind == "view" && numbers == 10:
		return 8, true
	case kind == "advance" && numbers == 9:
		return 7, true
	}
	return 0, false
}

// numbered is the address of page n of a list, and false for what is the
// address of none.
func numbered(address string, n int) (string, bool) {
	u, err := url.Parse(address)
	if err != nil {
		return "", false
	}
	m := listPath.FindStringSubmatch(u.Path)
	if m == nil {
		return "", false
	}
	numbers := strings.Split(m[2][1:], "-")
	at, ok := pageNumber(m[1], len(numbers))
	switch {
	case !ok:
		return "", false
	case at < 0:
		// What follows the number of the shop's pages: all categories, JD's own
		// order, 24 on a page.
		numbers, at = append(numbers, "0", "99", "1", "24", "1"), 5
	}
	numbers[at] = strconv.Itoa(n)
	return "https://" + strings.ToLower(u.Hostname()) + "/" + m[1] + "_search-" + strings.Join(numbers, "-") + ".html", true
}

// pageOf is the number of the page to which an address leads, 0 when it does
// not say.
func pageOf(address string) int {
	u, err := url.Parse(address)
	if err != nil {
		return 0
	}
	m := listPath.FindStringSubmatch(u.Path)
	if m == nil {
		return 0
	}
	numbers := strings.Split(m[2][1:], "-")
	at, ok := pageNumber(m[1], len(numbers))
	if !ok || at < 0 {
		return 0
	}
	n, _ := strconv.Atoi(numbers[at])
	return n
}

// wholeList is the address of the list of all products of a shop, 60 on a page,
// the newest first: in that order they move least while pages are turned.
func wholeList(s *shopNumbers) string {
	return fmt.Sprintf("https://mall.jd.com/view_search-%s-%s-%s-0-1-0-0-1-1-60.html", s.App, s.Vender, s.Shop)
}

// advice says why an address of JD is none of a storefront, and what to
// write in its place.
func advice(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	like := "; open it in a browser, go to the shop (进店逛逛) and write the address of that, which is one of " + addresses
	switch id := u.Query().Get("shopId"); {
	case number.MatchString(id):
		return fmt.Sprintf("%s is no storefront that a desktop browser shows; write https://mall.jd.com/index-%s.html, where the shop with this number is found", host, id)
	case host == "3.cn" || host == "u.jd.com":
		return host + " is a share link, which does not say whose shop it leads to" + like
	case itemPath.MatchString(u.Path) && (host == "item.jd.com" || host == "item.m.jd.com"):
		return fmt.Sprintf("%s%s is the page of one product and no storefront%s", host, market.Clip(u.Path, 100), like)
	}
	return host + market.Clip(u.Path, 100) + " is no storefront of JD; those are " + addresses
}

// open reads the address of a storefront: a list, or a home page, which names
// the list.
func open(u *url.URL) (*storefront, error) {
	host := strings.ToLower(u.Hostname())
	name, _, _ := strings.Cut(host, ".")
	if !shopHost.MatchString(host) || slices.Contains(notShops, name) {
		return nil, fmt.Errorf("%s", advice(u))
	}
	if first, ok := numbered(u.String(), 1); ok {
		return &storefront{entry: listing(first, 1)}, nil
	}
	switch {
	case indexPath.MatchString(u.Path):
		return &storefront{entry: homePage("https://mall.jd.com" + u.Path)}, nil
	case host != "mall.jd.com" && (u.Path == "" || u.Path == "/" || u.Path == "/index.html"):
		return &storefront{entry: homePage("https://" + host + "/")}, nil
	}
	return nil, fmt.Errorf("%s", advice(u))
}

// itemAddress is the address of the page of a product.
func itemAddress(id string) string { return "https://item.jd.com/" + id + ".html" }

// pictureAddress takes a picture's address apart: one of several hosts, the
// size, and what is the same whatever they are.
var pictureAddress = regexp.MustCompile(`^(?:https?:)?//img\d{1,3}\.360buyimg\.com/n\d{1,2}/((?:s\d{1,4}x\d{1,4}_)?)(jfs/[A-Za-z0-9/._-]+?\.(?:jpg|jpeg|png|gif|webp))(?:[!.][A-Za-z0-9!._]*)?$`)

// maxPicture is more than the part of a picture's address has that is kept.
const maxPicture = 500

// picture returns the address of a main picture that is the same from load to
// load, "" for a placeholder or anything else.
func picture(address string) string {
	m := pictureAddress.FindStringSubmatch(strings.TrimSpace(address))
	if m == nil || len(m[2]) > maxPicture {
		return ""
	}
	return "https://img10.360buyimg.com/n7/" + m[2]
}
