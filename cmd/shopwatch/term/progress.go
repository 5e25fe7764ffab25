package term

import (
	"fmt"
	"io"
	"time"

	"shopwatch/tracker"
)

// plainEvery is how often progress is told where there is no terminal.
const plainEvery = 30 * time.Second

// A Progress shows how far scans have come, in one line of a terminal. Where
// there is none, long scans print plain lines now and then.
type Progress struct {
	Out   io.Writer // a terminal, or whatever takes plain lines
	Notes bool      // only notes are shown
	shown bool
	// Pace is how long a page is expected to take. It counts as one that did.
	Pace  time.Duration
	of    tracker.StorefrontName // the storefront that is scanned
	began time.Time              // when its first page was read
	read  int                    // pages that were read then
	told  time.Time              // when a plain line was printed last
}

// Show shows how far a scan has come.
func (p *Progress) Show(s tracker.Progress) {
	columns := Columns(p.Out)
	if s.Note != "" {
		p.Clear()
		fmt.Fprintf(p.Out, "%s: %s\n", s.Storefront, Plain(s.Note))
	}
	if p.Notes {
		return
	}
	now := time.Now()
	line := p.line(s, now)
	if columns == 0 {
		if p.told.IsZero() {
			p.told = now
		}
		if now.Sub(p.told) >= plainEvery {
			p.told = now
			fmt.Fprintln(p.Out, line)
		}
		return
	}
	fmt.Fprintf(p.Out, "\r\x1b[K%s", width.Truncate(line, columns-1, "…"))
	p.shown = true
}

// line says how far a scan has come, and how long it takes by the pace of its
// pages so far.
func (p *Progress) line(s tracker.Progress, now time.Time) string {
	if s.Pages == 0 {
		return string(s.Storefront) + ": opening"
	}
	if p.of != s.Storefront || s.Pages == 1 {
		p.of, p.began, p.read = s.Storefront, now, s.Pages
	}
	line := fmt.Sprintf("%s: %s, %s", s.Storefront, Count(s.Pages, s.Declared.Pages, "page"), Count(s.Products, s.Declared.Products, "product"))
	if s.Probed > 0 {
		return line + ", " + Count(s.Probed, 0, "item page")
	}
	each := (p.Pace + now.Sub(p.began)) / time.Duration(1+s.Pages-p.read)
	pages := s.Declared.Pages
	if pages == 0 && s.Products > 0 { // a shelf without pages says how much is on it
		pages = (s.Declared.Products*s.Pages + s.Products - 1) / s.Products
	}
	if left := time.Duration(pages-s.Pages) * each; left > 0 {
		line += ", about " + About(left) + " left"
	}
	return line
}

// Clear takes the line away, so that something else can be printed.
func (p *Progress) Clear() {
	if p.shown {
		fmt.Fprint(p.Out, "\r\x1b[K")
		p.shown = false
	}
}
