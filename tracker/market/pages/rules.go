package pages

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"

	"shopwatch/tracker/market"
)

// A selector is a CSS selector, compiled; nil for none.
type selector struct {
	text  string
	group cascadia.SelectorGroup
}

// A sign is a Sign, compiled.
type sign struct {
	css  *selector
	text string
}

func (s *sign) none() bool { return s.css == nil && s.text == "" }

// rules are the options of a storefront, checked and compiled.
type rules struct {
	Options
	http                                bool
	row, within, stop, link             *selector
	idCSS, title, price, image          *selector
	next, button                        *selector
	total, gone                         *selector
	ready, empty, end, selling, soldOut sign
	idLink, match, product              *regexp.Regexp
	sitemap                             *url.URL // where it is; nil when it is to be found
	mark                                byte     // before the decimals of prices; 0 when the text tells
}

// A compiler compiles options and keeps the first mistake.
type compiler struct {
	err  error
	page bool // selectors must be understood by Chrome too
}

func (c *compiler) fail(option, format string, a ...any) {
	if c.err == nil {
		c.err = &market.OptionError{Option: option, Err: fmt.Errorf(format, a...)}
	}
}

// foreign are pseudo-classes that Chrome does not know.
var foreign = regexp.MustCompile(`(?i):(contains|containsown|matches|matchesown|haschild|input)\b`)

func (c *compiler) selector(option, text string) *selector {
	if text == "" {
		return nil
	}
	group, err := cascadia.ParseGroup(text)
	if err != nil {
		c.fail(option, "%q is no selector: %w", text, err)
		return nil
	}
	if m := foreign.FindString(text); m != "" && c.page {
		c.fail(option, "Chrome does not know %s; it can be used with transport: http", m)
	}
	return &selector{text, group}
}

func (c *compiler) sign(option string, s Sign) sign {
	return sign{c.selector(option+".css", s.CSS), strings.Join(strings.Fields(s.Text), " ")}
}

// pattern compiles a regular expression that has a group, or may have one.
func (c *compiler) pattern(option, text string, group bool) *regexp.Regexp {
	if text == "" {
		return nil
	}
	re, err := regexp.Compile(text)
	switch {
	case err != nil:
		c.fail(option, "%q is no regular expression: %w", text, err)
		return nil
	case group && re.NumSubexp() != 1:
		c.fail(option, "%q: put what counts in one pair of parentheses", text)
		return nil
	}
	return re
}

// compile checks the options of the storefront at an address. An error is a
// *market.OptionError.
func compile(o Options, u *url.URL) (*rules, error) {
	l, c := &o.List, &compiler{}
	switch l.Transport {
	case "", "page":
		c.page = true
	case "http":
	default:
		c.fail("list.transport", "want page (Chrome shows the list) or http (it is sent whole)")
	}
	if l.MaxPages == 0 {
		l.MaxPages = 100
	}
	if len(o.Item.Gone.Status) == 0 {
		o.Item.Gone.Status = Statuses{404, 410}
	}
	r := &rules{
		Options: o, http: !c.page,
		row: c.selector("list.row", l.Row), within: c.selector("list.within", l.Within), stop: c.selector("list.stop", l.Stop),
		link: c.selector("list.link", l.Link), title: c.selector("list.title.css", l.Title.CSS), price: c.selector("list.price.css", l.Price.CSS),
		image: c.selector("list.image.css", l.Image.CSS), idCSS: c.selector("list.id.css", l.ID.CSS), idLink: c.pattern("list.id.link", l.ID.Link, true),
		next: c.selector("list.next.link", l.Next.Link), button: c.selector("list.next.button", l.Next.Button),
		total: c.selector("list.total.css", l.Total.CSS), match: c.pattern("list.total.match", l.Total.Match, true),
		product: c.pattern("list.total.product", l.Total.Product, false), gone: c.selector("item.gone.css", o.Item.Gone.CSS),
		ready: c.sign("list.ready", l.Ready), empty: c.sign("list.empty", l.Empty), end: c.sign("list.next.end", l.Next.End),
		soldOut: c.sign("list.soldout", l.SoldOut), selling: c.sign("item.selling", o.Item.Selling),
	}
	r.checkRows(c)
	r.checkNext(c)
	r.checkTotal(c, u)
	r.checkItem(c)
	return r, c.err
}

// checkRows checks what says how products are read.
func (r *rules) checkRows(c *compiler) {
	l := &r.List
	switch {
	case l.Data != "" && l.Data != "jsonld" && l.Data != "microdata":
		c.fail("list.data", "want jsonld or microdata")
	case r.row == nil && l.Data == "":
		c.fail("list.row", "say what the rows of the list are, such as .grid .card; or take the products from structured data, with data: jsonld")
	case r.http && !r.ready.none():
		c.fail("list.ready", "a list that is sent whole is ready; leave it out, or use transport: page")
	case l.ID.Attr != "" && l.ID.Link != "":
		c.fail("list.id", "want attr or link, not both")
	case l.ID.CSS != "" && l.ID.Attr == "":
		c.fail("list.id", "say which attr of the element is the ID")
	case l.MaxPages < 1 || l.MaxPages > 1000:
		c.fail("list.max_pages", "want 1 to 1000")
	}
	if r.row == nil {
		for _, f := range []struct {
			option string
			set    bool
		}{
			{"within", l.Within != ""}, {"stop", l.Stop != ""}, {"link", l.Link != ""}, {"title", l.Title.CSS != "" || l.Title.Attr != nil},
			{"price", l.Price.CSS != "" || l.Price.Attr != nil}, {"image", l.Image.CSS != "" || l.Image.Attr != nil}, {"soldout", !r.soldOut.none()},
			{"id", l.ID.Attr != ""},
		} {
			if f.set {
				c.fail("list."+f.option, "it stands in the rows of the list: say what they are, with row")
			}
		}
	}
	if l.Price.Currency != "" && !knownCurrency(l.Price.Currency) {
		c.fail("list.price.currency", "%q is no currency; want three letters, such as EUR", l.Price.Currency)
	}
	var ok bool
	if r.mark, ok = markOf(l.Price.Locale); !ok {
		c.fail("list.price.locale", "%q is not known; want the language in which prices are written, such as de or en", l.Price.Locale)
	}
}

// checkNext checks that one way is named in which the list goes on, and what
// says that it ended.
func (r *rules) checkNext(c *compiler) {
	n := &r.List.Next
	ways := 0
	for _, set := range []bool{n.Link != "", n.Button != "" || n.Scroll, n.Param != "", n.None} {
		if set {
			ways++
		}
	}
	if n.Step == 0 {
		n.Step = 1
	}
	if n.Second == 0 {
		if n.Second = n.Step; n.Step == 1 {
			n.Second = 2
		}
	}
	counted := r.total != nil
	switch {
	case ways != 1:
		c.fail("list.next", "say in which one way the list goes on: link, button or scroll, param, or none: true for a list of one page")
	case r.http && r.grows():
		c.fail("list.next", "a button and scrolling need a browser: use transport: page")
	case n.Step < 1 || n.Second < 0 || n.Step > 10_000 || n.Second > 10_000:
		c.fail("list.next", "step and second are page numbers or numbers of products, at least 1")
	case n.Scroll && !counted && r.end.none():
		c.fail("list.next", "nothing tells when a list that grows has ended: say what it shows then with end, or where its total stands")
	case n.Param != "" && !counted && r.end.none() && r.empty.none():
		c.fail("list.next", "nothing tells which page is the last: say with end or empty what is shown then, or where the total stands")
	}
}

func (r *rules) checkTotal(c *compiler, u *url.URL) {
	t := &r.List.Total
	switch {
	case t.CSS != "" && t.Sitemap != "":
		c.fail("list.total", "want css or sitemap, not both")
	case t.Match != "" && t.CSS == "":
		c.fail("list.total", "say with css where the text stands that match is for")
	case t.Product != "" && t.Sitemap == "":
		c.fail("list.total.product", "it picks the products of a sitemap; say sitemap: true")
	}
	if t.Sitemap == "" {
		return
	}
	if r.product == nil {
		r.product = r.idLink
	}
	if r.product == nil {
		c.fail("list.total.product", "say with a regular expression which addresses of the sitemap are of products, such as /p/")
	}
	if t.Sitemap == auto {
		return
	}
	var err error
	if r.sitemap, err = u.Parse(string(t.Sitemap)); err != nil || !sameHost(r.sitemap, u) {
		c.fail("list.total.sitemap", "want true, or the address of a sitemap of %s", u.Host)
	}
}

func (r *rules) checkItem(c *compiler) {
	g := &r.Item.Gone
	for _, s := range g.Status {
		if s < 200 || s > 599 || s == 401 || s == 403 || s == 429 || s >= 500 {
			c.fail("item.gone.status", "status %d does not say that a product is gone", s)
		}
	}
	if slices.ContainsFunc(g.Status, func(s int) bool { return s < 400 }) && (g.CSS == "" || g.Text == "") {
		c.fail("item.gone", "a page that comes as if all were well must say that the product is gone: name its words with css and text")
	}
	if g.Text != "" && g.CSS == "" {
		c.fail("item.gone", "say with css in which element the text stands")
	}
}

// grows reports whether the list is one page that grows.
func (r *rules) grows() bool { return r.List.Next.Button != "" || r.List.Next.Scroll }

// sameHost reports whether addresses are of one website: of one host, with www.
// or without.
func sameHost(a, b *url.URL) bool {
	return bareHost(a.Hostname()) == bareHost(b.Hostname()) && a.Port() == b.Port() && (a.Scheme == b.Scheme || a.Scheme == "https")
}

func bareHost(host string) string {
	return strings.TrimPrefix(strings.TrimSuffix(strings.ToLower(host), "."), "www.")
}
