package jd

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// A list is what a page shows of its list.
type list struct {
	Cells  []cell   `json:"cards"`
	Page   int      `json:"page"`   // that the pager shows as this one
	Pages  int      `json:"pages"`  // 0 when it does not say
	Totals []string `json:"totals"` // what it says of the number of products, in its words
	Next   *struct {
		Last bool   `json:"last"` // it leads nowhere
		Href string `json:"href"`
	} `json:"next"`
}

// A cell is one entry of a list.
type cell struct {
	Priced  string `json:"priced"` // the number under which the price is asked for
	First   string `json:"first"`  // of the first variant, which is the product itself
	Watched string `json:"watched"`
	Rated   string `json:"rated"`
	Title   string `json:"title"`
	Image   string `json:"image"`
	Price   string `json:"price"`
	Old     bool   `json:"old"` // of the older template
}

// The layouts of a storefront.
const (
	layoutGoods = "goods" // of 2019 and later
	layoutItems = "items" // the older one
)

// parse reads one page of a list and checks what the page alone can prove.
func parse(p *page) market.Listing {
	s := p.List
	l := market.Listing{Layout: layoutGoods, Page: s.Page, Pages: s.Pages, Seller: p.seller()}
	if len(s.Cells) > 0 && s.Cells[0].Old {
		l.Layout = layoutItems
	}
	if s.Page != p.wanted {
		l.Problem("asked for page %d, got page %d", p.wanted, s.Page)
	}
	if !p.answered() {
		l.Problem("the list was not asked for")
	}
	if len(s.Cells) == 0 {
		l.Problem("the page lists no products, and it is not known how JD says that there are none")
	}
	var err error
	if l.Total, err = total(s.Totals); err != nil {
		l.Problem("%v", err)
	}
	switch {
	case s.Next == nil:
		l.Problem("the pager does not say whether a page follows")
	case s.Next.Last:
		l.Last = true
	default:
		if l.Next = pageOf(s.Next.Href); l.Next == 0 {
			l.Next = s.Page + 1 // a link that a script follows
		}
	}
	seen := map[tracker.ProductID]bool{}
	for i := range s.Cells {
		prod, err := s.Cells[i].product()
		l.Take(prod, err, seen)
	}
	return l
}

var totalWords = regexp.MustCompile(`^(?:共\s*)?([\d,]{1,12})\s*(?:件商品|条记录)?$`)

// total reads how many products the list declares. Without that, and where two
// places differ, nothing proves that it is whole.
func total(words []string) (n int, err error) {
	for i, w := range words {
		m := totalWords.FindStringSubmatch(strings.TrimSpace(w))
		if m == nil {
			return 0, fmt.Errorf("the number of products is not exact (%.20q)", w)
		}
		k, err := strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
		if err != nil {
			return 0, fmt.Errorf("the number of products is none (%.20q)", w)
		}
		if i > 0 && k != n {
			return 0, fmt.Errorf("the page declares %d products and %d", n, k)
		}
		n = k
	}
	if len(words) == 0 {
		return 0, errors.New("the list does not say how many products it has, so nothing proves that it is whole")
	}
	return n, nil
}

var productID = regexp.MustCompile(`^[1-9]\d{4,19}$`)

// product reads a card. Whether it can be bought is not read, because JD says
// that for the visitor's region only (NOTES.md, 2). Its numbers are those of the product; where its links
// lead is not read at all, because they follow the mouse.
func (c *cell) product() (tracker.Product, error) {
	id := ""
	for _, n := range []string{c.Priced, c.First, c.Watched, c.Rated} {
		switch {
		case n == "":
		case id == "":
			id = n
		case n != id:
			return tracker.Product{}, fmt.Errorf("an entry has the numbers %.20s and %.20s", id, n)
		}
	}
	switch {
	case !productID.MatchString(id):
		return tracker.Product{}, fmt.Errorf("an entry has no usable number (%.20q)", id)
	case strings.TrimSpace(c.Title) == "":
		return tracker.Product{}, fmt.Errorf("entry %s has no title", id)
	}
	return tracker.Product{
		ID: tracker.ProductID(id), URL: itemAddress(id), Image: picture(c.Image), Price: price(c.Price),
		Title: market.Clip(strings.Join(strings.Fields(market.Clip(c.Title, 4*market.MaxTitle)), " "), market.MaxTitle),
	}, nil
}

var priceText = regexp.MustCompile(`^[¥￥]?\s*(\d[\d,]*(?:\.\d{1,2})?)$`)

// price reads a listed price. Hidden digits ("4??"), a price that has not come,
// one of nothing and words are an unknown price.
func price(text string) tracker.Price {
	if m := priceText.FindStringSubmatch(strings.TrimSpace(text)); m != nil {
		if fen, ok := tracker.ParseMinor(m[1], "CNY"); ok && fen > 0 {
			return tracker.Price{Kind: tracker.PriceExact, Low: fen, Currency: "CNY"}
		}
	}
	return tracker.Price{Currency: "CNY"}
}
