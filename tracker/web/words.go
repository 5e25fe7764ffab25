package web

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// T puts a phrase into the language of the page. English stands in the pages
// themselves.
func (p *page) T(phrase string, args ...any) string {
	if p.Lang == "zh" {
		if z, ok := chinese[phrase]; ok {
			phrase = z
		}
	}
	if len(args) == 0 {
		return phrase
	}
	return fmt.Sprintf(phrase, args...)
}

// N puts a count into words: one for 1, else many.
func (p *page) N(one, many string, n int) string {
	if n == 1 {
		return p.T(one, n)
	}
	return p.T(many, n)
}

// Time is a time for people, to the minute.
func (p *page) Time(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	form := "2 Jan 15:04"
	if p.Lang == "zh" {
		form = "1月2日 15:04"
	}
	t = t.In(p.Zone)
	if t.Year() != p.Now.In(p.Zone).Year() {
		form = "2 Jan 2006 15:04"
		if p.Lang == "zh" {
			form = "2006年1月2日 15:04"
		}
	}
	return timeElement(t, form)
}

// Clock is the time of a day.
func (p *page) Clock(t time.Time) template.HTML { return timeElement(t.In(p.Zone), "15:04") }

func timeElement(t time.Time, form string) template.HTML {
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format(form) + `</time>`) //nolint:gosec // made here
}

// Stamp is a time for attributes.
func (p *page) Stamp(t time.Time) string { return t.In(p.Zone).Format("2006-01-02 15:04") }

// Day is a day for people.
func (p *page) Day(t time.Time) string { return t.In(p.Zone).Format(time.DateOnly) }

// Ago is how long a time is over.
func (p *page) Ago(t time.Time) string { return p.T("%s ago", p.Took(p.Now.Sub(t))) }

// ZoneName is the time zone of the page with its distance from UTC.
func (p *page) ZoneName() string {
	name := p.Zone.String()
	if o := p.Offset(p.Now); o != name {
		return name + " · " + o
	}
	return name
}

// Took is how long something took.
func (p *page) Took(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// Shop is what people call a storefront.
func (p *page) Shop(name tracker.StorefrontName) string {
	return cmp.Or(report.Cut(report.Clean(p.titles[name]), 60), string(name))
}

// Clean makes what others wrote fit for a line of a page.
func (p *page) Clean(v any) string { return report.Cut(report.Clean(fmt.Sprint(v)), 300) }

// Whole is Clean for what is not cut.
func (p *page) Whole(v any) string { return report.Clean(fmt.Sprint(v)) }

// Short is Clean for narrow places.
func (p *page) Short(v any) string { return report.Cut(report.Clean(fmt.Sprint(v)), 60) }

// Ends are a title in two parts, of which the first is cut where there is little
// room: models differ in their ends.
func (p *page) Ends(title string) (ends struct{ Start, End string }) {
	const most, end = 64, 8
	r := []rune(report.Clean(title))
	if len(r) > most {
		r = slices.Concat(r[:most-end-1], []rune("…"), r[len(r)-end:])
	}
	at := max(len(r)-end, 0)
	ends.Start, ends.End = string(r[:at]), string(r[at:])
	return ends
}

// Presence is what complete scans say of a product, in words.
func (p *page) Presence(is presence) string {
	switch is {
	case seen:
		return p.T("on the shelf")
	case missing:
		return p.T("missing, not proven")
	}
	return p.T("removed")
}

// PageState is what an item page says of its product, in words.
func (p *page) PageState(s tracker.PageState) string {
	switch s {
	case tracker.PageGone:
		return p.T("the product does not exist")
	case tracker.PageOffshelf:
		return p.T("the product is off the shelf")
	case tracker.PageSold:
		return p.T("the product is sold")
	}
	return p.T("nothing: it could not be read")
}
