package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// changesShown is how many changes a page shows.
const changesShown = 100

// changeQuery is what the query of a page selects of the log.
func (p *page) changeQuery() storage.Query {
	q := storage.Query{
		Storefront: tracker.StorefrontName(p.Get("storefront")), Text: p.Get("q"), Important: p.Get("important") != "",
		Newest: true, Limit: changesShown,
	}
	kinds := strings.Split(strings.Join(p.query["kind"], ","), ",")
	p.query.Del("kind") // what selects nothing is not shown as selected
	for _, k := range kinds {
		if slices.Contains(tracker.Kinds, tracker.Kind(k)) {
			q.Kinds = append(q.Kinds, tracker.Kind(k))
			p.query.Add("kind", k)
		}
	}
	if t, err := time.ParseInLocation(time.DateOnly, p.Get("from"), p.Zone); err == nil {
		q.Since = t
	}
	if t, err := time.ParseInLocation(time.DateOnly, p.Get("to"), p.Zone); err == nil {
		q.Until = t.AddDate(0, 0, 1)
	}
	q.Before, _ = strconv.ParseUint(p.Get("before"), 10, 63)
	return q
}

func (p *Pages) changes(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "changes", "Changes")
	q := pg.changeQuery()
	list, err := p.o.Store.Changes(r.Context(), q)
	if err != nil {
		return err
	}
	all, err := p.o.List(r.Context())
	if err != nil {
		return err
	}
	var next uint64
	if len(list) == changesShown {
		next = list[len(list)-1].Seq
	}
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Days  []changeDay
		Kinds []tracker.Kind
		Shops []choice
		Next  uint64

		KindWords string // which are selected
	}{pg, pg.byDay(list), tracker.Kinds, shopChoices(pg, all), next, pg.kindsInWords(q.Kinds)})
}

// kindsInWords names the kinds of a query.
func (p *page) kindsInWords(kinds []tracker.Kind) string {
	if len(kinds) == 0 {
		return p.T("all")
	}
	var names []string
	for _, k := range kinds {
		names = append(names, p.Kind(k))
	}
	return strings.Join(names, ", ")
}

// A changeDay is the changes of a day.
type changeDay struct {
	Day  string
	List []tracker.Change
}

func (p *page) byDay(list []tracker.Change) []changeDay {
	var days []changeDay
	for i := range list {
		day := p.Day(list[i].At)
		if n := len(days); n == 0 || days[n-1].Day != day {
			days = append(days, changeDay{Day: day})
		}
		d := &days[len(days)-1]
		d.List = append(d.List, list[i])
	}
	return days
}

// Gist says what a change is in a few words.
func (p *page) Gist(c *tracker.Change) string {
	switch {
	case c.Kind == tracker.Repriced && c.Before != nil:
		s := p.Price(c.Before.Price) + " → " + p.Price(c.Product.Price)
		if pc := p.Percent(c.Before.Price, c.Product.Price); pc != "" {
			s += " (" + pc + ")"
		}
		return s
	case c.Kind == tracker.Retitled && c.Before != nil:
		return p.T("was “%s”", report.Cut(report.Clean(c.Before.Title), 60))
	case c.Kind == tracker.Removed:
		return p.proofWord(c.Proof)
	case c.Kind == tracker.Added:
		return p.Price(c.Product.Price)
	case c.Kind == tracker.Relisted && c.Away > 0:
		return p.T("away for %s", p.Span(c.Away))
	case c.Kind == tracker.Corrected:
		return p.T("change %d was wrong", c.Corrects) + ": " + report.Cut(report.Clean(c.Reason), 80)
	case c.Product == nil:
		return strings.TrimSpace(p.verdictWord(c.Verdict) + " " + report.Cut(report.Clean(c.Reason), 120))
	}
	return ""
}

func (p *page) verdictWord(v tracker.Verdict) string {
	if v == "" {
		return ""
	}
	return p.Verdict(v) + ":"
}

// proofWord is what a removal rests on, in a few words.
func (p *page) proofWord(proof tracker.Proof) string {
	switch proof {
	case tracker.ProofGone:
		return p.T("its page says that it does not exist")
	case tracker.ProofOffshelf:
		return p.T("its page says that it is off the shelf")
	case tracker.ProofUnlisted:
		return p.T("no longer in the list")
	}
	return p.T("no longer in the list; its page could not be read")
}

// Name is what a change is about.
func (p *page) NameOf(c *tracker.Change) string {
	if c.Product == nil {
		return p.Shop(c.Storefront)
	}
	if t := report.Clean(c.Product.Title); t != "" {
		return report.Cut(t, 120)
	}
	return string(c.Product.ID)
}
