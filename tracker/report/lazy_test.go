package report_test

import (
	"context"
	"errors"
	"testing"

	"shopwatch/tracker/report"
)

// TestNothingIsWrittenThatNobodyAskedFor: a chat loads no pictures, and the HTML
// loads each of them once, however often it is asked for.
func TestNothingIsWrittenThatNobodyAskedFor(t *testing.T) {
	s := report.Sample("analysts", "en", shanghai, nine)
	loaded := 0
	draw := s.Picture
	s.Picture = func(ctx context.Context, name string) []byte { loaded++; return draw(ctx, name) }
	s.Shot = s.Picture
	m := report.New(s)
	if m.Subject() == "" || m.Brief() == "" || m.Text(report.Foot{}) == "" || m.CSV() == nil {
		t.Error("a form is empty")
	}
	if loaded > 0 {
		t.Errorf("%d pictures were loaded for a subject, a text and a list", loaded)
	}
	for range 2 {
		if _, pictures, err := m.HTML(t.Context(), report.Foot{}); err != nil || len(pictures) != loaded {
			t.Fatalf("%d pictures, %d loads, %v", len(pictures), loaded, err)
		}
	}
}

// TestHTMLIsWholeOrNotThere: what was cut short is not kept for the next one who
// asks.
func TestHTMLIsWholeOrNotThere(t *testing.T) {
	s := report.Sample("analysts", "en", shanghai, nine)
	ctx, end := context.WithCancel(t.Context())
	draw := s.Picture
	s.Picture = func(_ context.Context, name string) []byte { end(); return draw(t.Context(), name) }
	m := report.New(s)
	if _, _, err := m.HTML(ctx, report.Foot{}); !errors.Is(err, context.Canceled) {
		t.Errorf("HTML = %v, want that it was cut short", err)
	}
	_, got, err := m.HTML(t.Context(), report.Foot{})
	if err != nil {
		t.Fatal(err)
	}
	if want := write(t, report.Sample("analysts", "en", shanghai, nine)).Pictures; len(got) != len(want) {
		t.Errorf("%d pictures, want %d", len(got), len(want))
	}
}
