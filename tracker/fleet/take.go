package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/tracker"
)

// errTaken says that somebody else has the slot, or that it was done or given up.
var errTaken = errors.New("somebody else has the scan by now; nothing was written")

// A coldError says for how long a marketplace is left alone.
type coldError struct{ left time.Duration }

func (e *coldError) Error() string { return fmt.Sprint("it is left alone for another ", e.left) }

// take makes a worker the one who scans a slot, within the transaction in which it
// takes the lease of the key. It fails when somebody else has the slot, it was done, or
// it must wait while the marketplace is left alone.
func (s *slot) take(ctx context.Context, t pgx.Tx, worker, key string) error {
	var left *time.Duration
	err := t.QueryRow(ctx, `update slots set epoch = epoch + 1, worker = $3, taken = clock_timestamp(), note = null, progress = null
		where storefront = $1 and slot = $2 and done is null and worker is null
		returning kind, tries, applied, capture, epoch, taken, (select until - clock_timestamp() from cooldowns where key = $4 and until > clock_timestamp())`,
		string(s.storefront), s.at, worker, key).Scan(&s.kind, &s.tries, &s.applied, &s.capture, &s.epoch, &s.taken, &left)
	s.worker, s.since = worker, time.Now()
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return errTaken
	case err == nil && left != nil && !s.asked():
		return &coldError{*left}
	}
	return err
}

// date gives a scan that just ended the times of the database's clock in place of
// those of this machine's, which may be wrong and may have been set meanwhile.
func (s *slot) date(scan *tracker.Scan) {
	wrong := scan.Began
	scan.Began = s.taken.Add(time.Since(s.since) - scan.Took).UTC().Truncate(time.Millisecond)
	for i := range scan.Probes {
		scan.Probes[i].At = scan.Probes[i].At.Add(scan.Began.Sub(wrong))
	}
}

// finish marks a slot as done within the transaction that keeps its scan, which
// fails when somebody else has it by now.
func (s *slot) finish(ctx context.Context, t pgx.Tx, scan *time.Time, reason string, result []byte) error {
	found, err := t.Exec(ctx, `update slots set done = clock_timestamp(), progress = null, scan = $5, reason = nullif($6, ''), result = $7::text::json
		where storefront = $1 and slot = $2 and epoch = $3 and worker = $4 and done is null`,
		string(s.storefront), s.at, s.epoch, s.worker, scan, reason, text(result))
	if err == nil && found.RowsAffected() != 1 {
		err = errTaken
	}
	return err
}

func text(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

// giveBack lets others have a slot that this worker has taken. It tries until it
// has, or the worker ends: then it is taken from it.
func (f *Fleet) giveBack(ctx context.Context, s *slot) {
	for {
		last := context.WithoutCancel(ctx)
		err := f.db.Update(last, func(t pgx.Tx) error {
			_, err := t.Exec(last, "update slots set epoch = epoch + 1, worker = null, progress = null where storefront = $1 and slot = $2 and epoch = $3 and worker = $4 and done is null",
				string(s.storefront), s.at, s.epoch, s.worker)
			return err
		})
		if err == nil || ctx.Err() != nil {
			return
		}
		rest(ctx, time.Second)
	}
}

// progress tells others how far a scan has come, and finds out whether it is this
// worker's still.
func (f *Fleet) progress(ctx context.Context, s *slot, g tracker.Progress) error {
	v, err := json.Marshal(g)
	if err != nil {
		return err
	}
	found, err := f.db.Pool().Exec(ctx, "update slots set progress = $5::text::json where storefront = $1 and slot = $2 and epoch = $3 and worker = $4 and done is null",
		string(s.storefront), s.at, s.epoch, s.worker, string(v))
	if err == nil && found.RowsAffected() != 1 {
		err = errTaken
	}
	return err
}

// note says why a slot waits.
func (f *Fleet) note(ctx context.Context, s *slot, why string) error {
	return f.db.Update(ctx, func(t pgx.Tx) error { return s.note(ctx, t, why) })
}

func (s *slot) note(ctx context.Context, t pgx.Tx, why string) error {
	_, err := t.Exec(ctx, "update slots set note = $3 where storefront = $1 and slot = $2 and done is null and worker is null and note is distinct from $3",
		string(s.storefront), s.at, why)
	return err
}
