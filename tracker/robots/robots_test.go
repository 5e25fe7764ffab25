package robots_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker/robots"
)

func TestAllows(t *testing.T) {
	// As shop platforms write it.
	const platform = `# we use it as our platform
User-agent: *
Disallow: /a/downloads/-/*
Disallow: /admin
Disallow: /cart
Disallow: /collections/*sort_by*
Disallow: */collections/*filter*&*filter*
Disallow: /*?*oseid=*
Disallow: /cdn/wpm/*.js
Sitemap: https://shop.example/sitemap.xml

User-agent: Nutch
Disallow: /

User-agent: OtherBot
Crawl-delay: 10

User-agent: Pinterest
Crawl-delay: 1
`
	for _, c := range []struct {
		rule, robots, path string
		want               bool
	}{
		{"nothing is asked", "", "/x", true},
		{"a page that is no robots.txt", "<!doctype html><html><body>Just a moment: wait</body></html>", "/x", true},
		{"the list of a platform", platform, "/products.json?limit=250&page=1", true},
		{"its cart", platform, "/cart.js", false},
		{"the front page", platform, "", true},
		{"a wildcard fits from the beginning only", "User-agent: *\nDisallow: /collections/*+*", "/en/collections/a+b", true},
		{"a wildcard within", platform, "/collections/all?sort_by=x", false},
		{"a wildcard before", platform, "/en/collections/x?filter.a=1&filter.b=2", false},
		{"a wildcard in the query", platform, "/x?a=1&oseid=2", false},
		{"an end that is no end", platform, "/cdn/wpm/x.json", false},
		{"another agent's group", "User-agent: otherbot\nDisallow: /", "/x", true},
		{"own group before that of all", "User-agent: *\nDisallow: /\n\nUser-agent: ShopWatch/1.0\nDisallow: /y", "/x", true},
		{"own group", "User-agent: *\nAllow: /\n\nUser-agent: ShopWatch/1.0\nDisallow: /x", "/x", false},
		{"own group twice", "User-agent: shopwatch\nDisallow: /y\n\nUser-agent: a\nDisallow: /\n\nUser-agent: shopwatch\nDisallow: /x", "/x", false},
		{"an agent whose name begins like ours", "User-agent: shop\nDisallow: /", "/x", true},
		{"an agent whose name is longer", "User-agent: shopwatcher\nDisallow: /", "/x", true},
		{"one group of two agents", "User-agent: a\nUser-agent: *\nDisallow: /x", "/x", false},
		{"a sitemap line ends no group", "User-agent: *\nSitemap: https://x/\nDisallow: /x", "/x", false},
		{"a delay is a rule", "User-agent: *\nCrawl-delay: 1\nUser-agent: bad\nDisallow: /", "/x", true},
		{"rules before any agent", "Disallow: /\nUser-agent: *\nDisallow: /y", "/x", true},
		{"a line that cannot be read spoils no other", "User-agent: *\nCrawl-delay: soon\n???\nDisallow: /x", "/x", false},
		{"the longest decides", "User-agent: *\nDisallow: /wp-json/\nAllow: /wp-json/wc/", "/wp-json/wc/store", true},
		{"in any order", "User-agent: *\nAllow: /wp-json/wc/\nDisallow: /wp-json/", "/wp-json/wp/v2", false},
		{"of one length the allow", "User-agent: *\nDisallow: /x\nAllow: /x", "/xy", true},
		{"an empty disallow", "User-agent: *\nDisallow:\n", "/x", true},
		{"everything", "User-agent: *\nDisallow: /", "", false},
		{"robots.txt itself", "User-agent: *\nDisallow: /", "/robots.txt", true},
		{"an end", "User-agent: *\nDisallow: /*.js$", "/cart.js", false},
		{"past an end", "User-agent: *\nDisallow: /*.js$", "/cart.js?x", true},
		{"an end without a wildcard", "User-agent: *\nDisallow: /x$", "/xy", true},
		{"a wildcard at the end", "User-agent: *\nDisallow: /x*$", "/xyz", false},
		{"a part that fits the end only", "User-agent: *\nDisallow: /*b$", "/abab", false},
		{"two wildcards that share a part", "User-agent: *\nDisallow: /a*b*b", "/ab", true},
		{"case counts in paths", "User-agent: *\nDisallow: /X", "/x", true},
		{"and not in keys", "USER-AGENT: *\nDISALLOW: /x", "/x", false},
		{"a comment", "User-agent: * # all\nDisallow: /x # not this", "/x", false},
		{"old line ends and a byte order mark", "\ufeffUser-agent: *\r\nDisallow: /x\rDisallow: /y", "/y", false},
		{"a path written otherwise", "User-agent: *\nDisallow: /%7euser/ü", "/~user/%c3%bc", false},
		{"a slash by its number is none", "User-agent: *\nDisallow: /a/b", "/a%2fb", true},
		{"a number that is none", "User-agent: *\nDisallow: /a%zz", "/a", true},
	} {
		u, err := url.Parse("https://shop.example" + c.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := robots.Parse([]byte(c.robots), "shopwatch").Allows(u); got != c.want {
			t.Errorf("%s: allowed %v, want %v", c.rule, got, c.want)
		}
	}
}

func TestDelay(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "2.5": 2500 * time.Millisecond, "86400": time.Minute, "-1": 0, "NaN": 0, "Inf": time.Minute, "soon": 0,
	} {
		r := robots.Parse([]byte("User-agent: *\nCrawl-delay: "+text+"\nDisallow: /x"), "shopwatch")
		if r.Delay != want {
			t.Errorf("delay %q = %s, want %s", text, r.Delay, want)
		}
	}
}

// A file of any length costs little, and a rule that is cut in two is dropped.
func TestLongFile(t *testing.T) {
	var b strings.Builder
	b.WriteString("User-agent: *\n")
	for i := 0; b.Len() < robots.Most; i++ {
		fmt.Fprintf(&b, "Disallow: /%d/%s\n", i, strings.Repeat("*a", 500))
	}
	b.WriteString("Disallow: /\n")
	u := &url.URL{Path: "/" + strings.Repeat("a", 2000)}
	began := time.Now()
	if !robots.Parse([]byte(b.String()), "shopwatch").Allows(u) {
		t.Error("a rule beyond what is read counts")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("User-agent: *\nDisallow: /*?a=*b$\nAllow: /%7E\nCrawl-delay: 1"), "/x?a=b")
	f.Add([]byte("\xff: \xff\nuser-agent:*\ndisallow:%"), "/%")
	f.Fuzz(func(t *testing.T, body []byte, path string) {
		r := robots.Parse(body, "shopwatch")
		u, err := url.Parse("https://shop.example/" + path)
		if err != nil {
			return
		}
		r.Allows(u)
		if r.Delay < 0 || r.Delay > time.Minute {
			t.Errorf("delay %s", r.Delay)
		}
		if !r.Allows(&url.URL{Path: "/robots.txt"}) {
			t.Error("robots.txt itself is disallowed")
		}
	})
}
