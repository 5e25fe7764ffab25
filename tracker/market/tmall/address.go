package tmall

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

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
