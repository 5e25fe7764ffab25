package scan_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shopwatch/fixtures"
	"shopwatch/fixtures/markets"
	"shopwatch/tracker"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
)

var remake = flag.Bool("captures", false, "make fixtures/captures again")

// capturesFolder holds captures, each with what must be read in it: those that
// are made here, of the simulated marketplaces, and any that people have sent.
const capturesFolder = "../../fixtures/captures"

// longer are captures that are played by make captures only: a Chrome needs
// seconds for each, and others that are played are much like them.
var longer = []string{"item-gone", "pages-button", "tmall-cshop", "tmall-left-out", "tmall-slider"}

// Every capture is read as it was when it was put there.
func TestCaptures(t *testing.T) {
	if *remake {
		makeCaptures(t)
	}
	files, err := filepath.Glob(filepath.Join(capturesFolder, "*.wacz"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d captures, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".wacz")
		if !*remake && slices.Contains(longer, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a, err := archive.Open(content)
			if err != nil {
				t.Fatal(err)
			}
			if _, sf, err := all.Markets().Open(tracker.Storefront(a.Reading.Storefront)); err != nil {
				t.Fatal(err)
			} else if sf.Transport() == market.InTab {
				short(t)
			}
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(capturesFolder, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			want := new(scan.Replayed)
			if err := json.Unmarshal(text, want); err != nil {
				t.Fatal(err)
			}
			for _, d := range replayed(t, a).Differences(want) {
				t.Error(d)
			}
		})
	}
}

func replayed(t *testing.T, a *archive.Capture) *scan.Replayed {
	t.Helper()
	r, err := scan.Replay(t.Context(), a, all.Markets(), browser.Options{Flags: map[string]any{"no-sandbox": true}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// makeCaptures makes the captures of the simulated marketplaces again. What is
// read in them when they are replayed must be what was read at first.
func makeCaptures(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(captured)) {
		c := newCaptures(t)
		s := captured[name](t, c)
		file := s.Evidence.Capture
		if file == "" {
			file = s.Probes[0].Capture
		}
		a := c.open(file)
		r := replayed(t, a)
		for _, d := range r.Differences(scan.Recorded(a)) {
			t.Errorf("%s: %s", name, d)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for ending, content := range map[string][]byte{".wacz": c.files[file], ".json": append(text, '\n')} {
			if err := os.WriteFile(filepath.Join(capturesFolder, name+ending), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// captured are the captures that are made, by their names: each returns the scan
// that names one.
var captured = map[string]func(*testing.T, *captures) *tracker.Scan{
	"tmall-classic": func(t *testing.T, c *captures) *tracker.Scan {
		return ofMall(t, c, fixtures.Shop{Host: "captured-classic.tmall.com"}, nil, fixtures.OffShelf)
	},
	"tmall-cshop": func(t *testing.T, c *captures) *tracker.Scan {
		return ofMall(t, c, fixtures.Shop{Host: "captured-cshop.taobao.com", Layout: fixtures.CShop}, nil, fixtures.GoneText)
	},
	"tmall-react": func(t *testing.T, c *captures) *tracker.Scan {
		return ofMall(t, c, fixtures.Shop{Host: "captured-react.tmall.com", Layout: fixtures.React}, nil, fixtures.StillSold)
	},
	"tmall-login":    fault("login overlay"),
	"tmall-slider":   fault("slider"),
	"tmall-left-out": fault("product left out"),
	"jd":             ofMarket("jd"),
	"magento":        ofMarket("magento"),
	"prestashop":     ofMarket("prestashop"),
	"shopify":        ofMarket("shopify"),
	"woocommerce":    ofMarket("woocommerce"),
	"pages-links":    ofMarket("pages-links"),
	"pages-button":   ofMarket("pages-button"),
	"item-gone": func(t *testing.T, c *captures) *tracker.Scan {
		s := ofMall(t, c, fixtures.Shop{Host: "captured-item.tmall.com"}, nil, fixtures.GoneOld)
		s.Evidence.Capture = ""
		return s
	},
}

// ofMall captures a scan of a storefront that has taken a product off the shelf.
func ofMall(t *testing.T, c *captures, d fixtures.Shop, f *fixtures.Fault, how fixtures.Absence) *tracker.Scan {
	t.Helper()
	d.Title, d.PerRow, d.PageSize, d.Delay = "测试旗舰店", 4, 8, -1
	for i := range 12 {
		d.Products = append(d.Products, product(fmt.Sprint(640000000001+i), fmt.Sprintf("产品 %d", i+1)))
	}
	shop := mall.Open(d)
	sh := newShopper(t, func(o *scan.Options) { c.options(o); o.Retries = -1 })
	sh.how = scan.CaptureAll
	sh.scan(shop.URL())
	shop.Take("640000000003", how)
	if f != nil {
		shop.Fault(*f)
	}
	s, _ := sh.scan(shop.URL())
	return s
}

func fault(name string) func(*testing.T, *captures) *tracker.Scan {
	return func(t *testing.T, c *captures) *tracker.Scan {
		host := "captured-" + strings.ReplaceAll(name, " ", "-") + ".tmall.com"
		return ofMall(t, c, fixtures.Shop{Host: host}, &fixtures.Fault{Name: name}, fixtures.OffShelf)
	}
}

// ofMarket captures a scan of a simulated storefront that has deleted a product.
func ofMarket(name string) func(*testing.T, *captures) *tracker.Scan {
	return func(t *testing.T, c *captures) *tracker.Scan {
		t.Helper()
		m := simulated[name]
		var ids []string
		for i := range 5 {
			ids = append(ids, m.id(i))
		}
		host := "captured-" + name + ".example"
		if name == "jd" {
			host = "captured.jd.com"
		}
		shop := m.open(host, ids)
		markets.Mount(mall, shop)
		defer markets.Unmount(mall, shop)
		sh := httpShopperBy(t, mall.Flags(), c.options)
		sh.how = scan.CaptureAll
		marketplace, _, _ := strings.Cut(name, "-")
		sh.scanShop(marketplace, shop)
		shop.Delete(ids[1])
		s, _ := sh.scanShop(marketplace, shop)
		return s
	}
}
