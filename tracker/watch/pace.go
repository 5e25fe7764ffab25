package watch

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// A Pacer keeps a random pause between two pages of one gate, whoever
// asks for them: from when one has come until the next is asked for. The zero
// value keeps none.
type Pacer struct {
	Min, Max time.Duration

	mu   sync.Mutex
	free map[string]time.Time // when the next page of a gate may be asked for
}

// Pause is a random one between two lengths.
func Pause(least, most time.Duration) time.Duration {
	if most > least {
		least += rand.N(most - least)
	}
	return least
}

// Wait returns when the next page behind the gate may be asked for. Those
// who wait together are let through one after another. The pause begins anew when
// came is called, because the page has come or will not come.
func (p *Pacer) Wait(ctx context.Context, gate string) (came func(), err error) {
	pause := Pause(p.Min, p.Max)
	if pause <= 0 {
		return func() {}, ctx.Err()
	}
	p.mu.Lock()
	now := time.Now()
	at := p.free[gate]
	if at.Before(now) {
		at = now
	}
	if p.free == nil {
		p.free = make(map[string]time.Time)
	}
	p.free[gate] = at.Add(pause)
	p.mu.Unlock()

	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-t.C:
		return func() { p.keep(gate, pause) }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// keep lets no page behind a gate be asked for within a pause from now.
func (p *Pacer) keep(gate string, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if free := time.Now().Add(pause); free.After(p.free[gate]) {
		p.free[gate] = free
	}
}
