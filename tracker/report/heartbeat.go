package report

import "fmt"

// Heartbeat is what Report.About says of a report that proves quiet.
const Heartbeat = "heartbeat"

// A quietView is one storefront of a heartbeat.
type quietView struct {
	Title string
	Line  string
	Last  string
	Whole bool // every scan was complete
	Share string
}

// heartbeat puts into words that nothing happened.
func (v *viewer) heartbeat(out *view) {
	out.When = fmt.Sprintf(v.w.Period, v.day(v.Since), v.date(v.Report.Created))
	out.Lead, out.Whole = v.heartbeatSummary()
	for _, q := range v.Quiet {
		qv := quietView{Title: v.title(q.Storefront), Whole: q.Scans > 0 && q.Complete == q.Scans}
		qv.Share = fmt.Sprintf("%d/%d", q.Complete, q.Scans)
		if q.Scans == 0 {
			qv.Line = v.w.QuietNone
		} else {
			qv.Line = fmt.Sprintf(v.w.QuietLine, q.Complete, q.Scans, many(v.w.Products, q.Products))
		}
		if !q.Last.IsZero() {
			qv.Last = fmt.Sprintf(v.w.QuietLast, v.day(q.Last))
		}
		out.Quiet = append(out.Quiet, qv)
	}
}

// heartbeatSummary says what a heartbeat comes to, and whether every scan was
// complete.
func (v *viewer) heartbeatSummary() (string, bool) {
	scans, complete := 0, 0
	for _, q := range v.Quiet {
		scans, complete = scans+q.Scans, complete+q.Complete
	}
	whole, gaps := v.w.SubjectQuiet, v.w.SubjectUnquiet
	if v.Filtered {
		whole, gaps = v.w.FilteredQuiet, v.w.FilteredUnquiet
	}
	if scans > 0 && scans == complete {
		return fmt.Sprintf(whole, complete, scans), true
	}
	return fmt.Sprintf(gaps, complete, scans), false
}
