package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/url"

	"golang.org/x/net/html/charset"

	"shopwatch/tracker/market"
)

// recognise proposes how to read a page that may be a list. Any website may be
// read so.
func recognise(a *market.Answer) []market.Way {
	at, err := url.Parse(a.URL)
	if err != nil {
		return nil
	}
	transport := market.OverHTTP
	var page []byte
	if a.Request.Wait != "" {
		var p shown
		if transport = market.InTab; json.Unmarshal(a.Body, &p) != nil {
			return nil
		}
		if shown, err := url.Parse(p.URL); err == nil && sameHost(shown, at) {
			at = shown // a script may have changed the address
		}
		page = []byte(p.HTML)
	} else if page = decoded(a); page == nil {
		return nil
	}
	at.Fragment = ""
	var ways []market.Way
	for _, p := range Propose(page, at, transport) {
		w := market.Way{URL: at.String(), Options: p.Options, Notes: p.Lacks, Signs: []string{fmt.Sprintf("%d rows that look alike", p.Rows)}}
		if kind := p.Options.List.Data; kind != "" {
			w.Signs = []string{fmt.Sprintf("%d products in its %s", p.Rows, map[string]string{"jsonld": "JSON-LD", "microdata": "microdata"}[kind])}
		}
		ways = append(ways, w)
		if p.Options.List.Total.Sitemap != "" {
			// The website may have no sitemap, or another one.
			o := *p.Options
			o.List.Total = Total{}
			w.Options = &o
			ways = append(ways, w)
		}
	}
	return ways
}

// decoded is a page that was sent, in UTF-8, nil for an answer that is none.
func decoded(a *market.Answer) []byte {
	contentType := a.Header.Get("Content-Type")
	t, _, err := mime.ParseMediaType(contentType)
	if a.Status >= 400 || contentType != "" && (err != nil || t != "text/html" && t != "application/xhtml+xml") {
		return nil
	}
	r, err := charset.NewReader(bytes.NewReader(a.Body), contentType)
	if err != nil {
		return nil
	}
	page, err := io.ReadAll(io.LimitReader(r, longestPage))
	if err != nil {
		return nil
	}
	return page
}
