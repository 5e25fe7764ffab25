package market

import "shopwatch/tracker"

// Minor returns an amount that an API writes as a JSON number in minor units of
// its currency. Such a number is often a float with noise ("146.04999999999998"),
// so it is rounded half up. Minor reports false for what is no amount, for 0,
// by which shops write that there is no price, and for what is no currency.
func Minor(number, currency string) (int64, bool) {
	n, ok := tracker.RoundMinor(number, currency)
	return n, ok && n > 0 && tracker.IsCurrency(currency)
}
