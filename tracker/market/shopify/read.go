package shopify

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/sitemap"
)

func (s *storefront) Read(a *market.Answer) (market.Reading, error) {
	if st := s.state(a); st != nil {
		return market.Reading{State: st}, nil
	}
	f := &fact{base: baseOf(a.URL)}
	l := market.Listing{Witness: true, Read: f}
	var err error
	switch kindOf(&a.Request) {
	case metaData:
		err = f.readMeta(a)
		l.Seller = market.Seller(string(f.meta.ID), "", f.meta.Name)
	case cartData:
		err = f.readCart(a)
	case itemData:
		err = f.readItemData(a)
	case shelfData:
		err = f.readShelf(a)
	case secondLook:
		return s.readAgain(a, f), nil
	case feedPage:
		return s.readFeed(a, f)
	case mapIndex:
		if err = f.readIndex(a, s.folder); err != nil && !a.Request.Witness {
			return market.Reading{State: &market.State{Name: "no list", Verdict: tracker.Failed, Reason: "the shop has closed its list of products, and its sitemap says nothing: " + err.Error()}}, nil
		}
	case mapFile:
		err = f.readFile(a, s.folder)
	case itemPage:
		return s.readItem(a, f)
	}
	switch {
	case err == nil:
	case a.Status == http.StatusNotFound || a.Status == http.StatusGone:
		f.absent = err.Error()
	default:
		l.Problem("%v", err)
	}
	return market.Reading{Listing: l}, nil
}

// baseOf is the scheme and host of an address.
func baseOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// decode reads an answer in JSON. Fields of another form than they should have are
// left empty.
func decode(a *market.Answer, x any) error {
	if a.Status != http.StatusOK {
		return fmt.Errorf("status %d", a.Status)
	}
	body := bytes.TrimPrefix(bytes.TrimSpace(a.Body), []byte("\ufeff"))
	if !bytes.HasPrefix(body, []byte("{")) {
		return errors.New("a page where data should be")
	}
	var form *json.UnmarshalTypeError
	if err := json.Unmarshal(body, x); err != nil && !errors.As(err, &form) {
		return fmt.Errorf("damaged data: %w", err)
	}
	return nil
}

// meta is what the shop says of itself.
type meta struct {
	ID       number `json:"id"`
	Name     string `json:"name"`
	Country  string `json:"country"`
	Currency string `json:"currency"`
}

var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

func (f *fact) readMeta(a *market.Answer) error {
	var m meta
	if err := decode(a, &m); err != nil {
		return err
	}
	if !country.MatchString(m.Country) {
		m.Country = ""
	}
	if !currencyCode.MatchString(m.Currency) {
		m.Currency = ""
	}
	m.Name = market.Clip(m.Name, market.MaxName)
	f.meta = m
	return nil
}

func (f *fact) readCart(a *market.Answer) error {
	var cart struct {
		Currency string `json:"currency"`
	}
	if err := decode(a, &cart); err != nil {
		return err
	}
	return f.name(cart.Currency)
}

// name notes the currency of the visit.
func (f *fact) name(currency string) error {
	if !currencyCode.MatchString(currency) {
		return errors.New("it names no currency")
	}
	f.currency = currency
	return nil
}

func (f *fact) readItemData(a *market.Answer) error {
	var item struct {
		Product struct {
			Variants []struct {
				Currency string `json:"price_currency"`
			} `json:"variants"`
		} `json:"product"`
	}
	if err := decode(a, &item); err != nil {
		return err
	}
	if len(item.Product.Variants) == 0 {
		return errors.New("it names no currency")
	}
	return f.name(item.Product.Variants[0].Currency)
}

func (f *fact) readShelf(a *market.Answer) error {
	var shelf struct {
		Collection struct {
			Count *int `json:"products_count"`
		} `json:"collection"`
	}
	if err := decode(a, &shelf); err != nil {
		return err
	}
	if shelf.Collection.Count == nil || *shelf.Collection.Count < 0 {
		return errors.New("it does not say how many products it has")
	}
	f.count = *shelf.Collection.Count
	return nil
}

// A feed is one page of the list. Only one with products says something of them.
type feed struct {
	Products *[]entry        `json:"products"`
	Errors   json.RawMessage `json:"errors"`
}

// readFeed reads a page of the feed. A first page that is not there, or empty, is
// a closed feed: the shop may live on all the same.
func (s *storefront) readFeed(a *market.Answer, f *fact) (market.Reading, error) {
	page := a.Request.Page
	if f.again = forgot(a); f.again {
		return market.Reading{Listing: market.Listing{Witness: true, Read: f}}, nil
	}
	closed := func(why string) (market.Reading, error) {
		f.closed = why
		return market.Reading{Listing: market.Listing{Witness: true, Read: f}}, nil
	}
	whole := page == 1 && s.collection == ""
	switch {
	case whole && (a.Status == http.StatusNotFound || a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden || a.Status == http.StatusGone):
		return closed(fmt.Sprintf("status %d", a.Status))
	case whole && a.Status == http.StatusOK && a.HTML():
		return closed("a page in its place")
	}
	l := market.Listing{Layout: "feed", Page: page, Next: page + 1, Read: f}
	var x feed
	b := *a
	b.Status = http.StatusOK // an error of the feed comes with one or the other
	if err := decode(&b, &x); err != nil {
		return market.Reading{}, fmt.Errorf("page %d of the list, status %d: %w", page, a.Status, err)
	}
	switch {
	case len(x.Errors) > 0 && page > 1:
		l.Problem("the shop refuses it: %s", market.Clip(string(x.Errors), 200))
	case a.Status != http.StatusOK || x.Products == nil:
		return market.Reading{State: &market.State{
			Name: "no list", Verdict: tracker.Failed, Transient: true,
			Reason: fmt.Sprintf("the shop answers with status %d and no list of products %s", a.Status, market.Clip(string(x.Errors), 200)),
		}}, nil
	case len(*x.Products) == 0 && whole:
		return closed("it lists nothing")
	case len(*x.Products) == 0 && page == 1:
		l.Empty = true // what the collection says of itself decides
	case len(*x.Products) == 0:
		f.end, l.Witness = true, true
	default:
		f.take(&l, *x.Products, s.products(f.base), pinned(&a.Request))
	}
	return market.Reading{Listing: l}, nil
}

// forgot reports whether a redirect to another host of the shop lost the question.
func forgot(a *market.Answer) bool {
	asked, err := url.Parse(a.Request.URL)
	u, err2 := url.Parse(a.URL)
	return err == nil && err2 == nil && u.Host != asked.Host && u.Path == asked.Path && u.Query().Get("page") != asked.Query().Get("page")
}

// pinned is the country that a request pins.
func pinned(r *market.Request) string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return ""
	}
	return u.Query().Get("country")
}

// products is where the pages of products are.
func (s *storefront) products(base string) string { return base + s.folder + "/products/" }

// take takes in the products of a page.
func (f *fact) take(l *market.Listing, entries []entry, at, country string) {
	f.amounts = make(map[tracker.ProductID]amounts, len(entries))
	seen := make(map[tracker.ProductID]bool, len(entries))
	for i := range entries {
		p, err := entries[i].product(at, country)
		l.Take(p.Product, err, seen)
		if err == nil {
			f.amounts[p.ID] = p.amounts
		}
	}
}

// readAgain reads the first page of the feed once more, of which only the order
// counts.
func (s *storefront) readAgain(a *market.Answer, f *fact) market.Reading {
	l := market.Listing{Witness: true, Read: f}
	var x feed
	if err := decode(a, &x); err != nil || x.Products == nil {
		l.Problem("page 1 did not come again")
		return market.Reading{Listing: l}
	}
	for i := range *x.Products {
		f.ids = append(f.ids, tracker.ProductID((*x.Products)[i].ID))
	}
	return market.Reading{Listing: l}
}

// readItem reads a product that the sitemap lists. One that is not there any more
// is no page of the list.
func (s *storefront) readItem(a *market.Answer, f *fact) (market.Reading, error) {
	gone := market.Reading{Listing: market.Listing{Witness: true, Read: f}}
	if a.Status == http.StatusNotFound || a.Status == http.StatusGone || a.Status == http.StatusOK && a.HTML() && len(a.Via) > 0 {
		return gone, nil // the sitemap lags
	}
	var item itemEntry
	if err := decode(a, &item); err != nil {
		return market.Reading{}, err
	}
	l := market.Listing{Layout: "sitemap", Page: a.Request.Page, Read: f}
	f.take(&l, []entry{item.entry()}, s.products(f.base), pinned(&a.Request))
	return market.Reading{Listing: l}, nil
}

// What is taken of a sitemap at most. No feed lists as many products.
const (
	mostFiles   = 50
	mostHandles = 30_000
)

// readIndex reads which files of products the sitemap has, in the shop's language
// or market.
func (f *fact) readIndex(a *market.Answer, folder string) error {
	asked, err := url.Parse(f.base)
	if err != nil {
		return err
	}
	return locations(a, func(u *url.URL) error {
		if bare(u.Host) != bare(asked.Host) || u.Scheme != asked.Scheme || !strings.HasPrefix(u.Path, folder+"/sitemap_products_") {
			return nil
		}
		if len(f.files) == mostFiles {
			return errors.New("it has too many files")
		}
		u.Host = strings.ToLower(u.Host)
		f.files = append(f.files, u.String())
		return nil
	})
}

// readFile reads the handles of the products in a file of the sitemap. The home
// page is among its addresses.
func (f *fact) readFile(a *market.Answer, folder string) error {
	seen := map[string]bool{}
	return locations(a, func(u *url.URL) error {
		handle, ok := strings.CutPrefix(u.Path, folder+"/products/")
		if !ok || !validHandle(handle) || seen[handle] {
			return nil
		}
		if seen[handle] = true; len(seen) > mostHandles {
			return errors.New("it has too many products")
		}
		f.handles = append(f.handles, handle)
		return nil
	})
}

// locations calls each with the addresses of a sitemap.
func locations(a *market.Answer, each func(*url.URL) error) error {
	if a.Status != http.StatusOK {
		return fmt.Errorf("status %d", a.Status)
	}
	f, err := sitemap.Read(a.Body)
	if err != nil {
		return err
	}
	for _, address := range f.Addresses {
		u, err := url.Parse(address)
		if err != nil {
			continue
		}
		if err := each(u); err != nil {
			return err
		}
	}
	return nil
}
