package fleet

import (
	"context"
	"errors"
	"sync"
	"time"
)

// under is a context that ends when a lease is lost. end ends it and must be called.
func under(ctx context.Context, l Lease) (held context.Context, cancel context.CancelCauseFunc, end func()) {
	held, cancel = context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-l.Ended():
			cancel(errors.New("its lease was lost"))
		case <-held.Done():
		}
	})
	return held, cancel, func() { cancel(nil); watching.Wait() }
}

type leaseKey struct{}

// Pace waits until the next page may be asked for by the scan to which a context
// belongs, and returns what says that it has come. It fails when the scan's lease is
// lost.
func (f *Fleet) Pace(ctx context.Context, _ string) (came func(), err error) {
	l, ok := ctx.Value(leaseKey{}).(Lease)
	if !ok {
		return nil, errors.New("a bug in shopwatch: a page without a lease")
	}
	return l.Came, l.Page(ctx, f.pause())
}

func (f *Fleet) pause() time.Duration {
	if f.o.Pace == nil {
		return 0
	}
	return f.o.Pace()
}
