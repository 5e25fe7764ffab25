package bolt

import (
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

type scanValue struct {
	Verdict          tracker.Verdict `json:"v,omitempty"` // left out when complete
	Reason           string          `json:"r,omitempty"`
	Took             int64           `json:"t,omitempty"` // ms
	Layout           string          `json:"l,omitempty"`
	Parser           int             `json:"a,omitempty"`
	Pages            int             `json:"p,omitempty"`
	Products         int             `json:"n,omitempty"`
	DeclaredPages    int             `json:"dp,omitempty"`
	DeclaredProducts int             `json:"dn,omitempty"`
	Duplicates       int             `json:"du,omitempty"`
	Passes           int             `json:"pa,omitempty"`
	Retries          int             `json:"re,omitempty"`
	Opened           int             `json:"op,omitempty"`
	Stop             string          `json:"e,omitempty"`
	Shop             uint64          `json:"o,omitempty"`
	Probed           int             `json:"q,omitempty"`
	Wall             tracker.Verdict `json:"wl,omitempty"`
	RetryAfter       int             `json:"ra,omitempty"`
	Warnings         []string        `json:"w,omitempty"`
	Changes          int             `json:"c,omitempty"`
	Doubted          bool            `json:"d,omitempty"`
	Capture          string          `json:"cp,omitempty"`
}

func newScan(s *tracker.Scan, shop uint64) scanValue {
	e := &s.Evidence
	v := scanValue{
		Verdict: s.Verdict, Reason: s.Reason, Took: s.Took.Milliseconds(), Layout: e.Layout, Parser: e.Parser,
		Pages: e.Pages, Products: e.Products, DeclaredPages: e.Declared.Pages, DeclaredProducts: e.Declared.Products,
		Duplicates: e.Duplicates, Passes: e.Passes, Retries: e.Retries, Opened: e.Opened, Stop: e.Stop, Shop: shop, Probed: e.Probed,
		Wall: e.Wall, RetryAfter: e.RetryAfter, Warnings: e.Warnings, Changes: s.Changes, Doubted: s.Doubted, Capture: e.Capture,
	}
	if v.Verdict == tracker.Complete {
		v.Verdict = ""
	}
	return v
}

func (v *scanValue) scan(name tracker.StorefrontName, began uint64, shop tracker.SellerIdentity) tracker.Scan {
	s := tracker.Scan{
		Storefront: name, Began: storage.FromMillis(int64(began)), Took: time.Duration(v.Took) * time.Millisecond,
		Verdict: v.Verdict, Reason: v.Reason, Changes: v.Changes, Doubted: v.Doubted,
		Evidence: tracker.Evidence{
			Layout: v.Layout, Parser: v.Parser, Pages: v.Pages, Products: v.Products,
			Declared:   tracker.Declared{Pages: v.DeclaredPages, Products: v.DeclaredProducts},
			Duplicates: v.Duplicates, Passes: v.Passes, Retries: v.Retries, Opened: v.Opened, Stop: v.Stop, Shop: shop, Probed: v.Probed,
			Wall: v.Wall, RetryAfter: v.RetryAfter, Warnings: v.Warnings, Capture: v.Capture,
		},
	}
	if s.Verdict == "" {
		s.Verdict = tracker.Complete
	}
	return s
}
