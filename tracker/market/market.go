// Package market holds what differs between marketplaces: their addresses,
// when a page is ready, what state it is in, how a list is parsed, and how an
// item page is judged. It is pure: a page goes in, facts come out.
package market

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"shopwatch/tracker"
)

// A Market is a marketplace as data and functions. Adding one is one file and
// one line in All.
type Market struct {
	Name  string // in the configuration and in output: "tmall"
	Hosts string // for messages: which addresses belong to it
	// Storefront reads an address as one of its storefronts; false when it is
	// none.
	Storefront func(*url.URL) (Address, bool)
	// Script is what the browser installs in every page (browser.TabOptions).
	Script string
	// Blocked are patterns of addresses that nothing here needs, Pictures
	// those of pictures, which are fetched afterwards where they are needed
	// (browser.TabOptions).
	Blocked  []string
	Pictures []string
	// Calls picks the page's own requests whose answers count, and Body those
	// whose content is wanted.
	Calls func(*url.URL) bool
	Body  func(u *url.URL, bytes int64) bool
	// States tell what state a page is in; the first that holds counts.
	States []State
	// Parse reads a listing page that is in no state of refusal.
	Parse func(*Page) Listing
	// Item judges an item page; Wall is set when it also shows a wall.
	Item func(*Page) ItemFinding
	// ItemURL is the address of a product's page when its own is not known.
	ItemURL func(tracker.ProductID) string
	Login   Login
}

// All are the marketplaces that shopwatch knows.
func All() []*Market { return []*Market{Tmall()} }

// An Address is a storefront's place on its marketplace.
type Address struct {
	// Listings are addresses of the first listing page, to be tried in turn
	// until one shows a list of a known layout.
	Listings []string
}

// Page returns the address of a listing page, counted from 1.
func (a Address) Page(listing string, n int) string {
	if n <= 1 {
		return listing
	}
	u, err := url.Parse(listing)
	if err != nil {
		return listing
	}
	q := u.Query()
	q.Set("pageNo", fmt.Sprint(n))
	u.RawQuery = q.Encode()
	return u.String()
}

// Find returns the marketplace of a storefront's address. Its error says which
// addresses are understood.
func Find(address string) (*Market, Address, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, Address{}, fmt.Errorf("%q is not an address: %w", address, err)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return nil, Address{}, fmt.Errorf("%q is not a web address; write it like https://tencent.tmall.com/", address)
	}
	var known []string
	for _, m := range All() {
		if a, ok := m.Storefront(u); ok {
			return m, a, nil
		}
		known = append(known, m.Hosts)
	}
	return nil, Address{}, fmt.Errorf("%s is no storefront that shopwatch can read; known are %s", u.Hostname(), strings.Join(known, ", "))
}

// By returns the marketplace of that name.
func By(name string) (*Market, error) {
	var names []string
	for _, m := range All() {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return nil, fmt.Errorf("no marketplace %q; known are %s", name, strings.Join(names, ", "))
}

// A Page is what the browser saw of a page: what the market's script reports,
// and what came over the network.
type Page struct {
	URL    string `json:"url"` // of the main frame
	Status int    `json:"-"`   // HTTP of the main document; 0 when unknown
	Title  string `json:"title"`
	Why    string `json:"why"`   // what ended the wait
	Wall   string `json:"wall"`  // the visible wall's name in the script; empty when there is none
	Frame  string `json:"frame"` // address of the wall's frame
	Text   string `json:"text"`  // the beginning of the visible text; empty when a list was read
	Shop   struct {
		ID     string `json:"id"`
		Seller string `json:"seller"`
		Name   string `json:"name"`
	} `json:"shop"`
	List   *shelf     `json:"list"`
	React  *reactPage `json:"react"`
	Detail *detail    `json:"item"`

	Wanted int               `json:"-"` // the number of the listing page that was asked for
	Asked  tracker.ProductID `json:"-"` // the product whose item page was asked for
	Calls  []Call            `json:"-"`
}

// A Call is the answer to one of the page's own requests, as NewCall reads it.
type Call struct {
	address *url.URL
	status  int    // HTTP; 0 when no answer came
	err     string // why none came
	refusal refusal
	api     *mtop // nil for other calls, and for answers that are none
}

// NewCall reads an answer once, whatever is asked of it later: its HTTP
// status, why there is none, and its body, where that is of interest.
func NewCall(address string, status int, failure string, body []byte) Call {
	c := Call{status: status, err: failure, address: &url.URL{}}
	if u, err := url.Parse(address); err == nil {
		c.address = u
	}
	if listCall(c.address) {
		c.refusal = refusalOf(body)
	}
	if mtopCall(c.address) {
		c.api = mtopOf(c.address, body)
	}
	return c
}

// Forget drops the products of an answer that is of a page up to the given
// one: those have been parsed. The next page may have come early.
func (c *Call) Forget(page int) {
	if c.api != nil && c.api.shelf != nil && c.api.shelf.Page.int() <= page {
		c.api.shelf.Items = nil
	}
}

// host and path of the main frame.
func (p *Page) host() string { return p.address().Hostname() }
func (p *Page) path() string { return p.address().Path }

func (p *Page) address() *url.URL {
	u, err := url.Parse(p.URL)
	if err != nil {
		return &url.URL{}
	}
	return u
}

// What is taken of a page at most, in bytes. A page may hold anything, and what
// is read of it is kept for ever.
const (
	longestPage    = 8 << 20 // of what the market's script returns
	longestAddress = 2000
	longestTitle   = 3000
	longestName    = 200 // of a shop
	longestID      = 40
)

// clip cuts a text to at most so many bytes, between characters. Nothing keeps
// the rest of it in memory.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return strings.Clone(s[:most])
}

// Decode reads what the market's script returned.
func Decode(raw []byte) (*Page, error) {
	if len(raw) > longestPage {
		return nil, fmt.Errorf("read the page: %d bytes are more than any page has", len(raw))
	}
	var p Page
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	p.URL, p.Frame, p.Title = clip(p.URL, longestAddress), clip(p.Frame, longestAddress), clip(p.Title, longestTitle)
	return &p, nil
}

// seller is the identity that a page states, as far as it is kept.
func seller(id, seller, name string) tracker.Shop {
	return tracker.Shop{ID: clip(id, longestID), Seller: clip(seller, longestID), Name: clip(name, longestName)}
}

// A State is one state that a page can be in other than showing a list.
type State struct {
	Name    string // short, for evidence: "login overlay"
	Verdict tracker.Verdict
	// Passing says that the state may be over a moment later, so that the
	// page is worth another try.
	Passing bool
	Holds   func(*Page) bool
	// Reason says in one line what a person should know or do.
	Reason string
}

// Fleeting reports whether the state may be over a moment later; no state at all
// is not fleeting.
func (s *State) Fleeting() bool { return s != nil && s.Passing }

// State returns the first state of the market's table that holds, nil when the
// page may be read as a list.
func (m *Market) State(p *Page) *State {
	for i := range m.States {
		if m.States[i].Holds(p) {
			return &m.States[i]
		}
	}
	return nil
}

// An ItemFinding is what an item page says of its product.
type ItemFinding struct {
	State  tracker.PageState
	Reason string
	Wall   *State // the wall on the page, also when the page answers behind it
}

// A Listing is what one listing page shows.
type Listing struct {
	Layout   string // classic, cshop, react
	Page     int    // the number that the page gives itself
	Pages    int    // pages declared; 0 when it does not say
	Total    int    // products declared; 0 when it does not say
	Products []tracker.Product
	Cells    int  // entries, repeated ones counted
	Repeated int  // entries whose product stands on the same page already
	Last     bool // it says that no page follows
	Next     int  // the number to which its "next" leads; 0 when there is none
	Empty    bool // the marketplace's own "no products"
	Problems []string
	Shop     tracker.Shop
}

// take takes in one entry of the page: a product that was not met on it before,
// one that was, or what is wrong with the entry.
func (l *Listing) take(p tracker.Product, err error, seen map[tracker.ProductID]bool) {
	l.Cells++
	switch {
	case err != nil:
		l.problem("%v", err)
	case seen[p.ID]:
		l.Repeated++
	default:
		seen[p.ID] = true
		l.Products = append(l.Products, p)
	}
}

func (l *Listing) problem(format string, a ...any) {
	l.Problems = append(l.Problems, fmt.Sprintf(format, a...))
}
