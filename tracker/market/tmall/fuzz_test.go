package tmall_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/tmall"
)

var number = regexp.MustCompile(`^[1-9]\d{4,19}$`)

// soundReading fails when a reading says what no page may make it say.
func soundReading(t *testing.T, r market.Reading) {
	t.Helper()
	if r.More != nil && r.State != nil || r.More != nil && r.More.URL != "" {
		t.Errorf("more is to be done, and yet %+v", r)
	}
	if r.State != nil && (r.State.Reason == "" || r.State.Verdict == tracker.Complete || r.State.Verdict == tracker.Partial) {
		t.Errorf("state %+v", *r.State)
	}
	l := &r.Listing
	if r.State != nil || r.More != nil {
		if len(l.Products) > 0 {
			t.Errorf("a page that is no list has products: %+v", l)
		}
		return
	}
	if l.Empty && len(l.Products) > 0 || l.Total < 0 || len(l.Products)+len(l.Repeated) > l.Cells {
		t.Errorf("listing %+v", l)
	}
	if len(l.Problems) == 0 && len(l.Products)+len(l.Repeated) != l.Cells {
		t.Errorf("%d of %d entries are products, and nothing is wrong with the page", len(l.Products), l.Cells)
	}
	seen := map[tracker.ProductID]bool{}
	for i := range l.Products {
		soundProduct(t, &l.Products[i])
		if seen[l.Products[i].ID] {
			t.Errorf("product %s is there twice", l.Products[i].ID)
		}
		seen[l.Products[i].ID] = true
	}
	for _, text := range append(l.Problems, l.Cut, l.Seller.ID, l.Seller.Seller, l.Seller.Name) {
		if len(text) > market.MaxAddress {
			t.Errorf("%d bytes are kept of one text", len(text))
		}
	}
}

func soundProduct(t *testing.T, p *tracker.Product) {
	t.Helper()
	u, err := url.Parse(p.URL)
	if err != nil || u.Scheme != "https" || !strings.HasSuffix(p.URL, "?id="+string(p.ID)) || !tmall.Market().Login.Home(u.Hostname()) || u.Port() != "" || u.User != nil {
		t.Errorf("product %s has the address %q", p.ID, p.URL)
	}
	if !number.MatchString(string(p.ID)) || p.Title == "" || len(p.Title) > market.MaxTitle {
		t.Errorf("product %q with the title %.40q", p.ID, p.Title)
	}
	if p.Image != "" && !strings.HasPrefix(p.Image, "https://") || len(p.Image) > 3*market.MaxAddress+len("https://") {
		t.Errorf("product %s has the picture %.80q", p.ID, p.Image)
	}
	ok := map[tracker.PriceKind]bool{
		tracker.PriceUnknown: p.Price.Low == 0 && p.Price.High == 0,
		tracker.PriceExact:   p.Price.Low >= 0 && p.Price.High == 0,
		tracker.PriceFrom:    p.Price.Low >= 0 && p.Price.High == 0,
		tracker.PriceRange:   p.Price.Low >= 0 && p.Price.Low < p.Price.High,
	}[p.Price.Kind]
	if !ok || p.Price.Currency != "CNY" {
		t.Errorf("product %s has the price %+v", p.ID, p.Price)
	}
}

// FuzzPage: whatever the page script reports, which a page can lie to.
func FuzzPage(f *testing.F) {
	for _, r := range recordings(f) {
		if r.Ask == "list" {
			f.Add([]byte(r.Report), r.Page, r.Status)
		}
	}
	f.Fuzz(func(t *testing.T, report []byte, page, status int) {
		a := answer("", 1)
		a.Request.Page, a.Status, a.Body = page, status, report
		if r, err := storefront(t).Read(a); err == nil {
			soundReading(t, r)
		}
	})
}

// FuzzCall: whatever the calls of a page are answered: plain JSON and JSONP,
// lists and refusals.
func FuzzCall(f *testing.F) {
	seeds := []string{
		`{"rgv587_flag":"sm","url":"//login.taobao.com/member/login.jhtml?x"}`,
		`jsonp1({"rgv587_flag":"sm","url":"//x.tmall.com/_____tmd_____/punish"});`,
		`mtopjsonp3({"ret":["FAIL_SYS_USER_VALIDATE","RGV587_ERROR::SM"]})`,
		`{"ret":["FAIL_SYS_SESSION_EXPIRED::SESSION"]}`,
		`{"ret":["SUCCESS::x"],"data":{"totalCnt":2,"page":1,"pageSize":24,"hasNext":false,"data":[{"itemId":600001,"title":"a <span class=H>b</span>","discountPrice":"1-2"}]}}`,
		`{"ret":["SUCCESS::x"],"data":null}`, `((((`, `a(`, `)`, ``,
	}
	for _, r := range recordings(f) {
		for _, c := range r.Calls {
			f.Add(c.URL, []byte(c.Body), c.Status, r.Page)
		}
	}
	for _, path := range []string{"/i/asynSearch.htm?pageNo=1", "/h5/mtop.taobao.shop.simple.fetch/1.0/?data=%7B%22shopId%22%3A1%7D", "/h5/mtop.taobao.shop.simple.item.fetch/1.0/"} {
		for _, body := range seeds {
			f.Add("https://x.tmall.com"+path, []byte(body), 200, 1)
		}
	}
	f.Fuzz(func(t *testing.T, address string, body []byte, status, page int) {
		for _, report := range []string{
			`{"url":"https://x.tmall.com/shop/view_shop.htm","react":{}}`,
			`{"url":"https://x.tmall.com/search.htm","list":{"layout":""}}`,
			`{"url":"https://x.tmall.com/search.htm","list":{"layout":"classic","empty":true,"filter":true}}`,
		} {
			a := answer(report, 1)
			a.Request.Page = page
			a.Calls = []*market.Call{{URL: address, Status: status, Body: body}}
			r, err := storefront(t).Read(a)
			if err != nil {
				t.Fatal(err)
			}
			soundReading(t, r)
			// A call is read once. What comes of it may not depend on that.
			again, err := storefront(t).Read(a)
			if err != nil || (again.State == nil) != (r.State == nil) || (again.More == nil) != (r.More == nil) {
				t.Errorf("read as %+v, and again as %+v, %v", r, again, err)
			}
		}
	})
}

// FuzzItem: whatever the page script reports of an item page. Only the house
// itself can say that a product is gone.
func FuzzItem(f *testing.F) {
	for _, r := range recordings(f) {
		if r.Ask == "item" {
			f.Add([]byte(r.Report), string(r.Product), r.Status)
		}
	}
	f.Add([]byte(`{"url":"https://detail.tmall.com/item.htm?id=600001","wall":"slider","item":{"id":"600001","off":"x"}}`), "600001", 200)
	f.Add([]byte(`{"url":"https://evil.example/error/noitem","item":{"id":"600001"}}`), "600001", 200)
	f.Fuzz(func(t *testing.T, report []byte, product string, status int) {
		a := &market.Answer{Request: market.Request{URL: "x", Product: tracker.ProductID(product)}, Status: status, Body: report}
		found := storefront(t).ReadItem(a)
		if found.Reason == "" && found.State != tracker.PageOffshelf || !utf8.ValidString(found.Reason) {
			t.Errorf("%s for the reason %q", found.State, found.Reason)
		}
		switch found.State {
		case tracker.PageUnknown, tracker.PageSold:
		case tracker.PageGone, tracker.PageOffshelf:
			if found.Wall != nil {
				t.Errorf("behind the wall %s it is %s", found.Wall.Name, found.State)
			}
			var page struct {
				URL string `json:"url"`
			}
			if err := json.Unmarshal(report, &page); err != nil {
				t.Fatal(err)
			}
			if u, err := url.Parse(page.URL); err != nil || u.Scheme != "https" || !storefront(t).Home(u.Hostname()) {
				t.Errorf("it is %s, says %q", found.State, page.URL)
			}
		default:
			t.Errorf("the state %q", found.State)
		}
	})
}

// FuzzAddress: whatever address a person writes, or a page leads to.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{
		"https://tencent.tmall.com/", "https://x.tmall.com/category-1504836859.htm?search=y", "https://shop123.taobao.com",
		"https://x.tmall.com/shop/view_shop.htm?appUid=RAz&spm=2", "https://user:p@x.tmall.com:8443/#a", "https://tencent.tmall.com.evil.example/",
		"https://evil.example\\@x.tmall.com/", "https://X.TMALL.COM./", "//x.tmall.com/", "https://x.tmall.com%2eevil.example/", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		_, sf, err := market.Set{tmall.Market()}.Open(tracker.Storefront{URL: address})
		if err != nil {
			return
		}
		for _, e := range sf.Entries() {
			u, err := url.Parse(e.URL)
			if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" || !sf.Home(u.Hostname()) || e.Page != 1 {
				t.Errorf("%q leads to %q", address, e.URL)
			}
		}
	})
}
