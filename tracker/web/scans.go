package web

import (
	"net/http"
	"strings"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// scansShown is how many scans a page shows.
const scansShown = 100

// changesOfScan is how many changes the page of a scan shows: it stays below 150 KB.
const changesOfScan = 300

// placeForm is how a place in the list of scans stands in an address.
const placeForm = "20060102T150405.000Z"

func (p *Pages) scanList(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "scans", "Scans")
	q := storage.ScanQuery{Storefront: tracker.StorefrontName(pg.Get("storefront")), Incomplete: pg.Get("incomplete") != "", Limit: scansShown}
	if at, name, ok := strings.Cut(pg.Get("before"), " "); ok {
		if t, err := time.Parse(placeForm, at); err == nil {
			q.Before = storage.ScanPlace{Began: t, Storefront: tracker.StorefrontName(name)}
		}
	}
	list, err := p.o.Store.Scans(r.Context(), q)
	if err != nil {
		return err
	}
	all, err := p.o.List(r.Context())
	if err != nil {
		return err
	}
	next := ""
	if len(list) == scansShown {
		last := &list[len(list)-1]
		next = last.Began.UTC().Format(placeForm) + " " + string(last.Storefront)
	}
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		List  []tracker.Scan
		Shops []choice
		Next  string
	}{pg, list, shopChoices(pg, all), next})
}

func (p *Pages) scanPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	sf, err := p.knownShop(ctx, r.PathValue("name"))
	if err != nil {
		return err
	}
	at, err := time.Parse(placeForm, r.PathValue("at"))
	if err != nil {
		return notFound("there is no such scan")
	}
	scan, found, err := p.o.Store.Scan(ctx, sf.Name, at)
	if err != nil {
		return err
	}
	if !found {
		return notFound("there is no such scan any more; after 90 days one of each day is kept")
	}
	changes, err := p.o.Store.Changes(ctx, storage.Query{Storefront: sf.Name, Since: at, Until: at.Add(scan.Took + time.Hour), Limit: 1000})
	if err != nil {
		return err
	}
	own := changes[:0]
	for i := range changes {
		if changes[i].Scan.Equal(scan.Began) {
			own = append(own, changes[i])
		}
	}
	more := max(0, scan.Changes-changesOfScan)
	own = own[:min(len(own), changesOfScan)]
	pg := p.page(r, "scan", "")
	pg.Title = pg.T("Scan of %s", pg.Shop(sf.Name))
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Scan    tracker.Scan
		Changes []tracker.Change
		More    int // that are not shown
	}{pg, scan, own, more})
}
