package prestashop

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// What is asked for to judge a product, one after the other (NOTES.md, 5).
type (
	ownPage struct{}            // its page
	first   struct{}            // the first page of the list, which names another product
	control struct{ id string } // the page of that other product
)

// ItemPage asks for the page of a product.
func (s *storefront) ItemPage(p *tracker.Product) market.Request {
	address := s.address(p.URL)
	if address == "" {
		u, err := url.Parse(s.page)
		if err != nil {
			u = &url.URL{}
		}
		address = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/index.php", RawQuery: byNumber + url.QueryEscape(string(p.ID))}).String()
	}
	r := forPeople(address)
	r.Product, r.Ask = p.ID, ownPage{}
	return r
}

// byNumber are the parameters of a product's page that PrestaShop itself has.
const byNumber = "controller=product&id_product="

func (s *storefront) ReadItem(a *market.Answer) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown}
	if st := s.elsewhere(a); st != nil {
		f.Reason = st.Reason
		return f
	}
	if st := market.Refusal(a); st != nil {
		f.Reason = st.Name
		if st.Verdict.Wall() {
			f.Wall = st
		}
		return f
	}
	switch ask := a.Request.Ask.(type) {
	case first:
		return s.judgeList(a)
	case control:
		return judgeControl(a, ask)
	}
	return s.judgePage(a)
}

// judgePage judges the product's own page.
func (s *storefront) judgePage(a *market.Answer) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown}
	switch {
	case a.Status == http.StatusOK && names(a, string(a.Request.Product)):
		f.State, f.Reason = tracker.PageSold, "its page still shows it"
	case a.Status != http.StatusNotFound && a.Status != http.StatusGone:
		f.Reason = fmt.Sprintf("a page with status %d that does not say which product it shows", a.Status)
	case !a.SamePath():
		f.Reason = fmt.Sprintf("its page leads elsewhere, where status %d answers", a.Status)
	case !own(a):
		f.Reason = fmt.Sprintf("status %d comes with a page that is not the shop's own", a.Status)
	case strings.Contains(a.Request.URL, byNumber):
		f.Reason = "the address of its page is not known"
	default:
		f.Reason = fmt.Sprintf("its page answers with status %d", a.Status)
		r := s.list(1)
		r.Page, r.Product, r.Ask = 0, a.Request.Product, first{}
		f.More = &r
	}
	return f
}

// judgeList takes from the first page of the list a product whose page must
// exist.
func (s *storefront) judgeList(a *market.Answer) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown, Reason: "the list does not name another product"}
	if st := state(a); st != nil {
		f.Reason = st.Name
		if st.Verdict.Wall() {
			f.Wall = st
		}
		return f
	}
	page, err := decode(a.Body)
	if err != nil || page.Products == nil {
		return f
	}
	var other *tracker.Product
	for i := range *page.Products {
		p, err := s.product(&(*page.Products)[i])
		switch {
		case err != nil:
		case p.ID == a.Request.Product:
			f.State, f.Reason = tracker.PageSold, "the list shows it again"
			return f
		case other == nil && p.URL != "":
			other = &p
		}
	}
	if other == nil {
		return f
	}
	f.Reason = "the list does not show it"
	r := forPeople(other.URL)
	r.Product, r.Ask = a.Request.Product, control{string(other.ID)}
	f.More = &r
	return f
}

// judgeControl judges the page of another product, which the list shows. Only
// where that exists, a page that does not exist says something.
func judgeControl(a *market.Answer, c control) market.ItemFinding {
	if a.Status != http.StatusOK || !names(a, c.id) {
		return market.ItemFinding{State: tracker.PageUnknown, Reason: "the pages of other products cannot be read either"}
	}
	return market.ItemFinding{State: tracker.PageGone, Reason: "its page does not exist"}
}

// shown is how a page says which product it shows (NOTES.md, 5). It is large, and
// compiled when it is first needed.
var shown = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)<input[^>]{0,200}\bname=["']id_product["'][^>]{0,200}\bvalue=["'](\d{1,18})["']|<input[^>]{0,200}\bid=["']product_page_product_id["'][^>]{0,200}\bvalue=["'](\d{1,18})["']`)
})

// names reports whether a page of the shop says that it shows a product.
func names(a *market.Answer, id string) bool {
	return own(a) && a.Names(shown(), id)
}
