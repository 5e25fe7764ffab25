package pages

import (
	"regexp"
	"slices"
	"strings"

	"shopwatch/tracker"
)

// comma are the languages that write a comma before the decimals.
var comma = strings.Fields("de fr it es pt nl pl cs sk da sv nb nn no fi is ru uk be bg sr mk hr bs sl ro hu el tr lt lv et id vi ca eu gl sq az kk")

// point are those that write a point.
var point = strings.Fields("en zh ja ko th he hi bn ta te ur ms fil ga cy mt km my si ar fa sw")

// markOf returns what a locale writes before decimals, 0 when it is empty.
func markOf(locale string) (mark byte, ok bool) {
	language, region, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(locale, "_", "-")), "-")
	switch {
	case locale == "":
		return 0, true
	case slices.Contains([]string{"ch", "li"}, region), language == "es" && slices.Contains([]string{"mx", "us", "pr", "gt", "hn", "ni", "pa", "sv", "do", "pe"}, region):
		return '.', slices.Contains(comma, language) || slices.Contains(point, language)
	case slices.Contains(comma, language):
		return ',', true
	case slices.Contains(point, language):
		return '.', true
	}
	return 0, false
}

// minor turns a plain decimal number into minor units of a currency. It reports
// false where the currency is not known.
func minor(amount, currency string) (int64, bool) {
	n, ok := tracker.ParseMinor(amount, currency)
	return n, ok && currency != ""
}

// priceOf makes a listed price of plain decimal numbers. High is empty for one
// price, from says that others may be higher.
func priceOf(low, high, currency string, from bool) tracker.Price {
	p := tracker.Price{Currency: currency}
	var ok bool
	if p.Low, ok = minor(low, currency); !ok || p.Low == 0 {
		return tracker.Price{Currency: currency}
	}
	p.Kind = tracker.PriceExact
	if high != "" {
		if p.High, ok = minor(high, currency); !ok || p.High < p.Low {
			return tracker.Price{Currency: currency}
		}
	}
	switch {
	case p.High > p.Low:
		p.Kind = tracker.PriceRange
	case from:
		p.Kind, p.High = tracker.PriceFrom, 0
	default:
		p.High = 0
	}
	return p
}

var (
	// number is an amount, with marks between its thousands or without.
	number = regexp.MustCompile(`\d{1,3}(?:[ \x{a0}\x{202f}\x{2009}]\d{3})+(?:[.,]\d+)?|\d+(?:[.,'’]\d+)*`)
	// threeDigits is an amount whose last mark may be of thousands or of decimals.
	threeDigits = regexp.MustCompile(`^\d{1,3}[.,]\d{3}$`)
	// least are words before a price that is the least of several.
	least = regexp.MustCompile(`(?i)(^|[^\pL])(from|ab|à partir de|a partir de|dès|desde|da|od|vanaf|från|fra|от|starting at|as low as)([^\pL]|$)|起`)
	// between joins the ends of a range.
	between = regexp.MustCompile(`^[^\d]*?(-|–|—|~|\s(?:to|bis|à|al?)\s|至)[^\d]*$`)
)

// maxPrice is the longest text that is read as a price, in bytes.
const maxPrice = 200

// readPrice reads the text of a price. What cannot be read in one way only is
// unknown: a text with several prices, one in another currency, or a number
// that is none.
func (r *rules) readPrice(text string) tracker.Price {
	o := &r.List.Price
	currency, ok := currencyOf(text, o.Currency)
	if len(text) > maxPrice || !ok {
		return tracker.Price{Currency: o.Currency}
	}
	unknown := tracker.Price{Currency: currency}
	at := number.FindAllStringIndex(text, 3)
	var amounts []string
	for _, i := range at {
		a, ok := plain(text[i[0]:i[1]], r.mark)
		if r.mark == 0 && tracker.Decimals(currency) == 3 && threeDigits.MatchString(text[i[0]:i[1]]) {
			ok = false // 1.500 may be one and a half, or fifteen hundred
		}
		if !ok || strings.HasSuffix(strings.TrimSpace(text[:i[0]]), "-") && len(at) == 1 {
			return unknown
		}
		amounts = append(amounts, a)
	}
	switch {
	case len(amounts) == 1:
		return priceOf(amounts[0], "", currency, least.MatchString(text))
	case len(amounts) == 2 && between.MatchString(text[at[0][1]:at[1][0]]):
		return priceOf(amounts[0], amounts[1], currency, false)
	}
	return unknown
}

// plain turns an amount into a plain decimal number. Mark stands before its
// decimals; 0 when the amount itself has to tell.
func plain(s string, mark byte) (string, bool) {
	s = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", "\u2009", "", "'", "", "’", "").Replace(s)
	if mark == 0 {
		mark = guessMark(s)
	}
	group := ","
	if mark == ',' {
		group = "."
	}
	whole, frac, dotted := strings.Cut(s, string(mark))
	if strings.ContainsAny(frac, ".,") || dotted && (frac == "" || len(frac) > 4) {
		return "", false
	}
	groups := strings.Split(whole, group)
	for i, g := range groups {
		// Thousands have three digits; Indian lakhs and crores have two.
		if i > 0 && len(g) != 3 && (i == len(groups)-1 || len(g) != 2) || i == 0 && len(groups) > 1 && (len(g) > 3 || g[0] == '0') {
			return "", false
		}
	}
	s = strings.Join(groups, "")
	if len(s) > 12 {
		return "", false
	}
	if dotted {
		s += "." + frac
	}
	return s, true
}

// guessMark tells which mark stands before the decimals of an amount: the last
// of two kinds; of one kind, one with at most two digits behind it.
func guessMark(s string) byte {
	points, commas := strings.Count(s, "."), strings.Count(s, ",")
	switch last := strings.LastIndexAny(s, ".,"); {
	case points > 0 && commas > 0:
		return s[last]
	case points+commas == 1 && len(s)-last-1 != 3:
		return s[last]
	case commas > 0:
		return '.' // commas stand between thousands
	}
	return ','
}

// signs are what texts write for currencies. Several share some.
var signs = []struct {
	sign       string
	currencies string
}{
	{"R$", "BRL"}, {"HK$", "HKD"}, {"NT$", "TWD"}, {"US$", "USD"}, {"A$", "AUD"}, {"C$", "CAD"}, {"S$", "SGD"}, {"NZ$", "NZD"}, {"MX$", "MXN"},
	{"$", "USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP UYU BBD BSD BZD FJD JMD LRD NAD TTD XCD BND"},
	{"€", "EUR"}, {"£", "GBP EGP LBP FKP GIP SHP SSP"}, {"₹", "INR"}, {"₩", "KRW"}, {"₽", "RUB"}, {"₺", "TRY"}, {"₴", "UAH"}, {"₫", "VND"}, {"₪", "ILS"},
	{"₱", "PHP"}, {"฿", "THB"}, {"₦", "NGN"}, {"₸", "KZT"}, {"¥", "CNY JPY"}, {"￥", "CNY JPY"}, {"円", "JPY"}, {"元", "CNY TWD"}, {"zł", "PLN"}, {"Kč", "CZK"},
	{"Ft", "HUF"}, {"kr", "SEK NOK DKK ISK"}, {"лв", "BGN"}, {"руб", "RUB"}, {"грн", "UAH"}, {"Rp", "IDR"}, {"RM", "MYR"}, {"Rs", "INR PKR LKR NPR MUR"},
}

// codes are the currencies that texts name by their code.
var codes = strings.Fields("EUR USD GBP CHF CAD AUD NZD JPY CNY HKD SGD TWD KRW INR BRL MXN PLN CZK HUF SEK NOK DKK ISK RON BGN RSD TRY RUB UAH ILS AED SAR QAR KWD BHD OMR " +
	"JOD EGP MAD TND ZAR NGN KES GHS THB VND IDR MYR PHP PKR BDT LKR NPR ARS CLP COP PEN UYU KZT GEL AMD AZN BYN MDL MKD BAM LBP IQD LYD DZD PYG BOB CRC DOP GTQ HNL NIO PAB JMD TTD MUR XAF XOF XPF")

var (
	code             = regexp.MustCompile(`(^|[^\pL])([A-Z]{3})([^\pL]|$)`)
	wellFormed       = regexp.MustCompile(`^[A-Z]{3}$`)
	letter           = regexp.MustCompile(`\pL`)
	endsInLetter     = regexp.MustCompile(`\pL$`)
	startsWithLetter = regexp.MustCompile(`^\pL`)
)

func knownCurrency(code string) bool { return wellFormed.MatchString(code) }

// currencyOf tells the currency of a price from its text and from what the
// options say. It reports false when the text names another one, or when
// neither names one.
func currencyOf(text, stated string) (string, bool) {
	var named []string
	if m := code.FindStringSubmatch(text); m != nil && slices.Contains(codes, m[2]) {
		named = []string{m[2]}
	}
	for _, s := range signs {
		if named == nil && containsSign(text, s.sign) {
			named = strings.Fields(s.currencies)
		}
	}
	switch {
	case stated != "":
		return stated, named == nil || slices.Contains(named, stated)
	case len(named) == 1:
		return named[0], true
	}
	return "", false
}

// containsSign reports whether a text has a sign that is no part of a word.
func containsSign(text, sign string) bool {
	i := strings.Index(text, sign)
	if i < 0 {
		return false
	}
	return !letter.MatchString(sign) || !endsInLetter.MatchString(text[:i]) && !startsWithLetter.MatchString(text[i+len(sign):])
}
