package scan_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/shopify"
	"shopwatch/fixtures/markets/woocommerce"
	"shopwatch/tracker"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/scan"
)

// httpShopper scans simulated shops that are read over HTTP.
func httpShopper(t *testing.T) *shopper { return httpShopperBy(t, mall.Flags()) }

// httpShopperBy finds them by these switches.
func httpShopperBy(t *testing.T, flags map[string]any, more ...func(*scan.Options)) *shopper {
	t.Helper()
	o, err := fetch.FromFlags(flags)
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(o)
	t.Cleanup(client.Close)
	return newShopper(t, func(o *scan.Options) {
		o.HTTP, o.PageTimeout, o.Retries = client, 10*time.Second, 1
		for _, change := range more {
			change(o)
		}
	})
}

// scanShop scans a simulated shop and returns what it told of products.
func (sh *shopper) scanShop(market string, shop markets.Shop) (*tracker.Scan, []string) {
	sh.t.Helper()
	s, changes := sh.scanStorefront(sh.t.Context(), tracker.Storefront{Name: "s", URL: shop.URL(), Marketplace: market, Options: shop.Options()})
	var told []string
	for _, c := range changes {
		if c.Product != nil {
			told = append(told, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Kind, c.Product.ID, c.Proof)))
		}
	}
	return s, told
}

// A product that a shop hides because it is sold out is never gone. It is
// removed when enough scans did not list it, with the words for it; one that is
// deleted is gone at once; one that is a draft again still answers.
func TestHiddenProductsOfWooCommerce(t *testing.T) {
	shop := fill(woocommerce.Open("hidden.woocommerce.example"), []string{woocommerce.ID(0), woocommerce.ID(1), woocommerce.ID(2), woocommerce.ID(3)})
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	sh := httpShopper(t)
	if s, told := sh.scanShop("woocommerce", shop); s.Verdict != tracker.Complete || len(told) > 0 || s.Evidence.Declared.Products != 234 || s.Evidence.Pages != 3 {
		t.Fatalf("%s (%s), %+v, told %v", s.Verdict, s.Reason, s.Evidence, told)
	}
	shop.Unlist(woocommerce.ID(0))
	shop.Delete(woocommerce.ID(1))
	shop.(*woocommerce.Shop).Draft(woocommerce.ID(2))
	for i, want := range []string{
		"removed " + woocommerce.ID(1) + " gone", "",
		"removed " + woocommerce.ID(0) + " unlisted, removed " + woocommerce.ID(2) + " unlisted",
	} {
		s, told := sh.scanShop("woocommerce", shop)
		if got := strings.Join(told, ", "); got != want || s.Verdict != tracker.Complete {
			t.Errorf("scan %d: %s (%s), told %q, want %q; %+v", i+1, s.Verdict, s.Reason, got, want, s.Probes)
		}
		for _, p := range s.Probes {
			if p.Product == tracker.ProductID(woocommerce.ID(0)) && p.Says != "sold out, hidden by the shop" {
				t.Errorf("probe = %+v", p)
			}
		}
	}
	shop.Put(markets.Product{ID: woocommerce.ID(0), Title: "Product 0", Price: "9.90"})
	if _, told := sh.scanShop("woocommerce", shop); strings.Join(told, ", ") != "relisted "+woocommerce.ID(0) {
		t.Errorf("told %v", told)
	}
}

// A product of Shopify is the same under another handle, whether the old one
// leads to the new one or nowhere. Its page must be gone, and its number not
// listed: a page alone that still sells keeps it until enough scans did not list
// it.
func TestRenamedAndGoneOnShopify(t *testing.T) {
	shop := shopify.OpenWith("renamed.shopify.example", 3)
	ids := []string{shopify.ID(0), shopify.ID(1), shopify.ID(2), shopify.ID(3)}
	fill(shop, ids)
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	sh := httpShopper(t)
	s, told := sh.scanShop("shopify", shop)
	if s.Verdict != tracker.Complete || len(told) > 0 || len(s.Products) != 7 || s.Evidence.Pages != 1 || s.Evidence.Stop != "empty page" {
		t.Fatalf("%s (%s), %d products, %+v, told %v", s.Verdict, s.Reason, len(s.Products), s.Evidence, told)
	}
	shop.Rename(ids[0], "kept", true)
	shop.Rename(ids[1], "lost", false)
	shop.Unlist(ids[2])
	shop.Delete(ids[3])
	shop.Touch()
	for i, want := range []string{"removed " + ids[3] + " gone", "", "removed " + ids[2] + " unlisted"} {
		s, told := sh.scanShop("shopify", shop)
		if got := strings.Join(told, ", "); got != want || s.Verdict != tracker.Complete {
			t.Errorf("scan %d: %s (%s), told %q, want %q; %+v", i+1, s.Verdict, s.Reason, got, want, s.Probes)
		}
	}
}

// A handle that leads nowhere is no proof while the number is listed under
// another one, also when no scan was complete in between.
func TestHandleAloneIsNoProof(t *testing.T) {
	shop := shopify.OpenWith("handle.shopify.example", 3)
	fill(shop, []string{shopify.ID(0)})
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	sh := httpShopper(t)
	sh.scanShop("shopify", shop)
	shop.Rename(shopify.ID(0), "another", false)
	shop.Strike("errors with 200", 0)
	if s, told := sh.scanShop("shopify", shop); s.Verdict != tracker.Failed || len(told) > 0 || len(s.Probes) > 0 {
		t.Errorf("%s (%s), told %v, probes %+v", s.Verdict, s.Reason, told, s.Probes)
	}
	shop.Heal()
	if s, told := sh.scanShop("shopify", shop); s.Verdict != tracker.Complete || len(told) > 0 {
		t.Errorf("%s (%s), told %v", s.Verdict, s.Reason, told)
	}
}

// A product that is sold out stays on the shelf, and is told of when that changes,
// with its picture.
func TestAvailabilityOfShops(t *testing.T) {
	for _, name := range []string{"shopify", "woocommerce"} {
		m := simulated[name]
		shop := m.open("availability."+name+".example", []string{m.id(0), m.id(1)})
		markets.Mount(mall, shop)
		sh := httpShopper(t)
		for i, step := range []struct {
			soldOut bool
			want    string
		}{{false, ""}, {true, "soldout " + m.id(0)}, {true, ""}, {false, "restocked " + m.id(0)}} {
			shop.Put(markets.Product{ID: m.id(0), Title: "Product 0", Price: "9.90", SoldOut: step.soldOut})
			s, changes := sh.scanStorefront(t.Context(), tracker.Storefront{Name: "s", URL: shop.URL(), Marketplace: name, Options: shop.Options()})
			if told := tell(changes); s.Verdict != tracker.Complete || told != step.want {
				t.Errorf("%s, scan %d: %s (%s), told %q, want %q", name, i, s.Verdict, s.Reason, told, step.want)
			}
			for _, c := range changes {
				if c.Pictures.Picture != "jpg" {
					t.Errorf("%s, scan %d: pictures of %s = %+v, want its main picture", name, i, c.Kind, c.Pictures)
				}
			}
		}
		markets.Unmount(mall, shop)
	}
}

// scanShopAt scans a shop by an address and options of its own.
func (sh *shopper) scanShopAt(market, address, options string) (*tracker.Scan, []string) {
	sh.t.Helper()
	return sh.scanShop(market, shopAt{address: address, options: options})
}

// shopAt is where a shop is looked for.
type shopAt struct {
	markets.Shop
	address, options string
}

func (s shopAt) URL() string     { return s.address }
func (s shopAt) Options() string { return s.options }

// The market of a Shopify shop decides its prices: that of the options, else the
// shop's own. No price is told where nothing says which it is.
func TestMarketsOfShopify(t *testing.T) {
	shop := fill(shopify.OpenWith("market.shopify.example", 3), []string{shopify.ID(0)}).(*shopify.Shop)
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	price := func(s *tracker.Scan) string {
		for _, p := range s.Products {
			if p.ID == tracker.ProductID(shopify.ID(0)) {
				return p.Price.String() + p.Price.Currency
			}
		}
		return "not listed"
	}
	for _, c := range []struct{ rule, address, options, fault, price, warns string }{
		{"of the options", shop.URL(), `{"country":"DE"}`, "", "9.90EUR", ""},
		{"in small letters", shop.URL(), `{"country":"de"}`, "", "9.90EUR", ""},
		{"of the shop", shop.URL(), "", "", "10.89USD", ""},
		{"of the shop at the address that Shopify gave it", "https://" + shop.Platform() + "/", "", "", "10.89USD", ""},
		{"that is not known", shop.URL(), "", "no meta.json", "", "nothing says which country they are for"},
		{"whose currency is not known", shop.URL(), `{"country":"DE"}`, "currency unknown", "", "their currency is not certain"},
		{"whose currency only the shop itself names", shop.URL(), "", "currency unknown", "10.89USD", "the one that the shop names as its own"},
	} {
		if c.fault != "" {
			shop.Strike(c.fault, 0)
		}
		s, _ := httpShopper(t).scanShopAt("shopify", c.address, c.options)
		warned := strings.Join(s.Evidence.Warnings, "; ")
		if got := price(s); s.Verdict != tracker.Complete || got != c.price || !strings.Contains(warned, c.warns) || c.warns == "" && warned != "" {
			t.Errorf("a market %s: %s (%s), %q, want %q; warnings %q", c.rule, s.Verdict, s.Reason, got, c.price, warned)
		}
		shop.Heal()
	}
}

// A collection is read only where the user asks for it, and is empty only when it
// says so itself.
func TestCollectionOfShopify(t *testing.T) {
	shop := shopify.OpenWith("collection.shopify.example", 40)
	ids := []string{shopify.ID(0), shopify.ID(1), shopify.ID(2)}
	fill(shop, ids)
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	address := shop.URL() + "collections/shelf"
	sh := httpShopper(t)
	for _, step := range []struct {
		rule     string
		hollow   bool
		ids      []string
		verdict  tracker.Verdict
		products int
		says     string
	}{
		{"full", false, ids, tracker.Complete, 3, ""},
		{"hollow", true, ids, tracker.Partial, 0, "lists nothing, and says that it has 3"},
		{"empty", false, nil, tracker.Complete, 0, ""},
		{"full again", false, ids, tracker.Complete, 3, ""},
	} {
		shop.Collect(step.hollow, step.ids...)
		s, told := sh.scanShopAt("shopify", address, `{"country":"DE"}`)
		if s.Verdict != step.verdict || len(s.Products) != step.products || !strings.Contains(s.Reason, step.says) || len(told) > 0 {
			t.Errorf("%s: %s (%s), %d products, told %v", step.rule, s.Verdict, s.Reason, len(s.Products), told)
		}
	}
	if s, _ := httpShopper(t).scanShopAt("shopify", shop.URL()+"collections/none", ""); s.Verdict != tracker.Failed {
		t.Errorf("a collection that is not there: %s (%s)", s.Verdict, s.Reason)
	}
	shop.Strike("password with 401", 0)
	if s, _ := httpShopper(t).scanShopAt("shopify", address, ""); s.Verdict != tracker.Login {
		t.Errorf("behind a password: %s (%s)", s.Verdict, s.Reason)
	}
}

// Of a shop whose feed is closed the products of the sitemap are opened. That is
// the list only where the user says so.
func TestClosedFeedOfShopify(t *testing.T) {
	shop := shopify.OpenWith("closed.shopify.example", 10)
	ids := []string{shopify.ID(0), shopify.ID(1), shopify.ID(2)}
	fill(shop, ids)
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	shop.Strike("feed not found", 0)
	s, _ := httpShopper(t).scanShopAt("shopify", shop.URL(), `{"country":"DE"}`)
	if s.Verdict != tracker.Partial || len(s.Products) != 13 || !strings.Contains(s.Reason, "has closed its list of products (status 404)") || !strings.Contains(s.Reason, "options: {list: sitemap}") {
		t.Errorf("%s (%s), %d products", s.Verdict, s.Reason, len(s.Products))
	}
	const options = `{"country":"DE","list":"sitemap"}`
	sh := httpShopper(t)
	s, told := sh.scanShopAt("shopify", shop.URL(), options)
	if s.Verdict != tracker.Complete || len(s.Products) != 13 || s.Evidence.Declared.Products != 13 || len(told) > 0 || !strings.Contains(strings.Join(s.Evidence.Warnings, "; "), "read from the sitemap") {
		t.Fatalf("%s (%s), %d products, %+v, told %v", s.Verdict, s.Reason, len(s.Products), s.Evidence, told)
	}
	for _, p := range s.Products {
		if !p.Price.Known() || p.Price.Currency != "EUR" || p.Image == "" || p.Title == "" {
			t.Errorf("product %+v lacks something", p)
		}
	}
	shop.Delete(ids[0])
	shop.Rename(ids[1], "another", true)
	shop.Put(markets.Product{ID: ids[2], Title: "Product 2", Price: "7.50"})
	s, told = sh.scanShopAt("shopify", shop.URL(), options)
	if want := "repriced " + ids[2] + ", removed " + ids[0] + " gone"; s.Verdict != tracker.Complete || !sameSet(told, strings.Split(want, ", ")) {
		t.Errorf("%s (%s), told %v, want %s", s.Verdict, s.Reason, told, want)
	}
	for fault, says := range map[string]string{"item data closed": "11 of 12 products of its sitemap are not there", "sitemap broken": "could not be read", "sitemap not found": "status 404"} {
		shop.Strike(fault, 0)
		if s, told := sh.scanShopAt("shopify", shop.URL(), options); s.Verdict == tracker.Complete || !strings.Contains(s.Reason, says) || len(told) > 0 {
			t.Errorf("%s: %s (%s), told %v", fault, s.Verdict, s.Reason, told)
		}
		shop.Heal()
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// A sitemap that knows of more makes a list partial, unless the user says that
// the rest is not for sale. One that there is not is asked for once.
func TestSitemapOfShopify(t *testing.T) {
	shop := shopify.OpenWith("ignored.shopify.example", 10)
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	shop.Strike("sitemap knows of more", 0)
	if s, _ := httpShopper(t).scanShopAt("shopify", shop.URL(), ""); s.Verdict != tracker.Partial || !strings.Contains(s.Reason, "the list has 10 products, the shop's sitemap 60") {
		t.Errorf("%s (%s)", s.Verdict, s.Reason)
	}
	shop.Heal()
	shop.Strike("sitemap not found", 0)
	if s, _ := httpShopper(t).scanShopAt("shopify", shop.URL(), ""); s.Verdict != tracker.Complete || s.Evidence.Retries > 0 || shop.Struck("sitemap not found") != 1 {
		t.Errorf("without a sitemap: %s (%s), %+v", s.Verdict, s.Reason, s.Evidence)
	}
	shop.Heal()
	shop.Strike("sitemap knows of more", 0)
	if s, _ := httpShopper(t).scanShopAt("shopify", shop.URL(), `{"sitemap":"ignore"}`); s.Verdict != tracker.Complete || shop.Struck("sitemap knows of more") != 0 {
		t.Errorf("%s (%s), the sitemap was asked for %d times", s.Verdict, s.Reason, shop.Struck("sitemap knows of more"))
	}
}

// Hosts that lead to each other and forget the question end a scan soon.
func TestHostsThatLeadToEachOther(t *testing.T) {
	const fault = "to www and back, query lost"
	for market, shop := range map[string]markets.Shop{
		"shopify": shopify.OpenWith("circle.shopify.example", 3), "woocommerce": woocommerce.OpenWith("circle.woocommerce.example", 3),
	} {
		markets.Mount(mall, shop)
		shop.Strike(fault, 0)
		s, _ := httpShopper(t).scanShop(market, shop)
		n := shop.Struck(fault)
		if s.Verdict != tracker.Failed || n == 0 || n > 40 || !strings.Contains(s.Reason, "forget what was asked for") {
			t.Errorf("%s: %s (%s) after %d requests", market, s.Verdict, s.Reason, n)
		}
		markets.Unmount(mall, shop)
	}
}

// Whenever a shop that is read over HTTP leads to a machine of the user's own
// network, that is not asked for anything.
func TestShopsLeadInside(t *testing.T) {
	address := mall.InsideURL()
	targets := []string{address, strings.Replace(address, "http:", "https:", 1)}
	port := address[strings.LastIndex(address, ":"):]
	for _, host := range []string{"localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0.0.0.0"} {
		targets = append(targets, "https://"+host+port)
	}
	flags := mall.Flags() // without the rule that hides every other host
	flags["host-resolver-rules"] = strings.TrimSuffix(flags["host-resolver-rules"].(string), "MAP * ~NOTFOUND")
	before := mall.InsideHits()
	for name, m := range simulated {
		if m.inTab {
			continue
		}
		market, _, _ := strings.Cut(name, "-")
		inside := &leadsInside{Shop: m.open("inside."+name+".example", []string{m.id(0)})}
		markets.Mount(mall, inside)
		led := 0
		for good, to := range targets { // every stage of a scan leads to another
			inside.begin(good, to)
			httpShopperBy(t, flags).scanShop(market, inside)
			led += inside.count()
		}
		markets.Unmount(mall, inside)
		if led == 0 {
			t.Errorf("%s was never led anywhere", name)
		}
	}
	if n := mall.InsideHits() - before; n > 0 {
		t.Errorf("machines inside were asked %d times", n)
	}
}

// leadsInside leads to a machine inside, after it has answered some requests.
type leadsInside struct {
	markets.Shop

	mu        sync.Mutex
	to        string
	good, led int // requests that are still answered, and those that were led away
}

func (l *leadsInside) begin(good int, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.good, l.led, l.to = good, 0, to
}

func (l *leadsInside) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.led
}

func (l *leadsInside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.good--; l.good >= 0 {
		l.Shop.ServeHTTP(w, r)
		return
	}
	l.led++
	http.Redirect(w, r, l.to+strings.TrimPrefix(r.URL.RequestURI(), "/"), http.StatusTemporaryRedirect)
}
