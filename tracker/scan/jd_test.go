package scan_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/jd"
	"shopwatch/tracker"
)

// jdShops numbers the storefronts of JD of these tests.
var jdShops atomic.Int64

// openJDShop opens a storefront of a JD of its own, with eight products.
func openJDShop(t *testing.T, change func(*jd.Config)) (shop *jd.Shop, site *jd.Site, id func(int) string) {
	t.Helper()
	short(t)
	n := int(jdShops.Add(1))
	id = func(i int) string { return fmt.Sprint(60_000_000_000 + n*10_000 + i*100) }
	var ids []string
	for i := range 8 {
		ids = append(ids, id(i))
	}
	site = jd.NewSite()
	shop = site.Open(fmt.Sprintf("reader%d.jd.com", n), ids)
	shop.Set(change)
	markets.Mount(mall, shop)
	t.Cleanup(func() { markets.Unmount(mall, shop) })
	return shop, site, id
}

// Every address of a storefront leads to the same products, in either template
// and whether a call brings the list or the document.
func TestJDLists(t *testing.T) {
	for _, c := range []struct {
		template jd.Template
		layout   string
		embedded bool
		address  func(*jd.Shop) string
	}{
		{jd.Goods, "goods", false, (*jd.Shop).IndexURL},
		{jd.Goods, "goods", true, (*jd.Shop).ListURL},
		{jd.Goods, "goods", false, (*jd.Shop).AdvancedURL},
		{jd.Goods, "goods", false, func(s *jd.Shop) string { return s.CategoryURL("9107152") }},
		{jd.Items, "items", false, (*jd.Shop).URL},
		{jd.Items, "items", true, func(s *jd.Shop) string { return s.CategoryURL("0") }},
	} {
		shop, _, id := openJDShop(t, func(d *jd.Config) { d.Template, d.Embedded = c.template, c.embedded })
		shop.Put(markets.Product{ID: id(0), Title: `<b>"夜" & 'Tag'</b> <img src=x onerror=alert(1)>`, Price: "1499.00", Variants: 30})
		shop.Put(markets.Product{ID: id(1), SoldOut: true})
		address := c.address(shop)
		s, _ := newShopper(t, nil).scan(address)
		e := s.Evidence
		if s.Verdict != tracker.Complete || e.Products != 8 || e.Declared.Products != 8 || e.Pages != 3 || e.Layout != c.layout || e.Shop.ID == "" {
			t.Errorf("%s: %s (%s), %+v", address, s.Verdict, s.Reason, e)
			continue
		}
		for _, p := range s.Products {
			if p.ID == tracker.ProductID(id(0)) && (p.Title != `<b>"夜" & 'Tag'</b> <img src=x onerror=alert(1)>` || p.Price.String() != "1499.00") {
				t.Errorf("%s: product = %+v", address, p)
			}
			if !p.Price.Known() || p.Image == "" || p.URL != "https://item.jd.com/"+string(p.ID)+".html" {
				t.Errorf("%s: product %+v lacks something", address, p)
			}
		}
	}
}

// Nothing that a page of JD says proves that a product is gone: complete lists
// do, and the proof says what its page said.
func TestJDRemovals(t *testing.T) {
	for name, home := range map[string]bool{"words": false, "front page": true} {
		shop, _, id := openJDShop(t, func(d *jd.Config) { d.GoneHome = home })
		sh := newShopper(t, nil)
		if s, _ := sh.scan(shop.URL()); s.Verdict != tracker.Complete {
			t.Fatalf("%s: %s (%s)", name, s.Verdict, s.Reason)
		}
		shop.Delete(id(3))
		shop.Unlist(id(5))
		var told []string
		for range 3 {
			s, changes := sh.scan(shop.URL())
			if s.Verdict != tracker.Complete || len(told) > 0 {
				t.Errorf("%s: %s (%s), told %q early", name, s.Verdict, s.Reason, told)
			}
			for _, p := range s.Probes {
				if p.State != tracker.PageUnknown && p.State != tracker.PageSold {
					t.Errorf("%s: the page of %s is said to be %s", name, p.Product, p.State)
				}
			}
			if text := tell(changes); text != "" {
				told = append(told, text)
			}
		}
		got := strings.Join(told, ", ")
		if strings.Count(got, "removed") != 2 || !strings.Contains(got, "removed "+id(3)+" unseen") || !strings.Contains(got, "removed "+id(5)+" unlisted") {
			t.Errorf("%s: told %q, want both removals with the third list", name, got)
		}
	}
}

// A shop without a number of products is read and never whole.
func TestJDWithoutTotal(t *testing.T) {
	shop, site, id := openJDShop(t, func(d *jd.Config) { d.NoTotal = true })
	sh := newShopper(t, nil)
	s, _ := sh.scan(shop.URL())
	if s.Verdict != tracker.Partial || len(s.Products) != 8 || !strings.Contains(s.Reason, "does not say how many products") {
		t.Errorf("%s (%s), %d products", s.Verdict, s.Reason, len(s.Products))
	}
	shop.Delete(id(1))
	site.RequireLogin(true)
	// Before a baseline the first wall is told at once, and nothing else.
	if s, changes := sh.scan(shop.URL()); s.Verdict != tracker.Login || len(changes) != 1 || changes[0].Kind != tracker.Stalled {
		t.Errorf("%s (%s), changes %q, want a login that is told of", s.Verdict, s.Reason, tell(changes))
	}
}
