package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/fixtures"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/schedule"
)

// A calendar is what a day is measured by that passes faster than a real one.
// The daemon's clock is the ordinary one; its schedules are looked up in the
// calendar, and the waits that nobody configures are shorter.
type calendar struct {
	midnight time.Time // of the calendar
	began    time.Time // when it was midnight
	speed    int
}

func (c calendar) date(t time.Time) time.Time {
	return c.midnight.Add(t.Sub(c.began) * time.Duration(c.speed))
}

func (c calendar) instant(date time.Time) time.Time {
	return c.began.Add(date.Sub(c.midnight) / time.Duration(c.speed))
}

// A fast schedule is one of the calendar.
type fast struct {
	schedule.Schedule
	c calendar
}

func (f fast) Next(t time.Time) time.Time {
	date := f.Schedule.Next(f.c.date(t))
	if date.IsZero() {
		return date
	}
	return f.c.instant(date)
}

// read reads a configuration as one of the calendar.
func (c calendar) read(file string) (*config.Config, error) {
	conf, err := config.Load(file)
	if err == nil {
		c.adapt(conf)
	}
	return conf, err
}

// adapt makes a configuration one of the calendar.
func (c calendar) adapt(config *config.Config) {
	for i := range config.Storefronts {
		sf := &config.Storefronts[i]
		sf.When = fast{sf.When, c}
	}
	for i := range config.Channels {
		if ch := &config.Channels[i]; ch.Digest != nil {
			ch.Digest = fast{ch.Digest, c}
		}
	}
}

// String is the calendar as runFast reads it.
func (c calendar) String() string {
	b, _ := json.Marshal([]int64{c.midnight.UnixMilli(), c.began.UnixMilli(), int64(c.speed)})
	return string(b)
}

// runFast is the program in a process of its own, with the calendar of
// SHOPWATCH_TEST_CALENDAR: the daemon as it is shipped, with other schedules.
func runFast(text string) int {
	var v []int64
	if err := json.Unmarshal([]byte(text), &v); err != nil || len(v) != 3 {
		fmt.Fprintln(os.Stderr, "no calendar:", text)
		return 1
	}
	c := calendar{time.UnixMilli(v[0]), time.UnixMilli(v[1]), int(v[2])}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := faster(c.speed)
	t.PageRetry = 200 * time.Millisecond
	a := &app{file: os.Args[1], out: os.Stdout, err: os.Stderr, timing: t, read: c.read, servers: &servers{}}
	if err := (&runCommand{}).Run(ctx, a); err != nil {
		fmt.Fprintln(os.Stderr, "shopwatch:", err)
		return 1
	}
	return 0
}

// A span is a time in which something held.
type span struct {
	from, to time.Time
	why      string
}

// A fact is something that truly changed in the mall, and is to be told once
// to each channel.
type fact struct {
	storefront, kind, id string
}

// A deed is when a fact came true, and what is to be told of it.
type deed struct {
	at      time.Time
	want    string           // the price or the title that is told
	absence fixtures.Absence // of one that was taken
}

// A stall is a storefront of the day.
type stall struct {
	*fixtures.Storefront
	name   string
	every  time.Duration // between two scans, by the calendar
	offset time.Duration // of the first after midnight
	cron   string
	kept   []string // products that nobody has touched yet
	next   int      // number of the next new one
}

// A day is the daemon's, and what its test does to it and knows of it.
type day struct {
	*world
	calendar
	r      *rand.Rand
	stalls []*stall
	daemon *exec.Cmd
	log    *log
	lives  []*log

	truth  map[fact]deed
	spans  []span // in which the daemon was down, or asleep
	walls  []span
	events map[string]int
	memory []string
	peak   int64   // of the daemon's memory, of all lives
	rss    []int64 // of the daemon without files, by hour, of the last life only
	since  time.Time
}

// TestDay lives through a day of a real daemon with a real Chrome, database and
// mail server, while the catalogs change and walls, crashes, mail outages and
// kills are thrown in. Its own account of what the mall showed and of what the
// mail server got says whether every scan that was due happened once or has a
// good reason, and whether every change was told once to each channel.
//
// An hour of six storefronts passes in 12 seconds; with SHOPWATCH_DAY=24, 24
// hours of 50 storefronts pass in 24 minutes (make day).
func TestDay(t *testing.T) {
	t.Parallel()
	hours, _ := strconv.Atoi(os.Getenv("SHOPWATCH_DAY"))
	speed, n := 60, 50
	if hours == 0 {
		hours, speed, n = 1, 300, 6
	}
	d := newDay(t, n, speed, hours == 1)
	d.start()
	d.baseline()
	from := time.Now()
	to := from.Add(time.Duration(hours) * time.Hour / time.Duration(d.speed))
	if hours == 1 {
		d.shortDay(from, to)
	} else {
		d.longDay(from, to)
	}
	d.evening()
	d.account(from, to)
}

func newDay(t *testing.T, n, speed int, short bool) *day {
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("SHOPWATCH_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("SHOPWATCH_SEED=%d", seed)
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	d := &day{
		world: newWorld(t), r: rand.New(rand.NewPCG(seed, 1)), truth: map[fact]deed{}, events: map[string]int{},
		calendar: calendar{midnight: time.Date(2026, 11, 11, 0, 0, 0, 0, zone), began: time.Now().Truncate(time.Millisecond), speed: speed},
	}
	layouts := []fixtures.Layout{fixtures.Classic, fixtures.Classic, fixtures.React, fixtures.CShop}
	var storefronts []any
	for i := range n {
		s := &stall{name: fmt.Sprintf("shop%02d", i+1)}
		switch hour := []int{1, 2, 2, 4, 4}[i%5]; {
		case short:
			s.every = []time.Duration{15, 20, 30}[i%3] * time.Minute
			s.cron = fmt.Sprintf("*/%d * * * *", int(s.every.Minutes()))
		case hour == 1:
			minute := i * 7 % 60
			s.every, s.offset = time.Hour, time.Duration(minute)*time.Minute
			s.cron = fmt.Sprintf("%d * * * *", minute)
		default:
			minute := i * 11 % 60
			s.every, s.offset = time.Duration(hour)*time.Hour, time.Duration(i%hour)*time.Hour+time.Duration(minute)*time.Minute
			s.cron = fmt.Sprintf("%d %d-23/%d * * *", minute, i%hour, hour)
		}
		size := 8 + i%5*3
		if i == 7 {
			size = 150
		}
		shop := fixtures.Shop{Host: s.name + ".tmall.com", Layout: layouts[i%4], Delay: -1, Products: fixtures.Catalogue(size, uint64(i)+100)}
		if shop.Layout == fixtures.CShop {
			shop.Host = fmt.Sprintf("shop%d.taobao.com", 70000001+i)
		}
		s.Storefront = d.mall.Open(shop)
		for _, p := range s.Products() {
			s.kept = append(s.kept, p.ID)
		}
		d.stalls = append(d.stalls, s)
		storefronts = append(storefronts, map[string]any{"name": s.name, "url": s.URL(), "schedule": s.cron})
	}
	channel := func(name, schedule string) map[string]any {
		return map[string]any{
			"name": name, "kind": "email", "server": d.mail.URL(), "plaintext": true, "schedule": schedule,
			"from": "shopwatch@example.com", "to": []string{name + "@example.com"},
			"kinds": tracker.Kinds,
		}
	}
	d.configure(map[string]any{
		"browser":     map[string]any{"pace": "0s", "page_timeout": "6s", "flags": d.mall.Flags()},
		"storefronts": storefronts,
		"channels":    []any{channel("scans", ""), channel("digest", "*/10 * * * *")},
	})
	t.Cleanup(func() {
		if d.daemon != nil {
			d.daemon.Process.Kill()
			d.daemon.Wait()
		}
		for pid := range d.chromes() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return d
}

// start starts the daemon.
func (d *day) start() {
	d.t.Helper()
	d.log = &log{said: make(chan bool)}
	d.lives = append(d.lives, d.log)
	d.daemon = exec.Command(os.Args[0], filepath.Join(d.dir, "shopwatch.yaml"))
	d.daemon.Env = append(os.Environ(), "SHOPWATCH_TEST_CALENDAR="+d.calendar.String())
	d.daemon.Stderr = d.log
	if err := d.daemon.Start(); err != nil {
		d.t.Fatal(err)
	}
	select {
	case <-d.log.said:
	case <-time.After(30 * time.Second):
		d.t.Fatalf("the daemon did not start:\n%s", d.log)
	}
	d.since, d.rss = time.Now(), nil
}

// down ends the daemon with a signal, and starts it again after a while by the
// calendar.
func (d *day) down(sig syscall.Signal, while time.Duration) {
	from := time.Now()
	d.daemon.Process.Signal(sig)
	err := d.daemon.Wait()
	if took := time.Since(from); sig == syscall.SIGTERM && (err != nil || took > 10*time.Second) {
		d.t.Errorf("after SIGTERM the daemon ended after %s: %v", took, err)
	}
	time.Sleep(while / time.Duration(d.speed))
	d.start()
	d.spans = append(d.spans, span{from, time.Now(), "down"})
	d.events[map[syscall.Signal]string{syscall.SIGKILL: "kills", syscall.SIGTERM: "restarts"}[sig]]++
}

// sleep lets the daemon stand still, as a machine that sleeps does.
func (d *day) sleep(while time.Duration) {
	from := time.Now()
	d.daemon.Process.Signal(syscall.SIGSTOP)
	time.Sleep(while / time.Duration(d.speed))
	d.daemon.Process.Signal(syscall.SIGCONT)
	d.spans = append(d.spans, span{from, time.Now(), "asleep"})
	d.events["suspends"]++
}

// baseline waits until every storefront was read completely.
func (d *day) baseline() {
	d.t.Helper()
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if got := len(d.complete()); got == len(d.stalls) {
			return
		} else if time.Now().After(end) {
			d.t.Fatalf("%d storefronts were read completely, want %d:\n%s", got, len(d.stalls), d.log)
		}
	}
}

// A said is a line of the log.
type said struct {
	Time, Waiting, Until                  time.Time
	Msg, Level, Storefront, Verdict, Gate string
	Reason                                string
	Retry                                 bool
}

// said is what the daemon logged in all its lives.
func (d *day) said() []said {
	var all []said
	for _, life := range d.lives {
		for line := range strings.Lines(life.String()) {
			var s said
			if json.Unmarshal([]byte(line), &s) == nil {
				all = append(all, s)
			}
		}
	}
	return all
}

// complete are the storefronts of which the log tells a complete scan.
func (d *day) complete() map[string]bool {
	all := map[string]bool{}
	for _, s := range d.said() {
		if s.Msg == "scanned" && s.Verdict == "complete" {
			all[s.Storefront] = true
		}
	}
	return all
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

// evening ends what went wrong, waits until all that is true was told, and ends
// the daemon.
func (d *day) evening() {
	d.mall.Heal()
	d.mall.RequireLogin(false)
	for _, s := range d.stalls {
		s.Heal()
	}
	d.mail.Fault(fixtures.MailFault{})
	if err := d.mail.Start(); err != nil {
		d.t.Error(err)
	}
	// Without proof of its page a product is missed three times.
	for range 5 {
		names := map[string]bool{}
		told := d.told()
		for f := range d.truth {
			if told["scans"][f] == 0 {
				names[f.storefront] = true
			}
		}
		if len(names) == 0 {
			break
		}
		args := []string{"scan"}
		for name := range names {
			args = append(args, name)
		}
		slices.Sort(args[1:])
		if out, errs, status := d.do(args...); status != 0 {
			d.t.Logf("shopwatch scan = %d, %s%s", status, out, errs)
		}
		d.do("mail", "retry")
		time.Sleep(500 * time.Millisecond)
	}
	for end := time.Now().Add(time.Hour / time.Duration(d.speed) * 2); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		told := d.told()
		if len(told["scans"]) == len(told["digest"]) && len(told["scans"]) > 0 {
			break
		}
	}
	began := time.Now()
	d.daemon.Process.Signal(syscall.SIGTERM)
	err := d.daemon.Wait()
	d.daemon = nil
	if took := time.Since(began); err != nil || took > 10*time.Second {
		d.t.Errorf("the daemon ended after %s with %v, want 10s at most and no error", took, err)
	}
	for pid, kind := range d.chromes() {
		d.t.Errorf("process %d of Chrome (%s) is left", pid, cmp.Or(kind, "the first"))
	}
}

// A row is a line of changes.csv.
type row map[string]string

func (r row) fact() fact { return fact{r["storefront"], r["kind"], strings.TrimPrefix(r["id"], "'")} }

// A delivery is what arrived under one Message-ID, however often.
type delivery struct {
	id, to string
	copies int
	rows   []row
}

// deliveries is what the mail server got.
func (d *day) deliveries() []*delivery {
	var all []*delivery
	for _, m := range d.mail.Mails() {
		msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
		if err != nil {
			d.t.Fatal(err)
		}
		l := &delivery{id: msg.Header.Get("Message-ID"), to: m.To[0], copies: 1, rows: d.rows(msg.Header.Get("Content-Type"), msg.Header.Get("Content-Transfer-Encoding"), msg.Body)}
		if i := slices.IndexFunc(all, func(o *delivery) bool { return o.id == l.id }); i >= 0 {
			all[i].copies++
			if all[i].to != l.to || fmt.Sprint(all[i].rows) != fmt.Sprint(l.rows) {
				d.t.Errorf("Message-ID %s came with two contents", l.id)
			}
			continue
		}
		all = append(all, l)
	}
	return all
}

// rows finds changes.csv in a part of a message.
func (d *day) rows(kind, encoding string, body io.Reader) []row {
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		d.t.Fatalf("%q: %v", kind, err)
	}
	if strings.HasPrefix(media, "multipart/") {
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if err != nil {
				return nil
			}
			if rows := d.rows(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p); rows != nil {
				return rows
			}
		}
	}
	if media != "text/csv" {
		return nil
	}
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		d.t.Fatal(err)
	}
	all, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff")))).ReadAll()
	if err != nil {
		d.t.Fatal(err)
	}
	var rows []row
	for _, cells := range all[1:] {
		r := row{}
		for i, c := range cells {
			r[all[0][i]] = c
		}
		rows = append(rows, r)
	}
	return rows
}

// told is how often each fact was told to each channel.
func (d *day) told() map[string]map[fact]int {
	all := map[string]map[fact]int{"scans": {}, "digest": {}}
	for _, l := range d.deliveries() {
		channel, _, _ := strings.Cut(l.to, "@")
		for _, r := range l.rows {
			all[channel][r.fact()]++
		}
	}
	return all
}

// measure notes the memory of the daemon and of Chrome.
func (d *day) measure(hour int) {
	st := status(d.daemon.Process.Pid)
	d.rss = append(d.rss, st["RssAnon"])
	d.peak = max(d.peak, st["VmHWM"])
	var chrome int64
	chromes := d.chromes()
	for pid := range chromes {
		chrome += pss(pid)
	}
	d.memory = append(d.memory, fmt.Sprintf("%4d  %5.1f  %5.1f  %5.1f  %9s  %5d  %6.0f", hour,
		mib(st["VmRSS"]), mib(st["RssAnon"]), mib(st["VmHWM"]), time.Since(d.since).Round(time.Second), len(chromes), mib(chrome)))
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// status reads the sizes in /proc/PID/status, in bytes.
func status(pid int) map[string]int64 {
	all := map[string]int64{}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[2] == "kB" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			all[strings.TrimSuffix(f[0], ":")] = n << 10
		}
	}
	return all
}

// pss is the share of memory that a process has, in bytes.
func pss(pid int) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

// account compares what is known of the mall, of the mails and of the daemon.
func (d *day) account(from, to time.Time) {
	db, err := bolt.Open(filepath.Join(d.dir, "data", "shopwatch.db"), bolt.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	if err := db.Check(d.t.Context()); err != nil {
		d.t.Error(err)
	}
	var report strings.Builder
	fmt.Fprintf(&report, "\na day of %d storefronts, %d times faster: %s to %s\n", len(d.stalls), d.speed,
		d.date(from).Format("15:04"), d.date(to).Format("15:04"))
	for _, what := range slices.Sorted(mapKeys(d.events)) {
		fmt.Fprintf(&report, "  %-20s %d\n", what, d.events[what])
	}
	d.accountScans(db, from, to, &report)
	d.accountChanges(db, &report)
	fmt.Fprintf(&report, "memory in MiB (the daemon's: resident, of that its own, peak since its start)\nhour  resid    own   peak    running  Chrome processes and memory\n%s\n",
		strings.Join(d.memory, "\n"))
	if d.peak > 64<<20 {
		d.t.Errorf("the daemon took %.1f MiB, want 64 at most", mib(d.peak))
	}
	if n := len(d.rss); n >= 4 {
		// Up to ownMemory it may grow: garbage waits there to be collected.
		if first, last := slices.Max(d.rss[:2]), d.rss[n-1]; last > max(first, ownMemory)+(8<<20) {
			d.t.Errorf("the daemon's own memory grew from %.1f to %.1f MiB", mib(first), mib(last))
		}
	}
	d.t.Log(report.String())
	if d.t.Failed() {
		for _, life := range d.lives {
			d.t.Log(life.String())
		}
	}
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// unseen is how long nothing may be seen to keep the daemon from a scan that is
// due: one that is killed while its Chrome starts has asked nothing and left no
// record.
const unseen = 5 * time.Second

// accountScans goes through every time at which a storefront was due.
func (d *day) accountScans(db *bolt.DB, from, to time.Time, report io.Writer) {
	records := map[string][]tracker.Scan{}
	spans := slices.Clone(d.spans)
	for _, s := range d.stalls {
		all, err := db.Scans(d.t.Context(), storage.ScanQuery{Storefront: tracker.StorefrontName(s.name), Limit: 10_000})
		if err != nil {
			d.t.Fatal(err)
		}
		slices.SortFunc(all, func(a, b tracker.Scan) int { return a.Began.Compare(b.Began) })
		records[s.name] = all
		for _, r := range all {
			spans = append(spans, span{r.Began, r.Began.Add(r.Took), "busy"})
		}
	}
	// A scan that was cut short left no record, but the mall was asked.
	for _, q := range d.mall.Requests() {
		spans = append(spans, span{q.At.Add(-time.Second), q.At.Add(time.Second), "busy"})
	}
	for _, s := range d.said() {
		switch {
		case s.Msg == "scanned" && !s.Waiting.IsZero():
			spans = append(spans, span{s.Time, s.Waiting, "cooling"})
		case s.Msg == "left alone after a wall":
			spans = append(spans, span{s.Time, s.Until, "cooling"})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })

	due, scanned, extra := 0, 0, map[string]int{}
	missed := map[string]int{}
	verdicts := map[tracker.Verdict]int{}
	var late []time.Duration
	for _, s := range d.stalls {
		jitter := d.jitter(s, records[s.name])
		every := s.every / time.Duration(d.speed)
		begin := d.instant(d.midnight.Add(s.offset)).Add(jitter)
		for begin.Before(from) {
			begin = begin.Add(every)
		}
		for ; !begin.Add(every).After(to); begin = begin.Add(every) {
			due++
			end := begin.Add(every)
			var in []tracker.Scan
			for _, r := range records[s.name] {
				if !r.Began.Before(begin.Add(-5*time.Millisecond)) && r.Began.Before(end.Add(-5*time.Millisecond)) {
					in = append(in, r)
					verdicts[r.Verdict]++
				}
			}
			upto := end
			if len(in) > 0 {
				scanned++
				upto = in[0].Began
				late = append(late, upto.Sub(begin))
			}
			idle, why := explain(begin, upto, spans)
			if idle > unseen {
				d.t.Errorf("%s was due at %s, and %s nothing kept the daemon from scanning it until %s (%d scans)",
					s.name, d.date(begin).Format("15:04:05"), idle.Round(time.Millisecond), d.date(upto).Format("15:04:05"), len(in))
			}
			if len(in) == 0 {
				missed[why]++
			}
			for i := 1; i < len(in); i++ {
				if in[i-1].Verdict != tracker.Failed {
					d.t.Errorf("%s was scanned at %s (%s, %s) and again at %s, though it was due once", s.name,
						d.date(in[i-1].Began).Format("15:04:05"), in[i-1].Verdict, in[i-1].Reason, d.date(in[i].Began).Format("15:04:05"))
				}
				extra["again after a failure"]++
			}
		}
		for _, r := range records[s.name] {
			for _, w := range d.walls {
				if r.Verdict == tracker.Complete && r.Evidence.Opened > 0 && r.Began.After(w.from) && r.Began.Add(r.Took).Before(w.to) {
					d.t.Errorf("%s: a complete scan at %s, behind a wall (%s)", s.name, d.date(r.Began).Format("15:04:05"), w.why)
				}
			}
		}
	}
	slices.Sort(late)
	fmt.Fprintf(report, "scans due            %d\n  happened           %d", due, scanned)
	if len(late) > 0 {
		fmt.Fprintf(report, " (begun after %s at the median, %s at most, by the calendar)",
			(late[len(late)/2] * time.Duration(d.speed)).Round(time.Second), (late[len(late)-1] * time.Duration(d.speed)).Round(time.Second))
	}
	fmt.Fprintln(report)
	for _, why := range slices.Sorted(mapKeys(missed)) {
		fmt.Fprintf(report, "  %-18s %d\n", why, missed[why])
		due -= missed[why]
	}
	if due != scanned {
		d.t.Errorf("%d scans are accounted for neither way", due-scanned)
	}
	for _, why := range slices.Sorted(mapKeys(extra)) {
		fmt.Fprintf(report, "  %-18s %d\n", why, extra[why])
	}
	for v, n := range verdicts {
		fmt.Fprintf(report, "    %-16s %d\n", v, n)
	}
	d.accountEpisodes(records, report)
}

// jitter is how much later than scheduled a storefront is scanned: the daemon
// says so, when it says what it watches.
func (d *day) jitter(s *stall, records []tracker.Scan) time.Duration {
	every := s.every / time.Duration(d.speed)
	first := d.instant(d.midnight.Add(s.offset))
	for _, line := range d.watching() {
		if line.Storefront != s.name || line.Next.IsZero() || line.Last.IsZero() {
			continue
		}
		return (line.Next.Sub(first)%every + every) % every
	}
	// It never waited when the daemon started: the earliest of its scans.
	least := every
	for _, r := range records[1:] {
		least = min(least, (r.Began.Sub(first)%every+every)%every)
	}
	return least
}

type watching struct {
	Time, Next, Last time.Time
	Msg, Storefront  string
}

func (d *day) watching() []watching {
	var all []watching
	for _, life := range d.lives {
		for line := range strings.Lines(life.String()) {
			var w watching
			if json.Unmarshal([]byte(line), &w) == nil && w.Msg == "watching" {
				all = append(all, w)
			}
		}
	}
	return all
}

// explain says for how long at a stretch nothing kept the daemon from scanning,
// and what kept it longest.
func explain(from, to time.Time, spans []span) (idle time.Duration, why string) {
	most := map[string]time.Duration{}
	at := from
	for _, s := range spans {
		if !s.to.After(from) || !s.from.Before(to) {
			continue
		}
		begin, end := s.from, s.to
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		most[s.why] += end.Sub(begin)
		if begin.After(at) {
			idle = max(idle, begin.Sub(at))
		}
		if end.After(at) {
			at = end
		}
	}
	idle = max(idle, to.Sub(at))
	for _, w := range []string{"down", "asleep", "cooling", "busy"} {
		if most[w] > most[why] {
			why = w
		}
	}
	return idle, why
}

// accountEpisodes compares the stalled and recovered that were told with the
// scans: three in a row that were not complete, tries again left out.
func (d *day) accountEpisodes(records map[string][]tracker.Scan, report io.Writer) {
	total := map[string]int{}
	told := map[string]map[string]int{"scans": {}, "digest": {}}
	for _, l := range d.deliveries() {
		channel, _, _ := strings.Cut(l.to, "@")
		for _, r := range l.rows {
			if r["kind"] == "stalled" || r["kind"] == "recovered" || r["kind"] == "closed" {
				told[channel][r["storefront"]+" "+r["kind"]]++
			}
		}
	}
	for name, all := range records {
		bad, stalled := 0, false
		for i, r := range all {
			switch {
			case r.Verdict == tracker.Complete:
				if stalled {
					total[name+" recovered"]++
				}
				bad, stalled = 0, false
			case i > 0 && all[i-1].Verdict == tracker.Failed && d.tried(name, r):
			default:
				if bad++; bad >= 3 && !stalled {
					stalled = true
					total[name+" stalled"]++
				}
			}
		}
	}
	sum := 0
	for _, n := range total {
		sum += n
	}
	for channel, got := range told {
		for _, key := range slices.Sorted(mapKeys(got)) {
			if got[key] != total[key] {
				d.t.Errorf("channel %s was told %d times %s, want %d", channel, got[key], key, total[key])
			}
		}
		for _, key := range slices.Sorted(mapKeys(total)) {
			if got[key] == 0 {
				d.t.Errorf("channel %s was not told %s", channel, key)
			}
		}
	}
	fmt.Fprintf(report, "stalled, recovered   %d\n", sum)
}

// tried reports whether the daemon says that a scan tried one again that failed.
func (d *day) tried(name string, r tracker.Scan) bool {
	end := r.Began.Add(r.Took)
	for _, s := range d.said() {
		if s.Msg == "scanned" && s.Retry && s.Storefront == name && s.Time.Sub(end).Abs() < time.Second {
			return true
		}
	}
	return false
}

// accountChanges compares what was true with what the mails say.
func (d *day) accountChanges(db *bolt.DB, report io.Writer) {
	told := d.told()
	deliveries := d.deliveries()
	for channel, got := range told {
		for f, n := range got {
			_, is := d.truth[f]
			switch {
			case f.kind == "stalled" || f.kind == "recovered":
			case !is:
				d.t.Errorf("channel %s was told that %s is %s in %s, which is not so", channel, f.id, f.kind, f.storefront)
			case n > 1:
				d.t.Errorf("channel %s was told %d times that %s is %s in %s", channel, n, f.id, f.kind, f.storefront)
			}
		}
		for f, is := range d.truth {
			if got[f] == 0 {
				d.t.Errorf("channel %s was not told that %s is %s in %s since %s (%s)", channel, f.id, f.kind, f.storefront, d.date(is.at).Format("15:04:05"), is.absence)
			}
		}
	}
	copies, seqs := 0, map[string]string{}
	for _, l := range deliveries {
		copies += l.copies - 1
		for _, r := range l.rows {
			if other := seqs[l.to+r["seq"]]; other != "" {
				d.t.Errorf("change %s was told to %s in %s and in %s", r["seq"], l.to, other, l.id)
			}
			seqs[l.to+r["seq"]] = l.id
			is := d.truth[r.fact()]
			switch proof := r["proof"]; {
			case r["kind"] == "removed" && !proven(is.absence, proof):
				d.t.Errorf("%s of %s was removed with proof %q, its page says %s", r["id"], r["storefront"], proof, is.absence)
			case (r["kind"] == "added" || r["kind"] == "repriced") && r["price"] != is.want,
				r["kind"] == "retitled" && r["title"] != is.want:
				d.t.Errorf("%s of %s is told as %s (%s, %s), want %s", r["id"], r["storefront"], r["kind"], r["price"], r["title"], is.want)
			}
		}
	}
	changes, err := db.Changes(d.t.Context(), storage.Query{Limit: 1_000_000})
	if err != nil {
		d.t.Fatal(err)
	}
	kinds := map[string]int{}
	for f := range d.truth {
		kinds[f.kind]++
	}
	fmt.Fprintf(report, "true changes         %d %v\n  in the log         %d (with stalled and recovered)\n", len(d.truth), kinds, len(changes))
	for _, channel := range []string{"scans", "digest"} {
		fmt.Fprintf(report, "  told to %-10s %d\n", channel, len(told[channel]))
	}
	fmt.Fprintf(report, "mails                %d under %d Message-IDs, %d of them again under the same\n", len(d.mail.Mails()), len(deliveries), copies)
}

// proven reports whether a proof is one that the product's page can give. A
// page that could not be read for three scans proves nothing, and says so.
func proven(how fixtures.Absence, proof string) bool {
	switch how {
	case fixtures.StillSold:
		return proof == "unlisted" || proof == "unseen"
	case fixtures.OffShelf, fixtures.OffShelfOld:
		return proof == "offshelf" || proof == "unseen"
	}
	return proof == "gone" || proof == "unseen"
}
