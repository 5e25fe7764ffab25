package daemon

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/atomicfile"
)

// A journal notes in small files what scans are at work on. What stands there
// when shopwatch starts is what it was at when it was killed, and probably by
// what: a page can be made to use up the memory of whoever reads it. The next
// run goes round it, or it would die of the same thing at every start.
//
// A picture at which shopwatch was killed is not looked at again. A storefront
// whose scans were killed twice in a row is read without pictures, until one
// has come to its end; after more deaths it is not scanned at once when
// shopwatch starts.
type journal struct {
	dir string
	log *slog.Logger

	mu     sync.Mutex
	deaths map[tracker.StorefrontName]int // in a row, of the scans of a storefront
	avoid  []string                       // addresses of pictures
}

// A journalEntry is what a scan under way has noted.
type journalEntry struct {
	Storefront tracker.StorefrontName `json:"storefront"`
	Deaths     int                    `json:"deaths"`            // of scans before this one, in a row
	Running    bool                   `json:"running"`           // the scan has not come to its end
	Picture    string                 `json:"picture,omitempty"` // that is looked at now
}

const (
	journalFolder = "underway"
	avoidFile     = "avoided.json"
	mostAvoided   = 200 // pictures, the newest
	carefulAfter  = 2   // deaths in a row
	lateAfter     = 3   // deaths in a row
)

// openJournal reads what an earlier run was at when it was killed, and drops
// what is noted of storefronts that are watched no longer. The caller must have
// the database of the data directory open, so that nobody else writes.
func openJournal(data string, watched []tracker.StorefrontName, log *slog.Logger) (*journal, error) {
	j := &journal{dir: filepath.Join(data, journalFolder), log: log, deaths: map[tracker.StorefrontName]int{}}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(j.dir, avoidFile))
	if err == nil {
		err = json.Unmarshal(text, &j.avoid)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("what shopwatch died of is not known any more", "err", err)
	}
	left, err := filepath.Glob(filepath.Join(j.dir, "*.scan"))
	if err != nil {
		return nil, err
	}
	for _, file := range left {
		var e journalEntry
		text, err := os.ReadFile(file)
		if err != nil || json.Unmarshal(text, &e) != nil || !slices.Contains(watched, e.Storefront) {
			_ = os.Remove(file) // half written, which tells nothing, or of no more use
			continue
		}
		if e.Running {
			log.Warn("shopwatch was killed in this scan", "storefront", e.Storefront, "deaths", e.Deaths+1, "picture", e.Picture)
			if e.Picture != "" {
				j.avoid = append(j.avoid, e.Picture)
			}
			e.Deaths, e.Running, e.Picture = e.Deaths+1, false, ""
			j.write(e)
		}
		j.deaths[e.Storefront] = e.Deaths
	}
	if over := len(j.avoid) - mostAvoided; over > 0 {
		j.avoid = j.avoid[over:]
	}
	if len(j.avoid) > 0 {
		text, err := json.Marshal(j.avoid)
		if err == nil {
			err = atomicfile.Write(filepath.Join(j.dir, avoidFile), text, 0o600)
		}
		if err != nil {
			log.Warn("what shopwatch died of is not kept", "err", err)
		}
	}
	return j, nil
}

// file is where the scan of a storefront is noted. Names of storefronts are
// those of files.
func (j *journal) file(name tracker.StorefrontName) string {
	return filepath.Join(j.dir, string(name)+".scan")
}

// write notes an entry. It need not survive the machine: a power cut is no
// death of shopwatch. That it cannot be noted holds up no scan.
func (j *journal) write(e journalEntry) {
	text, err := json.Marshal(e)
	if err == nil {
		err = os.WriteFile(j.file(e.Storefront), text, 0o600)
	}
	if err != nil {
		j.log.Debug("a scan under way is not noted", "storefront", e.Storefront, "err", err)
	}
}

// begin notes that a storefront is scanned.
func (j *journal) begin(name tracker.StorefrontName) {
	j.mu.Lock()
	e := journalEntry{Storefront: name, Deaths: j.deaths[name], Running: true}
	j.mu.Unlock()
	j.write(e)
}

// end notes that the scan of a storefront has ended. One that was cut short
// leaves open whether shopwatch would have survived it.
func (j *journal) end(name tracker.StorefrontName, cut bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if cut && j.deaths[name] > 0 {
		j.write(journalEntry{Storefront: name, Deaths: j.deaths[name]})
		return
	}
	delete(j.deaths, name)
	_ = os.Remove(j.file(name)) // or the next run counts a death too many
}

// careful reports whether a storefront is to be read without pictures.
func (j *journal) careful(name tracker.StorefrontName) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.deaths[name] >= carefulAfter
}

// picture notes that the picture at an address is looked at by the scan of a
// storefront. It reports false for one that is not to be looked at.
func (j *journal) picture(name tracker.StorefrontName, address string) (done func(), ok bool) {
	j.mu.Lock()
	e := journalEntry{Storefront: name, Deaths: j.deaths[name], Running: true}
	avoided := slices.Contains(j.avoid, address)
	j.mu.Unlock()
	if avoided || j.careful(name) {
		return nil, false
	}
	before := e
	e.Picture = address
	j.write(e)
	return func() { j.write(before) }, true
}

// late is how much later than it would be a storefront is scanned when
// shopwatch starts: nothing, but for one whose scans were killed, that by first
// and then by twice as much for each further time.
func (j *journal) late(name tracker.StorefrontName, first time.Duration) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := j.deaths[name] - lateAfter
	if n < 0 {
		return 0
	}
	return first * time.Duration(min(1<<min(n, 10), 60))
}
