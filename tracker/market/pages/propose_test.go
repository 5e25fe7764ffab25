package pages_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	simulated "shopwatch/fixtures/markets/pages"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/pages"
)

func address(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// best is the first proposal for a page.
func best(t testing.TB, page, at string, transport market.Transport) pages.Proposal {
	t.Helper()
	all := pages.Propose([]byte(page), address(t, at), transport)
	if len(all) == 0 {
		t.Fatalf("nothing is proposed for\n%.2000s", page)
	}
	return all[0]
}

func tell(t testing.TB, p pages.Proposal) string {
	t.Helper()
	b, err := json.Marshal(p.Options)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What is proposed for a simulated storefront must list what it lists, under
// numbers that stay.
func TestProposalsForSimulatedStorefronts(t *testing.T) {
	for _, style := range []simulated.Style{
		{Layout: simulated.Links, Size: 6},
		{Layout: simulated.Links, Size: 6, Slugs: true},
		{Layout: simulated.Params, Size: 6, Price: "EUR %s"},
		{Layout: simulated.Data, Size: 6},
	} {
		var ids []string
		for i := range 9 {
			ids = append(ids, style.ID(i))
		}
		shop := simulated.Open("lamps.example", ids, style)
		w := httptest.NewRecorder()
		shop.ServeHTTP(w, httptest.NewRequest(http.MethodGet, shop.URL(), nil))
		p := best(t, w.Body.String(), shop.URL(), market.OverHTTP)
		if p.Rows != 6 || len(p.Products) != 5 {
			t.Errorf("%s: %d rows, want 6\n%s", style.Layout, p.Rows, tell(t, p))
		}
		for i, product := range p.Products {
			if !strings.HasPrefix(product.Title, fmt.Sprintf("Product %d", i)) || product.Price.String() != "19.90" || product.Price.Currency != "EUR" || product.Image == "" || string(product.ID) != ids[i] {
				t.Errorf("%s: product %d is %+v, want %s\n%s", style.Layout, i, product, ids[i], tell(t, p))
			}
		}
		l := p.Options.List
		if style.Layout != simulated.Params && l.Next.Link == "" || l.Total.CSS == "" {
			t.Errorf("%s: next %+v, total %+v", style.Layout, l.Next, l.Total)
		}
	}
}

func TestProposals(t *testing.T) {
	repeat := func(n int, form string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.NewReplacer("#", fmt.Sprint(1000+i), "~", string(rune('A'+i))).Replace(form))
		}
		return b.String()
	}
	menu := `<nav><ul>` + repeat(12, `<li class="entry"><a href="/category/#">Category ~</a></li>`) + `</ul></nav>`
	for _, c := range []struct {
		name, page string
		transport  market.Transport
		rows       int
		title, id  string // of the first product
		price      string
		options    []string // parts of the options
	}{
		{"a grid in lines of three", menu + `<div class="row">` + repeat(3, `<div class="col-4"><div class="product-tile"><a href="/lamp-~-#.html"><img src="/#.jpg"></a><h3 class="name"><a href="/lamp-~-#.html">Lamp ~</a></h3><span class="price">$5.00 USD</span></div></div>`) + `</div><div class="row">` +
			repeat(3, `<div class="col-4"><div class="product-tile"><a href="/spot-~-9#.html"><img src="/#.jpg"></a><h3 class="name"><a href="/spot-~-9#.html">Spot ~</a></h3><span class="price">$6.00 USD</span></div></div>`) + `</div>`,
			market.OverHTTP, 6, "Lamp A", "1000", "5.00 USD", []string{`"row":".product-tile"`}},
		{"a shop of WordPress", menu + `<main><p class="result-count">Showing 1–4 of 44 results</p><ul class="products columns-4">` + repeat(4, `<li class="product type-product post-# instock"><a href="/product/lamp-~/"><img src="/#.jpg"><h2 class="woocommerce-loop-product__title">Lamp ~</h2><span class="price"><del><span class="amount">€9.00</span></del> <ins><span class="amount">€7.00</span></ins></span></a><a href="?add-to-cart=#" class="button">Add to cart</a></li>`) +
			`</ul><nav class="pagination"><a class="next page-numbers" href="/shop/page/2/">→</a></nav></main>`, market.OverHTTP, 4, "Lamp A", "/product/lamp-A", "", []string{`"link":"a.next"`, `"within":"main"`, `"css":".result-count"`}},
		{"a table", menu + `<table id="list"><tr class="head"><th>Name</th><th>Price</th></tr>` + repeat(5, `<tr><td><a href="/item?id=#&sid=77">Lamp ~</a></td><td class="cost">1.299,00 €</td></tr>`) + `</table>`, market.OverHTTP, 5, "Lamp A", "1000", "1299.00 EUR", []string{`"keep":["id"]`}},
		{"elements without names", menu + `<section><div>` + repeat(4, `<div><a href="/p/#"><img src="/#.png"></a><p>Lamp ~</p><p>12.50 EUR</p></div>`) + `</div></section>`, market.OverHTTP, 4, "Lamp A", "1000", "", nil},
		{"a button that loads more", menu + `<main>` + repeat(4, `<article class="card" data-sku="s#"><a href="/p/#"><h4>Lamp ~</h4></a><b class="price">€ 3,00</b></article>`) + `<button class="load">Load more</button></main>`, market.InTab, 4, "Lamp A", "s1000", "3.00 EUR", []string{`"button":".load"`, `"attr":"data-sku"`}},
		{"nothing but data", `<script type="application/ld+json">{"@type":"ItemList","itemListElement":[` + strings.TrimSuffix(repeat(4, `{"@type":"Product","name":"Lamp ~","url":"/p/#","offers":{"price":"4.00","priceCurrency":"EUR"}},`), ",") + `]}</script>`, market.OverHTTP, 4, "Lamp A", "1000", "4.00 EUR", []string{`"data":"jsonld"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := best(t, `<!DOCTYPE html><html lang="en"><body>`+c.page+`</body></html>`, "https://shop.example/list", c.transport)
			first := p.Products[0]
			if p.Rows != c.rows || first.Title != c.title || string(first.ID) != c.id || c.price != "" && first.Price.String()+" "+first.Price.Currency != c.price {
				t.Errorf("%d rows, first %+v\n%s", p.Rows, first, tell(t, p))
			}
			for _, want := range c.options {
				if !strings.Contains(tell(t, p), want) {
					t.Errorf("options %s, want %s", tell(t, p), want)
				}
			}
		})
	}
	for name, page := range map[string]string{"a menu": menu, "articles without links": repeat(9, `<article class="news">News ~</article>`), "a menu without a name": strings.NewReplacer("nav", "div", "entry", "e").Replace(menu), "nothing": ""} {
		if all := pages.Propose([]byte(page), address(t, site), market.OverHTTP); len(all) > 0 {
			t.Errorf("%s: %s", name, tell(t, all[0]))
		}
	}
}

func FuzzPropose(f *testing.F) {
	f.Add(page(row("1", "A", "9 €") + row("2", "B", "8 €") + row("3", "C", "7 €") + `<p class="n">3 items</p><a rel=next href="?page=2">next</a>`))
	f.Add(`<div class="a b c"><div><a href=1>x</a></div><div><a href=2>yyy</a></div><div><a href=3>zzz</a></div></div>`)
	f.Fuzz(func(t *testing.T, page string) {
		for _, transport := range []market.Transport{market.InTab, market.OverHTTP} {
			for _, p := range pages.Propose([]byte(page), address(t, site), transport) {
				if p.Rows < len(p.Products) || len(p.Products) == 0 {
					t.Errorf("%d rows, %d products", p.Rows, len(p.Products))
				}
			}
		}
	})
}
