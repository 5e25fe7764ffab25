package magento

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
	api     struct{}            // what the API knows of it, and the address of another product
	control struct{ id string } // the page of that other product
)

// byNumber is the path of a product's page that Magento itself has.
const byNumber = "/catalog/product/view/id/"

// ItemPage asks for the page of a product. It tells more than the API, which
// hides what is sold out.
func (s *storefront) ItemPage(p *tracker.Product) market.Request {
	address := p.URL
	if u, err := url.Parse(p.URL); err != nil || p.URL == "" || !s.Home(u.Hostname()) {
		address = s.base + byNumber + url.PathEscape(string(p.ID))
	}
	return market.Request{URL: address, Header: http.Header{"Accept": {"text/html"}}, Product: p.ID, Ask: ownPage{}}
}

func (s *storefront) ReadItem(a *market.Answer) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown}
	if st := s.elsewhere(a); st != nil {
		f.Reason = st.Reason
		return f
	}
	if _, ok := a.Request.Ask.(api); ok {
		return s.judge(a)
	}
	if st := market.Refusal(a); st != nil {
		f.Reason = st.Name
		if st.Verdict.Wall() {
			f.Wall = st
		}
		return f
	}
	if c, ok := a.Request.Ask.(control); ok {
		return judgeControl(a, c)
	}
	return s.judgePage(a)
}

// judgePage judges the product's own page.
func (s *storefront) judgePage(a *market.Answer) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown}
	switch {
	case a.Status == http.StatusUnauthorized:
		f.Reason = "the page wants a login"
	case a.Status == http.StatusOK && names(a, string(a.Request.Product)):
		f.State, f.Reason = tracker.PageSold, "its page still shows it, though the shop lists it no more: sold out and hidden, perhaps"
	case a.Status != http.StatusNotFound && a.Status != http.StatusGone:
		f.Reason = fmt.Sprintf("a page with status %d that does not say which product it shows", a.Status)
	case !a.SamePath():
		f.Reason = fmt.Sprintf("its page leads elsewhere, where status %d answers", a.Status)
	case strings.Contains(a.Request.URL, byNumber):
		f.Reason = "the address of its page is not known"
	default:
		f.Reason = fmt.Sprintf("its page answers with status %d", a.Status)
		key := keyOf(a.Request.URL)
		next := s.ask(question{itemQuery, map[string]any{"keys": []string{key, strings.TrimSuffix(key, ".html")}}})
		next.Product, next.Ask = a.Request.Product, api{}
		f.More = &next
	}
	return f
}

// judge judges what the API knows of a product whose page does not exist. It
// names another product, whose page must.
func (s *storefront) judge(a *market.Answer) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown}
	if st := state(a); st != nil {
		f.Reason = st.Name
		if st.Verdict.Wall() {
			f.Wall = st
		}
		return f
	}
	var answer struct {
		Errors []apiError `json:"errors"`
		Data   struct {
			Asked, Any *products
		} `json:"data"`
	}
	if err := decode(plain(a.Body), &answer); err != nil {
		f.Reason = err.Error()
		return f
	}
	asked, others := answer.Data.Asked, answer.Data.Any
	switch {
	case len(answer.Errors) > 0:
		f.Reason = "the API reports: " + answer.Errors[0].String()
		return f
	case asked == nil || asked.Total == nil || asked.Items == nil || others == nil || len(others.Items) == 0:
		f.Reason = "the API does not say whether it knows the product"
		return f
	}
	for i := range asked.Items {
		if id, err := number(asked.Items[i].UID); err != nil || id == a.Request.Product {
			f.State, f.Reason = tracker.PageSold, "the API still knows it"
			return f
		}
	}
	other := &others.Items[0]
	id, err := number(other.UID)
	address := s.address(other.Key, other.Suffix)
	if err != nil || address == "" || int(*asked.Total) != len(asked.Items) {
		f.Reason = "the API does not say enough of other products"
		return f
	}
	f.Reason = "the API does not know it"
	f.More = &market.Request{URL: address, Header: http.Header{"Accept": {"text/html"}}, Product: a.Request.Product, Ask: control{string(id)}}
	return f
}

// judgeControl judges the page of another product, which the API knows. Only
// where that exists, a page that does not exist says something.
func judgeControl(a *market.Answer, c control) market.ItemFinding {
	if a.Status != http.StatusOK || !names(a, c.id) {
		return market.ItemFinding{State: tracker.PageUnknown, Reason: "the pages of other products cannot be read either"}
	}
	return market.ItemFinding{State: tracker.PageGone, Reason: "its page does not exist, and the API does not know it"}
}

// shown is how a page says which product it shows (NOTES.md, 5). It is large, and
// compiled when it is first needed.
var shown = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)data-product-id=["'](\d{1,18})["']|<input[^>]{0,200}\bname=["']product["'][^>]{0,200}\bvalue=["'](\d{1,18})["']`)
})

// names reports whether a page says that it shows a product.
func names(a *market.Answer, id string) bool {
	return a.HTML() && a.Names(shown(), id)
}

// keyOf is the last part of a page's path.
func keyOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	path := strings.TrimRight(u.Path, "/")
	return market.Clip(path[strings.LastIndexByte(path, '/')+1:], 500)
}
