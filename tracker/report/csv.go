package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"time"

	"shopwatch/tracker"
)

// columns of the CSV file. They are the same in all languages, so that what
// reads the files need not care; new ones are added at the end.
var columns = []string{
	"seq", "kind", "storefront", "time", "scan", "id", "title", "url", "image",
	"currency", "price", "price_before", "percent", "title_before", "image_before",
	"proof", "page_says", "page_seen", "page_url", "scans_missed", "days_away",
	"same_as", "watched", "reason", "corrects", "verdict", "evidence",
	"availability", "variants", "price_market", "price_tax", "price_30_days",
}

// csv writes every change of the story for a spreadsheet: UTF-8 with a byte
// order mark, cells separated by commas, lines ended by CR LF (RFC 4180), no
// cell that is taken for a formula, whichever separator the spreadsheet expects.
func (s Story) csv() []byte {
	if len(s.Changes) == 0 {
		return nil
	}
	zone := s.Zone
	if zone == nil {
		zone = time.UTC
	}
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	_ = w.Write(columns) // a bytes.Buffer takes everything
	for i := range s.Changes {
		_ = w.Write(cells(&s.Changes[i], zone))
	}
	w.Flush()
	return b.Bytes()
}

func cells(c *tracker.Change, zone *time.Location) []string {
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format("2006-01-02 15:04:05 -07:00")
	}
	number := func(n uint64) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	p, before := tracker.Product{}, tracker.Product{}
	if c.Product != nil {
		p = *c.Product
	}
	if c.Before != nil {
		before = *c.Before
	}
	row := []string{
		number(c.Seq), string(c.Kind), cell(string(c.Storefront)), stamp(c.At), stamp(c.Scan),
		cell(string(p.ID)), cell(p.Title), address(link(p.URL)), address(link(p.Image)),
		cell(p.Price.Currency), p.Price.String(), "", "", "", "",
		string(c.Proof), "", "", "", "", "", "", cell(c.Important), cell(c.Reason),
		number(c.Corrects), string(c.Verdict), cell(c.Pictures.Page),
		string(p.Availability), number(uint64(p.Variants)), cell(p.Price.Market), string(p.Price.Tax), c.Prior.String(),
	}
	switch c.Kind {
	case tracker.Repriced:
		row[11] = before.Price.String()
		if pc, ok := Percent(before.Price, p.Price); ok {
			row[12] = fmt.Sprintf("%.2f", pc)
		}
	case tracker.Retitled:
		row[13] = cell(before.Title)
	case tracker.Repictured:
		row[14] = address(link(before.Image))
	}
	if c.Probe != nil {
		row[16], row[17], row[18] = cell(string(c.Probe.State)), stamp(c.Probe.At), address(link(c.Probe.URL))
	}
	if c.Missing > 0 {
		row[19] = fmt.Sprint(c.Missing)
	}
	if c.Away > 0 {
		row[20] = fmt.Sprintf("%.1f", c.Away.Hours()/24)
	}
	if c.SameAs != nil {
		row[21] = cell(string(c.SameAs.ID))
	}
	return row
}

// address is the cell of a link: an apostrophe would lead it astray.
func address(link string) string {
	if cell(link) == link {
		return link
	}
	return cell(strings.NewReplacer(";", "%3B", "|", "%7C").Replace(link))
}

// cell makes a string that others wrote safe for a spreadsheet: one line, and
// an apostrophe before what would start a formula. In a spreadsheet whose
// separator is not the comma a cell of its own also begins behind a separator
// within the string, whatever quotation marks stand around it.
func cell(s string) string {
	var b strings.Builder
	begins := true // a cell, but for what spreadsheets trim
	for _, r := range clean(s) {
		switch {
		case begins && strings.ContainsRune("=+-@＝＋－＠−", r):
			b.WriteByte('\'')
			begins = false
		case strings.ContainsRune(";|", r):
			begins = true
		case r != ' ' && r != '"' && r != '\u200d':
			begins = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
