package market

import (
	"slices"
	"strconv"
	"strings"
)

// otherDecimals are the currencies whose amounts have no two decimals by ISO 4217.
var otherDecimals = []string{
	"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF", // none
	"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND", // three
	"CLF", "UYW", // four
}

// InHundredths reports whether a text is the code of a currency whose minor unit
// is a hundredth.
func InHundredths(currency string) bool {
	return len(currency) == 3 && strings.Trim(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" && !slices.Contains(otherDecimals, currency)
}

// Minor returns an amount that an API writes as a JSON number in minor units of
// its currency. Such a number is often a float with noise ("146.04999999999998"),
// so it is rounded half up. Minor reports false for what is no amount, for 0,
// by which shops write that there is no price, and for a currency whose minor
// unit is no hundredth.
func Minor(number, currency string) (int64, bool) {
	if !InHundredths(currency) {
		return 0, false
	}
	whole, frac, _ := strings.Cut(number, ".")
	if whole == "" || len(whole) > 12 || len(frac) > 40 || strings.Trim(whole+frac, "0123456789") != "" {
		return 0, false
	}
	frac += "000"
	n, err := strconv.ParseInt(whole+frac[:2], 10, 64)
	if err != nil {
		return 0, false
	}
	if frac[2] >= '5' {
		n++
	}
	return n, n > 0
}
