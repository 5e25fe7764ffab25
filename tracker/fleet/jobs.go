package fleet

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"shopwatch/tracker"
	"shopwatch/tracker/watch"
)

// The jobs. Every process registers all of them: the one of River that looks after the
// jobs of all throws away those of a kind that it does not know.
type (
	// scanJob lets a worker look at a slot.
	scanJob struct {
		Storefront tracker.StorefrontName `json:"storefront"`
		Slot       time.Time              `json:"slot"`
	}
	// deliverJob lets a worker look at the outbox of a channel.
	deliverJob struct {
		Channel string `json:"channel"`
	}
	// tidyJob deletes what is kept no longer.
	tidyJob struct{}
)

func (scanJob) Kind() string    { return "scan" }
func (deliverJob) Kind() string { return "deliver" }
func (tidyJob) Kind() string    { return "tidy" }

// Priorities of jobs within a queue; the least is first.
const (
	prioAsked     = 1
	prioScheduled = 2
	prioRetry     = 3
	prioTidy      = 4
)

// reportQueue is that of jobs that need no Chrome.
const reportQueue = "reports"

// anyProfile stands for that of whoever scans.
const anyProfile = "any"

// profileOf is how the profile of a plan is called in keys.
func profileOf(p watch.Plan) string {
	if p.Profile == "" {
		return anyProfile
	}
	return p.Profile
}

// queueOf is the queue of the scans of a plan: one for each marketplace and profile.
func queueOf(p watch.Plan) string {
	return "scan-" + slug(p.Marketplace) + "_" + slug(profileOf(p))
}

// slug makes a part of a queue's name of a name, unlike that of any other.
func slug(name string) string {
	const most = 24
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, name)
	if plain == name && len(name) <= most {
		return name
	}
	h := fnv.New32a()
	h.Write([]byte(name))
	return fmt.Sprintf("%.*s-%08x", most-9, plain+"x", h.Sum32())
}

// leaseOf is the key of a scan's lease and of its cool-down.
func leaseOf(p watch.Plan, egress string) string {
	return p.Gate + "/" + egress + "/" + profileOf(p)
}

const scanPrefix = "scan/"

// newClient returns a client of River: with queues one that works, else one that
// only puts jobs in. It asks the database for jobs from time to time, and at once
// when it hears of new ones.
func (f *Fleet) newClient(id string, queues map[string]river.QueueConfig, hears bool) (*river.Client[pgx.Tx], error) {
	all := river.NewWorkers()
	river.AddWorker(all, river.WorkFunc(f.workScan))
	river.AddWorker(all, river.WorkFunc(f.workDeliver))
	river.AddWorker(all, river.WorkFunc(f.workTidy))
	return river.NewClient(riverpgxv5.New(f.db.Pool()), &river.Config{
		Test: river.TestConfig{Time: &f.clock}, // when a job is due again the database's clock says
		ID:   id, Workers: all, Queues: queues, PollOnly: !hears, FetchOnlyKnownKinds: true,
		FetchPollInterval: f.o.Poll, FetchCooldown: min(100*time.Millisecond, f.o.Poll),
		JobTimeout: -1, RescueStuckJobsAfter: 365 * 24 * time.Hour, // sweep knows better
		CompletedJobRetentionPeriod: time.Hour, CancelledJobRetentionPeriod: time.Hour,
		Logger: slog.New(slog.DiscardHandler), // it would tell of a database that is away several times a second
	})
}

// insert puts a job in that is due at a time, by the clock of the database; at once
// when that is zero.
func (f *Fleet) insert(ctx context.Context, t pgx.Tx, job river.JobArgs, at time.Time, o river.InsertOpts) (id int64, err error) {
	o.ScheduledAt = at
	made, err := f.inserter.InsertTx(ctx, t, job, &o)
	if err != nil {
		return 0, err
	}
	if at.IsZero() && !made.UniqueSkippedAsDuplicate {
		// River has put in the time of this machine, which may lie hours ahead.
		_, err = t.Exec(ctx, "update river_job set scheduled_at = clock_timestamp() where id = $1", made.Job.ID)
	}
	return made.Job.ID, err
}

func (f *Fleet) workScan(ctx context.Context, j *river.Job[scanJob]) error {
	again, err := f.work(ctx, j.Args.Storefront, j.Args.Slot)
	return f.outcome(ctx, again, err)
}

// outcome is how a job ends that is to be done again after some time, or at once
// with zero; never with less.
func (f *Fleet) outcome(ctx context.Context, again time.Duration, err error) error {
	if err != nil {
		if ctx.Err() != nil {
			return river.JobSnooze(0)
		}
		return err
	}
	if again < 0 {
		return nil
	}
	return river.JobSnooze(again)
}

// done is how long a job waits that is not to be done again.
const done = time.Duration(-1)

func (f *Fleet) workTidy(ctx context.Context, _ *river.Job[tidyJob]) error {
	err := errors.Join(f.o.Tidy(ctx), f.tidy(ctx))
	if err != nil && ctx.Err() == nil {
		f.log.Error("not everything could be tidied", "err", err)
	}
	return err
}

// kept is how long slots stay that were done, and workers that are gone.
const kept = 90 * 24 * time.Hour

// tidy deletes old slots, but for the newest of each storefront, by which the next
// one is found.
func (f *Fleet) tidy(ctx context.Context) error {
	return f.db.Update(ctx, func(t pgx.Tx) error {
		_, err := t.Exec(ctx, `delete from slots s where done < clock_timestamp() - $1::interval and exists (
			select from slots n where n.storefront = s.storefront and n.slot > s.slot and n.kind = 'schedule')`, kept)
		if err != nil {
			return err
		}
		if _, err = t.Exec(ctx, "delete from workers where seen < clock_timestamp() - $1::interval", kept); err != nil {
			return err
		}
		_, err = t.Exec(ctx, "delete from leases where key like $1 and until < clock_timestamp() - interval '1 day'", WorkerPrefix+"%"+aloneMark+"%")
		return err
	})
}
