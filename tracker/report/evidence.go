package report

import (
	"fmt"
	"slices"
	"strings"

	"shopwatch/tracker"
)

// An evidenceView is one scan in words.
type evidenceView struct {
	When     string
	Verdict  string
	Complete bool
	Line     string
	Warnings []string
}

// evidence puts what a scan can show into words.
func (v *viewer) evidence(s *Scan) evidenceView {
	e := &s.Evidence
	ev := evidenceView{
		When: v.day(s.Began), Verdict: v.w.Verdicts[s.Verdict], Complete: s.Verdict == tracker.Complete,
	}
	var facts []string
	if e.Pages > 0 || e.Declared.Pages > 0 {
		facts = append(facts, v.of(v.w.PagesOf, v.w.Pages, e.Pages, e.Declared.Pages))
	}
	if e.Pages > 0 || e.Products > 0 {
		facts = append(facts, v.of(v.w.ProdsOf, v.w.Products, e.Products, e.Declared.Products))
		if e.Duplicates > 0 {
			facts = append(facts, many(v.w.Twice, e.Duplicates))
		} else if e.Products > 0 {
			facts = append(facts, v.w.NoneTwice)
		}
	}
	if e.Probed > 0 {
		facts = append(facts, many(v.w.Probed, e.Probed))
	}
	if s.Doubted {
		facts = append(facts, v.w.Doubted)
	}
	if s.LastComplete.IsZero() {
		if s.Verdict == tracker.Complete {
			facts = append(facts, v.w.FirstScan)
		}
	} else {
		facts = append(facts, fmt.Sprintf(v.w.LastScan, fmt.Sprintf(v.w.Ago, v.w.span(s.Began.Sub(s.LastComplete)))))
	}
	ev.Line = strings.Join(facts, v.w.Comma)
	if r := v.reason(s.Reason); r != "" && !v.told(s) {
		ev.Warnings = append(ev.Warnings, cut(r, 300))
	}
	for i, warning := range e.Warnings {
		if i == 5 {
			break
		}
		ev.Warnings = append(ev.Warnings, cut(v.reason(warning), 300))
	}
	return ev
}

// told reports whether a change of the storefront gives the scan's reason.
func (v *viewer) told(s *Scan) bool {
	return slices.ContainsFunc(v.net, func(c tracker.Change) bool {
		return c.Storefront == s.Storefront && c.Scan.Equal(s.Began) && c.Verdict != "" && c.Reason == s.Reason
	})
}

// of says how many there were of how many declared.
func (v *viewer) of(of, plain [2]string, n, declared int) string {
	switch {
	case declared == 1:
		return fmt.Sprintf(of[0], n, declared)
	case declared > 0:
		return fmt.Sprintf(of[1], n, declared)
	}
	return many(plain, n)
}
