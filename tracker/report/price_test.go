package report_test

import (
	"fmt"
	"testing"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

func TestPercent(t *testing.T) {
	exact := func(fen int64) tracker.Price {
		return tracker.Price{Kind: tracker.PriceExact, Low: fen, Currency: "CNY"}
	}
	tests := []struct {
		name          string
		before, after tracker.Price
		want          string
	}{
		{"down", exact(29900), exact(25900), "-13.4"},
		{"up", exact(10000), exact(15000), "50.0"},
		{"unknown is no share", tracker.Price{}, exact(1), ""},
		{"nothing to divide by", exact(0), exact(1), ""},
		{"high end of a range", tracker.Price{Kind: tracker.PriceRange, Low: 100, High: 200}, tracker.Price{Kind: tracker.PriceRange, Low: 100, High: 300}, "50.0"},
		{"other basis", exact(100), tracker.Price{Kind: tracker.PriceExact, Low: 200, Currency: "CNY", Basis: tracker.Basis{Tax: tracker.TaxExcluded}}, ""},
		{"other currency", exact(100), tracker.Price{Kind: tracker.PriceExact, Low: 200, Currency: "USD"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if p, ok := report.Percent(tt.before, tt.after); ok {
				got = fmt.Sprintf("%.1f", p)
			}
			if got != tt.want {
				t.Errorf("Percent = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMoneyHasTheDecimalsOfItsCurrency(t *testing.T) {
	for _, tt := range []struct {
		amount         int64
		currency, want string
	}{
		{123456789, "CNY", "¥1,234,567.89"}, {99, "EUR", "€0.99"}, {1980, "JPY", "JPY 1,980"}, {198, "JPY", "JPY 198"},
		{1234567, "KWD", "KWD 1,234.567"}, {5, "BHD", "BHD 0.005"}, {1500000, "VND", "VND 1,500,000"},
	} {
		if got := report.Money(tt.amount, tt.currency); got != tt.want {
			t.Errorf("%d %s is written %q, want %q", tt.amount, tt.currency, got, tt.want)
		}
	}
}
