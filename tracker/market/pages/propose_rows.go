package pages

import (
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
)

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
