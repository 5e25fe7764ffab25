package schemaorg

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// maxOffers are the offers of one product that are looked at.
const maxOffers = 2100

// offers are what is asked for a product and its variants.
type offers struct {
	prices     []string // decimal numbers
	currency   string
	currencies bool // there are several
	from       bool // some may cost more
	seen       int
	stocks     [Discontinued + 1]int
}

func (o *offers) none() bool { return o.seen == 0 }

// take takes in an offer, several, or offers that are summed up.
func (o *offers) take(v any, depth int) {
	if depth > 5 {
		return
	}
	for _, e := range all(v) {
		m, ok := e.(map[string]any)
		if o.seen++; !ok || o.seen > maxOffers {
			continue
		}
		o.money(get(m, "priceCurrency"))
		stock := stockOf(words(get(m, "availability")))
		if !is(m, "AggregateOffer") {
			o.stocks[stock]++
			o.single(m)
			continue
		}
		// The sum covers the single offers, which may be some of them only.
		if low, ok := Decimal(words(get(m, "lowPrice"))); ok && !zero(low) {
			o.prices = append(o.prices, low)
			if high, ok := Decimal(words(get(m, "highPrice"))); ok {
				o.prices = append(o.prices, high)
			} else {
				o.from = true
			}
			inner := offers{}
			inner.take(get(m, "offers"), depth+1)
			for i, n := range inner.stocks {
				o.stocks[i] += n
			}
			if stock != Unstated || inner.none() {
				o.stocks[stock]++
			}
			continue
		}
		o.stocks[stock] += min(int(stock), 1)
		o.single(m)
		o.take(get(m, "offers"), depth+1)
	}
}

// single takes in the price of one offer.
func (o *offers) single(m map[string]any) {
	if p, ok := Decimal(words(get(m, "price"))); ok {
		o.prices = append(o.prices, p)
		return
	}
	for _, e := range all(get(m, "priceSpecification")) {
		spec, ok := e.(map[string]any)
		if !ok {
			continue
		}
		if p, ok := Decimal(words(get(spec, "price"))); ok {
			o.money(get(spec, "priceCurrency"))
			o.prices = append(o.prices, p)
			return // further ones are of other quantities and customers
		}
	}
}

var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

func (o *offers) money(v any) {
	code := strings.ToUpper(words(v))
	if !currencyCode.MatchString(code) {
		return
	}
	o.currencies = o.currencies || o.currency != "" && o.currency != code
	o.currency = code
}

// price is the range of the prices. It is unknown when they are in several
// currencies, and when it is zero, which stands for a price on request.
func (o *offers) price() Price {
	p := Price{Currency: o.currency}
	if o.currencies {
		return Price{}
	}
	for _, d := range o.prices {
		if zero(d) {
			continue
		}
		if p.Low == "" || compare(d, p.Low) < 0 {
			p.Low = d
		}
		if p.High == "" || compare(d, p.High) > 0 {
			p.High = d
		}
	}
	if p.Low == "" || compare(p.Low, p.High) == 0 && !o.from {
		p.High = ""
	}
	return p
}

// From reports whether the price is the least of several, of which the others
// are not known.
func (p Price) From() bool { return p.High != "" && p.High == p.Low }

// stock sums up: a product can be bought when one of its offers can.
func (o *offers) stock() Stock {
	switch {
	case o.stocks[Available] > 0:
		return Available
	case o.stocks[Unstated] > 0:
		return Unstated
	case o.stocks[SoldOut] > 0:
		return SoldOut
	case o.stocks[Discontinued] > 0:
		return Discontinued
	}
	return Unstated
}

// stockOf reads an availability. It is an address or its last part, in any
// case, with blanks or without.
func stockOf(s string) Stock {
	switch strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(last(s))) {
	case "instock", "preorder", "presale", "backorder", "limitedavailability", "onlineonly", "instoreonly", "madetoorder":
		return Available
	case "outofstock", "soldout":
		return SoldOut
	case "discontinued":
		return Discontinued
	}
	return Unstated
}

var (
	plain    = regexp.MustCompile(`^\d{1,12}(\.\d{1,6})?$`)
	commaEnd = regexp.MustCompile(`^\d{1,12},\d{1,2}$`)
	english  = regexp.MustCompile(`^\d{1,3}(,\d{2,3})*,\d{3}(\.\d{1,6})?$`)
	german   = regexp.MustCompile(`^\d{1,3}(\.\d{3})+,\d{1,2}$`)
)

// Decimal reads an amount as structured data writes it, "84", "12.90", and as
// it should not, "12,90", "1,299.00", "1.299,00", and returns it in its plain
// form. What may be read in two ways is read as the standard has it, with a
// point before the decimals. Signs of currencies round it are left out. It
// reports false for everything else.
func Decimal(s string) (string, bool) {
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Sc, r) })
	switch {
	case plain.MatchString(s):
	case commaEnd.MatchString(s):
		s = strings.Replace(s, ",", ".", 1)
	case english.MatchString(s):
		s = strings.ReplaceAll(s, ",", "")
	case german.MatchString(s):
		s = strings.Replace(strings.ReplaceAll(s, ".", ""), ",", ".", 1)
	default:
		return "", false
	}
	if len(s) > 20 {
		return "", false
	}
	return s, true
}

func zero(d string) bool { return strings.Trim(d, "0.") == "" }

// compare compares decimal numbers in their plain form.
func compare(a, b string) int {
	wholeA, fracA, _ := strings.Cut(a, ".")
	wholeB, fracB, _ := strings.Cut(b, ".")
	wholeA, wholeB = strings.TrimLeft(wholeA, "0"), strings.TrimLeft(wholeB, "0")
	return cmp.Or(cmp.Compare(len(wholeA), len(wholeB)), cmp.Compare(wholeA, wholeB),
		cmp.Compare(strings.TrimRight(fracA, "0"), strings.TrimRight(fracB, "0")))
}

// count reads a number of entries.
func count(v any) int {
	n, err := strconv.Atoi(words(v))
	if err != nil || n < 0 {
		return 0
	}
	return n
}
