package schemaorg

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Microdata reads the microdata of a document. Addresses in it are relative to
// base.
func Microdata(doc *html.Node, base *url.URL) Data {
	r := newReader(base)
	m := &microdata{named: map[string]*html.Node{}, left: 200_000}
	for n := range doc.Descendants() {
		if id := attr(n, "id"); id != "" && m.named[id] == nil {
			m.named[id] = n
		}
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && has(n, "itemscope") && !has(n, "itemprop") {
			r.take(m.thing(n, 0), 0)
		}
	}
	return r.data
}

// microdata turns elements into the same values as JSON-LD has.
type microdata struct {
	named map[string]*html.Node // elements by their id
	left  int                   // elements that are still looked at: references may go round
}

// thing reads the item of an element.
func (m *microdata) thing(n *html.Node, depth int) map[string]any {
	t := map[string]any{}
	var types []any
	for name := range strings.FieldsSeq(attr(n, "itemtype")) {
		types = append(types, name)
	}
	t["@type"] = types
	if id := attr(n, "itemid"); id != "" {
		t["@id"] = id
	}
	if depth > maxDepth {
		return t
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		m.properties(c, t, depth)
	}
	for id := range strings.FieldsSeq(attr(n, "itemref")) {
		if c := m.named[id]; c != nil && c != n {
			m.properties(c, t, depth)
		}
	}
	return t
}

// properties adds to a thing what an element and those within say of it.
func (m *microdata) properties(n *html.Node, t map[string]any, depth int) {
	if m.left--; n.Type != html.ElementNode || m.left < 0 {
		return
	}
	scope := has(n, "itemscope")
	if names := attr(n, "itemprop"); names != "" {
		var value any
		if scope {
			value = m.thing(n, depth+1)
		} else {
			value = valueOf(n)
		}
		for name := range strings.FieldsSeq(names) {
			add(t, name, value)
		}
	}
	if scope {
		return // what is within is of another thing
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		m.properties(c, t, depth)
	}
}

func add(t map[string]any, name string, value any) {
	switch old := t[name].(type) {
	case nil:
		t[name] = value
	case []any:
		t[name] = append(old, value)
	default:
		t[name] = []any{old, value}
	}
}

// valueOf is the value of a property that is no thing.
func valueOf(n *html.Node) string {
	if has(n, "content") {
		return attr(n, "content")
	}
	key := map[atom.Atom]string{
		atom.A: "href", atom.Area: "href", atom.Link: "href",
		atom.Img: "src", atom.Audio: "src", atom.Embed: "src", atom.Iframe: "src", atom.Source: "src", atom.Track: "src", atom.Video: "src",
		atom.Object: "data", atom.Data: "value", atom.Meter: "value", atom.Time: "datetime",
	}[n.DataAtom]
	if key != "" && has(n, key) {
		return attr(n, key)
	}
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode && (c.Parent == nil || c.Parent.DataAtom != atom.Script && c.Parent.DataAtom != atom.Style) {
			b.WriteString(c.Data)
		}
		if b.Len() > 4*maxText {
			break
		}
	}
	return b.String()
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
