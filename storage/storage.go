// Package storage is the contract between shopwatch and its database: what is
// kept, what is written together, and what callers may rely on. An engine
// implements it: package storage/bolt in a file on this machine. Package
// storage/storetest is the suite of tests that every engine passes.
//
// The contract consists of roles. A caller asks for those that it needs, and
// [Store] is all of them. What holds for every method:
//
//   - It may be called by several goroutines, and by several processes where
//     the engine lets more than one in.
//   - What it writes is written in one transaction: all of it or, when it
//     returns an error, nothing. A value that comes back is the caller's own.
//   - When its context is done it returns the error of the context and writes
//     nothing, unless it has begun to write.
//   - Functions that it is given run in the caller's process, must not use the
//     store, and may be called again when the engine has to begin anew.
//   - Times are kept to the millisecond and come back in UTC.
//   - A limit is the most entries that a list may have; zero stands for 100
//     ([PageSize]). A longer list is read on behind its last entry.
package storage

import (
	"context"
	"io"
	"time"

	"shopwatch/tracker"
)

// A Store is a database with all roles. Its opener closes it.
type Store interface {
	Catalogs
	Scans
	Committer
	Log
	Channels
	Outbox
	Evidence
	CoolDowns
	Retention
	Stamps
	Views

	// Instance returns the name that tells this database from every other. It
	// is made up with the database and goes with its backups.
	Instance(ctx context.Context) (string, error)
	// Ping returns why the database cannot be used, or why what is written
	// now would be lost.
	Ping(ctx context.Context) error
	// Close waits for calls that have begun. Later calls return an error.
	Close() error
}

// Catalogs is what is known of storefronts and of their products.
type Catalogs interface {
	// Storefronts returns all that were ever scanned, by name.
	Storefronts(ctx context.Context) ([]Storefront, error)
	// State returns what is known of a storefront, the zero State when nothing
	// is.
	State(ctx context.Context, name tracker.StorefrontName) (tracker.State, error)
	// Product returns one item of a catalog. It reports false when there is
	// none.
	Product(ctx context.Context, name tracker.StorefrontName, id tracker.ProductID) (tracker.Item, bool, error)
	// Products returns items of a catalog, also removed ones, in the order of
	// their ids, beginning behind the given id; empty: with the first.
	Products(ctx context.Context, name tracker.StorefrontName, after tracker.ProductID, limit int) ([]tracker.Item, error)
	// Suspects returns those of Products that are still listed, although the
	// last complete scan did not show them.
	Suspects(ctx context.Context, name tracker.StorefrontName, after tracker.ProductID, limit int) ([]tracker.Item, error)
}

// Scans is what was scanned, without the products that a scan showed.
type Scans interface {
	// Scan returns the scan of a storefront that began at a time. It reports
	// false when there is none.
	Scan(ctx context.Context, name tracker.StorefrontName, began time.Time) (tracker.Scan, bool, error)
	// Scans returns the scans that a query selects, newest first.
	Scans(ctx context.Context, q ScanQuery) ([]tracker.Scan, error)
	// ScansOf returns the scans of a storefront that began at the given times,
	// oldest first. Times at which none began are left out.
	ScansOf(ctx context.Context, name tracker.StorefrontName, began []time.Time) ([]ScanRecord, error)
	// PagesOpened returns how many pages the scans of a storefront that began
	// from one time to another have asked for, both included.
	PagesOpened(ctx context.Context, name tracker.StorefrontName, from, to time.Time) (int, error)
}

// A Committer writes what scans and people say into catalogs and log. Two
// commits of one storefront come one after the other: the second is compared
// with what the first has written.
type Committer interface {
	// Preview returns what a scan would change, and changes nothing.
	Preview(ctx context.Context, s *tracker.Scan, r tracker.Rules) (tracker.Outcome, error)
	// Commit reconciles a scan with the catalog and writes all that follows
	// from it: items, changes, state and the scan itself. It sets Verdict,
	// Reason, Changes and Doubted of the scan, and moves Began by milliseconds
	// while another scan of the storefront has that time. The changes that it
	// returns have their numbers. After an error the scan is as it was.
	//
	// When scans could not be written for lack of space, the first one that is
	// written again brings a change of kind recovered that says since when,
	// whatever its verdict.
	Commit(ctx context.Context, s *tracker.Scan, r tracker.Rules) ([]tracker.Change, error)
	// Dispute sets the catalog right after a person found a change wrong, and
	// returns the corrected change that it appends to the log; the wrong one
	// stays. What the catalog learnt after the wrong change is kept. The
	// corrected change shows the product as the catalog has it then; its Before
	// is what the wrong change said, for one about a price, a title, a
	// picture or what can be bought. The error wraps ErrRefused when the change cannot be disputed.
	Dispute(ctx context.Context, seq uint64, reason string, now time.Time) (tracker.Change, error)
}

// A Log is the change log. Its changes are numbered from 1 without gaps, in the
// order in which they can be seen.
type Log interface {
	// Change returns one change. It reports false when there is none.
	Change(ctx context.Context, seq uint64) (tracker.Change, bool, error)
	// Changes returns the changes that a query selects, in its order.
	Changes(ctx context.Context, q Query) ([]tracker.Change, error)
	// ChangesOf returns the changes with the given numbers, in the order of
	// these. Numbers of no change are left out.
	ChangesOf(ctx context.Context, seqs []uint64) ([]tracker.Change, error)
	// PriorPrices returns the tracker.PriorPrice of those of some changes that
	// have one, by the number of the change.
	PriorPrices(ctx context.Context, changes []tracker.Change) (map[uint64]tracker.Price, error)
	// History returns the changes of one product with greater numbers than
	// after, oldest first.
	History(ctx context.Context, name tracker.StorefrontName, id tracker.ProductID, after uint64, limit int) ([]tracker.Change, error)
	// Tree returns what is known of the Merkle tree over the log. What Append
	// of package merkle returns is written with each change, in the same
	// transaction, for the record of the change as Change returns it.
	Tree(ctx context.Context) (Tree, error)
	// TreeHashes returns the hashes with the given indexes, which are those of
	// golang.org/x/mod/sumdb/tlog. One that is not there is an error.
	TreeHashes(ctx context.Context, indexes []int64) ([][32]byte, error)
}

// Channels is where channels stand in the log, who hears from them, and whether
// they can be reached.
type Channels interface {
	// Join gives a new channel its place, at the end of the log. One that is
	// known stays where it is.
	Join(ctx context.Context, channel string) error
	// Channel returns one that joined. It reports false when it never did.
	Channel(ctx context.Context, channel string) (Channel, bool, error)
	// Channels returns all that ever joined, by name.
	Channels(ctx context.Context) ([]Channel, error)
	// Unsubscribe notes that a recipient wants nothing more from a channel.
	Unsubscribe(ctx context.Context, channel, to string) error
	// Resubscribe takes Unsubscribe back.
	Resubscribe(ctx context.Context, channel, to string) error
	// SetBackoff notes that the receiving side of a channel could not be
	// reached, or with the zero Backoff that it could.
	SetBackoff(ctx context.Context, channel string, b Backoff) error
}

// An Outbox is the reports with their deliveries. A report is written, and the
// channel's place moved behind it, before anything is sent, so that what is
// sent again is the same report. Two processes may make reports of one channel,
// but a delivery must be sent by one at a time, for which the caller sees.
type Outbox interface {
	// Pending returns a channel's place in the log and the first changes
	// behind it: at most limit, or PendingLimit when that is zero or more.
	Pending(ctx context.Context, channel string, limit int) (place uint64, changes []tracker.Change, err error)
	// Advance writes reports of a channel, sets their ID and Delivered, and
	// moves the channel's place from one number to another. It reports false
	// and does nothing when the channel has left the first: somebody else was
	// faster. NextReports is how reports are made of what is pending.
	Advance(ctx context.Context, channel string, from, to uint64, reports []tracker.Report) (bool, error)
	// AddReport writes a report about no change, such as a heartbeat, and sets
	// its ID and Delivered.
	AddReport(ctx context.Context, r *tracker.Report) error
	// Report returns one report. It reports false when there is none.
	Report(ctx context.Context, id uint64) (tracker.Report, bool, error)
	// Reports returns the reports that a query selects, in its order.
	Reports(ctx context.Context, q ReportQuery) ([]tracker.Report, error)
	// ReportsOf returns the reports that tell of a change.
	ReportsOf(ctx context.Context, seq uint64) ([]tracker.Report, error)
	// Told returns which of some changes a report of the channel tells.
	Told(ctx context.Context, channel string, seqs []uint64) (map[uint64]bool, error)
	// NoteDelivery writes what became of a delivery of a report, found by its To.
	// A delivery that was sent stays as it is. When no delivery waits any more the
	// report is delivered.
	NoteDelivery(ctx context.Context, report uint64, l tracker.Delivery) error
	// ChangeDeliveries lets change alter the deliveries of reports, but for those
	// that were sent and for who they are to. It returns how many deliveries
	// differ from what they were.
	ChangeDeliveries(ctx context.Context, reports []uint64, change func(report uint64, l *tracker.Delivery)) (changed int, err error)
}

// Evidence is the files that changes and scans name: pictures of products and
// pages, and captures.
type Evidence interface {
	// KeepEvidence keeps a file and returns the name under which changes refer
	// to it, which is made of its content and its extension (without a dot).
	// To keep the same content again costs nothing. A file that no change and no
	// scan comes to name is deleted by a later SweepEvidence.
	KeepEvidence(ctx context.Context, content []byte, ext string) (name string, err error)
	// Evidence returns the content of a file. It reports false when there is
	// none of that name (any more).
	Evidence(ctx context.Context, name string) (content []byte, found bool, err error)
	// CheckEvidence looks whether the files that changes name are there and
	// unchanged. It reads at most so many bytes, beginning at a place by
	// chance, so that repeated checks come to all files.
	CheckEvidence(ctx context.Context, most int64) (EvidenceCheck, error)
}

// CoolDowns is what is left alone after it refused to answer. All processes that
// use the database keep to it.
type CoolDowns interface {
	// CoolDown returns the cool-down of what a key names, such as a
	// marketplace; the zero CoolDown when there is none.
	CoolDown(ctx context.Context, key string) (CoolDown, error)
	// ChangeCoolDown lets change alter a cool-down, while nobody else does,
	// and returns it as it is then.
	ChangeCoolDown(ctx context.Context, key string, change func(*CoolDown)) (CoolDown, error)
}

// Stamps is what timestamp authorities said of checkpoints of the log. They are
// kept for ever.
type Stamps interface {
	// AddStamp keeps a stamp. One of the same authority for the same length of
	// the log stays as it is.
	AddStamp(ctx context.Context, s Stamp) error
	// Stamps returns the stamps that a query selects, in its order.
	Stamps(ctx context.Context, q StampQuery) ([]Stamp, error)
}

// Retention deletes what is kept no longer. Changes and the history of products
// are kept for ever. It works in several transactions: an error ends it, and
// what was deleted before stays deleted.
type Retention interface {
	// ThinScans deletes scans that are older than keep and changed nothing, but
	// for one of each day (UTC): the first complete one, else the first. It
	// returns how many it deleted.
	ThinScans(ctx context.Context, keep time.Duration, now time.Time) (int, error)
	// SweepEvidence deletes the evidence files whose newest change or scan is older
	// than keep, and those that nothing names. Files that were kept within a
	// week, also once more, stay. It returns how many it deleted.
	SweepEvidence(ctx context.Context, keep time.Duration, now time.Time) (int, error)
	// TrimEvidence deletes the evidence files with an extension that were kept
	// the longest ago, whatever names them, until the others take at most so
	// many bytes. It returns how many it deleted.
	TrimEvidence(ctx context.Context, ext string, most int64) (int, error)
	// DropEvidence deletes an evidence file, whatever names it. One that is not
	// there is no error.
	DropEvidence(ctx context.Context, name string) error
}

// A Maintainer is a role that some stores have beside the others: those that
// look after their own files.
type Maintainer interface {
	// Check verifies everything that is stored. An error that wraps ErrDamaged
	// names what is wrong, in one line.
	Check(ctx context.Context) error
	// Size returns how many bytes the database takes, and how many of them are
	// free for reuse.
	Size(ctx context.Context) (size, free int64, err error)
	// Compact gives free space back, while the store is used. It returns the
	// sizes before and after.
	Compact(ctx context.Context) (before, after int64, err error)
	// Backup writes a verified copy, without evidence. It writes nothing to w
	// before the copy is verified.
	Backup(ctx context.Context, w io.Writer) error
}
