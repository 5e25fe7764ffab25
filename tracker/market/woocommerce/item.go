package woocommerce

import (
	"fmt"
	"net/http"
	"net/url"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// ItemPage asks the API for a product, which knows also those that it does not
// list.
func (s *storefront) ItemPage(p *tracker.Product) market.Request {
	return single(s.endpoints(s.host)[0], p.ID)
}

func single(endpoint string, id tracker.ProductID) market.Request {
	return market.Request{URL: endpoint + "/" + url.PathEscape(string(id)), Header: acceptJSON(), Product: id}
}

// ReadItem judges what the API says of a product. Only its own code for a number
// that it does not know is proof that the product is gone (NOTES.md, 5).
func (s *storefront) ReadItem(a *market.Answer) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown}
	if st := s.elsewhere(a); st != nil {
		f.Reason = st.Reason
		return f
	}
	if endpointOf(a.Request.URL) == "" {
		return s.readHomeForItem(a)
	}
	if e := errorOf(a); a.Status == http.StatusNotFound && e.Code == "woocommerce_rest_product_invalid_id" {
		f.State, f.Reason, f.Says = tracker.PageGone, e.Code, e.Message
		return f
	}
	if noRoute(a) && !market.Challenged(a) {
		f.Reason = noAPI.Name
		if e := s.nextEndpoint(endpointOf(a.Request.URL)); e != "" {
			next := single(e, a.Request.Product)
			f.More = &next
		} else {
			f.More = s.home(a)
		}
		return f
	}
	if st := state(a); st != nil {
		f.Reason = st.Name
		if st.Verdict.Wall() {
			f.Wall = st
		}
		return f
	}
	var e entry
	if err := decode(plain(a.Body), &e); err != nil {
		f.Reason = err.Error()
		return f
	}
	switch {
	case string(e.ID) != string(a.Request.Product):
		f.Reason = fmt.Sprintf("the answer is about product %q", e.ID)
	case e.InStock == "":
		f.Reason = "the answer does not say whether it is in stock"
	case e.InStock == "true":
		f.State, f.Reason = tracker.PageSold, "the API still knows it as in stock"
	default:
		f.State, f.Reason, f.Says = tracker.PageSold, "sold out, hidden by the shop", "sold out, hidden by the shop"
	}
	return f
}

// readHomeForItem reads the front page, which is asked for when the API was not
// where it usually is.
func (s *storefront) readHomeForItem(a *market.Answer) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown, Reason: noAPI.Name}
	if st := market.Refusal(a); st != nil && st.Verdict.Wall() {
		f.Reason, f.Wall = st.Name, st
	} else if e := s.found(a); e != "" {
		next := single(e, a.Request.Product)
		f.More = &next
	}
	return f
}
