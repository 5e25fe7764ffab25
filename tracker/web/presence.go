package web

import (
	"slices"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// A presence is what complete scans say of a product.
type presence string

const (
	seen    presence = "seen"    // they showed it
	missing presence = "missing" // they did not, and its removal is not believed
	removed presence = "removed" // its removal was believed
)

// A span is a stretch of time between two complete scans that say the same of a
// product, with no scan in between that was not complete, and no gap.
type span struct {
	From, To time.Time
	Is       presence
}

// A lookout is a scan as a chart needs it: when it looked, and whether it saw
// everything.
type lookout struct {
	At       time.Time
	Complete bool
}

// lookoutsOf are scans, oldest first.
func lookoutsOf(scans []tracker.Scan) []lookout {
	list := make([]lookout, 0, len(scans))
	for i := range slices.Backward(scans) {
		list = append(list, lookout{scans[i].Began, scans[i].Verdict == tracker.Complete})
	}
	return list
}

// thinned is how far back every scan is kept; of the time before it is one of
// each day.
const thinned = 89 * 24 * time.Hour

// joined returns a function that says whether what two complete scans in a row
// agree on holds for the time between them: they are not further apart than
// scans of the storefront usually are.
func joined(scans []lookout, now time.Time) func(a, b time.Time) bool {
	var gaps []time.Duration
	last := time.Time{}
	for _, s := range scans {
		if s.Complete {
			if !last.IsZero() && now.Sub(last) < thinned {
				gaps = append(gaps, s.At.Sub(last))
			}
			last = s.At
		}
	}
	usual := 24 * time.Hour
	if len(gaps) > 0 {
		slices.Sort(gaps)
		usual = gaps[len(gaps)*4/5]
	}
	most := usual*3/2 + time.Minute
	return func(a, b time.Time) bool {
		if now.Sub(a) >= thinned {
			return b.Sub(a) <= max(most, 49*time.Hour)
		}
		return b.Sub(a) <= most
	}
}

// knownSince is from when on the changes of a product are at hand: of one that
// changed very often the row has the newest only.
func knownSince(row *storage.ShelfRow) time.Time {
	if len(row.Changes) == storage.ShelfChanges {
		return row.Changes[0].Scan
	}
	return row.FirstSeen
}

// isAt says what a complete scan that began at a time says of a product; empty
// before it was known, and where its changes are not at hand.
func isAt(row *storage.ShelfRow, at time.Time) presence {
	if at.Before(row.FirstSeen) {
		return ""
	}
	shown := true
	for _, a := range row.Absences {
		if !at.Before(a.From) && (a.Until.IsZero() || at.Before(a.Until)) {
			shown = false
		}
	}
	if shown {
		return seen
	}
	if at.Before(knownSince(row)) {
		return "" // missing or removed
	}
	is := missing
	for i := range row.Changes {
		c := &row.Changes[i]
		if c.Scan.After(at) {
			break
		}
		switch {
		case c.Kind == tracker.Removed && !corrected(row.Changes, c.Seq):
			is = removed
		case c.Kind == tracker.Relisted:
			is = missing
		}
	}
	return is
}

func corrected(changes []tracker.Change, seq uint64) bool {
	return slices.ContainsFunc(changes, func(c tracker.Change) bool { return c.Corrects == seq })
}

// spansOf is what complete scans say of a product over time. A scan that stands
// alone is a span without length.
func spansOf(row *storage.ShelfRow, scans []lookout, join func(a, b time.Time) bool) []span {
	var list []span
	broken := true
	for _, s := range scans {
		if !s.Complete {
			broken = true
			continue
		}
		is := isAt(row, s.At)
		if is == "" {
			broken = true
			continue
		}
		if n := len(list); n > 0 && !broken && list[n-1].Is == is && join(list[n-1].To, s.At) {
			list[n-1].To = s.At
		} else {
			list = append(list, span{s.At, s.At, is})
		}
		broken = false
	}
	return list
}

// observedOf are the stretches of time between complete scans in a row: of these
// alone a chart says anything.
func observedOf(scans []lookout, join func(a, b time.Time) bool) []span {
	always := &storage.ShelfRow{}
	return spansOf(always, scans, join)
}

// runsOf are spans without the gaps in which nothing was observed, which are the
// same for all products.
func runsOf(spans []span) []span {
	var runs []span
	for _, s := range spans {
		if n := len(runs); n > 0 && runs[n-1].Is == s.Is {
			runs[n-1].To = s.To
		} else {
			runs = append(runs, s)
		}
	}
	return runs
}

// within are the spans of a window. One that began before is carried in.
func within(spans []span, w window) []span {
	var list []span
	for _, s := range spans {
		if s.To.Before(w.From) || s.From.After(w.To) {
			continue
		}
		s.From = later(s.From, w.From)
		list = append(list, s)
	}
	return list
}

// gapsOf are the stretches of a window in which nothing was observed.
func gapsOf(observed []span, w window) []span {
	var gaps []span
	at := w.From
	for _, s := range observed {
		if s.From.After(at) {
			gaps = append(gaps, span{From: at, To: s.From})
		}
		at = later(at, s.To)
	}
	if at.Before(w.To) {
		gaps = append(gaps, span{From: at, To: w.To})
	}
	return gaps
}
