package report

import (
	"context"
	"time"

	"shopwatch/tracker"
)

// A Story is everything that a report tells, before it is put into words.
type Story struct {
	Report  tracker.Report
	Lang    string         // "zh" for Chinese; anything else is English
	Zone    *time.Location // of the dates; nil is UTC
	Changes []tracker.Change
	// Net asks for what remains of the changes when those of one product are
	// taken together, as a digest wants it. The CSV file keeps them all.
	Net bool
	// Wrong are the changes that corrections among Changes take back, by number.
	Wrong    map[uint64]tracker.Change
	Scans    []Scan    // those that the changes rest on, oldest first
	Suspects []Suspect // listed products that complete scans missed, not confirmed as gone
	Shops    map[tracker.StorefrontName]StorefrontInfo
	// Names are what storefronts called themselves when they were last read
	// completely: a scan that met a wall does not know.
	Names    map[tracker.StorefrontName]string
	Groups   []Group   // those of which a product changed
	Quiet    []Quiet   // of a heartbeat: what the scans of each storefront came to
	Since    time.Time // of a heartbeat: where its period begins
	Filtered bool      // of a heartbeat: the channel is not told of every change
	// Picture returns a small picture (JPEG, PNG or GIF, square, at most a
	// few kilobytes) of an evidence file; nil when there is none. It may be nil,
	// and is called for the HTML alone.
	Picture func(ctx context.Context, name string) []byte
	// Shot returns a picture of an evidence file that shows a page: its upper
	// part, twice as large as ShotWidth by ShotHeight. It may be nil.
	Shot   func(ctx context.Context, name string) []byte
	Sample bool // the story is made up, and the report must say so
	// Public is the address under which people reach the dashboard, for links to
	// it; empty where they cannot.
	Public string
	// Checkpoint is the signed state of the change log, four lines, and Key the
	// public key of the log; empty when the report names none.
	Checkpoint, Key string

	groups map[tracker.ProductKey]*Group // of Groups, by their products; see grouped
}

// A Scan is a scan that changes rest on.
type Scan struct {
	tracker.Scan
	LastComplete time.Time // when the last complete scan before it began; zero for none
}

// A Suspect is a product that is listed as far as is known, though complete
// scans did not see it.
type Suspect struct {
	Storefront tracker.StorefrontName
	Item       tracker.Item
}

// A Group is the same product in several storefronts, as they offer it when the
// report is made.
type Group struct {
	Name   string
	Offers []tracker.Offer
}

// group returns the group of a change's product, nil when it is in none.
func (s *Story) group(c *tracker.Change) *Group {
	if c.Product == nil {
		return nil
	}
	return s.groups[tracker.ProductKey{Storefront: c.Storefront, ID: c.Product.ID}]
}

// grouped returns the story with what group needs.
func (s Story) grouped() Story {
	s.groups = make(map[tracker.ProductKey]*Group)
	for i := range s.Groups {
		for _, o := range s.Groups[i].Offers {
			s.groups[tracker.ProductKey{Storefront: o.Storefront, ID: o.Item.ID}] = &s.Groups[i]
		}
	}
	return s
}

// A StorefrontInfo is what a report says of a storefront apart from its changes.
type StorefrontInfo struct {
	Title       string // for people; empty: the name that the storefront states, else its configured name
	URL         string // where its listing begins; empty: no link
	Marketplace string // as `shopwatch login` wants it: "tmall"; empty when unknown
	// Login is the whole command by which a person logs in there, on the machine
	// that runs shopwatch; empty: "shopwatch login" with the marketplace.
	Login string
}

// A Quiet is what the scans of one storefront came to in the period of a
// heartbeat.
type Quiet struct {
	Storefront tracker.StorefrontName
	Scans      int // all
	Complete   int // those among them that saw everything
	Products   int // listed at the end
	Last       time.Time
}

// A Picture is embedded into the HTML.
type Picture struct {
	Name    string // a file name: "p1.jpg"
	Type    string // "image/jpeg"
	Content []byte
}

// The size at which a report shows the page of a removed product.
const (
	ShotWidth  = 240
	ShotHeight = 150
)

// MaxHTML is the greatest length of a mail's HTML in bytes, MaxEncoded that of
// the same as it goes over the wire (quoted-printable, where a Chinese character
// takes nine). Gmail cuts off what is behind 102 KB; of which of the two it does
// not say.
const (
	MaxHTML    = 90_000
	MaxEncoded = 102_000
)
