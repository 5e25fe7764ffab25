package bolt

import (
	"shopwatch/storage"
	"shopwatch/tracker"
)

// A stateValue leaves out what an ordinary complete scan implies.
type stateValue struct {
	Baseline     int64           `json:"b,omitempty"`
	LastScan     int64           `json:"s,omitempty"`
	LastComplete int64           `json:"c,omitempty"` // left out when the last scan was complete
	LastVerdict  tracker.Verdict `json:"v,omitempty"` // left out when complete
	Parser       int             `json:"a,omitempty"`
	ReadAs       uint32          `json:"as,omitempty"`
	Listed       int             `json:"l,omitempty"`
	Removed      int             `json:"r,omitempty"`
	Sum          uint64          `json:"m,omitempty"`
	Incomplete   int             `json:"i,omitempty"`
	Gone         int             `json:"g,omitempty"`
	Stalled      bool            `json:"st,omitempty"`
	Closed       bool            `json:"cl,omitempty"`
	Shop         uint64          `json:"o,omitempty"` // its place in shops, from 1

	Repeated      []tracker.ProductID `json:"rp,omitempty"`
	RepeatedScans int                 `json:"rs,omitempty"`
	Always        int                 `json:"ra,omitempty"`
}

func newState(s *tracker.State, shop uint64) stateValue {
	v := stateValue{
		Baseline: storage.Millis(s.Baseline), LastScan: storage.Millis(s.LastScan), LastComplete: storage.Millis(s.LastComplete), LastVerdict: s.LastVerdict,
		Parser: s.Parser, ReadAs: s.ReadAs, Listed: s.Listed, Removed: s.Removed, Sum: uint64(s.Sum),
		Incomplete: s.Incomplete, Gone: s.Gone, Stalled: s.Stalled, Closed: s.Closed, Shop: shop,
		Repeated: s.Repeated.Products, RepeatedScans: s.Repeated.Scans, Always: s.Repeated.Always,
	}
	if v.LastVerdict == tracker.Complete && v.LastComplete == v.LastScan {
		v.LastVerdict, v.LastComplete = "", 0
	}
	return v
}

func (v *stateValue) state(shop tracker.SellerIdentity) tracker.State {
	s := tracker.State{
		Baseline: storage.FromMillis(v.Baseline), LastScan: storage.FromMillis(v.LastScan), LastComplete: storage.FromMillis(v.LastComplete), LastVerdict: v.LastVerdict,
		Parser: v.Parser, ReadAs: v.ReadAs, Listed: v.Listed, Removed: v.Removed, Sum: tracker.Fingerprint(v.Sum),
		Incomplete: v.Incomplete, Gone: v.Gone, Stalled: v.Stalled, Closed: v.Closed, Shop: shop,
		Repeated: tracker.Repeated{Products: v.Repeated, Scans: v.RepeatedScans, Always: v.Always},
	}
	if v.LastVerdict == "" && v.LastScan != 0 {
		s.LastVerdict, s.LastComplete = tracker.Complete, s.LastScan
	}
	return s
}

type shopValue struct {
	ID     string `json:"id,omitempty"`
	Seller string `json:"s,omitempty"`
	Name   string `json:"n,omitempty"`
}
