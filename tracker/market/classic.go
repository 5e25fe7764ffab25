package market

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"shopwatch/tracker"
)

// A shelf is the list of the classic shop or the C-shop as the script read it
// (tmall.md, sections 2.5 and 2.9).
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
	Manifest *string `json:"manifest"`
	Pixel    *string `json:"pixel"`
}

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

func parseTmall(p *Page) Listing {
	if p.List == nil || !p.List.Loaded && !p.List.Empty {
		return parseReact(p)
	}
	return parseShelf(p)
}

// parseShelf reads one page of a classic list and checks what the page alone
// can prove (tmall.md, section 6).
func parseShelf(p *Page) Listing {
	s := p.List
	l := Listing{
		Layout: s.Layout, Page: s.Current, Last: s.LastPage, Next: s.Next, Empty: s.Empty && len(s.Rows) == 0,
		Shop: seller(p.Shop.ID, p.Shop.Seller, p.Shop.Name),
	}
	if s.Counter != nil {
		if l.Page == 0 {
			l.Page = s.Counter[0]
		}
		l.Pages = s.Counter[1]
		if s.Counter[0] != l.Page {
			l.problem("the counter says page %d, the pagination page %d", s.Counter[0], l.Page)
		}
	}
	if s.Total > 0 {
		l.Total = s.Total
	}
	if l.Empty {
		if !s.Filter && s.Layout != "" {
			l.problem("the empty list has no filter bar")
		}
		if l.Pages > 0 {
			l.problem("the list is empty, but %d pages are declared", l.Pages)
		}
		return l
	}
	if !s.End {
		l.problem("the list is cut off: its end mark is missing")
	}
	if l.Pages == 0 {
		l.problem("the page count is missing or 0")
	}
	if l.Page != p.Wanted {
		l.problem("asked for page %d, got page %d", p.Wanted, l.Page)
	}
	if !asked(p) {
		l.problem("the list was not asked for")
	}
	seen := map[tracker.ProductID]bool{}
	for i, r := range s.Rows {
		// A row of 30 is the list view, one product a line.
		if short := len(r.Cells) != r.K && r.K <= 10; short && (i < len(s.Rows)-1 || l.Page < l.Pages) {
			l.problem("row %d has %d of %d products", i+1, len(r.Cells), r.K)
		}
		for j := range r.Cells {
			prod, err := r.Cells[j].product(s.Layout)
			l.take(prod, err, seen)
		}
	}
	l.manifest(s.Manifest, "the id manifest")
	l.manifest(s.Pixel, "the beacon's id list")
	return l
}

// asked reports whether an answered list call stands behind the page: "an
// asynSearch response with that pageNo was seen" (tmall.md, section 6).
func asked(p *Page) bool {
	return slices.ContainsFunc(p.Calls, func(c Call) bool {
		n, _ := strconv.Atoi(c.address.Query().Get("pageNo"))
		return listCall(c.address) && c.status == 200 && max(n, 1) == p.Wanted
	})
}

// manifest compares the ids that the page lists in a hidden place with its
// cards.
func (l *Listing) manifest(ids *string, what string) {
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
			l.problem("%s does not name product %s", what, l.Products[i].ID)
			return
		}
	}
	if len(listed) != len(l.Products) {
		l.problem("%s names %d products, the page shows %d", what, len(listed), len(l.Products))
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
		if layout == "cshop" {
			address = "https://item.taobao.com/item.htm?id=" + c.ID
		}
	}
	return tracker.Product{
		ID: id, Title: clip(c.Title, longestTitle), URL: address, Image: picture(c.Image), Price: listedPrice(c.Plain, c.Price),
	}, nil
}

var (
	plainPrice = regexp.MustCompile(`^[¥￥]?\s*([\d,]+(?:\.\d{1,2})?)$`)
	fromPrice  = regexp.MustCompile(`^[¥￥]?\s*([\d,]+(?:\.\d{1,2})?)\s*起$`)
	rangePrice = regexp.MustCompile(`^[¥￥]?\s*([\d,]+(?:\.\d{1,2})?)\s*[-~—–]\s*[¥￥]?\s*([\d,]+(?:\.\d{1,2})?)$`)
)

// listedPrice reads the first of the texts that is a price. What is written in
// the glyphs of a private font, a token, or not there, is an unknown price
// (tmall.md, section 2.6).
func listedPrice(texts ...string) tracker.Price {
	for _, t := range texts {
		t = strings.TrimSpace(t)
		if m := plainPrice.FindStringSubmatch(t); m != nil {
			if low, ok := tracker.ParseMinor(m[1]); ok {
				return tracker.Price{Kind: tracker.PriceExact, Low: low, Currency: "CNY"}
			}
		}
		if m := fromPrice.FindStringSubmatch(t); m != nil {
			if low, ok := tracker.ParseMinor(m[1]); ok {
				return tracker.Price{Kind: tracker.PriceFrom, Low: low, Currency: "CNY"}
			}
		}
		if m := rangePrice.FindStringSubmatch(t); m != nil {
			low, ok := tracker.ParseMinor(m[1])
			high, ok2 := tracker.ParseMinor(m[2])
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

// loose takes numbers and booleans that may come as strings (tmall.md,
// section 3.3).
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
