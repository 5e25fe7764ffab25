package market

import (
	"slices"
	"strings"

	"shopwatch/tracker"
)

// Minor returns an amount that an API writes as a JSON number in minor units of
// its currency. Such a number is often a float with noise ("146.04999999999998"),
// so it is rounded half up. Minor reports false for what is no amount, for 0,
// by which shops write that there is no price, and for what is no currency.
func Minor(number, currency string) (int64, bool) {
	n, ok := tracker.RoundMinor(number, currency)
	return n, ok && n > 0 && tracker.IsCurrency(currency)
}

// OneCurrency makes the prices of a list unknown when they are in several
// currencies, and names those.
func OneCurrency(all []tracker.Product) string {
	var currencies []string
	for i := range all {
		if p := &all[i].Price; p.Known() && !slices.Contains(currencies, p.Currency) {
			currencies = append(currencies, p.Currency)
		}
	}
	if len(currencies) < 2 {
		return ""
	}
	for i := range all {
		all[i].Price = tracker.Price{}
	}
	slices.Sort(currencies)
	return strings.Join(currencies[:min(len(currencies), 5)], ", ")
}
