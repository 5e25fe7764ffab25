package try_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/try"
	"shopwatch/fixtures"
	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/jd"
	"shopwatch/fixtures/markets/magento"
	"shopwatch/fixtures/markets/pages"
	"shopwatch/fixtures/markets/prestashop"
	"shopwatch/fixtures/markets/shopify"
	"shopwatch/fixtures/markets/woocommerce"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
)

var (
	mall   *fixtures.Mall
	chrome *browser.Browser
	client *fetch.Client
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	tmp, err := os.MkdirTemp("", "try-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(tmp)
	os.Setenv("TMPDIR", tmp) // of the profile
	if mall, err = fixtures.NewMall(); err != nil {
		panic(err)
	}
	defer mall.Close()
	way, err := fetch.FromFlags(mall.Flags())
	if err != nil {
		panic(err)
	}
	client = fetch.New(way)
	defer client.Close()
	chrome = browser.New(browser.Options{Flags: mall.Flags(), Resolver: mall.Resolver()})
	code = m.Run()
	if err := chrome.Close(); err != nil {
		println("close chrome:", err.Error())
		code = 1
	}
	return code
}

func attempt(t *testing.T, address string, change func(*try.Options)) *try.Finding {
	t.Helper()
	o := try.Options{Markets: all.Markets(), Browser: !testing.Short(), Pages: 30}
	if change != nil {
		change(&o)
	}
	o.Scanner = func(*market.Market) *scan.Scanner {
		return scan.New(scan.Options{Markets: o.Markets, Browser: chrome, HTTP: client, PageTimeout: 8 * time.Second, Retries: -1, Backoff: 20 * time.Millisecond, DailyPages: o.Pages})
	}
	f, err := try.Address(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// filled puts products on the shelf of a shop, and the shop into the mall.
func filled(t *testing.T, s markets.Shop, id func(int) string, n int) markets.Shop {
	t.Helper()
	for i := range n {
		s.Put(markets.Product{ID: id(i), Title: fmt.Sprintf("Product %d", i), Price: "9.90"})
	}
	markets.Mount(mall, s)
	t.Cleanup(func() { markets.Unmount(mall, s) })
	return s
}

// What is recommended must be in the configuration as it is printed, and read
// there what it has read here.
func TestSimulatedShops(t *testing.T) {
	website := func(host string, style pages.Style) markets.Shop {
		if style.Size == 0 {
			style.Size = 5
		}
		return filled(t, pages.Open(host, nil, style), style.ID, 12)
	}
	for _, c := range []struct {
		name, address string
		marketplace   string
		transport     string
		products      int
		proof         string
		inTab         bool
	}{
		{"Shopify", filled(t, shopify.Open("goods.shopify.example"), shopify.ID, 8).URL(), "shopify", "http", -8, "", false},
		{"WooCommerce", filled(t, woocommerce.Open("goods.woo.example"), woocommerce.ID, 8).URL(), "woocommerce", "http", -8, "declared", false},
		{"Magento", filled(t, magento.Open("goods.magento.example"), magento.ID, 8).URL(), "magento", "http", -8, "declared", false},
		{"PrestaShop", filled(t, prestashop.Open("goods.presta.example"), prestashop.ID, 8).URL(), "prestashop", "http", -8, "", false},
		{"links", website("links.site.example", pages.Style{Layout: pages.Links}).URL(), "pages", "http", 12, "12 products are declared", false},
		{"links without a number", website("silent.site.example", pages.Style{Layout: pages.Links, Silent: true}).URL(), "pages", "http", 12, "undeclared", false},
		{"links with a sitemap", website("map.site.example", pages.Style{Layout: pages.Links, Silent: true, Sitemap: true}).URL(), "pages", "http", 12, "sitemap", false},
		{"a parameter", website("params.site.example", pages.Style{Layout: pages.Params}).URL(), "pages", "http", 12, "12 products are declared", false},
		{"data", website("data.site.example", pages.Style{Layout: pages.Data}).URL(), "pages", "http", 12, "12 products are declared", false},
		{"a button", website("button.site.example", pages.Style{Layout: pages.Button}).URL(), "pages", "browser", 12, "12 products are declared", true},
		{"scrolling", website("scroll.site.example", pages.Style{Layout: pages.Scroll}).URL(), "pages", "browser", 12, "12 products are declared", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.inTab && testing.Short() {
				t.Skip("needs Chrome")
			}
			f := attempt(t, c.address, nil)
			if f.Best < 0 {
				t.Fatalf("nothing is recommended: %+v", f)
			}
			r := f.Ways[f.Best]
			enough := r.Products == c.products || c.products < 0 && r.Products >= -c.products
			if r.Marketplace != c.marketplace || r.Transport != c.transport || r.Verdict != tracker.Complete || !enough || !strings.Contains(r.Proof, c.proof) || len(r.First) == 0 {
				t.Errorf("recommended %+v\nof %d ways\n%s", r, len(f.Ways), f.Lines)
			}
			configured(t, f.Lines, c.marketplace)
		})
	}
}

// configured checks that lines are a configuration.
func configured(t *testing.T, lines, marketplace string) {
	t.Helper()
	c, err := config.Parse("shopwatch.yaml", []byte(lines), os.LookupEnv, all.Markets())
	if err != nil || c.Storefronts[0].Marketplace != marketplace {
		t.Errorf("the lines are no configuration: %v\n%s", err, lines)
	}
}

func TestAddressesThatTell(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chrome")
	}
	shop := fixtures.Shop{Host: "lines.tmall.com", Title: "测试旗舰店"}
	for i := range 6 {
		shop.Products = append(shop.Products, fixtures.Product{ID: fmt.Sprint(600000000001 + i), Title: fmt.Sprintf("产品 %d", i), Price: "99.00"})
	}
	mall.Open(shop)
	f := attempt(t, "lines.tmall.com", nil)
	if f.Best != 0 || f.Ways[0].Marketplace != "tmall" || f.Ways[0].Proof != "its only page was read" || f.Ways[0].Products != 6 || f.Ways[0].Verdict != tracker.Complete || strings.Contains(f.Lines, "marketplace:") {
		t.Fatalf("%+v\n%s", f, f.Lines)
	}
	configured(t, f.Lines, "tmall")
	mall.RequireLogin(true)
	defer mall.RequireLogin(false)
	if f = attempt(t, "https://lines.tmall.com/", nil); f.Best != 0 || f.Ways[0].Verdict != tracker.Login || f.Ways[0].Proof == "" {
		t.Errorf("behind a login: %+v", f)
	}
}

// A storefront of JD is read where JD shows it, and where it asks for a login
// that is said, with the command.
func TestJD(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chrome")
	}
	site := jd.NewSite()
	shop := site.Open("penguin.jd.com", []string{"50100000100", "50100000200", "50100000300", "50100000400"})
	markets.Mount(mall, shop)
	t.Cleanup(func() { markets.Unmount(mall, shop) })
	for _, address := range []string{"penguin.jd.com", shop.IndexURL(), shop.ListURL()} {
		f := attempt(t, address, nil)
		if f.Best != 0 {
			t.Fatalf("%s: nothing is recommended: %+v", address, f)
		}
		r := f.Ways[0]
		if r.Marketplace != "jd" || r.Transport != "browser" || r.Verdict != tracker.Complete || r.Products != 4 || r.Declared.Products != 4 || r.Priced != 4 || !slices.Equal(r.Currencies, []string{"CNY"}) {
			t.Errorf("%s: %+v", address, r)
		}
		configured(t, f.Lines, "jd")
	}
	site.RequireLogin(true)
	f := attempt(t, shop.URL(), nil)
	if f.Best != 0 || f.Ways[0].Verdict != tracker.Login || f.Ways[0].Products != 0 || !strings.Contains(f.Ways[0].Proof, "run shopwatch login jd") {
		t.Fatalf("behind a login: %+v", f)
	}
	configured(t, f.Lines, "jd")
}

func TestWalls(t *testing.T) {
	shop := filled(t, pages.Open("walled.site.example", nil, pages.Style{}), pages.Style{}.ID, 6)
	shop.Strike("forbidden", 0)
	f := attempt(t, shop.URL(), nil)
	if f.Best >= 0 || !strings.Contains(strings.Join(f.Signs, "; "), "status 403") {
		t.Errorf("a wall is recommended: %+v", f)
	}
	shop.Heal()
	shop.Strike("robots.txt forbids", 0)
	if _, err := try.Address(t.Context(), shop.URL(), try.Options{Markets: all.Markets(), Scanner: func(*market.Market) *scan.Scanner {
		return scan.New(scan.Options{Markets: all.Markets(), HTTP: client})
	}}); err == nil || !strings.Contains(err.Error(), "robots.txt") {
		t.Errorf("robots.txt is not asked: %v", err)
	}
}

func TestNoMorePagesThanAllowed(t *testing.T) {
	style := pages.Style{Size: 3}
	shop := pages.Open("long.site.example", nil, style)
	filled(t, shop, style.ID, 60)
	f := attempt(t, shop.URL(), func(o *try.Options) { o.Pages, o.Browser = 6, false })
	if f.Best < 0 || !strings.Contains(f.Ways[f.Best].Proof, "there is more") || f.Ways[f.Best].Declared.Products != 60 {
		t.Errorf("%+v", f)
	}
	if shop.Visits() > 2+2*6 {
		t.Errorf("%d pages were asked for", shop.Visits())
	}
}

func TestNoAddress(t *testing.T) {
	for _, address := range []string{"", "ftp://shop.example/", "https://", "not an address"} {
		if f, err := try.Address(t.Context(), address, try.Options{Markets: all.Markets()}); err == nil {
			t.Errorf("%q gives %+v", address, f)
		}
	}
}
