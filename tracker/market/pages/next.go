package pages

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shopwatch/tracker/market"
)

// follow reads how the list goes on.
func (s *storefront) follow(d *document, l *market.Listing, f *found) {
	r := s.rules
	switch {
	case r.next != nil:
		a := first(d.root, func(n *html.Node) bool {
			return r.next.group.Match(n) && hasAttr(n, "href") && (n.DataAtom == atom.Link || displayed(n)) && usable(n)
		})
		if a == nil {
			break
		}
		to := webAddress(d.base, attr(a, "href"))
		switch {
		case to == nil:
		case !sameHost(to, s.address):
			l.Problem("the link to the next page leads to %s, which is another website", market.Clip(to.Host, 100))
		default:
			f.next = to.String()
		}
	case r.List.Next.Param != "" && f.end == "":
		f.next = s.numbered(l.Page + 1)
	}
	if f.next != "" {
		l.Next = l.Page + 1
	}
}

// usable reports whether a link to the next page can be followed, as far as it
// and the entry round it say.
func usable(n *html.Node) bool {
	for _, e := range []*html.Node{n, n.Parent} {
		if e == nil || e.Type != html.ElementNode {
			continue
		}
		if hasAttr(e, "disabled") || strings.EqualFold(attr(e, "aria-disabled"), "true") {
			return false
		}
		for class := range strings.FieldsSeq(attr(e, "class")) {
			if strings.EqualFold(class, "disabled") || strings.EqualFold(class, "is-disabled") {
				return false
			}
		}
	}
	return true
}

// numbered is the address of page n of a list that goes on by a parameter.
func (s *storefront) numbered(n int) string {
	next := &s.rules.List.Next
	u := *s.address
	q := u.Query()
	q.Set(next.Param, strconv.Itoa(next.Second+(n-2)*next.Step))
	u.RawQuery = q.Encode()
	return u.String()
}
