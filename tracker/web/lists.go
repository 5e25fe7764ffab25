package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// choicesMost is how many storefronts a list to choose from has at most: of more,
// people write the name.
const choicesMost = 200

// shopChoices are the storefronts to choose from, none when they are too many.
func shopChoices(pg *page, all []api.Storefront) []choice {
	if len(all) > choicesMost {
		return nil
	}
	list := []choice{{"", "All storefronts"}}
	for i := range all {
		list = append(list, choice{string(all[i].Name), pg.Shop(all[i].Name)})
	}
	return list
}

// scansShown is how many scans a page shows.
const scansShown = 100

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
	pg := p.page(r, "scan", "")
	pg.Title = pg.T("Scan of %s", pg.Shop(sf.Name))
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Scan    tracker.Scan
		Changes []tracker.Change
	}{pg, scan, own})
}

// suspectsShown is how many suspects a page shows.
const suspectsShown = 200

func (p *Pages) suspects(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "suspects", "Missing, not proven")
	all, err := p.o.List(r.Context())
	if err != nil {
		return err
	}
	type group struct {
		Shop   tracker.StorefrontName
		Misses int
		Items  []tracker.Item
	}
	known, err := p.o.Store.Overviews(r.Context(), storage.OverviewQuery{})
	if err != nil {
		return err
	}
	n, skip := pageNumber(r, suspectsShown)
	var groups []group
	total := 0
	for i := range known {
		o := &known[i]
		if o.Suspects == 0 || pg.Get("storefront") != "" && pg.Get("storefront") != string(o.Name) {
			continue
		}
		first, last := max(skip-total, 0), min(skip+suspectsShown-total, o.Suspects)
		if total += o.Suspects; first >= last {
			continue
		}
		items, err := p.o.Store.Suspects(r.Context(), o.Name, "", last)
		if err != nil {
			return err
		}
		groups = append(groups, group{o.Name, p.misses(o.Name), items[min(first, len(items)):]})
	}
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Groups []group
		Shops  []choice
		Pager  pager
	}{pg, groups, shopChoices(pg, all), newPager(n, suspectsShown, total)})
}

// misses is how many complete scans must miss a product of a storefront.
func (p *Pages) misses(name tracker.StorefrontName) int {
	for _, shop := range p.o.Shops {
		if shop.Name == name {
			return shop.Misses
		}
	}
	return tracker.DefaultRules().Misses
}

// Waits says what is waited for before a removal is believed.
func (p *page) Waits(it tracker.Item, misses int) string {
	said := p.T("missed by %d of %d required scans", it.Missing, misses)
	if it.Missing > misses {
		said = p.T("missed by %d scans, of which %d are required", it.Missing, misses)
	}
	switch {
	case it.Probe == nil:
		return said + "; " + p.T("its page was not opened yet")
	case it.Probe.State == tracker.PageSold:
		return said + "; " + p.T("its page still sells it")
	case it.Probe.State == tracker.PageUnknown:
		return said + "; " + p.T("its page could not be read: %s", p.Clean(it.Probe.Reason))
	}
	return said + "; " + p.T("the next complete scan decides")
}

// reportsShown is how many reports a page shows.
const reportsShown = 100

var reportStates = []choice{{"", "All"}, {"waiting", "Waiting"}, {"dead", "Refused"}}

func (p *Pages) reports(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "reports", "Reports")
	q := storage.ReportQuery{Channel: pg.Get("channel"), With: tracker.DeliveryState(known(reportStates, pg.Get("state"))), Newest: true, Limit: reportsShown}
	q.Before, _ = strconv.ParseUint(pg.Get("before"), 10, 63)
	list, err := p.o.Store.Reports(r.Context(), q)
	if err != nil {
		return err
	}
	var next uint64
	if len(list) == reportsShown {
		next = list[len(list)-1].ID
	}
	channels := []choice{{"", "All channels"}}
	for _, c := range p.o.Channels {
		channels = append(channels, choice{c, c})
	}
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		List     []tracker.Report
		Channels []choice
		States   []choice
		Next     uint64
	}{pg, list, channels, reportStates, next})
}

// Outcome sums up the deliveries of a report.
func (p *page) Outcome(r tracker.Report) string {
	n := make(map[tracker.DeliveryState]int)
	for _, d := range r.Deliveries {
		n[d.State]++
	}
	var parts []string
	for _, s := range []tracker.DeliveryState{tracker.Sent, tracker.Waiting, tracker.Dead, tracker.Left} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], p.Delivery(s)))
		}
	}
	return strings.Join(parts, ", ")
}

// Delivery is the name of the state of a delivery.
func (p *page) Delivery(s tracker.DeliveryState) string {
	switch s {
	case tracker.Sent:
		return p.T("delivered")
	case tracker.Waiting:
		return p.T("waiting")
	case tracker.Dead:
		return p.T("refused")
	}
	return p.T("unsubscribed")
}

func (p *Pages) reportByID(ctx context.Context, r *http.Request) (tracker.Report, error) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 63)
	if err != nil {
		return tracker.Report{}, notFound("there is no such report")
	}
	rep, found, err := p.o.Store.Report(ctx, id)
	if err == nil && !found {
		err = notFound("there is no such report")
	}
	return rep, err
}

func (p *Pages) report(w http.ResponseWriter, r *http.Request) error {
	rep, err := p.reportByID(r.Context(), r)
	if err != nil {
		return err
	}
	const most = 300
	changes, err := p.o.Store.ChangesOf(r.Context(), rep.Changes[:min(most, len(rep.Changes))])
	if err != nil {
		return err
	}
	pg := p.page(r, "report", "")
	pg.Title = pg.T("Report %d", rep.ID)
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Report  tracker.Report
		Changes []tracker.Change
		More    int
		MayTry  bool
	}{pg, rep, changes, len(rep.Changes) - len(changes), p.o.Daemon != nil})
}

// retry has the deliveries of a report tried again.
func (p *Pages) retry(w http.ResponseWriter, r *http.Request) error {
	rep, err := p.reportByID(r.Context(), r)
	if err != nil {
		return err
	}
	if p.o.Daemon == nil {
		return refusal("this shopwatch sends nothing")
	}
	if _, err := p.o.Daemon.Retry(r.Context(), rep.ID); err != nil {
		return refusal(err.Error())
	}
	w.Header().Set("Location", strconv.FormatUint(rep.ID, 10))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

func (p *Pages) settings(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "settings", "Settings")
	v := struct {
		*page
		Settings   []Setting
		Size, Free string
		Troubles   []trouble
		Ready      string
		Modules    []module
	}{page: pg, Settings: p.o.Settings, Modules: modules()}
	all, err := p.o.List(r.Context())
	if err != nil {
		return err
	}
	if v.Troubles, err = p.troubles(r.Context(), pg, all); err != nil {
		return err
	}
	if p.o.Maintainer != nil {
		size, free, err := p.o.Maintainer.Size(r.Context())
		if err != nil {
			return err
		}
		v.Size, v.Free = bytesOf(size), bytesOf(free)
	}
	return p.render(w, r, http.StatusOK, pg, v)
}

func bytesOf(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

func (p *Pages) keys(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "keys", "Keys")
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Keys []choice
	}{pg, []choice{
		{"g o", "Overview"}, {"g c", "Changes"}, {"g m", "Missing, not proven"}, {"g s", "Scans"}, {"g r", "Reports"},
		{"/", "Search"}, {"j", "Next row"}, {"k", "Previous row"}, {"n", "Next page"}, {"p", "Previous page"}, {"?", "Keys"},
	}})
}
