// Package storage keeps catalogs, scans, changes, reports and evidence in a
// bbolt file and a folder beside it.
package storage

import (
	"errors"
	"time"

	"shopwatch/tracker"
)

// ErrLocked is wrapped by the error of Open when another process has the file.
var ErrLocked = errors.New("in use by another process")

// Options of Open. The zero value is good.
type Options struct {
	Timeout time.Duration // how long to wait for another process; 1 s when zero
}

// A DB is an open database file with its evidence folder. Its methods may be
// called from several goroutines.
type DB struct{}

// A Storefront is what is known of one storefront.
type Storefront struct {
	Name tracker.Name
	tracker.State
}

// A Query selects changes. The zero value selects the oldest ones.
type Query struct {
	Storefront   tracker.Name   // empty: all
	Kinds        []tracker.Kind // empty: all
	Since, Until time.Time      // of Change.At: Since <= At < Until; zero: no bound
	After        uint64         // only greater numbers
	Before       uint64         // only smaller numbers; zero: no bound
	Limit        int            // at most; 100 when zero
	Newest       bool           // from the newest down
}

var errTodo = errors.New("storage: not built yet")

// Open opens the database file, or makes a new one where there is none.
func Open(path string, o Options) (*DB, error) { return nil, errTodo }

// Close closes the file.
func (db *DB) Close() error { return errTodo }

// Preview says what a scan would change, and changes nothing.
func (db *DB) Preview(s *tracker.Scan, r tracker.Rules) (tracker.Outcome, error) {
	return tracker.Outcome{}, errTodo
}

// Commit reconciles a scan with the catalog and writes all that follows from
// it in one transaction. It sets Changes, Doubted, Verdict and Reason of the
// scan, and Began where that millisecond is taken by another scan of the same
// storefront. The changes returned have their numbers.
func (db *DB) Commit(s *tracker.Scan, r tracker.Rules) ([]tracker.Change, error) { return nil, errTodo }

// Storefronts are all that were ever scanned, by name.
func (db *DB) Storefronts() ([]Storefront, error) { return nil, errTodo }

// State returns what is known of a storefront; the zero State when nothing is.
func (db *DB) State(name tracker.Name) (tracker.State, error) { return tracker.State{}, errTodo }

// Products are the items of a catalog, also removed ones, in the order of
// their ids, from the one after the given id.
func (db *DB) Products(name tracker.Name, after tracker.ProductID, limit int) ([]tracker.Item, error) {
	return nil, errTodo
}

// Product returns one item. It reports false when there is none.
func (db *DB) Product(name tracker.Name, id tracker.ProductID) (tracker.Item, bool, error) {
	return tracker.Item{}, false, errTodo
}

// Suspects are the items that are listed as far as is known but were missing
// in the last complete scan.
func (db *DB) Suspects(name tracker.Name) ([]tracker.Item, error) { return nil, errTodo }

// Changes are those of the log that the query selects.
func (db *DB) Changes(q Query) ([]tracker.Change, error) { return nil, errTodo }

// Change returns one change. It reports false when there is none.
func (db *DB) Change(seq uint64) (tracker.Change, bool, error) {
	return tracker.Change{}, false, errTodo
}

// History are the changes of one product, oldest first.
func (db *DB) History(name tracker.Name, id tracker.ProductID, after uint64, limit int) ([]tracker.Change, error) {
	return nil, errTodo
}

// Scans are the scans that began at since or later, newest first. An empty
// name stands for all storefronts.
func (db *DB) Scans(name tracker.Name, since time.Time, limit int) ([]tracker.Scan, error) {
	return nil, errTodo
}

// Scan returns one scan. It reports false when there is none.
func (db *DB) Scan(name tracker.Name, began time.Time) (tracker.Scan, bool, error) {
	return tracker.Scan{}, false, errTodo
}

// Dispute sets the catalog right after a wrong change and appends a corrected
// change that names it.
func (db *DB) Dispute(seq uint64, reason string, now time.Time) (tracker.Change, error) {
	return tracker.Change{}, errTodo
}

// Join gives a new channel its place at the end of the log. One that is known
// stays where it is.
func (db *DB) Join(channel string) error { return errTodo }

// NextReport lets pick look at the changes behind the channel's place in the
// log and say how many of them a report covers (take) and the numbers of those
// that it tells. The report and the channel's new place are written in one
// transaction. With take 0 nothing is written, with an empty tell only the
// place moves; both return a nil report.
func (db *DB) NextReport(channel string, to []string, now time.Time, pick func(pending []tracker.Change) (take int, tell []uint64)) (*tracker.Report, error) {
	return nil, errTodo
}

// AddReport writes a report about no change and sets its ID.
func (db *DB) AddReport(r *tracker.Report) error { return errTodo }

// Undelivered are the reports of a channel with waiting letters, oldest first.
func (db *DB) Undelivered(channel string) ([]tracker.Report, error) { return nil, errTodo }

// NoteLetter writes what became of a letter of a report, found by its To.
func (db *DB) NoteLetter(report uint64, l tracker.Letter) error { return errTodo }

// Reports are those of a channel with a greater number than after; with newest
// from the newest down. An empty channel stands for all.
func (db *DB) Reports(channel string, after uint64, limit int, newest bool) ([]tracker.Report, error) {
	return nil, errTodo
}

// ReportsOf are the reports that tell of a change.
func (db *DB) ReportsOf(seq uint64) ([]tracker.Report, error) { return nil, errTodo }

// KeepEvidence keeps a file in the evidence folder, safe on disk, and returns
// the name under which changes refer to it. The extension has no dot.
func (db *DB) KeepEvidence(content []byte, ext string) (name string, err error) {
	return "", errTodo
}

// EvidencePath returns where an evidence file lies.
func (db *DB) EvidencePath(name string) string { return "" }

// SweepEvidence deletes evidence files that nothing names, and those whose
// last change is older than keep. It returns how many it deleted.
func (db *DB) SweepEvidence(keep time.Duration, now time.Time) (int, error) { return 0, errTodo }

// ThinScans deletes scan records older than keep, but one for each day and
// every one that changed something. It returns how many it deleted.
func (db *DB) ThinScans(keep time.Duration, now time.Time) (int, error) { return 0, errTodo }

// Backup writes a copy of the file, also while it is in use, and verifies it.
func (db *DB) Backup(to string) error { return errTodo }

// BackupDaily makes today's backup in the folder backups beside the file,
// unless it is there, and deletes all but the newest keep ones. It returns the
// path of the new backup, "" when there was nothing to do.
func (db *DB) BackupDaily(keep int, now time.Time) (string, error) { return "", errTodo }

// Compact gives free space in the file back, also while it is in use. It
// returns the sizes before and after.
func (db *DB) Compact() (before, after int64, err error) { return 0, 0, errTodo }

// Check verifies the whole file. The error names all that is wrong.
func (db *DB) Check() error { return errTodo }

// Restore replaces the database file by a backup after verifying that, and
// keeps the old file aside under the returned name ("" when there was none).
// No process may have the file open.
func Restore(path, backup string) (aside string, err error) { return "", errTodo }
