package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"shopwatch/tracker"
	"shopwatch/tracker/schedule"
	"shopwatch/tracker/watch"
)

// Kinds of slots.
const (
	kindSchedule = "schedule"
	kindRetry    = "retry"
	kindAsk      = "ask"
	kindDry      = "dry"
)

// slotLock is held by the one that looks after the schedules and the dead workers.
const slotLock = 7305123018846

// look says that this worker lives, and looks after schedules and dead workers
// unless another one does so now.
func (f *Fleet) look(ctx context.Context) error {
	if f.o.Alone {
		return nil
	}
	f.mu.Lock()
	plans, channels, applied, serves := f.plans, f.channels, f.applied, append([]string{}, f.serves...)
	f.mu.Unlock()
	trouble := ""
	if f.o.Trouble != nil {
		if err := f.o.Trouble(); err != nil {
			trouble = err.Error()
		}
	}
	newest := int64(0)
	err := f.db.Update(ctx, func(t pgx.Tx) error {
		asked := time.Now()
		var now time.Time
		var mine bool
		err := t.QueryRow(ctx, `insert into workers (name, version, profile, egress, queues, applied, ahead, trouble, began, seen)
			values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp(), clock_timestamp())
			on conflict (name) do update set version = excluded.version, profile = excluded.profile, egress = excluded.egress, queues = excluded.queues,
				applied = excluded.applied, ahead = excluded.ahead, trouble = excluded.trouble, seen = excluded.seen
			returning seen, (select coalesce(max(version), 0) from config_versions), pg_try_advisory_xact_lock($9)`,
			f.worker, f.o.Version, f.profile(), f.o.Egress, serves, applied, f.clock.ahead(), trouble, int64(slotLock)).Scan(&now, &newest, &mine)
		if err != nil {
			return err
		}
		f.clock.set(now, time.Since(asked))
		if !mine {
			return nil
		}
		if err := f.sweep(ctx, t); err != nil {
			return fmt.Errorf("look after dead workers: %w", err)
		}
		if err := f.fill(ctx, t, now, plans, applied); err != nil {
			return fmt.Errorf("look after schedules: %w", err)
		}
		return f.upkeep(ctx, t, channels)
	})
	if err == nil && newest > applied && f.o.Newer != nil {
		f.o.Newer(newest)
	}
	return err
}

// profile is the one that lies on this worker; empty for none with a name.
func (f *Fleet) profile() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, worker := range f.profiles {
		if worker == f.o.Machine {
			return name
		}
	}
	return ""
}

// sweep takes from dead workers what they were at, and makes jobs for slots that
// have none.
func (f *Fleet) sweep(ctx context.Context, t pgx.Tx) error {
	if err := f.db.TakeOver(ctx, t, WorkerPrefix); err != nil {
		return err
	}
	const alive = "exists (select from leases l where l.key || '#' || l.epoch = '" + WorkerPrefix + "' || %s and l.until >= clock_timestamp())"
	dead, err := t.Exec(ctx, `update slots set epoch = epoch + 1, worker = null, progress = null, cut = cut + 1, note = 'worker ' || split_part(worker, '#', 1) || ' was lost during it'
		where done is null and worker is not null and not `+fmt.Sprintf(alive, "worker"))
	if err != nil {
		return err
	}
	if n := dead.RowsAffected(); n > 0 {
		f.log.Warn("scans of a dead worker are made again", "scans", n)
	}
	// It keeps its time and spends no attempt: it is at the front of its queue.
	_, err = t.Exec(ctx, `update river_job set state = 'available', attempt = greatest(attempt - 1, 0)
		where state = 'running' and not `+fmt.Sprintf(alive, "attempted_by[cardinality(attempted_by)]"))
	if err != nil {
		return err
	}
	_, err = t.Exec(ctx, "update slots set done = clock_timestamp(), reason = 'workers were lost during it ' || cut || ' times' where done is null and cut >= $1", mostCut)
	if err != nil {
		return err
	}
	lost, err := list(ctx, t, func(r pgx.CollectableRow) (s slot, err error) {
		err = r.Scan(&s.storefront, &s.at, &s.queue, &s.kind)
		return s, err
	}, `select storefront, slot, queue, kind from slots s where done is null and worker is null and not exists (
			select from river_job j where j.id = s.job and j.state in ('available', 'pending', 'retryable', 'running', 'scheduled')
		) limit 1000`)
	if err != nil {
		return err
	}
	for _, s := range lost {
		if err := f.enqueue(ctx, t, s, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// mostCut is how many workers may die over a scan before it is given up. A page that
// kills whoever reads it must not stop all of them for ever.
const mostCut = 10

// fill makes the slots that are due by now.
func (f *Fleet) fill(ctx context.Context, t pgx.Tx, now time.Time, plans []watch.Plan, applied int64) error {
	last, err := lastSlots(ctx, t, plans)
	if err != nil {
		return err
	}
	for _, p := range plans {
		if p.Schedule == nil {
			continue
		}
		at := last[p.Name]
		due, late := now.Truncate(time.Millisecond), time.Duration(0) // a new storefront
		if !at.IsZero() {
			var ok bool
			if due, ok = newest(p.Schedule, at, now); !ok {
				continue
			}
			late = watch.Jitter(p, f.o.Jitter)
		}
		s := slot{storefront: p.Name, at: due, queue: queueOf(p), kind: kindSchedule}
		if err := f.put(ctx, t, s, applied, late); err != nil {
			return err
		}
	}
	return nil
}

// lastSlots are the newest ones that the schedules of plans made, by storefront; of
// one without a slot, the last scan that was made before there were slots. The table
// has months of them: each storefront is looked up by itself.
func lastSlots(ctx context.Context, t pgx.Tx, plans []watch.Plan) (map[tracker.StorefrontName]time.Time, error) {
	var names []string
	for _, p := range plans {
		names = append(names, string(p.Name))
	}
	last := make(map[tracker.StorefrontName]time.Time)
	_, err := list(ctx, t, func(r pgx.CollectableRow) (none struct{}, err error) {
		var name tracker.StorefrontName
		var at *time.Time
		err = r.Scan(&name, &at)
		if at != nil {
			last[name] = *at
		}
		return none, err
	}, `select name, coalesce((select max(slot) from slots where storefront = name and kind = 'schedule'), (select max(began) from scans where storefront = name))
		from unnest($1::text[]) name`, names)
	return last, err
}

// put makes a slot with its job. One that still waits for an earlier time of the
// schedule is made for this one instead: what was missed is caught up once.
func (f *Fleet) put(ctx context.Context, t pgx.Tx, s slot, applied int64, late time.Duration) error {
	made, err := t.Exec(ctx, "insert into slots (storefront, slot, kind, queue, applied) values ($1, $2, $3, $4, $5) on conflict do nothing",
		string(s.storefront), s.at, s.kind, s.queue, applied)
	if err != nil || made.RowsAffected() == 0 {
		return err
	}
	_, err = t.Exec(ctx, `update slots set done = clock_timestamp(), reason = 'it was not begun before the next one was due'
		where storefront = $1 and slot < $2 and kind in ('schedule', 'retry') and done is null and worker is null`, string(s.storefront), s.at)
	if err != nil {
		return err
	}
	at := time.Time{}
	if late > 0 {
		at = s.at.Add(late)
	}
	return f.enqueue(ctx, t, s, at)
}

// enqueue makes a job for a slot, for a time when that is not zero.
func (f *Fleet) enqueue(ctx context.Context, t pgx.Tx, s slot, at time.Time) error {
	prio := map[string]int{kindAsk: prioAsked, kindDry: prioAsked, kindRetry: prioRetry}[s.kind]
	if prio == 0 {
		prio = prioScheduled
	}
	job, err := f.insert(ctx, t, scanJob{s.storefront, s.at}, at, river.InsertOpts{Queue: s.queue, Priority: prio})
	if err != nil {
		return err
	}
	_, err = t.Exec(ctx, "update slots set job = $3 where storefront = $1 and slot = $2", string(s.storefront), s.at, job)
	return err
}

// newest returns the last time that a schedule names after one and until now.
func newest(s schedule.Schedule, after, now time.Time) (last time.Time, ok bool) {
	if every, ok := s.(schedule.Every); ok {
		n := now.Sub(after) / time.Duration(every)
		return after.Add(n * time.Duration(every)), n > 0
	}
	from := after
	for _, back := range []time.Duration{time.Hour, 24 * time.Hour, 31 * 24 * time.Hour, 366 * 24 * time.Hour} {
		if t := now.Add(-back); t.After(after) && named(s.Next(t), now) {
			from = t
			break
		}
	}
	for t := s.Next(from); named(t, now); t = s.Next(t) {
		last, ok = t, true
	}
	return last, ok
}

// named reports whether a schedule names a time that is not later than now.
func named(t, now time.Time) bool { return !t.IsZero() && !t.After(now) }

// upkeep sees that each channel is looked at once a minute, which finds digests that
// are due and deliveries that are tried again, and that old things are deleted.
func (f *Fleet) upkeep(ctx context.Context, t pgx.Tx, channels []string) error {
	quiet, err := list(ctx, t, pgx.RowTo[string], `select c from unnest($1::text[]) c where not exists (
			select from river_job j where j.kind = 'deliver' and j.args->>'channel' = c
				and (j.state in ('available', 'pending', 'retryable', 'running', 'scheduled') or j.finalized_at > clock_timestamp() - interval '1 minute')
		)`, channels)
	if err != nil {
		return err
	}
	for _, c := range quiet {
		if err := f.enqueueDelivery(ctx, t, c, time.Time{}); err != nil {
			return err
		}
	}
	_, err = f.insert(ctx, t, tidyJob{}, time.Time{}, river.InsertOpts{Queue: reportQueue, Priority: prioTidy, UniqueOpts: river.UniqueOpts{ByPeriod: time.Hour}})
	return err
}

// A slot is a scan to be made.
type slot struct {
	storefront tracker.StorefrontName
	at         time.Time
	queue      string
	kind       string
	tries      int
	applied    int64
	capture    bool // all that is read
	epoch      int64
	worker     string
	taken      time.Time // by this worker
	since      time.Time // the same by the clock of this machine
}

func (s *slot) asked() bool { return s.kind == kindAsk || s.kind == kindDry }

// slot reads one that nobody has taken. It reports false when there is none.
func (f *Fleet) slot(ctx context.Context, name tracker.StorefrontName, at time.Time) (s slot, waits bool, err error) {
	err = f.db.View(ctx, func(t pgx.Tx) error {
		s = slot{storefront: name, at: at}
		err := t.QueryRow(ctx, "select queue, kind, applied from slots where storefront = $1 and slot = $2 and done is null and worker is null",
			string(name), at).Scan(&s.queue, &s.kind, &s.applied)
		if waits = err == nil; errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return s, waits, err
}

// list reads all rows of a query by a function for one.
func list[T any](ctx context.Context, t pgx.Tx, read func(pgx.CollectableRow) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := t.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, read)
}
