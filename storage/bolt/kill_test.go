package bolt_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// TestKilledWriter kills a process that writes, with SIGKILL and at random
// points, and compares what is in the file with what that process had
// acknowledged on its output: nothing acknowledged may be lost, and what was
// under way is there whole or not at all. SHOPWATCH_KILLS says how many times
// (make killtest: 1,000).
func TestKilledWriter(t *testing.T) {
	if dir := os.Getenv("SHOPWATCH_WRITER"); dir != "" {
		writer(t, filepath.Join(dir, "shopwatch.db"))
		return
	}
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	if n, err := strconv.Atoi(os.Getenv("SHOPWATCH_KILLS")); err == nil {
		rounds = n
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	var k *killing
	acts, scans, reports := 0, 0, 0
	for round := range rounds {
		if round%50 == 0 { // a new file, or the audits take longer and longer
			k = &killing{t: t, dir: t.TempDir(), r: r, messages: make(map[uint64]string), sent: make(map[uint64]bool)}
		}
		k.round = round
		before := *k
		known := len(k.messages)
		k.play()
		acts, scans, reports = acts+k.acts-before.acts, scans+k.scans-before.scans, reports+len(k.messages)-known
	}
	t.Logf("%d rounds: %d acts acknowledged, %d scans, %d reports", rounds, acts, scans, reports)
	if scans == 0 || reports == 0 {
		t.Error("the writer never came to write")
	}
}

// An act is what the writer acknowledges, after it returned.
type act struct {
	Did    string         // scan, report, delivery, evidence, backup, compact
	Scan   time.Time      `json:",omitzero"`
	Seqs   []uint64       `json:",omitempty"`
	Report uint64         `json:",omitempty"`
	Told   []uint64       `json:",omitempty"`
	Name   string         `json:",omitempty"`
	State  *tracker.State `json:",omitempty"`
}

// writer is the process that is killed: it scans a storefront that changes,
// reports to a channel, and looks after its file, for ever.
func writer(t *testing.T, path string) {
	db, err := bolt.Open(path, bolt.Options{Timeout: 10 * time.Second, Maintain: true})
	if err != nil {
		t.Fatal(err)
	}
	out := json.NewEncoder(os.Stdout)
	say := func(a act) {
		if err := out.Encode(a); err != nil {
			t.Fatal(err)
		}
	}
	check := func(err error) {
		if err != nil {
			fmt.Println("ERROR", err)
			os.Exit(3)
		}
	}
	check(db.Join(ctx, "analysts"))
	st, err := db.State(ctx, "tencent")
	check(err)
	say(act{Did: "open", State: &st})
	deliver := func(id uint64) {
		check(db.NoteDelivery(ctx, id, tracker.Delivery{To: "a@example.com", State: tracker.Sent, Attempts: 1, Tried: day}))
		say(act{Did: "delivery", Report: id})
	}
	left, err := db.Reports(ctx, storage.ReportQuery{Channel: "analysts", With: tracker.Waiting})
	check(err)
	for _, rep := range left {
		deliver(rep.ID)
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	began := st.LastScan
	if began.IsZero() {
		began = day
	}
	for n := 0; ; n++ {
		began = began.Add(time.Hour)
		list := products(300 + r.IntN(40))
		for range 5 {
			list[r.IntN(len(list))].Price.Low += int64(r.IntN(3) * 100)
		}
		s := whole("tencent", began, list...)
		if r.IntN(5) == 0 {
			name, err := db.KeepEvidence(ctx, []byte(fmt.Sprint("picture ", n, began)), "jpg")
			check(err)
			say(act{Did: "evidence", Name: name})
			s.Pictures = map[tracker.ProductID]tracker.Picture{list[len(list)-1].ID: {File: name}}
		}
		changes, err := db.Commit(ctx, s, tracker.Rules{Misses: 1, MaxLoss: 1, StalledAfter: 3})
		check(err)
		say(act{Did: "scan", Scan: s.Began, Seqs: numbers(changes)})
		made, err := storage.NextReports(ctx, db, "analysts", []string{"a@example.com"}, began, 0, func(pending []tracker.Change) []storage.Portion {
			return []storage.Portion{{Take: len(pending), Tell: numbers(pending)}}
		})
		check(err)
		for _, rep := range made {
			say(act{Did: "report", Report: rep.ID, Told: rep.Changes})
			deliver(rep.ID)
		}
		switch r.IntN(12) {
		case 0:
			check(db.BackupFile(ctx, path+".backup"))
			say(act{Did: "backup"})
		case 1:
			_, _, err := db.Compact(ctx)
			check(err)
			say(act{Did: "compact"})
		case 2:
			_, err := db.ThinScans(ctx, 1000*time.Hour, began)
			check(err)
		}
	}
}

// killing is the account that is kept outside the writer.
type killing struct {
	t     *testing.T
	dir   string
	r     *rand.Rand
	round int

	acts, scans int
	lastScan    time.Time
	seq         uint64            // the last change acknowledged
	messages    map[uint64]string // reports with what they told
	sent        map[uint64]bool   // reports whose deliveries were noted
	backup      bool
}

func (k *killing) fatalf(format string, args ...any) {
	k.t.Helper()
	k.t.Fatalf("round %d: %s", k.round, fmt.Sprintf(format, args...))
}

// play runs the writer for a moment, kills it, and audits its file.
func (k *killing) play() {
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
	cmd.Env = append(os.Environ(), "SHOPWATCH_WRITER="+k.dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	stuck := time.AfterFunc(time.Minute, func() { cmd.Process.Signal(syscall.SIGQUIT) })
	defer stuck.Stop()
	lines := bufio.NewReader(out)
	after := k.r.IntN(25) // acts, and a little later
	if k.round%4 == 3 {
		after = 0 // while it opens
	}
	for n := 0; ; n++ {
		if n == after {
			pause := time.Duration(k.r.IntN(4000)) * time.Microsecond
			time.AfterFunc(pause, func() { cmd.Process.Kill() })
		}
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // also when a line was cut
		} else if err != nil {
			k.fatalf("%v", err)
		}
		var a act
		if err := json.Unmarshal(line, &a); err != nil {
			k.fatalf("the writer says %s", line)
		}
		k.take(a)
	}
	if err := cmd.Wait(); cmd.ProcessState.Exited() {
		k.fatalf("the writer ended by itself: %v", err)
	}
	k.audit()
}

// take notes what was acknowledged.
func (k *killing) take(a act) {
	k.acts++
	switch a.Did {
	case "scan":
		k.scans++
		k.lastScan = a.Scan
		for _, seq := range a.Seqs {
			if seq != k.seq+1 {
				k.fatalf("change %d follows %d", seq, k.seq)
			}
			k.seq = seq
		}
	case "report":
		if was, ok := k.messages[a.Report]; ok && was != fmt.Sprint(a.Told) {
			k.fatalf("report %d told %s and now %v", a.Report, was, a.Told)
		}
		k.messages[a.Report] = fmt.Sprint(a.Told)
	case "delivery":
		k.sent[a.Report] = true
	case "backup":
		k.backup = true
	}
}

// audit compares the file with the account.
func (k *killing) audit() {
	if _, err := os.Stat(filepath.Join(k.dir, "shopwatch.db")); errors.Is(err, os.ErrNotExist) && k.acts == 0 {
		return // killed before there was a file
	}
	db, err := bolt.Open(filepath.Join(k.dir, "shopwatch.db"), bolt.Options{Timeout: 10 * time.Second})
	if err != nil {
		k.fatalf("%v", err)
	}
	defer db.Close()
	if err := db.Check(ctx); err != nil {
		k.fatalf("%v", err)
	}
	st, err := db.State(ctx, "tencent")
	if err != nil {
		k.fatalf("%v", err)
	}
	// A scan may be in the file that was not acknowledged; then all of it is.
	if st.LastScan.Before(k.lastScan) {
		k.fatalf("the scan of %v is lost, the last one is %v", k.lastScan, st.LastScan)
	}
	log, err := db.Changes(ctx, storage.Query{After: k.seq, Limit: 1 << 20})
	if err != nil {
		k.fatalf("%v", err)
	}
	if s, found, err := db.Scan(ctx, "tencent", st.LastScan); !st.LastScan.IsZero() && (err != nil || !found || st.LastScan.After(k.lastScan) && s.Changes != len(log)) {
		k.fatalf("the scan of %v (found %v, error %v) counts %d changes, there are %d", st.LastScan, found, err, s.Changes, len(log))
	}
	if st.LastScan.Equal(k.lastScan) && len(log) > 0 {
		k.fatalf("%d changes without a scan", len(log))
	}
	k.lastScan, k.seq = st.LastScan, k.seq+uint64(len(log))

	told := make(map[uint64]bool)
	for after := uint64(0); ; {
		page, err := db.Reports(ctx, storage.ReportQuery{Channel: "analysts", After: after, Limit: 500})
		if err != nil {
			k.fatalf("%v", err)
		}
		for _, r := range page {
			after = r.ID
			if was, ok := k.messages[r.ID]; ok && was != fmt.Sprint(r.Changes) {
				k.fatalf("report %d tells %v, acknowledged was %s", r.ID, r.Changes, was)
			}
			k.messages[r.ID] = fmt.Sprint(r.Changes)
			if k.sent[r.ID] && !r.Delivered {
				k.fatalf("the delivery of report %d is not noted any more", r.ID)
			}
			for _, seq := range r.Changes {
				if told[seq] {
					k.fatalf("change %d is told twice", seq)
				}
				told[seq] = true
			}
		}
		if len(page) == 0 {
			break
		}
	}
	channel, _, err := db.Channel(ctx, "analysts")
	if err != nil {
		k.fatalf("%v", err)
	}
	for seq := uint64(1); seq <= channel.Told; seq++ {
		if !told[seq] {
			k.fatalf("change %d is behind the channel and in no report", seq)
		}
	}
	for id := range k.messages {
		if _, found, err := db.Report(ctx, id); !found || err != nil {
			k.fatalf("report %d is lost (%v)", id, err)
		}
	}
	k.evidence(db)
	if k.backup {
		if err := bolt.Verify(filepath.Join(k.dir, "shopwatch.db.backup")); err != nil {
			k.fatalf("%v", err)
		}
	}
}

// evidence checks that the files which changes name are there and whole.
func (k *killing) evidence(db *bolt.DB) {
	log, err := db.Changes(ctx, storage.Query{Newest: true, Limit: 300})
	if err != nil {
		k.fatalf("%v", err)
	}
	for _, c := range log {
		if c.Pictures.Picture == "" {
			continue
		}
		b, err := os.ReadFile(db.EvidencePath(c.Pictures.Picture))
		if err != nil || len(b) == 0 {
			k.fatalf("change %d: evidence: %d bytes, %v", c.Seq, len(b), err)
		}
	}
}
