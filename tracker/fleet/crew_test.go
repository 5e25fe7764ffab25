//go:build unix

package fleet_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures/clocktest"
	"shopwatch/fixtures/deadline"
	"shopwatch/fixtures/pgtest"
	"shopwatch/storage"
	"shopwatch/storage/postgres"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fleet"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
	"shopwatch/tracker/watch"
)

// A worker of a crew is this program with its place in the environment.
const workerAt = "SHOPWATCH_TEST_WORKER"

// A place is that of a worker of a crew.
type place struct {
	Name, Database string
	Storefronts    int
	Gates          int
	Every          time.Duration // between two scans of a storefront
	Lease, Tick    time.Duration // as in the options; zero for the same
	Takes          time.Duration // of a scan that asks for no page; zero: it asks the mall for pages
	Pooler         string        // through which it reaches the server; empty for none
	Off            time.Duration // by which its clock is ahead; zero for a right one, which cannot jump

	Mall    string         // where pages are asked for without a Chrome
	Flags   map[string]any // of the Chrome; nil for scripted scans
	Profile string         // of the Chrome
}

// plans are of storefronts of the mall.
func (p *place) plans() []watch.Plan {
	var names []string
	for i := range p.Storefronts {
		names = append(names, fmt.Sprint("s", i))
	}
	all := plans(p.Every, names...)
	for i := range all {
		all[i].Marketplace, all[i].Gate = "tmall", fmt.Sprint("tmall/", i%p.Gates)
		all[i].URL = "https://" + crewHost(i) + "/search.htm"
	}
	return all
}

func crewHost(i int) string { return fmt.Sprintf("crew%d.tmall.com", i) }

const (
	crewPace     = 50 * time.Millisecond // between two pages behind one gate
	crewProducts = 12                    // of each storefront
	crewPages    = 3                     // on which they stand
)

// crewChannels are told of every change.
var crewChannels = []string{"analysts", "press"}

func crewID(i int) string { return fmt.Sprint(910_000_000_000 + i) }

// worker is a daemon that scans storefronts and reports what it scanned.
func worker(at string) int {
	var w place
	if err := json.Unmarshal([]byte(at), &w); err != nil {
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var db *postgres.DB
	for db == nil {
		var err error
		if db, err = postgres.Open(ctx, w.Database, postgres.Options{Lease: w.Lease, Patience: 5 * time.Second}); err != nil {
			if ctx.Err() != nil {
				return 0 // told to end before it began
			}
			time.Sleep(20 * time.Millisecond) // the server may be down
		}
	}
	o := options(database{db}, w.Name, w.plans())
	o.Tick, o.Poll = w.Tick, min(w.Tick/5, time.Second)
	o.Egress, o.Channels, o.Pace = "office", crewChannels, func() time.Duration { return crewPace }
	o.Backoff = 100 * time.Millisecond
	var f *fleet.Fleet
	switch {
	case w.Takes > 0:
		o.Scan = func(ctx context.Context, _ tracker.Storefront, _ func(tracker.Progress)) *tracker.Scan {
			select {
			case <-time.After(w.Takes):
			case <-ctx.Done():
			}
			return complete(crewProducts)
		}
	case w.Flags == nil:
		o.Scan = func(ctx context.Context, sf tracker.Storefront, _ func(tracker.Progress)) *tracker.Scan {
			return w.scripted(ctx, f, sf)
		}
	default:
		chrome := browser.New(browser.Options{Profile: w.Profile, Flags: w.Flags})
		defer chrome.Close()
		scanner := scan.New(scan.Options{
			Markets: all.Markets(), Browser: chrome, PageTimeout: 10 * time.Second, Backoff: 20 * time.Millisecond,
			Pace: func(ctx context.Context, gate string) (func(), error) { return f.Pace(ctx, gate) },
		})
		o.Scan = func(ctx context.Context, sf tracker.Storefront, tell func(tracker.Progress)) *tracker.Scan {
			return scanner.Scan(ctx, sf, tracker.DefaultRules(), tell)
		}
	}
	o.Deliver = func(ctx context.Context, channel string) (time.Time, error) {
		if err := db.Join(ctx, channel); err != nil {
			return time.Time{}, err
		}
		_, err := storage.NextReports(ctx, db, channel, []string{"a@example.com"}, time.Now(), 0, func(pending []tracker.Change) []storage.Portion {
			var tell []uint64
			for _, c := range pending {
				tell = append(tell, c.Seq)
			}
			return []storage.Portion{{Take: len(pending), Tell: tell}}
		})
		return time.Time{}, err
	}
	var err error
	if f, err = fleet.New(o, slog.New(slog.DiscardHandler)); err != nil {
		return 1
	}
	if f.Run(ctx) != nil || db.Close() != nil {
		return 1
	}
	return 0
}

// scripted asks for the pages of a storefront, as a Chrome does, and finds its
// products, one of them at another price each time.
func (p *place) scripted(ctx context.Context, f *fleet.Fleet, sf tracker.Storefront) *tracker.Scan {
	for page := range crewPages {
		came, err := f.Pace(ctx, "")
		if err == nil {
			err = p.load(ctx, fmt.Sprintf("%s?pageNo=%d", sf.URL, page+1))
			came()
		}
		if err != nil {
			return failed(tracker.Failed)
		}
	}
	s := complete(crewProducts)
	for i := range s.Products {
		s.Products[i].ID = tracker.ProductID(crewID(i))
	}
	s.Products[0].Price.Low += time.Now().UnixMilli() % 1000
	s.Products[0].Price.High = s.Products[0].Price.Low
	return s
}

// load asks the mall for a page, over a connection of its own: a worker that is
// frozen leaves none behind.
func (p *place) load(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.Host, r.URL.Scheme, r.URL.Host, r.Close = r.URL.Host, "http", p.Mall, true
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// A crew are workers, each behind a link of its own, and their server.
type crew struct {
	t       testing.TB
	server  *pgtest.Cluster
	name    string // of the database
	db      database
	places  []place
	links   []*pgtest.Link
	clocks  []*clocktest.Clock // nil for a right one
	workers []*exec.Cmd        // nil where none runs
}

// newCrew starts a server whose clock is ahead of that of the workers.
func newCrew(t testing.TB, ahead time.Duration) *crew {
	t.Helper()
	if cluster == nil {
		t.Skip(pgtest.ErrNotInstalled)
	}
	server, err := pgtest.Start()
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	name := server.Skewed(t, ahead)
	return &crew{t: t, server: server, name: name, db: open(t, server.URL(name))}
}

// add starts one more worker.
func (c *crew) add(p place) {
	c.t.Helper()
	network, to := "unix", c.server.Socket()
	if p.Pooler != "" {
		network, to = "tcp", p.Pooler
	}
	i, link := len(c.places), pgtest.NewLink(c.t, network, to)
	p.Name = fmt.Sprint("worker", i)
	p.Database = "postgres://" + pgtest.User + "@" + link.Addr() + "/" + c.name + "?sslmode=disable"
	p.Lease, p.Tick = cmp.Or(p.Lease, shortTime), cmp.Or(p.Tick, shortTime/4)
	c.places, c.links, c.clocks, c.workers = append(c.places, p), append(c.links, link), append(c.clocks, nil), append(c.workers, nil)
	c.start(i)
	c.t.Cleanup(func() { c.kill(i) })
}

func (c *crew) start(i int) {
	c.t.Helper()
	at, err := json.Marshal(c.places[i])
	must(c.t, err)
	self, err := os.Executable()
	must(c.t, err)
	c.workers[i] = exec.Command(self)
	c.workers[i].Env = append(os.Environ(), workerAt+"="+string(at))
	c.workers[i].Stderr = os.Stderr
	if c.clocks[i], err = nil, errors.ErrUnsupported; c.places[i].Off != 0 {
		c.clocks[i], err = clocktest.Start(c.workers[i], c.places[i].Off)
	}
	if errors.Is(err, errors.ErrUnsupported) { // here, or nobody asks for it
		err = c.workers[i].Start()
	}
	must(c.t, err)
}

// jump sets the clock of a worker that does not have a right one.
func (c *crew) jump(i int, off time.Duration) {
	c.t.Helper()
	c.places[i].Off = off
	if c.clocks[i] != nil {
		must(c.t, c.clocks[i].Set(off))
	}
}

func (c *crew) kill(i int) {
	if c.workers[i] != nil {
		_ = c.workers[i].Process.Kill()
		_ = c.workers[i].Wait() // it was killed
		c.workers[i] = nil
	}
}

// end tells all workers to end.
func (c *crew) end() {
	c.t.Helper()
	for _, w := range c.workers {
		must(c.t, w.Process.Signal(syscall.SIGTERM))
	}
	for i, w := range c.workers {
		_ = deadline.Wait(c.t, w) // told to end
		c.workers[i] = nil
	}
}

func (c *crew) count(sql string, args ...any) int {
	c.t.Helper()
	return count(c.t, c.db, sql, args...)
}
