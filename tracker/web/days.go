package web

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// A dayBar is how many products came and went within some days.
type dayBar struct {
	Day, Last      time.Time // midnights of the first and the last day
	Added, Removed int       // those that are back again are among the added
}

// A period is what each bar of a window stands for.
type period int

const (
	byDay period = iota
	byWeek
	byMonth
)

// periodOf is a day in a short window, a week from Monday on in a longer one, then
// a month.
func periodOf(w window) period {
	switch days := w.To.Sub(w.From).Hours() / 24; {
	case days > 800:
		return byMonth
	case days > 100:
		return byWeek
	}
	return byDay
}

// dayBars are the periods in which products came or went. The first is cut off
// where the window begins.
func dayBars(tally []storage.DayTally, w window) []dayBar {
	var list []dayBar
	for _, d := range tally {
		from, last := d.Day, d.Day
		switch periodOf(w) {
		case byMonth:
			from = time.Date(d.Day.Year(), d.Day.Month(), 1, 0, 0, 0, 0, d.Day.Location())
			last = from.AddDate(0, 1, -1)
		case byWeek:
			from = d.Day.AddDate(0, 0, -(int(d.Day.Weekday())+6)%7)
			last = from.AddDate(0, 0, 6)
		}
		from = later(from, midnight(w.From.In(d.Day.Location())))
		b := dayBar{from, last, d.Changes[tracker.Added] + d.Changes[tracker.Relisted], d.Changes[tracker.Removed]}
		switch n := len(list); {
		case b.Added+b.Removed == 0:
		case n > 0 && list[n-1].Day.Equal(from):
			list[n-1].Added += b.Added
			list[n-1].Removed += b.Removed
		default:
			list = append(list, b)
		}
	}
	return list
}

// longestBar is what the longest of bars stands for.
func longestBar(bars []dayBar) int {
	most := 0
	for _, d := range bars {
		most = max(most, d.Added, d.Removed)
	}
	return most
}

// drawDays draws what came above a line and what went below it. Each bar leads
// to its changes.
func (p *page) drawDays(name tracker.StorefrontName, bars []dayBar, w window) template.HTML {
	if w.To.Sub(w.From) < 3*24*time.Hour {
		return "" // a day would fill it
	}
	most := longestBar(bars)
	var b strings.Builder
	b.WriteString(`<svg class="days" height="45" aria-hidden="true"><line x1="0" x2="100%" y1="22.5" y2="22.5"/>`)
	bar := func(class string, d dayBar, n int, kinds string) {
		if n == 0 {
			return
		}
		h := max(20*n/most, 2)
		y := 24
		if class == "added" {
			y = 21 - h
		}
		// From the first midnight to the last, a little less so that neighbours
		// stay apart, but wide enough to be seen and pointed at.
		from, to := w.part(d.Day), w.part(d.Last.AddDate(0, 0, 1))
		wide := max((to-from)*0.8, 0.004)
		fmt.Fprintf(&b, `<a href="%s" tabindex="-1"><title>%s: %d</title><rect class="%s" x="%s" width="%s" y="%d" height="%d"/></a>`,
			template.HTMLEscapeString(p.DaysURL(name, d)+kinds), p.DaySpan(d), n, class, percent(min(from, 1-wide)), percent(wide), y, h)
	}
	for _, d := range bars {
		bar("added", d, d.Added, "&kind=added&kind=relisted")
		bar("removed", d, d.Removed, "&kind=removed")
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // made here
}

// DaysURL is the way to the changes of a storefront on the days of a bar.
func (p *page) DaysURL(name tracker.StorefrontName, d dayBar) string {
	return p.Root + "changes?storefront=" + url.QueryEscape(string(name)) + "&from=" + p.Day(d.Day) + "&to=" + p.Day(d.Last)
}

// DaySpan are the days of a bar.
func (p *page) DaySpan(d dayBar) string {
	if d.Day.Equal(d.Last) {
		return p.Day(d.Day)
	}
	return p.Day(d.Day) + " – " + p.Day(d.Last)
}

// dayWords say what the bars count, and how many the longest stands for.
func (p *page) dayWords(bars []dayBar, w window) string {
	most := longestBar(bars)
	if most == 0 {
		return p.T("nothing was new or taken off")
	}
	switch periodOf(w) {
	case byMonth:
		return p.T("at most %d a month", most)
	case byWeek:
		return p.T("at most %d a week", most)
	}
	return p.T("at most %d a day", most)
}
