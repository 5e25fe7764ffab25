package pages

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

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
