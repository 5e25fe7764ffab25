package try

import (
	"encoding/json"
	"os"
	"testing"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/market/pages"
)

// What is printed for the configuration must be read there as it was tried.
func TestLinesAreReadAsTheyWereTried(t *testing.T) {
	m, err := all.Markets().ByName("pages")
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]pages.List{
		"short forms": {Row: ".card", Title: pages.Field{CSS: "h3"}, Price: pages.Price{CSS: ".price"}, Next: pages.Next{None: true}},
		"long forms": {
			Transport: "http", Row: "#list > .card", Within: "main", Stop: ".x .y", ID: pages.ID{Link: `[?&]id=([\w-]+)`}, Keep: []string{"id", "no"},
			Title: pages.Field{CSS: "a", Attr: pages.Names{"title", "data-name"}}, Price: pages.Price{CSS: ".p", Locale: "de-CH", Currency: "CHF"},
			Next: pages.Next{Param: "page", Step: 24, End: pages.Sign{Text: "true"}}, Empty: pages.Sign{CSS: ".none", Text: `no "lamps": found, 什么都没有 \ # {x}`}, MaxPages: 7,
		},
		"a sitemap":        {Row: "li", ID: pages.ID{Attr: "data-id"}, Next: pages.Next{Link: "a[rel~=next]", End: pages.Sign{CSS: ".e"}}, Total: pages.Total{Sitemap: "true", Product: "/p/"}},
		"a sitemap's file": {Row: "*", ID: pages.ID{Attr: "id"}, Next: pages.Next{Button: "[data-x='a: b']"}, Total: pages.Total{Sitemap: "/s.xml?a=1&b=2", Product: "^~ |%@"}},
		"data":             {Data: "jsonld", Next: pages.Next{None: true}},
	} {
		o := &pages.Options{List: list, Robots: market.ObeyRobots}
		want, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		text := lines(&Result{URL: "https://www.shop.example/a?b=c#d", Marketplace: m.Name, way: market.Way{Options: o}, m: m}, false)
		c, err := config.Parse("shopwatch.yaml", []byte(text), os.LookupEnv, all.Markets())
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
			continue
		}
		if got := c.Storefronts[0].Storefront; got.Options != string(want) || got.URL != "https://www.shop.example/a?b=c#d" || got.Name != "shop" {
			t.Errorf("%s: %s %s is read as %s\nwant %s\n%s", name, got.Name, got.URL, got.Options, want, text)
		}
	}
}
