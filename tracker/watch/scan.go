package watch

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"shopwatch/tracker"
)

// A ScanFunc reads a storefront and never returns nil. It ends early when ctx
// is done; what it returns then proves nothing and is not looked at.
type ScanFunc func(ctx context.Context, sf tracker.Storefront, progress func(tracker.Progress)) *tracker.Scan

// A CommitFunc takes a scan into the catalog and returns what changed.
type CommitFunc func(context.Context, *tracker.Scan) ([]tracker.Change, error)

// scan does a scan that is due.
func (w *Watcher) scan(ctx context.Context, s *watched) {
	s.mu.Lock()
	retry := now().Before(s.again)
	s.mu.Unlock()
	scan, _, err := w.once(ctx, s, retry, w.o.Scan, w.o.Commit, func(tracker.Progress) {})
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := now()
	s.due, s.again = s.nextDue(t), time.Time{}
	if scan.Verdict != tracker.Failed && err == nil {
		s.failed = 0
		return
	}
	s.failed++
	if again, ok := TryAgain(s.failed, w.o.Backoff, t, s.due); ok {
		s.due, s.again = again, s.due
	}
}

// once does one scan and commits it. The gate must have been entered.
func (w *Watcher) once(ctx context.Context, s *watched, retry bool, read ScanFunc, commit CommitFunc, progress func(tracker.Progress)) (scan *tracker.Scan, changes []tracker.Change, err error) {
	began := now().Truncate(time.Millisecond)
	s.note(began, tracker.Progress{Storefront: s.Name})
	defer s.note(time.Time{}, tracker.Progress{})
	progress(tracker.Progress{Storefront: s.Name})
	scan = Guarded(read, w.log)(ctx, s.Storefront, func(p tracker.Progress) {
		s.note(began, p)
		progress(p)
	})
	scan.Storefront, scan.Retry = s.Name, retry
	if ctx.Err() != nil {
		w.log.Info("scan cut short", "storefront", s.Name, "took", now().Sub(began))
		return scan, nil, ctx.Err()
	}
	ctx = context.WithoutCancel(ctx) // what was read is kept, also when the end comes meanwhile
	changes, err = GuardedCommit(commit, w.log)(ctx, scan)
	s.gate.learn(ctx, scan)
	w.tell(ctx, s, scan, len(changes), err)
	return scan, changes, err
}

func (s *watched) note(began time.Time, p tracker.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began, s.progress = began, p
}

// tell logs the one line about a scan that an operator reads.
func (w *Watcher) tell(ctx context.Context, s *watched, scan *tracker.Scan, changes int, err error) {
	log := LogOf(scan, changes, w.log)
	switch until := s.gate.cooled(ctx); {
	case err != nil:
		log.Error("scan not kept", "err", err)
	case until.After(now()):
		log.Warn("scanned", "reason", scan.Reason, "waiting", until)
	case scan.Verdict != tracker.Complete:
		log.Warn("scanned", "reason", scan.Reason)
	default:
		log.Info("scanned")
	}
}

// LogOf is a log with what an operator reads of a scan.
func LogOf(scan *tracker.Scan, changes int, log *slog.Logger) *slog.Logger {
	log = log.With("storefront", scan.Storefront, "verdict", string(scan.Verdict), "pages", scan.Evidence.Pages,
		"products", scan.Evidence.Products, "changes", changes, "took", scan.Took.Round(time.Millisecond))
	if scan.Retry {
		log = log.With("retry", true)
	}
	return log
}

// Guarded is a scan that returns one whatever happens: one that panics is a failed
// scan.
func Guarded(read ScanFunc, log *slog.Logger) ScanFunc {
	return func(ctx context.Context, sf tracker.Storefront, progress func(tracker.Progress)) (scan *tracker.Scan) {
		began := time.Now()
		defer func() {
			if r := recover(); r != nil {
				log.Error("scan panicked", "storefront", sf.Name, "err", r, "stack", string(debug.Stack()))
				scan = &tracker.Scan{Verdict: tracker.Failed, Reason: fmt.Sprintf("a bug in shopwatch: %v", r)}
			}
			if scan == nil {
				scan = &tracker.Scan{Verdict: tracker.Failed, Reason: "a bug in shopwatch: no scan"}
			}
			if scan.Began.IsZero() {
				scan.Began, scan.Took = began.UTC().Truncate(time.Millisecond), time.Since(began)
			}
		}()
		return read(ctx, sf, progress)
	}
}

// GuardedCommit is a commit of which a panic is an error.
func GuardedCommit(commit CommitFunc, log *slog.Logger) CommitFunc {
	return func(ctx context.Context, scan *tracker.Scan) (changes []tracker.Change, err error) {
		defer func() {
			if r := recover(); r != nil {
				log.Error("commit panicked", "storefront", scan.Storefront, "err", r, "stack", string(debug.Stack()))
				err = fmt.Errorf("a bug in shopwatch: %v", r)
			}
		}()
		return commit(ctx, scan)
	}
}
