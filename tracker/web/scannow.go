package web

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// begun is a scan that was asked for in a page.
type begun struct {
	at      time.Time
	running bool
	verdict tracker.Verdict
	changes int
	err     error
}

// scanning are the scans that were asked for in pages.
type scanning struct {
	mu    sync.Mutex
	begun map[tracker.StorefrontName]*begun
}

// said is what became of the last scan that was asked for here, for some
// minutes.
func (s *scanning) said(pg *page, name tracker.StorefrontName) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.begun[name]
	switch {
	case b == nil || pg.Now.Sub(b.at) > 15*time.Minute:
		return ""
	case b.running:
		return pg.T("A scan is under way. This page follows it.")
	case b.err != nil:
		return pg.T("The scan came to nothing: %s", pg.Clean(b.err))
	}
	return pg.T("The scan is done: %s.", pg.Verdict(b.verdict)) + " " + pg.N("%d change.", "%d changes.", b.changes)
}

// scan has a storefront scanned now. The scan goes on when the reader leaves.
func (p *Pages) scan(w http.ResponseWriter, r *http.Request) error {
	sf, err := p.knownShop(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	if p.o.Daemon == nil || !sf.Watched {
		return refusal("this storefront is not scanned here")
	}
	p.scans.mu.Lock()
	last := p.scans.begun[sf.Name]
	start := last == nil || !last.running
	if start {
		p.scans.begun[sf.Name] = &begun{at: time.Now(), running: true}
	}
	p.scans.mu.Unlock()
	if start {
		go p.scanNow(context.WithoutCancel(r.Context()), sf.Name)
	}
	w.Header().Set("Location", "../"+url.PathEscape(string(sf.Name)))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// scanNow scans a storefront and notes what came of it. The watcher ends it when
// the daemon ends.
func (p *Pages) scanNow(ctx context.Context, name tracker.StorefrontName) {
	scan, changes, err := p.o.Daemon.Scan(ctx, name, api.HowToScan{}, func(tracker.Progress) {})
	p.scans.mu.Lock()
	defer p.scans.mu.Unlock()
	b := &begun{at: time.Now(), changes: len(changes), err: err}
	if scan != nil {
		b.verdict = scan.Verdict
	}
	p.scans.begun[name] = b
}
