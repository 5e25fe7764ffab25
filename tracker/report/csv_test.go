package report_test

import (
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
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

// notInCSV are the fields of a change that its row leaves out, and why.
var notInCSV = map[string]string{
	"Ignored":             "no report tells of such a change",
	"Pictures.Picture":    "the evidence of a removal is that of its page",
	"Pictures.Card":       "likewise",
	"Pictures.Before":     "likewise",
	"Before.ID":           "that of the product",
	"Before.Availability": "the kind of the change says it",
	"Before.Variants":     "no change of it is told",
	"Prior.High":          "likewise",
	"Prior.Currency":      "that of the product",
	"Prior.Basis.Market":  "that of the product",
	"Prior.Basis.Tax":     "that of the product",
	"Before.URL":          "that of the product",
	"Probe.Product":       "that of the change",
	"Probe.Picture":       "that of the change",
	"Probe.Detail":        "a part of the picture of the page",
	"Probe.Capture":       "a file of the evidence",
}

// TestCSVHasEveryField: a field that is new in a change is not forgotten.
func TestCSVHasEveryField(t *testing.T) {
	row := func(c tracker.Change) string {
		return string(report.New(report.Story{Changes: []tracker.Change{c}}).CSV())
	}
	missing := make(map[string]bool)
	for _, kind := range tracker.Kinds {
		whole := fixtures.WholeChange()
		whole.Kind = kind
		fixtures.Without(whole, func(path string, less tracker.Change) {
			same := row(less) == row(whole)
			if before, seen := missing[path]; !seen || before {
				missing[path] = same
			}
		})
	}
	for path, is := range missing {
		if _, said := notInCSV[path]; is && !said {
			t.Errorf("no column tells of %s", path)
		} else if !is && said {
			t.Errorf("%s is in the file, though notInCSV says why it is not", path)
		}
	}
}

// TestCSVInChinese: the names of the columns are for people.
func TestCSVInChinese(t *testing.T) {
	read := func(lang string) [][]string {
		s := report.Sample("analysts", lang, shanghai, nine)
		text := string(report.New(s).CSV())
		for i, line := range strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n") {
			line = strings.TrimPrefix(line, "\ufeff")
			if !strings.HasPrefix(line, `"`) || !strings.HasSuffix(line, `"`) || strings.Contains(line, ",,") {
				t.Errorf("line %d has a cell without quotation marks: %s", i, line)
			}
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	en, zh := read("en"), read("zh")
	seen := make(map[string]bool)
	for i, name := range zh[0] {
		if regexp.MustCompile(`[A-Za-z]`).MatchString(name) || seen[name] || en[0][i] == name {
			t.Errorf("column %s is called %s", en[0][i], name)
		}
		seen[name] = true
	}
	for i := 1; i < len(en); i++ {
		for j, name := range en[0] {
			if name == "reason" || name == "page_reason" {
				en[i][j], zh[i][j] = "", "" // for people
			}
		}
	}
	if diff := gocmp.Diff(en[1:], zh[1:]); diff != "" {
		t.Errorf("what programs read differs by language:\n%s", diff)
	}
}

// TestLibreOffice opens the file in the spreadsheet that most people without
// Excel have: numbers are numbers, times are times, the number of a product
// keeps all its digits, and nothing is calculated.
func TestLibreOffice(t *testing.T) {
	soffice, err := exec.LookPath("soffice")
	if err != nil {
		const why = "there is no LibreOffice here, so nobody looked how it reads the CSV file: install libreoffice-calc"
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		fmt.Fprintln(os.Stderr, "SKIPPED: TestLibreOffice:", why)
		t.Skip(why)
	}
	s := report.Sample("analysts", "en", shanghai, nine)
	s.Changes = s.Changes[:1]
	for _, id := range []string{"45127440011", "1021553408817", "123456789012345", "1234567890123456", "12345678901234567890"} {
		p := product(id, "血糖仪", 129900)
		s.Changes = append(s.Changes, tracker.Change{Kind: tracker.Repriced, Product: p, Before: product(id, "血糖仪", 29900)})
	}
	for _, title := range formulas {
		s.Changes = append(s.Changes, tracker.Change{Kind: tracker.Added, Product: product("1", title, 100)})
	}
	s.Changes = number(s.Changes)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "changes.csv"), report.New(s).CSV(), 0o600); err != nil {
		t.Fatal(err)
	}
	// As its dialog does that asks for separators: commas, quotation marks,
	// UTF-8, from line 1, special numbers (which are dates too) detected.
	out, err := deadline.Output(t, exec.Command(soffice, "--headless", "-env:UserInstallation=file://"+dir+"/profile",
		"--infilter=CSV:44,34,76,1,,0,false,true", "--convert-to", "fods", "--outdir", dir, filepath.Join(dir, "changes.csv")))
	if err != nil {
		t.Fatalf("LibreOffice: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "changes.fods"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(text), "table:formula") {
		t.Error("LibreOffice takes a cell for a formula")
	}
	rows := fods(t, text)
	if len(rows) != 1+len(s.Changes) {
		t.Fatalf("%d rows, want %d", len(rows), 1+len(s.Changes))
	}
	column := make(map[string]int)
	for i, c := range rows[0] {
		column[c.Text] = i
	}
	for i := range s.Changes {
		c, row := &s.Changes[i], rows[1+i]
		at := func(name string) officeCell { return row[column[name]] }
		if got, want := at("time"), c.At.In(shanghai).Format("2006-01-02T15:04:05"); got.Kind != "date" || got.Date != want {
			t.Errorf("time = %+v, want the date %s", got, want)
		}
		if got := at("price"); got.Kind != "float" || got.Value != strings.TrimSuffix(c.Product.Price.String(), ".00") {
			t.Errorf("price = %+v, want the number %s", got, c.Product.Price)
		}
		if got, long := at("id"), len(c.Product.ID) > 15; strings.TrimPrefix(got.Text, "'") != string(c.Product.ID) || (got.Kind == "string") != long {
			t.Errorf("id = %+v, want all digits of %s", got, c.Product.ID)
		}
	}
}

// An officeCell is a cell as LibreOffice understood it.
type officeCell struct{ Kind, Value, Date, Text string }

// fods reads the rows of a flat OpenDocument spreadsheet.
func fods(t *testing.T, text []byte) (rows [][]officeCell) {
	t.Helper()
	var doc struct {
		Rows []struct {
			Cells []struct {
				Repeated int      `xml:"number-columns-repeated,attr"`
				Kind     string   `xml:"value-type,attr"`
				Value    string   `xml:"value,attr"`
				Date     string   `xml:"date-value,attr"`
				Text     []string `xml:"p"`
			} `xml:"table-cell"`
		} `xml:"body>spreadsheet>table>table-row"`
	}
	if err := xml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, r := range doc.Rows {
		var row []officeCell
		for _, c := range r.Cells {
			for range max(c.Repeated, 1) {
				row = append(row, officeCell{c.Kind, c.Value, c.Date, strings.Join(c.Text, "\n")})
			}
		}
		rows = append(rows, row)
	}
	return rows
}
