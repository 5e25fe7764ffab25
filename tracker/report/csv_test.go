package report_test

import (
	"encoding/csv"
	"regexp"
	"strings"
	"testing"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// listOf is the CSV file of a report about products with the titles.
func listOf(t testing.TB, titles ...string) string {
	t.Helper()
	s := stories("en")["proofs"]
	s.Changes = nil
	for _, title := range titles {
		p := product("45123456789", title, 29900)
		p.URL += "&from=" + title
		s.Changes = append(s.Changes, tracker.Change{Kind: tracker.Added, Product: p})
		s.Changes = append(s.Changes, tracker.Change{Kind: tracker.Repriced, Product: p, Before: product("45123456789", title, 39900)})
	}
	s.Changes = number(s.Changes)
	text, ok := strings.CutPrefix(string(report.New(s).CSV()), "\ufeff")
	if !ok {
		t.Fatal("the file has no byte order mark")
	}
	return text
}

// spreadsheet divides a file into cells as a spreadsheet does: a cell that
// begins with a quotation mark goes on to the next single one, and what comes
// behind that, up to the separator, is part of it too.
func spreadsheet(text string, separator rune) (cells []string) {
	var cell []rune
	begins, quoted := true, false
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '"' && begins:
			quoted = true
		case r == '"' && quoted && i+1 < len(runes) && runes[i+1] == '"':
			cell = append(cell, r)
			i++
		case r == '"' && quoted:
			quoted = false
		case !quoted && (r == separator || r == '\n'):
			cells = append(cells, string(cell))
			cell, begins = nil, true
			continue
		default:
			cell = append(cell, r)
		}
		begins = false
	}
	return append(cells, string(cell))
}

var numeral = regexp.MustCompile(`^-?\d+\.\d\d\r?$`)

// noFormulas fails for a cell that a spreadsheet takes for a formula.
func noFormulas(t *testing.T, text string) {
	t.Helper()
	for _, separator := range ",;\t|" {
		cells := spreadsheet(text, separator)
		r := csv.NewReader(strings.NewReader(text))
		r.Comma, r.LazyQuotes, r.FieldsPerRecord = separator, true, -1
		if rows, err := r.ReadAll(); err == nil { // else it is no reader that opens the file
			for _, row := range rows {
				cells = append(cells, row...)
			}
		} else if separator == ',' {
			t.Errorf("the file is not in the form of RFC 4180: %v", err)
		}
		for _, cell := range cells {
			trimmed := strings.Trim(cell, " \"\u00a0\u3000\u200b\u200d\ufeff\r\n")
			if strings.ContainsAny(trimmed[:min(len(trimmed), 1)], "=+-@") && !numeral.MatchString(trimmed) ||
				strings.HasPrefix(trimmed, "＝") || strings.HasPrefix(trimmed, "＋") || strings.HasPrefix(trimmed, "－") || strings.HasPrefix(trimmed, "＠") {
				t.Errorf("with the separator %q there is a cell %q in\n%s", separator, cell, text)
			}
		}
	}
}

// formulas are titles that make cells of their own in some spreadsheet.
var formulas = []string{
	`=1+1`, `foo;=1+1;"x`, `foo|=1+1`, "foo\t=1+1", `foo;"=1+1"`, `foo; "" =1+1`, `";=1+1`, `;;=1+1`, `foo;+1`, `foo|@SUM(1)`,
	"foo;\u3000=1+1", "foo;\u200b\u200d=1+1", "foo\r\n=1+1", `foo;-2+3+cmd|' /C calc'!A0`, `foo;＝1+1`, `"=1+1`, `",=1+1`, `foo","=1+1`,
	`foo;";"=1+1`, `";"`, `=;=;=`, `foo;'";=1+1`,
}

// TestNoFormulas: whichever separator a spreadsheet expects.
func TestNoFormulas(t *testing.T) {
	for _, title := range formulas {
		noFormulas(t, listOf(t, title))
	}
	noFormulas(t, listOf(t, formulas...))
}

// TestOrdinaryTitlesStay: what begins no formula is written as it is.
func TestOrdinaryTitlesStay(t *testing.T) {
	titles := []string{
		"糖大夫 血糖仪 50片; 送针头 | 家用", "USB-C 充电线 3+2=5 @家", "A;B|C,D", `7" 平板; 8" 平板`, "【-20%】血糖仪", "a;'=1", "减脂;",
	}
	rows, err := csv.NewReader(strings.NewReader(listOf(t, titles...))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, title := range titles {
		if row := rows[1+2*i]; row[6] != title || len(row) != len(rows[0]) {
			t.Errorf("title %q of %d columns, want %q of %d", row[6], len(row), title, len(rows[0]))
		}
	}
}

// TestLinksLeadWhereTheyDid: an apostrophe would lead them elsewhere.
func TestLinksLeadWhereTheyDid(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(listOf(t, `a;=1|+2`))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := rows[1][7], "https://detail.tmall.com/item.htm?id=45123456789&from=a%3B=1%7C+2"; got != want {
		t.Errorf("url %s, want %s", got, want)
	}
}

// FuzzNoFormulas: also of titles that nobody has thought of.
func FuzzNoFormulas(f *testing.F) {
	for _, title := range formulas {
		f.Add(title)
	}
	f.Fuzz(func(t *testing.T, title string) {
		noFormulas(t, listOf(t, title, "血糖仪"))
	})
}
