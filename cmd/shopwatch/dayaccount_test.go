package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shopwatch/fixtures"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// account compares what is known of the mall, of the mails and of the daemon.
func (d *day) account(from, to time.Time) {
	db, err := bolt.Open(filepath.Join(d.dir, "data", "shopwatch.db"), bolt.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	if err := db.Check(d.t.Context()); err != nil {
		d.t.Error(err)
	}
	var report strings.Builder
	fmt.Fprintf(&report, "\na day of %d storefronts, %d times faster: %s to %s\n", len(d.stalls), d.speed,
		d.date(from).Format("15:04"), d.date(to).Format("15:04"))
	for _, what := range slices.Sorted(mapKeys(d.events)) {
		fmt.Fprintf(&report, "  %-20s %d\n", what, d.events[what])
	}
	d.accountScans(db, from, to, &report)
	d.accountChanges(db, &report)
	fmt.Fprintf(&report, "memory in MiB (the daemon's: resident, of that its own, peak since its start)\nhour  resid    own   peak    running  Chrome processes and memory\n%s\n",
		strings.Join(d.memory, "\n"))
	if d.peak > 64<<20 {
		d.t.Errorf("the daemon took %.1f MiB, want 64 at most", mib(d.peak))
	}
	if n := len(d.rss); n >= 4 {
		// Up to ownMemory it may grow: garbage waits there to be collected.
		if first, last := slices.Max(d.rss[:2]), d.rss[n-1]; last > max(first, ownMemory)+(8<<20) {
			d.t.Errorf("the daemon's own memory grew from %.1f to %.1f MiB", mib(first), mib(last))
		}
	}
	d.t.Log(report.String())
	if d.t.Failed() {
		for _, life := range d.lives {
			d.t.Log(life.String())
		}
	}
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// unseen is how long nothing may be seen to keep the daemon from a scan that is
// due: one that is killed while its Chrome starts has asked nothing and left no
// record.
const unseen = 5 * time.Second

// records are the scans of each storefront, oldest first.
func (d *day) records(db *bolt.DB) map[string][]tracker.Scan {
	records := map[string][]tracker.Scan{}
	for _, s := range d.stalls {
		all, err := db.Scans(d.t.Context(), storage.ScanQuery{Storefront: tracker.StorefrontName(s.name), Limit: 10_000})
		if err != nil {
			d.t.Fatal(err)
		}
		slices.SortFunc(all, func(a, b tracker.Scan) int { return a.Began.Compare(b.Began) })
		records[s.name] = all
	}
	return records
}

// obstacles are the times in which something kept the daemon from scanning.
func (d *day) obstacles(records map[string][]tracker.Scan) []span {
	spans := slices.Clone(d.spans)
	for _, all := range records {
		for _, r := range all {
			spans = append(spans, span{r.Began, r.Began.Add(r.Took), "busy"})
		}
	}
	// A scan that was cut short left no record, but the mall was asked.
	for _, q := range d.mall.Requests() {
		spans = append(spans, span{q.At.Add(-time.Second), q.At.Add(time.Second), "busy"})
	}
	for _, s := range d.said() {
		switch {
		case s.Msg == "scanned" && !s.Waiting.IsZero():
			spans = append(spans, span{s.Time, s.Waiting, "cooling"})
		case s.Msg == "left alone after a wall":
			spans = append(spans, span{s.Time, s.Until, "cooling"})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	return spans
}

// accountScans goes through every time at which a storefront was due.
func (d *day) accountScans(db *bolt.DB, from, to time.Time, report io.Writer) {
	records := d.records(db)
	spans := d.obstacles(records)
	due, scanned, extra := 0, 0, map[string]int{}
	missed := map[string]int{}
	verdicts := map[tracker.Verdict]int{}
	var late []time.Duration
	for _, s := range d.stalls {
		jitter := d.jitter(s, records[s.name])
		every := s.every / time.Duration(d.speed)
		begin := d.instant(d.midnight.Add(s.offset)).Add(jitter)
		for begin.Before(from) {
			begin = begin.Add(every)
		}
		for ; !begin.Add(every).After(to); begin = begin.Add(every) {
			due++
			end := begin.Add(every)
			var in []tracker.Scan
			for _, r := range records[s.name] {
				if !r.Began.Before(begin.Add(-5*time.Millisecond)) && r.Began.Before(end.Add(-5*time.Millisecond)) {
					in = append(in, r)
					verdicts[r.Verdict]++
				}
			}
			upto := end
			if len(in) > 0 {
				scanned++
				upto = in[0].Began
				late = append(late, upto.Sub(begin))
			}
			idle, why := explain(begin, upto, spans)
			if idle > unseen {
				d.t.Errorf("%s was due at %s, and %s nothing kept the daemon from scanning it until %s (%d scans)",
					s.name, d.date(begin).Format("15:04:05"), idle.Round(time.Millisecond), d.date(upto).Format("15:04:05"), len(in))
			}
			if len(in) == 0 {
				missed[why]++
			}
			for i := 1; i < len(in); i++ {
				if in[i-1].Verdict != tracker.Failed {
					d.t.Errorf("%s was scanned at %s (%s, %s) and again at %s, though it was due once", s.name,
						d.date(in[i-1].Began).Format("15:04:05"), in[i-1].Verdict, in[i-1].Reason, d.date(in[i].Began).Format("15:04:05"))
				}
				extra["again after a failure"]++
			}
		}
		d.accountWalls(s, records[s.name])
	}
	slices.Sort(late)
	fmt.Fprintf(report, "scans due            %d\n  happened           %d", due, scanned)
	if len(late) > 0 {
		fmt.Fprintf(report, " (begun after %s at the median, %s at most, by the calendar)",
			(late[len(late)/2] * time.Duration(d.speed)).Round(time.Second), (late[len(late)-1] * time.Duration(d.speed)).Round(time.Second))
	}
	fmt.Fprintln(report)
	for _, why := range slices.Sorted(mapKeys(missed)) {
		fmt.Fprintf(report, "  %-18s %d\n", why, missed[why])
		due -= missed[why]
	}
	if due != scanned {
		d.t.Errorf("%d scans are accounted for neither way", due-scanned)
	}
	for _, why := range slices.Sorted(mapKeys(extra)) {
		fmt.Fprintf(report, "  %-18s %d\n", why, extra[why])
	}
	for v, n := range verdicts {
		fmt.Fprintf(report, "    %-16s %d\n", v, n)
	}
	d.accountEpisodes(records, report)
}

// accountWalls complains of scans of a storefront that are complete behind a wall.
func (d *day) accountWalls(s *stall, records []tracker.Scan) {
	for _, r := range records {
		for _, w := range d.walls {
			if r.Verdict == tracker.Complete && r.Evidence.Opened > 0 && r.Began.After(w.from) && r.Began.Add(r.Took).Before(w.to) {
				d.t.Errorf("%s: a complete scan at %s, behind a wall (%s)", s.name, d.date(r.Began).Format("15:04:05"), w.why)
			}
		}
	}
}

// jitter is how much later than scheduled a storefront is scanned: the daemon
// says so, when it says what it watches.
func (d *day) jitter(s *stall, records []tracker.Scan) time.Duration {
	every := s.every / time.Duration(d.speed)
	first := d.instant(d.midnight.Add(s.offset))
	for _, line := range d.watching() {
		if line.Storefront != s.name || line.Next.IsZero() || line.Last.IsZero() {
			continue
		}
		return (line.Next.Sub(first)%every + every) % every
	}
	// It never waited when the daemon started: the earliest of its scans.
	least := every
	for _, r := range records[1:] {
		least = min(least, (r.Began.Sub(first)%every+every)%every)
	}
	return least
}

type watching struct {
	Time, Next, Last time.Time
	Msg, Storefront  string
}

func (d *day) watching() []watching {
	var all []watching
	for _, life := range d.lives {
		for line := range strings.Lines(life.String()) {
			var w watching
			if json.Unmarshal([]byte(line), &w) == nil && w.Msg == "watching" {
				all = append(all, w)
			}
		}
	}
	return all
}

// explain says for how long at a stretch nothing kept the daemon from scanning,
// and what kept it longest.
func explain(from, to time.Time, spans []span) (idle time.Duration, why string) {
	most := map[string]time.Duration{}
	at := from
	for _, s := range spans {
		if !s.to.After(from) || !s.from.Before(to) {
			continue
		}
		begin, end := s.from, s.to
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		most[s.why] += end.Sub(begin)
		if begin.After(at) {
			idle = max(idle, begin.Sub(at))
		}
		if end.After(at) {
			at = end
		}
	}
	idle = max(idle, to.Sub(at))
	for _, w := range []string{"down", "asleep", "cooling", "busy"} {
		if most[w] > most[why] {
			why = w
		}
	}
	return idle, why
}

// accountEpisodes compares the stalled and recovered that were told with the
// scans: three in a row that were not complete, tries again left out.
func (d *day) accountEpisodes(records map[string][]tracker.Scan, report io.Writer) {
	total := map[string]int{}
	told := map[string]map[string]int{"scans": {}, "digest": {}}
	for _, l := range d.deliveries() {
		channel, _, _ := strings.Cut(l.to, "@")
		for _, r := range l.rows {
			if r["kind"] == "stalled" || r["kind"] == "recovered" || r["kind"] == "closed" {
				told[channel][r["storefront"]+" "+r["kind"]]++
			}
		}
	}
	for name, all := range records {
		bad, stalled := 0, false
		for i, r := range all {
			switch {
			case r.Verdict == tracker.Complete:
				if stalled {
					total[name+" recovered"]++
				}
				bad, stalled = 0, false
			case i > 0 && all[i-1].Verdict == tracker.Failed && d.tried(name, r):
			default:
				if bad++; bad >= 3 && !stalled {
					stalled = true
					total[name+" stalled"]++
				}
			}
		}
	}
	sum := 0
	for _, n := range total {
		sum += n
	}
	for channel, got := range told {
		for _, key := range slices.Sorted(mapKeys(got)) {
			if got[key] != total[key] {
				d.t.Errorf("channel %s was told %d times %s, want %d", channel, got[key], key, total[key])
			}
		}
		for _, key := range slices.Sorted(mapKeys(total)) {
			if got[key] == 0 {
				d.t.Errorf("channel %s was not told %s", channel, key)
			}
		}
	}
	fmt.Fprintf(report, "stalled, recovered   %d\n", sum)
}

// tried reports whether the daemon says that a scan tried one again that failed.
func (d *day) tried(name string, r tracker.Scan) bool {
	end := r.Began.Add(r.Took)
	for _, s := range d.said() {
		if s.Msg == "scanned" && s.Retry && s.Storefront == name && s.Time.Sub(end).Abs() < time.Second {
			return true
		}
	}
	return false
}

// accountChanges compares what was true with what the mails say.
func (d *day) accountChanges(db *bolt.DB, report io.Writer) {
	told := d.told()
	deliveries := d.deliveries()
	for channel, got := range told {
		for f, n := range got {
			_, is := d.truth[f]
			switch {
			case f.kind == "stalled" || f.kind == "recovered":
			case !is:
				d.t.Errorf("channel %s was told that %s is %s in %s, which is not so", channel, f.id, f.kind, f.storefront)
			case n > 1:
				d.t.Errorf("channel %s was told %d times that %s is %s in %s", channel, n, f.id, f.kind, f.storefront)
			}
		}
		for f, is := range d.truth {
			if got[f] == 0 {
				d.t.Errorf("channel %s was not told that %s is %s in %s since %s (%s)", channel, f.id, f.kind, f.storefront, d.date(is.at).Format("15:04:05"), is.absence)
			}
		}
	}
	copies, seqs := 0, map[string]string{}
	for _, l := range deliveries {
		copies += l.copies - 1
		for _, r := range l.rows {
			if other := seqs[l.to+r["seq"]]; other != "" {
				d.t.Errorf("change %s was told to %s in %s and in %s", r["seq"], l.to, other, l.id)
			}
			seqs[l.to+r["seq"]] = l.id
			is := d.truth[r.fact()]
			switch proof := r["proof"]; {
			case r["kind"] == "removed" && !proven(is.absence, proof):
				d.t.Errorf("%s of %s was removed with proof %q, its page says %s", r["id"], r["storefront"], proof, is.absence)
			case (r["kind"] == "added" || r["kind"] == "repriced") && r["price"] != is.want,
				r["kind"] == "retitled" && r["title"] != is.want:
				d.t.Errorf("%s of %s is told as %s (%s, %s), want %s", r["id"], r["storefront"], r["kind"], r["price"], r["title"], is.want)
			}
		}
	}
	changes, err := db.Changes(d.t.Context(), storage.Query{Limit: 1_000_000})
	if err != nil {
		d.t.Fatal(err)
	}
	kinds := map[string]int{}
	for f := range d.truth {
		kinds[f.kind]++
	}
	fmt.Fprintf(report, "true changes         %d %v\n  in the log         %d (with stalled and recovered)\n", len(d.truth), kinds, len(changes))
	for _, channel := range []string{"scans", "digest"} {
		fmt.Fprintf(report, "  told to %-10s %d\n", channel, len(told[channel]))
	}
	fmt.Fprintf(report, "mails                %d under %d Message-IDs, %d of them again under the same\n", len(d.mail.Mails()), len(deliveries), copies)
}

// proven reports whether a proof is one that the product's page can give. A
// page that could not be read for three scans proves nothing, and says so.
func proven(how fixtures.Absence, proof string) bool {
	switch how {
	case fixtures.StillSold:
		return proof == "unlisted" || proof == "unseen"
	case fixtures.OffShelf, fixtures.OffShelfOld:
		return proof == "offshelf" || proof == "unseen"
	}
	return proof == "gone" || proof == "unseen"
}
