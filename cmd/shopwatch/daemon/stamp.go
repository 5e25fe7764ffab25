package daemon

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"shopwatch/storage"
	"shopwatch/storage/merkle"
	"shopwatch/storage/timestamp"
)

// stampLook is how often it is looked whether a stamp is due.
const stampLook = 10 * time.Minute

// stamp has the authorities of the configuration stamp the log, once a day (UTC),
// until ctx is done. What fails is tried again.
func (s *Service) stamp(ctx context.Context) error {
	client := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	defer client.CloseIdleConnections()
	first := cmp.Or(s.options.Timing.RetryFirst, time.Minute)
	for pause := first; ; {
		wait := stampLook
		if err := s.stampDay(ctx, client, s.now()); err == nil {
			pause = first
		} else {
			wait = pause
			pause = min(2*pause, cmp.Or(s.options.Timing.RetryMost, time.Hour))
			if ctx.Err() == nil {
				s.log.Warn("the log has not all of its timestamps of today; they are asked for again", "err", err, "wait", wait)
			}
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// stampDay asks those authorities that have not stamped the log today, and that
// have not seen all of it yet. All of them are given the same checkpoint.
func (s *Service) stampDay(ctx context.Context, client *http.Client, now time.Time) error {
	authorities := s.config.Load().Timestamp
	if len(authorities) == 0 {
		return nil
	}
	tree, err := s.store.Tree(ctx)
	if err != nil || tree.Size == 0 {
		return err
	}
	size, day := tree.Size, now.UTC().Format(time.DateOnly)
	known, err := s.store.Stamps(ctx, storage.StampQuery{Newest: true, Limit: 4 * len(authorities)})
	if err != nil {
		return err
	}
	due := slices.Clone(authorities)
	for _, k := range known {
		today := k.At.UTC().Format(time.DateOnly) == day
		if today {
			size = k.Size
		}
		if today || k.Size == tree.Size {
			due = slices.DeleteFunc(due, func(a string) bool { return a == k.Authority })
		}
	}
	if len(due) == 0 {
		return nil
	}
	mark, _, _, err := merkle.Sign(ctx, s.store, size)
	if err != nil {
		return err
	}
	var failed []error
	for _, authority := range due {
		stamp, err := timestamp.Ask(ctx, client, authority, mark.Size, mark.Text)
		if err == nil {
			err = s.store.AddStamp(ctx, stamp)
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		s.log.Info("log stamped", "authority", authority, "changes", stamp.Size, "at", stamp.At)
	}
	return errors.Join(failed...)
}
