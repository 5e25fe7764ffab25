package pages

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/schemaorg"
)

// A Proposal is a way to read a page as a list, found from what repeats on it.
type Proposal struct {
	Options *Options
	// Rows are how many products the page shows when it is read so, Products
	// the first five of them.
	Rows     int
	Products []tracker.Product
	// Lacks says what could not be found, in words for the user.
	Lacks []string

	score float64
}

// mostShown is how many products of a proposal are shown.
const mostShown = 5

// Propose proposes how to read a page as a list, the likeliest way first. The
// page is HTML as it was sent or, with InTab, as Chrome shows it.
func Propose(page []byte, address *url.URL, transport market.Transport) []Proposal {
	root, err := html.Parse(strings.NewReader(string(page)))
	if err != nil || len(page) > longestPage {
		return nil
	}
	p := &proposer{root: root, at: address, transport: transport, page: page}
	elements := 0
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			elements++
		}
	}
	if elements > mostElements {
		return nil
	}
	var all []Proposal
	for _, g := range p.groups() {
		if made, ok := p.propose(g); ok {
			all = append(all, made)
		}
	}
	for _, kind := range []string{"jsonld", "microdata"} {
		if made, ok := p.proposeData(kind); ok {
			all = append(all, made)
		}
	}
	slices.SortStableFunc(all, func(a, b Proposal) int { return cmp.Compare(b.score, a.score) })
	return all[:min(len(all), 3)]
}

// A proposer looks for a list on one page.
type proposer struct {
	root      *html.Node
	at        *url.URL
	transport market.Transport
	page      []byte
	products  string // a regular expression for addresses of products; "" when unknown
	more      bool   // the page declares more products than it shows; see total
}

// A group are elements that look alike and each lead to a page of their own.
type group struct {
	key   string // what they have in common
	rows  []*html.Node
	score float64
}

// fewestRows is the smallest number of rows that are taken for a list.
const fewestRows = 3

// groups are the groups of a page that may be its list, the likeliest first.
func (p *proposer) groups() []*group {
	by := map[string]*group{}
	var all []*group
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || n.Parent == nil || !mayBeRow(n) || !displayed(n) {
			continue
		}
		key := pathOf(n)
		g := by[key]
		if g == nil {
			g = &group{key: key}
			by[key] = g
			all = append(all, g)
		}
		if len(g.rows) < maxRows {
			g.rows = append(g.rows, n)
		}
	}
	all = slices.DeleteFunc(all, func(g *group) bool { return len(g.rows) < fewestRows })
	for _, g := range all {
		g.score = p.rate(g)
	}
	all = slices.DeleteFunc(all, func(g *group) bool { return g.score <= 0 })
	slices.SortStableFunc(all, func(a, b *group) int { return cmp.Compare(b.score, a.score) })
	return all[:min(len(all), 6)]
}

// mayBeRow reports whether an element is of a kind that rows are.
func mayBeRow(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Li, atom.Div, atom.Article, atom.Section, atom.Tr, atom.Dl, atom.A, atom.Figure, atom.Td:
		return true
	}
	return n.DataAtom == 0 // an element of the website's own
}

// pathOf is what elements of one list have in common: what they are, and in what
// they stand, by names without those that differ from one to the next.
func pathOf(n *html.Node) string {
	return nameOf(n.Parent.Parent) + " > " + nameOf(n.Parent) + " > " + nameOf(n)
}

func nameOf(n *html.Node) string {
	if n == nil || n.Type != html.ElementNode {
		return ""
	}
	return n.Data + "." + strings.Join(stableClasses(n), ".")
}

// stableClasses are the classes of an element that say what it is, and not which
// or in what state.
func stableClasses(n *html.Node) []string {
	var classes []string
	for c := range strings.FieldsSeq(attr(n, "class")) {
		if len(classes) < 12 && plainName.MatchString(c) && !passing.MatchString(c) {
			classes = append(classes, c)
		}
	}
	slices.Sort(classes)
	return slices.Compact(classes)
}

// rate says how much speaks for a group being the list; 0 or less for nothing.
func (p *proposer) rate(g *group) float64 {
	links := map[string]bool{}
	var linked, pictured, priced, worded, inside int
	for _, row := range g.rows {
		if u := p.rowLink(row); u != nil {
			linked++
			links[u.Path+"?"+u.RawQuery] = true
		}
		if first(row, func(n *html.Node) bool { return n.DataAtom == atom.Img || n.DataAtom == atom.Picture }) != nil {
			pictured++
		}
		text := words(row, 600)
		if len(text) >= 3 {
			worded++
		}
		if amountWithSign(text) {
			priced++
		}
		if under(row, atom.Header, atom.Nav, atom.Footer, atom.Aside) {
			inside++
		}
	}
	n := float64(len(g.rows))
	share := func(x int) float64 { return float64(x) / n }
	if share(linked) < 0.8 || float64(len(links)) < 0.6*n || share(worded) < 0.8 {
		return 0
	}
	if share(priced) < 0.3 && share(pictured) < 0.5 {
		return 0 // a menu
	}
	score := 1 + 3*share(priced) + 1.5*share(pictured) - 4*share(inside)
	if rowName.MatchString(g.key) {
		score++
	}
	if menuName.MatchString(g.key) {
		score -= 2
	}
	if under(g.rows[0], atom.Main) {
		score += 0.5
	}
	// More rows are likelier the list, but a menu has many too.
	return score * (1 + min(n, 60)/30)
}

// rowLink is where a row leads on the website, nil for nowhere.
func (p *proposer) rowLink(row *html.Node) *url.URL {
	a := first(row, func(n *html.Node) bool { return n.DataAtom == atom.A && hasAttr(n, "href") })
	if a == nil {
		return nil
	}
	u := webAddress(p.at, attr(a, "href"))
	if u == nil || !sameSite(u, p.at) || strings.Trim(u.Path, "/") == "" && u.RawQuery == "" {
		return nil
	}
	return u
}

func under(n *html.Node, atoms ...atom.Atom) bool {
	for ; n != nil; n = n.Parent {
		if slices.Contains(atoms, n.DataAtom) && n.Type == html.ElementNode {
			return true
		}
	}
	return false
}

// propose makes a proposal of a group. It reports false when the page, read so,
// shows too little.
func (p *proposer) propose(g *group) (Proposal, bool) {
	o := &Options{Robots: market.ObeyRobots}
	l := &o.List
	l.Transport = p.transportName()
	if !p.rowSelector(g, l) {
		return Proposal{}, false
	}
	p.fields(g, l)
	p.around(l, len(g.rows))
	return p.tried(o, g.score)
}

func (p *proposer) transportName() string {
	if p.transport == market.OverHTTP {
		return "http"
	}
	return "page"
}

// proposeData makes a proposal of structured data, where that lists products.
func (p *proposer) proposeData(kind string) (Proposal, bool) {
	read := schemaorg.JSONLD
	if kind == "microdata" {
		read = schemaorg.Microdata
	}
	data := read(p.root, p.at)
	typed := slices.ContainsFunc(data.Lists, func(l schemaorg.List) bool { return l.Typed && len(l.Products) >= fewestRows })
	if !typed && len(data.Products) < fewestRows {
		return Proposal{}, false
	}
	p.products = ""
	o := &Options{Robots: market.ObeyRobots}
	o.List.Transport, o.List.Data = p.transportName(), kind
	var links []*url.URL
	for _, product := range data.All() {
		if u, err := url.Parse(product.URL); err == nil {
			links = append(links, u)
		}
	}
	o.List.ID.Link, _ = numberIn(links)
	p.around(&o.List, len(links))
	return p.tried(o, 4)
}

// tried reads the page by the options, and reports whether that shows products.
func (p *proposer) tried(o *Options, score float64) (Proposal, bool) {
	made := Proposal{Options: o, score: score}
	made.Lacks = p.complete(o, p.more)
	sf, err := p.open(o)
	if err != nil {
		return made, false
	}
	a := &market.Answer{Request: sf.Entries()[0], URL: p.at.String(), Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: p.page}
	if p.transport == market.InTab {
		if a.Body, err = json.Marshal(shown{URL: p.at.String(), Why: "ready", HTML: string(p.page), Grown: &growth{}}); err != nil {
			return made, false
		}
	}
	r, err := sf.Read(a)
	if err != nil || r.State != nil || len(r.Listing.Products) < fewestRows {
		return made, false
	}
	products := r.Listing.Products
	made.Rows, made.Products = len(products), products[:min(len(products), mostShown)]
	if bad := r.Listing.Cells - len(products) - len(r.Listing.Repeated); bad > 0 {
		made.score /= 2
		made.Lacks = append(made.Lacks, fmt.Sprintf("%d rows of the page cannot be read as products: %s", bad, r.Listing.Read.(*found).bad[0]))
	}
	if !slices.ContainsFunc(products, func(p tracker.Product) bool { return p.Price.Known() }) {
		made.score /= 1.5
		made.Lacks = append(made.Lacks, "no price could be read; say with list.price where it stands and in which currency")
	}
	return made, true
}

func (p *proposer) open(o *Options) (market.Storefront, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return Market().Storefront(p.at.String(), string(text))
}
