package market

import (
	"encoding/json"
	"strings"

	"shopwatch/tracker"
)

// A reactPage says that the page is of the React front. Its products come from
// the network (tmall.md, section 3).
type reactPage struct{}

// An answer is one page of the shelf as the shop's API answered it (tmall.md,
// section 3.3): every number and boolean may be a string.
type answer struct {
	Total    loose     `json:"totalCnt"`
	Page     loose     `json:"page"`
	PageSize loose     `json:"pageSize"`
	HasNext  loose     `json:"hasNext"`
	Items    []apiItem `json:"data"`
	shop     tracker.Shop
}

type apiItem struct {
	ID      loose  `json:"itemId"`
	Title   string `json:"title"`
	URL     string `json:"itemUrl"`
	Image   string `json:"image"`
	Price   loose  `json:"discountPrice"`
	Encoded loose  `json:"priceEncoded"`
}

// mtop is the envelope of an API answer.
type mtop struct {
	API  string          `json:"api"`
	Ret  []string        `json:"ret"`
	Data json.RawMessage `json:"data"`
}

func (m *mtop) ok() bool { return len(m.Ret) > 0 && strings.HasPrefix(m.Ret[0], "SUCCESS") }

func mtopOf(c *Call) (mtop, bool) {
	var m mtop
	if !mtopCall(c.address()) || json.Unmarshal(unwrap(c.Body), &m) != nil {
		return mtop{}, false
	}
	return m, true
}

// mtopRefusal holds when the newest API answer is a refusal with one of the
// codes (tmall.md, section 4.6).
func mtopRefusal(codes ...string) func(*Page) bool {
	return func(p *Page) bool {
		for i := len(p.Calls) - 1; i >= 0; i-- {
			if m, ok := mtopOf(&p.Calls[i]); ok {
				return !m.ok() && contains(strings.Join(m.Ret, " "), codes...)
			}
		}
		return false
	}
}

// shelfAnswers are the pages of the shelf that were answered, in order.
func shelfAnswers(p *Page) []answer {
	var all []answer
	var shop tracker.Shop
	for i := range p.Calls {
		m, ok := mtopOf(&p.Calls[i])
		if !ok || !m.ok() {
			continue
		}
		a := answer{}
		if strings.HasPrefix(p.Calls[i].address().Path, "/h5/mtop.taobao.shop.simple.fetch/") {
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
			if json.Unmarshal(m.Data, &first) != nil {
				continue
			}
			shop = tracker.Shop{ID: string(first.Global.ShopID), Seller: string(first.Global.SellerID), Name: first.Sign.ShopName}
			if shop.ID == "" {
				shop.ID, shop.Seller = asker(p.Calls[i].address().Query().Get("data"))
			}
			if first.Items == nil {
				continue
			}
			a = *first.Items
		} else if json.Unmarshal(m.Data, &a) != nil {
			continue
		}
		a.shop = shop
		all = append(all, a)
	}
	return all
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

// Answered reports whether the wanted page of a React shelf has come.
func (p *Page) Answered() bool {
	_, ok := p.answer()
	return ok
}

func (p *Page) answer() (answer, bool) {
	all := shelfAnswers(p)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Page.int() == p.Wanted {
			return all[i], true
		}
	}
	return answer{}, false
}

// parseReact reads one answered page of the shelf and checks what it alone can
// prove (tmall.md, section 6).
func parseReact(p *Page) Listing {
	l := Listing{Layout: "react", Page: p.Wanted}
	a, ok := p.answer()
	if !ok {
		l.problem("page %d of the shelf was not answered", p.Wanted)
		return l
	}
	l.Shop = a.shop
	size, more := a.PageSize.int(), a.HasNext == "true"
	l.Last, l.Total = !more, max(a.Total.int(), 0)
	if more {
		l.Next = p.Wanted + 1
	}
	if a.HasNext != "true" && a.HasNext != "false" {
		l.problem("the answer does not say whether more follows")
	}
	if a.Total.int() < 0 {
		l.problem("the answer does not say how many products there are")
	}
	if more && len(a.Items) != size {
		l.problem("page %d has %d of %d products, yet more follows", p.Wanted, len(a.Items), size)
	}
	if len(a.Items) == 0 && a.Total.int() == 0 && !more {
		l.Empty = true
		return l
	}
	seen := map[tracker.ProductID]bool{}
	for i := range a.Items {
		prod, err := a.Items[i].product()
		l.take(prod, err, seen)
	}
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
	return c.product("react")
}

// clean trims a title, folds its white space and drops the mark-up of search
// hits; other mark-up is text.
func clean(title string) string {
	for _, s := range []string{`<span class=H>`, `<span class="H">`, `<span class='H'>`} {
		if strings.Contains(title, s) {
			title = strings.ReplaceAll(strings.ReplaceAll(title, s, ""), "</span>", "")
		}
	}
	title = strings.Join(strings.Fields(title), " ")
	if r := []rune(title); len(r) > 1000 {
		title = string(r[:1000])
	}
	return title
}
