package tmall

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// A shelf is the list of the classic shop or the C-shop as the script read it
// (NOTES.md, 2.5 and 2.9).
type shelf struct {
	Layout   string  `json:"layout"`
	Loaded   bool    `json:"loaded"`
	Empty    bool    `json:"empty"`
	Filter   bool    `json:"filter"`
	Counter  *[2]int `json:"counter"` // "x/N"
	Current  int     `json:"current"` // the number that the pagination shows as here
	LastPage bool    `json:"lastPage"`
	Next     int     `json:"next"`
	Rows     []row   `json:"rows"`
	End      bool    `json:"end"`
	Total    int     `json:"total"`
	Embedded bool    `json:"embedded"` // the document names no call for the list, so it came with the list
	Manifest *string `json:"manifest"`
	Pixel    *string `json:"pixel"`
}

// The layouts of a storefront.
const (
	layoutClassic = "classic"
	layoutCShop   = "cshop"
	layoutReact   = "react"
)

// maxPages is the number of pages after which the marketplace cuts a list
// (NOTES.md, 2.7).
const maxPages = 100

type row struct {
	K     int    `json:"k"`
	Cells []cell `json:"cells"`
}

type cell struct {
	ID    string `json:"id"`
	Href  string `json:"href"`
	Title string `json:"title"`
	Image string `json:"image"`
	Price string `json:"price"`
	Plain string `json:"plain"`
}

func parse(p *page) market.Listing {
	if p.List == nil || !p.List.Loaded && !p.List.Empty {
		return parseReact(p)
	}
	return parseShelf(p)
}

// parseShelf reads one page of a classic list and checks what the page alone
// can prove (NOTES.md, 6).
func parseShelf(p *page) market.Listing {
	s := p.List
	l := market.Listing{
		Layout: s.Layout, Page: s.Current, Last: s.LastPage, Next: s.Next, Empty: s.Empty && len(s.Rows) == 0,
		Seller: market.Seller(p.Seller.ID, p.Seller.Seller, p.Seller.Name),
	}
	if s.Counter != nil {
		if l.Page == 0 {
			l.Page = s.Counter[0]
		}
		l.Pages = s.Counter[1]
		if s.Counter[0] != l.Page {
			l.Problem("the counter says page %d, the pagination page %d", s.Counter[0], l.Page)
		}
	}
	if s.Total > 0 {
		l.Total = s.Total
	}
	if l.Empty {
		if !s.Filter && s.Layout != "" {
			l.Problem("the empty list has no filter bar")
		}
		if l.Pages > 0 {
			l.Problem("the list is empty, but %d pages are declared", l.Pages)
		}
		return l
	}
	if !s.End {
		l.Problem("the list is cut off: its end mark is missing")
	}
	if l.Pages == 0 {
		l.Problem("the page count is missing or 0")
	}
	if l.Pages >= maxPages {
		l.Cut = fmt.Sprintf("the marketplace shows %d pages at most, so the list may be cut", maxPages)
	}
	if l.Page != p.wanted {
		l.Problem("asked for page %d, got page %d", p.wanted, l.Page)
	}
	if !asked(p) {
		l.Problem("the list was not asked for")
	}
	seen := map[tracker.ProductID]bool{}
	for i, r := range s.Rows {
		// A row of 30 is the list view, one product a line.
		if short := len(r.Cells) != r.K && r.K <= 10; short && (i < len(s.Rows)-1 || l.Page < l.Pages) {
			l.Problem("row %d has %d of %d products", i+1, len(r.Cells), r.K)
		}
		for j := range r.Cells {
			prod, err := r.Cells[j].product(s.Layout)
			l.Take(prod, err, seen)
		}
	}
	compareManifest(&l, s.Manifest, "the id manifest")
	compareManifest(&l, s.Pixel, "the beacon's id list")
	return l
}

// asked reports whether the marketplace itself answered with the wanted page:
// to the list call that stands behind the page, or, where the document names
// none, with the document (NOTES.md, 6).
func asked(p *page) bool {
	if slices.ContainsFunc(p.calls, func(c *call) bool {
		return listCall(c.address) && c.status == 200 && pageNo(c.address) == p.wanted
	}) {
		return true
	}
	u, err := url.Parse(p.document)
	return err == nil && p.List.Embedded && p.status == 200 && pageNo(u) == p.wanted
}

// pageNo is the number of the listing page that an address asks for.
func pageNo(u *url.URL) int {
	n, _ := strconv.Atoi(u.Query().Get("pageNo"))
	return max(n, 1)
}

// compareManifest compares the ids that the page lists in a hidden place with
// its cards.
func compareManifest(l *market.Listing, ids *string, what string) {
	if ids == nil {
		return
	}
	listed := map[tracker.ProductID]bool{}
	for id := range strings.SplitSeq(*ids, ",") {
		if id != "" {
			listed[tracker.ProductID(id)] = true
		}
	}
	for i := range l.Products {
		if !listed[l.Products[i].ID] {
			l.Problem("%s does not name product %s", what, l.Products[i].ID)
			return
		}
	}
	if len(listed) != len(l.Products) {
		l.Problem("%s names %d products, the page shows %d", what, len(listed), len(l.Products))
	}
}

func (c *cell) product(layout string) (tracker.Product, error) {
	link, address, ok := itemAddress(c.Href)
	id := tracker.ProductID(c.ID)
	switch {
	case !itemID.MatchString(c.ID):
		return tracker.Product{}, fmt.Errorf("an entry has no usable number (%.20q)", c.ID)
	case ok && link != id:
		return tracker.Product{}, fmt.Errorf("entry %s links to product %s", id, link)
	case c.Title == "":
		return tracker.Product{}, fmt.Errorf("entry %s has no title", id)
	}
	if !ok {
		address = "https://detail.tmall.com/item.htm?id=" + c.ID
		if layout == layoutCShop {
			address = "https://item.taobao.com/item.htm?id=" + c.ID
		}
	}
	return tracker.Product{
		ID: id, Title: market.Clip(c.Title, market.MaxTitle), URL: address, Image: picture(c.Image), Price: listedPrice(c.Plain, c.Price),
	}, nil
}

var (
	plainPrice = regexp.MustCompile(`^[¥￥]?\s*([\d,]+(?:\.\d{1,2})?)$`)
	fromPrice  = regexp.MustCompile(`^[¥￥]?\s*([\d,]+(?:\.\d{1,2})?)\s*起$`)
	rangePrice = regexp.MustCompile(`^[¥￥]?\s*([\d,]+(?:\.\d{1,2})?)\s*[-~—–]\s*[¥￥]?\s*([\d,]+(?:\.\d{1,2})?)$`)
)

// listedPrice reads the first of the texts that is a price. What is written in
// the glyphs of a private font, a token, or not there, is an unknown price
// (NOTES.md, 2.6).
func listedPrice(texts ...string) tracker.Price {
	for _, t := range texts {
		t = strings.TrimSpace(t)
		if m := plainPrice.FindStringSubmatch(t); m != nil {
			if low, ok := tracker.ParseMinor(m[1], "CNY"); ok {
				return tracker.Price{Kind: tracker.PriceExact, Low: low, Currency: "CNY"}
			}
		}
		if m := fromPrice.FindStringSubmatch(t); m != nil {
			if low, ok := tracker.ParseMinor(m[1], "CNY"); ok {
				return tracker.Price{Kind: tracker.PriceFrom, Low: low, Currency: "CNY"}
			}
		}
		if m := rangePrice.FindStringSubmatch(t); m != nil {
			low, ok := tracker.ParseMinor(m[1], "CNY")
			high, ok2 := tracker.ParseMinor(m[2], "CNY")
			if ok && ok2 && low < high {
				return tracker.Price{Kind: tracker.PriceRange, Low: low, High: high, Currency: "CNY"}
			}
			if ok && ok2 && low == high {
				return tracker.Price{Kind: tracker.PriceExact, Low: low, Currency: "CNY"}
			}
		}
	}
	return tracker.Price{Currency: "CNY"}
}

// loose takes numbers and booleans that may come as strings (NOTES.md,
// 3.3).
type loose string

func (s *loose) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(s))
	}
	*s = loose(b)
	return nil
}

func (s loose) int() int {
	n, err := strconv.Atoi(string(s))
	if err != nil {
		return -1
	}
	return n
}
