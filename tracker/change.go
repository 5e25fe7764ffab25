package tracker

import (
	"encoding/json"
	"slices"
	"time"
)

// A Kind says what happened.
type Kind string

const (
	Added      Kind = "added"
	Removed    Kind = "removed"
	Relisted   Kind = "relisted"
	Soldout    Kind = "soldout"   // a listed product cannot be bought any more; only where the marketplace says so
	Restocked  Kind = "restocked" // it can be bought again
	Repriced   Kind = "repriced"
	Retitled   Kind = "retitled"
	Repictured Kind = "repictured"
	Stalled    Kind = "stalled"   // of the storefront: no complete scan for some scans in a row
	Recovered  Kind = "recovered" // of the storefront: the first complete scan after that, or the first scan kept after a full disk
	Closed     Kind = "closed"    // of the storefront: some scans in a row found it gone
	Corrected  Kind = "corrected" // an earlier change was wrong
)

// Kinds are all kinds of change, in the order in which reports show them.
var Kinds = []Kind{Added, Removed, Relisted, Soldout, Restocked, Repriced, Retitled, Repictured, Stalled, Recovered, Closed, Corrected}

// A Proof is what a removal rests on.
type Proof string

const (
	ProofGone     Proof = "gone"     // the item page says that the product does not exist
	ProofOffshelf Proof = "offshelf" // the item page stays and says that it is off the shelf
	ProofUnlisted Proof = "unlisted" // still sold on its page, but enough complete scans did not list it
	ProofUnseen   Proof = "unseen"   // its page could not be read, and enough complete scans did not list it
)

// A Change is one entry of the change log. It never changes once it is there.
type Change struct {
	Seq        uint64 // its number in the log, from 1; zero before the commit
	Kind       Kind
	Storefront StorefrontName
	At         time.Time     // when the scan that showed it ended
	Scan       time.Time     // when that scan began: its name
	Product    *Product      // as it is now, or was last seen when removed; nil when about the storefront
	Before     *Product      // as it was, for soldout, restocked, repriced, retitled and repictured
	Proof      Proof         // of a removal
	Probe      *Probe        // the look at the item page, for a removal
	Missing    int           // complete scans in a row that missed the product, for a removal
	Away       time.Duration // for relisted: since its removal; for recovered: how long no scan could be kept, zero for the ordinary one
	Reason     string        // for stalled, recovered, closed and corrected: why, one line
	Verdict    Verdict       // of stalled: the last one
	SameAs     *SameAs       // for added: a removed product that this probably is
	Important  string        // the pattern that marks it, in text; empty for most
	Ignored    bool          // reports leave it out
	Corrects   uint64        // for corrected: the number of the wrong change
	Pictures   Evidenced
	// Prior is the PriorPrice of a price cut. It is no part of the log:
	// storage.WithPrior fills it in for people.
	Prior Price
}

// A SameAs names a removed product that an added one probably is.
type SameAs struct {
	ID         ProductID `json:"id"`
	Confidence float64   `json:"confidence"` // 0 to 1
}

// Evidenced names the evidence files of a change; all may be empty.
type Evidenced struct {
	Picture string `json:"picture,omitempty"` // main picture
	Card    string `json:"card,omitempty"`    // the product in the list
	Page    string `json:"page,omitempty"`    // item page of a removed product
	Before  string `json:"before,omitempty"`  // main picture as it was
}

// Files are the names of the evidence files of the change and of its probe, each
// once.
func (c *Change) Files() (names []string) {
	p := &c.Pictures
	for _, name := range append([]string{p.Card, p.Picture, p.Before, p.Page}, c.Probe.Files()...) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

type changeJSON struct {
	Seq         uint64         `json:"seq"`
	Kind        Kind           `json:"kind"`
	Storefront  StorefrontName `json:"storefront"`
	At          string         `json:"at"`
	Scan        string         `json:"scan"`
	Proof       Proof          `json:"proof,omitempty"`
	Product     *Product       `json:"product"`
	Before      *Product       `json:"before"`
	Probe       *Probe         `json:"probe,omitempty"`
	Missing     int            `json:"missing,omitempty"`
	AwaySeconds int64          `json:"away_seconds,omitempty"`
	Reason      string         `json:"reason,omitempty"`
	Verdict     Verdict        `json:"verdict,omitempty"`
	SameAs      *SameAs        `json:"same_as,omitempty"`
	Important   string         `json:"important,omitempty"`
	Ignored     bool           `json:"ignored,omitempty"`
	Corrects    uint64         `json:"corrects,omitempty"`
	Pictures    Evidenced      `json:"pictures,omitzero"`
	Prior       string         `json:"price_30_days,omitempty"` // in the currency of the product's
}

// MarshalJSON writes the change in its public form (docs/commands.md).
func (c Change) MarshalJSON() ([]byte, error) {
	prior := ""
	if c.Prior.Known() {
		prior = FormatMinor(c.Prior.Low, c.Prior.Currency)
	}
	return json.Marshal(changeJSON{
		Seq: c.Seq, Kind: c.Kind, Storefront: c.Storefront,
		At: c.At.UTC().Format(TimeFormat), Scan: c.Scan.UTC().Format(TimeFormat),
		Proof: c.Proof, Product: c.Product, Before: c.Before, Probe: c.Probe, Missing: c.Missing,
		AwaySeconds: int64(c.Away / time.Second), Reason: c.Reason, Verdict: c.Verdict, SameAs: c.SameAs,
		Important: c.Important, Ignored: c.Ignored, Corrects: c.Corrects, Pictures: c.Pictures, Prior: prior,
	})
}

// UnmarshalJSON reads the public form of a change.
func (c *Change) UnmarshalJSON(b []byte) error {
	var j changeJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	at, err := time.Parse(TimeFormat, j.At)
	if err != nil {
		return err
	}
	scan, err := time.Parse(TimeFormat, j.Scan)
	if err != nil {
		return err
	}
	*c = Change{
		Seq: j.Seq, Kind: j.Kind, Storefront: j.Storefront, At: at, Scan: scan,
		Proof: j.Proof, Product: j.Product, Before: j.Before, Probe: j.Probe, Missing: j.Missing,
		Away: time.Duration(j.AwaySeconds) * time.Second, Reason: j.Reason, Verdict: j.Verdict, SameAs: j.SameAs,
		Important: j.Important, Ignored: j.Ignored, Corrects: j.Corrects, Pictures: j.Pictures,
	}
	if c.Product != nil {
		if low, ok := ParseMinor(j.Prior, c.Product.Price.Currency); ok {
			c.Prior = Price{Kind: PriceExact, Low: low, Currency: c.Product.Price.Currency, Basis: c.Product.Price.Basis}
		}
	}
	return nil
}
