package storage

import (
	"context"
	"strings"
	"time"

	"shopwatch/tracker"
)

// Views is what people look at: what is spread over several lists, and is read
// in one go without a walk of what is not shown.
type Views interface {
	// Overviews returns what is known of storefronts at a glance, by name.
	// Names of which nothing is known are left out.
	Overviews(ctx context.Context, q OverviewQuery) ([]Overview, error)
	// Shelf returns a part of a catalog, with what happened to each product.
	Shelf(ctx context.Context, q ShelfQuery) (Shelf, error)
	// Tally counts the changes of a storefront by day and kind, the oldest day
	// first: those with Since <= At < Until, where a zero time is no bound.
	// Days begin at midnight in the zone; those without a change are left out.
	Tally(ctx context.Context, name tracker.StorefrontName, since, until time.Time, zone *time.Location) ([]DayTally, error)
}

// An OverviewQuery selects storefronts, and how much is told of each.
type OverviewQuery struct {
	Names []tracker.StorefrontName // nil: all
	Scans int                      // the newest scans of each, so many at most; zero: none
	Since time.Time                // changes from then on are counted; zero: none are
}

// An Overview is a storefront at a glance.
type Overview struct {
	Storefront
	Suspects int            // products that Suspects would return
	Scans    []tracker.Scan // newest first
	Changes  map[tracker.Kind]int
}

// A Presence selects products by whether they are on the shelf.
type Presence string

// Which products a ShelfQuery selects.
const (
	PresentAny     Presence = ""        // all
	PresentListed  Presence = "listed"  // as far as is known, also those missing without proof
	PresentMissing Presence = "missing" // listed, but not in the last complete scan
	PresentRemoved Presence = "removed"
)

// A ShelfOrder is an order of products. Equals come in the order of their ids.
type ShelfOrder string

// The orders of a ShelfQuery.
const (
	OrderChanged ShelfOrder = ""        // newest change first, those without any last
	OrderRemoved ShelfOrder = "removed" // newest removal first, those on the shelf last
	OrderTitle   ShelfOrder = "title"   // byte by byte
	OrderPrice   ShelfOrder = "price"   // the lowest first, unknown ones last
)

// A ShelfQuery selects products of a storefront.
type ShelfQuery struct {
	Storefront tracker.StorefrontName
	ID         tracker.ProductID // only this one; empty: all
	Text       string            // only those that Contains finds it in; empty: all
	Presence   Presence
	Order      ShelfOrder
	Skip       int // so many are passed over
	Limit      int
}

// A Shelf is a part of a catalog over time.
type Shelf struct {
	Total int // products that the query selects without Skip and Limit
	Rows  []ShelfRow
	// Exact is when absences began to be noted. Of the time before it only
	// those are known that ended in a removal. Zero when all are known.
	Exact time.Time
}

// ShelfChanges is how many changes a ShelfRow has at most.
const ShelfChanges = 200

// A ShelfRow is a product over time.
type ShelfRow struct {
	tracker.Item
	Changes  []tracker.Change // the newest ShelfChanges of them, oldest first
	Absences []Absence        // oldest first
}

// An Absence is a time in which complete scans did not show a product, whether
// or not its removal was believed.
type Absence struct {
	From  time.Time // when the first scan that missed it began
	Until time.Time // when the scan that showed it again began; zero when none has
}

// A DayTally counts changes of a day.
type DayTally struct {
	Day     time.Time // its midnight, in the zone that was asked for
	Changes map[tracker.Kind]int
}

// Contains reports whether a text is found in a title or an id: any part of
// them, also in the midst of a word, and whatever the case.
func Contains(title string, id tracker.ProductID, text string) bool {
	text = Fold(text)
	return strings.Contains(Fold(title), text) || strings.Contains(Fold(string(id)), text)
}

// Fold makes texts equal that differ in case only.
func Fold(text string) string { return strings.ToLower(text) }
