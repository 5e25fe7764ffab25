package web

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// width is that of a chart in its own units.
const width = 1000

// tick is how wide the least is that can be seen, clear is what stays empty
// between two bars, and least is what is drawn where there is no room.
const tick, clear, least = 3, 1, 0.5

// extents are where spans are drawn. What is too short to be seen is drawn as a
// tick, as far as that covers no gap between the spans.
func extents(spans []span, w window) [][2]float64 {
	list := make([][2]float64, len(spans))
	end := -float64(clear)
	for i, s := range spans {
		from, to := w.part(s.From)*width, w.part(s.To)*width
		next := float64(width)
		if i+1 < len(spans) {
			next = w.part(spans[i+1].From)*width - clear
		}
		to = max(to, min(from+tick, next))
		from = min(from, max(to-tick, end+clear))
		to = max(to, from+least)
		list[i], end = [2]float64{from, to}, to
	}
	return list
}

// bars draws those spans that say something of a product, as one path.
func bars(spans []span, is presence, w window, y, h int) string {
	var b strings.Builder
	for i, e := range extents(spans, w) {
		if spans[i].Is != is {
			continue
		}
		from, to := math.Round(e[0]*10)/10, math.Round(e[1]*10)/10
		long := short(math.Round((to-from)*10) / 10)
		fmt.Fprintf(&b, "M%s %dh%sv%dh-%sz", short(from), y, long, h, long)
	}
	return b.String()
}

func short(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// A scale is how the axis of a window is divided.
type scale struct {
	months int           // between two ticks; 0: it is divided by days or hours
	days   int           // likewise
	hours  time.Duration // likewise, also parts of one
	form   string        // of a label
	first  string        // of the first label, and where a year or a day begins
}

// scaleOf divides a window into about six parts.
func (p *page) scaleOf(w window) scale {
	day, month, year := "2 Jan", "Jan", "Jan 2006"
	if p.Lang == "zh" {
		day, month, year = "1月2日", "1月", "2006年1月"
	}
	whole := w.To.Sub(w.From)
	switch days := whole.Hours() / 24; {
	case days > 900:
		return scale{months: 12 * int(math.Ceil(days/2500)), form: "2006", first: "2006"}
	case days > 200:
		return scale{months: int(math.Ceil(days / 200)), form: month, first: year}
	case days > 60:
		return scale{months: 1, form: month, first: year}
	case days > 4:
		return scale{days: int(math.Ceil(days / 7)), form: day, first: day}
	}
	for _, step := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour} {
		if whole <= 8*step {
			return scale{hours: step, form: "15:04", first: day + " 15:04"}
		}
	}
	return scale{days: 1, form: day, first: day}
}

// from is the last tick at or before a time.
func (s *scale) from(t time.Time) time.Time {
	switch y, m, _ := t.Date(); {
	case s.months >= 12:
		return time.Date(y, 1, 1, 0, 0, 0, 0, t.Location())
	case s.months > 0:
		return time.Date(y, m-(m-1)%time.Month(s.months), 1, 0, 0, 0, 0, t.Location())
	case s.days > 0:
		return midnight(t)
	default:
		return midnight(t).Add(t.Sub(midnight(t)).Truncate(s.hours))
	}
}

// next is the tick behind another.
func (s *scale) next(t time.Time) time.Time {
	if s.hours > 0 {
		return t.Add(s.hours)
	}
	return t.AddDate(0, s.months, s.days)
}

// axis draws the days of a window.
func (p *page) axis(w window) template.HTML {
	s := p.scaleOf(w)
	var b strings.Builder
	b.WriteString(`<svg class="axis" aria-hidden="true">`)
	n := 0
	var last time.Time
	for at := s.from(w.From.In(p.Zone)); !at.After(w.To); at = s.next(at) {
		if at.Before(w.From) {
			continue
		}
		form := s.form
		if last.IsZero() || s.months > 0 && at.Year() != last.Year() || s.hours > 0 && at.Day() != last.Day() {
			form = s.first
		}
		last = at
		x := w.part(at)
		// One at the right edge stands before its tick. It and every other one are
		// left out where there is little room.
		class, side := "", ` dx="3"`
		if x > 0.93 {
			side = ` dx="-3" text-anchor="end"`
		}
		if n%2 == 1 || x > 0.93 {
			class = ` class="o"`
		}
		n++
		fmt.Fprintf(&b, `<line x1="%[1]s" x2="%[1]s" y1="0" y2="5"/><text%[2]s x="%[1]s" y="17"%[3]s>%[4]s</text>`, percent(x), class, side, at.Format(form))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // made here
}
