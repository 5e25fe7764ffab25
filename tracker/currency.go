package tracker

import (
	"fmt"
	"strconv"
	"strings"
)

// Decimals returns how many decimals the amounts of a currency have by ISO 4217:
// 0 for JPY, 3 for KWD, and 2 for all that the standard does not set apart.
func Decimals(currency string) int {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	}
	return 2
}

// IsCurrency reports whether a text has the form of a currency's code: "EUR".
func IsCurrency(code string) bool {
	return len(code) == 3 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// maxDigits is how many digits an amount in minor units has at most, so that
// prices can be compared by their multiples without an overflow.
const maxDigits = 15

// ParseMinor reads a plain decimal number ("1499", "1499.0", "1,499.00") as
// minor units of a currency. It reports false for anything else, for negative
// numbers, for more decimals than the currency has, unless they are zeros, and
// for more than 15 digits.
func ParseMinor(number, currency string) (int64, bool) {
	return parseMinor(strings.ReplaceAll(number, ",", ""), currency, false)
}

// RoundMinor is ParseMinor for JSON numbers, which have no commas but may have
// the noise of floating point behind their decimals, as in "146.04999999999998":
// it rounds half up.
func RoundMinor(number, currency string) (int64, bool) {
	return parseMinor(number, currency, true)
}

// ScaleMinor reads an integer that counts units of which 10^decimals are one of
// the currency, as WooCommerce writes prices, as minor units. It reports false
// for what ParseMinor refuses.
func ScaleMinor(integer string, decimals int, currency string) (int64, bool) {
	if decimals < 0 || decimals > maxDigits || !isDigits(integer) {
		return 0, false
	}
	integer = strings.Repeat("0", max(decimals+1-len(integer), 0)) + integer
	at := len(integer) - decimals
	return ParseMinor(strings.TrimSuffix(integer[:at]+"."+integer[at:], "."), currency)
}

func parseMinor(number, currency string, round bool) (int64, bool) {
	whole, frac, dotted := strings.Cut(strings.TrimSpace(number), ".")
	if !isDigits(whole) || dotted && !isDigits(frac) {
		return 0, false
	}
	decimals, rest := Decimals(currency), ""
	if len(frac) > decimals {
		frac, rest = frac[:decimals], frac[decimals:]
	}
	digits := strings.TrimLeft(whole+frac, "0") + strings.Repeat("0", decimals-len(frac))
	if len(digits) > maxDigits || !round && strings.Trim(rest, "0") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt("0"+digits, 10, 64)
	if rest >= "5" {
		n++
	}
	return n, err == nil
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// FormatMinor writes an amount, which is not negative, as a plain decimal number
// with the decimals of its currency: "1499.00", "1499".
func FormatMinor(amount int64, currency string) string {
	decimals := Decimals(currency)
	s := fmt.Sprintf("%0*d", decimals+1, amount)
	if decimals == 0 {
		return s
	}
	return s[:len(s)-decimals] + "." + s[len(s)-decimals:]
}
