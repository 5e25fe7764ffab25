package pages

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

var (
	// plainName is a class or an id that can stand in a selector as it is.
	plainName = regexp.MustCompile(`^[A-Za-z_][\w-]*$`)
	// passing are classes that say which row it is, or in what state.
	passing = regexp.MustCompile(`(?i)^(first|last|odd|even|active|selected|current|hover|focus|open|loaded|lazy(load(ed)?)?|is-.*|has-.*|js-.*|post-\d+|product-\d+|item-\d+|.*\d{4,}.*|instock|outofstock|sale|new)$`)
	// rowName are words in the names of rows of products.
	rowName = regexp.MustCompile(`(?i)product|item|card|tile|article|goods|offer`)
	// menuName are words in the names of what leads to other lists.
	menuName = regexp.MustCompile(`(?i)menu|\bnav|navigation|breadcrumb|footer|categor|\bcat-|social|swiper|carousel|blog|news`)
	// titleName and priceName are words in the names of what a row holds, oldName
	// in those of prices that do not hold any more.
	titleName = regexp.MustCompile(`(?i)title|name|heading|bezeichnung`)
	oldName   = regexp.MustCompile(`(?i)old|was|strike|regular|compare|before|rrp|uvp|list-?price|statt|crossed`)
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

// all are the elements of a page that a selector matches.
func (p *proposer) all(s *selector) (found []*html.Node) {
	if s == nil { // the name of an element is none
		return nil
	}
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && s.group.Match(n) {
			found = append(found, n)
		}
	}
	return found
}

// rowSelector finds selectors that pick the rows of a group and no others.
func (p *proposer) rowSelector(g *group, l *List) bool {
	row := g.rows[0]
	wanted := map[*html.Node]bool{}
	for _, r := range g.rows {
		wanted[r] = true
	}
	best, most := "", 0
	for _, s := range p.namesOf(row) {
		matched := p.all(selectorOf(s))
		hits := 0
		for _, n := range matched {
			if wanted[n] {
				hits++
			}
		}
		// All of the group; of those the one with the fewest others, the
		// first of equals.
		if hits == len(g.rows) && (best == "" || len(matched) < most) {
			best, most = s, len(matched)
		}
	}
	if best == "" {
		return false
	}
	l.Row = best
	p.keepOut(g, l)
	return true
}

// namesOf are selectors by which an element may be known, the plainest first.
func (p *proposer) namesOf(n *html.Node) (names []string) {
	own := []string{}
	classes := stableClasses(n)
	slices.SortStableFunc(classes, func(a, b string) int { // names that tell come first
		return btoi(rowName.MatchString(b)) - btoi(rowName.MatchString(a))
	})
	for _, c := range classes {
		own = append(own, "."+c)
	}
	for _, c := range classes {
		own = append(own, n.Data+"."+c)
	}
	if len(classes) > 1 {
		own = append(own, "."+strings.Join(classes[:min(len(classes), 3)], "."))
	}
	own = append(own, n.Data)
	names = append(names, own...)
	if parent := n.Parent; parent != nil && parent.Type == html.ElementNode {
		for _, c := range stableClasses(parent) {
			for _, o := range own {
				names = append(names, "."+c+" > "+o)
			}
		}
		if id := attr(parent, "id"); plainName.MatchString(id) {
			for _, o := range own {
				names = append(names, "#"+id+" > "+o)
			}
		}
		for _, o := range own {
			names = append(names, parent.Data+" > "+o)
		}
	}
	return names
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func selectorOf(text string) *selector {
	c := &compiler{}
	return c.selector("", text)
}

// keepOut finds what keeps rows out that the selector matches beside the list,
// those of headers and of what is recommended behind the list, and leaves them
// out of the group.
func (p *proposer) keepOut(g *group, l *List) {
	place := p.placeOf(g)
	g.rows = slices.DeleteFunc(g.rows, func(n *html.Node) bool { return !holds(place, n) })
	if under(place, atom.Main) && len(p.all(selectorOf("main"))) == 1 {
		l.Within = "main"
	}
	for _, n := range p.all(selectorOf(l.Row)) {
		if holds(place, n) || l.Within != "" && !holds(first(p.root, selectorOf(l.Within).group.Match), n) {
			continue
		}
		if behind(p.root, place, n) {
			if stop := p.apart(place, n); stop != "" {
				l.Stop = stop
				return
			}
		}
		if within := p.unique(place); within != "" {
			l.Within = within
			return
		}
	}
}

// placeOf is the element that holds most of the rows of a group: where others
// stand far away, they are not of the list.
func (p *proposer) placeOf(g *group) *html.Node {
	held := map[*html.Node]int{}
	for _, r := range g.rows {
		for n := r.Parent; n != nil; n = n.Parent {
			held[n]++
		}
	}
	place := g.rows[0].Parent
	for _, r := range g.rows {
		if held[r.Parent] > held[place] {
			place = r.Parent
		}
	}
	// Rows may stand in lines of a few each, in elements that look alike.
	for child, up := place, place.Parent; up != nil && up.Type == html.ElementNode; child, up = up, up.Parent {
		if held[up] == held[place] {
			continue
		}
		alike := 0
		for c := range up.ChildNodes() {
			if held[c] > 0 && nameOf(c) == nameOf(child) {
				alike += held[c]
			}
		}
		if alike <= held[place] {
			break
		}
		place = up
	}
	return place
}

func holds(place, n *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n == place {
			return true
		}
	}
	return false
}

// behind reports whether n comes after place in the document.
func behind(root, place, n *html.Node) bool {
	for d := range root.Descendants() {
		switch d {
		case place:
			return true
		case n:
			return false
		}
	}
	return false
}

// apart is a selector of what holds n and not the list, "" when none is found.
func (p *proposer) apart(place, n *html.Node) string {
	for up := n.Parent; up != nil && !holds(up, place); up = up.Parent {
		if s := p.unique(up); s != "" {
			return s
		}
	}
	return ""
}

// unique is a selector that matches an element and nothing else on the page, ""
// when there is none.
func (p *proposer) unique(n *html.Node) string {
	if n.Type != html.ElementNode {
		return ""
	}
	names := []string{}
	if id := attr(n, "id"); plainName.MatchString(id) && !passing.MatchString(id) {
		names = append(names, "#"+id)
	}
	names = append(names, p.namesOf(n)...)
	for _, s := range names {
		if s != n.Data && len(p.all(selectorOf(s))) == 1 {
			return s
		}
	}
	return ""
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

// around finds what stands round the list: how it goes on and how long it is.
func (p *proposer) around(l *List, rows int) {
	p.next(l)
	p.total(l, rows)
	p.signs(l)
}

var (
	nextWords = regexp.MustCompile(`(?i)^\s*(next( page)?|weiter|nächste( seite)?|suivante?|siguiente|successiv[ao]|volgende|próxim[ao]|следующая|下一页|下一頁|次へ|다음)?\s*[›»>→]*\s*$`)
	moreWords = regexp.MustCompile(`(?i)(load|show|view|see) more|mehr (laden|anzeigen)|weitere (produkte|artikel)|(voir|afficher) plus|cargar más|ver más|carica altri|meer laden|показать ещ[её]|加载更多|もっと見る|더 ?보기`)
	totals    = regexp.MustCompile(`(?i)(\d[\d.,'’\x{a0}\x{202f} ]*\+?)\s*(artikel|produkte|products?|items?|results?|articles?|produits?|productos?|prodotti|producten|produtos?|товар\S*|件)|共\s*(\d[\d,]*)\s*件`)
	noneWords = regexp.MustCompile(`(?i)(no|keine|aucune?|ning[uú]n|nessun|geen) [\p{L} ]{0,40}(found|gefunden|trouvée?s?|encontrad\S*|trovat\S*|gevonden|match\S*|results|products)|没有找到|ничего не найдено`)
	endWords  = regexp.MustCompile(`(?i)(seen|viewed) (everything|it all|all)|end of (the )?(list|results)|no more (products|items|results)|alles gesehen|keine weiteren|没有更多|已经到底`)
)

// next finds how the list goes on.
func (p *proposer) next(l *List) {
	for _, s := range []string{"a[rel~=next]", "link[rel~=next]", "a.next", ".next a", ".pagination-next a", "a.pagination-next", "a.pagination__next", ".pagination__next a"} {
		found := p.all(selectorOf(s))
		if len(found) > 0 && hasAttr(found[0], "href") {
			l.Next.Link = s
			return
		}
	}
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || n.DataAtom != atom.A || !hasAttr(n, "href") || !displayed(n) {
			continue
		}
		if text := words(n, 60); text != "" && nextWords.MatchString(text) || nextWords.MatchString(attr(n, "aria-label")) && attr(n, "aria-label") != "" {
			if s := p.unique(n); s != "" {
				l.Next.Link = s
				return
			}
		}
	}
	if p.transport == 0 { // a tab
		if b := p.moreButton(); b != "" {
			l.Next.Button = b
			return
		}
	}
	if param := p.pageParam(); param != "" {
		l.Next.Param = param
		return
	}
	l.Next.None = true
}

// moreButton is a selector of a button that loads more, "" when there is none.
func (p *proposer) moreButton() string {
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || n.DataAtom != atom.Button && n.DataAtom != atom.A || !moreWords.MatchString(words(n, 60)) {
			continue
		}
		if s := p.unique(n); s != "" {
			return s
		}
	}
	return ""
}

// pageParam is the parameter by which links of the page lead to further pages of
// the list.
func (p *proposer) pageParam() string {
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || n.DataAtom != atom.A {
			continue
		}
		u := webAddress(p.at, attr(n, "href"))
		if u == nil || !sameHost(u, p.at) || strings.TrimRight(u.Path, "/") != strings.TrimRight(p.at.Path, "/") {
			continue
		}
		for _, name := range []string{"page", "p", "pg", "seite", "pagina", "pageNo", "paged"} {
			if u.Query().Get(name) == "2" {
				return name
			}
		}
	}
	return ""
}

// total finds where the page says how many products the list has: the shortest
// text with a number of products that is not smaller than that of its rows.
func (p *proposer) total(l *List, rows int) {
	best := ""
	p.more = false
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || n.DataAtom == atom.Html || n.DataAtom == atom.Body || !displayed(n) {
			continue
		}
		text := words(n, 130)
		m := totals.FindStringSubmatch(text)
		if m == nil || len(text) > 120 || best != "" && len(text) >= len(best) {
			continue
		}
		count, ok := wholeNumber(strings.TrimSuffix(strings.TrimSpace(m[1]+m[3]), "+"))
		css := p.unique(n)
		if !ok || count < rows || css == "" || strings.Contains(m[1], "+") {
			continue
		}
		best, p.more = text, count > rows
		l.Total.CSS, l.Total.Match = css, ""
		if found := number.FindAllString(text, 2); len(found) > 1 || m[3] != "" {
			l.Total.Match = matchOf(m)
		}
	}
}

// matchOf is a regular expression for the number before or behind the words that
// it was found with.
func matchOf(m []string) string {
	if m[3] != "" {
		return `共\s*(\d[\d,]*)\s*件`
	}
	return fmt.Sprintf(`(\d[\d.,'’\s]*\+?)\s*%s`, regexp.QuoteMeta(m[2]))
}

// signs finds what is shown of an empty list and at the end of one. They are on
// the page already, hidden, where scripts show them.
func (p *proposer) signs(l *List) {
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || n.FirstChild == nil || n.FirstChild != n.LastChild || n.FirstChild.Type != html.TextNode || len(n.FirstChild.Data) > 200 {
			continue
		}
		switch text := n.FirstChild.Data; {
		case noneWords.MatchString(text) && l.Empty.CSS == "" && !displayed(n):
			l.Empty.CSS = p.unique(n)
		case endWords.MatchString(text) && l.Next.End.CSS == "" && !displayed(n):
			l.Next.End.CSS = p.unique(n)
		}
	}
}

// complete fills in what a list needs so that it can be read at all, and says
// what was not found. More says that the page declares more products than it
// shows.
func (p *proposer) complete(o *Options, more bool) (lacks []string) {
	l := &o.List
	declared := l.Total.CSS != ""
	if l.Next.None && p.transport == 0 && (declared || l.Next.End.CSS != "") {
		// Nothing leads on, and the page says how long the list is: it may
		// grow.
		l.Next.None, l.Next.Scroll = false, true
	}
	if l.Next.None && declared && more {
		// Nothing leads on, and there is more: most websites understand this.
		l.Next.None, l.Next.Param = false, "page"
	}
	if l.Next.Param != "" && !declared && l.Empty.CSS == "" && l.Next.End.CSS == "" {
		l.Next = Next{None: true}
		lacks = append(lacks, "the list goes on by a parameter, and nothing tells which page is the last; say it with list.total, list.empty or list.next.end")
	}
	if !declared {
		switch {
		case l.ID.Link != "":
			l.Total.Sitemap = auto
		case p.products != "":
			l.Total.Sitemap, l.Total.Product = auto, p.products
		default:
			lacks = append(lacks, "nothing was found that says how many products there are, so no scan can be proven whole by a number")
		}
	}
	if l.Next.None {
		lacks = append(lacks, "nothing was found that leads to a second page")
	}
	if l.Empty.CSS == "" {
		lacks = append(lacks, "what an empty list shows is not known; say it with list.empty")
	}
	return lacks
}
