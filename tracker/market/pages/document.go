package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"

	"shopwatch/tracker/market"
)

// longestPage is the longest page that is read, in bytes.
const longestPage = 8 << 20

// A document is a page as it was sent, or as Chrome shows it.
type document struct {
	url    *url.URL // that answered
	status int
	header http.Header
	root   *html.Node
	base   *url.URL // of its links
	// cut says that the page lacks its end. Chrome hides that.
	cut bool
	// why is what ended the wait for a page in Chrome.
	why   string
	grown *growth // of a list that grows; nil for others
}

// A growth is what one more step on a list that grows has brought.
type growth struct {
	Rows    int  `json:"rows"`    // that were not there before
	Clicked bool `json:"clicked"` // a button was there and was clicked
	Button  bool `json:"button"`  // one is there still
	Twice   int  `json:"twice"`   // rows so far that the list shows in two places
}

// A shown page is what the script reports.
type shown struct {
	URL   string  `json:"url"`
	Why   string  `json:"why"`
	HTML  string  `json:"html"`
	Grown *growth `json:"grown"`
}

// notHTMLError is an answer that is no page.
type notHTMLError struct{ contentType string }

func (e *notHTMLError) Error() string {
	return fmt.Sprintf("the answer is no page, but %q", market.Clip(e.contentType, 60))
}

// read reads an answer as a page.
func (s *storefront) read(a *market.Answer) (*document, error) {
	u, err := url.Parse(a.URL)
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	d := &document{url: u, status: a.Status, header: a.Header, base: u}
	if s.rules.http {
		err = d.sent(a)
	} else {
		err = d.seen(a)
	}
	if err != nil {
		return nil, err
	}
	if b := first(d.root, func(n *html.Node) bool { return n.DataAtom == atom.Base && attr(n, "href") != "" }); b != nil {
		if to, err := d.base.Parse(attr(b, "href")); err == nil && to.Host != "" {
			d.base = to
		}
	}
	return d, nil
}

// sent reads a page as it was sent.
func (d *document) sent(a *market.Answer) error {
	if len(a.Body) > longestPage {
		return fmt.Errorf("read the page: %d bytes are more than any page has", len(a.Body))
	}
	contentType := a.Header.Get("Content-Type")
	if t, _, err := mime.ParseMediaType(contentType); contentType != "" && a.Status < 400 && (err != nil || t != "text/html" && t != "application/xhtml+xml") {
		return &notHTMLError{contentType}
	}
	decoded, err := charset.NewReader(bytes.NewReader(a.Body), contentType)
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	if d.root, err = parse(decoded); err != nil {
		return err
	}
	end := bytes.ToLower(a.Body[max(0, len(a.Body)-4096):])
	d.cut = !bytes.Contains(end, []byte("</html")) && !bytes.Contains(end, []byte("</body"))
	return nil
}

// seen reads a page as Chrome shows it.
func (d *document) seen(a *market.Answer) error {
	if len(a.Body) > 2*longestPage {
		return fmt.Errorf("read the page: %d bytes are more than any page has", len(a.Body))
	}
	var p shown
	if err := json.Unmarshal(a.Body, &p); err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	if u, err := url.Parse(p.URL); err == nil {
		d.base = u
	}
	d.why, d.grown = p.Why, p.Grown
	var err error
	d.root, err = parse(strings.NewReader(p.HTML))
	return err
}

func parse(r io.Reader) (*html.Node, error) {
	root, err := html.Parse(r)
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	return root, nil
}

// hiddenMark is the attribute by which the script marks what Chrome does not
// show: with no value for elements that are not displayed, and "faint" for those
// that are transparent.
const hiddenMark = "data-shopwatch-hidden"

// displayed reports whether a visitor may see an element, as far as the element
// and those round it tell.
func displayed(n *html.Node) bool { return visible(n, false) }

// visible is as displayed; with faint set, what is transparent does not count.
func visible(n *html.Node, faint bool) bool {
	for ; n != nil; n = n.Parent {
		if hides(n, faint) {
			return false
		}
	}
	return true
}

// hides reports whether an element is not displayed by itself.
func hides(n *html.Node, faint bool) bool {
	if n.Type != html.ElementNode {
		return false
	}
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Head, atom.Title:
		return true
	}
	for _, a := range n.Attr {
		switch {
		case a.Key == "hidden", a.Key == hiddenMark && (a.Val == "" || faint), a.Key == "style" && hidingStyle(a.Val):
			return true
		}
	}
	return false
}

// hidingStyle reports whether the style of an element hides it.
func hidingStyle(style string) bool {
	for part := range strings.SplitSeq(style, ";") {
		name, value, _ := strings.Cut(part, ":")
		if strings.EqualFold(strings.TrimSpace(name), "display") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "none") {
			return true
		}
	}
	return false
}

// apart are elements whose text stands apart from that round them.
var apart = map[atom.Atom]bool{
	atom.Address: true, atom.Article: true, atom.Br: true, atom.Dd: true, atom.Div: true, atom.Dl: true, atom.Dt: true, atom.Figure: true, atom.Form: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Header: true, atom.Footer: true, atom.Hr: true, atom.Li: true,
	atom.Main: true, atom.Nav: true, atom.Ol: true, atom.P: true, atom.Pre: true, atom.Section: true, atom.Table: true, atom.Td: true, atom.Th: true, atom.Tr: true, atom.Ul: true,
}

// words are what a visitor reads in an element, up to so many bytes, with white
// space folded.
func words(n *html.Node, most int) string {
	var b strings.Builder
	if n == nil || !displayed(n) {
		return ""
	}
	gather(n, &b, 4*most)
	return market.Clip(strings.Join(strings.Fields(printable(b.String())), " "), most)
}

func gather(n *html.Node, b *strings.Builder, most int) {
	for c := n.FirstChild; c != nil && b.Len() < most; c = c.NextSibling {
		switch {
		case c.Type == html.TextNode:
			b.WriteString(c.Data)
		case c.Type == html.ElementNode && !hides(c, false):
			if apart[c.DataAtom] {
				b.WriteByte(' ')
			}
			gather(c, b, most)
			if apart[c.DataAtom] {
				b.WriteByte(' ')
			}
		}
	}
}

// printable leaves out control characters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// find returns the first element within n that a selector matches, n itself
// included; nil when there is none.
func (s *selector) find(n *html.Node) *html.Node {
	if s == nil || n == nil {
		return nil
	}
	return first(n, s.group.Match)
}

// findShown is as find, of elements that are displayed.
func (s *selector) findShown(n *html.Node) *html.Node {
	if s == nil || n == nil {
		return nil
	}
	return first(n, func(n *html.Node) bool { return s.group.Match(n) && displayed(n) })
}

func first(n *html.Node, ok func(*html.Node) bool) *html.Node {
	if n.Type == html.ElementNode && ok(n) {
		return n
	}
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && ok(d) {
			return d
		}
	}
	return nil
}

// shownIn returns the words of a sign when a visitor sees it on a page.
func (s *sign) shownIn(d *document) (says string, ok bool) { return s.in(d.root) }

// in is as shownIn, within an element.
func (s *sign) in(root *html.Node) (says string, ok bool) {
	if s.none() {
		return "", false
	}
	if s.css == nil {
		body := first(root, func(n *html.Node) bool { return n.DataAtom == atom.Body })
		if body == nil {
			body = root
		}
		return s.text, strings.Contains(words(body, 1<<20), s.text)
	}
	found := first(root, func(n *html.Node) bool {
		return s.css.group.Match(n) && visible(n, true) && (s.text == "" || strings.Contains(words(n, 20_000), s.text))
	})
	if found == nil {
		return "", false
	}
	if s.text != "" {
		return s.text, true
	}
	return words(found, 200), true
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}
