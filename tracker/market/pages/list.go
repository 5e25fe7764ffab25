package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/schemaorg"
)

// What is taken of a page at most.
const (
	maxRows = 20_000
	maxID   = 120
)

// A found is what else a listing page says, for Next and Assess.
type found struct {
	next    string   // address of the next page; "" when there is none
	end     string   // the words by which the page says that it is the last
	grown   *growth  // of a list that grows
	bad     []string // rows that cannot be read
	noPrice int      // products whose price is known but for its currency
	beyond  bool     // the page behind the last one
}

// An entry is a product as a list shows it, with what a tracker.Product does not
// hold.
type entry struct {
	tracker.Product
	strangePrice bool // there is a price, but nothing tells its currency
}

// list reads a listing page.
func (s *storefront) list(a *market.Answer) (market.Reading, error) {
	d, err := s.read(a)
	if err != nil {
		if wrong := (*notHTMLError)(nil); errors.As(err, &wrong) {
			return market.Reading{State: &market.State{Name: "not a page", Verdict: tracker.Failed, Transient: true, Reason: err.Error()}}, nil
		}
		return market.Reading{}, err
	}
	rows := s.rowsOf(d)
	data := s.dataOf(d)
	some := len(rows) > 0 || s.rules.row == nil && len(s.products(&data)) > 0
	further := d.grown != nil && a.Request.Page > 1 // a step may bring nothing
	if w := s.wall(d, some || further); w != nil {
		return market.Reading{State: w}, nil
	}
	_, none := s.rules.empty.shownIn(d)
	none = none && !some
	if !some && s.beyond(a, d, none) {
		return market.Reading{Listing: market.Listing{Witness: true, Read: &found{beyond: true}}}, nil
	}
	if d.status >= 400 || s.elsewhere(d, a.Request.URL) != "" || !some && !none && !further {
		return market.Reading{State: s.failure(d, a.Request.URL)}, nil
	}
	return market.Reading{Listing: s.listing(a.Request.Page, d, rows, &data, none)}, nil
}

// beyond reports whether a page without products is the one behind the last: it
// says that it has none, or none is left by the declared total.
func (s *storefront) beyond(a *market.Answer, d *document, none bool) bool {
	if d.status >= 400 && d.status != http.StatusNotFound {
		return false
	}
	return a.Request.Kind == kindBeyond || none && s.rules.List.Next.Param != "" && a.Request.Page > 1
}

// listing reads page n, which shows rows or says that there are none.
func (s *storefront) listing(n int, d *document, rows []*html.Node, data *schemaorg.Data, none bool) market.Listing {
	f := &found{grown: d.grown}
	l := market.Listing{Layout: s.layout(), Page: n, Empty: none, Grown: d.grown != nil, Read: f, Seller: s.seller(d)}
	var err error
	if l.Total, err = s.total(d); err != nil {
		l.Problem("%v", err)
	}
	f.end, _ = s.rules.end.shownIn(d)
	if !s.rules.grows() {
		s.follow(d, &l, f)
	}
	if none {
		if l.Total > 0 {
			l.Problem("the page says that there are no products, and that there are %d", l.Total)
		}
		l.Last = true
		return l
	}
	s.take(&l, f, d, rows, data)
	for _, b := range f.bad {
		if l.Total == 0 { // with a total, the number of products tells
			l.Problem("%s", b)
		}
	}
	if d.cut && l.Total == 0 {
		l.Problem("the page is cut off: its end is missing")
	}
	if d.why == "time" && l.Total == 0 {
		l.Problem("the page was not ready in time")
	}
	return l
}

// take takes in the products of a page.
func (s *storefront) take(l *market.Listing, f *found, d *document, rows []*html.Node, data *schemaorg.Data) {
	seen := map[tracker.ProductID]bool{}
	one := func(e entry, err error) {
		if err != nil {
			l.Cells++
			f.bad = append(f.bad, err.Error())
			return
		}
		if e.strangePrice {
			f.noPrice++
		}
		l.Take(e.Product, nil, seen)
	}
	if s.rules.row == nil {
		for _, b := range data.Broken {
			l.Problem("%s", b)
		}
		for i, p := range s.products(data) {
			e, err := s.ofData(&p)
			if err != nil {
				err = fmt.Errorf("product %d: %w", i+1, err)
			}
			one(e, err)
		}
		return
	}
	by := s.byID(data)
	for i, row := range rows {
		e, err := s.ofRow(d, row, by)
		if err != nil {
			err = fmt.Errorf("row %d: %w", i+1, err)
		}
		one(e, err)
	}
}

// rowsOf returns the rows of the list.
func (s *storefront) rowsOf(d *document) (rows []*html.Node) {
	r := s.rules
	if r.row == nil {
		return nil
	}
	within := func(n *html.Node) bool {
		for up := n; up != nil && r.within != nil; up = up.Parent {
			if up.Type == html.ElementNode && r.within.group.Match(up) {
				return true
			}
		}
		return r.within == nil
	}
	for n := range d.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if r.stop != nil && r.stop.group.Match(n) && within(n) || len(rows) == maxRows {
			return rows
		}
		if r.row.group.Match(n) && displayed(n) && within(n) {
			rows = append(rows, n)
		}
	}
	return rows
}

// dataOf reads the structured data of a page, when it is wanted.
func (s *storefront) dataOf(d *document) schemaorg.Data {
	switch s.rules.List.Data {
	case "jsonld":
		return schemaorg.JSONLD(d.root, d.base)
	case "microdata":
		return schemaorg.Microdata(d.root, d.base)
	}
	return schemaorg.Data{}
}

// products are those that structured data lists. The entries of a list may be
// articles: when they do not say that they are products, their addresses must.
func (s *storefront) products(data *schemaorg.Data) []schemaorg.Product {
	var all []schemaorg.Product
	for i := range data.Lists {
		l := &data.Lists[i]
		ours := func(p schemaorg.Product) bool {
			return s.rules.idLink != nil && s.rules.idLink.MatchString(p.URL)
		}
		if l.Typed || slices.ContainsFunc(l.Products, ours) {
			all = append(all, l.Products...)
		}
	}
	if len(all) == 0 {
		return data.Products
	}
	return all
}

// byID are the products of structured data by their IDs, for rows that lack
// something.
func (s *storefront) byID(data *schemaorg.Data) map[tracker.ProductID]*schemaorg.Product {
	by := map[tracker.ProductID]*schemaorg.Product{}
	all := s.products(data)
	for i := range all {
		if u, err := url.Parse(all[i].URL); err == nil && all[i].URL != "" {
			if id, err := s.idOfLink(u); err == nil {
				by[id] = &all[i]
			}
		}
	}
	return by
}

// ofRow reads a row.
func (s *storefront) ofRow(d *document, row *html.Node, by map[tracker.ProductID]*schemaorg.Product) (e entry, err error) {
	r := s.rules
	link := s.linkOf(d, row)
	if link == nil {
		return e, errors.New("it has no link that can be followed")
	}
	if !sameSite(link, s.address) {
		return e, fmt.Errorf("it leads to %s, which is another website", market.Clip(link.Host, 100))
	}
	fromLink, err := s.idOfLink(link)
	e.ID = fromLink
	if r.List.ID.Attr != "" {
		e.ID, err = s.idOfAttr(row)
	}
	if err != nil {
		return e, err
	}
	e.URL = s.canonical(link)
	e.Title = s.title(row)
	e.Image = s.picture(d, row)
	if r.price != nil || r.List.Price.Attr != nil {
		e.price(s, row)
	}
	if !r.soldOut.none() {
		e.Availability = tracker.Available
		if _, shown := r.soldOut.in(row); shown {
			e.Availability = tracker.SoldOut
		}
	}
	if p := by[fromLink]; p != nil {
		e.fill(p)
	}
	if e.Title == "" {
		return e, errors.New("it has no title")
	}
	return e, nil
}

// price reads the price of a row.
func (e *entry) price(s *storefront, row *html.Node) {
	r := s.rules
	text := fieldOf(row, r.price, r.List.Price.Attr, maxPrice+1)
	e.Price = r.readPrice(text)
	e.strangePrice = e.Price.Currency == "" && number.MatchString(text)
}

// fill fills in what a row does not show.
func (e *entry) fill(p *schemaorg.Product) {
	if e.Title == "" {
		e.Title = title(p.Name)
	}
	if e.Image == "" {
		e.Image = p.Image
	}
	if !e.Price.Known() && (e.Price.Currency == "" || e.Price.Currency == p.Price.Currency) {
		e.Price, e.strangePrice = priceOfData(&p.Price), false
	}
	if e.Availability == tracker.AvailabilityUnknown && p.Stock != schemaorg.Unstated {
		e.Availability = tracker.SoldOut
		if p.Stock == schemaorg.Available {
			e.Availability = tracker.Available
		}
	}
}

// ofData makes an entry of a product of structured data.
func (s *storefront) ofData(p *schemaorg.Product) (e entry, err error) {
	u, err := url.Parse(p.URL)
	if err != nil || p.URL == "" {
		return e, errors.New("it has no address")
	}
	if !sameSite(u, s.address) {
		return e, fmt.Errorf("it leads to %s, which is another website", market.Clip(u.Host, 100))
	}
	if e.ID, err = s.idOfLink(u); err != nil {
		return e, err
	}
	e.URL = s.canonical(u)
	if e.fill(p); e.Title == "" {
		return e, errors.New("it has no name")
	}
	return e, nil
}

// priceOfData makes a listed price of one of structured data.
func priceOfData(p *schemaorg.Price) tracker.Price {
	if p.Low == "" {
		return tracker.Price{Currency: p.Currency}
	}
	return priceOf(p.Low, p.High, p.Currency, p.From())
}

// linkOf returns the address to which a row leads, nil when there is none.
func (s *storefront) linkOf(d *document, row *html.Node) *url.URL {
	a := s.rules.link.findShown(row)
	if s.rules.link == nil {
		a = first(row, func(n *html.Node) bool { return n.DataAtom == atom.A && hasAttr(n, "href") })
	}
	if a == nil {
		return nil
	}
	if !hasAttr(a, "href") {
		if a = first(a, func(n *html.Node) bool { return hasAttr(n, "href") }); a == nil {
			return nil
		}
	}
	return webAddress(d.base, attr(a, "href"))
}

// webAddress resolves a link, nil for one that leads nowhere on the web.
func webAddress(base *url.URL, href string) *url.URL {
	href = strings.TrimSpace(href)
	if href == "" || strings.HasPrefix(href, "#") || len(href) > market.MaxAddress {
		return nil
	}
	u, err := base.Parse(href)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	u.Fragment, u.RawFragment = "", ""
	u.Host = strings.ToLower(u.Host)
	return u
}

// canonical is the address of a product's page without what changes from load to
// load: all parameters but those to be kept.
func (s *storefront) canonical(link *url.URL) string {
	u := *link
	u.RawQuery = s.kept(link)
	return u.String()
}

// kept is what is kept of the parameters of a link.
func (s *storefront) kept(link *url.URL) string {
	all, kept := link.Query(), url.Values{}
	for _, key := range s.rules.List.Keep {
		if v, ok := all[key]; ok {
			kept[key] = v
		}
	}
	return kept.Encode()
}

// idOfLink is the ID that a link tells.
func (s *storefront) idOfLink(link *url.URL) (tracker.ProductID, error) {
	if re := s.rules.idLink; re != nil {
		m := re.FindStringSubmatch(link.String())
		if m == nil {
			return "", fmt.Errorf("its link %.100q does not match list.id.link", link.String())
		}
		return checkID(m[1])
	}
	id := "/" + strings.Trim(link.EscapedPath(), "/")
	if k := s.kept(link); k != "" {
		id += "?" + k
	}
	if id == "/" {
		return "", errors.New("its link leads to the home page")
	}
	return checkID(shorten(id))
}

// shorten makes an ID of a long address: its beginning, and a hash of all of it.
func shorten(id string) string {
	if len(id) <= maxID {
		return id
	}
	return market.Clip(id, maxID-18) + "~" + strconv.FormatUint(hash(id), 16)
}

func (s *storefront) idOfAttr(row *html.Node) (tracker.ProductID, error) {
	n := row
	if s.rules.idCSS != nil {
		if n = s.rules.idCSS.find(row); n == nil {
			return "", fmt.Errorf("nothing in it matches list.id.css (%s)", s.rules.idCSS.text)
		}
	}
	name := s.rules.List.ID.Attr
	if !hasAttr(n, strings.ToLower(name)) {
		return "", fmt.Errorf("it has no attribute %s", name)
	}
	return checkID(strings.TrimSpace(attr(n, strings.ToLower(name))))
}

// wellFormedID is what an ID may be: it is a key, and people read it.
var wellFormedID = regexp.MustCompile(`^[^\pC\s][^\pC]*$`)

func checkID(id string) (tracker.ProductID, error) {
	if len(id) > maxID || !wellFormedID.MatchString(id) {
		return "", fmt.Errorf("%.60q is no ID", id)
	}
	return tracker.ProductID(id), nil
}

// title is the title of a row: that of its field, else what its link says.
func (s *storefront) title(row *html.Node) string {
	r := s.rules
	if r.title != nil || r.List.Title.Attr != nil {
		return fieldOf(row, r.title, r.List.Title.Attr, market.MaxTitle)
	}
	a := r.link.findShown(row)
	if r.link == nil {
		// Of several links the first with words: that before it is the picture's.
		a = first(row, func(n *html.Node) bool { return n.DataAtom == atom.A && words(n, 200) != "" })
	}
	if t := words(a, market.MaxTitle); t != "" {
		return t
	}
	for _, key := range []string{"title", "aria-label"} {
		if a != nil && attr(a, key) != "" {
			return title(attr(a, key))
		}
	}
	img := first(row, func(n *html.Node) bool { return n.DataAtom == atom.Img && attr(n, "alt") != "" })
	if img == nil {
		return ""
	}
	return title(attr(img, "alt"))
}

// title is a text as titles are kept.
func title(s string) string {
	return market.Clip(strings.Join(strings.Fields(printable(market.Clip(s, 4*market.MaxTitle))), " "), market.MaxTitle)
}

// fieldOf is the value of a field of a row: of the first element that is
// displayed, its text or the first of the attributes that it has.
func fieldOf(row *html.Node, css *selector, attrs Names, most int) string {
	n := row
	if css != nil {
		if n = css.findShown(row); n == nil {
			return ""
		}
	}
	for _, key := range attrs {
		if v := strings.Join(strings.Fields(printable(attr(n, strings.ToLower(key)))), " "); v != "" {
			return market.Clip(v, most)
		}
	}
	if attrs != nil {
		return ""
	}
	return words(n, most)
}

// pictureAttrs are where pictures stand, those of pages that load them late
// before the others.
var pictureAttrs = Names{"data-src", "data-original", "data-lazy-src", "data-lazy", "data-srcset", "srcset", "src"}

// picture is the address of the main picture of a row.
func (s *storefront) picture(d *document, row *html.Node) string {
	img := s.rules.image.find(row)
	if s.rules.image == nil {
		img = first(row, func(n *html.Node) bool { return n.DataAtom == atom.Img })
	}
	if img == nil {
		return ""
	}
	attrs := s.rules.List.Image.Attr
	if attrs == nil {
		attrs = pictureAttrs
	}
	for _, key := range attrs {
		key = strings.ToLower(key)
		v := strings.TrimSpace(attr(img, key))
		if strings.HasSuffix(key, "srcset") {
			v = largest(v)
		}
		if u := webAddress(d.base, v); u != nil {
			return u.String()
		}
	}
	return ""
}

// largest is the address of the largest picture of a srcset.
func largest(srcset string) (best string) {
	size := -1.0
	for part := range strings.SplitSeq(market.Clip(srcset, 20_000), ", ") {
		words := strings.Fields(strings.Trim(part, ", \n\t"))
		if len(words) == 0 {
			continue
		}
		n := 0.0
		if len(words) > 1 {
			n, _ = strconv.ParseFloat(strings.TrimRight(words[1], "wx"), 64) // 0 is the smallest
		}
		if n > size {
			best, size = words[0], n
		}
	}
	return best
}

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

var (
	// count is a number of products as pages write it. What follows may say
	// that there are more.
	count    = regexp.MustCompile(`\p{Nd}[\p{Nd}.,'’ \x{a0}\x{202f}\x{2009}]*`)
	openEnds = regexp.MustCompile(`^\s*\+`)
)

// maxTotal is more than any list that is read has.
const maxTotal = 10_000_000

// total reads how many products the page declares; 0 when it is not to say, or
// says that there are none.
func (s *storefront) total(d *document) (int, error) {
	r := s.rules
	if r.total == nil {
		return 0, nil
	}
	n := r.total.findShown(d.root)
	if n == nil {
		return 0, fmt.Errorf("the page does not say how many products there are: nothing matches list.total.css (%s)", r.total.text)
	}
	text := words(n, 500)
	at := count.FindStringIndex(text)
	if r.match != nil {
		if m := r.match.FindStringSubmatchIndex(text); m != nil && m[2] >= 0 {
			at = m[2:4]
		} else {
			return 0, fmt.Errorf("the number of products cannot be read: list.total.match does not match %.80q", text)
		}
	}
	if at == nil {
		return 0, fmt.Errorf("the number of products cannot be read in %.80q", text)
	}
	number := strings.TrimSpace(text[at[0]:at[1]])
	if strings.HasSuffix(number, "+") || openEnds.MatchString(text[at[1]:]) {
		return 0, fmt.Errorf("the page says that there are more than so many products: %.80q", text)
	}
	total, ok := wholeNumber(number)
	if !ok {
		return 0, fmt.Errorf("%.40q is no number of products", number)
	}
	return total, nil
}

// wholeNumber reads a number with marks between its thousands or without, in any
// digits.
func wholeNumber(s string) (int, bool) {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '٠' && r <= '٩':
			return r - '٠' + '0'
		case r >= '۰' && r <= '۹':
			return r - '۰' + '0'
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		}
		return r
	}, strings.TrimRight(strings.TrimSpace(s), ".,'’"))
	groups := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(".,'’ \u00a0\u202f\u2009", r) })
	for i, g := range groups {
		if i > 0 && len(g) != 3 && (i == len(groups)-1 || len(g) != 2) || i == 0 && len(groups) > 1 && len(g) > 3 {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(strings.Join(groups, ""), 10, 31)
	return int(n), err == nil && n <= maxTotal
}

// seller is what the website says of itself.
func (s *storefront) seller(d *document) tracker.SellerIdentity {
	name := ""
	if m := first(d.root, func(n *html.Node) bool { return n.DataAtom == atom.Meta && attr(n, "property") == "og:site_name" }); m != nil {
		name = title(attr(m, "content"))
	}
	return market.Seller(bareHost(s.address.Hostname()), "", name)
}
