package fleet

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/watch"
)

// A result is what who asked for a scan is told.
type result struct {
	Scan    tracker.Scan     `json:"scan"`
	Changes []tracker.Change `json:"changes"`
}

// commit keeps a scan, or only says what it would change, and marks its slot as
// done.
func (f *Fleet) commit(ctx context.Context, s *slot, scan *tracker.Scan) (changes []tracker.Change, err error) {
	if s.kind == kindDry {
		if changes, err = f.o.Preview(ctx, scan); err != nil {
			return nil, err
		}
		return changes, f.db.Update(ctx, func(t pgx.Tx) error {
			v, err := json.Marshal(result{*scan, changes})
			if err != nil {
				return err
			}
			return s.finish(ctx, t, nil, "nothing of it was to be kept", v)
		})
	}
	began := scan.Began.UTC().Truncate(time.Millisecond)
	changes, err = f.o.Commit(ctx, scan, func(ctx context.Context, t pgx.Tx) error {
		if err := s.finish(ctx, t, &began, "", nil); err != nil || !s.asked() || scan.Verdict != tracker.Complete && scan.Verdict != tracker.Partial {
			return err
		}
		_, err := t.Exec(ctx, `update slots set done = clock_timestamp(), reason = 'a scan that somebody asked for stands for it'
			where storefront = $1 and kind in ('schedule', 'retry') and slot <= clock_timestamp() and done is null and worker is null`, string(s.storefront))
		return err
	})
	if err != nil || s.kind != kindAsk {
		return changes, err
	}
	v, err := json.Marshal(result{*scan, changes})
	if err == nil {
		err = f.db.Update(ctx, func(t pgx.Tx) error {
			_, err := t.Exec(ctx, "update slots set result = $3::text::json where storefront = $1 and slot = $2", string(s.storefront), s.at, string(v))
			return err
		})
	}
	if err != nil {
		f.log.Warn("who asked for the scan is not told", "storefront", s.storefront, "err", err)
	}
	return changes, nil
}

// learn draws the consequences of a scan: for the cool-down of its key and, when it
// failed, for when it is tried again.
func (f *Fleet) learn(ctx context.Context, s *slot, p watch.Plan, scan *tracker.Scan, key string) {
	now := f.Now()
	if scan.Verdict != tracker.Failed || scan.Evidence.Wall.Wall() {
		_, err := f.db.ChangeCoolDown(ctx, key, func(c *storage.CoolDown) { watch.Learn(c, scan, f.o.Cooling, now) })
		if err != nil {
			f.log.Error("cool-down not saved", "key", key, "err", err)
		}
	}
	if scan.Verdict != tracker.Failed || s.asked() || p.Schedule == nil {
		return
	}
	again, ok := watch.TryAgain(s.tries+1, f.o.Backoff, now, p.Schedule.Next(now))
	if !ok {
		return
	}
	again = again.Truncate(time.Millisecond)
	err := f.db.Update(ctx, func(t pgx.Tx) error {
		r := slot{storefront: s.storefront, at: again, queue: queueOf(p), kind: kindRetry}
		made, err := t.Exec(ctx, "insert into slots (storefront, slot, kind, queue, applied, tries) values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
			string(r.storefront), r.at, r.kind, r.queue, s.applied, s.tries+1)
		if err != nil || made.RowsAffected() == 0 {
			return err
		}
		return f.enqueue(ctx, t, r, again)
	})
	if err != nil {
		f.log.Error("a scan that failed is not tried again before the next one is due", "storefront", s.storefront, "err", err)
	}
}
