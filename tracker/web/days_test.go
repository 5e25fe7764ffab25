package web

import (
	"strings"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

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
