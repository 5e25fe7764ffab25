package prestashop_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/prestashop"
)

const (
	shop     = "https://shop.example"
	category = shop + "/12-all"
	// scripts is what every page of a shop tells its scripts.
	scripts = `<script>var prestashop = {"cart":{"products":[]},"currency":{"id":1,"name":"Euro","iso_code":"EUR","iso_code_num":"978","sign":"\u20ac"},"customer":{}};</script>`
)

func storefront(t testing.TB) market.Storefront {
	t.Helper()
	sf, err := prestashop.Market().Storefront(category, "")
	if err != nil {
		t.Fatal(err)
	}
	return sf
}

func answer(sf market.Storefront, page int, body string) *market.Answer {
	r := sf.Entries()[0]
	r.URL, r.Page = strings.Replace(r.URL, "page=1", fmt.Sprintf("page=%d", page), 1), page
	return &market.Answer{Request: r, URL: r.URL, Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
}

func list(products, pagination string) string {
	return `{"products":` + products + `,"label":"All","pagination":` + pagination + `,"current_url":"x"}`
}

const one = `{"total_items":1,"items_shown_from":1,"items_shown_to":1,"current_page":1,"pages_count":1,"pages":{}}`

func read(t testing.TB, sf market.Storefront, a *market.Answer) market.Listing {
	t.Helper()
	r, err := sf.Read(a)
	if err != nil || r.State != nil {
		t.Fatalf("state %+v, error %v", r.State, err)
	}
	r.Listing.Request = a.Request
	return r.Listing
}

// forPeople is the answer to the request for the category's page.
func forPeople(t testing.TB, sf market.Storefront, first market.Listing, status int, body string) market.Listing {
	t.Helper()
	r, _ := sf.Next([]market.Listing{first})
	if r == nil || !r.Witness || r.URL != category || r.Header.Get("Accept") != "text/html" {
		t.Fatalf("after the first page: %+v", r)
	}
	return read(t, sf, &market.Answer{Request: *r, URL: r.URL, Status: status, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(body)})
}

func TestProducts(t *testing.T) {
	const base = `"id_product":7,"name":"x","canonical_url":"https://shop.example/home/7-x.html"`
	for _, c := range []struct {
		rule, product string
		title, price  string // empty: "x", unknown
		url, image    string // empty: the usual, none
	}{
		{"ordinary", base + `,"price":"19,90 €","price_amount":19.9,"cover":{"bySize":{"home_default":{"url":"https://shop.example/7-home_default/x.jpg"},"large_default":{"url":"https://shop.example/7-large_default/x.jpg?v=2"}}}`, "", "19.90", "", shop + "/7-large_default/x.jpg"},
		{"noise", base + `,"price_amount":22.943999999999999`, "", "22.94", "", ""},
		{"an amount as text", base + `,"price_amount":"19.90"`, "", "19.90", "", ""},
		{"no price", base + `,"price_amount":0`, "", "", "", ""},
		{"an amount for people", base + `,"price_amount":"19,90"`, "", "", "", ""},
		{"an amount below nothing", base + `,"price_amount":-1`, "", "", "", ""},
		{"an amount beyond reason", base + `,"price_amount":1e30`, "", "", "", ""},
		{"an amount of another form", base + `,"price_amount":{"a":1}`, "", "", "", ""},
		{"a number as text", strings.Replace(base, `7,`, `"7",`, 1), "", "", "", ""},
		{"entities", strings.Replace(base, `"x"`, `"Tom &amp; <b>Jerry</b>\n 1\""`, 1), `Tom & <b>Jerry</b> 1"`, "", "", ""},
		{"a variant", `"id_product":7,"name":"x","url":"https://shop.example/home/7-42-x.html#/1-taille-s"`, "", "", shop + "/home/7-42-x.html", ""},
		{"an older form", `"id_product":7,"name":"x","link":"https://www.shop.example/7-x.html"`, "", "", "https://www.shop.example/7-x.html", ""},
		{"links that leave", `"id_product":7,"name":"x","canonical_url":"javascript:alert(1)","url":"https://evil.example/","link":"http://shop.example/"`, "", "", "-", ""},
		{"a link with a user", `"id_product":7,"name":"x","url":"https://a:b@shop.example/x"`, "", "", "-", ""},
		{"no cover", base + `,"cover":null`, "", "", "", ""},
		{"a cover of another form", base + `,"cover":[]`, "", "", "", ""},
		{"a cover that is none", base + `,"cover":{"url":"data:image/png;base64,AAAA"}`, "", "", "", ""},
		{"a large cover", base + `,"cover":{"large":{"url":"https://cdn.example/a.jpg"},"medium":{"url":"https://cdn.example/b.jpg"}}`, "", "", "", "https://cdn.example/a.jpg"},
	} {
		sf := storefront(t)
		l := read(t, sf, answer(sf, 1, list("[{"+c.product+"}]", one)))
		if len(l.Problems) > 0 {
			t.Errorf("%s: problems %q", c.rule, l.Problems)
		}
		done := sf.Assess([]market.Listing{l, forPeople(t, sf, l, 200, "<html>"+scripts)})
		if !done.Complete || len(done.Products) != 1 || len(done.Warnings) > 0 {
			t.Errorf("%s: %+v", c.rule, done)
			continue
		}
		p := done.Products[0]
		if c.title == "" {
			c.title = "x"
		}
		switch c.url {
		case "":
			c.url = shop + "/home/7-x.html"
		case "-":
			c.url = ""
		}
		if p.ID != "7" || p.Title != c.title || p.Price.String() != c.price || p.URL != c.url || p.Image != c.image || p.Price.Known() && p.Price.Currency != "EUR" {
			t.Errorf("%s: %+v, want %q %q %q %q", c.rule, p, c.title, c.price, c.url, c.image)
		}
	}
	for _, product := range []string{`null`, `5`, `{}`, `{"id_product":7}`, `{"id_product":7,"name":" "}`, `{"id_product":-7,"name":"x"}`, `{"id_product":0,"name":"x"}`, `{"id_product":"7a","name":"x"}`, `{"id_product":99999999999999999999,"name":"x"}`, `{"id_product":[7],"name":"x"}`} {
		sf := storefront(t)
		if l := read(t, sf, answer(sf, 1, list("["+product+"]", one))); len(l.Products) > 0 || len(l.Problems) == 0 {
			t.Errorf("%s: %+v", product, l)
		}
	}
	sf := storefront(t)
	keyed := `{"0":{"id_product":7,"name":"x"},"3":{"id_product":8,"name":"y"},"5":7}`
	if l := read(t, sf, answer(sf, 1, list(keyed, one))); len(l.Products) != 2 || l.Products[1].ID != "8" || l.Cells != 3 {
		t.Errorf("a list with keys: %+v", l)
	}
}

// The currency stands on the page of the category only. Without it prices are
// unknown, and the list is as whole as it is.
func TestCurrency(t *testing.T) {
	for _, c := range []struct {
		rule, page string
		status     int
		want       string
	}{
		{"euro", "<html>" + scripts, 200, "19.90EUR"},
		{"with an error", "<html>" + scripts, 404, ""},
		{"another theme", "<html>", 200, ""},
		{"a currency without cents", "<html>" + strings.Replace(scripts, "EUR", "JPY", 1), 200, "20JPY"},
		{"a currency that is none", "<html>" + strings.Replace(scripts, "EUR", "€", 1), 200, ""},
	} {
		sf := storefront(t)
		l := read(t, sf, answer(sf, 1, list(`[{"id_product":7,"name":"x","price_amount":19.9}]`, one)))
		done := sf.Assess([]market.Listing{l, forPeople(t, sf, l, c.status, c.page)})
		if got := done.Products[0].Price.String() + done.Products[0].Price.Currency; !done.Complete || got != c.want {
			t.Errorf("%s: %q, want %q; %+v", c.rule, got, c.want, done)
		}
	}
	sf := storefront(t)
	l := read(t, sf, answer(sf, 1, list(`[{"id_product":7,"name":"x","price_amount":19.9}]`, one)))
	none := market.Listing{Witness: true, Problems: []string{"timed out"}}
	if done := sf.Assess([]market.Listing{l, none}); !done.Complete || done.Products[0].Price.Known() || len(done.Warnings) != 1 {
		t.Errorf("without the page of the category: %+v", done)
	}
}

func TestTotals(t *testing.T) {
	products := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`{"id_product":%d,"name":"x"}`, i+1))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	at := func(total, from, to, page, pages any) string {
		return fmt.Sprintf(`{"total_items":%v,"items_shown_from":%v,"items_shown_to":%v,"current_page":%v,"pages_count":%v}`, total, from, to, page, pages)
	}
	for _, c := range []struct {
		rule, at string
		products int
		problem  string
	}{
		{"the first page", at(30, 1, 12, 1, 3), 12, ""},
		{"numbers in quotes", at(`"30"`, `"1"`, `"12"`, `"1"`, `"3"`), 12, ""},
		{"too few", at(30, 1, 12, 1, 3), 11, "11 products and says that it shows 1 to 12"},
		{"another page", at(30, 13, 24, 2, 3), 12, "asked for page 1, got page 2"},
		{"a last page before the end", at(30, 1, 12, 1, 1), 12, "shows up to product 12 of 30"},
		{"no totals", `null`, 12, "does not say how many"},
		{"totals of another form", `[]`, 0, "does not say how many"},
		{"a total that overflows", at("99999999999999", 1, 12, 1, 3), 12, "does not say how many"},
		{"below nothing", at(-3, 1, 12, 1, 3), 12, "does not say how many"},
		{"something of nothing", at(0, 1, 12, 1, 1), 12, "12"},
	} {
		sf := storefront(t)
		l := read(t, sf, answer(sf, 1, list(products(c.products), c.at)))
		if got := strings.Join(l.Problems, "; "); c.problem == "" && got != "" || !strings.Contains(got, c.problem) {
			t.Errorf("%s: problems %q, want %q", c.rule, got, c.problem)
		}
	}
	sf := storefront(t)
	for _, pages := range []int{0, 1} {
		if l := read(t, sf, answer(sf, 1, list("[]", at(0, 1, 0, 1, pages)))); !l.Empty || !l.Last {
			t.Errorf("an empty category: %+v", l)
		}
	}
	// Both requests for a page of the list and the one for people's.
	l := read(t, sf, answer(sf, 1, list(products(12), at(30, 1, 12, 1, 3))))
	people := forPeople(t, sf, l, 200, scripts)
	next, _ := sf.Next([]market.Listing{l, people})
	if next == nil || next.URL != category+"?page=2&from-xhr" || next.Page != 2 || !strings.HasPrefix(next.Header.Get("Accept"), "application/json") || next.Header.Get("X-Requested-With") == "" {
		t.Errorf("next = %+v", next)
	}
	l.Pages, l.Last = 0, false
	if next, stop := sf.Next([]market.Listing{l, people}); next != nil {
		t.Errorf("after a page without totals: %+v, %s", next, stop)
	}
}

// Whatever an answer holds, little of it is kept.
func TestWhatIsKeptIsBounded(t *testing.T) {
	long := strings.Repeat("長", 1<<20)
	sf := storefront(t)
	l := read(t, sf, answer(sf, 1, list(`[{"id_product":7,"name":"`+long+`","url":"https://shop.example/`+long+`","price_amount":"`+long+`","cover":{"url":"https://shop.example/`+long+`"}},{"id_product":"`+long+`","name":"x"}]`, one)))
	if kept := fmt.Sprintf("%+v %+v", l, l.Read); len(l.Products) != 1 || len(kept) > 20_000 || !utf8.ValidString(kept) {
		t.Errorf("%d products, %d bytes are kept", len(l.Products), len(kept))
	}
}

func TestStates(t *testing.T) {
	const htmlType, jsonType = "text/html; charset=utf-8", "application/json"
	for _, c := range []struct {
		rule, url, kind, body string
		status                int
		want                  string
	}{
		{"elsewhere", "https://evil.example/", jsonType, `{}`, 200, "failed another site"},
		{"a password before the shop", "", htmlType, `<html>`, 401, "login login page"},
		{"a login", "", htmlType, `<html><body id="authentication" class="x">` + scripts, 200, "login login page"},
		{"a category with a login form", "", htmlType, `<html><body id="category"><form id="login-form">` + scripts, 200, "failed a page"},
		{"a firewall", "", htmlType, `<html>`, 403, "blocked a firewall, status 403"},
		{"a challenge", "", htmlType, `<html><title>Just a moment...</title>`, 200, "blocked a check whether a browser asks"},
		{"too many", "", jsonType, `{}`, 429, "blocked too many requests"},
		{"a server error", "", htmlType, `<html>`, 500, "failed server error"},
		{"a page", "", htmlType, `<html>` + scripts, 200, "failed a page"},
		{"no category", "", htmlType, `<html>` + scripts, 404, "failed no category"},
		{"a strange status", "", jsonType, `[]`, 302, "failed strange status"},
		{"something else", "", jsonType, `{"hasError":true}`, 200, "failed no list"},
		{"a list that is none", "", jsonType, `{"products":null,"pagination":` + one + `}`, 200, "failed no list"},
	} {
		sf := storefront(t)
		a := answer(sf, 1, c.body)
		a.Status = c.status
		if c.url != "" {
			a.URL = c.url
		}
		a.Header.Set("Content-Type", c.kind)
		r, err := sf.Read(a)
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
	for _, body := range []string{`{"products":5}`, `{"products":{"0":{"id_product":7`, `{"products":[`, ``, `<`} {
		sf := storefront(t)
		if r, err := sf.Read(answer(sf, 1, body)); err == nil && r.State == nil {
			t.Errorf("%q is read: %+v", body, r.Listing)
		}
	}
}

// step is an answer on the way to the judgement of a product.
type step struct {
	status int
	body   string
	url    string // empty: where it was asked for
}

// A product is gone when the shop itself answers that its page does not exist,
// while the page of a listed one does.
func TestItemPages(t *testing.T) {
	const (
		own   = `<html><form><input type="hidden" name="product" value="1"><input type="hidden" name="id_product" value="7" id="product_page_product_id"></form>` + scripts
		other = `<html><input type="hidden" name="id_product" value="8">` + scripts
		gone  = `<html><body id="pagenotfound">` + scripts
		lists = `{"products":[{"id_product":8,"name":"y","url":"https://shop.example/8-y.html"}],"pagination":` + one + `}`
	)
	for _, c := range []struct {
		rule  string
		steps []step
		want  tracker.PageState
		wall  bool
	}{
		{"gone", []step{{404, gone, ""}, {200, lists, ""}, {200, other, ""}}, tracker.PageGone, false},
		{"gone for good", []step{{410, gone, "https://www.shop.example/7-x.html"}, {200, lists, ""}, {200, other, ""}}, tracker.PageGone, false},
		{"its page shows it", []step{{200, own, ""}}, tracker.PageSold, false},
		{"a page that is not the shop's", []step{{200, strings.Replace(own, scripts, "", 1), ""}}, tracker.PageUnknown, false},
		{"another product", []step{{200, other, ""}}, tracker.PageUnknown, false},
		{"a category", []step{{200, `<html>` + scripts, category}}, tracker.PageUnknown, false},
		{"404 elsewhere", []step{{404, gone, shop + "/gone"}}, tracker.PageUnknown, false},
		{"404 of a proxy", []step{{404, `<html>nginx`, ""}}, tracker.PageUnknown, false},
		{"404 of another site", []step{{404, gone, "https://evil.example/7-x.html"}}, tracker.PageUnknown, false},
		{"a challenge with 404", []step{{404, `<html><title>Just a moment...</title>` + scripts, ""}}, tracker.PageUnknown, true},
		{"a server error", []step{{500, gone, ""}}, tracker.PageUnknown, false},
		{"listed again", []step{{404, gone, ""}, {200, strings.Replace(lists, ":8", ":7", 1), ""}}, tracker.PageSold, false},
		{"an empty list", []step{{404, gone, ""}, {200, `{"products":[],"pagination":` + one + `}`, ""}}, tracker.PageUnknown, false},
		{"no list", []step{{404, gone, ""}, {200, `{}`, ""}}, tracker.PageUnknown, false},
		{"a damaged list", []step{{404, gone, ""}, {200, lists[:30], ""}}, tracker.PageUnknown, false},
		{"a list behind a wall", []step{{404, gone, ""}, {429, `{}`, ""}}, tracker.PageUnknown, true},
		{"a list behind a login", []step{{404, gone, ""}, {401, `<html>`, ""}}, tracker.PageUnknown, true},
		{"no page exists", []step{{404, gone, ""}, {200, lists, ""}, {404, gone, ""}}, tracker.PageUnknown, false},
		{"every page is a shell", []step{{404, gone, ""}, {200, lists, ""}, {200, `<html>` + scripts, ""}}, tracker.PageUnknown, false},
		{"a wall before the other page", []step{{404, gone, ""}, {200, lists, ""}, {403, `<html>`, ""}}, tracker.PageUnknown, true},
		{"a listed product whose page is elsewhere", []step{{404, gone, ""}, {200, strings.Replace(lists, "shop.example", "evil.example", 1), ""}}, tracker.PageUnknown, false},
	} {
		sf := storefront(t)
		r := sf.ItemPage(&tracker.Product{ID: "7", URL: shop + "/7-x.html"})
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
	for _, p := range []tracker.Product{{ID: "7"}, {ID: "7", URL: "https://evil.example/7.html"}} {
		r := storefront(t).ItemPage(&p)
		if r.URL != shop+"/index.php?controller=product&id_product=7" {
			t.Errorf("item page = %s", r.URL)
		}
		f := storefront(t).ReadItem(&market.Answer{Request: r, URL: r.URL, Status: 404, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(gone)})
		if f.State != tracker.PageUnknown || f.More != nil {
			t.Errorf("a page at an address that was guessed: %+v", f)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		category:                         category + "?page=1&from-xhr",
		"https://SHOP.example/12-all/#x": shop + "/12-all/?page=1&from-xhr",
		category + "?page=3&order=product.name.asc&utm_source=x&gclid=1&resultsPerPage=99": category + "?order=product.name.asc&page=1&from-xhr",
		shop + "/index.php?id_category=12&controller=category&from-xhr":                    shop + "/index.php?id_category=12&controller=category&page=1&from-xhr",
		shop + "/nouveaux%20produits?q=Marque-X%5C-Y":                                      shop + "/nouveaux%20produits?q=Marque-X%5C-Y&page=1&from-xhr",
		shop:                          shop + "/?page=1&from-xhr",
		"https://me:pw@shop.example/": "",
	} {
		sf, err := prestashop.Market().Storefront(address, "")
		if want == "" && (err == nil || strings.Contains(err.Error(), "pw")) || want != "" && err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if err == nil && sf.Entries()[0].URL != want {
			t.Errorf("%s: %s, want %s", address, sf.Entries()[0].URL, want)
		}
	}
	for host, want := range map[string]bool{"shop.example": true, "www.shop.example": true, "evil.example": false, "shop.example.evil.example": false} {
		if storefront(t).Home(host) != want {
			t.Errorf("Home(%s) = %v", host, !want)
		}
	}
	if _, err := prestashop.Market().Storefront(category, `{"robots":"ignore"}`); err != nil {
		t.Error(err)
	}
	if _, err := prestashop.Market().Storefront(category, `{"currency":"EUR"}`); err == nil {
		t.Error("an option that it does not have is taken")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(list(`[{"id_product":7,"name":"A &#8211; B","price_amount":19.9,"url":"https://shop.example/7-x.html","cover":{"url":"https://shop.example/a.jpg"}}]`, one)), 200)
	f.Add([]byte(list(`{"0":{"id_product":"7","name":"x"},"b":null}`, one)), 200)
	f.Add([]byte(`<html><input name="id_product" value="7">`+scripts), 404)
	f.Add([]byte(scripts), 200)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		sf := storefront(t)
		a := answer(sf, 1, string(body))
		a.Status = status
		if r, err := sf.Read(a); err == nil && r.State == nil {
			r.Listing.Request = a.Request
			for _, p := range r.Listing.Products {
				if p.ID == "" || len(p.ID) > market.MaxID || p.Title == "" || len(p.Title) > market.MaxTitle || p.URL != "" && !sf.Home(hostOf(p.URL)) {
					t.Errorf("product %+v", p)
				}
			}
			all := []market.Listing{r.Listing}
			if next, _ := sf.Next(all); next != nil && next.Witness {
				w := *a
				w.Request = *next
				if r, err := sf.Read(&w); err == nil && r.State == nil {
					all = append(all, r.Listing)
				}
			}
			sf.Next(all)
			sf.Assess(all)
		}
		a.Request = sf.ItemPage(&tracker.Product{ID: "7", URL: shop + "/7-x.html"})
		for range 3 {
			a.URL = a.Request.URL
			i := sf.ReadItem(a)
			if i.State == tracker.PageGone {
				t.Errorf("gone by one answer: %+v", i)
			}
			if i.More == nil {
				break
			}
			if !sf.Home(hostOf(i.More.URL)) {
				t.Errorf("it leads to %s", i.More.URL)
			}
			a.Request = *i.More
		}
	})
}

func hostOf(address string) string {
	host := strings.TrimPrefix(address, "https://")
	host, _, _ = strings.Cut(host, "/")
	host, _, _ = strings.Cut(host, "?")
	host, _, _ = strings.Cut(host, ":")
	return strings.ToLower(host)
}
