package storage

import (
	"fmt"
	"sync"
	"time"

	"shopwatch/tracker"
)

// WriteGaps are the stretches of time in which the scans of storefronts could
// not be written, as [Committer] tells of them. They are known to the process
// only: there is nowhere to write them. The zero value has none.
type WriteGaps struct {
	mu   sync.Mutex
	gaps map[tracker.StorefrontName]writeGap
}

type writeGap struct {
	since time.Time // when the first of them began
	scans int
	why   string
}

// Note remembers a scan that could not be written, and why.
func (g *WriteGaps) Note(s *tracker.Scan, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gaps == nil {
		g.gaps = make(map[tracker.StorefrontName]writeGap)
	}
	u, known := g.gaps[s.Storefront]
	if !known {
		u.since = s.Began.UTC().Truncate(time.Millisecond)
	}
	u.scans++
	u.why = why
	g.gaps[s.Storefront] = u
}

// Over returns the change that tells people of the scans before this one that
// could not be written; false when there are none. Close must follow when it is
// in the log.
func (g *WriteGaps) Over(s *tracker.Scan) (tracker.Change, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	u, known := g.gaps[s.Storefront]
	if !known {
		return tracker.Change{}, false
	}
	scans := "1 scan"
	if u.scans > 1 {
		scans = fmt.Sprintf("%d scans", u.scans)
	}
	return tracker.Change{
		Kind: tracker.Recovered, Storefront: s.Storefront, At: s.Began.Add(s.Took), Scan: s.Began,
		Away:   max(s.Began.Sub(u.since), time.Second), // the clock may have been put back
		Reason: fmt.Sprintf("%s could not be kept: %s", scans, u.why),
	}, true
}

// Close forgets the scans that could not be written: people were told.
func (g *WriteGaps) Close(name tracker.StorefrontName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.gaps, name)
}
