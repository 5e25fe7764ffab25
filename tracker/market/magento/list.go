package magento

import (
	"encoding/base64"
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

// products are a page of a list (NOTES.md, 2).
type products struct {
	Total *count `json:"total_count"`
	Info  *info  `json:"page_info"`
	Items []item `json:"items"`
}

type info struct {
	Current count `json:"current_page"`
	Size    count `json:"page_size"`
	Pages   count `json:"total_pages"`
}

// A count is a number of products or pages; -1 when what stands there is none.
type count int

func (c *count) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseUint(string(b), 10, 24)
	if *c = count(n); err != nil {
		*c = -1
	}
	return nil
}

// An item is a product as the API writes it.
type item struct {
	Type   string `json:"__typename"`
	UID    string `json:"uid"`
	Name   string `json:"name"`
	Key    string `json:"url_key"`
	Suffix string `json:"url_suffix"`
	Stock  string `json:"stock_status"`
	Image  struct {
		URL string `json:"url"`
	} `json:"image"`
	Range struct {
		Minimum amount `json:"minimum_price"`
		Maximum amount `json:"maximum_price"`
	} `json:"price_range"`
}

type amount struct {
	Final money `json:"final_price"`
}

type money struct {
	Value    json.Number `json:"value"`
	Currency string      `json:"currency"`
}

// UnmarshalJSON leaves an amount empty that is written in another form.
func (m *money) UnmarshalJSON(b []byte) error {
	type plain money
	var p plain
	if json.Unmarshal(b, &p) == nil {
		*m = money(p)
	}
	return nil
}

// decode reads JSON. Fields of another form than they should have are left
// empty.
func decode(body []byte, x any) error {
	var form *json.UnmarshalTypeError
	if err := json.Unmarshal(body, x); err != nil && !errors.As(err, &form) {
		return fmt.Errorf("the answer is damaged: %w", err)
	}
	return nil
}

// a page is what is kept of a page of the list beside what it shows.
type page struct {
	store string // the code of the store view that answered
}

// readList reads one page of the list and checks what it alone can prove.
func (s *storefront) readList(a *market.Answer) (market.Reading, error) {
	var answer struct {
		Errors []apiError `json:"errors"`
		Data   struct {
			Store struct {
				Code string `json:"store_code"`
			} `json:"storeConfig"`
			Products *products `json:"products"`
		} `json:"data"`
	}
	if err := decode(plain(a.Body), &answer); err != nil {
		return market.Reading{}, err
	}
	p := answer.Data.Products
	if p == nil {
		reason := "the API answers without a list"
		if len(answer.Errors) > 0 {
			reason = "the API reports: " + answer.Errors[0].String()
		}
		return market.Reading{State: &market.State{Name: "no list", Verdict: tracker.Failed, Transient: true, Reason: reason}}, nil
	}
	store := market.Clip(answer.Data.Store.Code, market.MaxID)
	if s.Store != "" && !strings.EqualFold(store, s.Store) {
		return market.Reading{State: &market.State{Name: "another store view", Verdict: tracker.Failed, Transient: true, Reason: fmt.Sprintf("store view %q answers, not %s", store, s.Store)}}, nil
	}
	l := market.Listing{Layout: "GraphQL", Read: &page{store}}
	for _, e := range answer.Errors[:min(len(answer.Errors), 3)] {
		l.Problem("the API reports an error beside the list: %s", &e)
	}
	seen := map[tracker.ProductID]bool{}
	for i := range p.Items {
		product, err := s.product(&p.Items[i])
		l.Take(product, err, seen)
	}
	s.declare(&l, p, a.Request.Page)
	return market.Reading{Listing: l}, nil
}

// mostCounted is how many results a search of Magento counts, unless it is told
// otherwise.
const mostCounted = 10_000

// declare notes the totals that came with a page, and what they say of it.
func (s *storefront) declare(l *market.Listing, p *products, asked int) {
	if p.Info == nil || p.Total == nil || *p.Total < 0 || p.Info.Pages < 0 {
		l.Page, l.Next = asked, asked+1
		l.Problem("the API does not say how many products there are")
		return
	}
	l.Page, l.Pages, l.Total = int(p.Info.Current), int(p.Info.Pages), int(*p.Total)
	l.Next, l.Last = l.Page+1, l.Page >= l.Pages
	size := s.PageSize
	if n := int(p.Info.Size); n > 0 && n < size {
		size = n // the most that the shop allows
	}
	if l.Page != asked {
		l.Problem("asked for page %d, got page %d", asked, l.Page)
		return
	}
	if l.Pages != (l.Total+size-1)/size {
		l.Problem("%d products are declared on %d pages of %d", l.Total, l.Pages, size)
	}
	if want := min(max(l.Total-(l.Page-1)*size, 0), size); l.Cells != want {
		l.Problem("it has %d products where %d are declared", l.Cells, want)
	}
	if l.Total == mostCounted {
		l.Cut = fmt.Sprintf("the shop counts no more than %d products", mostCounted)
	}
	l.Empty = asked == 1 && l.Total == 0 && l.Cells == 0 && len(l.Problems) == 0
}

// Assess says whether the pages are the whole list. Pages of different store
// views have different titles and prices, so that nothing on them counts.
func (*storefront) Assess(pages []market.Listing) market.Completeness {
	c := market.Assess(pages)
	for i := range pages {
		first, p := pages[0].Read.(*page), pages[i].Read.(*page)
		if p.store != first.store {
			c.Products = nil
			c.Doubt(fmt.Sprintf("page 1 is of store view %q, page %d of %q", first.store, i+1, p.store), true)
			break
		}
	}
	if mixed := market.OneCurrency(c.Products); mixed != "" {
		c.Warnings = append(c.Warnings, "prices came in several currencies ("+mixed+") and are left out")
	}
	return c
}

// uid is how the API writes the number of a product.
var uid = regexp.MustCompile(`^[A-Za-z0-9+/_-]{1,40}={0,2}$`)

var digits = regexp.MustCompile(`^[1-9]\d{0,17}$`)

// number is the product's number in the shop, which a uid writes in base64.
func number(id string) (tracker.ProductID, error) {
	if !uid.MatchString(id) {
		return "", fmt.Errorf("an entry has no uid but %.50q", id)
	}
	if n, err := base64.StdEncoding.DecodeString(id); err == nil && digits.Match(n) {
		return tracker.ProductID(n), nil
	}
	return tracker.ProductID(id), nil
}

// product reads an entry of the list.
func (s *storefront) product(it *item) (tracker.Product, error) {
	id, err := number(it.UID)
	if err != nil {
		return tracker.Product{}, err
	}
	title := clean(it.Name)
	if title == "" {
		return tracker.Product{}, fmt.Errorf("product %s has no name", id)
	}
	return tracker.Product{
		ID: id, Title: title, URL: s.address(it.Key, it.Suffix), Image: picture(it.Image.URL), Price: it.price(), Availability: availability[it.Stock],
	}, nil
}

// availability is what a stock status says.
var availability = map[string]tracker.Availability{"IN_STOCK": tracker.Available, "OUT_OF_STOCK": tracker.SoldOut}

// price is what a product costs. The members of a group are sold one by one, so
// that a group costs what the cheapest of them does at least.
func (it *item) price() tracker.Price {
	minimum, maximum := it.Range.Minimum.Final, it.Range.Maximum.Final
	low, ok := market.Minor(minimum.Value.String(), minimum.Currency)
	if !ok {
		return tracker.Price{}
	}
	p := tracker.Price{Kind: tracker.PriceExact, Low: low, Currency: minimum.Currency}
	high, ok := market.Minor(maximum.Value.String(), maximum.Currency)
	switch {
	case it.Type == "GroupedProduct":
		p.Kind = tracker.PriceFrom
	case ok && maximum.Currency == minimum.Currency && high > low:
		p.Kind, p.High = tracker.PriceRange, high
	case !ok && (it.Type == "ConfigurableProduct" || it.Type == "BundleProduct"):
		p.Kind = tracker.PriceFrom
	}
	return p
}

// clean is a name without HTML entities, its white space folded.
func clean(name string) string {
	return market.Clip(strings.Join(strings.Fields(html.UnescapeString(market.Clip(name, 4*market.MaxTitle))), " "), market.MaxTitle)
}

// address is the page of a product for people, "" where that is not known.
func (s *storefront) address(key, suffix string) string {
	suffix, slash := strings.CutSuffix(suffix, "/")
	if !segment(key) || suffix != "" && !segment(suffix) || len(key)+len(suffix) > 500 {
		return ""
	}
	address := s.base + "/" + url.PathEscape(key+suffix)
	if slash {
		address += "/"
	}
	return address
}

// segment reports whether a text is one segment of a path.
func segment(text string) bool {
	return strings.Trim(text, ".") != "" && !strings.ContainsAny(text, "/\\?#%") && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd })
}

// resized is the part of a picture's address that names a size in the shop's
// cache; it changes with the theme.
var resized = regexp.MustCompile(`/cache/[0-9a-f]{32}/|/cache/\d/[a-z_]+/(?:\d+x\d*/)?[0-9a-f]{32}/`)

// picture is the address of a picture in its full size, "" for one that is none.
func picture(src string) string {
	u, err := url.Parse(strings.TrimSpace(src))
	if err != nil || len(src) > market.MaxAddress || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || strings.Contains(u.Path, "/placeholder/") {
		return ""
	}
	u.RawQuery, u.Fragment, u.RawFragment, u.RawPath = "", "", "", ""
	u.Path = resized.ReplaceAllString(u.Path, "/")
	return u.String()
}
