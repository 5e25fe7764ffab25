package bolt

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"shopwatch/tracker"
)

// A writeGap is a stretch of time in which the scans of a storefront could not
// be written because the disk was full or failed. It is known to the process
// only: there is nowhere to write it.
type writeGap struct {
	since time.Time // when the first of them began
	scans int
	why   syscall.Errno
}

// noteGap remembers a scan that could not be written, if that is the
// disk's fault.
func (db *DB) noteGap(s *tracker.Scan, err error) {
	if d := (*diskError)(nil); !errors.As(err, &d) {
		return
	}
	db.gaps.Lock()
	defer db.gaps.Unlock()
	if db.writeGaps == nil {
		db.writeGaps = make(map[tracker.StorefrontName]writeGap)
	}
	u, known := db.writeGaps[s.Storefront]
	if !known {
		u.since = s.Began.UTC().Truncate(time.Millisecond)
	}
	u.scans++
	errors.As(err, &u.why)
	db.writeGaps[s.Storefront] = u
}

// kept returns the change that tells people of the scans before this one that
// could not be written; false when there are none. closeGap must follow
// when it is in the log.
func (db *DB) kept(s *tracker.Scan) (tracker.Change, bool) {
	db.gaps.Lock()
	defer db.gaps.Unlock()
	u, known := db.writeGaps[s.Storefront]
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
		Reason: fmt.Sprintf("%s could not be kept: %v", scans, u.why),
	}, true
}

func (db *DB) closeGap(name tracker.StorefrontName) {
	db.gaps.Lock()
	defer db.gaps.Unlock()
	delete(db.writeGaps, name)
}
