package scan_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"

	"shopwatch/tracker"
)

// real returns a saved real page, which stays outside of the project.
func real(t *testing.T, name string) []byte {
	t.Helper()
	short(t)
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "real", name))
	if os.IsNotExist(err) {
		t.Skipf("no saved real page %s here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// serve puts a saved page at its real address, with its scripts shut off and
// every other address refused.
func serve(host, path, contentType string, body []byte) {
	mall.Handle(host, path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Security-Policy", "script-src 'none'; img-src 'none'; style-src 'unsafe-inline'; connect-src 'none'; frame-src 'none'")
		w.Write(body)
	}))
}

func TestRealListOf2019(t *testing.T) {
	serve("oppo.tmall.com", "/search.htm", "text/html; charset=utf-8", real(t, "tmall_shop_search_2019-10-25_oppo_p1of1_EXCERPT.html"))
	s, _ := newShopper(t, nil).scan("https://oppo.tmall.com/")
	if s.Verdict != tracker.Partial {
		t.Errorf("verdict = %s, want partial: rows are cut out of the saved page", s.Verdict)
	}
	// Seven products before the pagination, none of the recommended block
	// behind it.
	want := "593529520193 603070922282 588838385559 604700363730 600592987614 578083600261 581713133717"
	if got := ids(s.Products); got != want {
		t.Fatalf("products = %s, want %s", got, want)
	}
	first := s.Products[0]
	if first.Title != "【整点购机赠好礼】OPPO K3升降全面屏骁龙710屏幕指纹手机智能新品官方正品游戏手机oppok3 k1 oppor17 r15" {
		t.Errorf("title = %q", first.Title)
	}
	if got := first.Price.String() + first.Price.Currency; got != "1499.00CNY" {
		t.Errorf("price = %s", got)
	}
	if want := "https://img.alicdn.com/bao/uploaded/i3/901409638/O1CN01Tg4VkR2L4FqhbkTvL_!!0-item_pic.jpg"; first.Image != want {
		t.Errorf("image = %s, want %s", first.Image, want)
	}
	if want := "https://detail.tmall.com/item.htm?id=593529520193"; first.URL != want {
		t.Errorf("url = %s, want %s", first.URL, want)
	}
	for _, p := range s.Products {
		if p.Title == "" || p.Image == "" || !p.Price.Known() || strings.Contains(p.Title, "<") {
			t.Errorf("product %+v lacks something", p)
		}
	}
}

func TestRealShopUnderItsLoginDialog(t *testing.T) {
	serve("darentang.tmall.com", "/search.htm", "text/html; charset=utf-8", real(t, "tmall_shop_search_2026-04-10_darentang_list_missing_login_dialog.html"))
	s, _ := newShopper(t, nil).scan("https://darentang.tmall.com/")
	if s.Verdict != tracker.Login || s.Evidence.Stop != "login overlay" {
		t.Errorf("verdict = %s (%s), want login by the overlay", s.Verdict, s.Evidence.Stop)
	}
	if len(s.Products) != 0 || s.Evidence.Products != 0 {
		t.Errorf("products = %s, want none of the four in its header", ids(s.Products))
	}
}

func TestRealSlider(t *testing.T) {
	body := real(t, "tmall_item_2026-04-10_punish_slider_captcha_interception.html")
	serve("sliding.tmall.com", "/search.htm", "text/html; charset=utf-8", body)
	s, _ := newShopper(t, nil).scan("https://sliding.tmall.com/")
	if s.Verdict != tracker.Blocked {
		t.Errorf("verdict = %s (%s), want blocked", s.Verdict, s.Reason)
	}
}

// missing scans a storefront of six products, one of which is then not listed,
// while the saved page stands at its item page, and returns the probe.
func missing(t *testing.T, id, contentType string, status int, page []byte) tracker.Probe {
	t.Helper()
	host := "probe" + id + ".tmall.com"
	shop := openShop(t, host, 6)
	shop.Put(product(id, "the missing one"))
	sh := newShopper(t, nil)
	if s, _ := sh.scan(shop.URL()); s.Verdict != tracker.Complete {
		t.Fatalf("verdict = %s: %s", s.Verdict, s.Reason)
	}
	shop.Take(id, "still sold")
	mall.Handle("detail.tmall.com", "/item.htm", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Security-Policy", "script-src 'none'; img-src 'none'; frame-src 'none'")
		w.WriteHeader(status)
		w.Write(page)
	}))
	t.Cleanup(func() { mall.Unhandle("detail.tmall.com", "/item.htm") })
	s, changes := sh.scan(shop.URL())
	if len(s.Probes) != 1 {
		t.Fatalf("probes = %+v, want one; verdict %s %s", s.Probes, s.Verdict, s.Reason)
	}
	if len(changes) != 0 {
		t.Errorf("changes = %+v, want none", changes)
	}
	return s.Probes[0]
}

func TestRealItemPageIsLiveDespiteItsHiddenLoginDialog(t *testing.T) {
	page := real(t, "tmall_item_2020-07_live_ogs.html")
	if p := missing(t, "605258110430", "text/html; charset=gb18030", 200, page); p.State != tracker.PageSold {
		t.Errorf("state = %s (%s), want sold", p.State, p.Reason)
	}
}

func TestRealSliderInPlaceOfAnItemProvesNothing(t *testing.T) {
	page := real(t, "tmall_item_2026-04-10_punish_slider_captcha_interception.html")
	for _, status := range []int{200, 404} {
		if p := missing(t, "623902207377", "text/html; charset=utf-8", status, page); p.State != tracker.PageUnknown {
			t.Errorf("status %d: state = %s (%s), want unknown", status, p.State, p.Reason)
		}
	}
}

// TestRealRowOf2015 reads a raw row, as it was before scripts changed it and
// with its bytes decoded anew (tracker/market/tmall/NOTES.md, 2.8), within a
// list of our own.
func TestRealRowOf2015(t *testing.T) {
	raw := real(t, "tmall_shop_list_2015-03_clarks_1item_raw_fragment_mojibake.html")
	gbk, err := charmap.ISO8859_15.NewEncoder().Bytes(raw)
	if err != nil {
		t.Fatal(err)
	}
	row, err := simplifiedchinese.GB18030.NewDecoder().Bytes(gbk)
	if err != nil {
		t.Fatal(err)
	}
	page := `<div id="J_ShopSearchResult"><div class="J_TFilter"><b class="ui-page-s-len">1/1</b></div><div class="J_TItems"><div class="item4line1">` +
		string(row) + `</div><div class="pagination"><a class="page-cur">1</a><a class="disable">下一页</a></div></div></div>`
	serve("clarks.tmall.com", "/search.htm", "text/html; charset=utf-8", []byte(page))
	s, _ := newShopper(t, nil).scan("https://clarks.tmall.com/")
	if len(s.Products) != 1 {
		t.Fatalf("products = %s, verdict %s %s", ids(s.Products), s.Verdict, s.Reason)
	}
	p := s.Products[0]
	want := tracker.Product{
		ID: "44255717233", Title: "clarks正装女鞋Shola Curtain 简洁大方 职业气质",
		URL:   "https://detail.tmall.com/item.htm?id=44255717233",
		Image: "https://img.alicdn.com/bao/uploaded/i4/TB1SUxEHXXXXXXxXVXXXXXXXXXX_!!0-item_pic.jpg",
		Price: tracker.Price{Kind: tracker.PriceExact, Low: 159900, Currency: "CNY"},
	}
	if p != want {
		t.Errorf("product = %+v, want %+v", p, want)
	}
}

// TestRealListOfJD reads a category page of JD whose bar with the number of
// products was cut out before it was saved, and two of its cards.
func TestRealListOfJD(t *testing.T) {
	const path = "/view_search-1034279-9107152-99-1-24-1.html"
	serve("mall.jd.com", path, "text/html; charset=utf-8", real(t, "jd_shop_category_2019-10_oppo_k_p1of1_EXCERPT.html"))
	t.Cleanup(func() { mall.Unhandle("mall.jd.com", path) })
	s, _ := newShopper(t, nil).scan("https://mall.jd.com" + path)
	if s.Verdict != tracker.Partial || !strings.Contains(s.Reason, "does not say how many products") {
		t.Errorf("verdict = %s (%s), want partial: the number of products is cut out", s.Verdict, s.Reason)
	}
	// The first card links to a variant, because the mouse was over it. The
	// header links to two products that are none of the list.
	if got, want := ids(s.Products), "47716923932 57129211043 49501523569 34182462559"; got != want {
		t.Fatalf("products = %s, want %s", got, want)
	}
	first := s.Products[0]
	if got := first.Price.String() + first.Price.Currency; got != "1499.00CNY" {
		t.Errorf("price = %s", got)
	}
	if want := "https://img10.360buyimg.com/n7/jfs/t1/76497/25/702/69599/5ceea034E19198c65/a883bd881602cbc1.jpg"; first.Image != want {
		t.Errorf("image = %s, want %s", first.Image, want)
	}
	if want := "https://item.jd.com/47716923932.html"; first.URL != want {
		t.Errorf("url = %s, want %s", first.URL, want)
	}
	if e := s.Evidence; e.Pages != 1 || e.Layout != "goods" || e.Stop != "last page" {
		t.Errorf("evidence = %+v", e)
	}
	for _, p := range s.Products {
		if p.Title == "" || p.Image == "" || !p.Price.Known() {
			t.Errorf("product %+v lacks something", p)
		}
	}
}
