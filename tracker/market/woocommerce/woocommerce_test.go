package woocommerce_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/woocommerce"
)

const (
	shop     = "https://shop.example"
	endpoint = shop + "/wp-json/wc/store/v1/products"
)

func storefront(t testing.TB) market.Storefront {
	t.Helper()
	sf, err := woocommerce.Market().Storefront(shop+"/", "")
	if err != nil {
		t.Fatal(err)
	}
	return sf
}

// answer is what came of asking for a page of the list, with the totals.
func answer(sf market.Storefront, page int, total, pages, body string) *market.Answer {
	r := sf.Entries()[0]
	r.URL, r.Page = strings.Replace(r.URL, "page=1", fmt.Sprintf("page=%d", page), 1), page
	h := http.Header{"Content-Type": {"application/json; charset=UTF-8"}}
	if total != "" {
		h.Set("X-WP-Total", total)
		h.Set("X-WP-TotalPages", pages)
	}
	return &market.Answer{Request: r, URL: r.URL, Status: 200, Header: h, Body: []byte(body)}
}

func read(t testing.TB, a *market.Answer) market.Listing {
	t.Helper()
	r, err := storefront(t).Read(a)
	if err != nil || r.State != nil {
		t.Fatalf("state %+v, error %v", r.State, err)
	}
	r.Listing.Request = a.Request
	return r.Listing
}

// What sloppy shops write is read as far as it can be: names twice or in capitals,
// bytes that are no UTF-8, fields of another form, which PHP makes of empty ones.
func TestSloppyJSON(t *testing.T) {
	const rest = `"permalink":"https://shop.example/p/","prices":{"price":"990","currency_code":"EUR","currency_minor_unit":2},"is_in_stock":true`
	for name, entry := range map[string]string{
		"a name twice":            `"id":6,"id":7,"name":"x","name":"Kanne",` + rest,
		"names in capitals":       `"ID":7,"Name":"Kanne",` + rest,
		"pictures of other forms": `"id":7,"name":"Kanne","images":[7,{"src":[]},null],` + rest,
		"no list of pictures":     `"id":7,"name":"Kanne","images":{"src":1},"variations":{},` + rest,
		"a field of many forms":   `"id":"7","name":"Kanne","type":[],"attributes":{"a":[1e999,{"b":null}]},` + rest,
	} {
		l := read(t, answer(storefront(t), 1, "1", "1", "\ufeff \n[{"+entry+"}]\n"))
		if len(l.Products) != 1 || l.Products[0].ID != "7" || l.Products[0].Title != "Kanne" || l.Products[0].Price.Low != 990 || len(l.Problems) > 0 {
			t.Errorf("%s: %+v, problems %q", name, l.Products, l.Problems)
		}
	}
	l := read(t, answer(storefront(t), 1, "1", "1", `[{"id":7,"name":"Kan\ud800ne`+"\xff"+`",`+rest+`}]`))
	if len(l.Products) != 1 || l.Products[0].Title != "Kan\ufffdne\ufffd" {
		t.Errorf("bytes that are no text: %+v, problems %q", l.Products, l.Problems)
	}
}

// A saved real page, which stays outside of the project: 12 of a shop's 18
// products, whose totals said 18.
func TestRealShopOf2026(t *testing.T) {
	const name = "woocommerce_storeapi_2026-07-20_samehgabriel_12of18.json"
	body, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "real", name))
	if os.IsNotExist(err) {
		t.Skipf("no saved real page %s here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	sf, err := woocommerce.Market().Storefront("https://samehgabriel.com/", "")
	if err != nil {
		t.Fatal(err)
	}
	a := answer(sf, 1, "18", "1", string(body))
	r, err := sf.Read(a)
	if err != nil || r.State != nil {
		t.Fatalf("state %+v, error %v", r.State, err)
	}
	c := sf.Assess([]market.Listing{r.Listing})
	if c.Complete || len(c.Products) != 12 || c.Declared.Products != 18 {
		t.Fatalf("complete %v with %d products of %d (%s), want 12 of 18", c.Complete, len(c.Products), c.Declared.Products, c.Reason)
	}
	want := tracker.Product{
		ID: "10150", Title: "سلك نحاس مجدول 3 مم",
		URL:          "https://samehgabriel.com/product/%d8%b3%d9%84%d9%83-%d9%86%d8%ad%d8%a7%d8%b3-cu-pvc-%d9%85%d8%ac%d8%af%d9%88%d9%84-3-%d9%85%d9%85/",
		Image:        "https://samehgabriel.com/wp-content/uploads/2024/08/3.0.png",
		Price:        tracker.Price{Kind: tracker.PriceFrom, Low: 277666, Currency: "EGP"},
		Availability: tracker.Available, Variants: 6,
	}
	if c.Products[0] != want {
		t.Errorf("product = %+v, want %+v", c.Products[0], want)
	}
	for _, p := range c.Products {
		if !p.Price.Known() || p.Image == "" || strings.ContainsAny(p.Title, "<&") {
			t.Errorf("product %+v lacks something", p)
		}
	}
	for _, p := range c.Products {
		if soldOut := p.Availability == tracker.SoldOut; soldOut != (p.ID == "10109") || p.Availability == tracker.AvailabilityUnknown {
			t.Errorf("%s is %q", p.ID, p.Availability)
		}
	}
}

func TestEntries(t *testing.T) {
	const prices = `,"prices":{"price":"1990","currency_code":"EUR","currency_minor_unit":2}`
	for _, c := range []struct {
		rule, entry  string
		title, price string // the price with its currency; empty: unknown
		url, image   string // empty: the usual
	}{
		{"ordinary", `"type":"simple","permalink":"https://shop.example/product/x/"` + prices, "", "19.90 EUR", "", ""},
		{"entities", `"name":"Tom &#8211; &quot;Jerry&quot; &amp;lt; &#x1F600;"` + prices, `Tom – "Jerry" &lt; 😀`, "19.90 EUR", shop + "/?p=7", ""},
		{"mark-up is text", `"name":" <b>Bold</b>\n <script>alert(1)</script>"`, "<b>Bold</b> <script>alert(1)</script>", "", shop + "/?p=7", ""},
		{"a page elsewhere", `"permalink":"https://evil.example/product/x/"`, "", "", shop + "/?p=7", ""},
		{"a page that is none", `"permalink":"javascript:alert(1)"`, "", "", shop + "/?p=7", ""},
		{"a page with a user", `"permalink":"https://a:b@shop.example/x"`, "", "", shop + "/?p=7", ""},
		{"a page without TLS", `"permalink":"http://shop.example/x"`, "", "", shop + "/?p=7", ""},
		{"a page at www", `"permalink":"https://www.shop.example/x#top"`, "", "", "https://www.shop.example/x", ""},
		{"a picture", `"images":[{"src":"https://cdn.example/a/ü 1.jpg?fit=3#x"}]`, "", "", shop + "/?p=7", "https://cdn.example/a/%C3%BC%201.jpg?fit=3"},
		{"a picture that is none", `"images":[{"src":"data:image/png;base64,AAAA"}]`, "", "", shop + "/?p=7", ""},
		{"forms that PHP confuses", `"prices":[],"images":{},"is_in_stock":"yes","permalink":false`, "", "", shop + "/?p=7", ""},
		{"a range", `"type":"variable","prices":{"price":"208978","price_range":{"min_amount":"208978","max_amount":"209072"},"currency_code":"EGP","currency_minor_unit":2}`, "", "2089.78-2090.72 EGP", shop + "/?p=7", ""},
		{"a range of one", `"type":"variable","prices":{"price":"500","price_range":{"min_amount":"500","max_amount":"500"},"currency_code":"EUR","currency_minor_unit":2}`, "", "5.00+ EUR", shop + "/?p=7", ""},
		{"variants without a range", `"type":"variable"` + prices, "", "19.90+ EUR", shop + "/?p=7", ""},
		{"no decimals shown", `"prices":{"price":"20","currency_code":"EUR","currency_minor_unit":0}`, "", "20.00 EUR", shop + "/?p=7", ""},
		{"four decimals shown", `"prices":{"price":"199000","currency_code":"EUR","currency_minor_unit":4}`, "", "19.90 EUR", shop + "/?p=7", ""},
		{"a tenth of a cent", `"prices":{"price":"19905","currency_code":"EUR","currency_minor_unit":3}`, "", "", shop + "/?p=7", ""},
		{"no price", `"prices":{"price":"","currency_code":"EUR","currency_minor_unit":2}`, "", "", shop + "/?p=7", ""},
		{"a price of nothing", `"prices":{"price":"0","currency_code":"EUR","currency_minor_unit":2}`, "", "", shop + "/?p=7", ""},
		{"a price below nothing", `"prices":{"price":"-5","currency_code":"EUR","currency_minor_unit":2}`, "", "", shop + "/?p=7", ""},
		{"a price beyond reason", `"prices":{"price":"9999999999999999","currency_code":"EUR","currency_minor_unit":0}`, "", "", shop + "/?p=7", ""},
		{"a currency without cents", `"prices":{"price":"1200","currency_code":"JPY","currency_minor_unit":0}`, "", "1200 JPY", shop + "/?p=7", ""},
		{"no currency", `"prices":{"price":"1200","currency_code":"€","currency_minor_unit":2}`, "", "", shop + "/?p=7", ""},
		{"no unit", `"prices":{"price":"1200","currency_code":"EUR"}`, "", "", shop + "/?p=7", ""},
	} {
		entry := `{"id":7,` + c.entry + `}`
		if !strings.Contains(c.entry, `"name"`) {
			entry = `{"id":7,"name":"x",` + c.entry + `}`
		}
		l := read(t, answer(storefront(t), 1, "1", "1", "["+entry+"]"))
		if len(l.Products) != 1 || len(l.Problems) > 0 {
			t.Errorf("%s: %+v", c.rule, l)
			continue
		}
		p := l.Products[0]
		if c.title == "" {
			c.title = "x"
		}
		if c.url == "" {
			c.url = shop + "/product/x/"
		}
		if price := strings.TrimSpace(p.Price.String() + " " + p.Price.Currency); p.Title != c.title || price != c.price || p.URL != c.url || p.Image != c.image {
			t.Errorf("%s: %q %q %q %q, want %q %q %q %q", c.rule, p.Title, price, p.URL, p.Image, c.title, c.price, c.url, c.image)
		}
	}
	for _, entry := range []string{`{"id":0,"name":"x"}`, `{"id":-1,"name":"x"}`, `{"id":99999999999999999999,"name":"x"}`, `{"id":1.5,"name":"x"}`, `{"id":"7a","name":"x"}`, `{"id":[7],"name":"x"}`, `{"name":"x"}`, `{"id":7}`, `{"id":7,"name":" "}`, `null`, `5`} {
		if l := read(t, answer(storefront(t), 1, "1", "1", "["+entry+"]")); len(l.Products) > 0 || len(l.Problems) == 0 {
			t.Errorf("%s: %+v", entry, l)
		}
	}
	if l := read(t, answer(storefront(t), 1, "1", "1", `[{"id":"7","name":"x"}]`)); len(l.Products) != 1 {
		t.Errorf("a number in quotes: %+v", l)
	}
}

// Whatever an answer holds, little of it is kept.
func TestWhatIsKeptIsBounded(t *testing.T) {
	long := strings.Repeat("長", 1<<20)
	l := read(t, answer(storefront(t), 1, "2", "1", `[{"id":7,"name":"`+long+`","permalink":"https://shop.example/`+long+`","images":[{"src":"https://shop.example/`+long+`"}],
		"prices":{"price":"`+long+`","currency_code":"`+long+`","currency_minor_unit":2}},{"id":"`+long+`","name":"x"}]`))
	if kept := fmt.Sprintf("%+v", l); len(l.Products) != 1 || len(kept) > 20_000 || !utf8.ValidString(kept) {
		t.Errorf("%d products, %d bytes are kept", len(l.Products), len(kept))
	}
}

func TestTotals(t *testing.T) {
	page := func(from, to int) string {
		var all []string
		for i := from; i < to; i++ {
			all = append(all, fmt.Sprintf(`{"id":%d,"name":"x"}`, i))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	for _, c := range []struct {
		rule, total, pages, body string
		page                     int
		problem                  string
	}{
		{"a full page", "150", "2", page(1, 101), 1, ""},
		{"the last page", "150", "2", page(101, 151), 2, ""},
		{"too few", "150", "2", page(1, 100), 1, "has 99 products where 100 are declared"},
		{"too many", "150", "2", page(101, 152), 2, "has 51 products where 50 are declared"},
		{"pages that do not fit", "150", "15", page(1, 101), 1, "150 products are declared on 15 pages"},
		{"past the end", "150", "2", "[]", 3, ""},
		{"nothing of something", "150", "2", "[]", 1, "has 0 products"},
		{"no numbers", "many", "", page(1, 2), 1, "no numbers"},
		{"below nothing", "-1", "1", page(1, 2), 1, "no numbers"},
		{"beyond reason", "99999999999", "1", page(1, 2), 1, "no numbers"},
	} {
		l := read(t, answer(storefront(t), c.page, c.total, c.pages, c.body))
		got := strings.Join(l.Problems, "; ")
		if c.problem == "" && got != "" || !strings.Contains(got, c.problem) {
			t.Errorf("%s: problems %q, want %q", c.rule, got, c.problem)
		}
	}
	if l := read(t, answer(storefront(t), 1, "0", "0", "[]")); !l.Empty {
		t.Errorf("an empty shop: %+v", l)
	}
}

func TestStates(t *testing.T) {
	const htmlType, jsonType = "text/html; charset=UTF-8", "application/json; charset=UTF-8"
	for _, c := range []struct {
		rule, url, kind, body string
		status                int
		want                  string
	}{
		{"elsewhere", "https://evil.example/", htmlType, "<html>", 200, "failed another site"},
		{"login by its address", shop + "/wp-login.php?redirect_to=x", htmlType, "<html>", 200, "login login page"},
		{"login by its form", endpoint, htmlType, `<form id="loginform">`, 200, "login login page"},
		{"closed by a plug-in", endpoint, jsonType, `{"code":"rest_not_logged_in","message":"Restricted."}`, 401, "login API closed"},
		{"closed by a plug-in that says little", endpoint, jsonType, ``, 401, "login API closed"},
		{"closed with 403", endpoint, jsonType, `{"code":"rest_forbidden"}`, 403, "login API closed"},
		{"coming soon", endpoint, htmlType, `<html><body class="coming-soon">`, 200, "login closed for now"},
		{"a firewall", endpoint, htmlType, `<html>blocked`, 403, "blocked a firewall, status 403"},
		{"too many", endpoint, jsonType, `{}`, 429, "blocked too many requests"},
		{"a server error", endpoint, jsonType, `{"code":"internal_server_error"}`, 500, "failed server error"},
		{"a page", endpoint, htmlType, `<html>`, 200, "failed a page"},
		{"no route", endpoint, jsonType, `{"code":"rest_no_route"}`, 404, "failed no Store API"},
		{"a refusal of another kind", endpoint, jsonType, `{"code":"woocommerce_rest_x","message":"No."}`, 409, "failed API refuses"},
		{"a strange status", endpoint, jsonType, `[]`, 302, "failed strange status"},
	} {
		a := answer(storefront(t), 2, "", "", c.body)
		a.URL, a.Status = c.url, c.status
		a.Header.Set("Content-Type", c.kind)
		r, err := storefront(t).Read(a)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if r.State != nil {
			got = string(r.State.Verdict) + " " + r.State.Name
			if r.State.Reason == "" || r.State.Transient && r.State.Verdict.Wall() {
				t.Errorf("%s: %+v", c.rule, r.State)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}

// Only the API's own code is proof that a product is gone.
func TestItem(t *testing.T) {
	const htmlType, jsonType = "text/html", "application/json"
	for _, c := range []struct {
		rule, url, kind, body string
		status                int
		want                  tracker.PageState
		wall, more            bool
	}{
		{"a number that it does not know", endpoint + "/7", jsonType, `{"code":"woocommerce_rest_product_invalid_id","message":"Invalid product ID.","data":{"status":404}}`, 404, tracker.PageGone, false, false},
		{"its code with a good status", endpoint + "/7", jsonType, `{"code":"woocommerce_rest_product_invalid_id"}`, 200, tracker.PageUnknown, false, false},
		{"in stock", endpoint + "/7", jsonType, `{"id":7,"name":"x","is_in_stock":true}`, 200, tracker.PageSold, false, false},
		{"sold out", endpoint + "/7", jsonType, `{"id":7,"name":"x","is_in_stock":false}`, 200, tracker.PageSold, false, false},
		{"another product", endpoint + "/7", jsonType, `{"id":70,"name":"x","is_in_stock":true}`, 200, tracker.PageUnknown, false, false},
		{"something else of stock", endpoint + "/7", jsonType, `{"id":7,"is_in_stock":"no"}`, 200, tracker.PageUnknown, false, false},
		{"nothing of stock", endpoint + "/7", jsonType, `{"id":7}`, 200, tracker.PageUnknown, false, false},
		{"damage", endpoint + "/7", jsonType, `{"id":7`, 200, tracker.PageUnknown, false, false},
		{"a bare page", endpoint + "/7", htmlType, `<html>Not found`, 404, tracker.PageUnknown, false, true},
		{"no route", endpoint + "/7", jsonType, `{"code":"rest_no_route"}`, 404, tracker.PageUnknown, false, true},
		{"another site", "https://evil.example/", jsonType, `{"code":"woocommerce_rest_product_invalid_id"}`, 404, tracker.PageUnknown, false, false},
		{"a closed API", endpoint + "/7", jsonType, `{"code":"rest_not_logged_in"}`, 401, tracker.PageUnknown, true, false},
		{"a firewall", endpoint + "/7", htmlType, `<html>`, 403, tracker.PageUnknown, true, false},
		{"a challenge with 404", endpoint + "/7", htmlType, `<html><title>Just a moment...</title>`, 404, tracker.PageUnknown, true, false},
		{"a server error", endpoint + "/7", htmlType, `<html>`, 502, tracker.PageUnknown, false, false},
	} {
		r := storefront(t).ItemPage(&tracker.Product{ID: "7"})
		f := storefront(t).ReadItem(&market.Answer{Request: r, URL: c.url, Status: c.status, Header: http.Header{"Content-Type": {c.kind}}, Body: []byte(c.body)})
		if f.State != c.want || (f.Wall != nil) != c.wall || (f.More != nil) != c.more || f.Reason == "" {
			t.Errorf("%s: %+v, want %s, wall %v, more %v", c.rule, f, c.want, c.wall, c.more)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"https://shop.example":          endpoint,
		"https://SHOP.example/":         endpoint,
		"http://shop.example/":          "http://shop.example/wp-json/wc/store/v1/products",
		"https://shop.example:8443/de/": "https://shop.example:8443/de/wp-json/wc/store/v1/products",
		"https://shop.example/?add=1":   "",
		"https://me:pw@shop.example/":   "",
		"ftp://shop.example/":           "",
	} {
		sf, err := woocommerce.Market().Storefront(address, "")
		if want == "" && err == nil || want != "" && err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil {
			if strings.Contains(err.Error(), "pw") {
				t.Errorf("a password is told: %v", err)
			}
			continue
		}
		for _, r := range sf.Entries() {
			if got, _, _ := strings.Cut(r.URL, "?"); got != want || r.Page != 1 {
				t.Errorf("%s: %+v, want %s", address, r, want)
			}
		}
	}
	sf := storefront(t)
	for host, want := range map[string]bool{"shop.example": true, "www.shop.example": true, "evil.example": false, "shop.example.evil.example": false} {
		if sf.Home(host) != want {
			t.Errorf("Home(%s) = %v", host, !want)
		}
	}
	if _, err := woocommerce.Market().Storefront(shop, `{"robots":"ignore"}`); err != nil {
		t.Error(err)
	}
	if _, err := woocommerce.Market().Storefront(shop, `{"country":"DE"}`); err == nil {
		t.Error("an option that it does not have is taken")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`[{"id":10150,"name":"A &#8211; B","type":"variable","permalink":"https://shop.example/p/","prices":{"price":"277666","price_range":null,"currency_code":"EGP","currency_minor_unit":2},"images":[{"src":"https://shop.example/a.png"}],"is_in_stock":true}]`), "18", "1", 200)
	f.Add([]byte("\ufeff\n[]"), "0", "0", 200)
	f.Add([]byte(`{"code":"rest_no_route"}`), "", "", 404)
	f.Add([]byte(`<html><link rel='https://api.w.org/' href='https://shop.example/x/wp-json/'>`), "", "", 200)
	f.Fuzz(func(t *testing.T, body []byte, total, pages string, status int) {
		sf := storefront(t)
		a := answer(sf, 1, total, pages, string(body))
		a.Status = status
		for _, address := range []string{a.Request.URL, shop + "/"} {
			a.Request.URL, a.URL = address, address
			r, err := sf.Read(a)
			if err != nil || r.State != nil {
				continue
			}
			r.Listing.Request = a.Request
			for _, p := range r.Listing.Products {
				if p.ID == "" || p.Title == "" || len(p.Title) > market.MaxTitle || !strings.HasPrefix(p.URL, shop) && !strings.HasPrefix(p.URL, "https://www.shop.example") {
					t.Errorf("product %+v", p)
				}
			}
			if next, _ := sf.Next([]market.Listing{r.Listing}); next != nil && !strings.HasPrefix(next.URL, shop) && !strings.HasPrefix(next.URL, "https://www.shop.example") {
				t.Errorf("it leads to %s", next.URL)
			}
			sf.Assess([]market.Listing{r.Listing})
		}
		a.Request = sf.ItemPage(&tracker.Product{ID: "7"})
		if i := sf.ReadItem(a); i.State == tracker.PageGone && status != 404 {
			t.Error("gone without the status")
		}
	})
}
