package tracker

import "time"

// A State is what is known of a storefront itself.
type State struct {
	Baseline     time.Time // when the first complete scan began; zero before it
	LastScan     time.Time // when the newest scan began, whatever came of it
	LastComplete time.Time // when the newest complete scan began
	LastVerdict  Verdict
	Parser       int            // version of the parser that read the last complete scan
	ReadAs       uint32         // see Storefront; of the last complete scan, zero when it is not known
	Listed       int            // products listed
	Removed      int            // products removed and kept for their history
	Sum          Fingerprint    // sum of the fingerprints of a catalog with every product settled, as the last complete scan listed it; zero when some are open
	Incomplete   int            // scans in a row that were not complete
	Gone         int            // scans in a row that found no storefront
	Stalled      bool           // the episode was reported
	Closed       bool           // the episode was reported
	Shop         SellerIdentity // as the last complete scan stated it
	Repeated     Repeated       // what its list is known to show more than once
}

// An Entry is what a comparison needs to know of every item of a catalog.
type Entry struct {
	ID          ProductID
	Fingerprint Fingerprint // of the product as it was last seen; zero when the item is not settled
	// Removed says that the product is known to be gone, and Gone since when;
	// zero when only the item tells.
	Removed bool
	Gone    time.Time
}

// Rules say how much it takes to believe that a product is gone, and which
// products matter.
type Rules struct {
	Misses       int      `json:"misses"`              // complete scans in a row that must miss a product without proof of its page
	MaxLoss      float64  `json:"max_loss"`            // a greater share of the catalog lost at once is doubted
	Probes       int      `json:"probes"`              // item pages opened in one scan at most
	StalledAfter int      `json:"stalled_after"`       // scans in a row without a complete one, or that found the storefront gone
	Ignored      Patterns `json:"ignored,omitempty"`   // of products that reports leave out
	Important    Patterns `json:"important,omitempty"` // of products that are watched for
}

// DefaultRules are those of a configuration that says nothing.
func DefaultRules() Rules { return Rules{Misses: 3, MaxLoss: 0.3, Probes: 20, StalledAfter: 3} }
