package tmall

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// A reactPage says that the page is of the React front. Its products come from
// the network (NOTES.md, 3).
type reactPage struct{}

// An answer is one page of the shelf as the shop's API answered it (NOTES.md,
// 3.3): every number and boolean may be a string.
type answer struct {
	Total    loose     `json:"totalCnt"`
	Page     loose     `json:"page"`
	PageSize loose     `json:"pageSize"`
	HasNext  loose     `json:"hasNext"`
	Items    []apiItem `json:"data"`
}

type apiItem struct {
	ID      loose  `json:"itemId"`
	Title   string `json:"title"`
	URL     string `json:"itemUrl"`
	Image   string `json:"image"`
	Price   loose  `json:"discountPrice"`
	Encoded loose  `json:"priceEncoded"`
}

// mtop is what was found in an API answer.
type mtop struct {
	ret   []string                // how the call ended, as codes with words
	shelf *answer                 // nil when it has none
	shop  *tracker.SellerIdentity // nil when it does not say
}

func (m *mtop) ok() bool { return len(m.ret) > 0 && strings.HasPrefix(m.ret[0], "SUCCESS") }

func mtopOf(address *url.URL, body []byte) *mtop {
	var envelope struct {
		Ret  []string        `json:"ret"`
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(unwrap(body), &envelope) != nil {
		return nil
	}
	m := &mtop{ret: envelope.Ret}
	if !m.ok() {
		return m
	}
	if !strings.HasPrefix(address.Path, "/h5/mtop.taobao.shop.simple.fetch/") {
		if a := new(answer); json.Unmarshal(envelope.Data, a) == nil {
			m.shelf = a
		}
		return m
	}
	var first struct {
		Sign struct {
			ShopName string `json:"shopName"`
		} `json:"signInfoDTO"`
		Global struct {
			ShopID   loose `json:"shopId"`
			SellerID loose `json:"sellerId"`
		} `json:"globalInfoDTO"`
		Items *answer `json:"itemInfoDTO"`
	}
	if json.Unmarshal(envelope.Data, &first) != nil {
		return m
	}
	m.shelf = first.Items
	id, by := asker(address.Query().Get("data"))
	shop := market.Seller(cmp.Or(string(first.Global.ShopID), id), cmp.Or(string(first.Global.SellerID), by), first.Sign.ShopName)
	m.shop = &shop
	return m
}

// mtopRefusal holds when the newest API answer is a refusal with one of the
// codes (NOTES.md, 4.6).
func mtopRefusal(codes ...string) func(*page) bool {
	return func(p *page) bool {
		for i := len(p.calls) - 1; i >= 0; i-- {
			if m := p.calls[i].api; m != nil {
				return !m.ok() && contains(strings.Join(m.ret, " "), codes...)
			}
		}
		return false
	}
}

// asker reads whose shelf a call asked for.
func asker(data string) (shop, seller string) {
	var d struct {
		ShopID   loose `json:"shopId"`
		SellerID loose `json:"sellerId"`
	}
	_ = json.Unmarshal([]byte(data), &d) // without it the shop stays unnamed
	return string(d.ShopID), string(d.SellerID)
}

// more says what is still to be done before a page of a React shelf can be read,
// nil when nothing is. Its first call may bring the seller only; the pages after
// the first come when its end is shown.
func more(p *page, st *market.State) *market.Request {
	if p.React == nil || p.List != nil || p.answer() != nil || p.Why == "time" {
		return nil
	}
	switch {
	case st == nil && p.wanted == 1:
		return nil
	case st != nil && (!st.Transient || p.Why != "answers" || p.step && p.wanted > 1):
		return nil
	}
	next := market.Request{Page: p.wanted, Wait: fmt.Sprintf("shopwatch.wait('list', %d, ms)", len(p.calls)+1)}
	if p.wanted > 1 {
		next.Turn = "shopwatch.scroll()"
	}
	return &next
}

// answer returns the newest answer for the wanted page of the shelf, nil when
// there is none.
func (p *page) answer() *answer {
	for i := len(p.calls) - 1; i >= 0; i-- {
		if m := p.calls[i].api; m != nil && m.shelf != nil && m.shelf.Page.int() == p.wanted {
			return m.shelf
		}
	}
	return nil
}

// answered reports whether any page of the shelf has come.
func (p *page) answered() bool {
	return slices.ContainsFunc(p.calls, func(c *call) bool { return c.api != nil && c.api.shelf != nil })
}

// shop returns what the answers said of the storefront, the newest if several
// did.
func (p *page) shop() (shop tracker.SellerIdentity) {
	for i := range p.calls {
		if m := p.calls[i].api; m != nil && m.shop != nil {
			shop = *m.shop
		}
	}
	return shop
}

// parseReact reads one answered page of the shelf and checks what it alone can
// prove (NOTES.md, 6).
func parseReact(p *page) market.Listing {
	l := market.Listing{Layout: layoutReact, Page: p.wanted}
	a := p.answer()
	if a == nil {
		l.Problem("page %d of the shelf was not answered", p.wanted)
		return l
	}
	l.Seller = p.shop()
	size, more := a.PageSize.int(), a.HasNext == "true"
	l.Last, l.Total = !more, max(a.Total.int(), 0)
	if more {
		l.Next = p.wanted + 1
	}
	if a.HasNext != "true" && a.HasNext != "false" {
		l.Problem("the answer does not say whether more follows")
	}
	if a.Total.int() < 0 {
		l.Problem("the answer does not say how many products there are")
	}
	if more && len(a.Items) != size {
		l.Problem("page %d has %d of %d products, yet more follows", p.wanted, len(a.Items), size)
	}
	if len(a.Items) == 0 && a.Total.int() == 0 && !more {
		l.Empty = true
		return l
	}
	seen := map[tracker.ProductID]bool{}
	for i := range a.Items {
		prod, err := a.Items[i].product()
		l.Take(prod, err, seen)
	}
	a.Items = nil // they are read once, and long shelves are many
	return l
}

func (it *apiItem) product() (tracker.Product, error) {
	c := cell{ID: string(it.ID), Href: it.URL, Title: clean(it.Title), Image: it.Image}
	if strings.HasPrefix(c.Href, "//") {
		c.Href = "https:" + c.Href
	}
	if it.Encoded != "true" {
		c.Plain = string(it.Price)
	}
	return c.product(layoutReact)
}

// clean trims a title, folds its white space and drops the mark-up of search
// hits; other mark-up is text.
func clean(title string) string {
	for _, s := range []string{`<span class=H>`, `<span class="H">`, `<span class='H'>`} {
		if strings.Contains(title, s) {
			title = strings.ReplaceAll(strings.ReplaceAll(title, s, ""), "</span>", "")
		}
	}
	return market.Clip(strings.Join(strings.Fields(market.Clip(title, 4*market.MaxTitle)), " "), market.MaxTitle)
}
