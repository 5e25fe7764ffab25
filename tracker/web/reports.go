package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"shopwatch/storage"
	"shopwatch/tracker"
)

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
