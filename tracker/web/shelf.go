package web

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/report"
)

// rowsOfShelf is how many products a page shows, and marksOfRow how many marks
// each has at most: a page stays below 150 KB.
const rowsOfShelf, marksOfRow = 100, 7

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

// shelfShows and shelfSorts are what a shelf may be filtered and sorted by.
var (
	shelfShows = []choice{{"", "All products"}, {"listed", "On the shelf"}, {"missing", "Missing, not proven"}, {"removed", "Removed"}}
	shelfSorts = []choice{{"", "Newest change"}, {"removed", "Newest removal"}, {"title", "Name"}, {"price", "Price"}}
)

// A choice is an entry of a list to choose from.
type choice struct{ Value, Words string }

// knownShop returns what is known of a storefront.
func (p *Pages) knownShop(ctx context.Context, name string) (api.Storefront, error) {
	list, err := p.o.List(ctx)
	if err != nil {
		return api.Storefront{}, err
	}
	i := slices.IndexFunc(list, func(sf api.Storefront) bool { return string(sf.Name) == name })
	if i < 0 {
		return api.Storefront{}, notFound(fmt.Sprintf("there is no storefront %q", report.Cut(name, 80)))
	}
	return list[i], nil
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

// A shelfRow is a product on the shelf.
type shelfRow struct {
	storage.ShelfRow
	Line timeline
}

func (p *Pages) shelf(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	sf, err := p.knownShop(ctx, r.PathValue("name"))
	if err != nil {
		return err
	}
	pg := p.page(r, "shelf", "")
	pg.Title = pg.Shop(sf.Name)
	win, scans, err := p.history(ctx, pg, &sf, lastMonth)
	if err != nil {
		return err
	}
	n, skip := pageNumber(r, rowsOfShelf)
	shelf, err := p.o.Store.Shelf(ctx, storage.ShelfQuery{
		Storefront: sf.Name, Text: pg.Get("q"), Presence: storage.Presence(known(shelfShows, pg.Get("show"))),
		Order: storage.ShelfOrder(known(shelfSorts, pg.Get("sort"))), Skip: skip, Limit: rowsOfShelf,
	})
	if err != nil {
		return err
	}
	join := joined(scans, pg.Now)
	observed := within(observedOf(scans, join), win)
	rows := make([]shelfRow, 0, len(shelf.Rows))
	var marks []markAt
	marksLeft := false
	for i := range shelf.Rows {
		row := shelfRow{shelf.Rows[i], pg.timelineOf(&shelf.Rows[i], scans, join, win, marksOfRow)}
		marksLeft = marksLeft || row.Line.More > 0
		marks = append(marks, row.Line.Marks...)
		rows = append(rows, row)
	}
	tally, err := p.o.Store.Tally(ctx, sf.Name, win.From, time.Time{}, p.o.Zone)
	if err != nil {
		return err
	}
	sums := make(map[string]int) // by kind, for the template
	for _, d := range tally {
		for k, c := range d.Changes {
			sums[string(k)] += c
		}
	}
	strip, err := p.shopRows(ctx, pg, []api.Storefront{sf})
	if err != nil {
		return err
	}
	days := dayBars(tally, win)
	if sf.Scanning != nil {
		pg.Refresh = 3
	}
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Shop         shopRow
		Windows      []choice
		Shows, Sorts []choice
		Axis, Clip   template.HTML
		Gaps         []span
		Rows         []shelfRow
		Exact        time.Time
		Sums         map[string]int
		Days         []dayBar
		DayWords     string // what the bars count
		Bars         template.HTML
		Pager        pager
		Legend       []tracker.Kind
		MarksLeft    bool // not all fitted
		MostMarks    int
		Table        bool   // instead of the picture
		Asked        string // what came of a scan that was asked for here
		MayScan      bool
	}{
		pg, strip[0], windowChoices(), shelfShows, shelfSorts, pg.axis(win), observedClip(observed, win), gapsOf(observed, win), rows, laterThan(shelf.Exact, win.From), sums,
		days, pg.dayWords(days, win), pg.drawDays(sf.Name, days, win), newPager(n, rowsOfShelf, shelf.Total), kindsOf(marks), marksLeft, marksOfRow, pg.Get("view") == "table", p.scans.said(pg, sf.Name), p.o.Daemon != nil && sf.Watched,
	})
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

// laterThan is a time if it is later than another, else the zero time.
func laterThan(t, other time.Time) time.Time {
	if t.After(other) {
		return t
	}
	return time.Time{}
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

func windowChoices() []choice {
	var list []choice
	for _, w := range windows {
		list = append(list, choice{w.Name, w.Words})
	}
	return list
}

// known is a value that is among the choices, else the first.
func known(list []choice, value string) string {
	for _, c := range list {
		if c.Value == value {
			return value
		}
	}
	return list[0].Value
}

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

// begun is a scan that was asked for in a page.
type begun struct {
	at      time.Time
	running bool
	verdict tracker.Verdict
	changes int
	err     error
}

// scanning are the scans that were asked for in pages.
type scanning struct {
	mu    sync.Mutex
	begun map[tracker.StorefrontName]*begun
}

// said is what became of the last scan that was asked for here, for some
// minutes.
func (s *scanning) said(pg *page, name tracker.StorefrontName) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.begun[name]
	switch {
	case b == nil || pg.Now.Sub(b.at) > 15*time.Minute:
		return ""
	case b.running:
		return pg.T("A scan is under way. This page follows it.")
	case b.err != nil:
		return pg.T("The scan came to nothing: %s", pg.Clean(b.err))
	}
	return pg.T("The scan is done: %s.", pg.Verdict(b.verdict)) + " " + pg.N("%d change.", "%d changes.", b.changes)
}

// scan has a storefront scanned now. The scan goes on when the reader leaves.
func (p *Pages) scan(w http.ResponseWriter, r *http.Request) error {
	sf, err := p.knownShop(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	if p.o.Daemon == nil || !sf.Watched {
		return refusal("this storefront is not scanned here")
	}
	p.scans.mu.Lock()
	last := p.scans.begun[sf.Name]
	start := last == nil || !last.running
	if start {
		p.scans.begun[sf.Name] = &begun{at: time.Now(), running: true}
	}
	p.scans.mu.Unlock()
	if start {
		go p.scanNow(context.WithoutCancel(r.Context()), sf.Name)
	}
	w.Header().Set("Location", "../"+url.PathEscape(string(sf.Name)))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// scanNow scans a storefront and notes what came of it. The watcher ends it when
// the daemon ends.
func (p *Pages) scanNow(ctx context.Context, name tracker.StorefrontName) {
	scan, changes, err := p.o.Daemon.Scan(ctx, name, api.HowToScan{}, func(tracker.Progress) {})
	p.scans.mu.Lock()
	defer p.scans.mu.Unlock()
	b := &begun{at: time.Now(), changes: len(changes), err: err}
	if scan != nil {
		b.verdict = scan.Verdict
	}
	p.scans.begun[name] = b
}
