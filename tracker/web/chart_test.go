package web

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strconv"
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

// The steps of a price chart are those of the log, and the table has each of
// them.
func TestPriceChartIsTheLog(t *testing.T) {
	now := time.Now()
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	price := func(low int64) tracker.Price {
		return tracker.Price{Kind: tracker.PriceExact, Low: low, Currency: "CNY"}
	}
	product := func(low int64) *tracker.Product {
		return &tracker.Product{ID: "1", Title: "x", Price: price(low)}
	}
	change := func(seq uint64, at int, from, to int64) tracker.Change {
		return tracker.Change{Seq: seq, Kind: tracker.Repriced, At: day(at), Scan: day(at), Product: product(to), Before: product(from)}
	}
	row := &storage.ShelfRow{
		Item:    tracker.Item{Product: *product(20000), FirstSeen: day(-90)},
		Changes: []tracker.Change{change(1, -60, 10000, 30000), change(2, -40, 30000, 5000), change(3, -35, 5000, 15000), change(4, -10, 15000, 20000)},
	}
	var scans []lookout
	for n := -90; n <= 0; n++ {
		scans = append(scans, lookout{day(n), true})
	}
	pg := &page{Phrases: report.Phrases{Zone: time.UTC}, Now: now, Root: "./"}
	c := pg.priceChartOf(row, scans, joined(scans, now), window{day(-120), now})
	var got []int64
	for _, s := range c.Rows {
		got = append(got, s.Price.Low)
	}
	if want := []int64{10000, 30000, 5000, 15000, 20000}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("steps %v, want %v", got, want)
	}
	if c.Low.Low != 5000 || c.High.Low != 30000 || c.Lowest30.Low != 15000 {
		t.Errorf("lowest %v, highest %v, of 30 days %v; want 50, 300, 150", c.Low, c.High, c.Lowest30)
	}
	for seq := 1; seq <= 4; seq++ {
		if !strings.Contains(string(c.SVG()), fmt.Sprintf("changes/%d", seq)) {
			t.Errorf("no mark leads to change %d", seq)
		}
	}
	if n := strings.Count(string(c.SVG()), `class="step"`); n != len(c.Rows) {
		t.Errorf("%d steps are drawn, the table has %d", n, len(c.Rows))
	}
}

// A price is told for as long as complete scans saw it: not between the last that
// saw the old one and the first that saw the new one, not while the product was
// away, and not from before the changes that are at hand.
func TestPricesAreThoseThatWereSeen(t *testing.T) {
	now := time.Now().Truncate(time.Minute)
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	product := func(low int64) *tracker.Product {
		return &tracker.Product{ID: "1", Title: "x", Price: tracker.Price{Kind: tracker.PriceExact, Low: low, Currency: "CNY"}}
	}
	row := &storage.ShelfRow{
		Item: tracker.Item{Product: *product(300), FirstSeen: day(-20)},
		Changes: []tracker.Change{
			{Seq: 1, Kind: tracker.Removed, At: day(-15), Scan: day(-15), Product: product(100)},
			{Seq: 2, Kind: tracker.Relisted, At: day(-12), Scan: day(-12), Product: product(100)},
			{Seq: 3, Kind: tracker.Repriced, At: day(-6), Scan: day(-6), Product: product(300), Before: product(100)},
		},
		Absences: []storage.Absence{{From: day(-15), Until: day(-12)}},
	}
	var scans []lookout
	for n := -20; n <= -1; n++ {
		scans = append(scans, lookout{day(n), n != -9})
	}
	pg := &page{Phrases: report.Phrases{Zone: time.UTC}, Now: now, Root: "./"}
	chart := func(row *storage.ShelfRow) string {
		c := pg.priceChartOf(row, scans, joined(scans, now), window{day(-30), now})
		var b strings.Builder
		for _, r := range c.Rows {
			fmt.Fprintf(&b, "%d from %.0f to %.0f; ", r.Price.Low, now.Sub(r.From).Hours()/24, now.Sub(r.To).Hours()/24)
		}
		return b.String()
	}
	if got, want := chart(row), "100 from 20 to 16; 100 from 12 to 7; 300 from 6 to 1; "; got != want {
		t.Errorf("prices %s\nwant   %s", got, want)
	}
	// Of a product that changed very often the newest changes are at hand only.
	often := *row
	often.Absences, often.Changes = nil, nil
	for n := range storage.ShelfChanges {
		often.Changes = append(often.Changes, tracker.Change{Seq: uint64(n + 1), Kind: tracker.Retitled, At: day(-8), Scan: day(-8), Product: product(300), Before: product(300)})
	}
	if got, want := chart(&often), "300 from 8 to 1; "; got != want {
		t.Errorf("of one that changes often: %s, want %s", got, want)
	}
}

// A price that only the last scan saw can be seen too: it has the room that is left
// beside the one before.
func TestNewestPriceIsDrawn(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Minute)
	last := now.Add(-10 * time.Minute)
	product := func(low int64) *tracker.Product {
		return &tracker.Product{ID: "1", Title: "x", Price: tracker.Price{Kind: tracker.PriceExact, Low: low, Currency: "CNY"}}
	}
	row := &storage.ShelfRow{
		Item:    tracker.Item{Product: *product(300), FirstSeen: now.AddDate(0, 0, -3)},
		Changes: []tracker.Change{{Seq: 1, Kind: tracker.Repriced, At: last, Scan: last, Product: product(300), Before: product(100)}},
	}
	scans := []lookout{{now.AddDate(0, 0, -3), true}, {now.AddDate(0, 0, -2), true}, {now.AddDate(0, 0, -1), true}, {last, true}}
	pg := &page{Phrases: report.Phrases{Zone: time.UTC}, Now: now, Root: "./"}
	c := pg.priceChartOf(row, scans, joined(scans, now), window{now.AddDate(0, 0, -365), now})
	if want := `class="step" x1="99.83%" x2="100%"`; !strings.Contains(string(c.SVG()), want) {
		t.Errorf("no %s in %s", want, c.SVG())
	}
}

// What is drawn covers each span and no gap between spans, also where a year is
// drawn and a gap is a day.
func TestBarsCoverNoGap(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 200 {
		w := window{To: time.Now()}
		w.From = w.To.Add(-time.Duration(1+r.IntN(800)) * 24 * time.Hour)
		var spans []span
		for at := w.From; at.Before(w.To); {
			s := span{From: at, To: earlier(at.Add(time.Duration(r.IntN(100))*time.Hour), w.To), Is: []presence{seen, missing, removed}[r.IntN(3)]}
			if r.IntN(2) == 0 {
				s.To = s.From // one scan
			}
			spans = append(spans, s)
			at = s.To.Add(time.Duration(12+r.IntN(100)) * time.Hour)
		}
		drawn := extents(spans, w)
		for i, s := range spans {
			from, to := w.part(s.From)*width, w.part(s.To)*width
			if drawn[i][0] > from || drawn[i][1] < to {
				t.Fatalf("%v is drawn as %v: less than was seen", [2]float64{from, to}, drawn[i])
			}
			if over := drawn[i][1] - drawn[i][0] - (to - from); over > tick+0.001 {
				t.Fatalf("%v is drawn as %v", [2]float64{from, to}, drawn[i])
			}
			if i == 0 {
				continue
			}
			gap := from - w.part(spans[i-1].To)*width
			if left := drawn[i][0] - drawn[i-1][1]; left < min(gap-2*least, clear)-0.001 {
				t.Fatalf("of a gap of %.2f between spans %d and %d there remains %.2f", gap, i-1, i, left)
			}
		}
	}
}

// What a bar counts is said of whole bars, also where the first one is cut off by
// the window.
func TestDayWordsAreOfWholeBars(t *testing.T) {
	sunday := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	tally := []storage.DayTally{{Day: sunday, Changes: map[tracker.Kind]int{tracker.Added: 2}}}
	pg := &page{Phrases: report.Phrases{Zone: time.UTC}}
	for days, want := range map[int]string{30: "at most 2 a day", 365: "at most 2 a week", 2000: "at most 2 a month"} {
		w := window{sunday, sunday.AddDate(0, 0, days)}
		if got := pg.dayWords(dayBars(tally, w), w); got != want {
			t.Errorf("%d days from a Sunday on: %q, want %q", days, got, want)
		}
	}
	last := window{sunday.AddDate(0, 0, 28), sunday.AddDate(0, 0, 2000)} // of the month there are three days
	tally[0].Day = last.From
	if got := pg.dayWords(dayBars(tally, last), last); got != "at most 2 a month" {
		t.Errorf("from the end of a month on: %q", got)
	}
}

// The bars of days hold every change once, whatever they are gathered into, and
// each leads to its changes.
func TestDayBarsHoldEveryChange(t *testing.T) {
	zone := time.FixedZone("", 8*3600)
	now := time.Now().In(zone)
	pg := &page{Phrases: report.Phrases{Zone: zone}, Now: now, Root: "../"}
	for _, days := range []int{7, 30, 365, 2000} {
		w := window{midnight(now.AddDate(0, 0, -days)), now}
		var tally []storage.DayTally
		came, went := 0, 0
		for n := days; n >= 0; n-- {
			tally = append(tally, storage.DayTally{Day: midnight(now.AddDate(0, 0, -n)), Changes: map[tracker.Kind]int{tracker.Added: n % 3, tracker.Relisted: n % 2, tracker.Removed: n % 5, tracker.Repriced: 1}})
			came, went = came+n%3+n%2, went+n%5
		}
		bars := dayBars(tally, w)
		var last time.Time
		for _, b := range bars {
			came, went = came-b.Added, went-b.Removed
			if !b.Day.After(last) || b.Last.Before(b.Day) || b.Day.Before(w.From) {
				t.Errorf("%d days: a bar from %v to %v behind one to %v", days, b.Day, b.Last, last)
			}
			last = b.Last
		}
		if came != 0 || went != 0 {
			t.Errorf("%d days: %d additions and %d removals are missing", days, came, went)
		}
		if len(bars) > 100 {
			t.Errorf("%d days have %d bars", days, len(bars))
		}
		if link := pg.DaysURL("x", bars[0]); !strings.Contains(string(pg.drawDays("x", bars, w)), strings.ReplaceAll(link, "&", "&amp;")) {
			t.Errorf("no bar leads to %s", link)
		}
	}
}

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
