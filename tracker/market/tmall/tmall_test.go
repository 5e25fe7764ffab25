package tmall_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/tmall"
)

func TestFind(t *testing.T) {
	const classic = "?search=y&orderType=newOn_desc&viewType=grid"
	cases := []struct {
		address string
		want    string // the listings, or words of the error
		ok      bool
	}{
		{"https://tencent.tmall.com/", "https://tencent.tmall.com/search.htm" + classic + " https://tencent.tmall.com/shop/view_shop.htm", true},
		{"http://Tencent.tmall.com/index.htm?spm=1", "https://tencent.tmall.com/search.htm" + classic + " https://tencent.tmall.com/shop/view_shop.htm", true},
		{"https://x.tmall.com/search.htm?keyword=a", "https://x.tmall.com/search.htm" + classic + " https://x.tmall.com/shop/view_shop.htm", true},
		{"https://x.tmall.com/category-1504836859.htm?search=y&catName=%CC%F8%B5%B0", "https://x.tmall.com/category-1504836859.htm" + classic, true},
		{"https://x.tmall.com/shop/view_shop.htm?appUid=RAz&spm=2", "https://x.tmall.com/shop/view_shop.htm?appUid=RAz", true},
		{"https://shop123.taobao.com", "https://shop123.taobao.com/search.htm" + classic + " https://shop123.taobao.com/shop/view_shop.htm", true},
		// Tmall Global, and other hosts of the same shops.
		{"https://x.tmall.hk/", "https://x.tmall.hk/search.htm" + classic + " https://x.tmall.hk/shop/view_shop.htm", true},
		{"https://x.tmall.hk/category-123.htm?catName=%CC%F8%B5%B0&pageNo=2#anchor", "https://x.tmall.hk/category-123.htm" + classic, true},
		{"https://x.tmall.hk/shop/view_shop.htm?user_number_id=2207279521660", "https://x.tmall.hk/search.htm" + classic + " https://x.tmall.hk/shop/view_shop.htm", true},
		{"https://x.m.tmall.com/?shop_id=590584953", "https://x.tmall.com/search.htm" + classic + " https://x.tmall.com/shop/view_shop.htm", true},
		{"https://x.world.tmall.com/shop/view_shop.htm?user_number_id=1", "https://x.tmall.com/search.htm" + classic + " https://x.tmall.com/shop/view_shop.htm", true},
		{"https://x.world.taobao.com/category-7.htm", "https://x.taobao.com/category-7.htm" + classic, true},
		// What people paste and what no storefront is.
		{"https://shop.m.taobao.com/shop/shop_index.htm?user_id=2&shop_id=104736810", "write https://shop104736810.taobao.com/", false},
		{"https://shop.m.tmall.com/?shopId=104736810", "write https://shop104736810.taobao.com/", false},
		{"https://shop123.m.taobao.com/", "write https://shop123.taobao.com/ if", false},
		{"https://x.m.tmall.hk/", "write https://x.tmall.hk/ if", false},
		{"https://m.tb.cn/h.gN1xYz?tk=abc", "m.tb.cn is a share link", false},
		{"https://s.click.taobao.com/t?e=1", "is a share link", false},
		{"https://detail.tmall.com/item.htm?id=593529520193&skuId=1", "detail.tmall.com/item.htm is the page of one product", false},
		{"https://detail.tmall.hk/hk/item.htm?id=593529520193", "is the page of one product", false},
		{"https://detail.m.tmall.com/item.htm?id=593529520193", "is the page of one product", false},
		{"https://h5.m.taobao.com/awp/core/detail.htm?id=593529520193", "is the page of one product", false},
		{"https://a.m.taobao.com/i593529520193.htm", "is the page of one product", false},
		{"https://world.tmall.com/item/593529520193.htm", "is the page of one product", false},
		{"https://m.tmall.com/", "m.tmall.com is no storefront", false},
		{"https://store.taobao.com/shop/view_shop.htm?user_number_id=22", "no storefront", false},
		{"https://x.tmall.hk.evil.example/", "known by the address are NAME.tmall.com", false},
		{"https://a.b.m.tmall.com/", "no storefront", false},
		{"https://example.com/", "known by the address are NAME.tmall.com", false},
		{"https://detail.tmall.com/item.htm?id=1", "is the page of one product and no storefront", false},
		{"https://login.taobao.com/", "no storefront", false},
		{"https://tmall.com/", "no storefront", false},
		{"https://a.b.tmall.com/", "no storefront", false},
		{"https://tencent.tmall.com.evil.example/", "does not tell how", false},
		{"tencent.tmall.com", "write it like https://", false},
		{"ftp://tencent.tmall.com/", "write it like https://", false},
		{"https://%zz/", "not an address", false},
		{"", "not a web address", false},
	}
	for _, c := range cases {
		m, sf, err := market.Set{tmall.Market()}.Open(tracker.Storefront{URL: c.address})
		if !c.ok {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open(%q) err = %v, want %q in it", c.address, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("Open(%q) = %v, want %s", c.address, err, c.want)
			continue
		}
		var entries []string
		for _, e := range sf.Entries() {
			entries = append(entries, e.URL)
		}
		if got := strings.Join(entries, " "); got != c.want || m.Name != "tmall" {
			t.Errorf("Open(%q) = %s, want %s", c.address, got, c.want)
		}
	}
}

// TestLoginOfTmallGlobal wants the words for a shop that needs cookies of its
// own domain.
func TestLoginOfTmallGlobal(t *testing.T) {
	sf, err := tmall.Market().Storefront("https://x.tmall.hk/", "")
	if err != nil {
		t.Fatal(err)
	}
	overlay := &market.Answer{Request: market.Request{URL: "x", Page: 1, Product: "600001"}, Status: 200, Body: []byte(`{"url":"https://x.tmall.hk/search.htm","wall":"loginFrame","list":{"layout":""},"item":{}}`)}
	r, err := sf.Read(overlay)
	if err != nil || r.State == nil || r.State.Verdict != tracker.Login || !strings.Contains(r.State.Reason, "open this shop in the window") {
		t.Errorf("state = %+v, %v, want a login and where to make it", r.State, err)
	}
	if f := sf.ReadItem(overlay); f.Wall == nil || !strings.Contains(f.Wall.Reason, "open this shop in the window") {
		t.Errorf("wall of an item page = %+v, want the same", f.Wall)
	}
	if r, _ := storefront(t).Read(overlay); r.State == nil || strings.Contains(r.State.Reason, "window") {
		t.Errorf("state of a shop of Tmall = %+v, want its own words", r.State)
	}
}

func TestRequests(t *testing.T) {
	sf := storefront(t)
	entry := sf.Entries()[0]
	next, stop := sf.Next([]market.Listing{{Request: entry, Layout: "classic", Page: 1, Pages: 3, Next: 2, Products: make([]tracker.Product, 2)}})
	if next == nil || stop != "" {
		t.Fatalf("Next = %v, %q", next, stop)
	}
	if want := "https://x.tmall.com/search.htm?orderType=newOn_desc&pageNo=2&search=y&viewType=grid"; next.URL != want || next.Page != 2 || next.Keep {
		t.Errorf("page 2 = %+v, want %s", *next, want)
	}
	next, _ = sf.Next([]market.Listing{{Request: entry, Layout: "react", Page: 1, Next: 2, Products: make([]tracker.Product, 2)}})
	if next.URL != entry.URL || !next.Keep {
		t.Errorf("page 2 of a shelf = %+v, want the page that is open", *next)
	}
	if next, stop := sf.Next([]market.Listing{{Request: entry, Last: true}}); next != nil || stop != "last page" {
		t.Errorf("after the last page: %v, %q", next, stop)
	}
}

// storefront is one of Tmall.
func storefront(t *testing.T) market.Storefront {
	t.Helper()
	sf, err := tmall.Market().Storefront("https://x.tmall.com/", "")
	if err != nil {
		t.Fatal(err)
	}
	return sf
}

// answer is what came of a request for a listing page, as the script would
// report it, with the call behind it.
func answer(json string, wanted int) *market.Answer {
	return &market.Answer{
		Request: market.Request{URL: "https://x.tmall.com/search.htm", Page: wanted}, Status: 200, Body: []byte(json),
		Calls: []*market.Call{{URL: "https://x.tmall.com/i/asynSearch.htm?mid=1&pageNo=" + strconv.Itoa(wanted), Status: 200}},
	}
}

// read reads a page that shows a list.
func read(t *testing.T, a *market.Answer) market.Listing {
	t.Helper()
	r, err := storefront(t).Read(a)
	if err != nil {
		t.Fatal(err)
	}
	if r.State != nil || r.More != nil {
		t.Fatalf("the page is no list: %+v, %+v", r.State, r.More)
	}
	return r.Listing
}

// entry is one cell of a list.
func entry(id, more string) string {
	return `{"id":"` + id + `","href":"https://detail.tmall.com/item.htm?spm=1&id=` + id + `&rn=2","title":"t` + id + `","image":"//img.alicdn.com/a_180x180.jpg"` + more + `}`
}

func TestParseShelf(t *testing.T) {
	whole := func(cells string) string {
		return `{"list":{"layout":"classic","loaded":true,"filter":true,"counter":[1,1],"current":1,"lastPage":true,"end":true,"rows":[{"k":4,"cells":[` + cells + `]}]}}`
	}
	cases := []struct {
		rule, page string
		problem    string // words of it; empty for none
		products   int
	}{
		{"a list that is whole", whole(entry("600001", "") + "," + entry("600002", "")), "", 2},
		{"an entry that links elsewhere", whole(strings.Replace(entry("600001", ""), "id=600001", "id=600009", 1)), "links to product 600009", 0},
		{"number 0", whole(entry("0", "")), "no usable number", 0},
		{"no number", whole(entry("", "")), "no usable number", 0},
		{"a number with letters", whole(entry("12a4567", "")), "no usable number", 0},
		{"no title", whole(strings.Replace(entry("600001", ""), `"t600001"`, `""`, 1)), "no title", 0},
		{"the same product twice", whole(entry("600001", "") + "," + entry("600001", "")), "", 1},
		{"cut off", strings.Replace(whole(entry("600001", "")), `"end":true`, `"end":false`, 1), "cut off", 1},
		{"no counter", strings.Replace(whole(entry("600001", "")), `"counter":[1,1],`, "", 1), "page count", 1},
		{"counter 0/0", strings.Replace(whole(entry("600001", "")), `"counter":[1,1],"current":1`, `"counter":[0,0]`, 1), "page count", 1},
		{"another page", strings.Replace(whole(entry("600001", "")), `"counter":[1,1],"current":1`, `"counter":[2,2],"current":2`, 1), "asked for page 1, got page 2", 1},
		{"counter and pagination differ", strings.Replace(whole(entry("600001", "")), `"counter":[1,1],`, `"counter":[2,3],`, 1), "the counter says page 2", 1},
		{"a short row on a page that is not the last", strings.Replace(whole(entry("600001", "")), `"counter":[1,1]`, `"counter":[1,2]`, 1), "row 1 has 1 of 4", 1},
		{"the list view has rows of one", strings.NewReplacer(`"counter":[1,1]`, `"counter":[1,2]`, `"k":4`, `"k":30`).Replace(whole(entry("600001", ""))), "", 1},
		{"manifest that agrees", strings.Replace(whole(entry("600001", "")), `"end":true`, `"end":true,"manifest":"600001,"`, 1), "", 1},
		{"manifest with more", strings.Replace(whole(entry("600001", "")), `"end":true`, `"end":true,"manifest":"600001,600002"`, 1), "names 2 products", 1},
		{"manifest with another", strings.Replace(whole(entry("600001", "")), `"end":true`, `"end":true,"pixel":"600002"`, 1), "does not name product 600001", 1},
	}
	for _, c := range cases {
		l := read(t, answer(c.page, 1))
		got := strings.Join(l.Problems, "; ")
		if c.problem == "" && got != "" || !strings.Contains(got, c.problem) || len(l.Products) != c.products {
			t.Errorf("%s: problems %q and %d products, want %q and %d", c.rule, got, len(l.Products), c.problem, c.products)
		}
	}

	a := answer(whole(entry("600001", "")), 1)
	a.Calls = nil
	if l := read(t, a); !strings.Contains(strings.Join(l.Problems, ""), "not asked for") {
		t.Errorf("a list that nobody asked for: problems %q", l.Problems)
	}
}

func TestListedFields(t *testing.T) {
	cases := []struct {
		cell  string
		price string
		image string
	}{
		{`,"price":"1499.00"`, "1499.00", "https://img.alicdn.com/a"},
		{`,"price":"1,499.00","plain":"1299.00"`, "1299.00", "https://img.alicdn.com/a"},
		{`,"price":"¥ 9.9"`, "9.90", "https://img.alicdn.com/a"},
		{`,"price":"199.00-299.00"`, "199.00-299.00", "https://img.alicdn.com/a"},
		{`,"price":"￥199起"`, "199.00+", "https://img.alicdn.com/a"},
		{`,"price":"\ue311\ue322"`, "", "https://img.alicdn.com/a"},
		{`,"price":"[1_7ij1w4tp#51#abc#]"`, "", "https://img.alicdn.com/a"},
		{`,"price":"99999999999999999999999.00"`, "", "https://img.alicdn.com/a"},
		{`,"price":"-5.00"`, "", "https://img.alicdn.com/a"},
		{`,"price":"299.00-199.00"`, "", "https://img.alicdn.com/a"},
		{``, "", "https://img.alicdn.com/a"},
		{`,"image":"//assets.alicdn.com/s.gif"`, "", ""},
		{`,"image":"javascript:alert(1)"`, "", ""},
		{`,"image":"data:image/png;base64,AAAA"`, "", ""},
		{`,"image":"https://gw.alicdn.com/imgextra/O1CN01_!!46-0-item_pic.jpg?x=1#y"`, "", "https://gw.alicdn.com/imgextra/O1CN01_!!46-0-item_pic.jpg"},
		{`,"image":"//img.alicdn.com/b/TB1_!!0-item_pic.jpg_240x240q90.jpg_.webp"`, "", "https://img.alicdn.com/b/TB1_!!0-item_pic.jpg"},
	}
	for _, c := range cases {
		page := `{"list":{"layout":"classic","loaded":true,"counter":[1,1],"current":1,"lastPage":true,"end":true,"rows":[{"k":4,"cells":[` + entry("600001", c.cell) + `]}]}}`
		l := read(t, answer(page, 1))
		if len(l.Products) != 1 {
			t.Errorf("%s: problems %q", c.cell, l.Problems)
			continue
		}
		p := l.Products[0]
		if p.Price.String() != c.price || p.Image != c.image || p.URL != "https://detail.tmall.com/item.htm?id=600001" {
			t.Errorf("%s: price %q, image %q, url %q, want %q, %q", c.cell, p.Price, p.Image, p.URL, c.price, c.image)
		}
	}
}

// A link is written by the page: what is kept of it is the number.
func TestItemAddressIsBuiltFromTheNumber(t *testing.T) {
	const ordinary = "https://detail.tmall.com/item.htm?id=600001"
	for link, want := range map[string]string{
		"https://detail.tmall.com/item.htm?spm=1&id=600001&rn=2":               ordinary,
		"https://detail.tmall.com/x%0d%0aSet-Cookie:a/item.htm?id=600001":      ordinary,
		"https://detail.tmall.com/%23/item.htm?id=600001":                      ordinary,
		"https://detail.tmall.com/..%2f..%2fitem.htm?id=600001":                ordinary,
		"https://detail.tmall.com/hk/item.htm?id=600001":                       ordinary,
		"https://detail.tmall.com:8443/item.htm?id=600001":                     ordinary,
		"https://user:secret@detail.tmall.com/item.htm?id=600001":              ordinary,
		"http://detail.tmall.com/item.htm?id=600001":                           ordinary,
		"https://evil.example/item.htm?id=600001":                              ordinary,
		"https://detail.tmall.com/" + strings.Repeat("x", 1900) + "?id=600001": ordinary,
		"https://item.taobao.com/item.htm?id=600001&x=%0a":                     "https://item.taobao.com/item.htm?id=600001",
		"https://detail.tmall.hk/hk/item.htm?id=600001":                        "https://detail.tmall.hk/hk/item.htm?id=600001",
		"https://chaoshi.detail.tmall.com/item.htm?id=600001":                  "https://chaoshi.detail.tmall.com/item.htm?id=600001",
	} {
		page := `{"list":{"layout":"classic","loaded":true,"counter":[1,1],"current":1,"lastPage":true,"end":true,"rows":[{"k":4,"cells":[{"id":"600001","title":"x","href":"` + link + `"}]}]}}`
		l := read(t, answer(page, 1))
		if len(l.Products) != 1 || l.Products[0].URL != want {
			t.Errorf("%.80s: %+v, want %s", link, l, want)
		}
	}
}

// A shelf asks for its next page as soon as its end comes into view, which may
// be before the one on it has been read.
func TestNextPageOfAShelfComesEarly(t *testing.T) {
	var calls []*market.Call
	for n, more := range map[int]string{1: "true", 2: "false"} {
		body := fmt.Sprintf(`{"ret":["SUCCESS::x"],"data":{"totalCnt":"2","page":"%d","pageSize":"1","hasNext":"%s","data":[
			{"itemId":"60000%[1]d","title":"x","itemUrl":"https://detail.tmall.com/item.htm?id=60000%[1]d"}]}}`, n, more)
		calls = append(calls, &market.Call{URL: "https://h5api.m.tmall.com/h5/mtop.taobao.shop.simple.item.fetch/1.0/", Status: 200, Body: []byte(body)})
	}
	for n := 1; n <= 2; n++ {
		a := answer(`{"url":"https://x.tmall.com/shop/view_shop.htm","react":{}}`, n)
		a.Calls = calls
		if l := read(t, a); len(l.Products) != 1 || len(l.Problems) > 0 {
			t.Errorf("page %d: %+v", n, l)
		}
	}
}

// A shop is the same one in whatever layout its pages come, and whether its API
// names it or only the call does.
func TestShopIsTheSameInEveryLayout(t *testing.T) {
	classic := read(t, answer(`{"shop":{"id":"590584953","seller":"2207279521660","name":"x"},"list":{"layout":"classic","loaded":true,"counter":[1,1],"current":1,"lastPage":true,"end":true,
		"rows":[{"k":4,"cells":[{"id":"600001","title":"x","href":"https://detail.tmall.com/item.htm?id=600001"}]}]}}`, 1)).Seller
	for _, named := range []string{`{}`, `{"sellerId":"2207279521660"}`, `{"shopId":590584953,"sellerId":2207279521660}`} {
		a := answer(`{"url":"https://x.tmall.com/shop/view_shop.htm","react":{}}`, 1)
		a.Calls = []*market.Call{{
			URL:    "https://h5api.m.tmall.com/h5/mtop.taobao.shop.simple.fetch/1.0/?data=%7B%22shopId%22%3A%22590584953%22%2C%22sellerId%22%3A%222207279521660%22%7D",
			Status: 200, Body: []byte(`{"ret":["SUCCESS::x"],"data":{"signInfoDTO":{"shopName":"x"},"globalInfoDTO":` + named + `,"itemInfoDTO":{"totalCnt":"1","page":"1","pageSize":"24","hasNext":"false",
				"data":[{"itemId":"600001","title":"x","itemUrl":"https://detail.tmall.com/item.htm?id=600001"}]}}}`),
		}}
		if got := read(t, a).Seller; got != classic {
			t.Errorf("%s: %+v, classic %+v", named, got, classic)
		}
	}
}

// Whatever a page holds, little of it is kept.
func TestWhatIsKeptOfAPageIsBounded(t *testing.T) {
	long := strings.Repeat("长", 1<<20)
	api := `{"ret":["SUCCESS::ok"],"data":{"signInfoDTO":{"shopName":"` + long + `"},"globalInfoDTO":{"shopId":"` + long + `","sellerId":"` + long + `"},
		"itemInfoDTO":{"totalCnt":"2","page":"1","pageSize":"24","hasNext":"false","data":[
		{"itemId":"600001","title":"` + long + `","image":"https://img.alicdn.com/` + long + `","itemUrl":"https://detail.tmall.com/` + long + `?id=600001","discountPrice":"` + long + `"},
		{"itemId":"` + long + `","title":"x","itemUrl":"` + long + `"}]}}}`
	a := answer(`{"url":"https://x.tmall.com/?`+long[:1<<20]+`","title":"`+long[:1<<20]+`","react":{}}`, 1)
	a.Calls = []*market.Call{{URL: "https://h5api.m.tmall.com/h5/mtop.taobao.shop.simple.fetch/1.0/", Status: 200, Body: []byte(api)}}
	l := read(t, a)
	if len(l.Products) != 1 || len(l.Problems) == 0 {
		t.Fatalf("listing = %.300s", fmt.Sprintf("%+v", l))
	}
	if kept := fmt.Sprintf("%+v", l); len(kept) > 20_000 || !utf8.ValidString(kept) {
		t.Errorf("%d bytes are kept of the page, valid: %v", len(kept), utf8.ValidString(kept))
	}
	if _, err := storefront(t).Read(answer(`{"text":"`+strings.Repeat("x", 9<<20)+`"}`, 1)); err == nil {
		t.Error("a page of 9 MB is read")
	}
}

func TestStates(t *testing.T) {
	call := func(path, body string, status int) *market.Call {
		return &market.Call{URL: "https://x.tmall.com" + path, Status: status, Body: []byte(body)}
	}
	const list = "/i/asynSearch.htm?pageNo=1"
	cases := []struct {
		rule, page string
		status     int
		calls      []*market.Call
		want       string // verdict and name, "" for a list
	}{
		{"login page", `{"url":"https://login.taobao.com/member/login.jhtml?x=1"}`, 200, nil, "login login page"},
		{"login page of tmall", `{"url":"https://login.tmall.com/?redirectURL=x"}`, 200, nil, "login login page"},
		{"a shop whose name contains login", `{"url":"https://mylogin.tmall.com/search.htm","list":{"layout":"classic","loaded":true,"rows":[{"k":1,"cells":[]}]}}`, 200, nil, ""},
		{"overlay over an empty list", `{"url":"https://x.tmall.com/search.htm","wall":"loginFrame","list":{"layout":""}}`, 200, nil, "login login overlay"},
		{"slider", `{"url":"https://x.tmall.com/search.htm","wall":"slider"}`, 200, nil, "blocked slider"},
		{"slider with 404", `{"url":"https://x.tmall.com/search.htm","wall":"punish"}`, 404, nil, "blocked slider"},
		{"address of the guard", `{"url":"https://x.tmall.com/search.htm/_____tmd_____/punish?x5secdata=1"}`, 200, nil, "blocked slider page"},
		{"dialog", `{"url":"https://x.tmall.com/search.htm","wall":"punishDialog"}`, 200, nil, "blocked guard dialog"},
		{"deny", `{"url":"https://x.tmall.com/","text":"We have detected unusual traffic from your network, please try again later."}`, 200, nil, "blocked deny page"},
		{"noshop", `{"url":"https://store.taobao.com/shop/noshop.htm"}`, 200, nil, "gone no such shop"},
		{"noshop on another host", `{"url":"https://evil.example/shop/noshop.htm"}`, 200, nil, "failed not a list"},
		{"err", `{"url":"https://err.tmall.com/error"}`, 200, nil, "gone no such shop"},
		{"world", `{"url":"https://x.world.tmall.com/shop/view_shop.htm"}`, 200, nil, "failed foreign site"},
		{"list refused with a login, before the page shows it", `{"url":"https://x.tmall.com/search.htm","list":{"layout":""}}`, 200,
			[]*market.Call{call(list, `jsonp1({"rgv587_flag":"sm","url":"//login.taobao.com/member/login.jhtml?x"})`, 200)}, "login list refused: login"},
		{"list refused with a slider", `{"url":"https://x.tmall.com/search.htm","list":{"layout":""}}`, 200,
			[]*market.Call{call(list, `{"rgv587_flag":"sm","url":"//x.tmall.com/i/asynSearch.htm/_____tmd_____/punish?x5secdata=1"}`, 200)}, "blocked list refused"},
		{"a refusal of another call says nothing", `{"url":"https://x.tmall.com/search.htm","list":{"layout":"classic","loaded":true,"rows":[{"k":1,"cells":[]}]}}`, 200,
			[]*market.Call{call("/other", `{"rgv587_flag":"sm","url":"x"}`, 200)}, ""},
		{"session expired", `{"url":"https://x.tmall.com/shop/view_shop.htm","react":{}}`, 200,
			[]*market.Call{call("/h5/mtop.taobao.shop.simple.fetch/1.0/", `{"ret":["FAIL_SYS_SESSION_EXPIRED::SESSION失效"]}`, 200)}, "login session expired"},
		{"risk answer", `{"url":"https://x.tmall.com/shop/view_shop.htm","react":{}}`, 200,
			[]*market.Call{call("/h5/mtop.taobao.shop.simple.item.fetch/1.0/", `mtopjsonp3({"ret":["FAIL_SYS_USER_VALIDATE","RGV587_ERROR::SM::哎哟喂,被挤爆啦"]})`, 200)}, "blocked API risk answer"},
		{"closing notice", `{"url":"https://x.tmall.com/","text":"店铺终止经营公告"}`, 200, nil, "gone closed shop"},
		{"server error", `{"url":"https://x.tmall.com/search.htm"}`, 503, nil, "failed server error"},
		{"list call failed", `{"url":"https://x.tmall.com/search.htm","list":{"layout":""}}`, 200, []*market.Call{call(list, "", 500)}, "failed list call failed"},
		{"a page that nobody knows", `{"url":"https://x.tmall.com/search.htm","text":"hello"}`, 200, nil, "failed not a list"},
		{"a list that did not come", `{"url":"https://x.tmall.com/search.htm","list":{"layout":""}}`, 200, nil, "failed list missing"},
	}
	for _, c := range cases {
		r, err := storefront(t).Read(&market.Answer{Request: market.Request{URL: "x", Page: 1}, Status: c.status, Body: []byte(c.page), Calls: c.calls})
		if err != nil {
			t.Fatal(err)
		}
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

func TestItem(t *testing.T) {
	cases := []struct {
		rule, page string
		status     int
		want       tracker.PageState
		wall       bool
	}{
		{"a buy panel", `{"url":"https://detail.tmall.com/item.htm?id=600001","item":{"id":"600001","title":"x","buy":true}}`, 200, tracker.PageSold, false},
		{"sent to noitem", `{"url":"https://error.item.taobao.com/error/noitem?type=noitem&itemid=600001","item":{"id":"600001"}}`, 200, tracker.PageGone, false},
		{"sent to noitem of another product", `{"url":"https://error.item.taobao.com/error/noitem?itemid=600002","item":{"id":"600002"}}`, 200, tracker.PageUnknown, false},
		{"sent to the old noitem", `{"url":"https://detail.tmall.com/auction/noitem.htm?type=7","item":{}}`, 200, tracker.PageGone, false},
		{"sent to noitem on another host", `{"url":"https://evil.example/error/noitem?itemid=600001","item":{"id":"600001"}}`, 200, tracker.PageUnknown, false},
		{"sent to noitem of a shop", `{"url":"https://x.tmall.com/error/noitem?itemid=600001","item":{"id":"600001"}}`, 200, tracker.PageUnknown, false},
		{"sent to noitem without TLS", `{"url":"http://error.item.taobao.com/error/noitem?itemid=600001","item":{"id":"600001"}}`, 200, tracker.PageUnknown, false},
		{"another host says that it is gone", `{"url":"https://evil.example/item.htm?id=600001","item":{"id":"600001","missing":"很抱歉，您查看的宝贝不存在"}}`, 200, tracker.PageUnknown, false},
		{"another host says that it is off the shelf", `{"url":"https://evil.example/item.htm?id=600001","item":{"id":"600001","off":"此商品已下架"}}`, 200, tracker.PageUnknown, false},
		{"another host sells it", `{"url":"https://evil.example/item.htm?id=600001","item":{"id":"600001","buy":true}}`, 200, tracker.PageUnknown, false},
		{"off the shelf", `{"url":"https://detail.tmall.com/item.htm?id=600001","item":{"id":"600001","off":"此商品已下架"}}`, 200, tracker.PageOffshelf, false},
		{"the words beside a buy panel", `{"url":"https://detail.tmall.com/item.htm?id=600001","item":{"id":"600001","off":"此商品已下架","buy":true}}`, 200, tracker.PageSold, false},
		{"old data", `{"url":"https://detail.tmall.com/item.htm?id=600001","item":{"id":"600001","online":"false"}}`, 200, tracker.PageOffshelf, false},
		{"old data beside a buy panel", `{"url":"https://detail.tmall.com/item.htm?id=600001","item":{"id":"600001","online":"false","buy":true}}`, 200, tracker.PageUnknown, false},
		{"says so in place", `{"url":"https://detail.tmall.com/item.htm?id=600001","item":{"id":"600001","missing":"很抱歉，您查看的宝贝不存在"}}`, 200, tracker.PageGone, false},
		{"says so beside a title", `{"url":"https://detail.tmall.com/item.htm?id=600001","item":{"id":"600001","title":"x","missing":"很抱歉，您查看的宝贝不存在"}}`, 200, tracker.PageUnknown, false},
		{"wall", `{"url":"https://detail.tmall.com/item.htm?id=600001","wall":"slider","item":{"id":"600001","off":"此商品已下架"}}`, 200, tracker.PageUnknown, true},
		{"wall with 404", `{"url":"https://detail.tmall.com/item.htm?id=600001","wall":"slider","item":{"id":"600001"}}`, 404, tracker.PageUnknown, true},
		{"login page", `{"url":"https://login.taobao.com/member/login.jhtml","item":{}}`, 200, tracker.PageUnknown, true},
		{"wall over a page that sells it", `{"url":"https://detail.tmall.com/item.htm?id=600001","wall":"punishDialog","item":{"id":"600001","buy":true}}`, 200, tracker.PageSold, true},
		{"404 without a word", `{"url":"https://detail.tmall.com/item.htm?id=600001","item":{"id":"600001","off":"此商品已下架"}}`, 404, tracker.PageUnknown, false},
		{"another product", `{"url":"https://detail.tmall.com/item.htm?id=600002","item":{"id":"600002","off":"此商品已下架"}}`, 200, tracker.PageUnknown, false},
		{"nothing", `{"url":"https://detail.tmall.com/item.htm?id=600001","item":{"id":"600001"}}`, 200, tracker.PageUnknown, false},
		{"unreadable", `{"url":"https://detail.tmall.com/item.htm?id=600001"}`, 200, tracker.PageUnknown, false},
	}
	for _, c := range cases {
		f := storefront(t).ReadItem(&market.Answer{Request: market.Request{Product: "600001"}, Status: c.status, Body: []byte(c.page)})
		if f.State != c.want || (f.Wall != nil) != c.wall || f.Reason == "" {
			t.Errorf("%s: %s (%s), wall %v, want %s", c.rule, f.State, f.Reason, f.Wall, c.want)
		}
	}
}

func TestLoginIsJudgedByNamesOfCookies(t *testing.T) {
	l := tmall.Market().Login
	cases := map[string]bool{
		"cookie2 _nk_": true, "cookie2 lgc t": true, "sn cookie2": true, "cookie2": false, "_nk_ lgc": false, "": false, "cookie2x _nk_": false,
	}
	for names, want := range cases {
		if got := l.Kept(strings.Fields(names)); got != want {
			t.Errorf("Kept(%s) = %v, want %v", names, got, want)
		}
	}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	in := func(d time.Duration) time.Time { return now.Add(d) }
	ends := map[string]time.Time{"cookie2": {}, "_nk_": in(time.Hour), "lgc": in(3 * time.Hour), "other": in(2 * time.Hour)}
	if end, ok := l.Until(now, ends); !ok || !end.Equal(in(3*time.Hour)) {
		t.Errorf("Until = %v, %v, want the end of the last name that counts", end, ok)
	}
	if _, ok := l.Until(in(4*time.Hour), ends); ok {
		t.Error("a login whose names have all ended counts")
	}
}

func TestTmallIsAtHome(t *testing.T) {
	for host, want := range map[string]bool{
		"tmall.com": true, "tencent.tmall.com": true, "detail.tmall.hk": true, "login.taobao.com": true, "img.alicdn.com": true, "passport.alibaba.com": true,
		"nottmall.com": false, "tmall.com.example": false, "www.example.com": false, "127.0.0.1": false, "localhost": false, "": false,
	} {
		if got := tmall.Market().Login.Home(host); got != want {
			t.Errorf("Home(%q) = %v, want %v", host, got, want)
		}
	}
}
