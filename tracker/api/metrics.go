package api

import (
	"context"
	"net/http"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// metrics are what an operator's Prometheus asks for. What is known of
// storefronts is read when it asks; only what happens is counted.
type metrics struct {
	server *Server
	*counted
}

// counted is what has happened since the daemon started.
type counted struct {
	scans   *counter
	changes *counter
	took    *histogram
}

// Gauges by storefront.
var (
	listedDesc     = desc("products_listed", "Products on the shelf.", "storefront")
	missingDesc    = desc("products_missing", "Products that the last complete scan missed, without proof that they are gone.", "storefront")
	completeDesc   = desc("last_complete_scan_timestamp_seconds", "When the last complete scan began; 0 before the first.", "storefront")
	lastDesc       = desc("last_scan_timestamp_seconds", "When the last scan began; 0 before the first.", "storefront")
	nextDesc       = desc("next_scan_timestamp_seconds", "When the storefront is scanned next.", "storefront")
	coverageDesc   = desc("coverage_ratio", "Share of the pages and products that the storefront declared which the last scan read; the lesser of both.", "storefront")
	incompleteDesc = desc("incomplete_scans", "Scans in a row that were not complete.", "storefront")
	stalledDesc    = desc("stalled", "1 while the storefront is reported as stalled or closed.", "storefront")
	coolingDesc    = desc("cooling_down", "1 while the marketplace is left alone after a wall.", "storefront")
	refusedDesc    = desc("deliveries_refused", "Deliveries of the last 30 days that were refused for good or given up.", "channel")
	waitingDesc    = desc("deliveries_waiting", "Deliveries that wait to be sent.", "channel")
	oldestDesc     = desc("oldest_delivery_age_seconds", "Age of the oldest report with a delivery that waits.", "channel")
	sizeDesc       = desc("database_bytes", "Size of the database file.")
	freeDesc       = desc("database_free_bytes", "Of it, space that is free.")
	infoDesc       = desc("info", "1, with the version.", "version")
	chromeDesc     = desc("chrome_processes", "Processes of Chrome.")
	chromeMemory   = desc("chrome_memory_bytes", "Memory of the processes of Chrome.")
	loginDesc      = desc("login_timestamp_seconds", "When the login to a marketplace was made with shopwatch login.", "marketplace")
	backupDesc     = desc("last_backup_timestamp_seconds", "When the newest backup of a day was made; 0 for none.")
)

// Gauges of several machines.
var (
	workerDesc    = desc("worker_up", "1 while the machine is heard of.", "worker")
	scanningDesc  = desc("worker_scans", "Scans that the machine is at.", "worker")
	clockDesc     = desc("worker_clock_offset_seconds", "By how much the clock of the database is ahead of that of the machine.", "worker")
	leaseDesc     = desc("lease_held", "1 while a scan runs behind this marketplace, address and profile.", "lease")
	leaseCoolDesc = desc("lease_cooling_down", "1 while it is left alone after a wall.", "lease")
	queuedDesc    = desc("jobs_waiting", "Jobs that are due and that nobody is at.", "queue")
	runningDesc   = desc("jobs_running", "Jobs that somebody is at.", "queue")
	jobAgeDesc    = desc("oldest_job_age_seconds", "For how long the job is due that waits longest.", "queue")
)

func newCounted() *counted {
	return &counted{
		scans:   newCounter("scans_total", "Scans by verdict.", "storefront", "verdict"),
		changes: newCounter("changes_total", "Changes by kind.", "storefront", "kind"),
		took:    newHistogram("scan_duration_seconds", "How long scans take.", []float64{1, 3, 10, 30, 100, 300, 1000, 3000}, "storefront"),
	}
}

// metricsTimeout is how long an answer with all numbers may take.
const metricsTimeout = 10 * time.Second

func (m *metrics) handler() http.Handler {
	m.begin()
	return exposing(metricsTimeout, m.collect)
}

// begin makes the counters of the configured storefronts begin with 0, so that
// the first of anything is an increase.
func (m *metrics) begin() {
	for _, shop := range m.server.o.Shops {
		for _, v := range []tracker.Verdict{tracker.Complete, tracker.Partial, tracker.Login, tracker.Blocked, tracker.Gone, tracker.Failed} {
			m.scans.add(0, string(shop.Name), string(v))
		}
		for _, k := range []tracker.Kind{tracker.Added, tracker.Removed, tracker.Relisted, tracker.Repriced, tracker.Stalled} {
			m.changes.add(0, string(shop.Name), string(k))
		}
	}
}

// Scanned counts a scan that was kept.
func (s *Server) Scanned(scan *tracker.Scan, changes []tracker.Change) {
	s.metrics.scans.add(1, string(scan.Storefront), string(scan.Verdict))
	s.metrics.took.observe(scan.Took.Seconds(), string(scan.Storefront))
	for i := range changes {
		s.metrics.changes.add(1, string(scan.Storefront), string(changes[i].Kind))
	}
}

// collect reads what is known.
func (m *metrics) collect(ctx context.Context, e *exposition) error {
	m.scans.collect(e)
	m.changes.collect(e)
	m.took.collect(e)
	gauge := e.gauge
	o := &m.server.o
	gauge(infoDesc, 1, o.Version)
	list, err := o.List(ctx)
	if err != nil {
		return err
	}
	known, err := o.Store.Overviews(ctx, storage.OverviewQuery{Scans: 1})
	if err != nil {
		return err
	}
	seen := make(map[tracker.StorefrontName]*storage.Overview, len(known))
	for i := range known {
		seen[known[i].Name] = &known[i]
	}
	for i := range list {
		sf, name := &list[i], string(list[i].Name)
		if v := seen[sf.Name]; v != nil {
			gauge(missingDesc, float64(v.Suspects), name)
			if len(v.Scans) > 0 {
				gauge(coverageDesc, coverage(&v.Scans[0].Evidence), name)
			}
		} else {
			gauge(missingDesc, 0, name)
		}
		gauge(listedDesc, float64(sf.Listed), name)
		gauge(incompleteDesc, float64(sf.Incomplete), name)
		gauge(stalledDesc, number(sf.Stalled || sf.Closed), name)
		gauge(coolingDesc, number(!sf.Cooling.IsZero()), name)
		gauge(completeDesc, seconds(sf.LastComplete), name)
		gauge(lastDesc, seconds(sf.LastScan), name)
		if !sf.Next.IsZero() {
			gauge(nextDesc, seconds(sf.Next), name)
		}
	}
	if err := m.outbox(ctx, gauge); err != nil {
		return err
	}
	if err := m.fleet(ctx, e); err != nil {
		return err
	}
	if o.Maintainer != nil {
		size, free, err := o.Maintainer.Size(ctx)
		if err != nil {
			return err
		}
		gauge(sizeDesc, float64(size))
		gauge(freeDesc, float64(free))
	}
	if o.Daemon != nil {
		v := o.Daemon.Vitals()
		gauge(chromeDesc, float64(v.ChromeProcesses))
		gauge(chromeMemory, float64(v.ChromeMemory))
		gauge(backupDesc, seconds(v.LastBackup))
		for marketplace, at := range v.Logins {
			gauge(loginDesc, seconds(at), marketplace)
		}
	}
	return nil
}

// seconds is a time as Prometheus has it, 0 for the zero time.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func (m *metrics) outbox(ctx context.Context, gauge func(*metric, float64, ...string)) error {
	waiting, oldest := map[string]int{}, map[string]time.Time{}
	for _, name := range m.server.o.Channels {
		waiting[name] = 0
	}
	for r, err := range storage.AllReports(ctx, m.server.o.Store, storage.ReportQuery{With: tracker.Waiting, Limit: 1000}) {
		if err != nil {
			return err
		}
		if _, configured := waiting[r.Channel]; !configured {
			continue // nobody will send it
		}
		for _, l := range r.Deliveries {
			if l.State == tracker.Waiting {
				waiting[r.Channel]++
			}
		}
		if t := oldest[r.Channel]; t.IsZero() || r.Created.Before(t) {
			oldest[r.Channel] = r.Created
		}
	}
	refused := make(map[string]int)
	dead, err := m.server.o.Store.Reports(ctx, storage.ReportQuery{With: tracker.Dead, Since: time.Now().Add(-deadShown), Newest: true, Limit: 1000})
	if err != nil {
		return err
	}
	for i := range dead {
		for _, l := range dead[i].Deliveries {
			if l.State == tracker.Dead {
				refused[dead[i].Channel]++
			}
		}
	}
	for channel := range waiting {
		gauge(refusedDesc, float64(refused[channel]), channel)
	}
	for channel, n := range waiting {
		age := 0.0
		if t := oldest[channel]; !t.IsZero() {
			age = time.Since(t).Seconds()
		}
		gauge(waitingDesc, float64(n), channel)
		gauge(oldestDesc, age, channel)
	}
	return nil
}

// fleet adds what the machines are at that work on the database.
func (m *metrics) fleet(ctx context.Context, e *exposition) error {
	for _, d := range []*metric{workerDesc, scanningDesc, clockDesc, leaseDesc, leaseCoolDesc, queuedDesc, runningDesc, jobAgeDesc} {
		e.declare(d)
	}
	if m.server.o.Fleet == nil {
		return nil
	}
	f, err := m.server.o.Fleet(ctx)
	if err != nil {
		return err
	}
	at := make(map[string]int)
	for _, s := range f.Slots {
		at[s.Worker]++
	}
	for _, w := range f.Workers {
		e.gauge(workerDesc, number(w.Alive), w.Name)
		e.gauge(scanningDesc, float64(at[w.Name]), w.Name)
		e.gauge(clockDesc, w.Ahead.Seconds(), w.Name)
	}
	for _, l := range f.Leases {
		e.gauge(leaseDesc, number(l.Worker != ""), l.Key)
		e.gauge(leaseCoolDesc, number(!l.Cooling.IsZero()), l.Key)
	}
	for _, q := range f.Queues {
		e.gauge(queuedDesc, float64(q.Waiting), q.Name)
		e.gauge(runningDesc, float64(q.Running), q.Name)
		age := 0.0
		if !q.Oldest.IsZero() {
			age = f.Time.Sub(q.Oldest).Seconds()
		}
		e.gauge(jobAgeDesc, age, q.Name)
	}
	return nil
}

// coverage is how much of what a storefront declares was read.
func coverage(e *tracker.Evidence) float64 {
	share := 1.0
	if e.Pages == 0 {
		share = 0
	}
	if e.Declared.Pages > 0 {
		share = min(share, float64(e.Pages)/float64(e.Declared.Pages))
	}
	if e.Declared.Products > 0 {
		share = min(share, float64(e.Products)/float64(e.Declared.Products))
	}
	return share
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
