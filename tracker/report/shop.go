package report

import (
	"fmt"
	"strings"

	"shopwatch/tracker"
)

// A shopView is what a report tells of one storefront.
type shopView struct {
	Title    string // empty when the report's heading says it
	URL      string
	Health   []healthView
	Sections []section
	Undone   []undoneView
	Back     int    // how many came to nothing
	MoreBack string // of Undone left out
	Suspects []row
	More     string // suspects left out
	Evidence []evidenceView
	Earlier  string // scans left out; empty for none
}

// A section holds the changes of one kind.
type section struct {
	Kind  tracker.Kind
	Title string
	N     int
	Rows  []row
	More  string // rows left out that are in the file attached; empty for none
	Left  string // the same where none is attached
}

// An undoneView is what changed and changed back within the report's period.
type undoneView struct{ Title, URL, Line, Page string }

// shop puts what happened in one storefront into words.
func (v *viewer) shop(name tracker.StorefrontName) shopView {
	sv := shopView{URL: link(v.Shops[name].URL)}
	v.addChanges(&sv, name)
	v.addUndone(&sv, name)
	v.addSuspects(&sv, name)
	v.addEvidence(&sv, name)
	return sv
}

func (v *viewer) addChanges(sv *shopView, name tracker.StorefrontName) {
	for _, k := range tracker.Kinds {
		sec := section{Kind: k, Title: v.w.Kinds[k][1]}
		for i := range v.net {
			c := &v.net[i]
			if c.Storefront != name || c.Kind != k {
				continue
			}
			if h, ok := v.health(c); ok {
				h.Page = v.page(c)
				if !full(v.most.rows, len(sv.Health)) {
					sv.Health = append(sv.Health, h)
				}
				continue
			}
			if c.Product == nil {
				continue
			}
			sec.N++
			if !full(v.most.rows, len(sec.Rows)) {
				sec.Rows = append(sec.Rows, v.row(c))
			}
		}
		if left := sec.N - len(sec.Rows); left > 0 {
			sec.More, sec.Left = many(v.w.More, left), many(v.w.Left, left)
		}
		if sec.N > 0 {
			sv.Sections = append(sv.Sections, sec)
		}
	}
}

func (v *viewer) addUndone(sv *shopView, name tracker.StorefrontName) {
	for _, cs := range v.undone {
		if cs[0].Storefront != name {
			continue
		}
		if sv.Back++; !full(v.most.rows, len(sv.Undone)) {
			sv.Undone = append(sv.Undone, v.undoneView(cs))
		}
	}
	if left := sv.Back - len(sv.Undone); left > 0 {
		sv.MoreBack = many(v.w.More, left)
	}
}

func (v *viewer) addSuspects(sv *shopView, name tracker.StorefrontName) {
	n := 0
	for i := range v.Suspects {
		s := &v.Suspects[i]
		if s.Storefront != name {
			continue
		}
		if n++; !full(v.most.rows, len(sv.Suspects)) {
			sv.Suspects = append(sv.Suspects, v.suspect(s))
		}
	}
	if left := n - len(sv.Suspects); left > 0 {
		sv.More = many(v.w.More, left)
	}
}

func (v *viewer) addEvidence(sv *shopView, name tracker.StorefrontName) {
	earlier := 0
	for i := len(v.Scans) - 1; i >= 0; i-- { // the newest first
		switch s := &v.Scans[i]; {
		case s.Storefront != name:
		case full(v.most.scans, len(sv.Evidence)):
			earlier++
		default:
			sv.Evidence = append(sv.Evidence, v.evidence(s))
		}
	}
	if earlier > 0 {
		sv.Earlier = many(v.w.MoreScans, earlier)
	}
}

// undoneView tells step by step what changed and changed back.
func (v *viewer) undoneView(cs []tracker.Change) undoneView {
	const most = 6 // steps
	var steps []string
	if c := &cs[0]; c.Kind == tracker.Repriced && c.Before != nil {
		steps = append(steps, v.w.price(c.Before.Price))
	}
	for i := range cs {
		if len(steps) == most {
			steps = append(steps, "…")
			break
		}
		c := &cs[i]
		if c.Kind == tracker.Repriced {
			steps = append(steps, fmt.Sprintf(v.w.UndoneStep, v.w.price(c.Product.Price), v.day(c.At)))
		} else {
			steps = append(steps, fmt.Sprintf(v.w.UndoneStep, v.w.UndoneKinds[c.Kind], v.day(c.At)))
		}
	}
	p := cs[len(cs)-1].Product
	u := undoneView{Title: clean(p.Title), URL: link(p.URL), Line: strings.Join(steps, " → "), Page: v.page(&cs[len(cs)-1])}
	if u.Title == "" {
		u.Title = fmt.Sprintf(v.w.Number, clean(string(p.ID)))
	}
	return u
}
