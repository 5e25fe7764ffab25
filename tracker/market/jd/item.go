package jd

import (
	"fmt"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// An item is what the script reads off the page of a product.
type item struct {
	ID  string `json:"id"`  // from the address
	Buy bool   `json:"buy"` // a visible button that puts it into the cart
	Off string `json:"off"` // the words that say that it is off the shelf
}

// judgeItem tells what the page of a product says of it: that it is sold, or
// nothing. No page of a product that is gone has been saved in the field, so
// that none is taken for a proof: neither words, nor a redirect to JD's front
// page, nor a status. Removals rest on complete lists that miss the product.
func judgeItem(p *page) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown, Wall: wallOf(p)}
	it := p.Item
	switch {
	case it == nil:
		f.Reason = "the page could not be read"
	case f.Wall != nil && !it.Buy:
		f.Reason = f.Wall.Name
	case p.address().Scheme != "https" || p.host() != "item.jd.com":
		f.Reason = "the page leads to " + market.Clip(p.host(), 100) + ", which is not yet known to prove anything of the product"
	case it.ID != string(p.asked):
		f.Reason = fmt.Sprintf("the page shows product %.20q", it.ID)
	case it.Buy:
		f.State, f.Reason = tracker.PageSold, "its page sells it"
	case p.status >= 400:
		f.Reason = fmt.Sprintf("the page came with status %d", p.status)
	case it.Off != "":
		f.Says = market.Clip(it.Off, 200)
		f.Reason = fmt.Sprintf("the page says %q, which is not yet known to be a proof", f.Says)
	default:
		f.Reason = "the page does not say that it is sold"
	}
	return f
}

// wallOf returns the wall on a page.
func wallOf(p *page) *market.State {
	for i := range states {
		if s := &states[i]; s.Verdict.Wall() && s.holds(p) {
			return &s.State
		}
	}
	return nil
}
