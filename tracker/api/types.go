package api

import (
	"encoding/json"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// A Storefront is what is known of a storefront, and what it waits for.
type Storefront struct {
	Name         tracker.StorefrontName `json:"name"`
	Title        string                 `json:"title,omitempty"`
	URL          string                 `json:"url,omitempty"`
	Marketplace  string                 `json:"marketplace,omitempty"`
	Watched      bool                   `json:"watched" doc:"false for one that is no longer in the configuration"`
	Listed       int                    `json:"listed" doc:"products on the shelf"`
	Removed      int                    `json:"removed" doc:"products that were taken off it"`
	Baseline     time.Time              `json:"baseline,omitzero" doc:"beginning of the first complete scan"`
	LastScan     time.Time              `json:"last_scan,omitzero"`
	LastComplete time.Time              `json:"last_complete,omitzero"`
	Verdict      tracker.Verdict        `json:"verdict,omitempty" doc:"of the last scan"`
	Incomplete   int                    `json:"incomplete" doc:"scans in a row that were not complete"`
	Stalled      bool                   `json:"stalled"`
	Closed       bool                   `json:"closed"`
	Next         time.Time              `json:"next,omitzero" doc:"when it is scanned next"`
	Cooling      time.Time              `json:"cooling,omitzero" doc:"until when its marketplace is left alone after a wall"`
	Scanning     *tracker.Progress      `json:"scanning,omitempty" doc:"how far the scan has come that runs now"`
	Waits        string                 `json:"waits,omitempty" doc:"why a scan that is due does not begin, where several machines scan"`
}

// Products is a part of a catalog.
type Products struct {
	Products []tracker.Item    `json:"products"`
	Next     tracker.ProductID `json:"next,omitempty" doc:"after this number the list goes on; empty at its end"`
	// ImageHashes are those of the main pictures, of the products that have one.
	ImageHashes map[tracker.ProductID]tracker.ImageHash `json:"image_hashes,omitempty" doc:"how the main pictures look from far away, where asked for: the mean colours of 8 x 8 fields, as base64"`
}

// Changes is a part of the change log.
type Changes struct {
	Changes []tracker.Change `json:"changes"`
	Next    uint64           `json:"next,omitempty" doc:"after (or, newest first, before) this number the list goes on; 0 at its end"`
}

// Scans is a part of the list of scans.
type Scans struct {
	Scans []tracker.Scan `json:"scans"`
	Next  time.Time      `json:"next,omitzero" doc:"before this time the list goes on"`
}

// Suspects are products that are missing without proof that they are gone.
type Suspects struct {
	Suspects []Suspect `json:"suspects"`
}

// A Suspect is a product that is listed as far as is known, but was missing in
// the last complete scan.
type Suspect struct {
	Storefront tracker.StorefrontName `json:"storefront"`
	Product    tracker.Item           `json:"product"`
	Misses     int                    `json:"misses" doc:"complete scans in a row that must miss it before its removal is believed without proof of its page"`
	Why        string                 `json:"why" doc:"why its removal is not believed yet"`
}

// A Story is all that is known about one change.
type Story struct {
	Change tracker.Change `json:"change"`
	// Scan is the one that showed the change; nil when its record was thinned
	// out. Before are those just before it, the newest first.
	Scan    *tracker.Scan    `json:"scan"`
	Before  []tracker.Scan   `json:"before"`
	Product *tracker.Item    `json:"product,omitempty" doc:"as it is known today"`
	History []tracker.Change `json:"history" doc:"all changes of the product, oldest first"`
	Reports []tracker.Report `json:"reports" doc:"that told of the change"`
	Because string           `json:"because" doc:"the rule that let the change through"`
	// Evidence are the addresses, below that of the API, of the pictures.
	Evidence []string `json:"evidence"`
}

// A Result is what became of a scan that somebody asked for.
type Result struct {
	Scan    tracker.Scan
	Changes []tracker.Change
	// Baseline is set for the first complete scan of a storefront, whose
	// products are no news; of a dry scan also when it would be that.
	Baseline bool
}

// MarshalJSON writes the scan with its changes in one object.
func (r Result) MarshalJSON() ([]byte, error) {
	scan, err := json.Marshal(r.Scan)
	if err != nil {
		return nil, err
	}
	changes := r.Changes
	if changes == nil {
		changes = []tracker.Change{}
	}
	list, err := json.Marshal(changes)
	if err != nil {
		return nil, err
	}
	b := append(scan[:len(scan)-1], `,"changes":`...)
	b = append(b, list...)
	if r.Baseline {
		b = append(b, `,"baseline":true`...)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Result) UnmarshalJSON(b []byte) error {
	var j struct {
		Changes  []tracker.Change
		Baseline bool
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	r.Changes, r.Baseline = j.Changes, j.Baseline
	return json.Unmarshal(b, &r.Scan)
}

// A line is one line of the answer to a wish for scans. One of its fields is
// set.
type line struct {
	Progress *tracker.Progress `json:"progress,omitempty"`
	Result   *Result           `json:"result,omitempty"`
	Error    string            `json:"error,omitempty"`
}

// Lent says whether the profile of Chrome is lent.
type Lent struct {
	Lent bool `json:"lent" doc:"false while a scan that runs must end before"`
}

// Reports is a part of the list of reports.
type Reports struct {
	Reports []tracker.Report `json:"reports"`
	Next    uint64           `json:"next,omitempty" doc:"before this number the list goes on; 0 at its end"`
}

// Unsubscribed are the recipients that want nothing more.
type Unsubscribed struct {
	Recipients []Recipient `json:"recipients"`
}

// A Recipient is one of a channel's.
type Recipient struct {
	Channel string `json:"channel"`
	To      string `json:"to"`
}

// A Preview is a report in words that was not sent.
type Preview struct {
	What    string `json:"what" doc:"what it shows"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	Page    string `json:"page" doc:"HTML that stands alone"`
	EML     []byte `json:"eml,omitempty" doc:"the whole message, for channels that send mail"`
	CSV     []byte `json:"csv,omitempty"`
}

// Groups are the configured groups of products.
type Groups struct {
	Groups []Group `json:"groups"`
}

// A Group is the same thing as several storefronts sell it.
type Group struct {
	Name   string  `json:"name"`
	Offers []Offer `json:"offers"`
}

// An Offer is a product of a group.
type Offer struct {
	Storefront tracker.StorefrontName `json:"storefront"`
	ID         tracker.ProductID      `json:"id"`
	Product    *tracker.Item          `json:"product" doc:"null when no scan has seen it"`
	Lowest     bool                   `json:"lowest" doc:"no other offer undercuts it; of prices that cannot be compared each may be the lowest"`
}

// Tested is what became of a sample.
type Tested struct {
	Answer string `json:"answer" doc:"what the receiving side said last"`
}

// Retried says how many deliveries are tried again.
type Retried struct {
	Deliveries int `json:"deliveries"`
}

// Space is the size of the database file.
type Space struct {
	Before int64 `json:"before" doc:"bytes"`
	After  int64 `json:"after" doc:"bytes"`
}

// A Checkpoint is the signed state of the change log.
type Checkpoint struct {
	Size        uint64          `json:"size" doc:"changes that it covers; 0 for an empty log"`
	Checkpoint  string          `json:"checkpoint" doc:"in the form of C2SP tlog-checkpoint; empty for an empty log"`
	Key         string          `json:"key" doc:"the log's public key, as golang.org/x/mod/sumdb/note writes it"`
	Unwitnessed uint64          `json:"unwitnessed" doc:"the first so many changes are older than the log's tree"`
	Stamps      []VerifiedStamp `json:"stamps" doc:"what timestamp authorities (RFC 3161) said of the newest checkpoint that they saw, of no more changes than this one covers"`
}

// A VerifiedStamp is what a timestamp authority said of a checkpoint.
type VerifiedStamp struct {
	storage.Stamp
	Signer   string `json:"signer" doc:"name of the certificate that signed"`
	Root     string `json:"root" doc:"name of the root certificate on which that rests"`
	RootHash string `json:"root_sha256" doc:"by which others know the root"`
	Known    bool   `json:"known" doc:"this machine trusts the root"`
	Problem  string `json:"problem,omitempty" doc:"why the stamp is not good; empty for a good one"`
}

// Check is what came of verifying the database and the evidence beside it.
type Check struct {
	Size     int64                 `json:"size" doc:"bytes"`
	Free     int64                 `json:"free" doc:"bytes of that which are free for reuse"`
	Damage   string                `json:"damage" doc:"what is wrong with the database; empty when nothing is"`
	Evidence storage.EvidenceCheck `json:"evidence"`
}

// The types below are never used: they describe, in the OpenAPI document, the
// public forms that the types of package tracker write themselves.

// A ProductDoc is exported because what is embedded is described only then.
type ProductDoc struct {
	ID           string  `json:"id"`
	Title        string  `json:"title"`
	URL          string  `json:"url"`
	Image        string  `json:"image"`
	Price        *string `json:"price" doc:"decimal number, the low end of a range; null when unknown"`
	Currency     string  `json:"currency" doc:"ISO 4217"`
	PriceKind    string  `json:"price_kind,omitempty" enum:"from,range" doc:"left out for an exact or an unknown price"`
	PriceHigh    string  `json:"price_high,omitempty" doc:"of a range"`
	Market       string  `json:"price_market,omitempty" doc:"country that the price is for, ISO 3166; left out when not declared"`
	Tax          string  `json:"price_tax,omitempty" enum:"included,excluded" doc:"left out when not declared"`
	Availability string  `json:"availability,omitempty" enum:"available,soldout" doc:"left out when the marketplace does not state it"`
	Variants     int     `json:"variants,omitempty" doc:"how many the listing counts; left out when it does not"`
}

type itemDoc struct {
	ProductDoc
	FirstSeen time.Time      `json:"first_seen"`
	LastSeen  time.Time      `json:"last_seen"`
	Listed    bool           `json:"listed"`
	Missing   int            `json:"missing" doc:"complete scans in a row that missed it"`
	Removed   *time.Time     `json:"removed,omitempty"`
	Probe     *tracker.Probe `json:"probe,omitempty"`
}

type scanDoc struct {
	Storefront string           `json:"storefront"`
	Scan       time.Time        `json:"scan" doc:"when it began: its name"`
	Verdict    string           `json:"verdict" enum:"complete,partial,login,blocked,gone,failed"`
	Reason     string           `json:"reason"`
	Products   int              `json:"products"`
	Pages      int              `json:"pages"`
	Declared   tracker.Declared `json:"declared"`
	TookMS     int64            `json:"took_ms"`
	Changed    int              `json:"changed"`
	Doubted    bool             `json:"doubted,omitempty"`
	Evidence   tracker.Evidence `json:"evidence"`
}

// A productOrNull is null in a change that is about the storefront, or that had
// nothing before.
type productOrNull struct {
	_ struct{} `nullable:"true"`
	ProductDoc
}

type changeDoc struct {
	Seq         uint64            `json:"seq"`
	Kind        string            `json:"kind" enum:"added,removed,relisted,soldout,restocked,repriced,retitled,repictured,stalled,recovered,closed,corrected"`
	Storefront  string            `json:"storefront"`
	At          time.Time         `json:"at"`
	Scan        time.Time         `json:"scan"`
	Proof       string            `json:"proof,omitempty" enum:"gone,offshelf,unlisted,unseen"`
	Product     *productOrNull    `json:"product"`
	Before      *productOrNull    `json:"before"`
	Probe       *tracker.Probe    `json:"probe,omitempty"`
	Missing     int               `json:"missing,omitempty"`
	AwaySeconds int64             `json:"away_seconds,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Verdict     string            `json:"verdict,omitempty"`
	SameAs      *tracker.SameAs   `json:"same_as,omitempty"`
	Important   string            `json:"important,omitempty"`
	Ignored     bool              `json:"ignored,omitempty"`
	Corrects    uint64            `json:"corrects,omitempty"`
	Pictures    tracker.Evidenced `json:"pictures,omitzero"`
	Prior       string            `json:"price_30_days,omitempty" doc:"of a price cut: the lowest price that was seen in the 30 days before it, a decimal number in the currency of the product"`
}
