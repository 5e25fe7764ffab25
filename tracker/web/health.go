package web

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"shopwatch/tracker"
)

// A stretch is scans in a row that came to the same.
type stretch struct {
	Storefront tracker.StorefrontName
	From, To   time.Time // when the first and the last of them began
	Scans      int
	Verdict    tracker.Verdict
	Reason     string
	Products   int
}

// A health is the last scans of a storefront, oldest first: the strip of their
// verdicts, the line of the products that the complete ones saw, and both as
// stretches for the table.
type health struct {
	Stretches []stretch
	Scans     int
	Complete  int
	strip     template.HTML
	spark     template.HTML
}

// Strip is the drawing of the verdicts.
func (h *health) Strip() template.HTML { return h.strip }

// Spark is the drawing of the number of products.
func (h *health) Spark() template.HTML { return h.spark }

// healthOf draws scans, which come newest first.
func (p *page) healthOf(scans []tracker.Scan) *health {
	h := &health{Scans: len(scans)}
	for i := range slices.Backward(scans) {
		s := &scans[i]
		if s.Verdict == tracker.Complete {
			h.Complete++
		}
		next := stretch{s.Storefront, s.Began, s.Began, 1, s.Verdict, s.Reason, s.Evidence.Products}
		if n := len(h.Stretches); n > 0 {
			l := &h.Stretches[n-1]
			if l.Verdict == next.Verdict && l.Reason == next.Reason && (l.Products == next.Products || next.Verdict != tracker.Complete) {
				l.To, l.Scans = s.Began, l.Scans+1
				continue
			}
		}
		h.Stretches = append(h.Stretches, next)
	}
	h.strip = p.drawStrip(h.Stretches)
	h.spark = drawSpark(h.Stretches)
	return h
}

// cell is how wide a scan is in a strip.
const cell = 4

func (p *page) drawStrip(list []stretch) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="strip" viewBox="0 0 %d 18" aria-hidden="true">`, stripScans*cell)
	all := 0
	for _, s := range list {
		all += s.Scans
	}
	x := (stripScans - all) * cell // the newest on the right
	for i := 0; i < len(list); {
		s, n, j := list[i], 0, i
		for ; j < len(list) && list[j].Verdict == s.Verdict && (s.Verdict == tracker.Complete || j == i); j++ {
			n += list[j].Scans
		}
		title := p.Verdict(s.Verdict)
		if s.Reason != "" {
			title += ": " + p.Short(s.Reason)
		}
		class, y, height := "ok", 0, 18
		switch {
		case s.Verdict == tracker.Partial:
			class, y, height = "partial", 6, 12
		case s.Verdict != tracker.Complete:
			class, y, height = "bad", 11, 7
		}
		// A line for all of them, dashed into a cell for each.
		path := fmt.Sprintf(`<path class="%s" stroke-width="%d" d="M%d %sh%d"><title>%s, %s</title></path>`,
			class, height, x, short(float64(y)+float64(height)/2), n*cell-1, template.HTMLEscapeString(title), p.Stamp(list[j-1].To))
		if s.Verdict != tracker.Complete {
			path = `<a href="` + template.HTMLEscapeString(p.ScanURL(s.Storefront, s.To)) + `" tabindex="-1">` + path + `</a>`
		}
		b.WriteString(path)
		x += n * cell
		i = j
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // made here
}

// drawSpark draws the number of products of complete scans, each above its cell
// of the strip; the line breaks where none was complete.
func drawSpark(list []stretch) template.HTML {
	low, high, all := math.MaxInt, 0, 0
	for _, s := range list {
		all += s.Scans
		if s.Verdict == tracker.Complete {
			low, high = min(low, s.Products), max(high, s.Products)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="spark" viewBox="0 0 %d 28" preserveAspectRatio="none" aria-hidden="true">`, stripScans*cell)
	if high > 0 && all > 0 {
		y := func(n int) float64 {
			if high == low {
				return 14
			}
			return 25 - 22*float64(n-low)/float64(high-low)
		}
		at, open := (stripScans-all)*cell, false
		b.WriteString(`<path d="`)
		for _, s := range list {
			x1, x2 := at, at+s.Scans*cell
			at = x2
			if s.Verdict != tracker.Complete {
				open = false
				continue
			}
			if open {
				fmt.Fprintf(&b, "V%.1f", y(s.Products))
			} else {
				fmt.Fprintf(&b, "M%d %.1f", x1, y(s.Products))
			}
			fmt.Fprintf(&b, "H%d", x2)
			open = true
		}
		b.WriteString(`"/>`)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // made here
}

// stripScans is how many scans a health strip shows.
const stripScans = 60
