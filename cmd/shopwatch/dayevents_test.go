package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"shopwatch/fixtures"
)

// An event is something that is done to the day at a time.
type event struct {
	at time.Time
	do func()
}

// shortDay is an hour in which everything happens once.
func (d *day) shortDay(from, to time.Time) {
	minute := func(n int) time.Time { return from.Add(time.Duration(n) * time.Minute / time.Duration(d.speed)) }
	var down func()
	d.play(from, to, []event{
		{minute(3), func() { d.crash("") }},
		{minute(5), d.mail.Stop},
		{minute(8), func() { d.down(syscall.SIGKILL, 2*time.Minute) }},
		{minute(18), func() { d.mail.Start() }},
		{minute(20), func() { down = d.wall(0) }},
		{minute(27), func() { down() }},
		{minute(40), func() { d.mail.Fault(fixtures.MailFault{DropKept: true, Times: 1}) }},
		{minute(44), func() { d.down(syscall.SIGKILL, time.Minute) }},
		{minute(50), func() { d.crash("renderer") }},
	}, 4)
}

// longDay throws everything in at random, and leaves the last hours in peace.
func (d *day) longDay(from, to time.Time) {
	at := func(share float64) time.Time { return from.Add(time.Duration(share * float64(to.Sub(from)))) }
	minutes := func(low, high int) time.Duration { return time.Duration(low+d.r.IntN(high-low)) * time.Minute }
	later := func(t time.Time, d2 time.Duration) time.Time { return t.Add(d2 / time.Duration(d.speed)) }
	var all []event
	hours := int(to.Sub(from) * time.Duration(d.speed) / time.Hour)
	some := func(n int, last float64, do func(at time.Time)) {
		n = (n*hours + 23) / 24
		for i := range n {
			do(at(last * (float64(i) + d.r.Float64()) / float64(n)))
		}
	}
	some(10, 0.85, func(at time.Time) {
		all = append(all, event{at, func() { d.down(syscall.SIGKILL, minutes(1, 15)) }})
	})
	some(2, 0.8, func(at time.Time) {
		all = append(all, event{at, func() { d.down(syscall.SIGKILL, minutes(60, 150)) }})
	})
	some(2, 0.8, func(at time.Time) {
		all = append(all, event{at, func() { d.down(syscall.SIGTERM, minutes(1, 5)) }})
	})
	some(2, 0.8, func(at time.Time) { all = append(all, event{at, func() { d.sleep(minutes(30, 90)) }}) })
	some(40, 0.97, func(at time.Time) {
		kind := []string{"", "renderer"}[d.r.IntN(2)]
		all = append(all, event{at, func() { d.crash(kind) }})
	})
	some(5, 0.85, func(at time.Time) {
		var down func()
		all = append(all, event{at, func() { down = d.wall(0) }}, event{later(at, minutes(10, 60)), func() { down() }})
	})
	some(3, 0.8, func(at time.Time) {
		all = append(all,
			event{at, func() { d.mail.Stop(); d.events["mail outages"]++ }},
			event{later(at, minutes(20, 120)), func() { d.mail.Start() }})
	})
	some(6, 0.9, func(at time.Time) {
		f := []fixtures.MailFault{
			{DropKept: true, Times: 2}, {DropLost: true, Times: 2}, {Data: 451, Times: 3}, {HangUp: true, Times: 4},
			{Refuse: map[string]int{"*": 450}, Times: 2}, {Sender: 421, Times: 2},
		}[d.r.IntN(6)]
		all = append(all, event{at, func() { d.mail.Fault(f); d.events["mail faults"]++ }})
	})
	some(60, 0.9, func(at time.Time) { all = append(all, event{at, d.spoil}) })
	some(30, 0.9, func(at time.Time) { all = append(all, event{at, d.relist}) })
	some(4, 0.95, func(at time.Time) {
		all = append(all, event{at, func() { d.daemon.Process.Signal(syscall.SIGHUP); d.events["reloads"]++ }})
	})
	d.play(from, to, all, 2)
}

// play lets the events happen at their times while the mall changes every few
// minutes, and measures memory every hour.
func (d *day) play(from, to time.Time, all []event, every int) {
	slices.SortStableFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	step := time.Duration(every) * time.Minute / time.Duration(d.speed)
	hour := time.Hour / time.Duration(d.speed)
	changed, measured := from, from
	for {
		now := time.Now()
		next := slices.MinFunc([]time.Time{changed, measured, to}, time.Time.Compare)
		if len(all) > 0 && all[0].at.Before(next) {
			next = all[0].at
		}
		time.Sleep(next.Sub(now))
		switch {
		case len(all) > 0 && !all[0].at.After(next):
			all[0].do()
			all = all[1:]
		case !measured.After(next):
			d.measure(int(measured.Sub(from) / hour))
			measured = measured.Add(max(hour/4, min(hour, to.Sub(from)/8)))
		case !changed.After(next):
			d.change()
			changed = changed.Add(step)
		default:
			return
		}
	}
}

// change changes one thing in the mall, each product once.
func (d *day) change() {
	s := d.stalls[d.r.IntN(len(d.stalls))]
	if len(s.kept) == 0 || d.r.IntN(4) == 0 {
		s.next++
		p := fixtures.Product{ID: fmt.Sprintf("9%s%07d", s.name[4:], s.next), Title: fmt.Sprintf("新到 %s 第%d款 %x", s.name, s.next, d.r.Uint32()), Price: "59.00"}
		d.truth[fact{s.name, "added", p.ID}] = deed{at: time.Now(), want: p.Price}
		s.Put(p)
		return
	}
	i := d.r.IntN(len(s.kept))
	id := s.kept[i]
	s.kept = slices.Delete(s.kept, i, i+1)
	now := time.Now()
	switch d.r.IntN(5) {
	case 0, 1:
		how := fixtures.Absences[d.r.IntN(len(fixtures.Absences))]
		d.truth[fact{s.name, "removed", id}] = deed{at: now, absence: how}
		s.Take(id, how)
	case 2:
		var price string
		s.Update(id, func(p *fixtures.Product) {
			// Less than ten times, so that it is believed at once.
			f, _ := strconv.ParseFloat(p.Price, 64)
			price = fmt.Sprintf("%.2f", f*(1.1+d.r.Float64()))
			p.Price = price
		})
		d.truth[fact{s.name, "repriced", id}] = deed{at: now, want: price}
	case 3:
		title := fmt.Sprintf("改名 %s %x", id, d.r.Uint32())
		s.Update(id, func(p *fixtures.Product) { p.Title = title })
		d.truth[fact{s.name, "retitled", id}] = deed{at: now, want: title}
	case 4:
		// The same picture at another address is no change.
		s.Update(id, func(p *fixtures.Product) { p.Upload++ })
	}
}

// relist puts a product back on the shelf whose removal both channels know.
func (d *day) relist() {
	told := map[fact]int{}
	for _, l := range d.deliveries() {
		for _, row := range l.rows {
			told[row.fact()]++
		}
	}
	for _, s := range d.stalls {
		for f := range d.truth {
			back := fact{f.storefront, "relisted", f.id}
			if _, done := d.truth[back]; f.storefront == s.name && f.kind == "removed" && !done && told[f] >= 2 {
				d.truth[back] = deed{at: time.Now()}
				s.Return(f.id)
				return
			}
		}
	}
}

// wall puts a wall up for a while.
func (d *day) wall(while time.Duration) func() {
	from := time.Now()
	name := []string{"login", "slider", "deny"}[d.r.IntN(3)]
	if name == "login" {
		d.mall.RequireLogin(true)
	} else {
		d.mall.Fault(fixtures.Fault{Name: name})
	}
	d.events["walls"]++
	return func() {
		d.mall.RequireLogin(false)
		d.mall.Heal()
		d.walls = append(d.walls, span{from, time.Now(), name})
	}
}

// spoil lets a page of a storefront go wrong once or twice.
func (d *day) spoil() {
	s := d.stalls[d.r.IntN(len(d.stalls))]
	for range 100 {
		k := fixtures.Faults[d.r.IntN(len(fixtures.Faults))]
		place := k.Places[d.r.IntN(len(k.Places))]
		layout := fixtures.Classic
		s.Set(func(d *fixtures.Shop) { layout = d.Layout })
		// Walls are put up for all at once: see wall. A list that truly moves
		// is no spoiled page.
		if !k.Strikes(layout, place) || place == fixtures.ItemPage ||
			slices.ContainsFunc(slices.Concat(k.Lasts, k.Once), func(v string) bool { return v == "login" || v == "blocked" || v == "gone" }) {
			continue
		}
		s.Fault(fixtures.Fault{Name: k.Name, Place: place, Times: 1 + d.r.IntN(2), Delay: 8 * time.Second})
		d.events["spoiled pages"]++
		return
	}
}

// crash kills Chrome, or one of its renderers.
func (d *day) crash(kind string) {
	for pid, k := range d.chromes() {
		if k == kind {
			syscall.Kill(pid, syscall.SIGKILL)
			d.events["crashes of Chrome"]++
			return
		}
	}
}

// chromes are the processes of the daemon's Chrome, also of one that was left
// behind, with their kind ("" for the first of them).
func (d *day) chromes() map[int]string {
	kinds, parents, all := map[int]string{}, map[int]int{}, map[int]string{}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		b, _ := os.ReadFile(path)
		stat, err := os.ReadFile(filepath.Join(filepath.Dir(path), "stat"))
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		// The name in parentheses may hold anything; state and parent follow.
		parents[pid], _ = strconv.Atoi(string(bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])[1]))
		_, kind, _ := strings.Cut(strings.ReplaceAll(string(b), "\x00", " "), "--type=")
		kinds[pid], _, _ = strings.Cut(kind, " ")
		if bytes.Contains(b, []byte(filepath.Join(d.dir, "data", "profile"))) {
			all[pid] = kinds[pid]
		}
	}
	for pid := range kinds {
		for up := parents[pid]; up > 1; up = parents[up] {
			if _, chrome := all[up]; chrome {
				all[pid] = kinds[pid]
			}
		}
	}
	return all
}
