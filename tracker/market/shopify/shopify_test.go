package shopify_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/shopify"
)

const shop = "https://shop.example"

func open(t testing.TB, address, options string) market.Storefront {
	t.Helper()
	sf, err := shopify.Market().Storefront(address, options)
	if err != nil {
		t.Fatal(err)
	}
	return sf
}

// A reply is what a path of a shop answers. The zero value is 404.
type reply struct {
	status int
	kind   string // JSON when empty
	body   string
}

// page is the request for a page of the feed, as the storefront itself makes it.
func feedPage(t testing.TB, sf market.Storefront, page int) market.Request {
	t.Helper()
	read := walkTo(sf, func(r *market.Request) reply {
		if strings.HasSuffix(pathOf(r), "/products.json") && r.Page < page {
			return reply{status: 200, body: products(r.Page*1000, 250)}
		}
		return reply{}
	}, func(r *market.Request) bool { return r.Page == page && strings.HasSuffix(pathOf(r), "/products.json") })
	return read[len(read)-1].Request
}

func pathOf(r *market.Request) string {
	u, err := url.Parse(r.URL)
	if err != nil {
		panic(err)
	}
	return u.Path
}

// products is a page of the feed with n products from a number on.
func products(from, n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`{"id":%d,"title":"x","handle":"h%[1]d","variants":[{"price":"1.00","available":true}]}`, from+i)
	}
	return `{"products":[` + strings.Join(all, ",") + `]}`
}

func answerTo(r market.Request, p reply) *market.Answer {
	if p.status == 0 {
		p.status, p.kind, p.body = 404, "text/html", "<html>404"
	}
	if p.kind == "" {
		p.kind = "application/json; charset=utf-8"
	}
	return &market.Answer{Request: r, URL: r.URL, Status: p.status, Header: http.Header{"Content-Type": {p.kind}}, Body: []byte(p.body)}
}

// walkTo walks over what a storefront asks for, as a scan without retries does,
// until it asks for nothing more or for what ends the walk.
func walkTo(sf market.Storefront, answers func(*market.Request) reply, end func(*market.Request) bool) (read []market.Listing) {
	for req := sf.Entries()[0]; ; {
		if end != nil && end(&req) {
			return append(read, market.Listing{Request: req})
		}
		r, err := sf.Read(answerTo(req, answers(&req)))
		if err == nil && r.State != nil {
			err = fmt.Errorf("%s: %s", r.State.Name, r.State.Reason)
		}
		if err != nil && !req.Witness {
			return read
		}
		l := r.Listing
		if err != nil {
			l = market.Listing{Witness: true, Problems: []string{err.Error()}}
		}
		l.Request, l.Witness = req, l.Witness || req.Witness
		read = append(read, l)
		next, _ := sf.Next(read)
		if next == nil || len(read) > 3000 {
			return read
		}
		req = *next
	}
}

// sample returns a saved real answer, which stays outside of the project.
func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "real", name))
	if os.IsNotExist(err) {
		t.Skipf("no saved real page %s here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Saved real pages, 4 of 250 and 2 of many products. Neither is a list by itself;
// they are as all of a walk that an empty page ends.
func TestRealFeedsOf2026(t *testing.T) {
	for _, c := range []struct {
		name, base, currency string
		want                 []tracker.Product
		soldOut              []string
	}{
		{"shopify_products_2026-07-20_elsewedyshop_p1of4_4of250.json", "https://elsewedyshop.com", "EGP", []tracker.Product{
			{ID: "10157311557932", Variants: 1, Title: "كشاف واجهات400وات اضاءة ابيض IP 65", URL: "luma-floodlight-400w-ip65-6500k", Image: "0704/4972/5740/files/212549.png", Price: exact(713640)},
			{ID: "9033503572268", Variants: 6, Title: "سلك نحاس شعر pvc جهد450/750قطاع 25 مم", URL: "cu-pvc-copper-wire-felexible-25mm-thick", Image: "0704/4972/5740/files/EP0121TRS008_955066_db47e485-663a-4fc5-bf6b-6ceb34f0d92c.jpg", Price: exact(2854528)},
			{ID: "10157310968108", Variants: 1, Title: "سبوت غاطس مربع اضاءة أصفر 6 وات مقاوم للعوامل الجوية IP 65", URL: "luma-downlight-square-ip65-6w-3000k", Image: "0704/4972/5740/files/212523.png", Price: exact(92500)},
			{ID: "10157310804268", Variants: 1, Title: "سبوت لوما فارغ متحرك أبيض معدن ألومنيوم بعاكس بلاستيك أبيض قطر 7 سم", URL: "luma-die-cast-round-spot-7cm-white-with-plastic-white-reflector", Image: "0704/4972/5740/files/312859_1.jpg", Price: exact(11000)},
		}, []string{"10157310804268"}},
		{"shopify_products_2026-07-05_nilkamal_2items.json", "https://nilkamalfurniture.com", "INR", []tracker.Product{
			{ID: "7435818598489", Variants: 5, Title: "Nilkamal Genius Ludo Table + 2 Chairs Kid's Study Set", URL: "nilkamal-genius-ludo-table-with-2-chairs-set", Image: "0044/1208/0217/files/K2GENIUSC5260ABRD_700acc19-bbc5-407b-b7fd-a873a0fa8fc3.jpg", Price: exact(237000)},
			{ID: "7229801267289", Variants: 1, Title: "Nilkamal Ardor Shoe Cabinet (Oak/Frosty White)", URL: "nilkamal-ardor-engineered-wood-shoe-cabinet-urban-walnut-oak-white", Image: "0044/1208/0217/files/MARDOSHCBLOD_WFH.webp", Price: exact(639000)},
		}, nil},
	} {
		body := sample(t, c.name)
		sf := open(t, c.base+"/", `{"country":"XX"}`)
		answers := func(r *market.Request) reply {
			switch path := pathOf(r); {
			case path == "/products.json" && r.Page == 1:
				return reply{status: 200, body: body}
			case path == "/products.json":
				return reply{status: 200, body: `{"products":[]}`}
			case path == "/cart.js":
				return reply{status: 200, body: `{"currency":"` + c.currency + `"}`}
			}
			return reply{}
		}
		short := walkTo(sf, answers, func(r *market.Request) bool { return r.Page == 2 })
		if j := sf.Assess(short[:len(short)-1]); j.Complete {
			t.Errorf("%s: a page alone is the list", c.name)
		}
		j := sf.Assess(walkTo(sf, answers, nil))
		if !j.Complete || len(j.Products) != len(c.want) {
			t.Fatalf("%s: complete %v (%s) with %d products, want %d", c.name, j.Complete, j.Reason, len(j.Products), len(c.want))
		}
		for i, want := range c.want {
			want.URL = c.base + "/products/" + want.URL + "?country=XX"
			want.Image = "https://cdn.shopify.com/s/files/1/" + want.Image
			want.Price.Currency, want.Price.Market = c.currency, "XX"
			want.Availability = tracker.Available
			if slices.Contains(c.soldOut, string(want.ID)) {
				want.Availability = tracker.SoldOut
			}
			if j.Products[i] != want {
				t.Errorf("product = %+v, want %+v", j.Products[i], want)
			}
		}
	}
}

func exact(low int64) tracker.Price { return tracker.Price{Kind: tracker.PriceExact, Low: low} }

// A saved real sitemap lists 225 products and the home page.
func TestRealSitemapOf2026(t *testing.T) {
	body := sample(t, "shopify_sitemap_products_1_2026-07-08_hak5_225products.xml")
	asked := map[string]bool{}
	read := walkTo(open(t, "https://hak5.org/", `{"list":"sitemap"}`), func(r *market.Request) reply {
		switch path := pathOf(r); {
		case path == "/sitemap.xml":
			return reply{200, "application/xml", `<sitemapindex><sitemap><loc>https://hak5.org/sitemap_products_1.xml?from=1&amp;to=9</loc></sitemap></sitemapindex>`}
		case path == "/sitemap_products_1.xml":
			return reply{200, "application/xml", body}
		case strings.HasSuffix(path, ".js") && strings.HasPrefix(path, "/products/"):
			asked[path] = true
			return reply{200, "", fmt.Sprintf(`{"id":%d,"title":"x","handle":"h","variants":[{"price":100}]}`, len(asked))}
		}
		return reply{}
	}, nil)
	j := open(t, "https://hak5.org/", `{"list":"sitemap"}`).Assess(read)
	if len(asked) != 225 || !asked["/products/wifi-pineapple.js"] || len(j.Products) != 225 || !j.Complete || j.Declared.Products != 225 {
		t.Errorf("%d products were opened, %d read of %d, complete %v (%s)", len(asked), len(j.Products), j.Declared.Products, j.Complete, j.Reason)
	}
}

func TestEntries(t *testing.T) {
	sf := open(t, shop, `{"country":"DE"}`)
	first := feedPage(t, sf, 1)
	one := func(entry string) market.Listing {
		t.Helper()
		r, err := sf.Read(answerTo(first, reply{200, "", `{"products":[` + entry + `]}`}))
		if err != nil || r.State != nil {
			t.Fatalf("%s: state %+v, error %v", entry, r.State, err)
		}
		r.Listing.Request = first
		return r.Listing
	}
	priced := func(l market.Listing, currency string) string {
		read := walkTo(sf, func(r *market.Request) reply {
			if strings.HasSuffix(pathOf(r), "/cart.js") {
				return reply{200, "", `{"currency":"` + currency + `"}`}
			}
			return reply{}
		}, func(r *market.Request) bool { return r.URL == first.URL })
		cart := read[len(read)-2]
		c := sf.Assess(append(read[:len(read)-1], l, cart))
		if len(c.Products) != 1 {
			return "no product"
		}
		return strings.TrimSpace(c.Products[0].Price.String() + " " + c.Products[0].Price.Currency)
	}
	const page = shop + "/products/h?country=DE"
	for _, c := range []struct{ rule, entry, title, url, image, currency, price string }{
		{"ordinary", `"variants":[{"price":"19.90"}]`, "x", page, "", "EUR", "19.90 EUR"},
		{"a price that is a number", `"variants":[{"price":19.9}]`, "x", page, "", "EUR", "19.90 EUR"},
		{"variants of one price", `"variants":[{"price":"19.90"},{"price":"19.90"}]`, "x", page, "", "EUR", "19.90 EUR"},
		{"variants of several", `"variants":[{"price":"20.00"},{"price":"19.90"},{"price":"35.00"}]`, "x", page, "", "EUR", "19.90-35.00 EUR"},
		{"a variant without a price", `"variants":[{"price":null},{"price":"0.00"},{"price":"35.00"}]`, "x", page, "", "EUR", "35.00 EUR"},
		{"no price", `"variants":[]`, "x", page, "", "EUR", ""},
		{"a price below nothing", `"variants":[{"price":"-1.00"}]`, "x", page, "", "EUR", ""},
		{"a price beyond reason", `"variants":[{"price":"99999999999999999999.00"}]`, "x", page, "", "EUR", ""},
		{"a price with a tenth of a cent", `"variants":[{"price":"1.005"}]`, "x", page, "", "EUR", ""},
		{"a price in another notation", `"variants":[{"price":"1,50"}]`, "x", page, "", "EUR", ""},
		{"a price by its exponent", `"variants":[{"price":1e3}]`, "x", page, "", "EUR", ""},
		{"zeros that say nothing", `"variants":[{"price":"1.5000"}]`, "x", page, "", "EUR", "1.50 EUR"},
		{"yen", `"variants":[{"price":"1200.00"}]`, "x", page, "", "JPY", "1200 JPY"},
		{"yen with cents", `"variants":[{"price":"1200.50"}]`, "x", page, "", "JPY", ""},
		{"dinars", `"variants":[{"price":"1.250"},{"price":"2"}]`, "x", page, "", "KWD", "1.250-2.000 KWD"},
		{"no currency", `"variants":[{"price":"1200.00"}]`, "x", page, "", "euro", ""},
		{"another title", `"title":" A\n <b>b</b> &amp; c "`, "A <b>b</b> &amp; c", page, "", "EUR", ""},
		{"a handle that is no ASCII", `"handle":"äpfel & birnen"`, "x", shop + "/products/%C3%A4pfel%20&%20birnen?country=DE", "", "EUR", ""},
		{"a picture with a version", `"images":[{"src":"https://cdn.shopify.com/a.png?v=17","position":1}]`, "x", page, "https://cdn.shopify.com/a.png", "EUR", ""},
		{"pictures out of order", `"images":[{"src":"https://cdn.shopify.com/b.png","position":2},{"src":"//cdn.shopify.com/a.png","position":1}]`, "x", page, "https://cdn.shopify.com/a.png", "EUR", ""},
		{"a picture that is none", `"images":[{"src":"javascript:alert(1)","position":1}]`, "x", page, "", "EUR", ""},
		{"a picture with a user", `"images":[{"src":"https://a:b@cdn.shopify.com/a.png","position":1}]`, "x", page, "", "EUR", ""},
		{"forms that are wrong", `"variants":{"a":1},"images":"no","tags":7`, "x", page, "", "EUR", ""},
	} {
		entry := `{"id":7,"title":"x","handle":"h",` + c.entry + `}` // the later of two keys counts
		l := one(entry)
		if len(l.Products) != 1 || len(l.Problems) > 0 {
			t.Errorf("%s: %+v", c.rule, l)
			continue
		}
		p := l.Products[0]
		if got := priced(l, c.currency); p.Title != c.title || p.URL != c.url || p.Image != c.image || got != c.price {
			t.Errorf("%s: %q %q %q %q, want %q %q %q %q", c.rule, p.Title, p.URL, p.Image, got, c.title, c.url, c.image, c.price)
		}
	}
	for _, entry := range []string{
		`{"id":0,"title":"x","handle":"h"}`, `{"id":-1,"title":"x","handle":"h"}`, `{"id":99999999999999999999,"title":"x","handle":"h"}`, `{"id":1.5,"title":"x","handle":"h"}`,
		`{"id":"7a","title":"x","handle":"h"}`, `{"title":"x","handle":"h"}`, `{"id":7,"handle":"h"}`, `{"id":7,"title":"x"}`, `{"id":7,"title":"x","handle":"../admin"}`,
		`{"id":7,"title":"x","handle":".."}`, `{"id":7,"title":"x","handle":"a?b"}`, `{"id":7,"title":"x","handle":"a\u0000"}`, `null`, `5`,
	} {
		if l := one(entry); len(l.Products) > 0 || len(l.Problems) == 0 {
			t.Errorf("%s: %+v", entry, l)
		}
	}
}

func TestAvailability(t *testing.T) {
	sf := open(t, shop, "")
	for variants, want := range map[string]tracker.Availability{
		`{"available":true}`:                      tracker.Available,
		`{"available":false}`:                     tracker.SoldOut,
		`{"available":false},{"available":true}`:  tracker.Available,
		`{"available":false},{"available":false}`: tracker.SoldOut,
		`{"available":false},{}`:                  tracker.AvailabilityUnknown,
		`{"available":"no"}`:                      tracker.AvailabilityUnknown,
		`{"price":"1.00"}`:                        tracker.AvailabilityUnknown,
		``:                                        tracker.AvailabilityUnknown,
	} {
		r, err := sf.Read(answerTo(feedPage(t, sf, 1), reply{200, "", `{"products":[{"id":7,"title":"x","handle":"h","variants":[` + variants + `]}]}`}))
		if err != nil || len(r.Listing.Products) != 1 || r.Listing.Products[0].Availability != want {
			t.Errorf("%s: %+v, %v, want %q", variants, r.Listing.Products, err, want)
		}
	}
}

// Whatever an answer holds, little of it is kept.
func TestWhatIsKeptIsBounded(t *testing.T) {
	sf := open(t, shop, "")
	long := strings.Repeat("長", 1<<20)
	l, err := sf.Read(answerTo(feedPage(t, sf, 1), reply{200, "", `{"products":[{"id":7,"title":"` + long + `","handle":"h","images":[{"src":"https://cdn.shopify.com/` + long + `"}],"variants":[{"price":"` + long + `"}]},
		{"id":"` + long + `","title":"x","handle":"h"},{"id":8,"title":"x","handle":"` + long + `"}]}`}))
	if err != nil || l.State != nil {
		t.Fatalf("state %+v, error %v", l.State, err)
	}
	if kept := fmt.Sprintf("%+v", l.Listing); len(l.Listing.Products) != 1 || len(kept) > 20_000 || !utf8.ValidString(kept) {
		t.Errorf("%d products, %d bytes are kept", len(l.Listing.Products), len(kept))
	}
	// A sitemap without end is not followed to its end.
	files := 0
	read := walkTo(sf, func(r *market.Request) reply {
		switch path := pathOf(r); {
		case path == "/products.json" && r.Page <= 1:
			return reply{status: 200, body: products(1, 3)}
		case path == "/products.json":
			return reply{status: 200, body: `{"products":[]}`}
		case path == "/sitemap.xml":
			var b strings.Builder
			for i := range 50 {
				fmt.Fprintf(&b, "<sitemap><loc>%s/sitemap_products_%d.xml</loc></sitemap>", shop, i)
			}
			return reply{200, "application/xml", "<sitemapindex>" + b.String() + "</sitemapindex>"}
		case strings.HasPrefix(path, "/sitemap_products_"):
			files++
			var b strings.Builder
			for i := range 20_000 {
				fmt.Fprintf(&b, "<url><loc>%s/products/p%d-%d</loc></url>", shop, files, i)
			}
			return reply{200, "application/xml", "<urlset>" + b.String() + "</urlset>"}
		}
		return reply{}
	}, nil)
	if j := sf.Assess(read); j.Complete || files > 2 {
		t.Errorf("complete %v after %d files", j.Complete, files)
	}
}

// What a walk proves, by what the feed and its witnesses answer.
func TestWalks(t *testing.T) {
	full, last := products(1000, 250), products(2000, 7)
	for _, c := range []struct {
		rule     string
		pages    []string // of the feed; behind them it is empty
		again    string   // the first page once more; as before when empty
		complete bool
		moved    bool
		says     string // in the reason, or in the warnings of a complete one
	}{
		{"one short page", []string{last}, "", true, false, ""},
		{"a full page and a short one", []string{full, last}, "", true, false, ""},
		{"full pages only", []string{full, products(3000, 250)}, "", true, false, ""},
		{"pages of 30", []string{products(1, 30), products(100, 30), products(200, 2)}, "", true, false, ""},
		{"pages of another size", []string{products(1, 100), products(200, 100), products(400, 2)}, "", false, true, "page 1 has 100 products of 250"},
		{"a short page in the middle", []string{full, last, products(3000, 250)}, "", false, true, "page 2 has 7 products, page 1 has 250"},
		{"a product on two pages", []string{full, products(1249, 7)}, "", false, true, "1 listed twice on different pages"},
		{"a product twice on a page", []string{strings.Replace(last, `"id":2001,`, `"id":2000,`, 1)}, "", false, true, "1 listed twice on one page"},
		{"a page that repeats another", []string{full, full}, "", false, true, "listed twice"},
		{"another order afterwards", []string{full, last}, products(999, 250), false, true, "page 1 is another one"},
		{"a new product afterwards", []string{last}, products(1999, 8), false, true, "page 1 is another one"},
		{"nothing afterwards", []string{last}, `{"products":[]}`, false, true, "page 1 is another one"},
		{"an error afterwards", []string{last}, `{"errors":"x"}`, false, false, "could not be read once more"},
		{"an error in place of a page", []string{full, `{"errors":"Page * Limit exceeds the 25000 limit."}`}, "", false, false, "exceeds the 25000 limit"},
	} {
		sf := open(t, shop, `{"country":"DE"}`)
		firsts := 0
		read := walkTo(sf, func(r *market.Request) reply {
			switch path := pathOf(r); {
			case path == "/products.json" && (r.Page <= 1):
				if firsts++; firsts > 1 && c.again != "" {
					return reply{200, "", c.again}
				}
				return reply{200, "", c.pages[0]}
			case path == "/products.json" && r.Page <= len(c.pages):
				return reply{200, "", c.pages[r.Page-1]}
			case path == "/products.json":
				return reply{200, "", `{"products":[]}`}
			}
			return reply{}
		}, nil)
		j := sf.Assess(read)
		if j.Complete != c.complete || j.Moved != c.moved || !strings.Contains(j.Reason, c.says) {
			t.Errorf("%s: complete %v, moved %v (%s), want %v, %v with %q", c.rule, j.Complete, j.Moved, j.Reason, c.complete, c.moved, c.says)
		}
	}
}

// The feed ends at 25,000 products, so that a list of as many may be cut.
func TestFeedOf25000(t *testing.T) {
	sf := open(t, shop, "")
	read := walkTo(sf, func(r *market.Request) reply {
		if pathOf(r) == "/products.json" {
			return reply{200, "", products(r.Page*1000, 250)}
		}
		return reply{}
	}, nil)
	j := sf.Assess(read)
	if j.Complete || len(j.Products) != 25_000 || !strings.Contains(j.Reason, "may be cut: watch collections") {
		t.Errorf("complete %v with %d products (%s)", j.Complete, len(j.Products), j.Reason)
	}
}

func TestStates(t *testing.T) {
	const htmlType, jsonType = "text/html; charset=utf-8", "application/json; charset=utf-8"
	sf := open(t, shop, "")
	second := feedPage(t, sf, 2)
	for _, c := range []struct {
		rule, url, kind, body string
		status                int
		want                  string
	}{
		{"elsewhere", "https://evil.example/", htmlType, "<html>", 200, "failed another site"},
		{"a password by its address", shop + "/password", htmlType, "<html>", 200, "login password page"},
		{"a password by its form", second.URL, htmlType, `<form method="post" action="/password">`, 200, "login password page"},
		{"a password by its section", second.URL, htmlType, `<div id="shopify-section-main-password">`, 401, "login password page"},
		{"too many", second.URL, htmlType, `<html>`, 429, "blocked too many requests"},
		{"too many in Shopify's own number", second.URL, htmlType, `<html>`, 430, "blocked too many requests"},
		{"a browser check", second.URL, htmlType, `<html><title>Just a moment...</title>`, 403, "blocked a check whether a browser asks"},
		{"a firewall", second.URL, htmlType, `<html>blocked`, 403, "blocked a firewall, status 403"},
		{"a server error", second.URL, jsonType, `{"errors":"x"}`, 502, "failed server error"},
		{"data of another kind", second.URL, jsonType, `{"collections":[]}`, 200, "failed no list"},
	} {
		a := answerTo(second, reply{c.status, c.kind, c.body})
		a.URL = c.url
		r, err := sf.Read(a)
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
	wait := answerTo(second, reply{429, htmlType, "<html>"})
	wait.Header.Set("Retry-After", "90")
	if r, err := sf.Read(wait); err != nil || r.State == nil || r.State.Wait.Seconds() != 90 {
		t.Errorf("a wait: %+v, %v", r.State, err)
	}
}

// A product is gone when neither its data nor its page is there.
func TestItem(t *testing.T) {
	const htmlType, jsonType = "text/html", "application/json"
	p := tracker.Product{ID: "7", URL: shop + "/products/h?country=DE"}
	for _, c := range []struct {
		rule, url, kind, body string // url: where it ends, when that is elsewhere
		status                int
		page                  bool // it is the page for people
		want                  tracker.PageState
		wall, more            bool
		says                  string
	}{
		{"no data", "", jsonType, `{"errors":"Not Found"}`, 404, false, tracker.PageUnknown, false, true, ""},
		{"no data and no page", "", htmlType, `<html>`, 404, true, tracker.PageGone, false, false, ""},
		{"no data and no page any more", "", htmlType, `<html>`, 410, true, tracker.PageGone, false, false, ""},
		{"no data, but a page", "", htmlType, `<html>`, 200, true, tracker.PageSold, false, false, ""},
		{"a page that leads to the front page", shop + "/", htmlType, `<html>`, 200, true, tracker.PageUnknown, false, false, ""},
		{"a page that leads elsewhere", "https://evil.example/", htmlType, `<html>`, 404, true, tracker.PageUnknown, false, false, ""},
		{"on sale", "", jsonType, `{"id":7,"title":"x","handle":"h","variants":[{"price":100,"available":true}]}`, 200, false, tracker.PageSold, false, false, ""},
		{"sold out", "", jsonType, `{"id":7,"title":"x","handle":"h","variants":[{"price":100,"available":false}]}`, 200, false, tracker.PageSold, false, false, "sold out, and not listed"},
		{"renamed", shop + "/products/other.js", jsonType, `{"id":7,"title":"x","handle":"other","variants":[{"price":100,"available":true}]}`, 200, false, tracker.PageSold, false, false, ""},
		{"another product", "", jsonType, `{"id":70,"title":"x","handle":"h"}`, 200, false, tracker.PageUnknown, false, false, ""},
		{"damage", "", jsonType, `{"id":7`, 200, false, tracker.PageUnknown, false, false, ""},
		{"a page where data should be", "", htmlType, `<html>`, 200, false, tracker.PageUnknown, false, false, ""},
		{"data that leads to a page", shop + "/", htmlType, `<html>`, 200, false, tracker.PageUnknown, false, false, ""},
		{"a password", shop + "/password", htmlType, `<html>`, 200, false, tracker.PageUnknown, true, false, ""},
		{"a password by its status", "", jsonType, ``, 401, false, tracker.PageUnknown, true, false, ""},
		{"too many", "", htmlType, `<html>`, 430, false, tracker.PageUnknown, true, false, ""},
		{"a browser check with 404", "", htmlType, `<html><title>Just a moment...</title>`, 404, false, tracker.PageUnknown, true, false, ""},
		{"a browser check with 404 for the page", "", htmlType, `<html><title>Just a moment...</title>`, 404, true, tracker.PageUnknown, true, false, ""},
		{"a server error", "", htmlType, `<html>`, 502, true, tracker.PageUnknown, false, false, ""},
	} {
		sf := open(t, shop, `{"country":"DE"}`)
		r := sf.ItemPage(&p)
		if r.URL != shop+"/products/h.js?country=DE" || r.Header.Get("Cookie") != "localization=DE" {
			t.Fatalf("request = %+v", r)
		}
		if c.page {
			r = *sf.ReadItem(answerTo(r, reply{})).More
			if r.URL != shop+"/products/h?country=DE" {
				t.Fatalf("page = %+v", r)
			}
		}
		a := answerTo(r, reply{c.status, c.kind, c.body})
		if c.url != "" {
			a.URL, a.Via = c.url, []string{r.URL}
		}
		f := sf.ReadItem(a)
		if f.State != c.want || (f.Wall != nil) != c.wall || (f.More != nil) != c.more || f.Says != c.says || f.Reason == "" {
			t.Errorf("%s: %+v, want %s, wall %v, more %v, %q", c.rule, f, c.want, c.wall, c.more, c.says)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ address, options, want string }{
		{shop, "", shop + "/products.json?limit=250&page=1"},
		{"https://SHOP.example/", `{"country":"de"}`, shop + "/products.json?limit=250&page=1&country=DE"},
		{"http://shop.example:8080/", "", "http://shop.example:8080/products.json?limit=250&page=1"},
		{shop + "/en-de/", "", shop + "/en-de/products.json?limit=250&page=1"},
		{shop + "/collections/all", "", shop + "/products.json?limit=250&page=1"},
		{shop + "/fr/collections/lamps/", "", shop + "/fr/collections/lamps/products.json?limit=250&page=1"},
		{"https://lamps.myshopify.com", "", "https://lamps.myshopify.com/products.json?limit=250&page=1"},
	} {
		if got := feedPage(t, open(t, c.address, c.options), 1); got.URL != c.want {
			t.Errorf("%s %s: %s, want %s", c.address, c.options, got.URL, c.want)
		}
	}
	for _, c := range []struct{ address, options, says string }{
		{shop + "/products/lamp", "", "front page or of a collection"},
		{shop + "/?country=DE", "", "options: {country: DE}"},
		{"https://me:pw@shop.example/", "", "front page"},
		{"ftp://shop.example/", "", "web address"},
		{shop, `{"country":"Germany"}`, "country: want two letters"},
		{shop, `{"list":"all"}`, "list: want feed or sitemap"},
		{shop, `{"sitemap":"no"}`, "sitemap: want compare or ignore"},
		{shop, `{"robots":"defy"}`, "neither obey nor ignore"},
		{shop, `{"currency":"EUR"}`, "currency"},
		{shop + "/collections/lamps", `{"list":"sitemap"}`, "not a collection"},
	} {
		_, err := shopify.Market().Storefront(c.address, c.options)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s %s: %v, want %q", c.address, c.options, err, c.says)
		}
	}
	m := shopify.Market()
	for address, want := range map[string]bool{"https://lamps.myshopify.com/": true, shop: false, "https://myshopify.com.evil.example/": false} {
		u, err := url.Parse(address)
		if err != nil || m.Match(u) != want {
			t.Errorf("Match(%s) = %v", address, !want)
		}
	}
	for host, want := range map[string]bool{"shop.example": true, "www.shop.example": true, "evil.example": false, "shop.example.evil.example": false} {
		if open(t, shop, "").Home(host) != want {
			t.Errorf("Home(%s) = %v", host, !want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"products":[{"id":7,"title":"x","handle":"h","variants":[{"price":"1.00","available":true}],"images":[{"src":"https:\/\/cdn.shopify.com\/a.png?v=1","position":1}]}]}`), 200)
	f.Add([]byte(`{"errors":"Page * Limit exceeds the 25000 limit."}`), 400)
	f.Add([]byte(`{"id":7,"title":"x","handle":"h","variants":[{"price":100,"available":false}],"images":["//cdn.shopify.com/a.png"]}`), 200)
	f.Add([]byte(`{"currency":"EUR","country":"DE","name":"Lamps","collection":{"products_count":3},"product":{"variants":[{"price_currency":"EUR"}]}}`), 200)
	f.Add([]byte(`<?xml version="1.0"?><sitemapindex><sitemap><loc>https://shop.example/sitemap_products_1.xml?from=1&amp;to=2</loc></sitemap></sitemapindex>`), 200)
	f.Add([]byte(`<urlset><url><loc> https://shop.example/products/a </loc><image:image><image:loc>https://x/products/b</image:loc></image:image></url></urlset>`), 200)
	f.Add([]byte(`<html><form action="/password">`), 404)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		for _, options := range []string{"", `{"list":"sitemap","country":"DE"}`} {
			sf := open(t, shop, options)
			answers := func(*market.Request) reply { return reply{max(status, 1), "application/json", string(body)} }
			n := 0
			read := walkTo(sf, answers, func(r *market.Request) bool {
				n++
				if !strings.HasPrefix(r.URL, shop+"/") {
					t.Errorf("it leads to %s", r.URL)
				}
				return n > 60
			})
			if n := len(read); n > 60 {
				read = read[:n-1]
			}
			for _, p := range sf.Assess(read).Products {
				if p.ID == "" || p.Title == "" || len(p.Title) > market.MaxTitle || !strings.HasPrefix(p.URL, shop+"/products/") || p.Image != "" && !strings.HasPrefix(p.Image, "http") {
					t.Errorf("product %+v", p)
				}
			}
			item := sf.ItemPage(&tracker.Product{ID: "7", URL: shop + "/products/h"})
			if i := sf.ReadItem(answerTo(item, answers(&item))); i.State == tracker.PageGone {
				t.Error("gone by its data alone")
			}
		}
	})
}
