package magento_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/magento"
)

const shop = "https://shop.example"

func storefront(t testing.TB, options string) market.Storefront {
	t.Helper()
	sf, err := magento.Market().Storefront(shop+"/", options)
	if err != nil {
		t.Fatal(err)
	}
	return sf
}

// answer is what came of asking for a page of the list.
func answer(sf market.Storefront, page int, body string) *market.Answer {
	r := sf.Entries()[0]
	r.Page = page
	return &market.Answer{Request: r, URL: r.URL, Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
}

// list is an answer with a page of a list.
func list(items, info string) string {
	return `{"data":{"storeConfig":{"store_code":"default"},"products":{` + info + `,"items":[` + items + `]}}}`
}

const one = `"total_count":1,"page_info":{"current_page":1,"page_size":100,"total_pages":1}`

func read(t testing.TB, sf market.Storefront, a *market.Answer) market.Listing {
	t.Helper()
	r, err := sf.Read(a)
	if err != nil || r.State != nil {
		t.Fatalf("state %+v, error %v", r.State, err)
	}
	r.Listing.Request = a.Request
	return r.Listing
}

// Saved real answers, which stay outside of the project: five of the 100
// products of page 1 of 8, without the currency, which was not asked for.
func TestRealShopOf2026(t *testing.T) {
	const name = "magento_graphql_2026-07-20_madar_p1of8_5of100.json"
	body, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "real", name))
	if os.IsNotExist(err) {
		t.Skipf("no saved real page %s here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	var saved struct {
		Page struct {
			Info  json.RawMessage `json:"page_info"`
			Items json.RawMessage `json:"items"`
		} `json:"products_page1_trimmed"`
	}
	if err := json.Unmarshal(body, &saved); err != nil {
		t.Fatal(err)
	}
	sf, err := magento.Market().Storefront("https://www.madar.com/", "")
	if err != nil {
		t.Fatal(err)
	}
	items := strings.Trim(string(saved.Page.Items), "[] \n")
	l := read(t, sf, answer(sf, 1, list(items, `"total_count":760,"page_info":`+string(saved.Page.Info))))
	c := sf.Assess([]market.Listing{l})
	if c.Complete || len(c.Products) != 5 || c.Declared.Pages != 8 || !strings.Contains(c.Reason, "5 products where 100 are declared") {
		t.Fatalf("complete %v with %d products of %+v (%s), want 5, page 1 of 8", c.Complete, len(c.Products), c.Declared, c.Reason)
	}
	var got []string
	for _, p := range c.Products {
		got = append(got, string(p.ID)+" "+p.URL)
		if p.Price.Known() {
			t.Errorf("price %s without a currency", p.Price)
		}
	}
	if want := "7490 https://www.madar.com/72702007, 7483 https://www.madar.com/71231005, 7482 https://www.madar.com/71231004, 6880 https://www.madar.com/12512-tsp, 6134 https://www.madar.com/panasonic-flexible-steel-conduit-thailand"; strings.Join(got, ", ") != want {
		t.Errorf("products = %s", strings.Join(got, ", "))
	}
	// With the currency, as it is asked for now.
	l = read(t, sf, answer(sf, 1, list(strings.ReplaceAll(items, `"value":`, `"currency":"SAR","value":`), one)))
	for i, want := range []string{"22.34", "65.21", "30.19", "50.40", "150.94"} {
		if p := l.Products[i].Price; p.String() != want || p.Currency != "SAR" {
			t.Errorf("price %d = %s %s, want %s", i, p, p.Currency, want)
		}
	}
}

// price is a price range as the API writes it.
func price(low, high string) string {
	at := func(v string) string { return `{"final_price":{"value":` + v + `,"currency":"EUR"}}` }
	r := `"price_range":{"minimum_price":` + at(low)
	if high != "" {
		r += `,"maximum_price":` + at(high)
	}
	return r + "}"
}

func TestItems(t *testing.T) {
	const base = `"uid":"Nw==","name":"x","url_key":"x","url_suffix":".html"`
	for _, c := range []struct {
		rule, item string
		want       tracker.Product // without the number; zero fields: the usual
	}{
		{"simple", base + `,"__typename":"SimpleProduct",` + price("19.9", "19.9"), tracker.Product{Price: tracker.Price{Kind: tracker.PriceExact, Low: 1990, Currency: "EUR"}}},
		{"noise", base + `,"__typename":"SimpleProduct",` + price("146.04999999999998", ""), tracker.Product{Price: tracker.Price{Kind: tracker.PriceExact, Low: 14605, Currency: "EUR"}}},
		{"configurable", base + `,"__typename":"ConfigurableProduct",` + price("10", "25.5"), tracker.Product{Price: tracker.Price{Kind: tracker.PriceRange, Low: 1000, High: 2550, Currency: "EUR"}}},
		{"configurable of one price", base + `,"__typename":"ConfigurableProduct",` + price("10", "10"), tracker.Product{Price: tracker.Price{Kind: tracker.PriceExact, Low: 1000, Currency: "EUR"}}},
		{"configurable without a maximum", base + `,"__typename":"ConfigurableProduct",` + price("10", ""), tracker.Product{Price: tracker.Price{Kind: tracker.PriceFrom, Low: 1000, Currency: "EUR"}}},
		{"grouped", base + `,"__typename":"GroupedProduct",` + price("10", "99"), tracker.Product{Price: tracker.Price{Kind: tracker.PriceFrom, Low: 1000, Currency: "EUR"}}},
		{"free", base + `,` + price("0", "0"), tracker.Product{}},
		{"a price in words", base + `,` + price(`"on request"`, ""), tracker.Product{}},
		{"a price below nothing", base + `,` + price("-1", ""), tracker.Product{}},
		{"a price beyond reason", base + `,` + price("1e99", ""), tracker.Product{}},
		{"no price", base + `,"price_range":null`, tracker.Product{}},
		{"forms that nobody expects", base + `,"price_range":[],"image":"x","stock_status":5`, tracker.Product{}},
		{"in stock", base + `,"stock_status":"IN_STOCK"`, tracker.Product{Availability: tracker.Available}},
		{"sold out", base + `,"stock_status":"OUT_OF_STOCK"`, tracker.Product{Availability: tracker.SoldOut}},
		{"a strange stock", base + `,"stock_status":"BACKORDER"`, tracker.Product{}},
		{"entities", `"uid":"Nw==","name":"Tom &amp; <b>Jerry</b>\n 1\"","url_key":"x","url_suffix":".html"`, tracker.Product{Title: `Tom & <b>Jerry</b> 1"`}},
		{"no suffix", `"uid":"Nw==","name":"x","url_key":"ü x"`, tracker.Product{URL: shop + "/%C3%BC%20x"}},
		{"a slash behind", `"uid":"Nw==","name":"x","url_key":"x","url_suffix":"/"`, tracker.Product{URL: shop + "/x/"}},
		{"no key", `"uid":"Nw==","name":"x","url_key":null,"url_suffix":".html"`, tracker.Product{URL: "-"}},
		{"a key that leads away", `"uid":"Nw==","name":"x","url_key":"../../evil","url_suffix":".html"`, tracker.Product{URL: "-"}},
		{"a key with a question", `"uid":"Nw==","name":"x","url_key":"x?y=1#","url_suffix":".html"`, tracker.Product{URL: "-"}},
		{"a picture", base + `,"image":{"url":"https://shop.example/media/catalog/product/cache/0f831c1845fc143d00d6d1ebc49f446a/a/b/ab.jpg?width=300"}`, tracker.Product{Image: shop + "/media/catalog/product/a/b/ab.jpg"}},
		{"a picture that stands for none", base + `,"image":{"url":"https://shop.example/media/catalog/product/placeholder/default/x.jpg"}`, tracker.Product{}},
		{"a picture that is none", base + `,"image":{"url":"javascript:alert(1)"}`, tracker.Product{}},
	} {
		l := read(t, storefront(t, ""), answer(storefront(t, ""), 1, list("{"+c.item+"}", one)))
		if len(l.Products) != 1 || len(l.Problems) > 0 {
			t.Errorf("%s: %+v", c.rule, l)
			continue
		}
		c.want.ID = "7"
		if c.want.Title == "" {
			c.want.Title = "x"
		}
		switch c.want.URL {
		case "":
			c.want.URL = shop + "/x.html"
		case "-":
			c.want.URL = ""
		}
		if l.Products[0] != c.want {
			t.Errorf("%s: %+v, want %+v", c.rule, l.Products[0], c.want)
		}
	}
	for _, item := range []string{`null`, `5`, `{}`, `{"uid":"Nw=="}`, `{"uid":"Nw==","name":" "}`, `{"uid":"<b>","name":"x"}`, `{"uid":7,"name":"x"}`, `{"uid":"` + strings.Repeat("a", 60) + `","name":"x"}`} {
		if l := read(t, storefront(t, ""), answer(storefront(t, ""), 1, list(item, one))); len(l.Products) > 0 || len(l.Problems) == 0 {
			t.Errorf("%s: %+v", item, l)
		}
	}
	if l := read(t, storefront(t, ""), answer(storefront(t, ""), 1, list(`{"uid":"not-base64","name":"x"}`, one))); len(l.Products) != 1 || l.Products[0].ID != "not-base64" {
		t.Errorf("a uid that holds no number: %+v", l)
	}
}

// Whatever an answer holds, little of it is kept.
func TestWhatIsKeptIsBounded(t *testing.T) {
	long := strings.Repeat("長", 1<<20)
	body := `{"errors":[{"message":"` + long + `"}],"data":{"storeConfig":{"store_code":"` + long + `"},"products":{` + one + `,"items":[{"uid":"Nw==","name":"` + long + `","url_key":"` + long + `",
		"image":{"url":"https://shop.example/` + long + `"}},{"uid":"` + long + `","name":"x"}]}}}`
	l := read(t, storefront(t, ""), answer(storefront(t, ""), 1, body))
	if kept := fmt.Sprintf("%+v %+v", l, l.Read); len(l.Products) != 1 || len(kept) > 30_000 || !utf8.ValidString(kept) {
		t.Errorf("%d products, %d bytes are kept", len(l.Products), len(kept))
	}
}

func TestTotals(t *testing.T) {
	items := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`{"uid":"id-%d","name":"x"}`, i))
		}
		return strings.Join(all, ",")
	}
	for _, c := range []struct {
		rule, info string
		items      int
		problem    string
	}{
		{"whole", `"total_count":150,"page_info":{"current_page":1,"total_pages":2}`, 100, ""},
		{"smaller pages than asked for", `"total_count":150,"page_info":{"current_page":1,"page_size":50,"total_pages":3}`, 50, ""},
		{"too few", `"total_count":150,"page_info":{"current_page":1,"page_size":100,"total_pages":2}`, 99, "has 99 products where 100 are declared"},
		{"too many", `"total_count":3,"page_info":{"current_page":1,"total_pages":1}`, 4, "has 4 products where 3 are declared"},
		{"pages that do not fit", `"total_count":150,"page_info":{"current_page":1,"total_pages":9}`, 100, "150 products are declared on 9 pages"},
		{"another page", `"total_count":150,"page_info":{"current_page":2,"total_pages":2}`, 50, "asked for page 1, got page 2"},
		{"no total", `"page_info":{"current_page":1,"total_pages":2}`, 100, "does not say how many"},
		{"a list of another form", `"total_count":[],"page_info":"x"`, 0, "does not say how many"},
		{"no pages", `"total_count":150`, 100, "does not say how many"},
		{"a total that overflows", `"total_count":99999999999999999999999,"page_info":{"current_page":1,"total_pages":2}`, 100, "does not say how many"},
		{"below nothing", `"total_count":-5,"page_info":{"current_page":1,"total_pages":0}`, 0, "does not say how many"},
		{"a page size below nothing", `"total_count":1,"page_info":{"current_page":1,"page_size":-1,"total_pages":1}`, 1, ""},
	} {
		l := read(t, storefront(t, ""), answer(storefront(t, ""), 1, list(items(c.items), c.info)))
		if got := strings.Join(l.Problems, "; "); c.problem == "" && got != "" || !strings.Contains(got, c.problem) {
			t.Errorf("%s: problems %q, want %q", c.rule, got, c.problem)
		}
	}
	if l := read(t, storefront(t, ""), answer(storefront(t, ""), 1, list("", `"total_count":0,"page_info":{"current_page":1,"page_size":100,"total_pages":0}`))); !l.Empty {
		t.Errorf("an empty shop: %+v", l)
	}
	l := read(t, storefront(t, ""), answer(storefront(t, ""), 1, list(items(100), `"total_count":10000,"page_info":{"current_page":1,"page_size":100,"total_pages":100}`)))
	if l.Cut == "" {
		t.Error("a list of as many products as the search counts may be whole")
	}
	l = read(t, storefront(t, ""), answer(storefront(t, ""), 1, `{"errors":[{"message":"Internal server error"}],"data":{"products":{`+one+`,"items":[{"uid":"Nw==","name":"x"}]}}}`))
	if len(l.Problems) == 0 || !strings.Contains(l.Problems[0], "an error beside the list: Internal server error") {
		t.Errorf("an error beside the list: %q", l.Problems)
	}
}

// The questions are asked with the headers that the user chose.
func TestQuestions(t *testing.T) {
	sf := storefront(t, `{"store":"en_SA","currency":"SAR","page_size":50,"endpoint":"https://api.shop.example/graphql?x=1"}`)
	r := sf.Entries()[0]
	if r.URL != "https://api.shop.example/graphql?x=1" || r.Header.Get("Store") != "en_SA" || r.Header.Get("Content-Currency") != "SAR" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("request = %+v", r)
	}
	var q struct{ Query string }
	if err := json.Unmarshal(r.Post, &q); err != nil || !strings.Contains(q.Query, "pageSize:50,currentPage:1") {
		t.Errorf("question = %s, %v", r.Post, err)
	}
	for host, want := range map[string]bool{"shop.example": true, "www.shop.example": true, "api.shop.example": true, "evil.example": false, "shop.example.evil.example": false} {
		if sf.Home(host) != want {
			t.Errorf("Home(%s) = %v", host, !want)
		}
	}
	a := answer(sf, 1, list(`{"uid":"Nw==","name":"x"}`, one))
	if r, err := sf.Read(a); err != nil || r.State == nil || r.State.Name != "another store view" {
		t.Errorf("another store view: %+v, %v", r, err)
	}
	for options, want := range map[string]string{
		`{"store":"a b"}`: "store", `{"store":"x\r\nCookie: a"}`: "store", `{"currency":"eur"}`: "currency", `{"page_size":301}`: "page_size", `{"page_size":0}`: "page_size",
		`{"endpoint":"ftp://x/"}`: "endpoint", `{"endpoint":"https://a:b@x/"}`: "endpoint",
	} {
		_, err := magento.Market().Storefront(shop, options)
		if e := (*market.OptionError)(nil); !errors.As(err, &e) || e.Option != want {
			t.Errorf("options %s: %v, want an error of %s", options, err, want)
		}
	}
	for _, address := range []string{shop + "/?x=1", "https://me:pw@shop.example/"} {
		if _, err := magento.Market().Storefront(address, ""); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := magento.Market().Storefront(shop, `{"country":"DE"}`); err == nil {
		t.Error("an option that it does not have is taken")
	}
	if sf, err := magento.Market().Storefront("https://SHOP.example/de/", ""); err != nil || sf.Entries()[0].URL != shop+"/de/graphql" {
		t.Errorf("a shop below a path: %v, %v", sf, err)
	}
}

func TestStates(t *testing.T) {
	const htmlType, jsonType = "text/html; charset=UTF-8", "application/json"
	for _, c := range []struct {
		rule, url, kind, body string
		status                int
		want                  string
	}{
		{"elsewhere", "https://evil.example/graphql", jsonType, `{}`, 200, "failed another site"},
		{"customers only", "", jsonType, `{"errors":[{"message":"The current customer isn't authorized.","extensions":{"category":"graphql-authorization"}}]}`, 200, "login customers only"},
		{"customers only with 401", "", jsonType, `{"errors":[{"message":"x","extensions":{"category":"graphql-authentication"}}]}`, 401, "login customers only"},
		{"a password before the shop", "", htmlType, `<html>`, 401, "login unauthorized"},
		{"a firewall", "", htmlType, `<html>`, 403, "blocked a firewall, status 403"},
		{"refused in JSON", "", jsonType, `{"errors":[{"message":"Forbidden"}]}`, 403, "failed API refuses"},
		{"only GET", "", htmlType, `<html>`, 405, "failed no GraphQL API"},
		{"no API", "", htmlType, `<html>`, 404, "failed no GraphQL API"},
		{"a challenge with 404", "", htmlType, `<html><title>Just a moment...</title>`, 404, "blocked a check whether a browser asks"},
		{"too many", "", jsonType, `{}`, 429, "blocked too many requests"},
		{"a server error", "", jsonType, `{"errors":[{"message":"x"}]}`, 500, "failed server error"},
		{"a page", "", htmlType, `<html>`, 200, "failed a page"},
		{"a strange status", "", jsonType, `[]`, 302, "failed strange status"},
		{"errors only", "", jsonType, `{"errors":[{"message":"currentPage value 9 specified is greater than the 8 page(s) available."}]}`, 200, "failed no list"},
		{"nothing", "", jsonType, `{}`, 200, "failed no list"},
	} {
		a := answer(storefront(t, ""), 1, c.body)
		a.Status = c.status
		if c.url != "" {
			a.URL = c.url
		}
		a.Header.Set("Content-Type", c.kind)
		r, err := storefront(t, "").Read(a)
		got := ""
		if r.State != nil {
			got = string(r.State.Verdict) + " " + r.State.Name
			if r.State.Reason == "" || r.State.Transient && r.State.Verdict.Wall() {
				t.Errorf("%s: %+v", c.rule, r.State)
			}
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.rule, got, err, c.want)
		}
	}
}

// step is an answer on the way to the judgement of a product.
type step struct {
	status int
	body   string
	url    string // empty: where it was asked for
}

// A product is gone when its page does not exist, the API does not know it, and
// the page of another product exists.
func TestItemPages(t *testing.T) {
	const (
		own   = `<html><form><input type="hidden" name="product" value="7" /></form>`
		other = `<html><div data-product-id="8"></div>`
		gone  = `<html>Whoops, our bad...`
		knows = `{"data":{"asked":{"total_count":0,"items":[]},"any":{"total_count":9,"items":[{"uid":"OA==","url_key":"other","url_suffix":".html"}]}}}`
	)
	for _, c := range []struct {
		rule  string
		steps []step
		want  tracker.PageState
		wall  bool
	}{
		{"gone", []step{{404, gone, ""}, {200, knows, ""}, {200, other, ""}}, tracker.PageGone, false},
		{"gone for good", []step{{410, gone, ""}, {200, knows, ""}, {200, other, ""}}, tracker.PageGone, false},
		{"gone at www", []step{{404, gone, "https://www.shop.example/x.html"}, {200, knows, ""}, {200, other, ""}}, tracker.PageGone, false},
		{"its page shows it", []step{{200, own, ""}}, tracker.PageSold, false},
		{"its page has moved", []step{{200, own, shop + "/y.html"}}, tracker.PageSold, false},
		{"a shell", []step{{200, `<html>`, ""}}, tracker.PageUnknown, false},
		{"another product", []step{{200, other, shop + "/other.html"}}, tracker.PageUnknown, false},
		{"404 elsewhere", []step{{404, gone, shop + "/gone"}}, tracker.PageUnknown, false},
		{"another site", []step{{404, gone, "https://evil.example/x.html"}}, tracker.PageUnknown, false},
		{"a login", []step{{401, gone, ""}}, tracker.PageUnknown, false},
		{"a challenge with 404", []step{{404, `<html><title>Just a moment...</title>`, ""}}, tracker.PageUnknown, true},
		{"a server error", []step{{500, gone, ""}}, tracker.PageUnknown, false},
		{"the API knows it", []step{{404, gone, ""}, {200, strings.Replace(knows, `[]`, `[{"uid":"Nw=="}]`, 1), ""}}, tracker.PageSold, false},
		{"the API knows more than it says", []step{{404, gone, ""}, {200, strings.Replace(knows, `0`, `1`, 1), ""}}, tracker.PageUnknown, false},
		{"the API knows nothing", []step{{404, gone, ""}, {200, `{"data":{"asked":{"total_count":0,"items":[]},"any":{"total_count":0,"items":[]}}}`, ""}}, tracker.PageUnknown, false},
		{"the API answers nothing", []step{{404, gone, ""}, {200, `{"data":{}}`, ""}}, tracker.PageUnknown, false},
		{"the API fails", []step{{404, gone, ""}, {200, `{"errors":[{"message":"x"}],` + knows[1:], ""}}, tracker.PageUnknown, false},
		{"the API is blocked", []step{{404, gone, ""}, {429, `{}`, ""}}, tracker.PageUnknown, true},
		{"the API is damaged", []step{{404, gone, ""}, {200, knows[:50], ""}}, tracker.PageUnknown, false},
		{"no page exists", []step{{404, gone, ""}, {200, knows, ""}, {404, gone, ""}}, tracker.PageUnknown, false},
		{"every page is a shell", []step{{404, gone, ""}, {200, knows, ""}, {200, `<html>`, ""}}, tracker.PageUnknown, false},
		{"a challenge before the other page", []step{{404, gone, ""}, {200, knows, ""}, {403, `<html>`, ""}}, tracker.PageUnknown, true},
		{"the other product has no address", []step{{404, gone, ""}, {200, strings.Replace(knows, `"other"`, `"../x"`, 1), ""}}, tracker.PageUnknown, false},
	} {
		sf := storefront(t, "")
		r := sf.ItemPage(&tracker.Product{ID: "7", URL: shop + "/x.html"})
		var f market.ItemFinding
		for i, s := range c.steps {
			a := &market.Answer{Request: r, URL: r.URL, Status: s.status, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(s.body)}
			if strings.HasPrefix(s.body, "{") {
				a.Header.Set("Content-Type", "application/json")
			}
			if s.url != "" {
				a.URL = s.url
			}
			f = sf.ReadItem(a)
			if last := i == len(c.steps)-1; last != (f.More == nil) {
				t.Errorf("%s: after step %d more is %v", c.rule, i+1, f.More)
				break
			}
			if f.More != nil {
				r = *f.More
			}
		}
		if f.State != c.want || (f.Wall != nil) != c.wall || f.Reason == "" {
			t.Errorf("%s: %+v, want %s, wall %v", c.rule, f, c.want, c.wall)
		}
	}
	for _, p := range []tracker.Product{{ID: "7"}, {ID: "7", URL: "https://evil.example/x.html"}} {
		r := storefront(t, "").ItemPage(&p)
		if r.URL != shop+"/catalog/product/view/id/7" {
			t.Errorf("item page = %s", r.URL)
		}
		f := storefront(t, "").ReadItem(&market.Answer{Request: r, URL: r.URL, Status: 404, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(gone)})
		if f.State != tracker.PageUnknown || f.More != nil {
			t.Errorf("a page at an address that was guessed: %+v", f)
		}
	}
}

// Pages of different store views are not one list.
func TestStoreViews(t *testing.T) {
	sf := storefront(t, "")
	info := `"total_count":101,"page_info":{"current_page":%d,"page_size":100,"total_pages":2}`
	var items []string
	for i := range 100 {
		items = append(items, fmt.Sprintf(`{"uid":"id-%d","name":"x"}`, i))
	}
	first := read(t, sf, answer(sf, 1, list(strings.Join(items, ","), fmt.Sprintf(info, 1))))
	second := read(t, sf, answer(sf, 2, strings.Replace(list(`{"uid":"last","name":"x"}`, fmt.Sprintf(info, 2)), "default", "en", 1)))
	c := sf.Assess([]market.Listing{first, second})
	if c.Complete || !c.Moved || len(c.Products) > 0 || !strings.Contains(c.Reason, `store view "default", page 2 of "en"`) {
		t.Errorf("%+v", c)
	}
	if next, _ := sf.Next([]market.Listing{first}); next == nil || next.Page != 2 || !strings.Contains(string(next.Post), "currentPage:2") {
		t.Errorf("next = %+v", next)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(list(`{"__typename":"SimpleProduct","uid":"NzQ5MA==","name":"A &#8211; B","url_key":"a-b","url_suffix":".html","stock_status":"IN_STOCK","image":{"url":"https://shop.example/a.jpg"},`+price("22.34", "22.34")+`}`, one)), 200)
	f.Add([]byte(`{"errors":[{"message":"x","extensions":{"category":"graphql-input"}}],"data":{"products":null}}`), 200)
	f.Add([]byte(`{"data":{"asked":{"total_count":0,"items":[]},"any":{"total_count":9,"items":[{"uid":"OA==","url_key":"o","url_suffix":".html"}]}}}`), 200)
	f.Add([]byte(`<html><input name="product" value="7">`), 404)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		sf := storefront(t, "")
		a := answer(sf, 1, string(body))
		a.Status = status
		if r, err := sf.Read(a); err == nil && r.State == nil {
			r.Listing.Request = a.Request
			for _, p := range r.Listing.Products {
				if p.ID == "" || len(p.ID) > 50 || p.Title == "" || len(p.Title) > market.MaxTitle || p.URL != "" && !strings.HasPrefix(p.URL, shop+"/") {
					t.Errorf("product %+v", p)
				}
			}
			sf.Next([]market.Listing{r.Listing})
			sf.Assess([]market.Listing{r.Listing})
		}
		a.Request = sf.ItemPage(&tracker.Product{ID: "7", URL: shop + "/x.html"})
		for range 3 {
			a.URL = a.Request.URL
			i := sf.ReadItem(a)
			if i.State == tracker.PageGone {
				t.Errorf("gone by one answer: %+v", i)
			}
			if i.More == nil {
				break
			}
			if !strings.HasPrefix(i.More.URL, shop+"/") {
				t.Errorf("it leads to %s", i.More.URL)
			}
			a.Request = *i.More
		}
	})
}
