package web

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// drawnAt is what a chart draws at a time; empty for nothing.
func drawnAt(runs, observed []span, at time.Time) presence {
	in := func(s span) bool { return !at.Before(s.From) && !at.After(s.To) }
	for _, o := range observed {
		if !in(o) {
			continue
		}
		for _, r := range runs {
			if in(r) {
				return r.Is
			}
		}
	}
	return ""
}

// A picture claims no more than complete scans have proved: at each of them it
// shows what that scan saw, between two that disagree and around one that was not
// complete it shows nothing, and its table says the same.
func TestTimelineIsTrue(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 9))
		db, err := bolt.Open(filepath.Join(t.TempDir(), "shopwatch.db"), bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var list []tracker.Product
		for i := range 8 {
			list = append(list, tracker.Product{ID: tracker.ProductID(fmt.Sprint(100 + i)), Title: "商品", URL: "https://x.example/", Price: tracker.Price{Kind: tracker.PriceExact, Low: 100, Currency: "CNY"}})
		}
		type look struct {
			at       time.Time
			complete bool
			shown    map[tracker.ProductID]bool
		}
		var looks []look
		now := time.Now().UTC().Truncate(time.Millisecond)
		at := now.AddDate(0, 0, -20)
		absent := map[int]int{}
		for at.Before(now) {
			if r.IntN(25) == 0 {
				at = at.Add(70 * time.Hour) // nobody looked
			}
			if !at.Before(now) {
				break
			}
			s := &tracker.Scan{Storefront: "x", Began: at, Took: time.Second, Verdict: tracker.Complete, Evidence: tracker.Evidence{Pages: 1, Parser: 1}}
			l := look{at, true, map[tracker.ProductID]bool{}}
			for i, p := range list {
				if r.IntN(15) == 0 {
					absent[i] = 1 + r.IntN(8)
				}
				if absent[i]--; absent[i] >= 0 && len(looks) > 0 {
					if r.IntN(3) == 0 {
						s.Probes = append(s.Probes, tracker.Probe{Product: p.ID, State: tracker.PageGone, At: at, URL: p.URL})
					}
					continue
				}
				s.Products = append(s.Products, p)
				l.shown[p.ID] = true
			}
			switch r.IntN(8) {
			case 0:
				s.Verdict, s.Products, s.Probes, l.complete = tracker.Login, nil, nil, false
			case 1:
				s.Verdict, s.Probes, l.complete = tracker.Partial, nil, false
			}
			if _, err := db.Commit(ctx, s, tracker.Rules{Misses: 3, MaxLoss: 1, Probes: 20, StalledAfter: 3}); err != nil {
				t.Fatal(err)
			}
			looks = append(looks, l)
			at = at.Add(12 * time.Hour)
		}
		scans, err := db.Scans(ctx, storage.ScanQuery{Storefront: "x", Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		shelf, err := db.Shelf(ctx, storage.ShelfQuery{Storefront: "x"})
		if err != nil {
			t.Fatal(err)
		}
		pg := &page{Phrases: report.Phrases{Zone: time.UTC}, Now: now, Root: "./", titles: map[tracker.StorefrontName]string{}}
		outs := lookoutsOf(scans)
		join := joined(outs, now)
		w := window{now.AddDate(0, 0, -21), now}
		observed := within(observedOf(outs, join), w)
		for i := range shelf.Rows {
			row := &shelf.Rows[i]
			line := pg.timelineOf(row, outs, join, w, storage.ShelfChanges)
			for k, l := range looks {
				got := drawnAt(line.Runs, observed, l.at)
				switch {
				case !l.complete && got != "":
					t.Fatalf("seed %d, %s: %q is drawn where a scan was not complete", seed, row.ID, got)
				case l.complete && l.shown[row.ID] && got != seen && !l.at.Before(row.FirstSeen):
					t.Fatalf("seed %d, %s at %v: %q is drawn where it was seen", seed, row.ID, l.at, got)
				case l.complete && !l.shown[row.ID] && got == seen:
					t.Fatalf("seed %d, %s at %v: it is drawn as seen where it was not", seed, row.ID, l.at)
				}
				if k == 0 || !l.complete || !looks[k-1].complete {
					continue
				}
				middle := looks[k-1].at.Add(l.at.Sub(looks[k-1].at) / 2)
				if agree := looks[k-1].shown[row.ID] == l.shown[row.ID]; !agree && drawnAt(line.Runs, observed, middle) != "" {
					t.Fatalf("seed %d, %s: something is drawn between two scans that disagree", seed, row.ID)
				}
			}
			// The picture has as many bars as the table has rows.
			if got := strings.Count(string(line.SVG()), "h"); got < len(line.Runs) {
				t.Errorf("the picture has fewer bars than the table")
			}
			for _, is := range []presence{seen, missing, removed} {
				n := 0
				for _, s := range line.Runs {
					if s.Is == is {
						n++
					}
				}
				_, rest, found := strings.Cut(string(line.SVG()), `<path class="`+string(is)+`" d="`)
				d, _, _ := strings.Cut(rest, `"`)
				if strings.Count(d, "M") != n || found != (n > 0) {
					t.Errorf("the picture has %d bars of %s, the table %d", strings.Count(d, "M"), is, n)
				}
			}
			table := text(t, pg, line)
			for _, s := range line.Runs {
				if !strings.Contains(table, pg.Presence(s.Is)+" "+pg.Stamp(s.From)) {
					t.Errorf("the table lacks %s from %s:\n%s", s.Is, pg.Stamp(s.From), table)
				}
			}
			for _, m := range line.Marks {
				if link := fmt.Sprintf(`href="./changes/%d"`, m.Seq); !strings.Contains(table, link) || !strings.Contains(string(line.SVG()), link) {
					t.Errorf("the mark of change %d is not in both", m.Seq)
				}
			}
		}
		db.Close()
	}
}

// text is the table's cell of a line.
func text(t *testing.T, pg *page, line timeline) string {
	t.Helper()
	var b strings.Builder
	for _, part := range []string{"runs", "marks"} {
		if err := templates()["shelf"].ExecuteTemplate(&b, part, lineOf{pg, line}); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
