package woocommerce

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// A page is what is kept of a page of the list beside what it shows.
type page struct {
	endpoint string // that answered
	declared bool   // the totals came with it
	sized    bool   // it was asked for by pageSize
}

// An entry is a product as the API writes it (NOTES.md, 2). A field that has
// another form than it should is left empty.
type entry struct {
	ID        number  `json:"id"`
	Name      string  `json:"name"`
	Type      string  `json:"type"`
	Permalink string  `json:"permalink"`
	Prices    prices  `json:"prices"`
	Images    []image `json:"images"`
	InStock   flag    `json:"is_in_stock"`
	// Variations are counted only.
	Variations []struct{} `json:"variations"`
}

type image struct {
	Src string `json:"src"`
}

// A number is written as such, or as a text of digits.
type number string

func (n *number) UnmarshalJSON(b []byte) error {
	*n = number(market.Clip(string(bytes.Trim(b, `"`)), market.MaxID))
	return nil
}

// A flag is "true" or "false", or empty where something else is written.
type flag string

func (f *flag) UnmarshalJSON(b []byte) error {
	if *f = ""; string(b) == "true" || string(b) == "false" {
		*f = flag(b)
	}
	return nil
}

// plain is a body without what plug-ins write before the JSON.
func plain(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\ufeff")))
}

// decode reads JSON. Fields of another form than they should have are left
// empty: PHP writes an empty object as a list.
func decode(body []byte, x any) error {
	var form *json.UnmarshalTypeError
	if err := json.Unmarshal(body, x); err != nil && !errors.As(err, &form) {
		return fmt.Errorf("the answer is damaged: %w", err)
	}
	return nil
}

// readList reads one page of the list and checks what it alone can prove.
func readList(a *market.Answer) (market.Reading, error) {
	var entries []entry
	body := plain(a.Body)
	if !bytes.HasPrefix(body, []byte("[")) {
		return market.Reading{}, errors.New("the answer is no list of products")
	}
	if err := decode(body, &entries); err != nil {
		return market.Reading{}, err
	}
	q := queryOf(&a.Request)
	p := &page{endpoint: q.endpoint, sized: q.sized}
	if e := endpointOf(a.URL); e != "" {
		p.endpoint = e
	}
	l := market.Listing{Layout: "Store API", Page: q.page, Next: q.page + 1, Read: p}
	seen := map[tracker.ProductID]bool{}
	for i := range entries {
		e, err := entries[i].product(p.endpoint)
		l.Take(e, err, seen)
	}
	p.declare(&l, a.Header)
	if q.page == 1 && l.Cells == 0 && !p.declared {
		return market.Reading{State: &market.State{
			Name: "nothing", Verdict: tracker.Failed, Transient: true, Reason: "the list is empty, and the shop does not say that it has no products",
		}}, nil
	}
	l.Empty = q.page == 1 && l.Cells == 0 && l.Total == 0 && len(l.Problems) == 0
	return market.Reading{Listing: l}, nil
}

// declare notes the totals that came with a page, and what they say of it.
func (p *page) declare(l *market.Listing, h http.Header) {
	total, pages := h.Get("X-WP-Total"), h.Get("X-WP-TotalPages")
	if total == "" && pages == "" {
		return
	}
	p.declared = true
	var err, err2 error
	l.Total, err = count(total)
	l.Pages, err2 = count(pages)
	if err != nil || err2 != nil {
		l.Total, l.Pages = 0, 0
		l.Problem("the declared totals %q and %q are no numbers", market.Clip(total, 20), market.Clip(pages, 20))
		return
	}
	l.Last = l.Page >= l.Pages
	if !p.sized {
		return // the size of pages is the shop's
	}
	if want := (l.Total + pageSize - 1) / pageSize; l.Pages != want {
		l.Problem("%d products are declared on %d pages of %d", l.Total, l.Pages, pageSize)
	}
	if want := min(max(l.Total-(l.Page-1)*pageSize, 0), pageSize); l.Cells != want {
		l.Problem("it has %d products where %d are declared", l.Cells, want)
	}
}

// count reads a declared number of products or pages.
func count(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 24)
	return int(n), err
}

// Assess says whether the pages are the whole list: their products are as many as
// declared, or where a proxy drops the totals, they lead to an empty page
// (NOTES.md, 3).
func (*storefront) Assess(read []market.Listing) market.Completeness {
	pages := slices.DeleteFunc(slices.Clone(read), func(l market.Listing) bool { return l.Witness })
	var notes []string
	declared := func(l market.Listing) bool { return l.Read.(*page).declared }
	if n := len(pages); n > 1 && !slices.ContainsFunc(pages, declared) && pages[n-1].Cells == 0 && len(pages[n-1].Problems) == 0 {
		pages = pages[:n-1]
		pages[n-2].Last = true
		notes = append(notes, "the shop declares no total; its list was read up to an empty page")
	}
	c := market.Assess(pages)
	if circles(read) {
		const reason = "redirects between the hosts of the shop forget what was asked for: write the address at which the shop answers"
		c.Doubt(reason, false)
		c.Reason = reason
	}
	if len(pages) > 1 && pages[0].Read.(*page).sized && pages[0].Cells < pageSize {
		c.Doubt(fmt.Sprintf("page 1 has %d products of %d, yet more follow", pages[0].Cells, pageSize), false)
	}
	if len(pages) > 0 && !pages[0].Read.(*page).sized {
		notes = append(notes, fmt.Sprintf("read by %d products a page, because the shop refuses to be asked for %d", pages[0].Cells, pageSize))
	}
	if mixed := market.OneCurrency(c.Products); mixed != "" {
		notes = append(notes, "prices came in several currencies ("+mixed+") and are left out")
	}
	c.Warnings = append(c.Warnings, notes...)
	return c
}

// productID is the number of a post in WordPress.
var productID = regexp.MustCompile(`^[1-9]\d{0,17}$`)

// product reads an entry of the list at an endpoint.
func (e *entry) product(endpoint string) (tracker.Product, error) {
	id := string(e.ID)
	if !productID.MatchString(id) {
		return tracker.Product{}, fmt.Errorf("an entry has no number but %q", id)
	}
	title := clean(e.Name)
	if title == "" {
		return tracker.Product{}, fmt.Errorf("product %s has no name", id)
	}
	p := tracker.Product{ID: tracker.ProductID(id), Title: title, URL: e.link(endpoint), Price: e.Prices.price(e.Type), Variants: len(e.Variations)}
	if len(e.Images) > 0 {
		p.Image = picture(e.Images[0].Src)
	}
	switch e.InStock {
	case "true":
		p.Availability = tracker.Available
	case "false":
		p.Availability = tracker.SoldOut
	}
	return p, nil
}

// clean is a name without its HTML entities, its white space folded.
func clean(name string) string {
	return market.Clip(strings.Join(strings.Fields(html.UnescapeString(market.Clip(name, 4*market.MaxTitle))), " "), market.MaxTitle)
}

// link is the page of a product for people: its own, when that is on the shop's
// host, else the short one that WordPress has for every number.
func (e *entry) link(endpoint string) string {
	api, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	u, err := url.Parse(e.Permalink)
	if err == nil && len(e.Permalink) <= market.MaxAddress && u.User == nil && (u.Scheme == "https" || u.Scheme == api.Scheme) &&
		strings.TrimPrefix(u.Host, "www.") == strings.TrimPrefix(api.Host, "www.") {
		u.Fragment, u.RawFragment = "", ""
		return u.String()
	}
	path, _, _ := strings.Cut(api.EscapedPath(), "/wp-json")
	return api.Scheme + "://" + api.Host + strings.TrimRight(path, "/") + "/?p=" + string(e.ID)
}

// picture is the address of a picture, "" for one that is none.
func picture(src string) string {
	u, err := url.Parse(strings.TrimSpace(src))
	if err != nil || len(src) > market.MaxAddress || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String()
}
