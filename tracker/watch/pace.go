package watch

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// A Pacer keeps a random pause between two pages of one gate, whoever
// asks for them. The zero value keeps none.
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
// who wait together are let through one after another.
func (p *Pacer) Wait(ctx context.Context, gate string) error {
	pause := Pause(p.Min, p.Max)
	if pause <= 0 {
		return ctx.Err()
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
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
