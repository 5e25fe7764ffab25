package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/tracker"
)

func (e Engine) testChannels(t *testing.T) {
	s := e.Open(t)
	for _, name := range []string{"", "a\x00b"} {
		if err := s.Join(ctx, name); err == nil {
			t.Errorf("Join(%q) succeeded", name)
		}
	}
	before := time.Now().Add(-time.Second)
	if err := errors.Join(s.Join(ctx, "分析员"), s.Join(ctx, "a b/c")); err != nil {
		t.Error(err)
	}
	Commit(t, s, Complete("tencent", Day, Products(1)...), Complete("tencent", Day.Add(time.Hour), Products(3)...))
	if err := errors.Join(s.Join(ctx, "late"), s.Join(ctx, "a b/c")); err != nil {
		t.Error(err)
	}
	all, err := s.Channels(ctx)
	if err != nil || len(all) != 3 {
		t.Fatalf("Channels = %+v, %v; want three", all, err)
	}
	for i, want := range []storage.Channel{{Name: "a b/c"}, {Name: "late", Told: 2}, {Name: "分析员"}} {
		if all[i].Joined.Before(before) || all[i].Joined.After(time.Now()) {
			t.Errorf("%s joined %v, want now", want.Name, all[i].Joined)
		}
		want.Joined = all[i].Joined
		if diff := cmp.Diff(want, all[i]); diff != "" {
			t.Errorf("channel %d (-want +got):\n%s", i, diff)
		}
		one, found, err := s.Channel(ctx, want.Name)
		if diff := cmp.Diff(all[i], one); diff != "" || !found || err != nil {
			t.Errorf("Channel(%s): found %v, %v, differs:\n%s", want.Name, found, err, diff)
		}
	}
	if c, found, err := s.Channel(ctx, "stranger"); found || err != nil {
		t.Errorf("Channel of a stranger = %+v, %v, %v", c, found, err)
	}

	unsubscribed := func(want ...string) {
		t.Helper()
		c, _, err := s.Channel(ctx, "late")
		if err != nil || !slices.Equal(c.Unsubscribed, want) {
			t.Errorf("unsubscribed are %q, %v; want %q", c.Unsubscribed, err, want)
		}
	}
	for range 2 { // twice is once
		if err := s.Unsubscribe(ctx, "late", "a@example.com"); err != nil {
			t.Error(err)
		}
	}
	unsubscribed("a@example.com")
	if err := errors.Join(s.Unsubscribe(ctx, "late", "b@example.com"), s.Resubscribe(ctx, "late", "a@example.com"), s.Resubscribe(ctx, "late", "c@example.com")); err != nil {
		t.Error(err)
	}
	unsubscribed("b@example.com")
	if s.Unsubscribe(ctx, "stranger", "a@example.com") == nil || s.Resubscribe(ctx, "stranger", "a@example.com") == nil {
		t.Error("somebody unsubscribed from a channel that never joined")
	}
	Sound(t, s)
}

func (e Engine) testNewChannelStartsAtTheEnd(t *testing.T) {
	db := e.joined(t)
	Commit(t, db, Complete("tencent", Day.Add(time.Hour), Products(12)...))
	for _, c := range []string{"late", "analysts"} { // joining again moves nothing
		if err := db.Join(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if r := next(t, db, "late", everything); r != nil {
		t.Errorf("the late channel got %+v, want nothing", r)
	}
	if r := next(t, db, "analysts", everything); r == nil {
		t.Error("the early channel lost its place")
	}
	if _, err := one(db, "stranger", nil, Day, everything); err == nil || !strings.Contains(err.Error(), "never joined") {
		t.Errorf("error %v for a channel that never joined", err)
	}
}

func (e Engine) testAdvanceMovesOnlyFromWhereTheChannelIs(t *testing.T) {
	s := e.joined(t)
	Commit(t, s, Complete("tencent", Day.Add(time.Hour), Products(15)...))
	report := func(seqs ...uint64) []tracker.Report {
		return []tracker.Report{{Created: Day, First: seqs[0], Last: seqs[len(seqs)-1], Changes: seqs, Deliveries: []tracker.Delivery{{To: "a@example.com", State: tracker.Waiting}}}}
	}
	for _, tt := range []struct {
		what     string
		from, to uint64
		moved    bool
		failed   bool
	}{
		{"from a place where it never was", 3, 4, false, false},
		{"from its place", 0, 2, true, false},
		{"from its place of before", 0, 2, false, false},
		{"back", 2, 1, false, true},
		{"behind the end of the log", 2, 6, false, true},
	} {
		moved, err := s.Advance(ctx, "analysts", tt.from, tt.to, report(1, 2))
		if moved != tt.moved || (err != nil) != tt.failed {
			t.Errorf("%s: moved %v, error %v; want %v", tt.what, moved, err, tt.moved)
		}
	}
	made := report(3, 4)
	if moved, err := s.Advance(ctx, "analysts", 2, 4, made); !moved || err != nil || made[0].ID != 2 || made[0].Channel != "analysts" || made[0].Delivered {
		t.Errorf("Advance: moved %v, %v, report %+v; want number 2", moved, err, made[0])
	}
	place, pending, err := s.Pending(ctx, "analysts", 0)
	if place != 4 || !slices.Equal(Numbers(pending), []uint64{5}) || err != nil {
		t.Errorf("Pending = %d, %v, %v; want 5 behind 4", place, Numbers(pending), err)
	}
	if _, first, err := s.Pending(ctx, "chat", 2); !slices.Equal(Numbers(first), []uint64{1, 2}) || err != nil {
		t.Errorf("the first two pending of another channel are %v, %v", Numbers(first), err)
	}
	if reports, err := s.Reports(ctx, storage.ReportQuery{}); len(reports) != 2 || err != nil {
		t.Errorf("%d reports, %v; want 2", len(reports), err)
	}
	if _, err := s.Advance(ctx, "stranger", 0, 1, nil); err == nil {
		t.Error("a channel that never joined moved")
	}
	if err := s.AddReport(ctx, &tracker.Report{Channel: "analysts", Created: Day, Changes: []uint64{5}}); err == nil {
		t.Error("AddReport wrote a report about a change")
	}
	Sound(t, s)
}
