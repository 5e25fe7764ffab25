package pages

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

var (
	// titleName are words in the names of titles.
	titleName = regexp.MustCompile(`(?i)title|name|heading|bezeichnung`)
	// oldName are words in the names of prices that do not hold any more.
	oldName = regexp.MustCompile(`(?i)old|was|strike|regular|compare|before|rrp|uvp|list-?price|statt|crossed`)
)

// amountWithSign reports whether a text holds an amount of money.
func amountWithSign(text string) bool {
	if !number.MatchString(text) {
		return false
	}
	if m := code.FindStringSubmatch(text); m != nil && slices.Contains(codes, m[2]) {
		return true
	}
	return slices.ContainsFunc(signs, func(s struct{ sign, currencies string }) bool { return containsSign(text, s.sign) })
}

// fields finds where the fields of products stand in the rows of a group.
func (p *proposer) fields(g *group, l *List) {
	var links []*url.URL
	for _, r := range g.rows {
		if u := p.rowLink(r); u != nil {
			links = append(links, u)
		}
	}
	p.products = productsIn(links)
	p.identity(g, l, links)
	p.title(g, l)
	p.price(g, l)
}

// numbering are attributes that hold the number of a product.
var numbering = []string{"data-product-id", "data-productid", "data-product_id", "data-pid", "data-item-id", "data-itemid", "data-sku", "data-article", "data-product", "data-id", "data-key"}

// identity finds what tells the products apart: an attribute of the row, a number
// in the link, or else the link.
func (p *proposer) identity(g *group, l *List, links []*url.URL) {
	for _, name := range numbering {
		seen := map[string]bool{}
		for _, r := range g.rows {
			if v := strings.TrimSpace(attr(r, name)); v != "" && len(v) <= maxID && !strings.ContainsAny(v, "{[") {
				seen[v] = true
			}
		}
		if len(seen) == len(g.rows) {
			l.ID.Attr = name
			return
		}
	}
	l.ID.Link, l.Keep = numberIn(links)
}

// idParams are parameters of links that name the product.
var idParams = []string{"id", "product_id", "productId", "pid", "sku", "item", "itemId", "artikel", "art"}

// numberIn finds the number in links that tells products apart: a regular
// expression for it, and the parameters that must be kept. Both are empty when
// the paths of links tell.
func numberIn(links []*url.URL) (pattern string, keep []string) {
	if len(links) == 0 {
		return "", nil
	}
	distinct := func(pattern string) bool {
		re, seen := regexp.MustCompile(pattern), map[string]bool{}
		for _, u := range links {
			m := re.FindStringSubmatch(u.String())
			if m == nil || seen[m[1]] {
				return false
			}
			seen[m[1]] = true
		}
		return true
	}
	for _, name := range idParams {
		if pattern := `[?&]` + name + `=([\w-]+)`; distinct(pattern) {
			return pattern, []string{name}
		}
	}
	// A number behind the same beginning in all links, such as /p/123-lamp.
	for _, pattern := range []string{regexp.QuoteMeta(folderOf(links)) + `(\d+)(?:[^\d/][^/]*)?/?(?:$|\?)`, `[-_/](\d{3,})(?:\.html?)?/?(?:$|\?)`} {
		if distinct(pattern) {
			return pattern, nil
		}
	}
	return "", nil
}

// folderOf is the path with which all links begin, up to a slash.
func folderOf(links []*url.URL) string {
	folder := links[0].Path[:strings.LastIndex(strings.TrimSuffix(links[0].Path, "/"), "/")+1]
	for _, u := range links {
		for !strings.HasPrefix(u.Path, folder) {
			folder = folder[:strings.LastIndex(strings.TrimSuffix(folder, "/"), "/")+1]
		}
	}
	return folder
}

// productsIn is a regular expression for the addresses of products in a sitemap,
// "" when links do not tell them from others.
func productsIn(links []*url.URL) string {
	if len(links) == 0 {
		return ""
	}
	if pattern, _ := numberIn(links); pattern != "" {
		return pattern
	}
	if folder := folderOf(links); len(folder) > 1 {
		return regexp.QuoteMeta(folder) + `[^/?]+/?$`
	}
	return ""
}

// A place in rows, with how many of them it serves.
type inRows struct {
	selector string
	texts    []string
}

// What is looked at of a page at most, which may be hostile.
const (
	mostElements = 30_000
	mostPlaces   = 200 // in rows
	mostLooked   = 100 // rows
)

// places are what stands in the rows under names that many of them share.
func (p *proposer) places(g *group, wanted func(*html.Node) bool) []inRows {
	var names []string
	for _, r := range g.rows[:min(len(g.rows), 5)] {
		for n := range r.Descendants() {
			if n.Type != html.ElementNode || !wanted(n) {
				continue
			}
			for _, c := range stableClasses(n) {
				names = append(names, "."+c)
			}
			if prop := attr(n, "itemprop"); plainName.MatchString(prop) {
				names = append(names, "[itemprop="+prop+"]")
			}
			names = append(names, n.Data)
			if n.Parent != r && n.Parent != nil {
				for _, c := range stableClasses(n.Parent) {
					names = append(names, "."+c+" "+n.Data)
				}
			}
		}
	}
	var all []inRows
	for _, name := range names {
		if len(all) == mostPlaces || slices.ContainsFunc(all, func(o inRows) bool { return o.selector == name }) {
			continue
		}
		place, s := inRows{selector: name}, selectorOf(name)
		for _, r := range g.rows[:min(len(g.rows), mostLooked)] {
			if n := s.findShown(r); n != nil && n != r {
				place.texts = append(place.texts, words(n, 400))
			} else {
				place.texts = append(place.texts, "")
			}
		}
		all = append(all, place)
	}
	return all
}

// title finds where titles stand: where the texts of rows differ and are words.
func (p *proposer) title(g *group, l *List) {
	best, score := "", 0.0
	for _, place := range p.places(g, func(*html.Node) bool { return true }) {
		texts, length, filled := map[string]bool{}, 0, 0
		for _, t := range place.texts {
			if t == "" || amountWithSign(t) || !letter.MatchString(t) {
				continue
			}
			filled++
			texts[t] = true
			length += len(t)
		}
		n := float64(len(place.texts))
		if float64(filled) < 0.9*n || float64(len(texts)) < 0.7*n {
			continue
		}
		s := float64(len(texts)) / n
		if titleName.MatchString(place.selector) {
			s += 2
		}
		if heading := strings.TrimPrefix(place.selector[strings.LastIndex(place.selector, " ")+1:], "h"); len(heading) == 1 && heading >= "1" && heading <= "6" {
			s++
		}
		if average := length / filled; average > 200 {
			s -= 2
		}
		if s > score {
			best, score = place.selector, s
		}
	}
	l.Title.CSS = best
}

// price finds where prices stand: the place in the rows that most often holds
// one amount of money, and is not named as that of an old price.
func (p *proposer) price(g *group, l *List) {
	best, most := "", 0
	for _, place := range p.places(g, func(n *html.Node) bool {
		return n.DataAtom != atom.S && n.DataAtom != atom.Del && n.DataAtom != atom.Strike && !oldName.MatchString(attr(n, "class"))
	}) {
		one := 0
		for _, t := range place.texts {
			if len(t) < 40 && amountWithSign(t) && len(number.FindAllString(t, 3)) <= 2 {
				one += 2
			}
		}
		if one > 0 && strings.Contains(strings.ToLower(place.selector), "price") {
			one++
		}
		if one > most {
			best, most = place.selector, one
		}
	}
	if most < min(len(g.rows), mostLooked) { // fewer than half of the rows
		return
	}
	l.Price.CSS = best
	l.Price.Currency = p.currency(g, best)
	l.Price.Locale = p.locale(g, best)
}

// locale is the language of the page, unless its prices are written otherwise.
func (p *proposer) locale(g *group, price string) string {
	h := first(p.root, func(n *html.Node) bool { return n.DataAtom == atom.Html })
	if h == nil {
		return ""
	}
	lang := attr(h, "lang")
	mark, ok := markOf(lang)
	if !ok || lang == "" {
		return ""
	}
	s := selectorOf(price)
	for _, r := range g.rows {
		n := s.findShown(r)
		for _, amount := range number.FindAllString(words(n, maxPrice), 2) {
			if _, ok := plain(amount, mark); !ok {
				return ""
			}
		}
	}
	return lang
}

// currency is the one that all prices name, or that the page states where their
// sign is one of several.
func (p *proposer) currency(g *group, price string) string {
	s, named := selectorOf(price), map[string]bool{}
	for _, r := range g.rows {
		if n := s.findShown(r); n != nil {
			c, _ := currencyOf(words(n, maxPrice), "")
			named[c] = true
		}
	}
	if len(named) == 1 && !named[""] {
		for c := range named {
			return c
		}
	}
	if !named[""] {
		return ""
	}
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.DataAtom == atom.Meta && (attr(n, "itemprop") == "priceCurrency" || strings.HasSuffix(attr(n, "property"), "price:currency")) && knownCurrency(attr(n, "content")) {
			return attr(n, "content")
		}
	}
	if m := statedCurrency.FindSubmatch(p.page); m != nil {
		return string(m[1])
	}
	return ""
}

var statedCurrency = regexp.MustCompile(`"(?:priceCurrency|currencyCode|currency)"\s*:\s*"([A-Z]{3})"`)
