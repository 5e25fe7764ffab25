package sitemap_test

import (
	"bytes"
	"compress/gzip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shopwatch/tracker/market/sitemap"
)

const head = `<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">`

func packed(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRead(t *testing.T) {
	gbk := []byte("<?xml version='1.0' encoding='gbk'?><urlset><url><loc>https://shop.example/\xb2\xfa</loc></url></urlset>")
	for _, tt := range []struct {
		name, body string
		index      bool
		want       string
	}{
		{"addresses", head + `<url><loc>https://shop.example/p/1</loc></url><url><loc> https://shop.example/p/2
			</loc><lastmod>2026</lastmod></url></urlset>`, false, "https://shop.example/p/1 https://shop.example/p/2"},
		{"pictures are no pages", head + `<url><loc>https://shop.example/p/1</loc><image:image><image:loc>https://cdn.example/1.jpg</image:loc></image:image></url></urlset>`, false, "https://shop.example/p/1"},
		{"an index", `<sitemapindex><sitemap><loc>https://shop.example/s.xml?from=1&amp;to=2</loc></sitemap></sitemapindex>`, true, "https://shop.example/s.xml?from=1&to=2"},
		{"a comment before", "\n <!-- made by hand -->" + head + `<url><loc>https://shop.example/p/1</loc></url></urlset>`, false, "https://shop.example/p/1"},
		{"letters of all kinds", head + `<url><loc>https://shop.example/产品?a=1&b=2</loc></url></urlset>`, false, "https://shop.example/产品?a=1&b=2"},
		{"CDATA", head + `<url><loc><![CDATA[https://shop.example/p/1?a=1&b=2]]></loc></url></urlset>`, false, "https://shop.example/p/1?a=1&b=2"},
		{"another encoding", string(gbk), false, "https://shop.example/产"},
		{"packed", string(packed(t, []byte(head+`<url><loc>https://shop.example/p/1</loc></url></urlset>`))), false, "https://shop.example/p/1"},
		{"nothing in it", head + `</urlset>`, false, ""},
		{"an entry without an address", head + `<url><lastmod>2026</lastmod></url><url><loc></loc></url></urlset>`, false, ""},
		{"what a browser has left", head + `<span xmlns="" id="x"/><url><loc>https://shop.example/p/1</loc></url></urlset>`, false, "https://shop.example/p/1"},
	} {
		f, err := sitemap.Read([]byte(tt.body))
		if err != nil || f.Index != tt.index || strings.Join(f.Addresses, " ") != tt.want {
			t.Errorf("%s: %+v, %v; want %q", tt.name, f, err, tt.want)
		}
	}
}

func TestWhatIsNoSitemapIsAnError(t *testing.T) {
	entry := `<url><loc>https://shop.example/p/1</loc></url>`
	for name, body := range map[string]string{
		"nothing": "", "a page": "<!DOCTYPE html><html><body>Not found</body></html>", "words": "Not found",
		"cut off": head + entry, "cut in an address": head + `<url><loc>https://shop`, "packed and cut": string(packed(t, []byte(head+entry+"</urlset>"))[:60]),
		"a feed":   "<rss><channel><item><link>https://shop.example/</link></item></channel></rss>",
		"two":      head + entry + "</urlset>" + head + entry + "</urlset>",
		"too many": head + strings.Repeat(entry, 50_001) + "</urlset>", "an endless address": head + "<url><loc>" + strings.Repeat("x", 9000) + "</loc></url></urlset>",
		"too deep":               head + strings.Repeat("<a>", 30) + strings.Repeat("</a>", 30) + "</urlset>",
		"too long once unpacked": string(packed(t, append([]byte(head), bytes.Repeat([]byte(" "), 51<<20)...))),
	} {
		if f, err := sitemap.Read([]byte(body)); err == nil {
			t.Errorf("%s: read %d addresses, want an error", name, len(f.Addresses))
		}
	}
}

func TestInRobots(t *testing.T) {
	got := sitemap.InRobots([]byte("\ufeffUser-agent: *\nDisallow: /cart\r\nSitemap: https://shop.example/a.xml\r\nsitemap:https://shop.example/b.xml # old\nSitemap:\n# Sitemap: https://shop.example/c.xml\nSiteMap : https://shop.example/d.xml"))
	if want := []string{"https://shop.example/a.xml", "https://shop.example/b.xml", "https://shop.example/d.xml"}; !slices.Equal(got, want) {
		t.Errorf("InRobots = %q, want %q", got, want)
	}
	if got := sitemap.InRobots(bytes.Repeat([]byte("Sitemap: https://shop.example/a.xml\n"), 1000)); len(got) != 50 {
		t.Errorf("%d addresses, want 50 at most", len(got))
	}
	if got := sitemap.Usual(&url.URL{Scheme: "https", Host: "shop.example", Path: "/sale/", RawQuery: "a=b"}); got[0] != "https://shop.example/sitemap.xml" {
		t.Errorf("Usual = %q", got)
	}
}

func TestOfProducts(t *testing.T) {
	for _, tt := range []struct{ files, want []string }{
		{[]string{"https://shop.example/post-sitemap.xml", "https://shop.example/product-sitemap2.xml"}, []string{"https://shop.example/product-sitemap2.xml"}},
		{[]string{"https://shop.example/sitemap_products_1.xml?from=1", "https://shop.example/sitemap_pages_1.xml"}, []string{"https://shop.example/sitemap_products_1.xml?from=1"}},
		{[]string{"https://shop.example/products/a.xml", "https://shop.example/b.xml"}, []string{"https://shop.example/products/a.xml", "https://shop.example/b.xml"}},
	} {
		if got := sitemap.OfProducts(tt.files); !slices.Equal(got, tt.want) {
			t.Errorf("OfProducts(%q) = %q", tt.files, got)
		}
	}
}

// TestRealSitemap reads a saved sitemap, which stays outside of the project: it
// has 225 products and the home page.
func TestRealSitemap(t *testing.T) {
	name := "shopify_sitemap_products_1_2026-07-08_hak5_225products.xml"
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "real", name))
	if os.IsNotExist(err) {
		t.Skipf("no saved sitemap %s here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := sitemap.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	products := 0
	for _, a := range f.Addresses {
		if strings.Contains(a, "/products/") {
			products++
		}
	}
	if len(f.Addresses) != 226 || products != 225 || f.Index || f.Addresses[0] != "https://hak5.org/" {
		t.Errorf("%d addresses, %d of products, the first %s; want 226 and 225", len(f.Addresses), products, f.Addresses[0])
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(head + `<url><loc>https://shop.example/p/1</loc></url></urlset>`))
	f.Add([]byte(`<sitemapindex><sitemap><loc>x</loc></sitemap></sitemapindex>`))
	f.Add(packed(f, []byte(head+`</urlset>`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		file, err := sitemap.Read(body)
		if (file == nil) != (err != nil) {
			t.Errorf("file %v, err %v", file, err)
		}
		if err != nil {
			return
		}
		for _, a := range file.Addresses {
			if a == "" || len(a) > 2048 || a != strings.TrimSpace(a) {
				t.Errorf("address %q", a)
			}
		}
		sitemap.InRobots(body)
	})
}
