package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"shopwatch/tracker"
)

// A Request says how to do a scan that a person asks for.
type Request struct {
	// Scan takes the place of that of the options. Nil for the ordinary one.
	Scan ScanFunc
	// Commit takes the place of that of the options: a dry run does not keep
	// its scan. Nil for the ordinary one.
	Commit   CommitFunc
	Progress func(tracker.Progress) // nil when nobody watches
}

// ErrCut is of a scan that somebody asked for and that did not come to its end.
var ErrCut = errors.New("the scan was cut short; nothing was kept")

var errStopping = errors.New("shopwatch is stopping; ask again when it runs")

// Scan scans a storefront now and waits for the end, also while the
// gate cools down. It goes before scans that are due, not before one
// that runs. When ctx is done the scan is cut short and nothing is kept.
func (w *Watcher) Scan(ctx context.Context, name tracker.StorefrontName, r Request) (*tracker.Scan, []tracker.Change, error) {
	all := w.watched()
	i := slices.IndexFunc(all, func(s *watched) bool { return s.Name == name })
	if i < 0 {
		return nil, nil, fmt.Errorf("there is no storefront %q in the configuration", name)
	}
	a := &ask{Request: r, ctx: ctx, reply: make(chan answer, 1)}
	select {
	case all[i].asks <- a:
	case <-ctx.Done():
		return nil, nil, ErrCut
	case <-all[i].gone:
		return nil, nil, all[i].why(errStopping)
	case <-w.stopped:
		return nil, nil, errStopping
	}
	got := <-a.reply
	return got.scan, got.changes, got.err
}

// An ask is a person's wish for a scan.
type ask struct {
	Request
	ctx   context.Context
	reply chan answer // of capacity 1
}

type answer struct {
	scan    *tracker.Scan
	changes []tracker.Change
	err     error
}

// answer does a scan that somebody asked for. If it sees the storefront, it
// stands for one that is due.
func (w *Watcher) answer(ctx context.Context, s *watched, a *ask) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.ctx, cancel)()
	read, commit, progress := a.Scan, a.Commit, a.Progress
	if read == nil {
		read = w.o.Scan
	}
	if commit == nil {
		commit = w.o.Commit
	}
	if progress == nil {
		progress = func(tracker.Progress) {}
	}
	if until := s.gate.cooled(ctx); until.After(now()) {
		progress(tracker.Progress{Storefront: s.Name, Note: fmt.Sprintf(
			"%s is cooling down for %s after a wall; scanning anyway because you ask",
			s.gate.name, strings.TrimSuffix(max(until.Sub(now()), time.Minute).Round(time.Minute).String(), "0s"))})
	}
	scan, changes, err := w.once(ctx, s, false, read, commit, progress)
	if ctx.Err() != nil {
		a.reply <- answer{err: s.why(ErrCut)}
		return
	}
	if seen := scan.Verdict == tracker.Complete || scan.Verdict == tracker.Partial; seen && err == nil && a.Commit == nil {
		s.mu.Lock()
		s.failed, s.again, s.due = 0, time.Time{}, s.nextDue(now())
		s.mu.Unlock()
	}
	a.reply <- answer{scan, changes, err}
}

// why is an error, or the reason for it when the storefront was dropped.
func (s *watched) why(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped {
		return fmt.Errorf("%s was taken out of the configuration, or has another address there; nothing was kept", s.Name)
	}
	return err
}
