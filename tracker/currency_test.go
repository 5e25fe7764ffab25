package tracker_test

import (
	"testing"

	"shopwatch/tracker"
)

func TestMinorUnits(t *testing.T) {
	cases := []struct {
		in, currency string
		want         int64
		ok           bool
	}{
		{"1499", "CNY", 149900, true}, {"1499.5", "CNY", 149950, true}, {"1,499.05", "EUR", 149905, true}, {" 9.90\n", "EUR", 990, true},
		{"0", "EUR", 0, true}, {"0.05", "EUR", 5, true}, {"007", "EUR", 700, true}, {"9.9900", "EUR", 999, true},
		{"1200", "JPY", 1200, true}, {"1200.00", "JPY", 1200, true}, {"1200.5", "JPY", 0, false}, {"15000", "KRW", 15000, true}, {"250000", "VND", 250000, true},
		{"1.5", "KWD", 1500, true}, {"1.555", "BHD", 1555, true}, {"1.5555", "KWD", 0, false}, {"0.0001", "CLF", 1, true},
		{"19.90", "", 1990, true},
		{"", "EUR", 0, false}, {".5", "EUR", 0, false}, {"1.999", "EUR", 0, false}, {"-5", "EUR", 0, false}, {"+5", "EUR", 0, false}, {"1e3", "EUR", 0, false},
		{"4??", "CNY", 0, false}, {"1.", "EUR", 0, false}, {"1.2.3", "EUR", 0, false}, {"1.-5", "EUR", 0, false}, {"\ue123\ue456", "CNY", 0, false},
		{"9999999999999.99", "EUR", 999999999999999, true}, {"10000000000000", "EUR", 0, false}, {"999999999999999", "JPY", 999999999999999, true},
		{"1000000000000", "KWD", 0, false}, {"99999999999999999999", "CNY", 0, false}, {"99999999999999999999", "JPY", 0, false},
	}
	for _, c := range cases {
		if got, ok := tracker.ParseMinor(c.in, c.currency); got != c.want && ok || ok != c.ok {
			t.Errorf("ParseMinor(%q, %s) = %d, %v, want %d, %v", c.in, c.currency, got, ok, c.want, c.ok)
		}
	}
}

func TestRoundMinor(t *testing.T) {
	for _, c := range []struct {
		in, currency string
		want         int64
		ok           bool
	}{
		{"146.04999999999998", "SAR", 14605, true}, {"146.05", "SAR", 14605, true}, {"146.0449", "SAR", 14604, true}, {"146", "SAR", 14600, true},
		{"1200.5", "JPY", 1201, true}, {"1.23449999", "KWD", 1234, true}, {"1.2345", "KWD", 1235, true}, {"1.2x9", "EUR", 0, false}, {"1e-7", "EUR", 0, false},
	} {
		if got, ok := tracker.RoundMinor(c.in, c.currency); got != c.want && ok || ok != c.ok {
			t.Errorf("RoundMinor(%q, %s) = %d, %v, want %d, %v", c.in, c.currency, got, ok, c.want, c.ok)
		}
	}
}

func TestScaleMinor(t *testing.T) {
	for _, c := range []struct {
		in       string
		decimals int
		currency string
		want     int64
		ok       bool
	}{
		{"277666", 2, "EGP", 277666, true}, {"27", 0, "EUR", 2700, true}, {"1980", 0, "JPY", 1980, true}, {"198000", 2, "JPY", 1980, true}, {"198050", 2, "JPY", 0, false},
		{"12500", 3, "KWD", 12500, true}, {"1250", 2, "KWD", 12500, true}, {"1250000", 5, "EUR", 1250, true}, {"1250001", 5, "EUR", 0, false}, {"5", 2, "EUR", 5, true},
		{"", 2, "EUR", 0, false}, {"1.5", 2, "EUR", 0, false}, {"1,500", 2, "EUR", 0, false}, {"-5", 2, "EUR", 0, false}, {"5", -1, "EUR", 0, false}, {"5", 1 << 40, "EUR", 0, false},
		{"9999999999999999", 2, "EUR", 0, false},
	} {
		if got, ok := tracker.ScaleMinor(c.in, c.decimals, c.currency); got != c.want && ok || ok != c.ok {
			t.Errorf("ScaleMinor(%q, %d, %s) = %d, %v, want %d, %v", c.in, c.decimals, c.currency, got, ok, c.want, c.ok)
		}
	}
}

func TestPricesAreWrittenWithTheDecimalsOfTheirCurrency(t *testing.T) {
	for currency, want := range map[string]string{"CNY": "19.80-1234.50", "JPY": "1980-123450", "KRW": "1980-123450", "VND": "1980-123450", "KWD": "1.980-123.450", "BHD": "1.980-123.450", "": "19.80-1234.50"} {
		p := tracker.Price{Kind: tracker.PriceRange, Low: 1980, High: 123450, Currency: currency}
		if got := p.String(); got != want {
			t.Errorf("String in %q = %s, want %s", currency, got, want)
		}
	}
	for amount, want := range map[int64]string{0: "0.00", 5: "0.05", 99: "0.99", 100: "1.00"} {
		if got := tracker.FormatMinor(amount, "EUR"); got != want {
			t.Errorf("FormatMinor(%d) = %s, want %s", amount, got, want)
		}
	}
}
