package schedule_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"shopwatch/tracker/schedule"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestNext(t *testing.T) {
	for _, tt := range []struct {
		name, zone, expr, after string
		want                    []string
	}{
		{"every day at nine and at nine in the evening", "Asia/Shanghai", "0 9,21 * * *", "2026-11-22 09:00",
			[]string{"2026-11-22 21:00 CST", "2026-11-23 09:00 CST"}},
		{"a descriptor", "Asia/Shanghai", "@daily", "2026-11-22 09:00", []string{"2026-11-23 00:00 CST"}},
		{"CRON_TZ is stronger than the configured zone", "Asia/Shanghai", "CRON_TZ=America/New_York 0 9 * * *", "2026-11-22 09:00",
			[]string{"2026-11-22 09:00 EST"}},
		{"a time that the day skips is due when the gap ends", "America/New_York", "30 2 * * *", "2026-03-07 12:00",
			[]string{"2026-03-08 03:00 EDT", "2026-03-09 02:30 EDT"}},
		{"several times that the day skips are one", "America/New_York", "*/20 2 * * *", "2026-03-07 12:00",
			[]string{"2026-03-08 03:00 EDT", "2026-03-09 02:00 EDT"}},
		{"the end of the gap is due once", "America/New_York", "0 2,3 * * *", "2026-03-07 12:00",
			[]string{"2026-03-08 03:00 EDT", "2026-03-09 02:00 EDT"}},
		{"a time that the day has twice is due the first time", "America/New_York", "30 1 * * *", "2026-10-31 12:00",
			[]string{"2026-11-01 01:30 EDT", "2026-11-02 01:30 EST"}},
		{"every hour counts hours when clocks are put back", "America/New_York", "0 * * * *", "2026-11-01 00:30",
			[]string{"2026-11-01 01:00 EDT", "2026-11-01 01:00 EST", "2026-11-01 02:00 EST"}},
		{"every hour counts hours when clocks are put forward", "America/New_York", "30 * * * *", "2026-03-08 01:00",
			[]string{"2026-03-08 01:30 EST", "2026-03-08 03:30 EDT"}},
		{"a day without a midnight is not lost", "America/Havana", "0 0 * * *", "2026-03-07 12:00",
			[]string{"2026-03-08 01:00 CDT", "2026-03-09 00:00 CDT"}},
		{"half an hour of daylight saving time", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03 12:00",
			[]string{"2026-10-04 02:30 +11", "2026-10-05 02:15 +11"}},
		{"a leap day", "UTC", "0 0 29 2 *", "2026-01-01 00:00", []string{"2028-02-29 00:00 UTC"}},
		{"day of month and weekday are one or the other", "UTC", "0 0 13 * 5", "2026-11-01 00:00",
			[]string{"2026-11-06 00:00 UTC", "2026-11-13 00:00 UTC"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			loc := zone(t, tt.zone)
			s, err := schedule.Parse(tt.expr, loc)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.ParseInLocation("2006-01-02 15:04", tt.after, loc)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				at = s.Next(at)
				if got := at.Format("2006-01-02 15:04 MST"); got != want {
					t.Errorf("Next = %s, want %s", got, want)
				}
			}
		})
	}
}

func TestEvery(t *testing.T) {
	s, err := schedule.Parse("@every 1h30m", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 8, 6, 7, 8, 9, time.UTC)
	if got, want := s.Next(at), at.Add(90*time.Minute); !got.Equal(want) {
		t.Errorf("Next = %s, want %s", got, want)
	}
}

// A daily schedule is due once a day in every zone, whatever its clocks do.
func TestDaily(t *testing.T) {
	for _, name := range []string{
		"Asia/Shanghai", "America/New_York", "America/Santiago", "America/Havana", "Europe/London",
		"Australia/Lord_Howe", "Africa/Casablanca", "Asia/Beirut", "Pacific/Chatham",
	} {
		for _, expr := range []string{"0 0 * * *", "30 1 * * *", "30 2 * * *", "59 23 * * *"} {
			loc := zone(t, name)
			s, err := schedule.Parse(expr, loc)
			if err != nil {
				t.Fatal(err)
			}
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, loc).Add(-time.Second)
			for day := at.AddDate(0, 0, 1); day.Year() < 2029; day = day.AddDate(0, 0, 1) {
				at = s.Next(at)
				if got, want := at.Format(time.DateOnly), day.Format(time.DateOnly); got != want {
					t.Fatalf("%s %s: Next = %s, want it on %s", name, expr, at, want)
				}
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, expr, want string }{
		{"nothing", "", "0 fields; write five fields"},
		{"six fields", "0 0 9 * * *", "6 fields; write five fields"},
		{"a day that never comes", "0 0 30 2 *", "never comes"},
		{"a minute that no hour has", "60 * * * *", "above maximum"},
		{"an interval below a minute", "@every 30s", "a minute is the least"},
		{"an interval of nothing", "@every 0s", "a minute is the least"},
		{"an interval back in time", "@every -5m", "a minute is the least"},
		{"an interval that is none", "@every now", "not a duration"},
		{"a zone that is none", "CRON_TZ=Asia/Shanghei 0 9 * * *", "not a time zone"},
		{"a zone without fields", "CRON_TZ=UTC", "0 fields"},
		{"what the parser panics on", "TZ=0", "not a time zone"},
		{"the zone of the machine", "CRON_TZ=Local 0 9 * * *", "not a time zone"},
		{"an unknown descriptor", "@fortnightly", "@daily or @every"},
		{"the last day of a month", "0 0 L * *", "write five fields"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := schedule.Parse(tt.expr, time.UTC)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse = %v, %v, want an error about %q", s, err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0 9,21 * * *", "@every 6h", "TZ=0", "CRON_TZ=UTC", "CRON_TZ=UTC 0 0 31 2 *", "@daily", "*/7 1-5 * JAN MON-FRI"} {
		f.Add(s)
	}
	at := time.Date(2026, 3, 8, 6, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, expr string) {
		s, err := schedule.Parse(expr, time.UTC)
		if err != nil {
			return
		}
		if next := s.Next(at); !next.IsZero() && next.Sub(at) <= 0 {
			t.Errorf("Parse(%q).Next(%s) = %s, want a later time", expr, at, next)
		}
	})
}

func BenchmarkNext(b *testing.B) {
	s, err := schedule.Parse("* * * * *", zone(b, "America/New_York"))
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 3, 8, 6, 0, 0, 0, time.UTC)
	for b.Loop() {
		s.Next(at)
	}
}
