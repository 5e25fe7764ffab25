// Package browser owns the Chrome process: it opens pages, waits for them,
// turns them, and captures answers and pictures.
package browser

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/gofrs/flock"
)

// Options say which Chrome to run and how. The zero value runs the first one
// found, on a profile that is thrown away.
type Options struct {
	Path    string         // program; found by itself when empty
	Profile string         // user data directory; a temporary one when empty
	Flags   map[string]any // further switches: a string value, true for a switch without one, false to drop a default
	// Remote is the address (ws://…) of a Chrome that runs elsewhere and is
	// used instead of one of our own. Path, Profile and Flags are then its
	// owner's matter.
	Remote string
	// Pictures says that pages load their pictures. A Chrome that runs
	// elsewhere loads them, but for those that a tab blocks.
	Pictures bool
	// Chrome is replaced between two uses when it has shown this many tabs
	// (200 when zero) or takes this much memory (1 GiB when zero), and ended
	// when no tab was open for a while (10 minutes when zero).
	MaxTabs   int
	MaxMemory int64
	Idle      time.Duration
	// Keep are domains whose session cookies outlive Chrome, in the profile.
	Keep []string
	// Resolver finds the addresses of hosts that are not the marketplace's,
	// before a page may go there; that of the machine when nil.
	Resolver *net.Resolver
	// Answer answers all requests of pages in the place of the network, nil for
	// one that fails. It may be called by several goroutines. Nil for the
	// network. Offline has the switches that belong to it.
	Answer func(method, address string, post []byte) *Canned
	Log    *slog.Logger // nil for none
}

// A Browser is one Chrome that is started when it is first needed and started
// again when it died. Its methods are safe for concurrent use.
type Browser struct {
	opts Options

	mu   sync.Mutex
	path string      // of the program; empty until it is first needed
	proc *process    // nil while none runs
	rest *time.Timer // ends a Chrome that nobody uses; nil while somebody does
}

// A process is one run of Chrome.
type process struct {
	ctx     context.Context // of the browser itself; those of tabs come from it
	free    func()          // kills what is left and waits for its end
	lost    <-chan struct{} // closed when it is gone
	dir     string
	temp    bool
	lock    *flock.Flock
	remote  bool // somebody else's
	shell   bool // a headless shell, as opposed to a full Chrome
	proxy   proxy
	proxied bool // hosts are found by a proxy, this one or another
	start   time.Time

	open, shown int // tabs open now, and ever; guarded by Browser.mu
	cached      int // bytes that the cache may have grown to; guarded by Browser.mu

	first  sync.Once      // done when the first tab was asked for
	blanks chan target.ID // the empty tab with which Chrome starts, which is that
}

// New returns a browser that is not yet started.
func New(o Options) *Browser {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Browser{opts: o}
}

// Version names the program that is run and asks it for its version, such as
// "Chromium 156.0.8078.79". It fails with ErrMissing when there is none.
func (b *Browser) Version(ctx context.Context) (path, version string, err error) {
	if path, err = Find(b.opts.Path); err != nil {
		return "", "", err
	}
	out, err := exec.CommandContext(ctx, path, "--version", "--no-sandbox").Output()
	if err != nil {
		var left *exec.ExitError
		if errors.As(err, &left) && len(left.Stderr) > 0 {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(left.Stderr)))
		}
		return path, "", explain(ctx, fmt.Errorf("%s --version: %w", path, err))
	}
	return path, strings.TrimSpace(string(out)), nil
}

// PID returns the process id of the running Chrome, 0 when none runs.
func (b *Browser) PID() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.proc == nil {
		return 0
	}
	if p := chromedp.FromContext(b.proc.ctx).Browser.Process(); p != nil {
		return p.Pid
	}
	return 0
}

// Close ends Chrome in good order, so that a login is kept, and kills it when
// it does not end within some seconds. The browser may be used again.
func (b *Browser) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stop()
}

// stop ends the running Chrome. The caller holds mu.
func (b *Browser) stop() error {
	if b.rest != nil {
		b.rest.Stop()
		b.rest = nil
	}
	p := b.proc
	b.proc = nil
	if p == nil {
		return nil
	}
	b.keep(p)
	return p.end()
}

func (p *process) end() error {
	if p.remote {
		p.free() // its owner ends it
		return nil
	}
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	err := chromedp.Cancel(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = nil // it was gone before, or it was killed
	}
	p.free()
	return err
}

// use returns a live Chrome for one more tab, starting one when there is none
// or when the present one is worn out.
func (b *Browser) use(ctx context.Context) (*process, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rest != nil {
		b.rest.Stop()
		b.rest = nil
	}
	if p := b.proc; p != nil {
		select {
		case <-p.lost:
			b.opts.Log.Warn("chrome is gone, starting another", "ran", time.Since(p.start).Round(time.Second))
			p.free()
			b.proc = nil
		default:
			if p.open == 0 && p.shown >= cmp.Or(b.opts.MaxTabs, 200) {
				b.opts.Log.Debug("chrome has shown enough, starting another", "tabs", p.shown)
				if err := b.stop(); err != nil {
					return nil, err
				}
			}
		}
	}
	if b.proc == nil {
		p, err := b.start(ctx)
		if err != nil {
			return nil, err
		}
		b.proc = p
	}
	b.proc.open++
	b.proc.shown++
	return b.proc, nil
}

// release takes a tab back. A Chrome that has no more of them is measured, and
// ended when it has grown too large or when nobody comes for a while.
func (b *Browser) release(p *process) {
	b.mu.Lock()
	p.open--
	idle := p == b.proc && p.open == 0
	if idle {
		b.rest = time.AfterFunc(cmp.Or(b.opts.Idle, 10*time.Minute), func() { b.endIdle(p) })
	}
	b.mu.Unlock()
	if !idle {
		return
	}
	b.keep(p)
	if most := cmp.Or(b.opts.MaxMemory, 1<<30); b.exceeds(most) {
		b.opts.Log.Debug("chrome has grown too large", "most", most)
		b.endIdle(p)
	}
}

// keep keeps the session cookies that are to be kept.
func (b *Browser) keep(p *process) {
	select {
	case <-p.lost:
		return
	default:
	}
	if err := p.keep(b.opts.Keep); err != nil && p.ctx.Err() == nil {
		b.opts.Log.Warn("session cookies are not kept", "err", err)
	}
}

// endIdle ends a Chrome without tabs.
func (b *Browser) endIdle(p *process) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.proc != p || p.open > 0 {
		return
	}
	if err := b.stop(); err != nil {
		b.opts.Log.Warn("chrome did not end in good order", "err", err)
	}
}

// denyDownloads refuses downloads for the whole browser, and has it tell of the
// windows that pages open.
func (p *process) denyDownloads() error {
	ctx, cancel := context.WithTimeout(p.ctx, startTimeout)
	defer cancel()
	s := chromedp.FromContext(p.ctx).Browser
	return errors.Join(
		denyDownloads(ctx, s, ""),
		call(ctx, s, target.SetDiscoverTargets, target.SetDiscoverTargetsParams{Discover: true}),
	)
}

// denyDownloads refuses downloads of a browser context, the one that every
// Chrome has when it is not named.
func denyDownloads(ctx context.Context, s cdp.Session, id cdp.BrowserContextID) error {
	return call(ctx, s, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorDeny, BrowserContextID: id})
}

// opened hears of a new tab or window. One that a page opens is closed at
// once.
func (p *process) opened(ev any) {
	e, ok := ev.(*target.EventTargetCreated)
	if !ok {
		return
	}
	if e.TargetInfo.OpenerID == "" {
		if e.TargetInfo.Type == "page" && p.shell {
			select {
			case p.blanks <- e.TargetInfo.TargetID:
			default: // one of ours
			}
		}
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
		defer cancel()
		_ = call(ctx, chromedp.FromContext(p.ctx).Browser, target.CloseTarget, target.CloseTargetParams{TargetID: e.TargetInfo.TargetID})
	}()
}
