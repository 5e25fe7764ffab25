//go:build unix

package fleet_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/pgtest"
)

// A nemesis does bad things to a crew and its server.
type nemesis struct {
	*crew
	r     *rand.Rand
	mall  *fixtures.Mall
	shops []*fixtures.Storefront
	loads []fixtures.Request // the mall's own log
	blows []blow
}

// A blow is an event that struck a worker.
type blow struct {
	event      string
	worker     int
	began, end time.Time
}

// TestNemesis kills workers, freezes them for longer than their lease, cuts them off
// from the database, crashes that, and sets their clocks: each has a wrong one of its
// own, which is another time again when it wakes. Two of them have a Chrome, two go
// through a pooler.
func TestNemesis(t *testing.T) {
	t.Parallel()
	events, r := pgtest.Nemesis(t, pgtest.Event{Name: "kill", Times: 3}, pgtest.Event{Name: "freeze", Times: 1},
		pgtest.Event{Name: "crash", Times: 1}, pgtest.Event{Name: "partition", Times: 1}, pgtest.Event{Name: "jump", Times: 3})
	n := newNemesis(t, r)
	n.progress()
	slowest := make(map[string]time.Duration)
	began, said := time.Now(), time.Now()
	for i, event := range events {
		time.Sleep(time.Duration(r.Int64N(int64(100 * time.Millisecond))))
		n.sell()
		n.strike(event)
		if r.IntN(4) > 0 { // else the next one comes on top of it
			slowest[event] = max(slowest[event], n.progress())
		}
		if time.Since(said) > time.Minute {
			said = time.Now()
			t.Logf("%d of %d events", i+1, len(events))
		}
	}
	n.progress()
	until(t, "a Chrome asks for a page", func() bool { // a busy machine may have let the others be first each time
		n.loads = append(n.loads, n.mall.Take()...)
		return testing.Short() || slices.ContainsFunc(n.loads, func(l fixtures.Request) bool { return l.Document })
	})
	t.Logf("%d events in %v; longest until a scan was kept, with a lease of %v: %v", len(events), time.Since(began).Round(time.Second), shortTime, slowest)
	n.kill(0)
	n.start(0) // is told to end while it begins
	n.end()
	n.account()
}

// newNemesis opens a mall of four storefronts, which are due every second, and has a
// crew of four scan them, two by a Chrome.
func newNemesis(t *testing.T, r *rand.Rand) *nemesis {
	t.Helper()
	n := &nemesis{r: r}
	ahead := n.off()
	t.Logf("the clock of the database is ahead by %v", ahead)
	n.crew = newCrew(t, ahead)
	var err error
	n.mall, err = fixtures.NewMall()
	must(t, err)
	t.Cleanup(func() { must(t, n.mall.Close()) })
	var list []fixtures.Product
	for i := range crewProducts {
		list = append(list, fixtures.Product{ID: crewID(i), Title: fmt.Sprint("product ", i), Price: "1000.00"})
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{Handler: n.mall}
	go server.Serve(plain)
	t.Cleanup(func() { must(t, server.Close()) })

	p := place{Storefronts: 4, Gates: 2, Every: time.Second, Mall: plain.Addr().String()}
	for i := range p.Storefronts {
		n.shops = append(n.shops, n.mall.Open(fixtures.Shop{Host: crewHost(i), PageSize: crewProducts / crewPages, PerRow: 2, Delay: -1, Products: list}))
	}
	pooler, err := n.server.Pooler(t, n.name)
	if errors.Is(err, pgtest.ErrNoPooler) && os.Getenv("CI") == "" {
		t.Logf("no worker goes through a pooler: %v", err)
	} else {
		must(t, err)
		_, pooler, _ = strings.Cut(pooler, "@")
		pooler, _, _ = strings.Cut(pooler, "/")
	}
	for i := range 4 {
		if p.Flags = nil; i%2 == 1 && !testing.Short() {
			p.Flags, p.Profile = n.mall.Flags(), filepath.Join(t.TempDir(), "profile")
		}
		if p.Off, p.Pooler = n.off(), ""; i > 1 {
			p.Pooler = pooler
		}
		n.add(p)
	}
	return n
}

// off is how wrong a clock is.
func (n *nemesis) off() time.Duration {
	return time.Duration(n.r.Int64N(int64(4*time.Hour)) - int64(2*time.Hour)).Truncate(time.Second)
}

// sell gives a product of each storefront another price.
func (n *nemesis) sell() {
	for _, s := range n.shops {
		s.Update(crewID(n.r.IntN(crewProducts)), func(p *fixtures.Product) { p.Price = fmt.Sprintf("%d.00", 1000+n.r.IntN(500)) })
	}
}

// strike lets an event happen to a worker.
func (n *nemesis) strike(event string) {
	n.t.Helper()
	i := n.r.IntN(len(n.workers))
	longer := shortTime + time.Duration(n.r.Int64N(int64(shortTime)))
	b := blow{event: event, worker: i, began: time.Now()}
	switch event {
	case "kill":
		n.kill(i)
		n.start(i)
	case "freeze":
		must(n.t, n.workers[i].Process.Signal(syscall.SIGSTOP))
		time.Sleep(longer)
		n.jump(i, n.off())
		must(n.t, n.workers[i].Process.Signal(syscall.SIGCONT))
	case "jump":
		n.jump(i, n.off())
	case "partition":
		must(n.t, n.links[i].Cut())
		time.Sleep(longer)
		must(n.t, n.links[i].Mend())
	case "crash":
		must(n.t, n.server.Stop(syscall.SIGQUIT))
		must(n.t, n.server.Run())
	}
	b.end = time.Now()
	n.blows = append(n.blows, b)
}

// progress waits until a scan is kept, and returns how long that took.
func (n *nemesis) progress() time.Duration {
	n.t.Helper()
	n.loads = append(n.loads, n.mall.Take()...)
	kept := func() int { return n.count("select count(*) from scans") }
	began, before := time.Now(), kept()
	until(n.t, "a scan is kept", func() bool { return kept() > before })
	return time.Since(began)
}

// account checks what came of it, apart from the system.
func (n *nemesis) account() {
	n.t.Helper()
	channels := "unnest('{" + strings.Join(crewChannels, ",") + "}'::text[]) c"
	for what, sql := range map[string]string{
		"slots that were kept without a scan, or scans without a slot": `select abs((select count(*) from slots where scan is not null) - (select count(*) from scans))`,
		"slots that are neither done for a reason nor with a scan":     `select count(*) from slots where done is not null and scan is null and reason is null`,
		"slots with two scans":                                             `select count(*) from (select 1 from slots where scan is not null group by storefront, scan having count(*) > 1) x`,
		"schedules' slots in the future":                                   `select count(*) from slots where kind = 'schedule' and slot > clock_timestamp()`,
		"scans that began before they were taken, or after they were kept": `select count(*) from slots where scan not between date_trunc('milliseconds', taken) and done`,
		"changes at a time when nobody scanned":                            `select count(*) from changes n where not exists (select from slots s where s.storefront = n.storefront and n.at between s.taken and s.done)`,
		"slots that are lost":                                              `select count(*) from slots where done is null and slot < (select max(slot) from slots) - interval '1 minute'`,
		"changes told twice":                                               `select count(*) from (select seq from told t join reports r on r.id = t.report group by seq, channel having count(*) > 1) x`,
		"gaps in the log":                                                  `select coalesce(max(seq), 0) - count(*) from changes`,
		"changes that were passed over":                                    `select count(*) from changes n, ` + channels + ` where seq <= (select told from channels where name = c) and not exists (select from told t join reports r on r.id = t.report where t.seq = n.seq and r.channel = c)`,
	} {
		if k := n.count(sql); k != 0 {
			n.t.Errorf("%d %s", k, what)
		}
	}
	scripted, chrome := n.pace()
	if !testing.Short() && chrome == 0 {
		n.t.Error("no page was asked for by a Chrome")
	}
	n.t.Logf("%d slots, %d with a scan, %d of these complete; %d scans cut short; %d changes, told %d times; %d pages, %d of them by a Chrome",
		n.count("select count(*) from slots"), n.count("select count(*) from scans"), n.count("select count(*) from scans where complete"), n.count("select sum(cut) from slots"),
		n.count("select count(*) from changes"), n.count("select count(*) from told"), scripted+chrome, chrome)
}

// pace checks the time between two pages behind each gate by the mall's log, and
// counts the pages.
func (n *nemesis) pace() (scripted, chrome int) {
	n.t.Helper()
	n.loads = append(n.loads, n.mall.Take()...)
	last := make(map[string]fixtures.Request) // by gate
	plans := n.places[0].plans()
	for _, l := range n.loads {
		if l.Kind != "shell" && l.Kind != "list" {
			continue
		}
		gate := plans[slices.IndexFunc(n.shops, func(s *fixtures.Storefront) bool { return s.Host() == l.Host })].Gate
		before := last[gate]
		switch { // a page is a document, or a list that a page turn brings
		case l.Kind == "list" && before.Document && before.Host == l.Host && max(l.Page, 1) == max(pageNo(before), 1):
			continue // of that document
		case l.Kind == "list", l.Document:
			chrome++
		default:
			scripted++
		}
		if gap := l.At.Sub(before.At); gap < crewPace {
			n.t.Errorf("%s was asked for %v after %s, behind the same gate, want %v; %s", l.URL(), gap, before.URL(), crewPace, n.lately(l.At))
		}
		last[gate] = l
	}
	return scripted, chrome
}

// pageNo is the page that a document is asked for; 0 when the address names none.
func pageNo(r fixtures.Request) int {
	q, err := url.ParseQuery(r.Query)
	if err != nil {
		return 0
	}
	k, _ := strconv.Atoi(q.Get("pageNo"))
	return k
}

// lately are the events of the three seconds before a time.
func (n *nemesis) lately(at time.Time) string {
	said := "before it"
	for _, b := range n.blows {
		if b.began.Before(at) && b.end.After(at.Add(-3*time.Second)) {
			said += fmt.Sprintf(" %s of worker %d from %v to %v,", b.event, b.worker, at.Sub(b.began).Round(time.Millisecond), at.Sub(b.end).Round(time.Millisecond))
		}
	}
	return strings.TrimSuffix(said, ",")
}
