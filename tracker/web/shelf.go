package web

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/report"
)

// rowsOfShelf is how many products a page shows, and marksOfRow how many marks
// each has at most: a page stays below 150 KB.
const rowsOfShelf, marksOfRow = 100, 7

// shelfShows and shelfSorts are what a shelf may be filtered and sorted by.
var (
	shelfShows = []choice{{"", "All products"}, {"listed", "On the shelf"}, {"missing", "Missing, not proven"}, {"removed", "Removed"}}
	shelfSorts = []choice{{"", "Newest change"}, {"removed", "Newest removal"}, {"title", "Name"}, {"price", "Price"}}
)

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
	pages := newPager(n, rowsOfShelf, shelf.Total)
	if pages.Behind() {
		return pg.toLast(w, pages)
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
		Trouble      *trouble // nil for none
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
		pg, strip[0], pg.troubleOf(&sf), windowChoices(), shelfShows, shelfSorts, pg.axis(win), observedClip(observed, win), gapsOf(observed, win), rows, laterThan(shelf.Exact, win.From), sums,
		days, pg.dayWords(days, win), pg.drawDays(sf.Name, days, win), pages, kindsOf(marks), marksLeft, marksOfRow, pg.Get("view") == "table", p.scans.said(pg, sf.Name), p.o.Daemon != nil && sf.Watched,
	})
}
