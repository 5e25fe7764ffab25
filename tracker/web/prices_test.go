package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

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
