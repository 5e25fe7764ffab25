package jd

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// A page is what the script reports of a page, and what came over the network.
type page struct {
	URL       string      `json:"url"` // of the main frame
	Title     string      `json:"title"`
	Why       string      `json:"why"`  // what ended the wait
	Wall      string      `json:"wall"` // the visible wall's name in the script; empty when there is none
	Shop      shopNumbers `json:"shop"`
	Structure bool        `json:"structure"` // it is built to show a list
	List      *list       `json:"list"`
	Item      *item       `json:"item"`

	document *url.URL // address of the document that the server sent
	status   int      // HTTP of the main document; 0 when unknown
	wanted   int      // the number of the listing page that was asked for; 0 for the home page
	asked    tracker.ProductID
	calls    []*market.Call
}

// shopNumbers are those that stand in every page of a shop.
type shopNumbers struct {
	App    string `json:"app"`
	Vender string `json:"vender"`
	Shop   string `json:"shop"`
	Title  string `json:"title"` // of the document
}

// whole reports whether they suffice for the address of a list.
func (s *shopNumbers) whole() bool { return s.App != "" && s.Vender != "" && s.Shop != "" }

// longestPage is the most that the script may report, in bytes.
const longestPage = 8 << 20

// decode reads an answer.
func decode(a *market.Answer) (*page, error) {
	if len(a.Body) > longestPage {
		return nil, fmt.Errorf("read the page: %d bytes are more than any page has", len(a.Body))
	}
	var p page
	if err := json.Unmarshal(a.Body, &p); err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	p.URL, p.Title = market.Clip(p.URL, market.MaxAddress), market.Clip(p.Title, market.MaxTitle)
	p.Shop.App, p.Shop.Vender, p.Shop.Shop = digits(p.Shop.App), digits(p.Shop.Vender), digits(p.Shop.Shop)
	p.status, p.wanted, p.asked, p.calls = a.Status, a.Request.Page, a.Request.Product, a.Calls
	var err error
	if p.document, err = url.Parse(a.URL); err != nil {
		p.document = &url.URL{}
	}
	return &p, nil
}

func digits(s string) string {
	if number.MatchString(s) {
		return s
	}
	return ""
}

// host and path of the main frame.
func (p *page) host() string { return p.address().Hostname() }
func (p *page) path() string { return p.address().Path }

func (p *page) address() *url.URL {
	u, err := url.Parse(p.URL)
	if err != nil {
		return &url.URL{}
	}
	return u
}

// seller is the identity of the shop. Its name stands at the end of the title
// of a list, and at the beginning of that of a home page.
func (p *page) seller() tracker.SellerIdentity {
	name := strings.TrimSuffix(p.Shop.Title, " - 京东")
	if i := strings.LastIndex(name, "- "); i >= 0 {
		name = name[i+2:]
	}
	return market.Seller(p.Shop.Shop, p.Shop.Vender, strings.TrimSpace(name))
}

// answered reports whether JD itself answered with the wanted page: to the call
// for the list that stands behind it, or, where the page made none, with the
// document.
func (p *page) answered() bool {
	pages := slices.DeleteFunc(slices.Clone(p.calls), func(c *market.Call) bool { return callPage(c) == 0 })
	if len(pages) > 0 {
		return slices.ContainsFunc(pages, func(c *market.Call) bool { return callPage(c) == p.wanted && c.Status == 200 && c.Err == "" })
	}
	return p.status == 200 && max(pageOf(p.document.String()), 1) == p.wanted
}

// callPage is the number of the page that a call asks for; 0 when it asks for
// another module than the list.
func callPage(c *market.Call) int {
	u, err := url.Parse(c.URL)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(u.Query().Get("pageNo"))
	return max(n, 0)
}
