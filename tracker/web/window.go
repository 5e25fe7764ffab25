package web

import (
	"context"
	"math"
	"strconv"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker/api"
)

// A window is the stretch of time of a chart.
type window struct{ From, To time.Time }

// part is where a time is in the window, from 0 to 1.
func (w window) part(t time.Time) float64 {
	whole := w.To.Sub(w.From)
	if whole <= 0 {
		return 0
	}
	return min(max(float64(t.Sub(w.From))/float64(whole), 0), 1)
}

func (w window) contains(t time.Time) bool { return !t.Before(w.From) && !t.After(w.To) }

// percent writes a part of the width.
func percent(part float64) string {
	return strconv.FormatFloat(math.Round(part*10000)/100, 'f', -1, 64) + "%"
}

// A chartWindow is a stretch of time that charts show.
type chartWindow struct {
	Name, Words string
	Days        int // 0: all
}

var (
	lastWeek  = chartWindow{"7d", "7 days", 7}
	lastMonth = chartWindow{"30d", "30 days", 30}
	lastYear  = chartWindow{"1y", "1 year", 365}
	allTime   = chartWindow{"all", "All", 0}

	windows = []chartWindow{lastWeek, lastMonth, lastYear, allTime}
)

// windowOf is the shortest window that shows all of what is so old, else a year.
func windowOf(age time.Duration) chartWindow {
	for _, w := range []chartWindow{lastWeek, lastMonth} {
		if age < time.Duration(w.Days)*24*time.Hour {
			return w
		}
	}
	return lastYear
}

func windowChoices() []choice {
	var list []choice
	for _, w := range windows {
		list = append(list, choice{w.Name, w.Words})
	}
	return list
}

// WindowWords name the window of the page.
func (p *page) WindowWords() string {
	for _, w := range windows {
		if w.Name == p.Window && w.Days > 0 {
			return p.T(w.Words)
		}
	}
	return p.T("All the time")
}

// maxScans is how many scans a chart looks at.
const maxScans = 20_000

// history are the scans of a storefront for a chart: those of its window, and the
// ones before that its left edge is carried in from. The window is that of the
// query, else the usual one, or all there is of a storefront that is younger than
// a week; the page is told which.
func (p *Pages) history(ctx context.Context, pg *page, sf *api.Storefront, usual chartWindow) (window, []lookout, error) {
	for _, c := range windows {
		if c.Name == pg.Get("window") {
			pg.Window = c.Name
			return p.scansOf(ctx, pg, sf, c.Days)
		}
	}
	pg.Window = usual.Name
	w, scans, err := p.scansOf(ctx, pg, sf, usual.Days)
	if err != nil || len(scans) > 0 && scans[0].At.Before(pg.Now.AddDate(0, 0, -lastWeek.Days)) {
		return w, scans, err
	}
	all, known, err := p.scansOf(ctx, pg, sf, allTime.Days)
	if err == nil && len(known) > 0 && all.From.After(w.From) {
		pg.Window = allTime.Name
		return all, known, nil
	}
	return w, scans, err
}

// scansOf are the scans of so many days; of all for 0.
func (p *Pages) scansOf(ctx context.Context, pg *page, sf *api.Storefront, days int) (w window, scans []lookout, err error) {
	w.To = pg.Now
	q := storage.ScanQuery{Storefront: sf.Name, Limit: maxScans}
	if days > 0 {
		w.From = midnight(w.To.In(p.o.Zone).AddDate(0, 0, -days))
		q.Since = w.From.Add(-3 * 24 * time.Hour)
	}
	list, err := p.o.Store.Scans(ctx, q)
	if err != nil {
		return w, nil, err
	}
	if days == 0 {
		w.From = w.To.Add(-time.Minute)
		if n := len(list); n > 0 && list[n-1].Began.Before(w.From) {
			w.From = list[n-1].Began
		}
	}
	return w, lookoutsOf(list), nil
}

// midnight is when the day of a time begins, in its zone.
func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

// laterThan is a time if it is later than another, else the zero time.
func laterThan(t, other time.Time) time.Time {
	if t.After(other) {
		return t
	}
	return time.Time{}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
