package prestashop

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// An entry is a product as the shop writes it (NOTES.md, 2).
type entry struct {
	ID        text            `json:"id_product"`
	Name      text            `json:"name"`
	Amount    text            `json:"price_amount"`
	Canonical text            `json:"canonical_url"`
	URL       text            `json:"url"`
	Link      text            `json:"link"`
	Cover     json.RawMessage `json:"cover"`
}

// A text is a text, or a number; empty for anything else.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	var n json.Number
	switch {
	case json.Unmarshal(b, &s) == nil:
		*t = text(s)
	case json.Unmarshal(b, &n) == nil:
		*t = text(n)
	}
	return nil
}

// entries are a list, which PHP writes as an object when its keys do not count
// up from 0.
type entries []entry

func (all *entries) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("[")) {
		return json.Unmarshal(b, (*[]entry)(all))
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("products that are no list")
	}
	for d.More() {
		if _, err := d.Token(); err != nil { // its key
			return err
		}
		var e entry
		if err := d.Decode(&e); err != nil && !misformed(err) {
			return err
		}
		*all = append(*all, e)
	}
	return nil
}

func misformed(err error) bool {
	var form *json.UnmarshalTypeError
	return errors.As(err, &form)
}

// A pagination is what a page says of its place in the list.
type pagination struct {
	Total count `json:"total_items"`
	From  count `json:"items_shown_from"`
	To    count `json:"items_shown_to"`
	Page  count `json:"current_page"`
	Pages count `json:"pages_count"`
}

// A count is a number of products or pages; -1 when what stands there is none.
type count int

func (c *count) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseUint(string(bytes.Trim(b, `"`)), 10, 24)
	if *c = count(n); err != nil {
		*c = -1
	}
	return nil
}

// plain is a body without what modules write before the JSON.
func plain(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\ufeff")))
}

// amounts are prices as a page of the list writes them, without a currency.
type amounts map[tracker.ProductID]string

// A currency is what the page of the category says of prices.
type currency string

// An answer is a page of the list.
type answer struct {
	Products   *entries    `json:"products"`
	Pagination *pagination `json:"pagination"`
}

func decode(body []byte) (*answer, error) {
	var a answer
	if err := json.Unmarshal(plain(body), &a); err != nil && !misformed(err) {
		return nil, fmt.Errorf("the answer is damaged: %w", err)
	}
	return &a, nil
}

// readList reads one page of the list and checks what it alone can prove.
func (s *storefront) readList(a *market.Answer) (market.Reading, error) {
	page, err := decode(a.Body)
	if err != nil {
		return market.Reading{}, err
	}
	if page.Products == nil {
		return market.Reading{State: &market.State{Name: "no list", Verdict: tracker.Failed, Transient: true, Reason: "the shop answers without a list of products"}}, nil
	}
	l, prices := market.Listing{Layout: "from-xhr"}, amounts{}
	l.Read = prices
	seen := map[tracker.ProductID]bool{}
	for i := range *page.Products {
		e := &(*page.Products)[i]
		p, err := s.product(e)
		l.Take(p, err, seen)
		if err == nil && len(e.Amount) < 40 {
			prices[p.ID] = string(e.Amount)
		}
	}
	declare(&l, page.Pagination, a.Request.Page)
	return market.Reading{Listing: l}, nil
}

// declare notes what a page says of its place in the list.
func declare(l *market.Listing, p *pagination, asked int) {
	if p == nil || p.Total < 0 || p.Pages < 0 || p.Page < 1 {
		l.Page, l.Next = asked, asked+1
		l.Problem("the list does not say how many products there are")
		return
	}
	l.Page, l.Pages, l.Total = int(p.Page), max(int(p.Pages), 1), int(p.Total)
	l.Next, l.Last = l.Page+1, l.Page >= l.Pages
	switch {
	case l.Page != asked:
		l.Problem("asked for page %d, got page %d", asked, l.Page)
	case l.Total > 0 && int(p.To-p.From)+1 != l.Cells:
		l.Problem("it has %d products and says that it shows %d to %d", l.Cells, p.From, p.To)
	case l.Last && int(p.To) != l.Total:
		l.Problem("it is the last page and shows up to product %d of %d", p.To, l.Total)
	case l.Total == 0 && l.Cells > 0:
		l.Problem("it has %d products where none are declared", l.Cells)
	}
	l.Empty = asked == 1 && l.Total == 0 && l.Cells == 0 && len(l.Problems) == 0
}

// Assess says whether the pages are the whole list, and puts the currency to the
// prices.
func (*storefront) Assess(read []market.Listing) market.Completeness {
	c := market.Assess(read)
	unit, prices := currency(""), amounts{}
	for i := range read {
		switch r := read[i].Read.(type) {
		case currency:
			unit = r
		case amounts:
			for id, amount := range r {
				prices[id] = amount
			}
		}
	}
	if unit == "" && len(c.Products) > 0 {
		c.Warnings = append(c.Warnings, "the page of the category does not say in which currency its prices are, so that they are left out")
	}
	for i := range c.Products {
		p := &c.Products[i]
		if low, ok := market.Minor(prices[p.ID], string(unit)); ok {
			p.Price = tracker.Price{Kind: tracker.PriceExact, Low: low, Currency: string(unit)}
		}
	}
	return c
}

var productID = regexp.MustCompile(`^[1-9]\d{0,17}$`)

// product reads an entry of the list, but for its price.
func (s *storefront) product(e *entry) (tracker.Product, error) {
	if !productID.MatchString(string(e.ID)) {
		return tracker.Product{}, fmt.Errorf("an entry has no number but %.50q", string(e.ID))
	}
	p := tracker.Product{ID: tracker.ProductID(e.ID), Title: clean(string(e.Name)), Image: e.picture()}
	if p.Title == "" {
		return tracker.Product{}, fmt.Errorf("product %s has no name", p.ID)
	}
	for _, address := range []text{e.Canonical, e.URL, e.Link} {
		if p.URL = s.address(string(address)); p.URL != "" {
			break
		}
	}
	return p, nil
}

// clean is a name without HTML entities, its white space folded.
func clean(name string) string {
	return market.Clip(strings.Join(strings.Fields(html.UnescapeString(market.Clip(name, 4*market.MaxTitle))), " "), market.MaxTitle)
}

// address is the page of a product, "" for one that is not the shop's.
func (s *storefront) address(link string) string {
	u, err := url.Parse(link)
	if err != nil || len(link) > market.MaxAddress || u.User != nil || u.Scheme != "https" && !strings.HasPrefix(s.page, u.Scheme+"://") || u.Host == "" || !s.Home(u.Hostname()) {
		return ""
	}
	u.Fragment, u.RawFragment = "", "" // a variant
	return u.String()
}

// picture is the address of the main picture in its largest size, "" for none.
func (e *entry) picture() string {
	type sized struct {
		URL text `json:"url"`
	}
	var cover struct {
		Large sized `json:"large"`
		Sizes struct {
			Large sized `json:"large_default"`
			Home  sized `json:"home_default"`
		} `json:"bySize"`
		URL text `json:"url"`
	}
	if len(e.Cover) == 0 || json.Unmarshal(e.Cover, &cover) != nil {
		return ""
	}
	for _, src := range []text{cover.Sizes.Large.URL, cover.Large.URL, cover.Sizes.Home.URL, cover.URL} {
		u, err := url.Parse(strings.TrimSpace(string(src)))
		if err != nil || src == "" || len(src) > market.MaxAddress || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
			continue
		}
		u.RawQuery, u.Fragment, u.RawFragment = "", "", ""
		return u.String()
	}
	return ""
}
