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

// rowsOfShelf is how many products a page shows.
const rowsOfShelf = 100

// windows are the stretches of time that charts show, in days; 0 for all.
var windows = []struct {
	Name, Words string
	Days        int
}{{"7d", "7 days", 7}, {"30d", "30 days", 30}, {"1y", "1 year", 365}, {"all", "All", 0}}

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
// ones before that its left edge is carried in from.
func (p *Pages) history(ctx context.Context, pg *page, sf *api.Storefront) (w window, scans []lookout, err error) {
	w.To = pg.Now
	days := -1
	for _, c := range windows {
		if c.Name == pg.Get("window") {
			days = c.Days
		}
	}
	if days < 0 {
		days = 30
	}
	q := storage.ScanQuery{Storefront: sf.Name, Limit: maxScans}
	if days > 0 {
		w.From = w.To.AddDate(0, 0, -days)
		q.Since = w.From.Add(-3 * 24 * time.Hour)
	}
	list, err := p.o.Store.Scans(ctx, q)
	if err != nil {
		return w, nil, err
	}
	if days == 0 {
		w.From = w.To.AddDate(0, 0, -7)
		if n := len(list); n > 0 && list[n-1].Began.Before(w.From) {
			w.From = list[n-1].Began
		}
	}
	return w, lookoutsOf(list), nil
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
	win, scans, err := p.history(ctx, pg, &sf)
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
	for i := range shelf.Rows {
		rows = append(rows, shelfRow{shelf.Rows[i], pg.timelineOf(&shelf.Rows[i], scans, join, win)})
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
	if sf.Scanning != nil {
		pg.Refresh = 3
	}
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Shop         shopRow
		Window       window
		Windows      []choice
		Shows, Sorts []choice
		Axis, Clip   template.HTML
		Gaps         []span
		Rows         []shelfRow
		Exact        time.Time
		Sums         map[string]int
		Days         []dayBar
		Bars         template.HTML
		Pager        pager
		Asked        string // what came of a scan that was asked for here
		MayScan      bool
	}{
		pg, strip[0], win, windowChoices(), shelfShows, shelfSorts, pg.axis(win), observedClip(observed, win), gapsOf(observed, win), rows, laterThan(shelf.Exact, win.From), sums,
		dayBars(tally), drawDays(tally, win), newPager(n, rowsOfShelf, shelf.Total), p.scans.said(pg, sf.Name), p.o.Daemon != nil && sf.Watched,
	})
}

// laterThan is a time if it is later than another, else the zero time.
func laterThan(t, other time.Time) time.Time {
	if t.After(other) {
		return t
	}
	return time.Time{}
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

// A dayBar is how many products came and went on a day.
type dayBar struct {
	Day            time.Time
	Added, Removed int
}

func dayBars(tally []storage.DayTally) []dayBar {
	var list []dayBar
	for _, d := range tally {
		b := dayBar{d.Day, d.Changes[tracker.Added] + d.Changes[tracker.Relisted], d.Changes[tracker.Removed]}
		if b.Added+b.Removed > 0 {
			list = append(list, b)
		}
	}
	return list
}

// drawDays draws additions above a line and removals below it.
func drawDays(tally []storage.DayTally, w window) template.HTML {
	bars := dayBars(tally)
	most := 1
	for _, d := range bars {
		most = max(most, d.Added, d.Removed)
	}
	width := max(24*float64(time.Hour)/float64(max(w.To.Sub(w.From), 1))*0.7, 0.0025)
	var b strings.Builder
	b.WriteString(`<svg class="days" height="45" aria-hidden="true"><line x1="0" x2="100%" y1="22.5" y2="22.5"/>`)
	bar := func(class string, d dayBar, n int, up bool) {
		if n == 0 {
			return
		}
		h := max(20*n/most, 2)
		y := 24
		if up {
			y = 21 - h
		}
		fmt.Fprintf(&b, `<rect class="%s" x="%s" width="%s" y="%d" height="%d"><title>%s: %d</title></rect>`,
			class, percent(min(w.part(d.Day), 1-width)), percent(width), y, h, d.Day.Format(time.DateOnly), n)
	}
	for _, d := range bars {
		bar("added", d, d.Added, true)
		bar("removed", d, d.Removed, false)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // made here
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
