package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// rowsOfOverview is how many storefronts a page shows.
const rowsOfOverview = 30

// week is how far back changes are counted.
const week = 7 * 24 * time.Hour

// A shopRow is a storefront on the first page.
type shopRow struct {
	api.Storefront
	Health   *health
	Suspects int
	Added    int
	Removed  int
	Other    int // further changes
}

// oldBackup is how old the newest backup of a day may be.
const oldBackup = 48 * time.Hour

// A trouble is what needs a person.
type trouble struct {
	What, Do string
	Link     string // where to see more
	Shop     tracker.StorefrontName
	Urgent   bool
}

func (p *Pages) overview(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	pg := p.page(r, "overview", "Overview")
	all, err := p.o.List(ctx)
	if err != nil {
		return err
	}
	troubles, err := p.troubles(ctx, pg, all)
	if err != nil {
		return err
	}
	n, skip := pageNumber(r, rowsOfOverview)
	pages := newPager(n, rowsOfOverview, len(all))
	if pages.Behind() {
		return pg.toLast(w, pages)
	}
	list := all[min(skip, len(all)):]
	list = list[:min(rowsOfOverview, len(list))]
	rows, err := p.shopRows(ctx, pg, list)
	if err != nil {
		return err
	}
	newest, err := p.o.Store.Changes(ctx, storage.Query{Newest: true, Limit: 8})
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].Scanning != nil {
			pg.Refresh = 5
		}
	}
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Troubles []trouble
		Rows     []shopRow
		Newest   []tracker.Change
		Pager    pager
	}{pg, troubles, rows, newest, pages})
}

// OnlyBaseline reports whether nothing was read completely since the baseline: what
// stands on the shelf is no news.
func (r shopRow) OnlyBaseline() bool {
	return !r.Baseline.IsZero() && r.LastComplete.Equal(r.Baseline)
}

// shopRows are storefronts with their last scans.
func (p *Pages) shopRows(ctx context.Context, pg *page, list []api.Storefront) ([]shopRow, error) {
	names := make([]tracker.StorefrontName, 0, len(list))
	for i := range list {
		names = append(names, list[i].Name)
	}
	known, err := p.o.Store.Overviews(ctx, storage.OverviewQuery{Names: names, Scans: stripScans, Since: pg.Now.Add(-week)})
	if err != nil {
		return nil, err
	}
	rows := make([]shopRow, 0, len(list))
	for i := range list {
		row := shopRow{Storefront: list[i], Health: pg.healthOf(nil)}
		if at := slices.IndexFunc(known, func(o storage.Overview) bool { return o.Name == row.Name }); at >= 0 {
			o := &known[at]
			row.Health, row.Suspects = pg.healthOf(o.Scans), o.Suspects
			for k, n := range o.Changes {
				switch k {
				case tracker.Added, tracker.Relisted:
					row.Added += n
				case tracker.Removed:
					row.Removed += n
				default:
					row.Other += n
				}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// troublesShown is how many troubles are listed one by one.
const troublesShown = 12

// troubles are what needs a person, the most urgent first.
func (p *Pages) troubles(ctx context.Context, pg *page, all []api.Storefront) ([]trouble, error) {
	var list []trouble
	if p.o.Daemon != nil {
		if err := p.o.Daemon.Ready(); err != nil {
			list = append(list, trouble{What: err.Error(), Urgent: true})
		}
	}
	if err := p.o.Store.Ping(ctx); err != nil {
		list = append(list, trouble{What: err.Error(), Urgent: true})
	}
	if p.o.Scarce != nil {
		if left := p.o.Scarce(); left != "" {
			list = append(list, trouble{What: pg.T("Only %s are left on the disk of the data", left), Do: pg.T("Make room: a scan that cannot be kept tells nothing."), Urgent: true})
		}
	}
	if s, ok := p.o.Store.(interface{ LastBackup() time.Time }); ok && p.o.Backups {
		if last := s.LastBackup(); !last.IsZero() && pg.Now.Sub(last) > oldBackup {
			list = append(list, trouble{What: pg.T("The newest backup is of %s", pg.Stamp(last)), Do: pg.T("The daemon makes one a day. Look into its log.")})
		}
	}
	for i := range all {
		if t := pg.troubleOf(&all[i]); t != nil {
			list = append(list, *t)
		}
	}
	dead, err := p.o.Store.Reports(ctx, storage.ReportQuery{With: tracker.Dead, Since: pg.Now.AddDate(0, 0, -30), Newest: true, Limit: 100})
	if err != nil {
		return nil, err
	}
	if len(dead) > 0 {
		list = append(list, trouble{
			What: pg.N("%d report of the last 30 days was refused by a recipient", "%d reports of the last 30 days were refused by recipients", len(dead)),
			Do:   pg.T("Look at the answer of the receiving side, fix the cause, and try again."), Link: pg.Root + "reports?state=dead", Urgent: true,
		})
	}
	slices.SortStableFunc(list, func(a, b trouble) int {
		switch {
		case a.Urgent == b.Urgent:
			return 0
		case a.Urgent:
			return -1
		}
		return 1
	})
	if n := len(list) - troublesShown; n > 0 {
		list = append(list[:troublesShown], trouble{What: pg.T("and %d more", n), Link: pg.Root + "scans?incomplete=1"})
	}
	return list, nil
}

// troubleOf is what keeps a storefront from being read; nil for nothing.
func (p *page) troubleOf(sf *api.Storefront) *trouble {
	scans := p.Root + "scans?storefront=" + string(sf.Name)
	switch {
	case !sf.Watched:
	case sf.Closed:
		what, do := p.Stalled(tracker.Gone, sf.Marketplace, sf.Name)
		return &trouble{what, do, scans, sf.Name, true}
	case sf.Stalled || sf.Verdict.Wall():
		what, do := p.Stalled(sf.Verdict, sf.Marketplace, sf.Name)
		return &trouble{what, do, scans + "&incomplete=1", sf.Name, sf.Stalled}
	case !sf.Cooling.IsZero():
		return &trouble{p.T("Its marketplace is left alone until %s", p.Stamp(sf.Cooling)), "", scans, sf.Name, false}
	}
	return nil
}

// A pager leads through a list that has pages.
type pager struct{ Page, Pages, Total, First, Last int }

func newPager(n, size, total int) pager {
	return pager{n, max((total+size-1)/size, 1), total, min((n-1)*size+1, total), min(n*size, total)}
}

// Behind reports whether the page is one behind the last. Nothing stands on it, which
// does not mean that there is nothing.
func (p pager) Behind() bool { return p.Page > p.Pages }

// toLast leads to the last page of a list.
func (p *page) toLast(w http.ResponseWriter, list pager) error {
	w.Header().Set("Location", p.With("page", list.Pages))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// Previous is the number of the page before; 0 when this is the first.
func (p pager) Previous() int { return p.Page - 1 }

// Next is the number of the page behind; 0 when this is the last.
func (p pager) Next() int {
	if p.Page >= p.Pages {
		return 0
	}
	return p.Page + 1
}

// pageNumber is the page that an address asks for, and what stands before it.
func pageNumber(r *http.Request, size int) (n, skip int) {
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || n < 1 || n > 1_000_000 {
		n = 1
	}
	return n, (n - 1) * size
}
