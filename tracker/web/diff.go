package web

import (
	"html/template"
	"net/http"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// diff compares the shelf of two days.
func (p *Pages) diff(w http.ResponseWriter, r *http.Request) error {
	v, err := p.diffPage(r)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, v.page, v)
}

// A diffPage is what changed on a shelf between two days.
type diffPage struct {
	*page
	Shop     tracker.StorefrontName
	ShopName string
	From, To string
	Groups   []kindGroup
	Left     int // changes that came to nothing
	Scans    int // between the two days
	Complete int // of them
	PDF      bool
	Style    template.CSS // of a page that stands alone
}

// A kindGroup is changes of one kind.
type kindGroup struct {
	Kind tracker.Kind
	List []tracker.Change
}

// diffMost is how many changes a comparison looks at.
const diffMost = 2000

func (p *Pages) diffPage(r *http.Request) (*diffPage, error) {
	ctx := r.Context()
	sf, err := p.knownShop(ctx, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	pg := p.page(r, "diff", "")
	pg.Title = pg.T("%s: what changed", pg.Shop(sf.Name))
	to := pg.day("to", pg.Now)
	from := pg.day("from", to.AddDate(0, 0, -7))
	if from.After(to) {
		from, to = to, from
	}
	changes, err := p.o.Store.Changes(ctx, storage.Query{Storefront: sf.Name, Since: from, Until: to.AddDate(0, 0, 1), Limit: diffMost + 1})
	if err != nil {
		return nil, err
	}
	if len(changes) > diffMost {
		return nil, refusal("more changed between these days than a page can show; choose days closer together")
	}
	scans, err := p.o.Store.Scans(ctx, storage.ScanQuery{Storefront: sf.Name, Since: from, Before: storage.ScanPlace{Began: to.AddDate(0, 0, 1)}, Limit: maxScans})
	if err != nil {
		return nil, err
	}
	complete := 0
	for i := range scans {
		if scans[i].Verdict == tracker.Complete {
			complete++
		}
	}
	net, _ := report.Net(changes)
	var groups []kindGroup
	for _, k := range tracker.Kinds {
		g := kindGroup{Kind: k}
		for i := range net {
			if net[i].Kind == k && net[i].Product != nil {
				g.List = append(g.List, net[i])
			}
		}
		if len(g.List) > 0 {
			groups = append(groups, g)
		}
	}
	return &diffPage{page: pg, Shop: sf.Name, ShopName: pg.Shop(sf.Name), From: pg.Day(from), To: pg.Day(to), Groups: groups, Left: len(changes) - len(net), Scans: len(scans), Complete: complete, PDF: p.o.PDF != nil}, nil
}
