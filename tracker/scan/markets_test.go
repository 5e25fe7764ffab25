package scan_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/jd"
	"shopwatch/fixtures/markets/magento"
	"shopwatch/fixtures/markets/pages"
	"shopwatch/fixtures/markets/prestashop"
	"shopwatch/fixtures/markets/shopify"
	"shopwatch/fixtures/markets/woocommerce"
	"shopwatch/tracker"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/scan"
)

// opener opens a new simulated storefront with products of these numbers. The
// host makes it one of its own.
type opener func(host string, ids []string) markets.Shop

// simulated are the marketplaces whose simulated storefronts are played, by
// their names, with numbers of products as they have them. One marketplace may
// have storefronts of several kinds: the name of the marketplace then stands
// before a dash.
var simulated = withWebsites(map[string]simulation{
	"jd":         {openJD(), jd.ID, true},
	"magento":    {func(host string, ids []string) markets.Shop { return fill(magento.Open(host), ids) }, magento.ID, false},
	"prestashop": {func(host string, ids []string) markets.Shop { return fill(prestashop.Open(host), ids) }, prestashop.ID, false},
	"shopify": {func(host string, ids []string) markets.Shop {
		return fill(shopify.Open(host), ids)
	}, shopify.ID, false},
	"woocommerce": {func(host string, ids []string) markets.Shop { return fill(woocommerce.Open(host), ids) }, woocommerce.ID, false},
})

type simulation struct {
	open  opener
	id    func(n int) string
	inTab bool
}

// openJD opens storefronts of one JD, in turn two with either template.
func openJD() opener {
	site, opened := jd.NewSite(), atomic.Int64{}
	return func(host string, ids []string) markets.Shop {
		shop := site.Open(host, ids)
		if opened.Add(1)/2%2 == 1 {
			shop.Set(func(c *jd.Config) { c.Template = jd.Items })
		}
		return shop
	}
}

// withWebsites adds websites of all styles, which are read by selectors.
func withWebsites(all map[string]simulation) map[string]simulation {
	for name, style := range pages.Styles() {
		all["pages-"+name] = simulation{
			open:  func(host string, ids []string) markets.Shop { return pages.Open(host, ids, style) },
			id:    style.ID,
			inTab: slices.Contains([]pages.Layout{pages.Button, pages.Scroll, pages.Virtual}, style.Layout),
		}
	}
	return all
}

// fill puts products on the shelf of a shop.
func fill(s markets.Shop, ids []string) markets.Shop {
	for i, id := range ids {
		s.Put(markets.Product{ID: id, Title: fmt.Sprintf("Product %d", i), Price: "9.90"})
	}
	return s
}

// tabs has room for the trials that are played in a tab at once, of any test:
// half of their time they wait.
var tabs = make(chan struct{}, 6)

// playMarket plays every fault of a marketplace, once and lasting, with true
// changes underneath, and counts what was told wrongly. Every scan that is not
// complete must tell nothing, and after the fault everything true is told once.
// Without SHOPWATCH_FAULTS it plays a fair sample: of a marketplace each fault
// either once or lasting, of what is read in a tab and of websites a third of
// these. As many trials are played at once as free has room for.
func playMarket(t *testing.T, name string, client *fetch.Client, free chan struct{}, sum *tally) {
	m := simulated[name]
	var serial atomic.Int64
	marketplace, kind, _ := strings.Cut(name, "-")
	var wg sync.WaitGroup
	whole := os.Getenv("SHOPWATCH_FAULTS") != ""
	for i, f := range m.open("faults."+name+".example", nil).Faults() {
		for times := range 2 {
			if !whole && ((i+times)%2 == 0 || (m.inTab || kind != "") && (i/2+len(kind))%3 != 0) {
				continue
			}
			free <- struct{}{}
			wg.Go(func() {
				defer func() { <-free }()
				t.Run(fmt.Sprintf("%s/%s/%d", name, f.Name, times), func(t *testing.T) {
					n := int(serial.Add(1))
					id := m.id
					if m.inTab { // one site: no two shops share a product
						id = func(i int) string { return m.id(1000*n + i) }
					}
					ids := make([]string, 8)
					for i := range ids {
						ids[i] = id(i)
					}
					shop := m.open(fmt.Sprintf("trial%d.%s.example", n, name), ids)
					markets.Mount(mall, shop)
					defer markets.Unmount(mall, shop)
					playShop(t, f, times, marketplace, shop, id, client, sum)
				})
			})
		}
	}
	wg.Wait()
}

// playShop plays one fault of one shop, which lists the products 0 to 7.
func playShop(t *testing.T, f markets.Fault, times int, market string, shop markets.Shop, id func(int) string, client *fetch.Client, sum *tally) {
	sh := newShopper(t, func(o *scan.Options) { o.HTTP, o.Retries = client, 1 })
	var told []string
	other := newNaive()
	look := func() *tracker.Scan {
		sum.scans.Add(1)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		s, changes := sh.scanStorefront(ctx, tracker.Storefront{Name: "s", URL: shop.URL(), Marketplace: market, Options: shop.Options()})
		other.look(s)
		if ctx.Err() != nil {
			t.Error("a scan did not end")
		}
		for _, c := range changes {
			if c.Product != nil {
				told = append(told, string(c.Kind)+" "+string(c.Product.ID))
			}
		}
		return s
	}
	wrong := func(count *atomic.Int64, format string, a ...any) {
		count.Add(1)
		t.Errorf(format, a...)
	}
	if s := look(); s.Verdict != tracker.Complete {
		wrong(&sum.verdicts, "baseline %s (%s)", s.Verdict, s.Reason)
		return
	}
	shop.Delete(id(6))
	shop.Put(markets.Product{ID: id(99), Title: "A new one", Price: "12.00"})
	shop.Put(markets.Product{ID: id(2), Title: "Product 2", Price: "7.50"})
	want := []string{"added " + id(99), "removed " + id(6), "repriced " + id(2)}
	if it := sh.catalog.Item(tracker.ProductID(id(3))); it.Availability == tracker.Available { // the marketplace states it
		shop.Put(markets.Product{ID: id(3), Title: it.Title, Price: tracker.FormatMinor(it.Price.Low, it.Price.Currency), SoldOut: true})
		want = append(want, "soldout "+id(3))
	}
	shop.Strike(f.Name, times)
	sh.wait(waitUnder(func(v tracker.Verdict) bool { return f.Right(string(v), times) }))
	s := look()
	if !f.Right(string(s.Verdict), times) {
		wrong(&sum.verdicts, "%s (%s), want one of %v or %v; %+v", s.Verdict, s.Reason, f.Lasts, f.Once, s.Evidence)
	}
	if f.Item && f.Blind && times == 0 && slices.Contains(told, want[1]) {
		wrong(&sum.falseRemoved, "removed by a page that tells nothing: %+v", s.Probes)
	}
	if shop.Struck(f.Name) == 0 {
		t.Error("the fault did not strike")
	}
	shop.Heal()
	sh.wait(patientWait)
	for range 3 {
		if s := look(); s.Verdict != tracker.Complete {
			wrong(&sum.verdicts, "afterwards %s (%s)", s.Verdict, s.Reason)
		}
		if len(told) >= len(want) {
			break
		}
	}
	other.score(want, sum)
	for _, c := range told {
		if !slices.Contains(want, c) {
			which := &sum.falseAdded
			if len(c) > 7 && c[:7] == "removed" {
				which = &sum.falseRemoved
			}
			wrong(which, "told %s, which is not true", c)
		}
	}
	for _, c := range want {
		if n := count(told, c); n != 1 {
			wrong(&sum.missed, "told %s %d times, want once", c, n)
		}
	}
}

// TestMarkets plays all simulated marketplaces but Tmall.
func TestMarkets(t *testing.T) {
	short(t)
	t.Parallel()
	var sum tally
	t.Cleanup(func() { // when all have been played
		fmt.Printf("%d scans of other marketplaces: %d false additions, %d false removals, %d missed changes, %d wrong verdicts\n", sum.scans.Load(),
			sum.falseAdded.Load(), sum.falseRemoved.Load(), sum.missed.Load(), sum.verdicts.Load())
		fmt.Println(sum.naiveScore())
	})
	flags, err := fetch.FromFlags(mall.Flags())
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(flags)
	t.Cleanup(client.Close)
	overHTTP := make(chan struct{}, 16) // most of such a trial is waiting
	var wg sync.WaitGroup
	for name, m := range simulated {
		free := overHTTP
		if m.inTab {
			free = tabs
		}
		wg.Go(func() { playMarket(t, name, client, free, &sum) })
	}
	wg.Wait()
}
