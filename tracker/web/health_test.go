package web

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// The table of a health strip has every scan, and the strip a cell for each.
func TestHealthHasEveryScan(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	pg := &page{Phrases: report.Phrases{Zone: time.UTC}}
	for range 50 {
		var scans []tracker.Scan
		complete := 0
		for i := range 1 + r.IntN(60) {
			s := tracker.Scan{Began: time.Now().Add(-time.Duration(i) * time.Hour), Verdict: tracker.Complete}
			switch r.IntN(6) {
			case 0:
				s.Verdict, s.Reason = tracker.Login, "<wall>"
			case 1:
				s.Verdict, s.Reason = tracker.Partial, "short"
			default:
				complete++
				s.Evidence.Products = 10 + r.IntN(3)
			}
			scans = append(scans, s)
		}
		h := pg.healthOf(scans)
		n, c := 0, 0
		for _, s := range h.Stretches {
			n += s.Scans
			if s.Verdict == tracker.Complete {
				c += s.Scans
			}
		}
		if n != len(scans) || c != complete || h.Complete != complete {
			t.Fatalf("the table has %d scans, %d complete; want %d and %d", n, c, len(scans), complete)
		}
		cells := 0
		for _, m := range regexp.MustCompile(`d="M\d+ [\d.]+h(\d+)"`).FindAllStringSubmatch(string(h.Strip()), -1) {
			long, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			cells += (long + 1) / cell
		}
		if cells != len(scans) {
			t.Fatalf("the strip has %d cells, want %d", cells, len(scans))
		}
		if strings.Contains(string(h.Strip()), "<wall>") {
			t.Fatal("a reason is markup")
		}
	}
}
