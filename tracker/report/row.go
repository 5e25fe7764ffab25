package report

import (
	"fmt"
	"strings"

	"shopwatch/tracker"
)

// A row is one change of a product.
type row struct {
	Kind       tracker.Kind
	Title      string
	URL        string
	ID         string
	Price, Was string // Was only for a changed price
	Hidden     bool   // the price is not known
	Basis      string // what the price is for; empty when not known
	Percent    string
	Down       bool
	Watched    string
	Notes      []note
	Proof      string // of a removal, in short; Notes begin with it in full
	OldTitle   []part // of a changed title
	NewTitle   []part
	Picture    string // names of embedded pictures
	Before     string
	Image      string // addresses, of a changed picture
	WasImage   string
	Missing    string // of a suspect: how often
	Seen       string // of a suspect: when last
	Shot       string // the item page of a removed product
	ShotAlt    string
	Whole      string // where the whole picture is; else the item page, if anything
	Page       string // of the change in the dashboard; empty where there is none
}

// row puts one change of a product into words.
func (v *viewer) row(c *tracker.Change) row {
	p := c.Product
	r := row{
		Kind: c.Kind, Title: clean(p.Title), URL: link(p.URL), ID: clean(string(p.ID)),
		Price: v.w.price(p.Price), Hidden: !p.Price.Known(), Watched: clean(c.Important),
		Picture: v.picture(c.Pictures.Picture), Page: v.page(c),
	}
	if r.Title == "" {
		r.Title = fmt.Sprintf(v.w.Number, r.ID)
	}
	if p.Price.Known() {
		r.Basis = v.w.basis(p.Price.Basis)
	}
	if p.Availability == tracker.SoldOut && (c.Kind == tracker.Added || c.Kind == tracker.Relisted) {
		r.Notes = append(r.Notes, note{Text: v.w.SoldOut})
	}
	switch c.Kind {
	case tracker.Added:
		if c.SameAs != nil {
			r.Notes = append(r.Notes, note{Text: fmt.Sprintf(v.w.SameAs, clean(string(c.SameAs.ID)), int(100*c.SameAs.Confidence+0.5))})
		}
	case tracker.Removed:
		r.Notes = append(r.Notes, v.proof(c)...)
		r.Proof = v.w.proof(c).String()
		v.shot(&r, c)
	case tracker.Relisted:
		if c.Away > 0 {
			r.Notes = append(r.Notes, note{Text: fmt.Sprintf(v.w.Back, v.w.span(c.Away))})
		}
	case tracker.Repriced:
		if c.Before != nil {
			r.Was = v.w.price(c.Before.Price)
			if pc, ok := Percent(c.Before.Price, p.Price); ok {
				r.Percent, r.Down = percent(pc), pc < 0
			}
			if c.Prior.Known() {
				r.Notes = append(r.Notes, note{Text: fmt.Sprintf(v.w.Prior, v.w.price(c.Prior))})
			}
			if c.Before.Price.Known() && p.Price.Known() && !c.Before.Price.Comparable(p.Price) {
				r.Notes = append(r.Notes, note{Text: v.w.unlike(c.Before.Price, p.Price)})
			}
		}
	case tracker.Retitled:
		if c.Before != nil {
			r.OldTitle, r.NewTitle = diff(clean(c.Before.Title), r.Title)
		}
	case tracker.Repictured:
		r.Before = v.picture(c.Pictures.Before)
		r.Image = link(p.Image)
		if c.Before != nil {
			r.WasImage = link(c.Before.Image)
		}
	}
	if c.Kind != tracker.Retitled && c.Kind != tracker.Repictured {
		if lowest := v.lowest(c); lowest != "" {
			r.Notes = append(r.Notes, note{Text: lowest})
		}
	}
	return r
}

// suspect puts a product into words that complete scans missed.
func (v *viewer) suspect(s *Suspect) row {
	r := row{
		Title: clean(s.Item.Title), URL: link(s.Item.URL), ID: clean(string(s.Item.ID)),
		Missing: fmt.Sprintf(v.w.Suspect, s.Item.Missing),
	}
	if !s.Item.LastSeen.IsZero() {
		r.Seen = fmt.Sprintf(v.w.LastSeen, v.day(s.Item.LastSeen))
	}
	return r
}

// lowest says who offers the product of a change for the lowest price of its
// group; "" when it is in none.
func (v *viewer) lowest(c *tracker.Change) string {
	g := v.group(c)
	if g == nil {
		return ""
	}
	const most = 4
	var all []string
	for i, o := range tracker.Lowest(g.Offers) {
		if i == most {
			all = append(all, "…")
			break
		}
		price := v.w.price(o.Item.Price)
		if b := v.w.basis(o.Item.Price.Basis); b != "" {
			price += " (" + b + ")"
		}
		all = append(all, fmt.Sprintf(v.w.OfferAt, price, v.title(o.Storefront)))
	}
	if len(all) == 0 {
		return ""
	}
	return fmt.Sprintf(v.w.GroupLowest, clean(g.Name), strings.Join(all, v.w.Comma))
}
