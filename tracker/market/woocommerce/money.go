package woocommerce

import (
	"shopwatch/tracker"
)

// prices are amounts as texts of digits, in units of 10^-MinorUnit of the
// currency. The unit is how many decimals the shop chose to show, whatever the
// currency has (NOTES.md, 2).
type prices struct {
	Price     string `json:"price"`
	Range     *span  `json:"price_range"`
	Currency  string `json:"currency_code"`
	MinorUnit *int   `json:"currency_minor_unit"`
}

type span struct {
	Min string `json:"min_amount"`
	Max string `json:"max_amount"`
}

// price returns what a product of a type costs. What has variants costs the least
// of them at least, also where no range is given.
func (p *prices) price(kind string) tracker.Price {
	if p.MinorUnit == nil {
		return tracker.Price{}
	}
	low, high := p.Price, ""
	if p.Range != nil && p.Range.Min != "" {
		low, high = p.Range.Min, p.Range.Max
	}
	price := tracker.Price{Kind: tracker.PriceExact, Currency: p.Currency}
	var ok bool
	if price.Low, ok = minor(low, *p.MinorUnit, p.Currency); !ok {
		return tracker.Price{}
	}
	most, ok := minor(high, *p.MinorUnit, p.Currency)
	switch {
	case ok && most > price.Low:
		price.Kind, price.High = tracker.PriceRange, most
	case kind == "variable" || kind == "grouped":
		price.Kind = tracker.PriceFrom
	}
	return price
}

// minor returns an amount in minor units of its currency. It reports false for
// none, for 0, which is how the API writes that there is no price, and for one
// that is not a whole number of minor units.
func minor(amount string, unit int, currency string) (int64, bool) {
	n, ok := tracker.ScaleMinor(amount, unit, currency)
	return n, ok && n > 0 && tracker.IsCurrency(currency)
}
