package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/watch"
)

// A Viewer is a database that lets look.
type Viewer interface {
	View(ctx context.Context, fn func(pgx.Tx) error) error
}

// State tells what the machines on a database are at.
func State(ctx context.Context, db Viewer) (*api.Fleet, error) {
	var s *api.Fleet
	err := db.View(ctx, func(t pgx.Tx) (err error) {
		s = &api.Fleet{}
		if err := t.QueryRow(ctx, "select clock_timestamp(), (select coalesce(max(version), 0) from config_versions)").Scan(&s.Time, &s.Applied); err != nil {
			return err
		}
		s.Time = s.Time.UTC()
		if s.Workers, err = workers(ctx, t); err != nil {
			return err
		}
		if s.Leases, err = leases(ctx, t); err != nil {
			return err
		}
		if s.Queues, err = queues(ctx, t); err != nil {
			return err
		}
		s.Slots, err = openSlots(ctx, t)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range s.Queues {
		for j := range s.Workers {
			if w := &s.Workers[j]; w.Alive && slices.Contains(w.Queues, s.Queues[i].Name) {
				s.Queues[i].Workers++
			}
		}
	}
	return s, nil
}

func workers(ctx context.Context, t pgx.Tx) ([]api.FleetWorker, error) {
	all, err := list(ctx, t, func(r pgx.CollectableRow) (w api.FleetWorker, err error) {
		err = r.Scan(&w.Name, &w.Process, &w.Alive, &w.Heard, &w.Since, &w.Version, &w.Applied, &w.Profile, &w.Egress, &w.Queues, &w.Ahead, &w.Trouble)
		w.Heard, w.Since = w.Heard.UTC(), w.Since.UTC()
		return w, err
	}, `select w.name, coalesce(l.holder, ''), coalesce(l.until >= clock_timestamp(), false), w.seen, w.began, w.version, w.applied, w.profile, w.egress, w.queues, w.ahead, w.trouble
		from workers w left join leases l on l.key = $1 || w.name order by w.name`, WorkerPrefix)
	return append([]api.FleetWorker{}, all...), err
}

func leases(ctx context.Context, t pgx.Tx) ([]api.FleetLease, error) {
	all, err := list(ctx, t, func(r pgx.CollectableRow) (l api.FleetLease, err error) {
		var until, page, cooling *time.Time
		err = r.Scan(&l.Key, &l.Worker, &until, &page, &cooling, &l.Walls)
		l.Until, l.NextPage, l.Cooling = utc(until), utc(page), utc(cooling)
		return l, err
	}, `select substr(l.key, length($1) + 1), case when l.until >= clock_timestamp() then split_part(l.holder, '#', 1) else '' end,
			case when l.until >= clock_timestamp() then l.until end, case when l.next_page_at > clock_timestamp() then l.next_page_at end,
			case when c.until > clock_timestamp() then c.until end, coalesce(c.walls, 0)
		from leases l left join cooldowns c on c.key = substr(l.key, length($1) + 1) where starts_with(l.key, $1) order by l.key`, scanPrefix)
	return append([]api.FleetLease{}, all...), err
}

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func queues(ctx context.Context, t pgx.Tx) ([]api.FleetQueue, error) {
	all, err := list(ctx, t, func(r pgx.CollectableRow) (q api.FleetQueue, err error) {
		var oldest *time.Time
		err = r.Scan(&q.Name, &q.Waiting, &q.Later, &q.Running, &oldest)
		q.Oldest = utc(oldest)
		return q, err
	}, `select queue, count(*) filter (where state <> 'running' and scheduled_at <= clock_timestamp()),
			count(*) filter (where state <> 'running' and scheduled_at > clock_timestamp()), count(*) filter (where state = 'running'),
			min(scheduled_at) filter (where state <> 'running' and scheduled_at <= clock_timestamp())
		from river_job where state in ('available', 'pending', 'retryable', 'running', 'scheduled') group by queue order by queue`)
	return append([]api.FleetQueue{}, all...), err
}

func openSlots(ctx context.Context, t pgx.Tx) ([]api.FleetSlot, error) {
	all, err := list(ctx, t, func(r pgx.CollectableRow) (s api.FleetSlot, err error) {
		var taken *time.Time
		var progress []byte
		if err := r.Scan(&s.Storefront, &s.Slot, &s.Kind, &s.Queue, &s.Worker, &taken, &progress, &s.Waits, &s.Cut); err != nil {
			return s, err
		}
		s.Slot = s.Slot.UTC()
		if s.Worker != "" {
			s.Taken = utc(taken)
		}
		if progress != nil {
			err = json.Unmarshal(progress, &s.Progress)
		}
		return s, err
	}, `select storefront, slot, kind, queue, coalesce(split_part(worker, '#', 1), ''), taken, progress, case when worker is null then coalesce(note, '') else '' end, cut
		from slots where done is null order by slot limit 1000`)
	return append([]api.FleetSlot{}, all...), err
}

// Status returns what every storefront of the plans waits for.
func (f *Fleet) Status(ctx context.Context) []watch.Status {
	f.mu.Lock()
	profiles := f.profiles
	f.mu.Unlock()
	all, err := Status(ctx, f.db, f.planned(), profiles)
	if err != nil {
		f.log.Error("what the fleet is at is not known", "err", err)
	}
	return all
}

// Status returns what every storefront of some plans waits for, as who looks at the
// database sees it. The profiles are the workers on which they lie.
func Status(ctx context.Context, db Viewer, plans []watch.Plan, profiles map[string]string) ([]watch.Status, error) {
	s, err := State(ctx, db)
	if err != nil {
		return nil, err
	}
	all := make([]watch.Status, 0, len(plans))
	works := slices.ContainsFunc(s.Workers, func(w api.FleetWorker) bool { return w.Alive })
	cooling := make(map[string]time.Time)
	for _, l := range s.Leases {
		cooling[l.Key] = l.Cooling
	}
	open := make(map[tracker.StorefrontName]*api.FleetSlot)
	for i := range s.Slots {
		if o := &s.Slots[i]; open[o.Storefront] == nil || o.Worker != "" {
			open[o.Storefront] = o
		}
	}
	for _, p := range plans {
		st := watch.Status{Storefront: p.Storefront, Cooling: coolingOf(s, p, cooling)}
		if p.Schedule != nil && works {
			st.Next = p.Schedule.Next(s.Time)
		}
		switch o := open[p.Name]; {
		case o == nil:
		case o.Worker != "":
			if st.Began = o.Taken; o.Progress != nil {
				st.Progress = *o.Progress
			}
			st.Progress.Storefront = p.Name
		default:
			if st.Waits = waits(s, p, o.Queue, profiles[p.Profile]); st.Waits == "" {
				st.Waits = o.Waits
			}
			st.Next = o.Slot
		}
		if !st.Next.IsZero() && st.Cooling.After(st.Next) {
			st.Next = st.Cooling
		}
		all = append(all, st)
	}
	return all, nil
}

// coolingOf is until when no worker reads the storefront of a plan after walls; zero
// when one does.
func coolingOf(s *api.Fleet, p watch.Plan, until map[string]time.Time) (first time.Time) {
	served := false
	for i := range s.Workers {
		w := &s.Workers[i]
		if !w.Alive || !slices.Contains(w.Queues, queueOf(p)) {
			continue
		}
		u := until[leaseOf(p, w.Egress)]
		if !served || u.Before(first) {
			first = u
		}
		served = true
	}
	return first
}

// waits is why nobody takes the jobs of a queue; empty when somebody does. The worker
// is the one on which the profile of the plan lies.
func waits(s *api.Fleet, p watch.Plan, queue, worker string) string {
	for i := range s.Workers {
		if w := &s.Workers[i]; w.Alive && slices.Contains(w.Queues, queue) {
			return ""
		}
	}
	if p.Profile == "" {
		return "no worker runs: start shopwatch run"
	}
	heard := "which was never heard of"
	for i := range s.Workers {
		if w := &s.Workers[i]; w.Name == worker {
			heard = "last heard of " + ago(s.Time.Sub(w.Heard)) + " ago"
		}
	}
	return fmt.Sprintf("the worker %s, on which the profile %s lies, is gone (%s): start it, or give the profile to another one (fleet.profiles) and log in there", worker, p.Profile, heard)
}

// ago is a time for people.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return d.Round(time.Second).String()
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
}
