// Package storetest is the suite of tests that every storage engine passes. It
// tries what package storage promises, through its roles alone.
package storetest

import (
	"os"
	"slices"
	"testing"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// An Engine is what the suite needs to know of an engine. Open must be set.
type Engine struct {
	// Open returns an empty store, which it closes in the cleanup of t.
	Open func(t testing.TB) storage.Store
	// Restart does to a store what may happen to it between two calls, and
	// returns the one to go on with, which it closes in the cleanup of t: the
	// store is closed and opened again or, with restored, put back from a
	// backup of this moment. Nil when the suite leaves that out.
	Restart func(t testing.TB, s storage.Store, restored bool) storage.Store
	// Transactions returns how many transactions have begun: those that only
	// read and those that wrote. Nil when they cannot be counted.
	Transactions func(t testing.TB, s storage.Store) (read, wrote int)
}

// Run tries an engine.
func Run(t *testing.T, e Engine) {
	for _, tt := range []struct {
		name string
		test func(*testing.T)
	}{
		{"Commit", e.testCommit},
		{"ScanOfATakenMillisecondMovesOn", e.testScanOfATakenMillisecondMovesOn},
		{"ScanThatCannotBeStoredIsRefused", e.testScanThatCannotBeStoredIsRefused},
		{"PreviewIsCommitWithoutWriting", e.testPreviewIsCommitWithoutWriting},
		{"TitlesOfASecondScan", e.testTitlesOfASecondScan},
		{"Law", e.testLaw},
		{"Query", e.testQuery},
		{"HistoryOfOneProduct", e.testHistoryOfOneProduct},
		{"HistoryIsWholeWhateverIsDisputed", e.testHistoryIsWholeWhateverIsDisputed},
		{"PriorPrices", e.testPriorPrices},
		{"ChangeByNumber", e.testChangeByNumber},
		{"ChangesByNumber", e.testChangesByNumber},
		{"ScansOfAllStorefrontsNewestFirst", e.testScansOfAllStorefrontsNewestFirst},
		{"ScansOf", e.testScansOf},
		{"ProductsArePaged", e.testProductsArePaged},
		{"SuspectsArePaged", e.testSuspectsArePaged},
		{"EveryFieldOfAChangeIsKept", e.testEveryFieldOfAChangeIsKept},
		{"Tree", e.testTree},
		{"ClockSteps", e.testClockSteps},
		{"Dispute", e.testDispute},
		{"EveryChangeIsInOneReportPerChannel", e.testEveryChangeIsInOneReportPerChannel},
		{"NewChannelStartsAtTheEnd", e.testNewChannelStartsAtTheEnd},
		{"PickDecides", e.testPickDecides},
		{"DeliveriesUntilDelivered", e.testDeliveriesUntilDelivered},
		{"ReportWithoutRecipientsIsDelivered", e.testReportWithoutRecipientsIsDelivered},
		{"ReportsArePaged", e.testReportsArePaged},
		{"ReportQuery", e.testReportQuery},
		{"TwoCallersShareTheLog", e.testTwoCallersShareTheLog},
		{"AdvanceMovesOnlyFromWhereTheChannelIs", e.testAdvanceMovesOnlyFromWhereTheChannelIs},
		{"Channels", e.testChannels},
		{"Backoff", e.testBackoff},
		{"CoolDowns", e.testCoolDowns},
		{"Stamps", e.testStamps},
		{"PagesOpened", e.testPagesOpened},
		{"ManyReportsInOneTransaction", e.testManyReportsInOneTransaction},
		{"PortionsAreOneAfterAnother", e.testPortionsAreOneAfterAnother},
		{"ChangeDeliveries", e.testChangeDeliveries},
		{"UndeliveredPageByPage", e.testUndeliveredPageByPage},
		{"ToldOfManyChanges", e.testToldOfManyChanges},
		{"Overviews", e.testOverviews},
		{"Tally", e.testTally},
		{"Shelf", e.testShelf},
		{"Absences", e.testAbsences},
		{"Search", e.testSearch},
		{"Evidence", e.testEvidence},
		{"Sweep", e.testSweep},
		{"Captures", e.testCaptures},
		{"ScanRecordsThinOut", e.testScanRecordsThinOut},
		{"ScanRecordsAreThinnedDayByDay", e.testScanRecordsAreThinnedDayByDay},
		{"WritersBesideEachOther", e.testWritersBesideEachOther},
		{"DoneContext", e.testDoneContext},
		{"Closed", e.testClosed},
		{"Instance", e.testInstance},
		{"Maintainer", e.testMaintainer},
	} {
		t.Run(tt.name, func(t *testing.T) { t.Parallel(); tt.test(t) })
	}
}

// costs fails the test when something takes other transactions than these.
func (e Engine) costs(t testing.TB, s storage.Store, read, wrote int, what string, do func()) {
	t.Helper()
	if e.Transactions == nil {
		do()
		return
	}
	r, w := e.Transactions(t, s)
	do()
	r2, w2 := e.Transactions(t, s)
	if r2-r != read || w2-w != wrote {
		t.Errorf("%s took %d transactions that read and %d that wrote, want %d and %d", what, r2-r, w2-w, read, wrote)
	}
}

// A snapshot is what a store knows, as far as a test compares it.
type snapshot struct {
	Storefronts []storage.Storefront
	Products    map[tracker.StorefrontName][]tracker.Item
	Scans       []tracker.Scan
	Changes     []tracker.Change
	Channels    []storage.Channel
	Reports     []tracker.Report
}

// known reads all that a store knows.
func known(t testing.TB, s storage.Store) snapshot {
	t.Helper()
	const all = 1 << 20
	var k snapshot
	var errs [5]error
	k.Storefronts, errs[0] = s.Storefronts(ctx)
	k.Scans, errs[1] = s.Scans(ctx, storage.ScanQuery{Limit: all})
	k.Changes, errs[2] = s.Changes(ctx, storage.Query{Limit: all})
	k.Channels, errs[3] = s.Channels(ctx)
	k.Reports, errs[4] = s.Reports(ctx, storage.ReportQuery{Limit: all})
	k.Products = make(map[tracker.StorefrontName][]tracker.Item)
	for _, sf := range k.Storefronts {
		items, err := s.Products(ctx, sf.Name, "", all)
		if err != nil {
			t.Fatal(err)
		}
		k.Products[sf.Name] = items
	}
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// A scope is a test within a test: what is cleaned up with it is cleaned up
// when it ends.
type scope struct {
	testing.TB
	cleanups []func()
}

func (s *scope) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *scope) TempDir() string {
	dir, err := os.MkdirTemp("", "storetest")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (s *scope) end() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
}
