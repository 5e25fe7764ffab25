package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
)

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
