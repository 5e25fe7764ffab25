package schemaorg_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"shopwatch/tracker/market/schemaorg"
)

var base = &url.URL{Scheme: "https", Host: "shop.example", Path: "/sale/"}

func parse(t testing.TB, page string) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// jsonLD reads blocks of a page.
func jsonLD(t testing.TB, blocks ...string) schemaorg.Data {
	t.Helper()
	page := "<body>"
	for _, b := range blocks {
		page += `<script type="application/ld+json">` + b + "</script>"
	}
	return schemaorg.JSONLD(parse(t, page), base)
}

// tell says products in few words: "A1 Lamp https://… 9.90 EUR available".
func tell(ps []schemaorg.Product) string {
	var lines []string
	for _, p := range ps {
		price := p.Price.Low
		if p.Price.From() {
			price += "+"
		} else if p.Price.High != "" {
			price += "-" + p.Price.High
		}
		stock := []string{"", "available", "sold out", "discontinued"}[p.Stock]
		lines = append(lines, strings.Join(strings.Fields(strings.Join([]string{p.ID, p.Name, p.URL, p.Image, price, p.Price.Currency, stock}, " ")), " "))
	}
	return strings.Join(lines, "\n")
}

func TestProducts(t *testing.T) {
	for _, tt := range []struct{ name, block, want string }{
		{"a product", `{"@context":"https://schema.org","@type":"Product","sku":"A1","name":"Lamp","url":"/p/1","image":["/1.jpg","/2.jpg"],
			"offers":{"@type":"Offer","price":"9.90","priceCurrency":"EUR","availability":"https://schema.org/InStock"}}`,
			"A1 Lamp https://shop.example/p/1 https://shop.example/1.jpg 9.90 EUR available"},
		{"a price that is a number", `{"@type":"Product","name":"Lamp","offers":{"price":84,"priceCurrency":"INR"}}`, "Lamp 84 INR"},
		{"a price with a comma", `{"@type":"Product","name":"Lamp","offers":{"price":"12,99","priceCurrency":"EUR"}}`, "Lamp 12.99 EUR"},
		{"a price of nothing is on request", `{"@type":"Product","name":"Lamp","offers":{"price":0,"priceCurrency":"EUR"}}`, "Lamp EUR"},
		{"a price in words", `{"@type":"Product","name":"Lamp","offers":{"price":"call us","priceCurrency":"EUR"}}`, "Lamp EUR"},
		{"a price beyond all bounds", `{"@type":"Product","name":"Lamp","offers":{"price":1e400,"priceCurrency":"EUR"}}`, "Lamp EUR"},
		{"several types", `{"@type":["Thing","http://schema.org/Product"],"name":"Lamp"}`, "Lamp"},
		{"other cases of names", `{"@Type":"product","NAME":"Lamp","URL":"/p/1","Offers":{"Price":"1.00","pricecurrency":"eur"}}`, "Lamp https://shop.example/p/1 1.00 EUR"},
		{"a graph", `{"@context":"https://schema.org/","@graph":[{"@type":"WebSite","name":"Shop"},{"@type":"Product","name":"Lamp","@id":"https://shop.example/p/1"}]}`, "Lamp https://shop.example/p/1"},
		{"an array in an array", `[[{"@type":"Product","name":"Lamp"}]]`, "Lamp"},
		{"the name of a fragment is no address", `{"@type":"Product","name":"Lamp","@id":"https://shop.example/p/1#product"}`, "Lamp"},
		{"several offers", `{"@type":"Product","name":"Lamp","offers":[{"price":"12.00","priceCurrency":"EUR","availability":"SoldOut"},{"price":"9.50","priceCurrency":"EUR","availability":"in stock"}]}`, "Lamp 9.50-12.00 EUR available"},
		{"all sold out", `{"@type":"Product","name":"Lamp","offers":[{"price":"12.00","priceCurrency":"EUR","availability":"SoldOut"},{"price":"12","priceCurrency":"EUR","availability":"http://schema.org/OutOfStock"}]}`, "Lamp 12.00 EUR sold out"},
		{"one that does not say", `{"@type":"Product","name":"Lamp","offers":[{"price":"12.00","priceCurrency":"EUR","availability":"SoldOut"},{"price":"12","priceCurrency":"EUR"}]}`, "Lamp 12.00 EUR"},
		{"discontinued", `{"@type":"Product","name":"Lamp","offers":{"price":"12.00","priceCurrency":"EUR","availability":"schema:Discontinued"}}`, "Lamp 12.00 EUR discontinued"},
		{"two currencies", `{"@type":"Product","name":"Lamp","offers":[{"price":"12.00","priceCurrency":"EUR"},{"price":"13.00","priceCurrency":"USD"}]}`, "Lamp"},
		{"a sum", `{"@type":"Product","name":"Lamp","offers":{"@type":"AggregateOffer","lowPrice":"9.50","highPrice":"12.00","priceCurrency":"EUR","offers":[{"price":"9.50","availability":"SoldOut"},{"price":"11.00","availability":"InStock"}]}}`, "Lamp 9.50-12.00 EUR available"},
		{"a sum without a highest", `{"@type":"Product","name":"Lamp","offers":{"@type":"AggregateOffer","lowPrice":9,"priceCurrency":"EUR","offerCount":5}}`, "Lamp 9+ EUR"},
		{"a sum of nothing", `{"@type":"Product","name":"Lamp","offers":{"@type":"AggregateOffer","lowPrice":0,"highPrice":99,"priceCurrency":"EUR"}}`, "Lamp EUR"},
		{"a price as a specification", `{"@type":"Product","name":"Lamp","offers":{"@type":"Offer","priceSpecification":[{"price":"7.00","priceCurrency":"EUR"},{"price":"6.00","priceCurrency":"EUR"}]}}`, "Lamp 7.00 EUR"},
		{"variants", `{"@type":"ProductGroup","productGroupID":"G","name":"Lamp","hasVariant":[{"@type":"Product","name":"red","offers":{"price":"5.00","priceCurrency":"EUR"}},{"@type":"Product","name":"blue","offers":{"price":"6.00","priceCurrency":"EUR"}}]}`, "G Lamp 5.00-6.00 EUR"},
		{"a picture that is a thing", `{"@type":"Product","name":"Lamp","image":{"@type":"ImageObject","url":"//cdn.example/1.jpg"}}`, "Lamp https://cdn.example/1.jpg"},
		{"entities in a name", `{"@type":"Product","name":"Salt &amp; Pepper"}`, "Salt & Pepper"},
		{"what is related is not the product's", `{"@type":"Product","name":"Lamp","isRelatedTo":{"@type":"Product","name":"Bulb"},"isSimilarTo":[{"@type":"Product","name":"Torch"}]}`, "Lamp"},
		{"the main thing of a page", `{"@type":"ItemPage","mainEntity":{"@type":"Product","name":"Lamp"}}`, "Lamp"},
		{"an address of no web page", `{"@type":"Product","name":"Lamp","url":"javascript:alert(1)","image":"data:image/png;base64,AAAA"}`, "Lamp"},
		{"a trail is no list of products", `{"@type":"BreadcrumbList","itemListElement":[{"@type":"ListItem","item":{"@type":"Product","name":"Lamp"}}]}`, ""},
		{"other things", `{"@type":"Organization","name":"Shop"}`, ""},
		{"nothing", `null`, ""},
	} {
		d := jsonLD(t, tt.block)
		if got := tell(d.Products); got != tt.want || len(d.Broken) > 0 || len(d.Lists) > 0 {
			t.Errorf("%s: %q, broken %v, lists %v; want %q", tt.name, got, d.Broken, d.Lists, tt.want)
		}
	}
}

func TestLists(t *testing.T) {
	for _, tt := range []struct {
		name, block string
		typed       bool
		stated      int
		want        string
	}{
		{"addresses only", `{"@type":"ItemList","numberOfItems":2,"itemListElement":[{"@type":"ListItem","position":1,"url":"/p/1"},{"@type":"ListItem","position":2,"url":"/p/2"}]}`, false, 2,
			"https://shop.example/p/1\nhttps://shop.example/p/2"},
		{"products within entries", `{"@type":"ItemList","itemListElement":[{"@type":"ListItem","item":{"@type":"Product","name":"Lamp","url":"/p/1"}},{"@type":"ListItem","url":"/p/2","item":{"@type":"Product","name":"Bulb"}}]}`, true, 0,
			"Lamp https://shop.example/p/1\nBulb https://shop.example/p/2"},
		{"bare products", `{"@type":"ItemList","numberOfItems":"40","itemListElement":[{"@type":"Product","name":"Lamp","url":"/p/1"}]}`, true, 40, "Lamp https://shop.example/p/1"},
		{"names of things", `{"@type":"ItemList","itemListElement":[{"@type":"ListItem","name":"Lamp","item":{"@id":"https://shop.example/p/1"}},{"item":"https://shop.example/p/2"}]}`, false, 0,
			"Lamp https://shop.example/p/1\nhttps://shop.example/p/2"},
		{"of a page", `{"@type":"CollectionPage","mainEntity":{"@type":"ItemList","itemListElement":[{"@type":"Product","name":"Lamp"}]}}`, true, 0, "Lamp"},
		{"an offer catalogue", `{"@type":"OfferCatalog","itemListElement":[{"@type":"Offer","itemOffered":{"@type":"Product","name":"Lamp"}}]}`, true, 0, "Lamp"},
		{"a catalogue of catalogues", `{"@type":"OfferCatalog","itemListElement":[{"@type":"OfferCatalog","itemListElement":[{"@type":"Product","name":"Lamp"}]}]}`, true, 0, "Lamp"},
		{"one that is no product", `{"@type":"ItemList","itemListElement":[{"@type":"Product","name":"Lamp"},{"@type":"ListItem","url":"/news"}]}`, false, 0, "Lamp\nhttps://shop.example/news"},
	} {
		d := jsonLD(t, tt.block)
		if len(d.Lists) != 1 || len(d.Products) > 0 {
			t.Errorf("%s: lists %+v, products %+v, want one list", tt.name, d.Lists, d.Products)
			continue
		}
		if l := d.Lists[0]; l.Typed != tt.typed || l.Stated != tt.stated || tell(l.Products) != tt.want {
			t.Errorf("%s: typed %v, stated %d, %q; want %v, %d, %q", tt.name, l.Typed, l.Stated, tell(l.Products), tt.typed, tt.stated, tt.want)
		}
	}
}

func TestBrokenBlocks(t *testing.T) {
	product := func(name string) string { return `{"@type":"Product","name":"` + name + `"}` }
	for _, tt := range []struct {
		name, block, want string
	}{
		{"a line break in a string", "{\"@type\":\"Product\",\"name\":\"La\nmp\"}", "La mp"},
		{"a tab and a bell in a string", "{\"@type\":\"Product\",\"name\":\"La\tmp\a\"}", "La mp\a"},
		{"a comma too many", `{"@type":"Product","name":"Lamp" , }`, "Lamp"},
		{"a comma too many in a list", `[{"@type":"Product","name":"Lamp"},]`, "Lamp"},
		{"comments", "// the product\n{\"@type\":\"Product\", /* its\nname */ \"name\":\"Lamp\"}", "Lamp"},
		{"a comment of HTML", "<!-- {\"@type\":\"Product\",\"name\":\"Lamp\"} -->", "Lamp"},
		{"a comment hides a comment", "//<!--\n{\"@type\":\"Product\",\"name\":\"Lamp\"}\n//-->", "Lamp"},
		{"marks of comments in strings", `{"@type":"Product","name":"a // b /* c */","x":1,}`, "a // b /* c */"},
		{"quotes in strings", `{"@type":"Product","name":"12\" lamp",}`, `12" lamp`},
		{"a byte order mark", "\ufeff{\"@type\":\"Product\",\"name\":\"Lamp\"}", "Lamp"},
	} {
		d := jsonLD(t, tt.block, product("Other"))
		if got := tell(d.Products); got != tt.want+"\nOther" || len(d.Broken) > 0 {
			t.Errorf("%s: %q, broken %v; want %q", tt.name, got, d.Broken, tt.want)
		}
	}
	for name, block := range map[string]string{
		"cut off": `{"@type":"Product","name":"La`, "words": `see below`, "two values": product("a") + product("b"), "empty": " ", "a bare word": `{name: "Lamp"}`,
	} {
		d := jsonLD(t, product("One"), block, product("Other"))
		if got := tell(d.Products); got != "One\nOther" || len(d.Broken) != 1 || !strings.HasPrefix(d.Broken[0], "JSON-LD block 2: ") {
			t.Errorf("%s: %q, broken %v; want the others, and a word of block 2", name, got, d.Broken)
		}
	}
}

func TestWhichScriptsAreBlocks(t *testing.T) {
	page := `<head><script type=" Application/LD+JSON ; charset=utf-8">{"@type":"Product","name":"a"}</script></head>
		<script>{"@type":"Product","name":"b"}</script><script type="application/json">{"@type":"Product","name":"c"}</script>
		<template><script type="application/ld+json">{"@type":"Product","name":"d"}</script></template>`
	d := schemaorg.JSONLD(parse(t, page), base)
	if got := tell(d.Products); got != "a" && got != "a\nd" {
		t.Errorf("products = %q", got)
	}
}

func TestMicrodata(t *testing.T) {
	for _, tt := range []struct{ name, page, want string }{
		{"a product", `<div itemscope itemtype="https://schema.org/Product"><a itemprop=url href=/p/1><h2 itemprop=name> The  <b>Lamp</b></h2></a><img itemprop=image src=/1.jpg>
			<meta itemprop=sku content=A1><div itemprop=offers itemscope itemtype=http://schema.org/Offer><span itemprop=price content="9.90">9,90 €</span>
			<meta itemprop=priceCurrency content=EUR><link itemprop=availability href=http://schema.org/InStock /></div></div>`,
			"A1 The Lamp https://shop.example/p/1 https://shop.example/1.jpg 9.90 EUR available"},
		{"a price in its text", `<div itemscope itemtype="http://data-vocabulary.org/Product"><span itemprop=name>Lamp</span><div itemprop=offers itemscope><b itemprop=price>$ 9.90</b></div></div>`, "Lamp 9.90"},
		{"an availability without quotes", `<div itemscope itemtype=http://schema.org/Product><span itemprop=name>Lamp</span><div itemprop=offers itemscope itemtype=http://schema.org/Offer><meta itemprop=availability content=http://schema.org/OutOfStock /></div></div>`, "Lamp sold out"},
		{"two products", `<ul><li itemscope itemtype=https://schema.org/Product><b itemprop=name>a</b></li><li itemscope itemtype=https://schema.org/Product><b itemprop=name>b</b></li></ul>`, "a\nb"},
		{"what stands elsewhere", `<div itemscope itemtype=https://schema.org/Product itemref="x y"></div><p id=x itemprop=name>Lamp</p>`, "Lamp"},
		{"round and round", `<div id=a itemscope itemtype=https://schema.org/Product itemref=a><b itemprop=name>Lamp</b><div id=b itemprop=isRelatedTo itemscope itemref="a b"></div></div>`, "Lamp"},
		{"no product", `<div itemscope itemtype=https://schema.org/Person><b itemprop=name>Lamp</b></div>`, ""},
	} {
		d := schemaorg.Microdata(parse(t, tt.page), base)
		if got := tell(d.Products); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	d := schemaorg.Microdata(parse(t, `<div itemscope itemtype=https://schema.org/ItemList><meta itemprop=numberOfItems content=2>
		<div itemprop=itemListElement itemscope itemtype=https://schema.org/ListItem><a itemprop=url href=/p/1>one</a></div>
		<div itemprop=itemListElement itemscope itemtype=https://schema.org/Product><a itemprop=url href=/p/2><b itemprop=name>two</b></a></div></div>`), base)
	if len(d.Lists) != 1 || d.Lists[0].Stated != 2 || tell(d.Lists[0].Products) != "https://shop.example/p/1\ntwo https://shop.example/p/2" {
		t.Errorf("a list: %+v", d)
	}
}

func TestOwn(t *testing.T) {
	at := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	two := jsonLD(t, `[{"@type":"Product","name":"a","url":"/p/1"},{"@type":"Product","name":"b","url":"https://www.shop.example/p/2/"}]`)
	numbered := jsonLD(t, `[{"@type":"Product","name":"a","url":"/item?id=1"},{"@type":"Product","name":"b","url":"/item?id=2"}]`)
	bare := jsonLD(t, `{"@type":"Product","name":"a"}`)
	twoBare := jsonLD(t, `[{"@type":"Product","name":"a"},{"@type":"Product","name":"b"}]`)
	for _, tt := range []struct {
		name    string
		data    schemaorg.Data
		address []*url.URL
		want    string
	}{
		{"its address", two, []*url.URL{at("https://shop.example/p/2?ref=mail")}, "b"},
		{"another", two, []*url.URL{at("https://shop.example/p/3")}, ""},
		{"the second address", two, []*url.URL{at("https://shop.example/c/p/1"), nil, at("https://shop.example/p/1")}, "a"},
		{"what tells products apart", numbered, []*url.URL{at("https://shop.example/item?id=2")}, "b"},
		{"the only one", bare, []*url.URL{at("https://shop.example/p/3")}, "a"},
		{"two that do not say", twoBare, []*url.URL{at("https://shop.example/p/3")}, ""},
	} {
		got := ""
		if p := tt.data.Own(tt.address...); p != nil {
			got = p.Name
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAllHasEachOnce(t *testing.T) {
	d := jsonLD(t, `{"@type":"ItemList","itemListElement":[{"@type":"Product","name":"a","url":"/p/1"},{"@type":"Product","name":"b","url":"/p/2"}]}`,
		`{"@type":"ItemList","itemListElement":[{"url":"/news/1"}]}`, `[{"@type":"Product","name":"a","url":"/p/1"},{"@type":"Product","name":"c"}]`)
	if got := tell(d.All()); got != "a https://shop.example/p/1\nb https://shop.example/p/2\nc" {
		t.Errorf("all = %q", got)
	}
}

func TestDecimal(t *testing.T) {
	for in, want := range map[string]string{
		"84": "84", "84.5": "84.5", "12,99": "12.99", "1,299.00": "1299.00", "1,29,900.00": "129900.00", "1.299,00": "1299.00", " € 9.90 ": "9.90", "1,299": "1299", "1.299": "1.299",
		"": "", "-5": "", "1e5": "", "1.2.3": "", "5 EUR": "", "1,2,3": "", "9999999999999": "", "NaN": "", "１２": "",
	} {
		if got, ok := schemaorg.Decimal(in); got != want || ok != (want != "") {
			t.Errorf("Decimal(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
}

// real returns a saved real page, which stays outside of the project.
func real(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "real", name))
	if os.IsNotExist(err) {
		t.Skipf("no saved real page %s here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRealPageWithABrokenBlock(t *testing.T) {
	doc := parse(t, string(real(t, "jsonld_item_2026-07-03_orientbell_invalid_block_plus_product.html")))
	at := &url.URL{Scheme: "https", Host: "www.orientbell.com", Path: "/ohg-emperador-marble-strips-hl"}
	d := schemaorg.JSONLD(doc, at)
	if len(d.Products) != 1 {
		t.Fatalf("products = %q, broken %v, want one", tell(d.Products), d.Broken)
	}
	p := d.Products[0]
	if p.Price != (schemaorg.Price{Low: "84", Currency: "INR"}) || p.Stock != schemaorg.Unstated || !strings.Contains(p.Name, "Emperador") {
		t.Errorf("product = %+v, want INR 84 and no word of stock", p)
	}
	if own := d.Own(at); own == nil || own.Name != p.Name {
		t.Errorf("own = %+v, want the product of the page", own)
	}
	t.Logf("%s; broken %v", tell(d.Products), d.Broken)
}

func TestRealBlocks(t *testing.T) {
	var saved struct{ Blocks []json.RawMessage }
	if err := json.Unmarshal(real(t, "jsonld_blocks_2026-07-20_advancedcastle_3blocks.json"), &saved); err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, b := range saved.Blocks {
		blocks = append(blocks, string(b))
	}
	d := jsonLD(t, blocks...)
	if len(d.Products) != 1 || len(d.Lists) != 0 || len(d.Broken) != 0 {
		t.Fatalf("read %+v, want one product and nothing of the trail", d)
	}
	if p := d.Products[0]; p.Price != (schemaorg.Price{Low: "160.00", Currency: "SAR"}) || p.Stock != schemaorg.Available || p.ID != "a4ba0102-P6" {
		t.Errorf("product = %+v", p)
	}
}

func FuzzJSONLD(f *testing.F) {
	f.Add(`{"@type":"Product","name":"Lamp","offers":{"price":"9.90","priceCurrency":"EUR"}}`)
	f.Add(`{"@type":"ItemList","itemListElement":[{"@type":"ListItem","item":{"@type":"Product"}},{"url":"/p/1"}]}`)
	f.Add("// x\n{\"@graph\":[{\"@type\":[\"Product\"],\"name\":\"a\nb\",}]}")
	f.Add(strings.Repeat("[", 500))
	f.Fuzz(func(t *testing.T, block string) { check(t, jsonLD(t, block)) })
}

func FuzzMicrodata(f *testing.F) {
	f.Add(`<div itemscope itemtype=https://schema.org/Product itemref=x><b itemprop=name>Lamp</b></div><i id=x itemprop="offers price">1</i>`)
	f.Add(`<div id=a itemscope itemref="a a"><div itemprop=offers itemscope itemref=a></div></div>`)
	f.Fuzz(func(t *testing.T, page string) {
		doc, err := html.Parse(strings.NewReader(page))
		if err != nil {
			return // more levels than a page may have
		}
		check(t, schemaorg.Microdata(doc, base))
		check(t, schemaorg.JSONLD(doc, base))
	})
}

// check checks what holds for every page.
func check(t *testing.T, d schemaorg.Data) {
	t.Helper()
	for _, p := range d.All() {
		for _, a := range []string{p.URL, p.Image} {
			if a != "" && !strings.HasPrefix(a, "https://") && !strings.HasPrefix(a, "http://") {
				t.Errorf("%q is no address of the web", a)
			}
		}
		for _, n := range []string{p.Price.Low, p.Price.High} {
			if _, ok := schemaorg.Decimal(n); n != "" && !ok {
				t.Errorf("%q is no amount", n)
			}
		}
		if len(p.Name) > 3000 || len(p.ID) > 120 || p.Stock < 0 || p.Stock > schemaorg.Discontinued {
			t.Errorf("product = %s", fmt.Sprintf("%.200v", p))
		}
	}
}
