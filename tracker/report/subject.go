package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"shopwatch/tracker"
)

// maxSubject is the length of a subject in characters at most.
const maxSubject = 78

// subject says the outcome in one line: whose, what, when. When it grows too
// long the storefront's title is shortened first, then the rarer kinds go.
func (v *viewer) subject(at time.Time) string {
	tail := " · " + at.Format(v.w.Day)
	head := ""
	if v.Sample {
		head = v.w.Sample
	}
	room := maxSubject - utf8.RuneCountInString(head+tail) - len("[] ")
	whose, _ := v.heading(v.storefronts())
	least := min(utf8.RuneCountInString(whose), 20) // that much of it stays
	outcome := v.outcome()
	outcome = outcome[:min(len(outcome), maxSubject)] // more would not fit
	what := strings.Join(outcome, v.w.Comma)
	for len(outcome) > 1 && utf8.RuneCountInString(what) > room-least {
		outcome = outcome[:len(outcome)-1]
		what = strings.Join(outcome, v.w.Comma) + " …"
	}
	whose = cut(whose, max(room-utf8.RuneCountInString(what), least))
	return cut(head+"["+whose+"] "+what+tail, maxSubject)
}

// whatOf names what a change is about in a word or two.
func (v *viewer) whatOf(c *tracker.Change) string {
	if c.Product == nil {
		return v.w.Kinds[v.Wrong[c.Corrects].Kind][0]
	}
	return cmp.Or(clean(c.Product.Title), fmt.Sprintf(v.w.Number, clean(string(c.Product.ID))))
}

// outcome is what happened, the most important first.
func (v *viewer) outcome() []string {
	if v.Report.About == Heartbeat {
		lead, _ := v.heartbeatSummary()
		return []string{lead}
	}
	if len(v.net) == 0 {
		return []string{v.w.SubjectNoNet}
	}
	var health, products []string
	told := make(map[string]bool)
	for i := range v.net {
		s, c := "", &v.net[i]
		if v.overtaken(c) {
			continue
		}
		switch c.Kind {
		case tracker.Stalled:
			if s = v.w.SubjectStalled[c.Verdict]; s == "" {
				s = v.w.SubjectStalled[tracker.Failed]
			}
		case tracker.Recovered:
			if s = v.w.SubjectRecovered; c.Away > 0 {
				s = v.w.SubjectKept
			}
		case tracker.Closed:
			s = v.w.SubjectClosed
		case tracker.Corrected:
			s = strings.TrimRight(fmt.Sprintf(v.w.SubjectCorrected, cut(v.whatOf(c), 24)), " :：")
		}
		if s != "" && !told[s] {
			told[s] = true
			health = append(health, s)
		}
	}
	for _, c := range v.counts() {
		if forms, ok := v.w.Subjects[c.Kind]; ok {
			products = append(products, many(forms, c.N))
		}
	}
	return append(health, products...)
}

// overtaken reports whether a later change says how the storefront is by now.
func (v *viewer) overtaken(c *tracker.Change) bool {
	about := func(k tracker.Kind) bool {
		return k == tracker.Stalled || k == tracker.Recovered || k == tracker.Closed
	}
	return about(c.Kind) && slices.ContainsFunc(v.net, func(o tracker.Change) bool {
		return o.Storefront == c.Storefront && o.Seq > c.Seq && about(o.Kind)
	})
}
