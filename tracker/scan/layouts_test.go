package scan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/scan"
)

// TestLayouts reads the same catalog in every layout and variant of one.
func TestLayouts(t *testing.T) {
	short(t)
	variants := []struct {
		name   string
		layout fixtures.Layout
		change func(*fixtures.Shop)
		hidden bool // prices cannot be read
	}{
		{"classic", fixtures.Classic, func(d *fixtures.Shop) {}, false},
		{"classic, rows of 4", fixtures.Classic, func(d *fixtures.Shop) { d.PerRow, d.PageSize = 4, 8 }, false},
		{"classic, list view", fixtures.Classic, func(d *fixtures.Shop) { d.ListView = true }, false},
		{"classic, an object round the string", fixtures.Classic, func(d *fixtures.Shop) { d.Objects = true }, false},
		{"classic, no thumbs", fixtures.Classic, func(d *fixtures.Shop) { d.NoThumbs = true }, false},
		{"classic, no header before the recommended", fixtures.Classic, func(d *fixtures.Shop) { d.NoCombo = true }, false},
		{"classic, nothing recommended", fixtures.Classic, func(d *fixtures.Shop) { d.Recommended = -1 }, false},
		{"classic, prices in glyphs", fixtures.Classic, func(d *fixtures.Shop) { d.GlyphText = true }, false},
		{"classic, slow", fixtures.Classic, func(d *fixtures.Shop) { d.Delay = 700 * time.Millisecond }, false},
		{"classic, a list that comes with the document", fixtures.Classic, func(d *fixtures.Shop) { d.Embedded = true }, false},
		{"cshop", fixtures.CShop, func(d *fixtures.Shop) {}, false},
		{"cshop, a list that comes with the document", fixtures.CShop, func(d *fixtures.Shop) { d.Embedded = true }, false},
		{"react", fixtures.React, func(d *fixtures.Shop) {}, false},
		{"react, JSONP", fixtures.React, func(d *fixtures.Shop) { d.JSONP = true }, false},
		{"react, numbers as such", fixtures.React, func(d *fixtures.Shop) { d.Numbers = true }, false},
		{"react, prices as tokens", fixtures.React, func(d *fixtures.Shop) { d.Encoded = true }, true},
		{"react, slow", fixtures.React, func(d *fixtures.Shop) { d.Delay = 700 * time.Millisecond }, false},
	}
	for i, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			d := fixtures.Shop{Host: fmt.Sprintf("variant%d.tmall.com", i), Title: "花样店", Layout: v.layout, PageSize: 6, PerRow: 3, Delay: -1}
			if v.layout == fixtures.CShop {
				d.Host = fmt.Sprintf("variant%d.taobao.com", i)
			}
			var want []string
			for k := range 20 {
				id := fmt.Sprint(910000000000 + i*1000 + k)
				want = append(want, id)
				d.Products = append(d.Products, product(id, fmt.Sprintf("产品 %d 号", k)))
			}
			v.change(&d)
			shop := mall.Open(d)
			s, _ := newShopper(t, nil).scan(shop.URL())
			if s.Verdict != tracker.Complete || s.Evidence.Layout != string(v.layout) {
				t.Fatalf("%s (%s), %+v", s.Verdict, s.Reason, s.Evidence)
			}
			if len(s.Products) != len(want) {
				t.Fatalf("saw %d products, want %d", len(s.Products), len(want))
			}
			all := ids(s.Products)
			for _, id := range want {
				if !strings.Contains(all, id) {
					t.Errorf("did not see %s", id)
				}
			}
			for _, p := range s.Products {
				price := "99.00"
				if v.hidden {
					price = ""
				}
				if !strings.HasPrefix(p.Title, "产品 ") || p.Price.String() != price || p.Image == "" || !strings.HasSuffix(p.URL, "?id="+string(p.ID)) {
					t.Errorf("product = %+v", p)
				}
			}
			if e := s.Evidence; e.Shop.ID == "" || e.Shop.Name != "花样店" || v.layout != fixtures.Classic && e.Declared.Products != 20 {
				t.Errorf("evidence = %+v", e)
			}
		})
	}
}

// TestTmallGlobal reads the shops of Tmall Global, whose products have pages of
// their own and numbers of the same row.
func TestTmallGlobal(t *testing.T) {
	short(t)
	for i, layout := range []fixtures.Layout{fixtures.Classic, fixtures.React} {
		d := fixtures.Shop{Host: fmt.Sprintf("abroad%d.tmall.hk", i), Title: "海外旗舰店", Layout: layout, PageSize: 6, PerRow: 3, Delay: -1}
		id := func(k int) string { return fmt.Sprint(940000000000 + i*100 + k) }
		for k := range 8 {
			d.Products = append(d.Products, product(id(k), "产品"))
		}
		d.Products[7].Path = "/item.htm" // the older link
		shop := mall.Open(d)
		sh := newShopper(t, nil)
		s, _ := sh.scan(shop.URL())
		if s.Verdict != tracker.Complete || len(s.Products) != 8 || s.Evidence.Layout != string(layout) {
			t.Fatalf("%s: %s (%s), %+v", layout, s.Verdict, s.Reason, s.Evidence)
		}
		for _, p := range s.Products {
			want := "https://detail.tmall.hk/hk/item.htm?id=" + string(p.ID)
			if string(p.ID) == id(7) {
				want = "https://detail.tmall.hk/item.htm?id=" + string(p.ID)
			}
			if p.URL != want {
				t.Errorf("%s: url = %s, want %s", layout, p.URL, want)
			}
		}
		shop.Take(id(3), fixtures.Gone)
		shop.Take(id(4), fixtures.OffShelf)
		if _, changes := sh.scan(shop.URL()); len(changes) != 2 || !strings.Contains(tell(changes), "removed "+id(3)) || !strings.Contains(tell(changes), "removed "+id(4)) {
			t.Errorf("%s: changes %q, want two removals", layout, tell(changes))
		}
		shop.Set(func(d *fixtures.Shop) { d.NeedsLogin = true })
		if s, _ := sh.scan(shop.URL()); s.Verdict != tracker.Login || !strings.Contains(s.Reason, "Tmall Global asks for a login") {
			t.Errorf("%s: %s (%s), want login", layout, s.Verdict, s.Reason)
		}
	}
}

func TestCategoryIsAStorefrontOfItsOwn(t *testing.T) {
	short(t)
	shop := openShop(t, "sorted.tmall.com", 10)
	for _, id := range []string{"600000000002", "600000000005"} {
		shop.Update(id, func(p *fixtures.Product) { p.Categories = []string{"1504836859"} })
	}
	s, _ := newShopper(t, nil).scan("https://sorted.tmall.com/category-1504836859.htm")
	if s.Verdict != tracker.Complete || len(s.Products) != 2 {
		t.Errorf("%s (%s): %s", s.Verdict, s.Reason, ids(s.Products))
	}
}

func TestShopOfANumberIsRead(t *testing.T) {
	short(t)
	d := fixtures.Shop{Host: "numbered.taobao.com", ShopID: "104736810", Title: "小店", Layout: fixtures.CShop, PageSize: 6, PerRow: 3}
	for k := range 8 {
		d.Products = append(d.Products, product(fmt.Sprint(920000000000+k), "产品"))
	}
	mall.Open(d)
	s, _ := newShopper(t, nil).scan("https://shop104736810.taobao.com/")
	if s.Verdict != tracker.Complete || len(s.Products) != 8 || s.Evidence.Layout != "cshop" {
		t.Errorf("%s (%s): %+v", s.Verdict, s.Reason, s.Evidence)
	}
}

func TestEmptyShopIsCompleteAfterASecondLook(t *testing.T) {
	short(t)
	for i, layout := range fixtures.Layouts {
		host := fmt.Sprintf("empty%d.tmall.com", i)
		if layout == fixtures.CShop {
			host = "empty.taobao.com"
		}
		mall.Forget()
		shop := mall.Open(fixtures.Shop{Host: host, Title: "空店", Layout: layout})
		s, _ := newShopper(t, nil).scan(shop.URL())
		if s.Verdict != tracker.Complete || len(s.Products) != 0 || s.Evidence.Stop != "no products" {
			t.Errorf("%s: %s (%s), %+v", layout, s.Verdict, s.Reason, s.Evidence)
		}
		lists := 0
		for _, r := range mall.Requests() {
			if r.Kind == "list" {
				lists++
			}
		}
		if lists < 2 {
			t.Errorf("%s: %d looks, want two", layout, lists)
		}
	}
}

func TestLoginOpensTheList(t *testing.T) {
	short(t)
	d := fixtures.Shop{Host: "private.tmall.com", Title: "私家店", NeedsLogin: true, Products: []fixtures.Product{product("930000000001", "产品")}}
	shop := mall.Open(d)
	sh := newShopper(t, nil)
	if s, _ := sh.scan(shop.URL()); s.Verdict != tracker.Login || !strings.Contains(s.Reason, "shopwatch login tmall") {
		t.Errorf("%s (%s), want login", s.Verdict, s.Reason)
	}
}

func TestPageThatIsNeverReadyEndsInTime(t *testing.T) {
	short(t)
	shop := openShop(t, "stuck.tmall.com", 3)
	shop.Fault(fixtures.Fault{Name: "list never", Delay: time.Hour})
	sh := newShopper(t, func(o *scan.Options) { o.PageTimeout, o.Retries = 2*time.Second, -1 })
	began := time.Now()
	s, _ := sh.scan(shop.URL())
	if s.Verdict != tracker.Failed || s.Reason == "" || time.Since(began) > time.Minute {
		t.Errorf("%s (%s) after %s", s.Verdict, s.Reason, time.Since(began))
	}
}

func TestChromeThatDiesIsAFailedScanOrANewTry(t *testing.T) {
	short(t)
	shop := openShop(t, "dying.tmall.com", 20)
	for i := range 3 {
		sh := newShopper(t, nil)
		sh.kill = i + 1 // after so many pages
		s, _ := sh.scan(shop.URL())
		if s.Verdict != tracker.Complete || len(s.Products) != 20 || s.Evidence.Retries == 0 && i < 2 {
			t.Errorf("killed after page %d: %s (%s) with %d products, %+v", i+1, s.Verdict, s.Reason, len(s.Products), s.Evidence)
		}
	}
}
