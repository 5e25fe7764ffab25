package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
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
