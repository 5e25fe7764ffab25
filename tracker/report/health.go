package report

import (
	"cmp"
	"fmt"
	"strings"

	"shopwatch/tracker"
)

// A healthView is a change of the storefront itself, or a correction.
type healthView struct {
	Kind  tracker.Kind
	Head  string
	Lines []string
	Do    string
	Page  string // of the change in the dashboard; empty where there is none
}

// health puts a change of the storefront itself, or a correction, into words.
func (v *viewer) health(c *tracker.Change) (healthView, bool) {
	h := healthView{Kind: c.Kind}
	market := cmp.Or(clean(v.Shops[c.Storefront].Marketplace), "MARKETPLACE")
	switch c.Kind {
	case tracker.Stalled:
		verdict := c.Verdict
		if v.w.Stalled[verdict] == "" {
			verdict = tracker.Failed
		}
		h.Head = v.w.Stalled[verdict]
		h.Lines = append(h.Lines, v.lastWhole(c), v.w.StalledIs)
		if r := v.reason(c.Reason); r != "" {
			h.Lines = append(h.Lines, fmt.Sprintf(v.w.Reason, cut(r, 300)))
		}
		if !v.overtaken(c) {
			login := cmp.Or(clean(v.Shops[c.Storefront].Login), "shopwatch login "+market)
			h.Do = fill(strings.ReplaceAll(v.w.StalledDo[verdict], "shopwatch login %[1]s", login), market, string(c.Storefront))
		}
	case tracker.Recovered:
		h.Head = v.w.Recovered
		if c.Away > 0 {
			h.Head = v.w.Kept
			h.Lines = append(h.Lines, fmt.Sprintf(v.w.Unkept, v.when(c.Scan.Add(-c.Away)), v.when(c.Scan), cut(v.reason(c.Reason), 300)), v.w.KeptIs)
			break
		}
		last := v.lastWhole(c)
		if last == v.w.NeverRead {
			last = upperFirst(cut(v.reason(c.Reason), 300))
		}
		h.Lines = append(h.Lines, last)
	case tracker.Closed:
		h.Head = v.w.Closed
		h.Lines = append(h.Lines, v.lastWhole(c), v.w.StalledIs)
		if r := v.reason(c.Reason); r != "" {
			h.Lines = append(h.Lines, fmt.Sprintf(v.w.Reason, cut(r, 300)))
		}
		if !v.overtaken(c) {
			h.Do = fmt.Sprintf(v.w.ClosedDo, clean(string(c.Storefront)))
		}
	case tracker.Corrected:
		h.Head = fmt.Sprintf(v.w.Corrected, c.Corrects, cut(clean(c.Reason), 300))
		if wrong, ok := v.Wrong[c.Corrects]; ok {
			h.Lines = append(h.Lines, fmt.Sprintf(v.w.WrongOne, v.w.Kinds[wrong.Kind][0], v.day(wrong.At)))
		}
		if c.Product != nil {
			h.Lines = append(h.Lines, clean(c.Product.Title)+" · "+fmt.Sprintf(v.w.Number, clean(string(c.Product.ID))))
		}
	default:
		return h, false
	}
	return h, true
}

// fill puts the argument of `shopwatch login` and the storefront's name into
// an advice that may want neither.
func fill(format, market, storefront string) string {
	return strings.NewReplacer("%[1]s", market, "%[2]s", clean(storefront)).Replace(format)
}

// lastWhole says when the storefront was last read completely before a change.
func (v *viewer) lastWhole(c *tracker.Change) string {
	for i := range v.Scans {
		s := &v.Scans[i]
		if s.Storefront == c.Storefront && s.Began.Equal(c.Scan) && !s.LastComplete.IsZero() {
			return fmt.Sprintf(v.w.LastWhole, v.day(s.LastComplete), fmt.Sprintf(v.w.Ago, v.w.span(s.Began.Sub(s.LastComplete))))
		}
	}
	return v.w.NeverRead
}
