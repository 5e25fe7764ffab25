package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// ErrNoDisplay says that there is no screen on which to show a window.
var ErrNoDisplay = errors.New("there is no display to show Chrome on")

// A Window is an ordinary, visible Chrome that a person uses on a profile. It
// is driven by nobody: challenges that are shown to a driven browser often
// refuse even a human (tracker/market/tmall/NOTES.md, 4.10). It holds the
// profile as a Browser does.
type Window struct {
	opts  Options
	path  string
	cmd   *exec.Cmd
	lock  *flock.Flock
	tail  *tail
	ended chan struct{} // closed when Chrome is gone and the lock is free
	err   error         // why it ended; valid when ended is closed
}

// undriven are switches that would drive the window, hide it, or hide from the
// person what there is to see.
var undriven = []string{"enable-automation", "headless", "remote-debugging-port", "remote-debugging-pipe", "remote-debugging-address",
	"user-data-dir", "no-sandbox", "blink-settings", "no-startup-window"}

// OpenWindow opens a page in a visible Chrome on the profile of the options.
// Its error wraps ErrMissing, ErrNoDisplay or ErrInUse when that is why. The
// caller must call Close.
func OpenWindow(o Options, address string) (*Window, error) {
	path, err := FindVisible()
	if o.Path != "" && !Shell(o.Path) {
		path, err = Find(o.Path)
	}
	if err != nil {
		return nil, err
	}
	if !display() {
		return nil, ErrNoDisplay
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	proxy, err := parseProxy(o.Flags["proxy-server"])
	if err != nil {
		return nil, fmt.Errorf("proxy-server: %w", err)
	}
	lock, err := hold(o.Profile)
	if err != nil {
		return nil, err
	}
	if err := prepare(o.Profile); err != nil {
		lock.Unlock()
		return nil, err
	}
	w := &Window{opts: o, path: path, lock: lock, tail: &tail{}, ended: make(chan struct{})}
	w.cmd = exec.Command(path, append(visibleSwitches(o, proxy), address)...)
	w.cmd.Stdout, w.cmd.Stderr = w.tail, w.tail
	w.cmd.WaitDelay = 3 * time.Second // for a process that inherited the output
	w.cmd.SysProcAttr = newProcessGroup()
	if err := w.cmd.Start(); err != nil {
		lock.Unlock()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	go w.wait()
	return w, nil
}

// prepare sets two of the profile's preferences. Chrome is not to offer to
// save a password: the profile has a login, and nothing more of the account is
// wanted there. And it is to continue where it left off, or else it deletes
// session cookies when its last window is closed; its tabs it may forget.
func prepare(profile string) error {
	folder := filepath.Join(profile, "Default")
	file := filepath.Join(folder, "Preferences")
	preferences := map[string]any{}
	text, err := os.ReadFile(file)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		err = d.Decode(&preferences)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the profile's preferences are not readable, delete %s: %w", file, err)
	}
	session, ok := preferences["session"].(map[string]any)
	if !ok {
		session = map[string]any{}
		preferences["session"] = session
	}
	session["restore_on_startup"] = 1
	preferences["credentials_enable_service"] = false
	if text, err = json.Marshal(preferences); err != nil {
		return err
	}
	err = errors.Join(os.RemoveAll(filepath.Join(folder, "Sessions")), os.MkdirAll(folder, 0o700))
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("prepare the profile: %w", err)
	}
	return nil
}

// display reports whether a window can be shown, as far as that can be known
// before.
func display() bool {
	switch runtime.GOOS {
	case "windows", "darwin":
		return true
	}
	return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// visibleSwitches are the command line of a window. What the headless Chrome
// must be able to read later is kept the way it keeps it: password-store and
// use-mock-keychain choose the key of the cookies.
func visibleSwitches(o Options, p proxy) []string {
	flags := map[string]any{
		"no-first-run": true, "no-default-browser-check": true, "disable-sync": true, "disable-background-mode": true,
		"password-store": "basic", "use-mock-keychain": true,
	}
	for name, value := range o.Flags {
		if !slices.Contains(undriven, name) {
			flags[name] = value
		}
	}
	if p.server != "" {
		flags["proxy-server"] = p.server // Chrome asks the person for a password
	}
	flags["user-data-dir"] = o.Profile
	if os.Geteuid() == 0 && o.Unsandboxed() {
		flags["no-sandbox"] = true
	}
	var all []string
	for name, value := range flags {
		switch v := value.(type) {
		case bool:
			if v {
				all = append(all, "--"+name)
			}
		default:
			all = append(all, fmt.Sprintf("--%s=%v", name, v))
		}
	}
	slices.Sort(all)
	return all
}

func (w *Window) wait() {
	err := w.cmd.Wait()
	if left := (*exec.ExitError)(nil); errors.As(err, &left) || errors.Is(err, exec.ErrWaitDelay) {
		err = w.failure(left)
	}
	w.err = err
	w.lock.Unlock()
	close(w.ended)
}

// failure tells a Chrome that could not show itself from one that was closed.
func (w *Window) failure(left *exec.ExitError) error {
	said := w.tail.String()
	switch {
	case strings.Contains(said, "Missing X server or $DISPLAY"), strings.Contains(said, "The platform failed to initialize"):
		return fmt.Errorf("%w: DISPLAY is %q and no screen answers there", ErrNoDisplay, os.Getenv("DISPLAY"))
	case left == nil || left.ExitCode() < 0: // ended by a signal
		return nil
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return explain(context.Background(), fmt.Errorf("%s ended: %w: %s", w.path, left, lines[len(lines)-1]))
}

// Wait waits until the person has closed the window.
func (w *Window) Wait(ctx context.Context) error {
	select {
	case <-w.ended:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close asks Chrome to end in good order, so that a login is kept, and kills
// it when it does not end within some seconds. It is asked as by Ctrl-C: at
// SIGTERM Chrome takes the machine to go down, ends at once and forgets the
// cookies of the last half minute.
func (w *Window) Close() error {
	const patience = 15 * time.Second
	if w.cmd.Process.Signal(os.Interrupt) != nil {
		select {
		case <-w.ended:
			return nil
		default:
			w.kill() // a system without signals
		}
	}
	select {
	case <-w.ended:
		return nil
	case <-time.After(patience):
	}
	w.kill()
	<-w.ended
	return fmt.Errorf("%s did not end within %s and was killed: a login made in it may be lost", w.path, patience)
}

// Keep does for a window that has ended what a Browser does for itself: the
// session cookies of the domains Options.Keep outlive it. The next Chrome on
// the profile would forget them, so it must be called before that.
//
// The same Chrome starts once more for it, unseen, as one that takes up its
// last session, and cut off from the network, so that the pages which were
// open then are not visited.
func (w *Window) Keep(ctx context.Context) error {
	flags := map[string]any{"restore-last-session": true, "proxy-server": "127.0.0.1:9", "proxy-bypass-list": "<-loopback>"}
	if w.opts.Unsandboxed() {
		flags["no-sandbox"] = true
	}
	b := New(Options{Path: w.path, Profile: w.opts.Profile, Keep: w.opts.Keep, Log: w.opts.Log, Flags: flags})
	_, err := b.Cookies(ctx, w.opts.Keep)
	return errors.Join(err, b.Close())
}

// A tail keeps the end of what Chrome says.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - 16<<10; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
