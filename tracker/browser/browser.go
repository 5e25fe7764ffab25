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
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/remote"
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

// startTimeout bounds the start of Chrome, which takes well below a second on
// a machine that is not starved.
const startTimeout = 30 * time.Second

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

func (b *Browser) start(ctx context.Context) (p *process, err error) {
	p = &process{dir: b.opts.Profile, start: time.Now(), free: func() {}}
	if b.opts.Remote != "" {
		p.remote = true
		alloc, freeAlloc := remote.NewAllocator(context.Background(), b.opts.Remote)
		return b.begin(ctx, p, alloc, freeAlloc)
	}
	if b.path, err = Find(b.opts.Path); err != nil {
		return nil, err
	}
	if err := b.opts.Check(); err != nil {
		return nil, err
	}
	if p.proxy, err = parseProxy(b.opts.Flags["proxy-server"]); err != nil {
		return nil, fmt.Errorf("proxy-server: %w", err)
	}
	p.proxied = proxied(b.opts.Flags)
	if p.dir == "" {
		dir, err := os.MkdirTemp("", "shopwatch-profile-")
		if err != nil {
			return nil, fmt.Errorf("make a profile: %w", err)
		}
		p.dir, p.temp = dir, true
	} else if p.lock, err = hold(p.dir); err != nil {
		return nil, err
	}
	p.shell = Shell(b.path)
	p.cached = cacheSize(p.dir)
	alloc, freeAlloc := chromedp.NewExecAllocator(context.Background(), b.switches(p)...)
	return b.begin(ctx, p, alloc, freeAlloc)
}

// begin starts or reaches the Chrome of an allocator.
func (b *Browser) begin(ctx context.Context, p *process, alloc context.Context, freeAlloc func()) (_ *process, err error) {
	p.blanks = make(chan target.ID, 1)
	root, cancel := chromedp.NewContext(alloc, chromedp.WithErrorf(func(f string, a ...any) {
		b.opts.Log.Debug("chromedp", "message", fmt.Sprintf(f, a...))
	}))
	p.ctx = root
	p.free = func() {
		cancel()
		freeAlloc() // waits until the process is gone
		if !p.remote {
			sweep(p.dir)
		}
		if p.lock != nil {
			p.lock.Unlock()
		}
		if p.temp {
			os.RemoveAll(p.dir)
		}
	}

	// To listen is what starts it. The life of the browser is bound to the
	// context, which therefore has no time-out of its own; ending it ends the
	// wait.
	started := make(chan error, 1)
	go func() { started <- chromedp.ListenBrowser(root, p.opened) }()
	select {
	case err = <-started:
	case <-time.After(startTimeout):
		err = fmt.Errorf("not ready after %s", startTimeout)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		p.free()
		return nil, fmt.Errorf("start %s: %w", cmp.Or(b.opts.Remote, b.path), explain(ctx, err))
	}
	p.lost = chromedp.FromContext(root).Browser.LostConnection
	if err := p.denyDownloads(); err != nil {
		p.free()
		return nil, fmt.Errorf("start %s: %w", cmp.Or(b.opts.Remote, b.path), explain(ctx, err))
	}
	return p, nil
}

// switches are the command line of Chrome.
func (b *Browser) switches(p *process) []chromedp.ExecAllocatorOption {
	opts := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(b.path),
		chromedp.UserDataDir(p.dir),
		chromedp.WindowSize(1280, 1000),
		chromedp.Flag("disable-popup-blocking", false), // a page may not open windows
		chromedp.Flag("disable-ipc-flooding-protection", false),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("deny-permission-prompts", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("mute-audio", true),
		chromedp.Flag("lang", "zh-CN"),
		// The headless shell knows no bound; see Tab.clear.
		chromedp.Flag("disk-cache-size", strconv.Itoa(mostCache)),
		// WebRTC may use no UDP, which would go past a proxy; a shell and a full
		// Chrome have another name for it.
		chromedp.Flag("force-webrtc-ip-handling-policy", "disable_non_proxied_udp"),
		chromedp.Flag("webrtc-ip-handling-policy", "disable_non_proxied_udp"),
		// The network service keeps its own process. Within Chrome's it does
		// not always write the cookies before Chrome ends: a login is lost.
	)
	if p.shell {
		opts = append(opts,
			// It knows no blocking of pop-ups, and would ask for their page
			// before they can be closed.
			chromedp.Flag("block-new-web-contents", true),
			// Pages are drawn without a graphics processor, nor with one
			// that is imitated for WebGL, which takes 10 MB.
			chromedp.Flag("disable-gpu", true),
			chromedp.Flag("disable-software-rasterizer", true),
			// What it leaves behind when it is killed is swept with the
			// profile. A full Chrome would make a socket there, for which
			// the path may be too long; sweep finds that by its link.
			chromedp.Env("TMPDIR="+p.dir))
	}
	const resolver = "host-resolver-rules"
	// The quota of a site is to be a share of the disk.
	quota := fmt.Sprintf("StorageQuotaSettings:PoolSizeRatio/%g", shareOfDisk(p.dir, mostStored))
	lists := map[string]list{
		resolver:                     {", ", resolverRules()},
		"ip-address-space-overrides": {",", addressSpaces()},
		"enable-features":            {",", strings.Join(append(enabled[:len(enabled):len(enabled)], quota), ",")},
		"disable-features":           {",", strings.Join(disabled, ",")},
	}
	if !b.opts.Pictures {
		// Patterns would let a page ask for each of its pictures and tell of
		// each refusal: for a list of 60 products some 500 messages.
		lists["blink-settings"] = list{",", "imagesEnabled=false"}
	}
	if p.proxied {
		lists["proxy-bypass-list"] = list{";", proxyBypass()}
	}
	for name, value := range b.opts.Flags {
		own, _ := value.(string)
		switch l, ok := lists[name]; {
		case ok && own != "" && name == resolver: // the first that fits counts, and may lift nothing here
			lists[name] = list{l.separator, l.value + l.separator + own}
		case ok && own != "":
			lists[name] = list{l.separator, own + l.separator + l.value}
		case ok:
		case name == "proxy-server" && p.proxy.server != "":
			opts = append(opts, chromedp.Flag(name, p.proxy.server))
			lists[resolver] = list{", ", p.proxy.resolverRule() + ", " + lists[resolver].value}
		default:
			opts = append(opts, chromedp.Flag(name, value))
		}
	}
	for name, l := range lists {
		opts = append(opts, chromedp.Flag(name, l.value))
	}
	return opts
}

// What pages may leave on the disk, in bytes: answers in the cache, and
// together what they store themselves, until it is deleted.
const (
	mostCache  = 64 << 20
	mostStored = 64 << 20 // a site gets three quarters of it
)

// shareOfDisk is the share of the disk below a directory that some bytes are,
// and a thousandth where that is not known.
func shareOfDisk(dir string, bytes float64) float64 {
	size, err := diskSize(dir)
	if err != nil || size <= 0 {
		return 0.001
	}
	return min(bytes/float64(size), 0.01)
}

// A list is the value of a switch that has several, to which the options may
// add.
type list struct{ separator, value string }

// enabled and disabled are features of Chrome. Its check of local network access
// is on by itself in new versions only, for some ways of asking. Nothing checks
// what a page has Chrome load ahead of a visit (speculation rules), which is
// therefore left off: no such load may run, and none may be made for a page
// that is rendered ahead. The address bar of a Chrome without a window needs no
// suggestions.
var (
	enabled = []string{"LocalNetworkAccessChecks", "LocalNetworkAccessChecksWebRTC", "LocalNetworkAccessChecksWebSockets", "LocalNetworkAccessChecksWebTransport",
		"PrefetchMultipleActiveSetSizeLimitForBase:prefetch_multiple_active_set_size_limit_for_base_value/0"}
	disabled = []string{"StaticStorageQuota", "Prerender2", "Prerender2FallbackPrefetchSpecRules", "Translate", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup"}
)

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
