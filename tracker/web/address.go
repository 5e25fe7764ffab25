package web

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// root is the way from a path up to the top, which holds under every prefix.
func root(path string) string {
	if n := strings.Count(path, "/") - 1; n > 0 {
		return strings.Repeat("../", n)
	}
	return "./"
}

// Static is the address of a static file.
func (p *page) Static(name string) string {
	return p.Root + "static/" + name + "?v=" + versions()[name]
}

// Link is an address of the web that others wrote, "" for any other.
func (p *page) Link(s string) string { return report.Link(s) }

// Evidence is the address of an evidence file.
func (p *page) Evidence(name string) template.URL {
	if name == "" {
		return ""
	}
	if p.pictures != nil {
		return p.pictures(name)
	}
	return template.URL(p.Root + "evidence/" + url.PathEscape(name)) //nolint:gosec // made here
}

// ShelfURL is the way to the shelf of a storefront.
func (p *page) ShelfURL(name tracker.StorefrontName) string {
	return p.Root + "s/" + url.PathEscape(string(name))
}

// ProductURL is the way to the page of a product.
func (p *page) ProductURL(name tracker.StorefrontName, id tracker.ProductID) string {
	return p.ShelfURL(name) + "/p/" + url.PathEscape(string(id))
}

// ScanURL is the way to the page of a scan.
func (p *page) ScanURL(name tracker.StorefrontName, began time.Time) string {
	return p.Root + "scans/" + url.PathEscape(string(name)) + "/" + began.UTC().Format("20060102T150405.000Z")
}

// With is the address of the page with other values in its query: pairs of a
// name and a value, which is left out when it is empty. The page of a list is
// the first again, unless it is what changes.
func (p *page) With(pairs ...any) string {
	q := url.Values{}
	for k, v := range p.query {
		if k != "page" && k != "before" {
			q[k] = v
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, value := fmt.Sprint(pairs[i]), fmt.Sprint(pairs[i+1])
		if value == "" {
			q.Del(name)
		} else {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "?"
	}
	return "?" + q.Encode()
}

// Query is the query of the page for another address.
func (p *page) Query() string {
	if s := p.With(); s != "?" {
		return s
	}
	return ""
}

// Get is a value of the query.
func (p *page) Get(name string) string { return p.query.Get(name) }

// Has reports whether a value stands in the query.
func (p *page) Has(name string, value any) bool {
	for _, v := range p.query[name] {
		if v == fmt.Sprint(value) {
			return true
		}
	}
	return false
}

// day is a day of the query, by its midnight in the zone of the page.
func (p *page) day(name string, otherwise time.Time) time.Time {
	if t, err := time.ParseInLocation(time.DateOnly, p.Get(name), p.Zone); err == nil {
		return t
	}
	return midnight(otherwise.In(p.Zone))
}
