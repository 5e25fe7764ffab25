package storage

import (
	"context"
	"strings"

	"shopwatch/tracker"
)

// DropOlderCaptures deletes the captures of scans of a storefront before one that
// were incomplete for the same reason, when that one has a capture: the newest
// tells as much as all of them. Deleted are those of the last hundred incomplete
// scans, so nothing is left when it is called for each of them.
func DropOlderCaptures(ctx context.Context, store interface {
	Scans
	Retention
}, s *tracker.Scan) error {
	if s.Evidence.Capture == "" || s.Verdict == tracker.Complete {
		return nil
	}
	older, err := store.Scans(ctx, ScanQuery{Storefront: s.Storefront, Incomplete: true, Before: ScanPlace{Began: s.Began, Storefront: s.Storefront}})
	if err != nil {
		return err
	}
	for i := range older {
		o := &older[i]
		if o.Evidence.Capture == "" || o.Evidence.Capture == s.Evidence.Capture || kindOfReason(o) != kindOfReason(s) {
			continue
		}
		if err := store.DropEvidence(ctx, o.Evidence.Capture); err != nil {
			return err
		}
	}
	return nil
}

// kindOfReason is why a scan was not complete, without what differs from scan to
// scan.
func kindOfReason(s *tracker.Scan) string {
	reason := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, s.Reason)
	return string(s.Verdict) + "\n" + s.Evidence.Stop + "\n" + reason
}
