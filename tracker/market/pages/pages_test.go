package pages_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/pages"
)

const site = "https://shop.example/lamps"

// plain are options of a list that is sent whole, on one page.
const plain = `{"list":{"transport":"http","row":".card","title":"a","price":".price","next":{"none":true}}}`

func open(t testing.TB, options string) market.Storefront {
	t.Helper()
	sf, err := pages.Market().Storefront(site, options)
	if err != nil {
		t.Fatalf("options %s: %v", options, err)
	}
	return sf
}

// answer is what a request over HTTP was answered.
func answer(req market.Request, status int, body string) *market.Answer {
	return &market.Answer{Request: req, URL: req.URL, Status: status, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: []byte(body)}
}

// list reads the first page of a list.
func list(t testing.TB, options, body string) market.Listing {
	t.Helper()
	sf := open(t, options)
	r, err := sf.Read(answer(sf.Entries()[0], 200, body))
	if err != nil {
		t.Fatal(err)
	}
	if r.State != nil {
		t.Fatalf("state %+v of\n%s", r.State, body)
	}
	return r.Listing
}

func page(inner string) string {
	return "<!DOCTYPE html><html><head><title>Lamps</title></head><body><main>" + inner + "</main></body></html>"
}

func row(id, title, price string) string {
	return fmt.Sprintf(`<li class="card"><a href="/p/%s?from=list">%s</a><span class="price">%s</span></li>`, id, title, price)
}

func TestOptions(t *testing.T) {
	for _, c := range []struct{ options, option, says string }{
		{`{}`, "list.row", "say what the rows of the list are"},
		{`{"list":{"row":".a"}}`, "list.next", "say in which one way the list goes on"},
		{`{"list":{"row":".a","next":{"none":true,"link":"a"}}}`, "list.next", "one way"},
		{`{"list":{"row":".a[","next":{"none":true}}}`, "list.row", "is no selector"},
		{`{"list":{"row":".a","title":{"css":"b >"},"next":{"none":true}}}`, "list.title.css", "is no selector"},
		{`{"list":{"row":"li:contains(x)","next":{"none":true}}}`, "list.row", "Chrome does not know :contains"},
		{`{"list":{"transport":"ftp","row":".a","next":{"none":true}}}`, "list.transport", "want page"},
		{`{"list":{"transport":"http","row":".a","next":{"button":".more"}}}`, "list.next", "need a browser"},
		{`{"list":{"transport":"http","row":".a","ready":".x","next":{"none":true}}}`, "list.ready", "sent whole"},
		{`{"list":{"row":".a","next":{"scroll":true}}}`, "list.next", "nothing tells when a list that grows has ended"},
		{`{"list":{"row":".a","next":{"param":"page"}}}`, "list.next", "nothing tells which page is the last"},
		{`{"list":{"row":".a","next":{"param":"page","step":-1},"empty":".none"}}`, "list.next", "at least 1"},
		{`{"list":{"row":".a","id":{"link":"("},"next":{"none":true}}}`, "list.id.link", "is no regular expression"},
		{`{"list":{"row":".a","id":{"link":"x"},"next":{"none":true}}}`, "list.id.link", "one pair of parentheses"},
		{`{"list":{"row":".a","id":{"link":"(x)","attr":"id"},"next":{"none":true}}}`, "list.id", "not both"},
		{`{"list":{"row":".a","id":{"css":"b"},"next":{"none":true}}}`, "list.id", "which attr"},
		{`{"list":{"row":".a","price":{"locale":"klingon"},"next":{"none":true}}}`, "list.price.locale", "is not known"},
		{`{"list":{"row":".a","price":{"currency":"euro"},"next":{"none":true}}}`, "list.price.currency", "three letters"},
		{`{"list":{"row":".a","max_pages":5000,"next":{"none":true}}}`, "list.max_pages", "1 to 1000"},
		{`{"list":{"row":".a","total":{"match":"(x)"},"next":{"none":true}}}`, "list.total", "say with css"},
		{`{"list":{"row":".a","total":{"sitemap":true},"next":{"none":true}}}`, "list.total.product", "which addresses of the sitemap"},
		{`{"list":{"row":".a","id":{"link":"/p/(x)"},"total":{"sitemap":"https://other.example/s.xml"},"next":{"none":true}}}`, "list.total.sitemap", "sitemap of shop.example"},
		{`{"list":{"row":".a","total":{"sitemap":true,"css":"b","product":"/p/"},"next":{"none":true}}}`, "list.total", "not both"},
		{`{"list":{"data":"rdfa","next":{"none":true}}}`, "list.data", "want jsonld or microdata"},
		{`{"list":{"data":"jsonld","price":".x","next":{"none":true}}}`, "list.price", "it stands in the rows"},
		{`{"list":{"row":".a","next":{"none":true}},"item":{"gone":{"status":[503]}}}`, "item.gone.status", "status 503 does not say"},
		{`{"list":{"row":".a","next":{"none":true}},"item":{"gone":{"status":[200]}}}`, "item.gone", "name its words"},
		{`{"list":{"row":".a","next":{"none":true}},"item":{"gone":{"text":"gone"}}}`, "item.gone", "in which element"},
	} {
		_, err := pages.Market().Storefront(site, c.options)
		option := (*market.OptionError)(nil)
		if !errors.As(err, &option) || option.Option != c.option || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s: …%s…", c.options, err, c.option, c.says)
		}
	}
	for options, says := range map[string]string{
		`{"list":{"rows":".a"}}`:                   `unknown field "rows"`,
		`{"list":{"price":{"css":".a","curr":1}}}`: `unknown field "curr"`,
		`{"robots":"perhaps"}`:                     "neither obey nor ignore",
	} {
		if _, err := pages.Market().Storefront(site, options); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", options, err, says)
		}
	}
}

func TestRows(t *testing.T) {
	const all = `{"list":{"transport":"http","row":".card","within":"main","stop":".more","id":{"attr":"data-id"},"link":"a","keep":["v"],"title":"h3",
		"image":"img","soldout":{"css":".badge","text":"sold out"},"next":{"none":true}}}`
	l := list(t, all, `<html><head><base href="https://shop.example/x/"></head><body><ul><li class="card" data-id="0"><a href="p0">of the header</a><h3>0</h3></li></ul><main>
		<li class="card" data-id=" 1 "><a href="p1?v=2&utm=3#top"><img src="data:image/gif;base64,AA" data-src="//cdn.example/1.jpg"></a><h3>A &lt;b&gt;<br>lamp</h3></li>
		<li class="card" data-id="2" hidden><a href="p2">hidden</a><h3>2</h3></li>
		<li class="card" data-id="3"><a href="p3"><img srcset="a.jpg 100w, b.jpg 900w"></a><h3 style="display:none">not shown</h3><h3>C</h3><i class="badge">sold out</i></li>
		<li class="card" data-id="1"><a href="p1">again</a><h3>A</h3></li>
		<li class="card"><a href="p5">without a number</a><h3>5</h3></li>
		<li class="card" data-id="6"><a href="https://other.example/p6">a stranger's</a><h3>6</h3></li>
		<p class="more"></p><li class="card" data-id="7"><a href="p7">recommended</a><h3>7</h3></li></main></body></html>`)
	if l.Cells != 5 || len(l.Repeated) != 1 || len(l.Problems) != 2 || len(l.Products) != 2 {
		t.Fatalf("%d entries, %q repeated, problems %q, products %+v", l.Cells, l.Repeated, l.Problems, l.Products)
	}
	if want := (tracker.Product{ID: "1", Title: "A <b> lamp", URL: "https://shop.example/x/p1?v=2", Image: "https://cdn.example/1.jpg", Availability: tracker.Available}); l.Products[0] != want {
		t.Errorf("first = %+v, want %+v", l.Products[0], want)
	}
	if want := (tracker.Product{ID: "3", Title: "C", URL: "https://shop.example/x/p3", Image: "https://shop.example/x/b.jpg", Availability: tracker.SoldOut}); l.Products[1] != want {
		t.Errorf("second = %+v, want %+v", l.Products[1], want)
	}
}

func TestLeastOptions(t *testing.T) {
	l := list(t, `{"list":{"transport":"http","row":".card","next":{"none":true}}}`, page(`<div class="card"><a href="/p/a-lamp?x=1"><img alt="A picture" src="/1.png"></a><a href="/p/a-lamp">A lamp</a></div>`))
	if want := (tracker.Product{ID: "/p/a-lamp", Title: "A lamp", URL: "https://shop.example/p/a-lamp", Image: "https://shop.example/1.png"}); len(l.Products) != 1 || l.Products[0] != want {
		t.Errorf("products = %+v, want %+v", l.Products, want)
	}
	long := strings.Repeat("a", 300)
	l = list(t, plain, page(row(long+"1", "One", "")+row(long+"2", "Two", "")))
	if len(l.Products) != 2 || len(l.Products[0].ID) > 120 {
		t.Errorf("long addresses give %+v", l.Products)
	}
}

func TestPrices(t *testing.T) {
	for _, c := range []struct{ locale, currency, text, want string }{
		{"", "", "€ 9,90", "9.90 EUR"}, {"", "", "1.299,00 €", "1299.00 EUR"}, {"", "", "$1,299.00 USD", "1299.00 USD"}, {"", "EUR", "1.299", "1299.00 EUR"},
		{"en", "USD", "1.29", "1.29 USD"}, {"de", "EUR", "1.299", "1299.00 EUR"}, {"de", "EUR", "12,5", "12.50 EUR"}, {"de-CH", "CHF", "1’299.50", "1299.50 CHF"},
		{"hi", "INR", "₹1,29,900.00", "129900.00 INR"}, {"fr", "EUR", "1 299,00 €", "1299.00 EUR"}, {"", "EUR", "ab 9,90 €", "from 9.90 EUR"}, {"", "EUR", "9,90 – 19,90 €", "9.90-19.90 EUR"},
		{"", "CNY", "¥9.90起", "from 9.90 CNY"},
		// What can be read in more than one way is unknown.
		{"", "", "9.90", "unknown "}, {"", "EUR", "was 9,90 now 5,90", "unknown EUR"}, {"", "EUR", "$ 5.00", "unknown EUR"}, {"", "", "$ 5.00", "unknown "}, {"", "EUR", "-5,00 €", "unknown EUR"},
		{"", "EUR", "0,00 €", "unknown EUR"}, {"", "EUR", "on request", "unknown EUR"}, {"", "EUR", "1.2.3", "unknown EUR"}, {"", "EUR", "99.999.999.999.999.999 €", "unknown EUR"}, {"en", "EUR", "1,2", "unknown EUR"},
		{"", "", "¥ 900", "unknown "}, {"", "JPY", "¥ 900", "900 JPY"}, {"", "KWD", "1.500 KWD", "unknown KWD"},
	} {
		options := fmt.Sprintf(`{"list":{"transport":"http","row":".card","title":"a","price":{"css":".price","locale":%q,"currency":%q},"next":{"none":true}}}`, c.locale, c.currency)
		p := list(t, options, page(row("1", "A", c.text))).Products[0].Price
		got := "unknown"
		switch p.Kind {
		case tracker.PriceExact:
			got = p.String()
		case tracker.PriceFrom:
			got = "from " + fmt.Sprintf("%d.%02d", p.Low/100, p.Low%100)
		case tracker.PriceRange:
			got = fmt.Sprintf("%d.%02d-%d.%02d", p.Low/100, p.Low%100, p.High/100, p.High%100)
		}
		if got += " " + p.Currency; got != c.want {
			t.Errorf("%q in %s %s is %q, want %q", c.text, c.locale, c.currency, got, c.want)
		}
	}
}

func TestTotals(t *testing.T) {
	for text, want := range map[string]int{
		"1.204 Artikel": 1204, "1 204 articles": 1204, "1,204 items": 1204, "1’204": 1204, "12": 12, "(12)": 12, "2,40,000 items": 240000, "共 38 件": 38, "١٢٣ منتج": 123,
		"240+": 0, "240 +": 0, "none": 0, "1.2 items": 0, "99999999999999": 0,
	} {
		l := list(t, `{"list":{"transport":"http","row":".card","next":{"none":true},"total":{"css":".count"}}}`, page(row("1", "A", "")+`<b class="count">`+text+`</b>`))
		if l.Total != want || (want == 0) != (len(l.Problems) > 0) {
			t.Errorf("%q: total %d, problems %q, want %d", text, l.Total, l.Problems, want)
		}
	}
	l := list(t, `{"list":{"transport":"http","row":".card","next":{"none":true},"total":{"css":".count","match":"of ([\\d.]+\\+?)"}}}`, page(row("1", "A", "")+`<b class="count">1-24 of 240+ items</b>`))
	if l.Total != 0 || len(l.Problems) != 1 || !strings.Contains(l.Problems[0], "more than") {
		t.Errorf("total %d, problems %q", l.Total, l.Problems)
	}
}

func TestCharset(t *testing.T) {
	sf := open(t, plain)
	body, err := charmap.Windows1251.NewEncoder().String(`<html><head><meta charset="windows-1251"></head><body>` + row("1", "Лампа", "100 руб") + `</body></html>`)
	if err != nil {
		t.Fatal(err)
	}
	a := answer(sf.Entries()[0], 200, body)
	a.Header.Set("Content-Type", "text/html")
	r, err := sf.Read(a)
	if err != nil || len(r.Listing.Products) != 1 || r.Listing.Products[0].Title != "Лампа" || r.Listing.Products[0].Price.Currency != "RUB" {
		t.Errorf("read %+v, %v", r.Listing.Products, err)
	}
}

func TestStructuredData(t *testing.T) {
	const micro = `<div itemscope itemtype="https://schema.org/Product"><a itemprop="url" href="/p/1">x</a><b itemprop="name">A lamp</b><i itemprop="offers" itemscope itemtype="https://schema.org/Offer"><meta itemprop="price" content="9.90"><meta itemprop="priceCurrency" content="EUR"></i></div>`
	l := list(t, `{"list":{"transport":"http","data":"microdata","id":{"link":"/p/(\\d+)"},"next":{"none":true}}}`, page(micro+strings.ReplaceAll(micro, "/p/1", "/p/2")))
	if len(l.Products) != 2 || l.Products[1].ID != "2" || l.Products[0].Price.String() != "9.90" {
		t.Errorf("microdata: %+v, %q", l.Products, l.Problems)
	}
	// Rows are the list; data fills in what they do not show.
	l = list(t, `{"list":{"transport":"http","row":".card","data":"jsonld","next":{"none":true}}}`,
		page(row("1", "A lamp", "")+`<script type="application/ld+json">{"@type":"ItemList","itemListElement":[{"@type":"Product","name":"x","url":"/p/1","image":"/1.jpg","offers":{"price":5,"priceCurrency":"EUR","availability":"OutOfStock"}},{"@type":"Product","name":"y","url":"/p/2"}]}</script>`))
	if len(l.Products) != 1 || l.Products[0].Title != "A lamp" || l.Products[0].Price.String() != "5.00" || l.Products[0].Availability != tracker.SoldOut || l.Products[0].Image != "https://shop.example/1.jpg" {
		t.Errorf("rows with data: %+v, %q", l.Products, l.Problems)
	}
}

// walk reads a list as a scan does, with what a path of the website answers.
func walk(t *testing.T, options string, site func(path string) (status int, body string)) (market.Completeness, string) {
	t.Helper()
	sf := open(t, options)
	var read []market.Listing
	req, stop := &sf.Entries()[0], ""
	for n := 0; req != nil; n++ {
		if n == 50 {
			t.Fatal("the walk does not end")
		}
		status, body := site(strings.TrimPrefix(req.URL, "https://shop.example"))
		r, err := sf.Read(answer(*req, status, body))
		if err != nil {
			t.Fatal(err)
		}
		if r.State != nil {
			t.Fatalf("%s: %+v", req.URL, r.State)
		}
		r.Listing.Request = *req
		read = append(read, r.Listing)
		req, stop = sf.Next(read)
	}
	return sf.Assess(read), stop
}

func TestCompleteness(t *testing.T) {
	const links = `{"list":{"transport":"http","row":".card","id":{"link":"/p/(\\d+)"},"next":{"link":"a.next"}TOTAL}}`
	next := func(n int) string { return fmt.Sprintf(`<a class="next" href="/lamps?page=%d">next</a>`, n) }
	two := func(count string) func(string) (int, string) {
		return func(path string) (int, string) {
			switch path {
			case "/lamps":
				return 200, page(row("1", "A", "") + row("2", "B", "") + count + next(2))
			case "/lamps?page=2":
				return 200, page(row("3", "C", "") + count)
			case "/robots.txt":
				return 404, ""
			}
			return 404, ""
		}
	}
	with := func(files map[string]string, site func(string) (int, string)) func(string) (int, string) {
		return func(path string) (int, string) {
			if body, ok := files[path]; ok {
				return 200, body
			}
			return site(path)
		}
	}
	urlset := func(ids ...string) string {
		s := `<urlset>`
		for _, id := range ids {
			s += `<url><loc>https://www.shop.example/p/` + id + `?variant=1</loc></url><url><loc>https://shop.example/p/` + id + `</loc></url>`
		}
		return s + `<url><loc>https://shop.example/</loc></url></urlset>`
	}
	for _, c := range []struct {
		rule, total string
		site        func(string) (int, string)
		complete    bool
		says        string // in the reason or the warnings
	}{
		{"no total: the look agrees", "", two(""), true, "undeclared"},
		{"a total that agrees", `,"total":{"css":".count"}`, two(`<b class="count">3</b>`), true, ""},
		{"a total that is higher", `,"total":{"css":".count"}`, two(`<b class="count">4</b>`), false, "4 products are declared, 3 were seen"},
		{"a total that is lower", `,"total":{"css":".count"}`, two(`<b class="count">2</b>`), false, "2 products are declared, 3 were seen"},
		{"a total that is nowhere", `,"total":{"css":".count"}`, two(""), false, "does not say how many"},
		{"a sitemap that agrees", `,"total":{"sitemap":true}`, with(map[string]string{"/sitemap.xml": urlset("1", "2", "3")}, two("")), true, "the sitemap, which names 3 products, agrees"},
		{"a sitemap that names fewer", `,"total":{"sitemap":true}`, with(map[string]string{"/sitemap.xml": urlset("1")}, two("")), true, "undeclared"},
		{"a sitemap that names more", `,"total":{"sitemap":true}`, with(map[string]string{"/sitemap.xml": urlset("1", "2", "3", "4")}, two("")), false, "the sitemap names 4 products, 3 were seen"},
		{"no sitemap", `,"total":{"sitemap":true}`, two(""), false, "no sitemap"},
		{"a sitemap that cannot be read", `,"total":{"sitemap":true}`, with(map[string]string{"/sitemap.xml": `<urlset><url><loc>https://shop.example/p/1</loc>`}, two("")), false, "could not be read"},
		{"a sitemap without products", `,"total":{"sitemap":true}`, with(map[string]string{"/sitemap.xml": urlset()}, two("")), false, "names no products"},
	} {
		got, stop := walk(t, strings.Replace(links, "TOTAL", c.total, 1), c.site)
		if got.Complete != c.complete || !strings.Contains(got.Reason+strings.Join(got.Warnings, "; "), c.says) || len(got.Products) != 3 {
			t.Errorf("%s: complete %v (%s), %q, %d products, stop %q", c.rule, got.Complete, got.Reason, got.Warnings, len(got.Products), stop)
		}
	}
}

func TestItemPages(t *testing.T) {
	const options = `{"list":{"transport":"http","row":".card","id":{"link":"/p/(\\d+)"},"next":{"none":true}},"item":{"selling":"button.cart","gone":{"css":".notice","text":"no longer sold"}}}`
	sf := open(t, options)
	p := tracker.Product{ID: "1", URL: "https://shop.example/p/1"}
	const cart, notice = `<h1>A lamp</h1><button class="cart">Buy</button>`, `<p class="notice">It is no longer sold.</p>`
	const offer = `<script type="application/ld+json">{"@type":"Product","name":"A lamp","url":"/p/1","offers":{"price":"5","priceCurrency":"EUR","availability":"http://schema.org/STOCK"}}</script>`
	for _, c := range []struct {
		name, url string
		status    int
		body      string
		want      tracker.PageState
	}{
		{"sold", "", 200, page(cart), tracker.PageSold},
		{"gone", "", 404, page(notice), tracker.PageGone},
		{"gone for good", "", 410, page(notice), tracker.PageGone},
		{"not found in other words", "", 404, page("Not Found"), tracker.PageUnknown},
		{"the words with another status", "", 200, page(notice), tracker.PageUnknown},
		{"both", "", 404, page(notice + cart), tracker.PageUnknown},
		{"the words hidden", "", 404, page(`<div style="display: none">` + notice + `</div>`), tracker.PageUnknown},
		{"another page", "https://shop.example/", 200, page(cart), tracker.PageUnknown},
		{"another product", "https://shop.example/p/2", 200, page(cart), tracker.PageUnknown},
		{"another address of it", "https://www.shop.example/lamps/p/1-new-name", 200, page(cart), tracker.PageSold},
		{"a stranger", "https://other.example/p/1", 404, page(notice), tracker.PageUnknown},
		{"refused", "", 403, page(notice), tracker.PageUnknown},
		{"a login", "https://shop.example/login", 200, page(`<input type="password">`), tracker.PageUnknown},
		{"its data offers it", "", 200, page(strings.Replace(offer, "STOCK", "InStock", 1)), tracker.PageSold},
		{"its data says sold out", "", 200, page(strings.Replace(offer, "STOCK", "SoldOut", 1)), tracker.PageSold},
		{"its data says discontinued", "", 200, page(strings.Replace(offer, "STOCK", "Discontinued", 1)), tracker.PageOffshelf},
		{"it says nothing", "", 200, page("A lamp"), tracker.PageUnknown},
		{"empty", "", 404, "", tracker.PageUnknown},
	} {
		a := answer(sf.ItemPage(&p), c.status, c.body)
		if c.url != "" {
			a.URL = c.url
		}
		if f := sf.ReadItem(a); f.State != c.want || f.Reason == "" {
			t.Errorf("%s: %s (%s), want %s", c.name, f.State, f.Reason, c.want)
		}
	}
}

// A page that comes with status 404 and a wall is that wall.
func TestWallsOfItemPages(t *testing.T) {
	sf := open(t, plain)
	a := answer(sf.ItemPage(&tracker.Product{ID: "/p/1", URL: "https://shop.example/p/1"}), 404, "<h1>Not found</h1>")
	a.Header.Set("Cf-Mitigated", "challenge")
	if f := sf.ReadItem(a); f.State != tracker.PageUnknown || f.Wall == nil || f.Wall.Verdict != tracker.Blocked {
		t.Errorf("%+v", f)
	}
}

// The page of a product that somebody saved: its structured data offers it,
// though its first block of JSON-LD is broken.
func TestRealItemPage(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "real", "jsonld_item_2026-07-03_orientbell_invalid_block_plus_product.html"))
	if os.IsNotExist(err) {
		t.Skip("no saved real page here")
	}
	if err != nil {
		t.Fatal(err)
	}
	sf, err := pages.Market().Storefront("https://www.orientbell.com/tiles", plain)
	if err != nil {
		t.Fatal(err)
	}
	f := sf.ReadItem(answer(sf.ItemPage(&tracker.Product{ID: "x", URL: "https://www.orientbell.com/ohg-emperador-marble-strips-hl"}), 200, string(b)))
	if f.State != tracker.PageSold || f.Wall != nil {
		t.Errorf("%+v, want that it is sold", f)
	}
}

func FuzzList(f *testing.F) {
	f.Add(page(row("1", "A lamp", "9,90 €")+row("2", "B", "$ 5")+`<a class="next" href="?page=2">next</a><b class="count">2 items</b>`), uint8(0))
	f.Add(`<base href="//x"><li class=card><a href="javascript:1">x</a><li class=card><a href=/p/1 title=t><img srcset=", 1x , b 2w">`, uint8(1))
	f.Add(`<script type="application/ld+json">{"@type":"ItemList","itemListElement":[{"@type":"Product","url":"/p/1","name":"x"}]}</script>`, uint8(2))
	f.Add(`{"url":"https://shop.example/lamps","why":"ready","html":"<li class=card><a href=/p/1>x</a>","grown":{"rows":1,"button":true}}`, uint8(3))
	all := []string{
		`{"list":{"transport":"http","row":".card","price":{"css":".price"},"next":{"link":"a.next"},"total":{"css":".count"}}}`,
		`{"list":{"transport":"http","row":".card","next":{"param":"page"},"empty":{"text":"nothing"},"soldout":{"text":"sold"}}}`,
		`{"list":{"transport":"http","data":"jsonld","next":{"none":true}}}`,
		`{"list":{"row":".card","next":{"button":".more"}}}`,
	}
	f.Fuzz(func(t *testing.T, body string, n uint8) {
		sf := open(t, all[int(n)%len(all)])
		a := answer(sf.Entries()[0], 200, body)
		sf.ReadItem(a)
		r, err := sf.Read(a)
		if err != nil || r.State != nil {
			return
		}
		l := r.Listing
		l.Request = a.Request
		if sf.Next([]market.Listing{l}); len(sf.Assess([]market.Listing{l}).Products) != len(l.Products) {
			t.Error("products went astray")
		}
		for _, p := range l.Products {
			if p.ID == "" || len(p.ID) > 120 || p.Title == "" || len(p.Title) > market.MaxTitle || !strings.HasPrefix(p.URL, "http") || len(p.URL) > 3*market.MaxAddress {
				t.Errorf("product %+v", p)
			}
			if strings.ContainsFunc(p.Title, func(r rune) bool { return r < ' ' }) || !slices.Contains([]string{"shop.example"}, strings.TrimPrefix(hostOf(p.URL), "www.")) && !strings.HasSuffix(hostOf(p.URL), ".shop.example") {
				t.Errorf("product %+v", p)
			}
		}
	})
}

func hostOf(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	host, _, _ = strings.Cut(host, ":")
	return host
}
