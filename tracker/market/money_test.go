package market_test

import (
	"testing"

	"shopwatch/tracker/market"
)

func TestMinor(t *testing.T) {
	for _, c := range []struct {
		number, currency string
		want             int64 // 0: unknown
	}{
		{"22.34", "SAR", 2234}, {"50.4", "SAR", 5040}, {"12", "EUR", 1200}, {"0.5", "EUR", 50},
		{"146.04999999999998", "SAR", 14605}, {"17.890000000000001", "SAR", 1789}, {"0.005", "EUR", 1}, {"19.994999", "EUR", 1999}, {"9.999", "EUR", 1000},
		{"0", "EUR", 0}, {"0.001", "EUR", 0}, {"-5", "EUR", 0}, {"1e9", "EUR", 0}, {"NaN", "EUR", 0}, {"", "EUR", 0}, {".5", "EUR", 0}, {"1.2.3", "EUR", 0},
		{"99999999999999", "EUR", 0}, {"12,50", "EUR", 0},
		{"1200", "JPY", 1200}, {"1199.5", "JPY", 1200}, {"1.250", "KWD", 1250}, {"1200", "", 0}, {"1200", "eur", 0}, {"1200", "€", 0},
	} {
		if got, ok := market.Minor(c.number, c.currency); ok != (c.want > 0) || ok && got != c.want {
			t.Errorf("Minor(%q, %q) = %d, %v, want %d", c.number, c.currency, got, ok, c.want)
		}
	}
}

func FuzzMinor(f *testing.F) {
	f.Add("146.04999999999998", "SAR")
	f.Add("-0.5e3", "EUR")
	f.Fuzz(func(t *testing.T, number, currency string) {
		if n, ok := market.Minor(number, currency); ok && n <= 0 {
			t.Errorf("Minor(%q, %q) = %d", number, currency, n)
		}
	})
}
