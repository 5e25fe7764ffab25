package tracker_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"shopwatch/tracker"
)

// FuzzParseMinor: what is read as an amount of some currency is the same amount
// when it is written and read again, and nothing that has a sign, a unit or an
// exponent is one.
func FuzzParseMinor(f *testing.F) {
	for _, s := range []string{"1499", "1499.0", "1,499.00", " 0.1 ", "9999999999.99", "9999999999999999", "-1", "+1", "1e3", "0x10", "1.234", "1.", ".5", "1_000", "１２", "¥1", "1,2.3,4", ""} {
		for _, currency := range []string{"CNY", "JPY", "KWD", "", "no currency"} {
			f.Add(s, currency)
		}
	}
	f.Fuzz(func(t *testing.T, s, currency string) {
		n, ok := tracker.ParseMinor(s, currency)
		if !ok {
			return
		}
		for _, r := range s {
			if !unicode.IsSpace(r) && (r < '0' || r > '9') && r != '.' && r != ',' {
				t.Errorf("%q is read as %d %s", s, n, currency)
			}
		}
		written := tracker.FormatMinor(n, currency)
		if again, ok := tracker.ParseMinor(written, currency); n < 0 || !ok || again != n {
			t.Errorf("%q %s is read as %d, written as %q, and read again as %d, %v", s, currency, n, written, again, ok)
		}
	})
}

// FuzzRoundMinor: the noise of floating point is rounded away, and what has
// none is what ParseMinor reads.
func FuzzRoundMinor(f *testing.F) {
	for _, s := range []string{"146.04999999999998", "0.995", "1e-7", "9.99", "99999999999999.999", "-1", "NaN", ""} {
		f.Add(s, "EUR")
		f.Add(s, "JPY")
	}
	f.Fuzz(func(t *testing.T, s, currency string) {
		rounded, ok := tracker.RoundMinor(s, currency)
		if ok && rounded < 0 {
			t.Errorf("%q %s is rounded to %d", s, currency, rounded)
		}
		if exact, isExact := tracker.ParseMinor(s, currency); isExact && !strings.Contains(s, ",") && (!ok || rounded != exact) {
			t.Errorf("%q %s is rounded to %d, %v, and read as %d", s, currency, rounded, ok, exact)
		}
	})
}

// FuzzProduct: the public form of a product does not change when it is read
// and written again.
func FuzzProduct(f *testing.F) {
	for _, s := range []string{
		`{"id":"1","title":"血糖仪","url":"https://detail.tmall.com/item.htm?id=1","image":"","price":"299.00","currency":"CNY"}`,
		`{"id":"1","price":null}`, `{"price":"1.00","price_kind":"range","price_high":"2.00"}`, `{"price":"1.00","price_kind":"from"}`,
		`{"price":"x","price_kind":"range"}`, `{"price_kind":"none"}`, `{}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var p, again tracker.Product
		if json.Unmarshal(text, &p) != nil {
			return
		}
		written, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatal(err)
		}
		if second, err := json.Marshal(again); err != nil || string(second) != string(written) {
			t.Errorf("written as\n%s\nand after it was read again as\n%s", written, second)
		}
	})
}

// FuzzSingleLine: whatever a title holds, what is shown of it is one line of
// visible characters.
func FuzzSingleLine(f *testing.F) {
	for _, s := range []string{"血糖仪", " a \t b\r\n", "a\u202egnp.exe", "a\x1b[31mb", "\ufeff\u200b", "👨\u200d👩", "a\u2066b\u2069", "\xff\xfe", "a\U000e0041"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := tracker.SingleLine(s)
		for _, r := range got {
			if unicode.IsControl(r) || unicode.IsSpace(r) && r != ' ' || unicode.Is(unicode.Cf, r) && r != '\u200d' {
				t.Errorf("%q is shown as %q, with %q", s, got, r)
			}
		}
		if !utf8.ValidString(got) || tracker.SingleLine(got) != got {
			t.Errorf("%q is shown as %q, and that as %q", s, got, tracker.SingleLine(got))
		}
	})
}
