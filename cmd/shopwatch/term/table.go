package term

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
)

// A Table is printed with columns that line up, also with Chinese characters,
// which are as wide as two others. On a terminal the last column is cut where
// the line would break; before too little of it is left, others go.
type Table struct {
	rows  [][]string
	notes map[int]string // below a row, by its index
	Right map[int]bool   // columns of numbers
	Spare []int          // columns that a narrow terminal can do without, the first to go first
	Short []int          // columns that a narrow terminal may cut, when none can be spared any more
	Whole bool           // the last column is broken where it would be cut
}

// Row adds a row. The first is the heading.
func (t *Table) Row(cells ...string) { t.rows = append(t.rows, cells) }

// Note puts a text below the last row, which may be longer than a line.
func (t *Table) Note(text string) {
	if text == "" {
		return
	}
	if t.notes == nil {
		t.notes = make(map[int]string)
	}
	t.notes[len(t.rows)-1] = text
}

// width counts columns of a terminal. What cannot be shown has none.
var width = runewidth.Condition{StrictEmojiNeutral: true}

// Empty reports whether there is nothing below the heading.
func (t *Table) Empty() bool { return len(t.rows) <= 1 }

// enough is what a terminal shows of the last column at least, if columns can
// be spared for that.
const enough = 36

// cut is what is shown at least of a column that may be cut.
const cut = 12

// narrow takes away columns until enough of the last one fits, and makes those
// narrower that may be cut.
func (t *Table) narrow(widths []int, columns int) (gone map[int]bool) {
	gone = map[int]bool{}
	last := len(widths) - 1
	left := columns
	for _, n := range widths[:last] {
		left -= n + 2
	}
	for _, i := range t.Spare {
		if left >= min(widths[last], enough) {
			break
		}
		gone[i] = true
		left += widths[i] + 2
	}
	for _, i := range t.Short {
		less := min(min(widths[last], enough)-left, widths[i]-cut)
		if less > 0 && !gone[i] {
			widths[i] -= less
			left += less
		}
	}
	return gone
}

// Print prints the table.
func (t *Table) Print(w io.Writer) error { return t.PrintTo(w, Columns(w)) }

// PrintTo prints for a terminal of so many columns, 0 for none.
func (t *Table) PrintTo(w io.Writer, columns int) error {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width.StringWidth(Plain(cell)))
		}
	}
	var gone map[int]bool
	if columns > 0 && len(widths) > 0 {
		gone = t.narrow(widths, columns)
	}
	var b strings.Builder
	for n, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			if gone[i] {
				continue
			}
			cell = Plain(cell)
			if left := columns - width.StringWidth(line.String()); t.Whole && i == len(row)-1 && left >= enough/2 {
				indent := "\n" + strings.Repeat(" ", columns-left)
				line.WriteString(strings.Join(Wrap(cell, left), indent))
				continue
			}
			if i < len(row)-1 {
				cell = width.Truncate(cell, widths[i], "…")
			}
			space := strings.Repeat(" ", max(0, widths[i]-width.StringWidth(cell)))
			if t.Right[i] {
				line.WriteString(space + cell)
			} else {
				line.WriteString(cell)
				if i < len(row)-1 {
					line.WriteString(space)
				}
			}
			if i < len(row)-1 {
				line.WriteString("  ")
			}
		}
		for text := range strings.SplitSeq(strings.TrimRight(line.String(), " "), "\n") {
			if columns > 0 {
				text = width.Truncate(text, columns, "…")
			}
			b.WriteString(text + "\n")
		}
		if note := Plain(t.notes[n]); note != "" {
			const indent = "        "
			if columns > 2*len(indent) {
				note = strings.Join(Wrap(note, columns-len(indent)), "\n"+indent)
			}
			b.WriteString(indent + note + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Wrap breaks a text at blanks into lines that are so wide at most; a word that
// is wider has a line of its own.
func Wrap(text string, columns int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case width.StringWidth(line)+1+width.StringWidth(word) > columns:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// Plain takes out of a title what would move the cursor, turn the direction of
// text or colour the terminal.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff, r == 0xfffd:
			return -1
		}
		return r
	}, s)
}

// Paint colours words that matter, on a terminal and unless NO_COLOR is set.
func Paint(w io.Writer, colour, s string) string {
	if Columns(w) == 0 || os.Getenv("NO_COLOR") != "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// Colours of Paint.
const (
	Green  = "32"
	Yellow = "33"
	Red    = "31"
	Faint  = "2"
)

// Time prints a time in a zone to the minute; "" for none.
func Time(t time.Time, loc *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(loc).Format("2006-01-02 15:04")
}
