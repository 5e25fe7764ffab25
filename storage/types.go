package storage

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"shopwatch/tracker"
)

// A Storefront is what is known of one storefront.
type Storefront struct {
	Name tracker.StorefrontName
	tracker.State
}

// A Query selects changes. The zero value selects the oldest hundred.
type Query struct {
	Storefront   tracker.StorefrontName // empty: all
	Kinds        []tracker.Kind         // empty: all
	Since, Until time.Time              // of Change.At: Since <= At < Until; zero: no bound
	After        uint64                 // only greater numbers
	Before       uint64                 // only smaller numbers; zero: no bound
	// Text selects changes of products in whose title, or title before, or id
	// Contains finds it; empty: all.
	Text      string
	Important bool // only those that a pattern marks
	Limit     int
	Newest    bool // from the newest down
}

// Selects reports whether a change has what a query asks for in Storefront,
// Text and Important.
func (q *Query) Selects(c *tracker.Change) bool {
	switch {
	case q.Storefront != "" && c.Storefront != q.Storefront, q.Important && c.Important == "":
		return false
	case q.Text == "":
		return true
	case c.Product == nil:
		return false
	}
	return Contains(c.Product.Title, c.Product.ID, q.Text) || c.Before != nil && Contains(c.Before.Title, c.Before.ID, q.Text)
}

// A ScanQuery selects scans, newest first, those of the same millisecond by
// storefront. The zero value selects the newest hundred.
type ScanQuery struct {
	Storefront tracker.StorefrontName // empty: all
	Since      time.Time              // those that began then or later; zero: no bound
	// Incomplete selects scans that were not complete.
	Incomplete bool
	// Before is a place in the list, such as that of the last scan that was
	// read; the list goes on behind it. The zero value is its beginning.
	Before ScanPlace
	Limit  int
}

// A ScanPlace is a place in a list of scans: behind the scan of a storefront
// that began at a time or, without a storefront, behind all that did.
type ScanPlace struct {
	Began      time.Time
	Storefront tracker.StorefrontName
}

// A ScanRecord is a scan with when the last complete one before it began.
type ScanRecord struct {
	tracker.Scan
	LastComplete time.Time // zero when there is none, or none among many scans before
}

// A Channel is a channel's place in the log.
type Channel struct {
	Name         string
	Told         uint64    // the number of the last change that is behind it
	Joined       time.Time // when it was given its place
	Unsubscribed []string  // recipients that want nothing more
	Backoff      Backoff
}

// A Backoff says that the receiving side of a channel is left alone. It is zero
// when the last attempt reached it.
type Backoff struct {
	Failures int       // attempts in a row that did not reach it
	Until    time.Time // when it is tried again
}

// A CoolDown says how long something is left alone. It is zero when the last
// answer was no refusal.
type CoolDown struct {
	Walls int           // refusals in a row
	Asked time.Duration // for which the last of them asked; zero: for none
	Until time.Time     // when it is over
}

// A ReportQuery selects reports. The zero value selects the oldest hundred.
type ReportQuery struct {
	Channel string // empty: all
	// With selects reports with a delivery in this state; empty: all.
	With   tracker.DeliveryState
	After  uint64 // only greater numbers
	Before uint64 // only smaller numbers; zero: no bound
	// Since selects reports that were made then or later; zero: no bound.
	// Reports are numbered as they are made: from the newest down an engine may
	// stop at the first older one, also where the clock was put back.
	Since  time.Time
	Limit  int
	Newest bool // from the newest down
}

// An EvidenceCheck is what came of looking at the evidence files that changes
// name.
type EvidenceCheck struct {
	Named   int      `json:"named" doc:"files that changes name"`
	Read    int      `json:"read" doc:"files whose content was compared with their names; the others only were there"`
	Missing int      `json:"missing"`
	Damaged int      `json:"damaged" doc:"files whose content is not what it was"`
	Files   []string `json:"files" doc:"some of the missing and damaged ones"`
}

// PageSize returns how many entries a list with a limit may have.
func PageSize(limit int) int {
	if limit <= 0 {
		return 100
	}
	return limit
}

// CheckScan returns what is wrong with a scan that no engine stores.
func CheckScan(s *tracker.Scan) error {
	switch {
	case s.Storefront == "":
		return errors.New("scan without a storefront")
	case strings.ContainsRune(string(s.Storefront), 0):
		return fmt.Errorf("storefront %q: a name must not hold a zero byte", s.Storefront)
	case s.Began.UnixMilli() <= 0:
		return fmt.Errorf("scan of %s without the time when it began", s.Storefront)
	case s.Verdict == "":
		return fmt.Errorf("scan of %s without a verdict", s.Storefront)
	case s.Took < 0:
		return fmt.Errorf("scan of %s that took less than no time", s.Storefront)
	}
	for i := range s.Products {
		switch id := s.Products[i].ID; {
		case id == "", len(id) > 1000:
			return fmt.Errorf("scan of %s: product %q has no usable id", s.Storefront, s.Products[i].Title)
		case strings.ContainsRune(string(id), 0):
			return fmt.Errorf("scan of %s: the id %q holds a zero byte", s.Storefront, id)
		}
	}
	return nil
}

// CheckChannel returns what is wrong with the name of a channel.
func CheckChannel(name string) error {
	if name == "" || strings.ContainsRune(name, 0) {
		return fmt.Errorf("channel %q: a name must not be empty or hold a zero byte", name)
	}
	return nil
}

// A Stamp is a timestamp token (RFC 3161) of a checkpoint: an authority says that
// it saw the checkpoint at a time.
type Stamp struct {
	Size       uint64    `json:"size" doc:"changes of the log that the checkpoint covers"`
	Checkpoint string    `json:"checkpoint" doc:"the text that was stamped"`
	Authority  string    `json:"authority" doc:"address at which the stamp was asked for"`
	At         time.Time `json:"at" doc:"when the authority saw the checkpoint, as it says"`
	Token      []byte    `json:"token" doc:"the timestamp token in DER"`
	Chain      [][]byte  `json:"chain" doc:"certificates in DER, from that of the signer to the root"`
}

// A StampQuery selects stamps, by the length of the log and then by authority. The
// zero value selects the oldest hundred.
type StampQuery struct {
	From   uint64 // only of logs that are at least so long
	Limit  int
	Newest bool // from the longest log down
}

// CheckStamp returns what is wrong with a stamp that no engine stores.
func CheckStamp(s *Stamp) error {
	switch {
	case s.Size == 0 || s.Size > 1<<62 || s.Authority == "" || len(s.Authority) > 1000 || strings.ContainsRune(s.Authority, 0):
		return errors.New("a stamp without the length of the log or without its authority")
	case s.At.UnixMilli() <= 0 || len(s.Token) == 0:
		return errors.New("a stamp without a token")
	}
	return nil
}

// A Tree is the Merkle tree over the change log.
type Tree struct {
	Size uint64 // changes
	// Unwitnessed is how many changes were in the log before it had a tree.
	Unwitnessed uint64
	// Signer is the key that signs checkpoints of this log, which is a secret. It
	// is made with the database, by NewSigner of package merkle, and goes with
	// its backups.
	Signer string
}
