package browser

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/remote"
)

// Oldest is the oldest version of Chrome that understands everything it is
// asked for: before it, addresses could not be blocked by URLPattern.
const Oldest = 143

// LeastFiles is how many files a Chrome should be allowed to have open at once.
// With a tab it has about a hundred, and each connection of a page is one more.
const LeastFiles = 512

// tooFewFiles is a limit with which no Chrome works. It may end without a word
// of why.
const tooFewFiles = 100

// ErrSandbox says that the system does not let Chrome make its sandbox.
var ErrSandbox = errors.New("the system refuses Chrome its sandbox: allow user namespaces for it, or, inside a container that is sandbox enough, set browser.flags to {no-sandbox: true}; never run it as root")

// ErrRoot says that Chrome is not run by root without its sandbox unless that is
// asked for.
var ErrRoot = errors.New("you are root, and for root Chrome has no sandbox: a page that breaks out of it would own this machine. Run shopwatch as an ordinary user, or set browser.flags to {no-sandbox: true} where that is sandbox enough")

// Check says why Chrome is not started with these options.
func (o *Options) Check() error {
	if o.Remote == "" && os.Geteuid() == 0 && !o.Unsandboxed() {
		return ErrRoot
	}
	return nil
}

// Unsandboxed reports whether the options ask for a Chrome without its sandbox.
func (o *Options) Unsandboxed() bool {
	v := o.Flags["no-sandbox"]
	return v != nil && v != false
}

// Major returns the first number of a version such as "Chromium
// 156.0.8078.79", 0 when there is none.
func Major(version string) int {
	for _, word := range strings.Fields(version) {
		number, _, dotted := strings.Cut(word, ".")
		if n, err := strconv.Atoi(number); dotted && err == nil {
			return n
		}
	}
	return 0
}

// startTimeout bounds the start of Chrome, which takes well below a second on
// a machine that is not starved.
const startTimeout = 30 * time.Second

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

// explain says what can be done about a Chrome that did not start, unless ctx
// is why. What Chrome itself said comes last, as far as it matters.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	said := essence(err.Error())
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(said, part) })
	}
	switch {
	case has("No usable sandbox", "without --no-sandbox", "sandbox/linux", "new namespace", "sys_chroot"):
		return fmt.Errorf("%w (%s)", ErrSandbox, said)
	case has("shared libraries"):
		return fmt.Errorf("a library that Chrome needs is not installed; install Chrome by the package manager, which brings it (%s)", said)
	case has("oo many open files"), MaxFiles() > 0 && MaxFiles() <= tooFewFiles:
		return fmt.Errorf("too many open files: at most %d may be open at once; raise that to %d or more (ulimit -n; LimitNOFILE= of systemd) (%s)", MaxFiles(), 2*LeastFiles, said)
	case has("process exited", "lost the connection", "context canceled", ":FATAL:") || strings.HasSuffix(said, "failed to start:"):
		return fmt.Errorf("it ended by itself; install Chrome anew if that happens at every start (%s)", said)
	}
	return err
}

// essence is the line of what a program said that tells why it ended: the first
// that it calls fatal or that tells of open files, or else all of it, cut to a
// length that can be read.
func essence(said string) string {
	for line := range strings.Lines(said) {
		if strings.Contains(line, ":FATAL:") || strings.Contains(line, "No usable sandbox") || strings.Contains(line, "oo many open files") {
			said = line
			break
		}
	}
	said = strings.Join(strings.Fields(said), " ")
	if most := 300; len(said) > most {
		return strings.ToValidUTF8(said[:most], "") + "…"
	}
	return said
}
