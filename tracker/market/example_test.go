package market_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// A village is a storefront of a marketplace that answers in JSON. It shows all
// that a marketplace has to know; those of shopwatch are in packages below this
// one, and package all lists them.
type village struct{ address string }

// villages is that marketplace.
func villages() *market.Market {
	return &market.Market{
		Name: "village", Title: "Village", Addresses: "NAME.village.example", Parser: 1,
		Match: func(u *url.URL) bool { return strings.HasSuffix(u.Hostname(), ".village.example") },
		Open: func(u *url.URL, _ any) (market.Storefront, error) {
			return village{"https://" + u.Hostname() + "/products.json"}, nil
		},
	}
}

func (v village) Home(host string) bool       { return strings.HasSuffix(host, ".village.example") }
func (v village) Transport() market.Transport { return market.OverHTTP }

func (v village) Entries() []market.Request { return []market.Request{v.page(1)} }

func (v village) page(n int) market.Request {
	return market.Request{URL: v.address + "?page=" + strconv.Itoa(n), Page: n}
}

func (v village) Next(read []market.Listing) (*market.Request, string) {
	if stop := market.Stop(read); stop != "" {
		return nil, stop
	}
	next := v.page(len(read) + 1)
	return &next, ""
}

func (v village) Read(a *market.Answer) (market.Reading, error) {
	if a.Status == 403 {
		return market.Reading{State: &market.State{Name: "wall", Verdict: tracker.Blocked, Reason: "the village refuses to answer"}}, nil
	}
	var page struct {
		Pages    int
		Products []tracker.Product
	}
	if err := json.Unmarshal(a.Body, &page); err != nil {
		return market.Reading{}, fmt.Errorf("read the page: %w", err)
	}
	n := a.Request.Page
	l := market.Listing{Layout: "json", Page: n, Pages: page.Pages, Last: n == page.Pages, Next: n + 1}
	seen := map[tracker.ProductID]bool{}
	for _, p := range page.Products {
		l.Take(p, nil, seen)
	}
	return market.Reading{Listing: l}, nil
}

func (v village) Assess(pages []market.Listing) market.Completeness { return market.Assess(pages) }

func (v village) ItemPage(p *tracker.Product) market.Request {
	return market.Request{URL: p.URL, Product: p.ID}
}

func (v village) ReadItem(a *market.Answer) market.ItemFinding {
	if a.Status == 410 {
		return market.ItemFinding{State: tracker.PageGone, Reason: "its page answers 410"}
	}
	return market.ItemFinding{State: tracker.PageUnknown, Reason: "its page says nothing"}
}

// A marketplace says what to ask, and reads what came of it. Asking is done by
// package scan.
func Example() {
	markets := market.Set{villages()}
	m, storefront, err := markets.Open(tracker.Storefront{URL: "https://tencent.village.example/"})
	if err != nil {
		fmt.Println(err)
		return
	}
	answers := map[string]string{
		"https://tencent.village.example/products.json?page=1": `{"Pages": 2, "Products": [{"id": "1", "title": "chat robot"}, {"id": "2", "title": "projector"}]}`,
		"https://tencent.village.example/products.json?page=2": `{"Pages": 2, "Products": [{"id": "3", "title": "watch"}]}`,
	}
	var read []market.Listing
	next, stop := &storefront.Entries()[0], ""
	for next != nil {
		fmt.Println(m.Title, "is asked for", next.URL)
		reading, err := storefront.Read(&market.Answer{Request: *next, Status: 200, Body: []byte(answers[next.URL])})
		if err != nil {
			fmt.Println(err)
			return
		}
		reading.Listing.Request = *next
		read = append(read, reading.Listing)
		next, stop = storefront.Next(read)
	}
	whole := storefront.Assess(read)
	fmt.Printf("%s; complete: %v, %d products\n", stop, whole.Complete, len(whole.Products))

	without := storefront.Assess(read[:1])
	fmt.Printf("without the second page: complete: %v, because %s\n", without.Complete, without.Reason)

	wall, err := storefront.Read(&market.Answer{Request: storefront.Entries()[0], Status: 403})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %s\n", wall.State.Verdict, wall.State.Reason)
	// Output:
	// Village is asked for https://tencent.village.example/products.json?page=1
	// Village is asked for https://tencent.village.example/products.json?page=2
	// last page; complete: true, 3 products
	// without the second page: complete: false, because 1 of 2 pages were read
	// blocked: the village refuses to answer
}

// An address alone tells the marketplace, where it has addresses of its own.
func ExampleSet_Find() {
	m, err := market.Set{villages()}.Find("https://tencent.village.example/")
	fmt.Println(m.Title, err)
	// Output: Village <nil>
}
