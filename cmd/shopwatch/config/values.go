package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"shopwatch/tracker/notify"
)

func mustZone(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // time/tzdata is part of the binary
	}
	return l
}

// A Duration is a length of time such as 30s, 6h or 90d.
type Duration time.Duration

var errDuration = errors.New("is not a duration; write 30s, 5m, 6h or 90d")

// UnmarshalText reads a duration. It knows days beside what Go knows.
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return errDuration
		}
		*d = Duration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return errDuration
	}
	*d = Duration(v)
	return nil
}

// Bytes is a size.
type Bytes int64

// units are those in which a size may be written, the largest first.
var units = []struct {
	name  string
	bytes Bytes
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// UnmarshalText reads a size: 2GiB, 500MiB, or 0.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "0" {
		*b = 0
		return nil
	}
	for _, u := range units {
		number, found := strings.CutSuffix(s, u.name)
		if !found {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 20); err == nil {
			*b = Bytes(n) * u.bytes
			return nil
		}
	}
	return errors.New("is not a size; write 2GiB, 500MiB or 0")
}

// String writes a size as UnmarshalText reads it.
func (b Bytes) String() string {
	for _, u := range units {
		if b >= u.bytes && b%u.bytes == 0 {
			return fmt.Sprintf("%d%s", b/u.bytes, u.name)
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// A Pace is a pause of random length between two pages.
type Pace struct{ Min, Max time.Duration }

// UnmarshalText reads a pause: "4s", or "3s-6s" for one in between.
func (p *Pace) UnmarshalText(b []byte) error {
	low, high, span := strings.Cut(string(b), "-")
	if !span {
		high = low
	}
	var from, to Duration
	if from.UnmarshalText([]byte(strings.TrimSpace(low))) != nil || to.UnmarshalText([]byte(strings.TrimSpace(high))) != nil || from > to {
		return errors.New("is not a pause; write 4s, or 3s-6s for a random one in between, or 0s for none")
	}
	p.Min, p.Max = time.Duration(from), time.Duration(to)
	return nil
}

// Hours are a part of the day such as 22:00-07:00.
type Hours notify.Hours

// UnmarshalText reads two times of day.
func (h *Hours) UnmarshalText(b []byte) error {
	const fix = "is no part of a day; write 22:00-07:00"
	from, to, ok := strings.Cut(string(b), "-")
	f, err := time.Parse("15:04", strings.TrimSpace(from))
	t, err2 := time.Parse("15:04", strings.TrimSpace(to))
	if !ok || err != nil || err2 != nil || f.Equal(t) {
		return errors.New(fix)
	}
	midnight := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	h.From, h.To = f.Sub(midnight), t.Sub(midnight)
	return nil
}

// A Zone is a time zone.
type Zone struct{ *time.Location }

// UnmarshalText reads the name of a time zone.
func (z *Zone) UnmarshalText(b []byte) error {
	l, err := time.LoadLocation(string(b))
	if err != nil || len(b) == 0 || string(b) == "Local" {
		return errors.New("is not a time zone; write one such as Asia/Shanghai or UTC")
	}
	z.Location = l
	return nil
}
