package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/tracker"
)

func (e Engine) testBackoff(t *testing.T) {
	s := e.joined(t)
	want := storage.Backoff{Failures: 3, Until: Day.Add(time.Hour)}
	if err := s.SetBackoff(ctx, "analysts", want); err != nil {
		t.Fatal(err)
	}
	if e.Restart != nil {
		s = e.Restart(t, s, false)
	}
	backoff := func(channel string) storage.Backoff {
		t.Helper()
		c, found, err := s.Channel(ctx, channel)
		if !found || err != nil {
			t.Fatalf("Channel(%s): %v, %v", channel, found, err)
		}
		return c.Backoff
	}
	if got := backoff("analysts"); got != want {
		t.Errorf("backoff %+v, want %+v", got, want)
	}
	if got := backoff("chat"); got != (storage.Backoff{}) {
		t.Errorf("backoff of another channel %+v, want none", got)
	}
	if err := s.Unsubscribe(ctx, "analysts", "a@example.com"); err != nil {
		t.Fatal(err)
	}
	next(t, s, "analysts", func([]tracker.Change) (int, []uint64) { return 0, nil })
	if got := backoff("analysts"); got != want {
		t.Errorf("after something else was noted of the channel: backoff %+v, want %+v", got, want)
	}
	if err := s.SetBackoff(ctx, "analysts", storage.Backoff{}); err != nil || backoff("analysts") != (storage.Backoff{}) {
		t.Errorf("backoff %+v, %v; want none", backoff("analysts"), err)
	}
	if s.SetBackoff(ctx, "stranger", want) == nil {
		t.Error("a channel that never joined has a backoff")
	}
	Sound(t, s)
}

func (e Engine) testCoolDowns(t *testing.T) {
	s := e.Open(t)
	if c, err := s.CoolDown(ctx, "tmall"); c != (storage.CoolDown{}) || err != nil {
		t.Errorf("CoolDown of what never refused = %+v, %v", c, err)
	}
	wall := func(c *storage.CoolDown) {
		c.Walls++
		c.Asked = 30 * time.Second
		c.Until = Day.Add(time.Duration(c.Walls) * time.Hour)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if c, err := s.ChangeCoolDown(ctx, "tmall", wall); err != nil || c.Walls < 1 || !c.Until.Equal(Day.Add(time.Duration(c.Walls)*time.Hour)) {
				t.Errorf("ChangeCoolDown = %+v, %v", c, err)
			}
		})
	}
	wg.Wait()
	want := storage.CoolDown{Walls: 8, Asked: 30 * time.Second, Until: Day.Add(8 * time.Hour)}
	if e.Restart != nil {
		s = e.Restart(t, s, false)
	}
	got, err := s.CoolDown(ctx, "tmall")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("after eight walls at once, error %v (-want +got):\n%s", err, diff)
	}
	if c, err := s.CoolDown(ctx, "jd"); c != (storage.CoolDown{}) || err != nil {
		t.Errorf("CoolDown of another = %+v, %v; want none", c, err)
	}
	e.costs(t, s, 1, 0, "a change that changes nothing", func() {
		if c, err := s.ChangeCoolDown(ctx, "tmall", func(*storage.CoolDown) {}); c != want || err != nil {
			t.Errorf("ChangeCoolDown = %+v, %v; want %+v", c, err, want)
		}
	})
	if c, err := s.ChangeCoolDown(ctx, "tmall", func(c *storage.CoolDown) { *c = storage.CoolDown{} }); c != (storage.CoolDown{}) || err != nil {
		t.Errorf("taken back: %+v, %v", c, err)
	}
	for _, key := range []string{"", "a\x00b"} {
		if _, err := s.ChangeCoolDown(ctx, key, wall); err == nil {
			t.Errorf("ChangeCoolDown(%q) succeeded", key)
		}
	}
	Sound(t, s)
}

func (e Engine) testPagesOpened(t *testing.T) {
	s := e.Open(t)
	at := func(hour int) time.Time { return Day.Add(time.Duration(hour) * time.Hour) }
	for hour := range 40 {
		scan := Complete("tencent", at(hour), Products(1)...)
		if hour%3 == 0 {
			scan = Walled("tencent", at(hour))
		}
		scan.Evidence.Opened = hour
		other := Complete("oppo", at(hour), Products(1)...)
		other.Evidence.Opened = 1000
		Commit(t, s, scan, other)
	}
	sum := func(from, to int) (n int) {
		for hour := max(from, 0); hour <= min(to, 39); hour++ {
			n += hour
		}
		return n
	}
	for _, hours := range [][2]int{{-1, 99}, {0, 40}, {1, 39}, {16, 38}, {16, 16}, {39, 50}, {40, 50}, {20, 19}} {
		from, to := hours[0], hours[1]
		e.costs(t, s, 1, 0, "counting pages", func() {
			if n, err := s.PagesOpened(ctx, "tencent", at(from), at(to)); n != sum(from, to) || err != nil {
				t.Errorf("PagesOpened from hour %d to %d = %d, %v; want %d", from, to, n, err, sum(from, to))
			}
		})
	}
	if n, err := s.PagesOpened(ctx, "tencent", at(38).Add(time.Millisecond), at(39).Add(-time.Millisecond)); n != 0 || err != nil {
		t.Errorf("between the last two scans %d, %v; want 0", n, err)
	}
	if n, err := s.PagesOpened(ctx, "nobody", Day, Day); n != 0 || err != nil {
		t.Errorf("pages of nobody: %d, %v", n, err)
	}
}
