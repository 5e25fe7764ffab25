package market_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
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
		{"https://example.com/", "known are NAME.tmall.com", false},
		{"https://detail.tmall.com/item.htm?id=1", "no storefront", false},
		{"https://login.taobao.com/", "no storefront", false},
		{"https://tmall.com/", "no storefront", false},
		{"https://a.b.tmall.com/", "no storefront", false},
		{"https://tencent.tmall.com.evil.example/", "no storefront", false},
		{"tencent.tmall.com", "write it like https://", false},
		{"ftp://tencent.tmall.com/", "write it like https://", false},
		{"https://%zz/", "not an address", false},
		{"", "not a web address", false},
	}
	for _, c := range cases {
		m, a, err := market.Find(c.address)
		if c.ok {
			if got := strings.Join(a.Listings, " "); err != nil || got != c.want || m.Name != "tmall" {
				t.Errorf("Find(%q) = %s, %v, want %s", c.address, got, err, c.want)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Find(%q) err = %v, want %q in it", c.address, err, c.want)
		}
	}
}

func TestPageAddress(t *testing.T) {
	_, a, err := market.Find("https://x.tmall.com/")
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Page(a.Listings[0], 1); got != a.Listings[0] {
		t.Errorf("page 1 = %s", got)
	}
	if got, want := a.Page(a.Listings[0], 3), "https://x.tmall.com/search.htm?orderType=newOn_desc&pageNo=3&search=y&viewType=grid"; got != want {
		t.Errorf("page 3 = %s, want %s", got, want)
	}
}

// pageOf is a classic listing page as the market's script would report it.
func pageOf(t *testing.T, json string, wanted int) *market.Page {
	t.Helper()
	p, err := market.Decode([]byte(json))
	if err != nil {
		t.Fatal(err)
	}
	p.Wanted = wanted
	p.Calls = []market.Call{market.NewCall("https://x.tmall.com/i/asynSearch.htm?mid=1&pageNo="+string(rune('0'+wanted)), 200, "", nil)}
	return p
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
		l := market.Tmall().Parse(pageOf(t, c.page, 1))
		got := strings.Join(l.Problems, "; ")
		if c.problem == "" && got != "" || !strings.Contains(got, c.problem) || len(l.Products) != c.products {
			t.Errorf("%s: problems %q and %d products, want %q and %d", c.rule, got, len(l.Products), c.problem, c.products)
		}
	}

	p := pageOf(t, whole(entry("600001", "")), 1)
	p.Calls = nil
	if l := market.Tmall().Parse(p); !strings.Contains(strings.Join(l.Problems, ""), "not asked for") {
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
		l := market.Tmall().Parse(pageOf(t, page, 1))
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
		l := market.Tmall().Parse(pageOf(t, page, 1))
		if len(l.Products) != 1 || l.Products[0].URL != want {
			t.Errorf("%.80s: %+v, want %s", link, l, want)
		}
	}
}

// Whatever a page holds, little of it is kept.
// A shelf asks for its next page as soon as its end comes into view, which may
// be before the one on it has been read.
func TestNextPageOfAShelfComesEarly(t *testing.T) {
	var calls []market.Call
	for n, more := range map[int]string{1: "true", 2: "false"} {
		body := fmt.Sprintf(`{"ret":["SUCCESS::x"],"data":{"totalCnt":"2","page":"%d","pageSize":"1","hasNext":"%s","data":[
			{"itemId":"60000%[1]d","title":"x","itemUrl":"https://detail.tmall.com/item.htm?id=60000%[1]d"}]}}`, n, more)
		calls = append(calls, market.NewCall("https://h5api.m.tmall.com/h5/mtop.taobao.shop.simple.item.fetch/1.0/", 200, "", []byte(body)))
	}
	for n := 1; n <= 2; n++ {
		p := pageOf(t, `{"url":"https://x.tmall.com/shop/view_shop.htm","react":{}}`, n)
		p.Calls = calls
		if l := market.Tmall().Parse(p); len(l.Products) != 1 || len(l.Problems) > 0 {
			t.Errorf("page %d: %+v", n, l)
		}
		for i := range calls {
			calls[i].Forget(n)
		}
	}
}

func TestWhatIsKeptOfAPageIsBounded(t *testing.T) {
	long := strings.Repeat("长", 1<<20)
	api := `{"ret":["SUCCESS::ok"],"data":{"signInfoDTO":{"shopName":"` + long + `"},"globalInfoDTO":{"shopId":"` + long + `","sellerId":"` + long + `"},
		"itemInfoDTO":{"totalCnt":"2","page":"1","pageSize":"24","hasNext":"false","data":[
		{"itemId":"600001","title":"` + long + `","image":"https://img.alicdn.com/` + long + `","itemUrl":"https://detail.tmall.com/` + long + `?id=600001","discountPrice":"` + long + `"},
		{"itemId":"` + long + `","title":"x","itemUrl":"` + long + `"}]}}}`
	p := pageOf(t, `{"url":"https://x.tmall.com/?`+long[:1<<20]+`","title":"`+long[:1<<20]+`","react":{}}`, 1)
	p.Calls = []market.Call{market.NewCall("https://h5api.m.tmall.com/h5/mtop.taobao.shop.simple.fetch/1.0/", 200, "", []byte(api))}
	l := market.Tmall().Parse(p)
	if len(l.Products) != 1 || len(l.Problems) == 0 {
		t.Fatalf("listing = %.300s", fmt.Sprintf("%+v", l))
	}
	if kept := fmt.Sprintf("%+v %s %s", l, p.URL, p.Title); len(kept) > 20_000 || !utf8.ValidString(kept) {
		t.Errorf("%d bytes are kept of the page, valid: %v", len(kept), utf8.ValidString(kept))
	}
	if _, err := market.Decode([]byte(`{"text":"` + strings.Repeat("x", 9<<20) + `"}`)); err == nil {
		t.Error("a page of 9 MB is read")
	}
}

func listing(page, pages int, ids ...string) market.Listing {
	l := market.Listing{Layout: "classic", Page: page, Pages: pages, Cells: len(ids), Last: page == pages}
	if page < pages {
		l.Next = page + 1
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			l.Repeated++
			continue
		}
		seen[id] = true
		l.Products = append(l.Products, tracker.Product{ID: tracker.ProductID(id)})
	}
	return l
}

func but(l market.Listing, change func(*market.Listing)) market.Listing {
	change(&l)
	return l
}

func total(n int) func(*market.Listing) { return func(l *market.Listing) { l.Total = n } }

func TestWhole(t *testing.T) {
	cases := []struct {
		rule  string
		pages []market.Listing
		why   string // words of the doubt; empty: whole
		moved bool
	}{
		{"all pages, equal but the last", []market.Listing{listing(1, 2, "a", "b"), listing(2, 2, "c")}, "", false},
		{"one page", []market.Listing{listing(1, 1, "a")}, "", false},
		{"empty with the marketplace's own words", []market.Listing{{Layout: "classic", Empty: true, Last: true}}, "", false},
		{"no page", nil, "no page", false},
		{"a page missing at the end", []market.Listing{listing(1, 2, "a", "b")}, "1 of 2 pages", false},
		{"page count changed", []market.Listing{listing(1, 2, "a", "b"), listing(2, 3, "c", "d"), listing(3, 3, "e")}, "changed while it was read", true},
		{"page size changed", []market.Listing{listing(1, 3, "a", "b"), listing(2, 3, "c"), listing(3, 3, "d")}, "page 2 has 1", true},
		{"a last page longer than the others", []market.Listing{listing(1, 2, "a"), listing(2, 2, "b", "c")}, "page 2 has 2", true},
		{"a product on two pages", []market.Listing{listing(1, 2, "a", "b"), listing(2, 2, "b")}, "listed twice on different pages", true},
		{"a product twice on a page", []market.Listing{listing(1, 2, "a", "a"), listing(2, 2, "b")}, "listed twice on one page", true},
		{"an empty page in between", []market.Listing{listing(1, 2, "a", "b"), {Page: 2, Pages: 2, Empty: true}}, "page 2 is empty", true},
		{"pages in another order", []market.Listing{listing(2, 2, "a"), listing(1, 2, "b")}, "calls itself 2", false},
		{"the last page too early", []market.Listing{but(listing(1, 2, "a"), func(l *market.Listing) { l.Last = true }), listing(2, 2, "b")}, "calls itself the last", false},
		{"no end", []market.Listing{but(listing(1, 1, "a"), func(l *market.Listing) { l.Last = false })}, "does not say that it is the last", false},
		{"a problem on a page", []market.Listing{but(listing(1, 1, "a"), func(l *market.Listing) { l.Problems = []string{"cut off"} })}, "page 1: cut off", false},
		{"total that agrees", []market.Listing{but(listing(1, 1, "a", "b"), total(2))}, "", false},
		{"total too high", []market.Listing{but(listing(1, 1, "a", "b"), total(3))}, "3 products are declared, 2 were seen", true},
		{"total too low", []market.Listing{but(listing(1, 1, "a", "b"), total(1))}, "1 products are declared, 2 were seen", true},
		{"total changed", []market.Listing{but(listing(1, 2, "a"), total(2)), but(listing(2, 2, "b"), total(3))}, "changed while it was read", true},
	}
	for _, c := range cases {
		j := market.Whole(c.pages)
		if j.Complete != (c.why == "") || !strings.Contains(j.Reason, c.why) || j.Moved != c.moved {
			t.Errorf("%s: complete %v (%s), moved %v", c.rule, j.Complete, j.Reason, j.Moved)
		}
	}
	var capped []market.Listing
	for n := 1; n <= 100; n++ {
		capped = append(capped, listing(n, 100, "p"+strings.Repeat("x", n)))
	}
	if j := market.Whole(capped); j.Complete || !strings.Contains(j.Reason, "may be cut") {
		t.Errorf("a list at the cap: complete %v (%s)", j.Complete, j.Reason)
	}
}

func TestHealed(t *testing.T) {
	slipped := []market.Listing{listing(1, 2, "a", "b"), listing(2, 2, "b")}  // c was missed
	other := []market.Listing{listing(1, 2, "b", "c"), listing(2, 2, "c")}    // a was missed
	clean := []market.Listing{listing(1, 2, "c", "a"), listing(2, 2, "b")}    // everything
	grown := []market.Listing{listing(1, 2, "d", "c"), listing(2, 2, "c")}    // another product came
	twice := []market.Listing{listing(1, 2, "a", "a"), listing(2, 2, "b")}    // listed twice
	twiceToo := []market.Listing{listing(1, 2, "a", "a"), listing(2, 2, "c")} // but not the same rest
	longer := []market.Listing{listing(1, 3, "a", "b"), listing(2, 3, "b", "c"), listing(3, 3, "d")}
	cases := []struct {
		rule          string
		first, second []market.Listing
		whole         bool
		products      int
	}{
		{"a clean second pass counts by itself", slipped, clean, true, 3},
		{"two passes that together saw as many as there are", slipped, other, true, 3},
		{"two passes that missed the same", slipped, slipped, false, 2},
		{"two passes that saw more than there are", slipped, grown, false, 4},
		{"listed twice on a page, and both passes agree", twice, twice, true, 2},
		{"listed twice on a page, and the passes differ", twice, twiceToo, false, 3},
		{"another number of pages", slipped, longer, false, 4},
	}
	for _, c := range cases {
		j := market.Healed(market.Whole(c.first), market.Whole(c.second))
		if j.Complete != c.whole || len(j.Products) != c.products {
			t.Errorf("%s: complete %v (%s) with %d products, want %v with %d", c.rule, j.Complete, j.Reason, len(j.Products), c.whole, c.products)
		}
		if c.whole && len(j.Warnings) == 0 {
			t.Errorf("%s: no warning says how it was healed", c.rule)
		}
	}
}

func TestStates(t *testing.T) {
	call := func(path, body string, status int) market.Call {
		return market.NewCall("https://x.tmall.com"+path, status, "", []byte(body))
	}
	const list = "/i/asynSearch.htm?pageNo=1"
	cases := []struct {
		rule, page string
		status     int
		calls      []market.Call
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
			[]market.Call{call(list, `jsonp1({"rgv587_flag":"sm","url":"//login.taobao.com/member/login.jhtml?x"})`, 200)}, "login list refused: login"},
		{"list refused with a slider", `{"url":"https://x.tmall.com/search.htm","list":{"layout":""}}`, 200,
			[]market.Call{call(list, `{"rgv587_flag":"sm","url":"//x.tmall.com/i/asynSearch.htm/_____tmd_____/punish?x5secdata=1"}`, 200)}, "blocked list refused"},
		{"a refusal of another call says nothing", `{"url":"https://x.tmall.com/search.htm","list":{"layout":"classic","loaded":true,"rows":[{"k":1,"cells":[]}]}}`, 200,
			[]market.Call{call("/other", `{"rgv587_flag":"sm","url":"x"}`, 200)}, ""},
		{"session expired", `{"url":"https://x.tmall.com/shop/view_shop.htm","react":{}}`, 200,
			[]market.Call{call("/h5/mtop.taobao.shop.simple.fetch/1.0/", `{"ret":["FAIL_SYS_SESSION_EXPIRED::SESSION失效"]}`, 200)}, "login session expired"},
		{"risk answer", `{"url":"https://x.tmall.com/shop/view_shop.htm","react":{}}`, 200,
			[]market.Call{call("/h5/mtop.taobao.shop.simple.item.fetch/1.0/", `mtopjsonp3({"ret":["FAIL_SYS_USER_VALIDATE","RGV587_ERROR::SM::哎哟喂,被挤爆啦"]})`, 200)}, "blocked API risk answer"},
		{"closing notice", `{"url":"https://x.tmall.com/","text":"店铺终止经营公告"}`, 200, nil, "gone closed shop"},
		{"server error", `{"url":"https://x.tmall.com/search.htm"}`, 503, nil, "failed server error"},
		{"list call failed", `{"url":"https://x.tmall.com/search.htm","list":{"layout":""}}`, 200, []market.Call{call(list, "", 500)}, "failed list call failed"},
		{"a page that nobody knows", `{"url":"https://x.tmall.com/search.htm","text":"hello"}`, 200, nil, "failed not a list"},
		{"a list that did not come", `{"url":"https://x.tmall.com/search.htm","list":{"layout":""}}`, 200, nil, "failed list missing"},
	}
	for _, c := range cases {
		p, err := market.Decode([]byte(c.page))
		if err != nil {
			t.Fatal(err)
		}
		p.Status, p.Calls = c.status, c.calls
		got := ""
		if s := market.Tmall().State(p); s != nil {
			got = string(s.Verdict) + " " + s.Name
			if s.Reason == "" || s.Passing && s.Verdict.Wall() {
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
		p, err := market.Decode([]byte(c.page))
		if err != nil {
			t.Fatal(err)
		}
		p.Status, p.Asked = c.status, "600001"
		f := market.Tmall().Item(p)
		if f.State != c.want || (f.Wall != nil) != c.wall || f.Reason == "" {
			t.Errorf("%s: %s (%s), wall %v, want %s", c.rule, f.State, f.Reason, f.Wall, c.want)
		}
	}
}

func TestLoginIsJudgedByNamesOfCookies(t *testing.T) {
	l := market.Tmall().Login
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
