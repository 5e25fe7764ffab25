package jd_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/jd"
)

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		address string
		want    string // the entry, or words of the error
		ok      bool
	}{
		{"https://mall.jd.com/index-793730.html", "https://mall.jd.com/index-793730.html", true},
		{"http://mall.jd.com/index-793730.html?from=pc#x", "https://mall.jd.com/index-793730.html", true},
		{"https://oppo.jd.com/", "https://oppo.jd.com/", true},
		{"https://OPPO.jd.com", "https://oppo.jd.com/", true},
		{"https://mall.jd.com/view_search-1034279.html", "https://mall.jd.com/view_search-1034279-0-99-1-24-1.html", true},
		{"https://mall.jd.com/view_search-1034279-9107152-99-1-24-3.html", "https://mall.jd.com/view_search-1034279-9107152-99-1-24-1.html", true},
		{"https://mall.jd.com/view_search-1-2-3-0-1-10-20-1-7-60.html?keyword=a", "https://mall.jd.com/view_search-1-2-3-0-1-10-20-1-1-60.html", true},
		{"https://oppo.jd.com/view_search-1-2-3-0-0-0-0-1-2-60.html", "https://oppo.jd.com/view_search-1-2-3-0-0-0-0-1-1-60.html", true},
		{"https://mall.jd.com/advance_search-1-2-3-5-0-0-1-4-24.html", "https://mall.jd.com/advance_search-1-2-3-5-0-0-1-1-24.html", true},
		{"https://mall.jd.com/view_search-1-2.html", "no storefront of JD", false},
		{"https://mall.jd.com/", "no storefront of JD", false},
		{"https://oppo.jd.com/index-x.html", "no storefront of JD", false},
		{"https://www.jd.com/", "no storefront of JD", false},
		{"https://item.jd.com/47716923932.html", "item.jd.com/47716923932.html is the page of one product", false},
		{"https://item.m.jd.com/product/47716923932.html", "is the page of one product", false},
		{"https://shop.m.jd.com/?shopId=793730&utm=1", "write https://mall.jd.com/index-793730.html", false},
		{"https://3.cn/1abcdef", "3.cn is a share link", false},
		{"https://u.jd.com/abc", "u.jd.com is a share link", false},
		{"https://passport.jd.com/new/login.aspx", "no storefront of JD", false},
		{"https://a.b.jd.com/", "no storefront of JD", false},
		{"https://oppo.jd.com.evil.example/", "the address alone does not tell", false},
		{"https://notjd.com/", "the address alone does not tell", false},
	} {
		m, sf, err := market.Set{jd.Market()}.Open(tracker.Storefront{URL: c.address})
		if !c.ok {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open(%q) = %v, want %q", c.address, err, c.want)
			}
			continue
		}
		if err != nil || m.Name != "jd" || sf.Entries()[0].URL != c.want || len(sf.Entries()) != 1 {
			t.Errorf("Open(%q) = %v, %v, want %s", c.address, sf, err, c.want)
		}
	}
}

// storefront is one of JD, by its home page.
func storefront(t testing.TB) market.Storefront {
	t.Helper()
	sf, err := jd.Market().Storefront("https://mall.jd.com/index-793730.html", "")
	if err != nil {
		t.Fatal(err)
	}
	return sf
}

const listAddress = "https://mall.jd.com/view_search-1034279-793000-793730-0-1-0-0-1-%d-60.html"

// answer is what came of a request for a listing page, as the script would
// report it, with the call behind it.
func answer(page string, wanted int) *market.Answer {
	address := fmt.Sprintf(listAddress, wanted)
	return &market.Answer{
		Request: market.Request{URL: address, Page: wanted}, URL: address, Status: 200, Body: []byte(page),
		Calls: []*market.Call{{URL: fmt.Sprintf("https://module-jshop.jd.com/module/getModuleHtml.html?pageNo=%d&callback=x", wanted), Status: 200}},
	}
}

// list is a page that shows a list, as the script reports it.
func list(cells, more string) string {
	return `{"url":"https://mall.jd.com/view_search-1.html","structure":true,"shop":{"app":"1034279","vender":"793000","shop":"793730","title":"K 系列【价格_图片_怎么样】- OPPO官方直营旗舰店"},
		"list":{"cards":[` + cells + `],"page":1,"pages":0,"totals":["共2件商品"],"next":{"last":true,"href":""}` + more + `}}`
}

func cell(id, more string) string {
	return `{"priced":"` + id + `","first":"` + id + `","rated":"` + id + `","title":"t` + id + `","price":"1499.00","image":"//img14.360buyimg.com/n7/jfs/t1/a.jpg!q90"` + more + `}`
}

func read(t testing.TB, a *market.Answer) market.Reading {
	t.Helper()
	r, err := storefront(t).Read(a)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHomePageNamesTheList(t *testing.T) {
	sf := storefront(t)
	home := sf.Entries()[0]
	r := read(t, &market.Answer{Request: home, Status: 200, Body: []byte(`{"url":"https://mall.jd.com/index-793730.html","shop":{"app":"1034279","vender":"793000","shop":"793730","title":"OPPO官方直营旗舰店 - 京东"}}`)})
	if r.State != nil || !r.Listing.Witness || r.Listing.Seller.ID != "793730" || r.Listing.Seller.Name != "OPPO官方直营旗舰店" {
		t.Fatalf("home page = %+v, %+v", r.State, r.Listing)
	}
	first, _ := sf.Next([]market.Listing{r.Listing})
	if first == nil || first.URL != fmt.Sprintf(listAddress, 1) || first.Page != 1 {
		t.Fatalf("after the home page: %+v", first)
	}
	l := market.Listing{Request: *first, Page: 1, Next: 2, Total: 9, Products: make([]tracker.Product, 5)}
	second, stop := sf.Next([]market.Listing{r.Listing, l})
	if second == nil || second.URL != fmt.Sprintf(listAddress, 2) || second.Page != 2 {
		t.Errorf("after the first page: %+v, %s", second, stop)
	}
	l.Last = true
	if next, stop := sf.Next([]market.Listing{r.Listing, l}); next != nil || stop != "last page" {
		t.Errorf("after the last page: %+v, %s", next, stop)
	}
	for _, shop := range []string{`{"app":"","vender":"1","shop":"1"}`, `{"app":"1-2","vender":"1","shop":"1"}`, `{"app":"0","vender":"1","shop":"1"}`, `{}`} {
		r := read(t, &market.Answer{Request: home, Status: 200, Body: []byte(`{"url":"https://mall.jd.com/index-793730.html","shop":` + shop + `}`)})
		if r.State == nil || r.State.Name != "no shop" || r.State.Verdict != tracker.Failed {
			t.Errorf("%s: %+v, want no shop", shop, r.State)
		}
	}
}

func TestList(t *testing.T) {
	two := cell("47716923932", "") + "," + cell("57129211043", `,"stock":"广东无货"`)
	for _, c := range []struct {
		rule, page string
		problem    string // words of one; empty for none
		products   int
	}{
		{"whole", list(two, ""), "", 2},
		{"a total in other words", list(two, `,"totals":["2","共2条记录"]`), "", 2},
		{"no total", list(two, `,"totals":[]`), "does not say how many", 2},
		{"a rounded total", list(two, `,"totals":["1万+"]`), "not exact", 2},
		{"a total that overflows", list(two, `,"totals":["99999999999999999999"]`), "not exact", 2},
		{"two totals", list(two, `,"totals":["2","共3条记录"]`), "declares 2 products and 3", 2},
		{"another page", list(two, `,"page":2`), "asked for page 1, got page 2", 2},
		{"no pager", list(two, `,"next":null`), "whether a page follows", 2},
		{"no products", list("", ""), "lists no products", 0},
		{"a number that is none", list(cell("0", "")+","+cell("57129211043", ""), ""), "no usable number", 1},
		{"a number that overflows", list(cell(strings.Repeat("9", 25), ""), ""), "no usable number", 0},
		{"a number with words", list(cell("47716923932<b>", ""), ""), "no usable number", 0},
		{"two numbers", list(cell("47716923932", `,"first":"47716923935"`), ""), "has the numbers 47716923932 and 47716923935", 0},
		{"another number of ratings", list(cell("47716923932", `,"rated":"47716923935"`), ""), "has the numbers", 0},
		{"no price number", list(cell("47716923932", `,"priced":""`), ""), "", 1},
		{"no title", list(cell("47716923932", `,"title":"  "`), ""), "has no title", 0},
		{"a product twice", list(cell("47716923932", "")+","+cell("47716923932", ""), ""), "", 1},
	} {
		l := read(t, answer(c.page, 1)).Listing
		if got := strings.Join(l.Problems, "; "); c.problem == "" && got != "" || !strings.Contains(got, c.problem) {
			t.Errorf("%s: problems %q, want %q", c.rule, got, c.problem)
		}
		if len(l.Products) != c.products {
			t.Errorf("%s: %d products, want %d", c.rule, len(l.Products), c.products)
		}
	}
	l := read(t, answer(list(two, ""), 1)).Listing
	want := tracker.Product{
		ID: "47716923932", Title: "t47716923932", URL: "https://item.jd.com/47716923932.html", Image: "https://img10.360buyimg.com/n7/jfs/t1/a.jpg",
		Price: tracker.Price{Kind: tracker.PriceExact, Low: 149900, Currency: "CNY"},
	}
	if l.Products[0] != want || l.Total != 2 || !l.Last || l.Layout != "goods" || l.Seller.Name != "OPPO官方直营旗舰店" || l.Seller.Seller != "793000" {
		t.Errorf("list = %+v, want %+v first", l, want)
	}
	if l := read(t, answer(list(cell("47716923932", `,"old":true`), ""), 1)).Listing; l.Layout != "items" {
		t.Errorf("layout of the older template = %s", l.Layout)
	}
}

// A list proves nothing unless JD itself answered with the page that was asked
// for.
func TestListThatNobodyAskedFor(t *testing.T) {
	page := list(cell("47716923932", ""), "")
	for rule, change := range map[string]func(*market.Answer){
		"another page was called for": func(a *market.Answer) {
			a.Calls[0].URL += "&pageNo=2"
			a.Calls[0].URL = strings.Replace(a.Calls[0].URL, "pageNo=1", "pageNo=2", 1)
		},
		"the call failed":            func(a *market.Answer) { a.Calls[0].Status = 500 },
		"the call was cut":           func(a *market.Answer) { a.Calls[0].Err = "net::ERR_FAILED" },
		"a document of another page": func(a *market.Answer) { a.Calls, a.URL = nil, fmt.Sprintf(listAddress, 2) },
		"a document with an error":   func(a *market.Answer) { a.Calls, a.Status = nil, 404 },
	} {
		a := answer(page, 1)
		change(a)
		if l := read(t, a).Listing; !strings.Contains(strings.Join(l.Problems, " "), "was not asked for") {
			t.Errorf("%s: problems %q", rule, l.Problems)
		}
	}
	a := answer(page, 1)
	a.Calls = []*market.Call{{URL: "https://module-jshop.jd.com/module/getModuleHtml.html?moduleInstanceId=7", Status: 500}} // of another module
	if l := read(t, a).Listing; len(l.Problems) > 0 {
		t.Errorf("a list that came with the document: problems %q", l.Problems)
	}
}

func TestPrices(t *testing.T) {
	for text, want := range map[string]string{
		"1499.00": "1499.00", "￥ 1,499.00": "1499.00", "99": "99.00", "4??": "", "": "", "暂无报价": "", "0.00": "", "0": "", "-1.00": "", "1.999": "", "99999999999999": "", "待发布": "", "10.00-20.00": "",
	} {
		l := read(t, answer(list(cell("47716923932", `,"price":"`+text+`"`), ""), 1)).Listing
		if len(l.Products) != 1 || l.Products[0].Price.String() != want || l.Products[0].Price.Currency != "CNY" {
			t.Errorf("price %q = %+v, want %q", text, l.Products, want)
		}
	}
}

func TestPictures(t *testing.T) {
	const one = "https://img10.360buyimg.com/n7/jfs/t1/76497/25/702/69599/5ceea034/a883.jpg"
	for address, want := range map[string]string{
		"//img13.360buyimg.com/n7/jfs/t1/76497/25/702/69599/5ceea034/a883.jpg":                                one,
		"//img14.360buyimg.com/n5/jfs/t1/76497/25/702/69599/5ceea034/a883.jpg!q90":                            one,
		"https://img11.360buyimg.com/n1/s450x450_jfs/t1/76497/25/702/69599/5ceea034/a883.jpg!q70.jpg.webp":    one,
		"http://img12.360buyimg.com/n0/jfs/t1/76497/25/702/69599/5ceea034/a883.jpg.avif":                      one,
		"//misc.360buyimg.com/lib/img/e/blank.gif":                                                            "",
		"https://evil.example/n7/jfs/t1/a.jpg":                                                                "",
		"//img13.360buyimg.com.evil.example/n7/jfs/t1/a.jpg":                                                  "",
		"data:image/png;base64,AAAA":                                                                          "",
		"javascript:alert(1)":                                                                                 "",
		"//img13.360buyimg.com/n7/jfs/../../x.jpg?y":                                                          "",
		"//img13.360buyimg.com/n7/jfs/t25567/115/1881270261/251453/18c13d7/5bbeacf2N370c071d.jpg\" onerror=x": "",
	} {
		quoted, err := json.Marshal(address)
		if err != nil {
			t.Fatal(err)
		}
		l := read(t, answer(list(cell("47716923932", `,"image":`+string(quoted)), ""), 1)).Listing
		if len(l.Products) != 1 || l.Products[0].Image != want {
			t.Errorf("picture %q = %+v, want %q", address, l.Products, want)
		}
	}
}

func TestStates(t *testing.T) {
	failed := []*market.Call{{URL: "https://module-jshop.jd.com/module/getModuleHtml.html?pageNo=1", Status: 500}}
	for _, c := range []struct {
		rule, page string
		status     int
		calls      []*market.Call
		want       string // verdict and name, "" for a list
	}{
		{"login page", `{"url":"https://passport.jd.com/new/login.aspx?ReturnUrl=x"}`, 200, nil, "login login page"},
		{"login page of the mobile site", `{"url":"https://plogin.m.jd.com/login/login"}`, 200, nil, "login login page"},
		{"slider on the login page", `{"url":"https://passport.jd.com/new/login.aspx","wall":"slider"}`, 200, nil, "blocked slider"},
		{"risk handler", `{"url":"https://cfe.m.jd.com/privatedomain/risk_handler/03101900/?returnurl=x"}`, 200, nil, "blocked risk handler"},
		{"verification in place", `{"url":"https://mall.jd.com/view_search-1.html","title":"京东验证"}`, 200, nil, "blocked verification"},
		{"slider", `{"url":"https://mall.jd.com/view_search-1.html","wall":"slider","structure":true}`, 200, nil, "blocked slider"},
		{"slider with 404", `{"url":"https://mall.jd.com/view_search-1.html","wall":"slider"}`, 404, nil, "blocked slider"},
		{"login overlay", `{"url":"https://mall.jd.com/view_search-1.html","wall":"login","structure":true}`, 200, nil, "login login overlay"},
		{"overlay over a list", list(cell("47716923932", ""), "")[:0] + `{"url":"https://mall.jd.com/x.html","wall":"login","list":{"cards":[]}}`, 200, nil, "login login overlay"},
		{"foreign site", `{"url":"https://corporate.jd.com/"}`, 200, nil, "failed foreign site"},
		{"server error", `{"url":"https://mall.jd.com/view_search-1.html"}`, 503, nil, "failed server error"},
		{"too many", `{"url":"https://mall.jd.com/view_search-1.html"}`, 429, nil, "failed server error"},
		{"list call failed", `{"url":"https://mall.jd.com/view_search-1.html","structure":true}`, 200, failed, "failed list call failed"},
		{"not a list", `{"url":"https://mall.jd.com/view_search-1.html"}`, 200, nil, "failed not a list"},
		{"list missing", `{"url":"https://mall.jd.com/view_search-1.html","structure":true}`, 200, nil, "failed list missing"},
		{"a shop whose name contains passport", `{"url":"https://passport-covers.jd.com/view_search-1.html","structure":true,"list":{"cards":[]}}`, 200, nil, ""},
	} {
		r := read(t, &market.Answer{Request: market.Request{URL: "x", Page: 1}, Status: c.status, Body: []byte(c.page), Calls: c.calls})
		got := ""
		if s := r.State; s != nil {
			got = string(s.Verdict) + " " + s.Name
			if s.Reason == "" || s.Transient && s.Verdict.Wall() {
				t.Errorf("%s: state %+v", c.rule, s)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}

// Nothing that a page says is taken for a proof that a product is gone.
func TestItem(t *testing.T) {
	const own = `"url":"https://item.jd.com/47716923932.html"`
	for _, c := range []struct {
		rule, page string
		status     int
		want       tracker.PageState
		wall       bool
	}{
		{"sold", `{` + own + `,"item":{"id":"47716923932","buy":true}}`, 200, tracker.PageSold, false},
		{"off the shelf by its words", `{` + own + `,"item":{"id":"47716923932","off":"该商品已下柜，欢迎挑选其他商品！"}}`, 200, tracker.PageUnknown, false},
		{"sent to the front page", `{"url":"https://www.jd.com/?d","item":{}}`, 200, tracker.PageUnknown, false},
		{"404", `{` + own + `,"item":{"id":"47716923932"}}`, 404, tracker.PageUnknown, false},
		{"another product", `{"url":"https://item.jd.com/100291143898.html","item":{"id":"100291143898","buy":true}}`, 200, tracker.PageUnknown, false},
		{"another host sells it", `{"url":"https://evil.example/47716923932.html","item":{"id":"47716923932","buy":true}}`, 200, tracker.PageUnknown, false},
		{"without TLS", `{"url":"http://item.jd.com/47716923932.html","item":{"id":"47716923932","buy":true}}`, 200, tracker.PageUnknown, false},
		{"login page", `{"url":"https://passport.jd.com/new/login.aspx","item":{}}`, 200, tracker.PageUnknown, true},
		{"risk handler", `{"url":"https://cfe.m.jd.com/privatedomain/risk_handler/0/","item":{}}`, 404, tracker.PageUnknown, true},
		{"verification", `{` + own + `,"title":"京东验证","item":{"id":"47716923932","off":"该商品已下柜"}}`, 200, tracker.PageUnknown, true},
		{"slider over a page that sells it", `{` + own + `,"wall":"slider","item":{"id":"47716923932","buy":true}}`, 200, tracker.PageSold, true},
		{"nothing", `{` + own + `,"item":{"id":"47716923932"}}`, 200, tracker.PageUnknown, false},
		{"unreadable", `{` + own + `}`, 200, tracker.PageUnknown, false},
		{"no JSON", `x`, 200, tracker.PageUnknown, false},
	} {
		f := storefront(t).ReadItem(&market.Answer{Request: market.Request{Product: "47716923932"}, Status: c.status, Body: []byte(c.page)})
		if f.State != c.want || (f.Wall != nil) != c.wall || f.Reason == "" {
			t.Errorf("%s: %s (%s), wall %v, want %s", c.rule, f.State, f.Reason, f.Wall, c.want)
		}
	}
	if r := storefront(t).ItemPage(&tracker.Product{ID: "47716923932", URL: "https://evil.example/"}); r.URL != "https://item.jd.com/47716923932.html" {
		t.Errorf("item page = %s", r.URL)
	}
}

// Whatever a page holds, little of it is kept.
func TestWhatIsKeptOfAPageIsBounded(t *testing.T) {
	long := strings.Repeat("长", 1<<18)
	page := `{"url":"https://mall.jd.com/` + long + `","title":"` + long + `","structure":true,"shop":{"app":"` + long + `","shop":"1","title":"a- ` + long + `"},"list":{"page":1,"totals":["` + long + `"],"next":{"last":false,"href":"` + long + `"},
		"cards":[` + cell("47716923932", `,"title":"`+long+`","image":"//img13.360buyimg.com/n7/jfs/`+strings.Repeat("x", 1<<18)+`.jpg"`) + `,` + cell("57129211043", `,"priced":"`+long+`"`) + `]}}`
	l := read(t, answer(page, 1)).Listing
	if len(l.Products) != 1 || len(l.Problems) == 0 {
		t.Fatalf("listing = %.300s", fmt.Sprintf("%+v", l))
	}
	if kept := fmt.Sprintf("%+v", l); len(kept) > 20_000 || !utf8.ValidString(kept) {
		t.Errorf("%d bytes are kept of the page, valid: %v", len(kept), utf8.ValidString(kept))
	}
	if _, err := storefront(t).Read(answer(`{"title":"`+strings.Repeat("x", 9<<20)+`"}`, 1)); err == nil {
		t.Error("a page of 9 MB is read")
	}
}

func TestLogin(t *testing.T) {
	l := jd.Market().Login
	for names, want := range map[string]bool{"thor pin": true, "unick thor x": true, "thor": false, "pin unick": false, "": false, "thorn pin": false} {
		if got := l.Kept(strings.Fields(names)); got != want {
			t.Errorf("Kept(%s) = %v, want %v", names, got, want)
		}
	}
	for page, want := range map[string]string{
		`{"url":"https://passport.jd.com/new/login.aspx"}`:                                     "asks",
		`{"url":"https://passport.jd.com/new/login.aspx","wall":"slider"}`:                     "asks slider",
		`{"url":"https://cfe.m.jd.com/privatedomain/risk_handler/1/"}`:                         "asks risk handler",
		`{"url":"https://www.jd.com/"}`:                                                        "",
		`{"url":"https://www.jd.com/","shop":{"app":"1","vender":"1","shop":"1"},"title":"x"}`: "",
	} {
		challenge, asks, err := l.Read(&market.Answer{Body: []byte(page)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if asks {
			got = append(got, "asks")
		}
		if challenge != nil {
			got = append(got, challenge.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", page, got, want)
		}
	}
	if end, ok := l.Until(time.Now(), map[string]time.Time{"thor": {}, "pin": time.Now().Add(time.Hour)}); !ok || end.IsZero() {
		t.Errorf("Until = %v, %v, want the end of the name", end, ok)
	}
}

// FuzzRead wants that no report of a page script ends the process, claims a
// product without a number, or keeps much.
func FuzzRead(f *testing.F) {
	f.Add([]byte(list(cell("47716923932", ""), "")), 1, "https://module-jshop.jd.com/module/getModuleHtml.html?pageNo=1")
	f.Add([]byte(`{"url":"https://passport.jd.com/"}`), 0, "")
	f.Add([]byte(`{"url":"https://item.jd.com/47716923932.html","item":{"id":"47716923932","buy":true}}`), 1, "::")
	f.Add([]byte(`{"list":{"cards":null,"totals":[""],"next":{}}}`), 2, "https://mall.jd.com/view_search-1-2-3-4-5-6.html?pageNo=999999999999999999999")
	f.Fuzz(func(t *testing.T, body []byte, wanted int, call string) {
		sf := storefront(t)
		a := &market.Answer{Request: market.Request{URL: call, Page: wanted, Product: "47716923932"}, URL: call, Status: 200, Body: body, Calls: []*market.Call{{URL: call, Status: 200}}}
		if r, err := sf.Read(a); err == nil && r.State == nil {
			for _, p := range r.Listing.Products {
				if p.ID == "" || p.Title == "" || len(p.Title) > market.MaxTitle || !strings.HasPrefix(p.URL, "https://item.jd.com/") {
					t.Errorf("product = %+v", p)
				}
			}
			sf.Next([]market.Listing{r.Listing})
			sf.Assess([]market.Listing{r.Listing})
		}
		if f := sf.ReadItem(a); f.State == tracker.PageGone || f.State == tracker.PageOffshelf {
			t.Errorf("a page of JD proves that a product is gone: %+v", f)
		}
	})
}
