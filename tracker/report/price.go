package report

import (
	"fmt"
	"strings"

	"shopwatch/tracker"
)

// price writes a price for people: "¥1,299", "¥199.50 – ¥299", "from ¥199".
func (w *words) price(p tracker.Price) string {
	low := money(p.Low, p.Currency)
	switch p.Kind {
	case tracker.PriceUnknown:
		return w.PriceHidden
	case tracker.PriceFrom:
		return fmt.Sprintf(w.PriceFrom, low)
	case tracker.PriceRange:
		return low + " – " + money(p.High, p.Currency)
	}
	return low
}

var signs = map[string]string{"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "HKD": "HK$", "TWD": "NT$", "": ""}

func money(minor int64, currency string) string {
	s := tracker.FormatMinor(minor, currency)
	point := strings.IndexByte(s, '.')
	if point < 0 {
		point = len(s)
	}
	for i := point - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if sign, ok := signs[currency]; ok {
		return sign + s
	}
	return currency + " " + s
}

// basis says what a price is for: "DE, incl. tax"; empty when that is not known.
func (w *words) basis(b tracker.Basis) string {
	tax := map[tracker.Tax]string{tracker.TaxIncluded: w.TaxIncluded, tracker.TaxExcluded: w.TaxExcluded}[b.Tax]
	market := cut(clean(b.Market), 10)
	if market == "" || tax == "" {
		return market + tax
	}
	return market + w.Comma + tax
}

// unlike says how two prices differ that cannot be compared.
func (w *words) unlike(before, after tracker.Price) string {
	say := func(p tracker.Price) string {
		s := cut(clean(p.Currency), 10)
		if b := w.basis(p.Basis); b != "" {
			s += " (" + b + ")"
		}
		return s
	}
	return fmt.Sprintf(w.Unlike, say(before), say(after))
}

// Percent returns by how much of the old price the price changed; false when
// either is unknown or they cannot be compared. Of ranges the low ends are
// compared, and the high ends when the low ones are equal.
func Percent(before, after tracker.Price) (float64, bool) {
	if !before.Known() || !after.Known() || !before.Comparable(after) {
		return 0, false
	}
	a, b := before.Low, after.Low
	if a == b {
		a, b = max(before.Low, before.High), max(after.Low, after.High)
	}
	if a == 0 {
		return 0, false
	}
	return 100 * float64(b-a) / float64(a), true
}

// percent writes a share with its sign: "−13.4%".
func percent(p float64) string {
	if p >= 1000 {
		return "> +999%"
	}
	s := fmt.Sprintf("%+.1f%%", p)
	if s == "+0.0%" || s == "-0.0%" {
		s = strings.Replace(fmt.Sprintf("%+.2f%%", p), "-0.00", "+0.00", 1)
	}
	return strings.Replace(s, "-", "−", 1)
}
