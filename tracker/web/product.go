package web

import (
	"context"
	"html/template"
	"net/http"
	"slices"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

func (p *Pages) product(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	sf, err := p.knownShop(ctx, r.PathValue("name"))
	if err != nil {
		return err
	}
	shelf, err := p.o.Store.Shelf(ctx, storage.ShelfQuery{Storefront: sf.Name, ID: tracker.ProductID(r.PathValue("id"))})
	if err != nil {
		return err
	}
	if len(shelf.Rows) == 0 {
		return notFound("the storefront never had a product of this number")
	}
	row := &shelf.Rows[0]
	pg := p.page(r, "product", "")
	pg.Title = report.Cut(report.Clean(row.Title), 80)
	win, scans, err := p.history(ctx, pg, &sf, windowOf(pg.Now.Sub(row.FirstSeen)))
	if err != nil {
		return err
	}
	same, err := p.siblings(ctx, row, sf.Name)
	if err != nil {
		return err
	}
	join := joined(scans, pg.Now)
	observed := within(observedOf(scans, join), win)
	newest := slices.Clone(row.Changes)
	slices.Reverse(newest)
	line := pg.timelineOf(row, scans, join, win, storage.ShelfChanges)
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Shop     tracker.StorefrontName
		ShopName string
		Row      *storage.ShelfRow
		State    string
		Picture  string
		Windows  []choice
		Axis     template.HTML
		Clip     template.HTML
		Gaps     []span
		Line     timeline
		Prices   *priceChart
		Titles   []version
		Images   []version
		Same     []sibling
		Newest   []tracker.Change
		Legend   []tracker.Kind
		Exact    time.Time
		Known    time.Time // since then changes are at hand; zero: all are
	}{
		pg, sf.Name, pg.Shop(sf.Name), row, pg.state(&row.Item), pictureOf(row.Changes), windowChoices(), pg.axis(win), observedClip(observed, win), gapsOf(observed, win),
		line, pg.priceChartOf(row, scans, join, win),
		versionsOf(row, tracker.Retitled, func(p *tracker.Product) string { return p.Title }),
		versionsOf(row, tracker.Repictured, func(p *tracker.Product) string { return p.Image }),
		same, newest, kindsOf(line.Marks), laterThan(shelf.Exact, win.From), laterThan(knownSince(row), row.FirstSeen),
	})
}

// state is the state of a product in words.
func (p *page) state(it *tracker.Item) string {
	switch {
	case !it.Listed():
		return p.T("Removed. Last seen %s.", p.Stamp(it.LastSeen))
	case it.Missing > 0:
		return p.N("Missing, not proven: %d complete scan did not show it.", "Missing, not proven: %d complete scans in a row did not show it.", it.Missing)
	}
	return p.T("On the shelf. Last seen %s.", p.Stamp(it.LastSeen))
}

// pictureOf is the evidence file of the newest main picture; empty when none was
// kept.
func pictureOf(changes []tracker.Change) string {
	for _, c := range slices.Backward(changes) {
		if c.Pictures.Picture != "" {
			return c.Pictures.Picture
		}
	}
	return ""
}

// A version is a title or picture that a product had.
type version struct {
	From    time.Time
	Text    string
	Seq     uint64 // of the change that brought it; 0 for the first
	Picture string // evidence file
}

// versionsOf are the titles or pictures that a product had, newest first.
func versionsOf(row *storage.ShelfRow, kind tracker.Kind, of func(*tracker.Product) string) []version {
	first := version{From: knownSince(row), Text: of(&row.Product)}
	var list []version
	for i := range row.Changes {
		c := &row.Changes[i]
		if c.Kind != kind || c.Before == nil || corrected(row.Changes, c.Seq) {
			continue
		}
		if len(list) == 0 {
			first.Text, first.Picture = of(c.Before), c.Pictures.Before
		}
		list = append(list, version{c.At, of(c.Product), c.Seq, c.Pictures.Picture})
	}
	list = append([]version{first}, list...)
	slices.Reverse(list)
	return list
}

// A sibling is a product that probably is the same under another number.
type sibling struct {
	ID         tracker.ProductID
	Later      bool // it came after this one; else before
	Confidence float64
}

// siblingWithin is how long after a removal its product may come back under
// another number, with a day to spare.
const siblingWithin = 91 * 24 * time.Hour

// siblings are the products that this one probably was before, and became.
func (p *Pages) siblings(ctx context.Context, row *storage.ShelfRow, name tracker.StorefrontName) ([]sibling, error) {
	var list []sibling
	var gone time.Time
	for i := range row.Changes {
		c := &row.Changes[i]
		if c.SameAs != nil {
			list = append(list, sibling{c.SameAs.ID, false, c.SameAs.Confidence})
		}
		if c.Kind == tracker.Removed {
			gone = c.At
		}
	}
	if gone.IsZero() {
		return list, nil
	}
	added, err := p.o.Store.Changes(ctx, storage.Query{
		Storefront: name, Kinds: []tracker.Kind{tracker.Added}, Since: gone.Add(-time.Minute), Until: gone.Add(siblingWithin), Limit: 1000,
	})
	for i := range added {
		if s := added[i].SameAs; s != nil && s.ID == row.ID {
			list = append(list, sibling{added[i].Product.ID, true, s.Confidence})
		}
	}
	return list, err
}

// Percentage is a confidence as a number.
func (s sibling) Percentage() int { return int(100*s.Confidence + 0.5) }
