package web

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// A timeline is the row of a product on the shelf. The picture and the table say
// the same: both are made of its runs and marks, and of what was observed of the
// storefront.
type timeline struct {
	Runs  []span
	Marks []markAt
	More  int // older marks, for which there is no place
	svg   template.HTML
}

// SVG is the drawing.
func (t timeline) SVG() template.HTML { return t.svg }

// timelineOf draws what is known of a product within a window. The page holds
// observedClip.
func (p *page) timelineOf(row *storage.ShelfRow, scans []lookout, join func(a, b time.Time) bool, w window, marks int) timeline {
	t := timeline{Runs: within(runsOf(spansOf(row, scans, join)), w)}
	t.Marks, t.More = p.marksOf(row.Changes, w, marks)
	var b strings.Builder
	b.WriteString(`<svg class="line" aria-hidden="true"><svg viewBox="0 0 1000 22" preserveAspectRatio="none"><g>`)
	for _, is := range []presence{seen, missing, removed} {
		y, h := 5, 12
		if is == removed {
			y, h = 10, 2
		}
		if d := bars(t.Runs, is, w, y, h); d != "" {
			fmt.Fprintf(&b, `<path class="%s" d="%s"/>`, is, d)
		}
	}
	b.WriteString(`</g></svg>`)
	b.WriteString(p.drawMarks(t.Marks, w, 11))
	b.WriteString(`</svg>`)
	t.svg = template.HTML(b.String()) //nolint:gosec // made here
	return t
}

// observedClip is what all rows of a chart are cut out of.
func observedClip(observed []span, w window) template.HTML {
	return template.HTML(`<svg class="defs" aria-hidden="true" width="0" height="0"><clipPath id="observed"><path d="` + bars(observed, seen, w, 0, 22) + `"/></clipPath></svg>`) //nolint:gosec // made here
}

// A markAt is a change in a chart.
type markAt struct {
	At    time.Time
	Kind  tracker.Kind
	Seq   uint64
	Wrong bool // a correction took it back
	Label string
}

// marksOf are the newest changes of a product within a window, and how many
// older ones are left out.
func (p *page) marksOf(changes []tracker.Change, w window, most int) (list []markAt, more int) {
	for i := range changes {
		c := &changes[i]
		if w.contains(c.At) {
			label := p.Kind(c.Kind)
			if c.Kind == tracker.Repriced {
				label += " " + p.Gist(c)
			}
			m := markAt{c.At, c.Kind, c.Seq, corrected(changes, c.Seq), label + ", " + p.Day(c.At)}
			if m.Wrong {
				m.Label += ", " + p.T("found wrong")
			}
			list = append(list, m)
		}
	}
	more = max(0, len(list)-most)
	return list[more:], more
}

// markShape is how a mark looks, so that colour is not the only sign.
func markShape(k tracker.Kind) string {
	switch k {
	case tracker.Added, tracker.Relisted:
		return "plus"
	case tracker.Removed:
		return "minus"
	case tracker.Repriced:
		return "diamond"
	case tracker.Retitled:
		return "square"
	case tracker.Repictured:
		return "circle"
	}
	return "tick"
}

// drawMarks draws marks that lead to their proofs. They are for who points;
// for all others the table has the same links.
func (p *page) drawMarks(marks []markAt, w window, y int) string {
	if len(marks) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<g transform="translate(0 %d)">`, y)
	for _, m := range marks {
		class, title := "", p.Day(m.At)
		if m.Wrong {
			class, title = ` class="wrong"`, m.Label
		}
		fmt.Fprintf(&b, `<a%s href="%schanges/%d" tabindex="-1"><title>%s</title><use href="#%s" x="%s"/></a>`,
			class, p.Root, m.Seq, template.HTMLEscapeString(title), markShape(m.Kind), percent(w.part(m.At)))
	}
	b.WriteString(`</g>`)
	return b.String()
}

// kindsOf are the kinds of marks, in the order in which people are told of them.
func kindsOf(marks []markAt) []tracker.Kind {
	var list []tracker.Kind
	for _, k := range tracker.Kinds {
		if slices.ContainsFunc(marks, func(m markAt) bool { return m.Kind == k }) {
			list = append(list, k)
		}
	}
	return list
}
