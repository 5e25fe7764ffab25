package scan_test

import (
	"testing"

	"shopwatch/fixtures"
	"shopwatch/fixtures/markets"
	"shopwatch/tracker"
)

// Of a sentence that is too long for a line that can be read in a report, the
// words that decide are shown.
func TestLongSentenceIsShownInPart(t *testing.T) {
	short(t)
	d := fixtures.Shop{Host: "long-sentence.tmall.com", Title: "测试旗舰店", Notice: "请您核对商品编号，或者到本店的其他页面看看"}
	d.Products = append(d.Products, product("670000000001", "产品 1"), product("670000000002", "产品 2"))
	shop := mall.Open(d)
	sh := newShopper(t, nil)
	sh.cut = true
	sh.scan(shop.URL())
	shop.Take("670000000001", fixtures.GoneText)
	s, _ := sh.scan(shop.URL())
	// Thirteen characters of 24 pixels, at twice their size, with a margin.
	if w := sh.showsWords(&s.Probes[0]).X; w < 2*13*24 || w > 2*16*24 {
		t.Errorf("the picture is %d pixels wide: %q", w, s.Probes[0].Says)
	}
}

// A website that is read by selectors in a browser has its words shown too.
func TestWordsOfAnyWebsiteAreShown(t *testing.T) {
	short(t)
	m := simulated["pages-button"]
	shop := m.open("words.example", []string{m.id(0), m.id(1)})
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	sh := httpShopperBy(t, mall.Flags())
	sh.scanShop("pages", shop)
	shop.Delete(m.id(1))
	s, _ := sh.scanShop("pages", shop)
	if len(s.Probes) != 1 || s.Probes[0].State != tracker.PageGone {
		t.Fatalf("%s (%s): %+v", s.Verdict, s.Reason, s.Probes)
	}
	sh.showsWords(&s.Probes[0])
}
