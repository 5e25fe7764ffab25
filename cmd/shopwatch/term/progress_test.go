package term_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
)

func TestProgress(t *testing.T) {
	p := term.Progress{Pace: 5 * time.Second}
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		after time.Duration
		s     tracker.Progress
		want  string
	}{
		{0, tracker.Progress{Storefront: "a"}, "a: opening"},
		{0, tracker.Progress{Storefront: "a", Pages: 1, Products: 60, Declared: tracker.Declared{Pages: 10}}, "a: 1 of 10 pages, 60 products, about 45s left"},
		{10, tracker.Progress{Storefront: "a", Pages: 2, Products: 120, Declared: tracker.Declared{Pages: 10}}, "a: 2 of 10 pages, 120 products, about 60s left"},
		{30, tracker.Progress{Storefront: "a", Pages: 10, Products: 600, Declared: tracker.Declared{Pages: 10, Products: 600}}, "a: 10 of 10 pages, 600 of 600 products"},
		{31, tracker.Progress{Storefront: "a", Pages: 10, Products: 600, Declared: tracker.Declared{Pages: 10}, Probed: 2}, "a: 10 of 10 pages, 600 products, 2 item pages"},
		{40, tracker.Progress{Storefront: "a", Pages: 1, Products: 60, Declared: tracker.Declared{Pages: 100}}, "a: 1 of 100 pages, 60 products, about 8 min left"}, // from the start again
		{50, tracker.Progress{Storefront: "b", Pages: 1, Products: 24, Declared: tracker.Declared{Products: 100}}, "b: 1 page, 24 of 100 products, about 20s left"},
		{51, tracker.Progress{Storefront: "b", Pages: 2, Products: 48, Declared: tracker.Declared{Pages: 9000}}, "b: 2 of 9000 pages, 48 products, about 7 h left"},
	} {
		if got := p.Line(tt.s, at.Add(tt.after*time.Second)); got != tt.want {
			t.Errorf("line = %q, want %q", got, tt.want)
		}
	}
}

// Where there is no terminal a line is printed now and then, and none by a scan
// that is done soon.
func TestPlainProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := term.Progress{Out: &out, Pace: 5 * time.Second}
		for n := range 10 {
			p.Show(tracker.Progress{Storefront: "a", Pages: n, Products: 60 * n, Declared: tracker.Declared{Pages: 10}})
			time.Sleep(7 * time.Second)
		}
		p.Clear()
		want := "a: 5 of 10 pages, 300 products, about 35s left\n"
		if got := out.String(); got != want {
			t.Errorf("it prints %q, want %q", got, want)
		}
	})
}
