package pages

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

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
