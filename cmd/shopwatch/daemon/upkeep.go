package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"shopwatch/storage"
)

// scansInFull is how long every scan record is kept; later one a day is.
const scansInFull = 90 * 24 * time.Hour

// maintain makes the backup of the day and deletes what is kept no longer,
// now and every hour, until ctx is done.
func (s *Service) maintain(ctx context.Context) error {
	failed := func(what string, err error) {
		if ctx.Err() == nil {
			s.log.Error(what, "err", err)
		}
	}
	for {
		now, c := time.Now(), s.config.Load()
		if f, ok := s.store.(databaseFile); ok && c.Retention.Backups > 0 {
			if path, err := f.BackupDaily(ctx, c.Retention.Backups, now); err != nil {
				failed("no backup made", err)
			} else if path != "" {
				s.log.Info("backup made", "file", path)
			}
		}
		if err := s.tidy(ctx); err != nil {
			failed("old things not deleted", err)
		}
		t := time.NewTimer(time.Hour)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// tidy deletes what is kept no longer. Where one thing fails the others are done.
func (s *Service) tidy(ctx context.Context) error {
	var errs []error
	failed := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	now, keep := s.now(), s.config.Load().Retention
	_, err := s.store.ThinScans(ctx, scansInFull, now)
	failed("thin out scan records", err)
	n, err := s.store.SweepEvidence(ctx, time.Duration(keep.Evidence), now)
	failed("sweep evidence", err)
	if n > 0 {
		s.log.Info("old evidence deleted", "files", n)
	}
	n, err = s.store.TrimEvidence(ctx, captureEnding, int64(keep.Captures))
	failed("trim captures", err)
	if n > 0 {
		s.log.Info("captures deleted: together they may take no more", "files", n, "most", keep.Captures.String())
	}
	if b, ok := s.store.(bucketStore); ok {
		n, err = b.FillBucket(ctx)
		failed("fill the bucket", err)
		if n > 0 {
			s.log.Info("evidence carried over into the bucket", "files", n)
		}
	}
	return errors.Join(errs...)
}

// A bucketStore is a store with a bucket for large evidence, which takes what could
// not be written there at its time.
type bucketStore interface {
	FillBucket(ctx context.Context) (carried int, err error)
}

// A databaseFile is a store in a file on this machine, which is backed up beside
// itself.
type databaseFile interface {
	BackupDaily(ctx context.Context, keep int, now time.Time) (path string, err error)
	Rescue(ctx context.Context, now time.Time) (path string, err error)
}

// guardDatabase ends the daemon when its database is deleted or replaced: what it
// learns from then on would be lost. What it knows is saved first, and as long as
// that fails the daemon goes on, because nobody else knows it.
func (s *Service) guardDatabase(ctx context.Context) error {
	t := time.NewTicker(s.options.Timing.Guard)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		err := s.store.Ping(ctx)
		f, ok := s.store.(databaseFile)
		if !ok || !errors.Is(err, storage.ErrReplaced) {
			continue
		}
		to, unsaved := f.Rescue(context.WithoutCancel(ctx), time.Now())
		if unsaved == nil {
			return fmt.Errorf("%w; what it held is saved: bring it back with shopwatch restore %s and start again", err, to)
		}
		s.log.Error("the database is lost when this process ends, and cannot be saved yet", "err", errors.Join(err, unsaved))
		t.Reset(s.options.Timing.Rescue)
	}
}

// watchdog tells systemd that the daemon lives, as long as its database
// answers and is where it was.
func watchdog(ctx context.Context, store storage.Store, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if store.Ping(ctx) == nil {
				_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
			}
		}
	}
}
