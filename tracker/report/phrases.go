package report

import (
	"fmt"
	"time"

	"shopwatch/tracker"
)

// Phrases are the words of reports for what else people read, so that a fact is
// put into words once. The zero value speaks English, and of times in UTC.
type Phrases struct {
	Lang string // as of a Story
	Zone *time.Location
}

func (p Phrases) words() *words { return wordsOf(p.Lang) }

func (p Phrases) in(t time.Time) time.Time {
	if p.Zone == nil {
		return t.UTC()
	}
	return t.In(p.Zone)
}

// Kind is the name of a kind of change.
func (p Phrases) Kind(k tracker.Kind) string {
	if s := p.words().Kinds[k][0]; s != "" {
		return s
	}
	return string(k)
}

// Verdict is the name of a verdict.
func (p Phrases) Verdict(v tracker.Verdict) string {
	if s := p.words().Verdicts[v]; s != "" {
		return s
	}
	return string(v)
}

// Stalled says what keeps a storefront from being read, and what to do about it.
func (p Phrases) Stalled(v tracker.Verdict, marketplace string, name tracker.StorefrontName) (what, do string) {
	w := p.words()
	if w.Stalled[v] == "" {
		v = tracker.Failed
	}
	return w.Stalled[v], fill(w.StalledDo[v], marketplace, string(name))
}

// Price is a price for people.
func (p Phrases) Price(price tracker.Price) string { return p.words().price(price) }

// Percent is by how much a price changed, "" when that is not known.
func (p Phrases) Percent(before, after tracker.Price) string {
	if pc, ok := Percent(before, after); ok {
		return percent(pc)
	}
	return ""
}

// Span is a length of time, roughly.
func (p Phrases) Span(d time.Duration) string { return p.words().span(d) }

// Offset names the zone by its distance from UTC at a time.
func (p Phrases) Offset(t time.Time) string { return offset(p.in(t)) }

// SameAs says which removed product an added one probably is.
func (p Phrases) SameAs(s *tracker.SameAs) string {
	return fmt.Sprintf(p.words().SameAs, clean(string(s.ID)), int(100*s.Confidence+0.5))
}

// A Part is a stretch of a title; Marked says that the other title lacks it.
type Part struct {
	Text   string
	Marked bool
}

// CompareTitles marks what differs between two titles.
func CompareTitles(before, after string) (was, is []Part) {
	a, b := diff(clean(before), clean(after))
	parts := func(list []part) []Part {
		out := make([]Part, len(list))
		for i, p := range list {
			out[i] = Part{p.Text, p.Mark}
		}
		return out
	}
	return parts(a), parts(b)
}

// Clean makes a string that others wrote fit for one line of anything; see the
// package comment.
func Clean(s string) string { return clean(s) }

// Cut shortens a string to at most n characters.
func Cut(s string, n int) string { return cut(s, n) }

// Link returns an address of the web, "" for any other.
func Link(s string) string { return link(s) }

// Columns are the names of the cells of a change in a table.
func Columns() []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

// Cells are a change as a row of a table, in the order of Columns, safe for
// spreadsheets.
func (p Phrases) Cells(c *tracker.Change) []string {
	s := &Story{Lang: p.Lang, Zone: p.in(c.At).Location()}
	row := make([]string, len(columns))
	for i, col := range columns {
		row[i] = col.cell(c, s)
	}
	return row
}

// Cell makes a string that others wrote safe for a spreadsheet.
func Cell(s string) string { return cell(s) }
