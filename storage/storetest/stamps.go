package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
)

// Stamp is a stamp of a length of the log, with a token that is none.
func Stamp(size uint64, authority string) storage.Stamp {
	return storage.Stamp{
		Size: size, Authority: authority, At: Day.Add(time.Duration(size) * time.Hour), Checkpoint: fmt.Sprintf("a log\n%d\n", size),
		Token: []byte{0x30, 0, 0xff, byte(size)}, Chain: [][]byte{{1, 0}, {2}},
	}
}

// Stamps stay as they were kept first, in the order of the lengths of the log,
// whatever happens to the store.
func (e Engine) testStamps(t *testing.T) {
	s := e.Open(t)
	stamps := func(q storage.StampQuery) []storage.Stamp {
		t.Helper()
		list, err := s.Stamps(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if got := stamps(storage.StampQuery{}); len(got) != 0 {
		t.Errorf("stamps of a new store: %v", got)
	}
	const a, b = "http://a.example/tsr", "http://b.example/tsr"
	want := []storage.Stamp{Stamp(3, a), Stamp(3, b), Stamp(70, a), Stamp(300, b)}
	want[3].Chain = nil
	for _, i := range []int{2, 0, 3, 1} {
		if err := s.AddStamp(ctx, want[i]); err != nil {
			t.Fatal(err)
		}
	}
	other := Stamp(3, a)
	other.Token = []byte("another")
	if err := s.AddStamp(ctx, other); err != nil {
		t.Fatal(err)
	}
	if e.Restart != nil {
		s = e.Restart(t, s, true)
	}
	for _, tt := range []struct {
		q    storage.StampQuery
		want []storage.Stamp
	}{
		{storage.StampQuery{}, want},
		{storage.StampQuery{From: 4}, want[2:]},
		{storage.StampQuery{From: 3, Limit: 1}, want[:1]},
		{storage.StampQuery{From: 301}, nil},
		{storage.StampQuery{Newest: true, Limit: 2}, []storage.Stamp{want[3], want[2]}},
		{storage.StampQuery{Newest: true, From: 70}, []storage.Stamp{want[3], want[2]}},
	} {
		if diff := cmp.Diff(tt.want, stamps(tt.q)); diff != "" {
			t.Errorf("Stamps(%+v) (-want +got):\n%s", tt.q, diff)
		}
	}
	for what, bad := range map[string]func(*storage.Stamp){
		"length": func(s *storage.Stamp) { s.Size = 0 }, "authority": func(s *storage.Stamp) { s.Authority = "" },
		"token": func(s *storage.Stamp) { s.Token = nil }, "time": func(s *storage.Stamp) { s.At = time.Time{} },
		"plain authority": func(s *storage.Stamp) { s.Authority = "a\x00b" },
	} {
		stamp := Stamp(9, a)
		if bad(&stamp); s.AddStamp(ctx, stamp) == nil {
			t.Errorf("a stamp without a %s is kept", what)
		}
	}
	// Many are read page by page.
	for n := range 700 {
		if err := s.AddStamp(ctx, Stamp(uint64(1000+n/2), []string{a, b}[n%2])); err != nil {
			t.Fatal(err)
		}
	}
	n, last := 0, uint64(0)
	for stamp, err := range storage.AllStamps(ctx, s) {
		if err != nil || stamp.Size < last {
			t.Fatalf("stamp of %d behind %d, %v", stamp.Size, last, err)
		}
		n, last = n+1, stamp.Size
	}
	if n != 704 {
		t.Errorf("%d stamps, want 704", n)
	}
	Sound(t, s)
}
