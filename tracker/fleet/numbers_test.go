//go:build unix

package fleet_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/tracker/fleet"
	"shopwatch/tracker/watch"
)

// numbers skips a test that measures (make fleetbench).
func numbers(t *testing.T) {
	t.Helper()
	if os.Getenv("SHOPWATCH_BENCH") == "" {
		t.Skip("only with SHOPWATCH_BENCH (make fleetbench)")
	}
	t.Parallel()
}

// The times of a daemon that is not told others.
const (
	usualLease = 20 * time.Second
	usualTick  = 5 * time.Second
)

// TestRecovery measures how long it takes until others make the scans of a worker
// that died, or was cut off.
func TestRecovery(t *testing.T) {
	for what, way := range map[string]struct{ strike, heal func(c *crew, i int) }{
		"death":     {(*crew).kill, (*crew).start},
		"partition": {func(c *crew, i int) { must(c.t, c.links[i].Cut()) }, func(c *crew, i int) { must(c.t, c.links[i].Mend()) }},
	} {
		t.Run(what, func(t *testing.T) {
			numbers(t)
			c := newCrew(t, 0)
			for range 3 {
				c.add(place{Storefronts: 6, Gates: 6, Every: time.Second, Takes: 40 * time.Second, Lease: usualLease, Tick: usualTick})
			}
			const scanned = "select distinct storefront from slots where worker like $1 and done is null"
			var all []time.Duration
			for round := range 6 {
				i := round % len(c.places)
				who := c.places[i].Name + "#%"
				until(t, "the worker scans", func() bool { return c.count("select count(*) from ("+scanned+") x", who) > 0 })
				time.Sleep(rand.N(5 * time.Second)) // somewhere between two beats
				var names []string
				must(t, c.db.View(t.Context(), func(tx pgx.Tx) error {
					rows, err := tx.Query(t.Context(), scanned, who)
					if err == nil {
						names, err = pgx.CollectRows(rows, pgx.RowTo[string])
					}
					return err
				}))
				struck := time.Now()
				way.strike(c, i)
				until(t, "others scan", func() bool {
					return c.count("select count(distinct storefront) from slots where storefront = any($1) and taken > $2 and worker not like $3", names, struck, who) == len(names)
				})
				all = append(all, time.Since(struck))
				way.heal(c, i)
				until(t, "the worker is back", func() bool {
					return c.count("select count(*) from leases where key = $1 and until > clock_timestamp()", "worker/"+c.places[i].Name) == 1
				})
			}
			report(t, "until others make the scans, with a lease of 20 s", all, 25*time.Second)
		})
	}
}

func report(t *testing.T, what string, all []time.Duration, goal time.Duration) {
	t.Helper()
	var most, sum time.Duration
	for _, d := range all {
		most, sum = max(most, d), sum+d
	}
	t.Logf("%s: on average %v, at most %v, of %d", what, (sum / time.Duration(max(len(all), 1))).Round(time.Millisecond), most.Round(time.Millisecond), len(all))
	if most > goal {
		t.Errorf("%s: %v, goal %v", what, most, goal)
	}
}

// TestSlotter measures how late slots are made while the daemons, any of which may
// make them, are killed; and what was missed while none ran is caught up once.
func TestSlotter(t *testing.T) {
	numbers(t)
	const every = 15 * time.Second
	c := newCrew(t, 0)
	for range 4 {
		c.add(place{Storefronts: 12, Gates: 12, Every: every, Takes: 10 * time.Millisecond, Lease: usualLease, Tick: usualTick})
	}
	slots := func() int { return c.count("select count(*) from slots") }
	until(t, "the first slots", func() bool { return slots() >= 12 })
	kills := 0
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); kills++ {
		time.Sleep(rand.N(6 * time.Second))
		i := rand.IntN(len(c.places))
		c.kill(i)
		time.Sleep(rand.N(3 * time.Second))
		c.start(i)
	}
	late := func() (all []time.Duration) {
		must(t, c.db.View(t.Context(), func(tx pgx.Tx) error {
			rows, err := tx.Query(t.Context(), `select j.created_at - s.slot from slots s join lateral (
				select min(created_at) as created_at from river_job j where j.args->>'storefront' = s.storefront and (j.args->>'slot')::timestamptz = s.slot
			) j on true where s.kind = 'schedule'`)
			if err == nil {
				all, err = pgx.CollectRows(rows, pgx.RowTo[time.Duration])
			}
			return err
		}))
		return all
	}
	t.Logf("%d daemons of 4 killed", kills)
	report(t, "a slot is late", late(), 10*time.Second)
	for name, want := range map[string]string{
		"are closer than the schedule":  "n.slot < s.slot + interval '14990 milliseconds'",
		"lie further apart: one is out": "n.slot > s.slot + interval '15010 milliseconds' and not exists (select from slots b where b.storefront = s.storefront and b.kind = 'schedule' and b.slot > s.slot and b.slot < n.slot)",
	} {
		if k := c.count("select count(*) from slots s join slots n on n.storefront = s.storefront and n.slot > s.slot and n.kind = 'schedule' where s.kind = 'schedule' and " + want); k != 0 {
			t.Errorf("%d slots %s", k, name)
		}
	}
	for i := range c.places {
		c.kill(i)
	}
	down := time.Now()
	time.Sleep(4*every + every/2)
	up := time.Now()
	for i := range c.places {
		c.start(i)
	}
	before := slots()
	until(t, "what was missed is caught up", func() bool { return slots() >= before+12 })
	if k := c.count("select count(*) from slots where kind = 'schedule' and slot > $1 and slot <= $2", down, up); k != 12 {
		t.Errorf("%d slots for what 12 storefronts missed, want one each", k)
	}
}

// TestWish measures how long who asks for a scan that takes no time waits for it.
func TestWish(t *testing.T) {
	numbers(t)
	c := newCrew(t, 0)
	c.add(place{Storefronts: 1, Gates: 1, Takes: time.Millisecond, Lease: usualLease, Tick: usualTick})
	asker, err := fleet.New(options(c.db, "asker", c.places[0].plans()), discard)
	must(t, err)
	var all []time.Duration
	for range 30 {
		time.Sleep(rand.N(time.Second))
		began := time.Now()
		_, _, err := asker.Scan(t.Context(), "s0", watch.Request{})
		must(t, err)
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	t.Logf("a scan that is asked for: median %v, at most %v", all[len(all)/2].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
}

// TestThroughput measures how many scans of 30 s four workers make that have four
// each at a time, one behind each of 16 gates.
func TestThroughput(t *testing.T) {
	numbers(t)
	const gates, takes = 16, 30 * time.Second
	c := newCrew(t, 0)
	for range 4 {
		c.add(place{Storefronts: 4 * gates, Gates: gates, Every: 100 * time.Second, Takes: takes, Lease: usualLease, Tick: usualTick})
	}
	until(t, "all work", func() bool { return c.count("select count(*) from scans") >= gates })
	time.Sleep(5 * time.Minute)
	var each float64 // from the end of a scan to that of the next one behind the same gate
	must(t, c.db.View(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `select avg(extract(epoch from each)) from (
			select done - lag(done) over (partition by substr(storefront, 2)::int % $1 order by done) as each from slots where scan is not null
		) x`, gates).Scan(&each)
	}))
	rate := gates * 3600 / each
	t.Logf("a scan of %v every %.2f s behind each of %d gates: %.0f an hour, %.1f %% of what is possible", takes, each, gates, rate, 100*takes.Seconds()/each)
	if rate < 1900 {
		t.Errorf("%.0f scans an hour, goal 1,900", rate)
	}
}
