package browser

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
)

// ErrInUse says that another process has the profile.
var ErrInUse = errors.New("in use")

// hold makes a profile ours until the lock is released, and makes its
// directory where there is none. Chrome locks a profile only against another
// Chrome on the same host, and the headless shell not at all; a login in two
// of them at once is lost. Its error wraps ErrInUse and says by whom.
func hold(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the profile: %w", err)
	}
	if st, err := os.Stat(dir); err == nil && st.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return nil, fmt.Errorf("keep others out of the profile, which holds a login: %w", err)
		}
	}
	file := filepath.Clean(dir) + ".lock"
	lock := flock.New(file, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the profile %s: %w", dir, err)
	}
	if !ok {
		return nil, fmt.Errorf("the profile %s is %w by %s: wait for it or end it", dir, ErrInUse, holder(file))
	}
	if pid := outsider(dir); pid != 0 {
		lock.Unlock()
		return nil, fmt.Errorf("the profile %s is %w by a Chrome that shopwatch did not open, process %d: close it", dir, ErrInUse, pid)
	}
	killUsers(dir)
	sweep(dir)
	// Who has it is told to others, and to nobody else: without it the lock
	// holds all the same.
	_ = os.WriteFile(file, []byte(me()), 0o600)
	return lock, nil
}

// sweep removes what a full Chrome that was killed has left in a profile that
// nobody uses, and the directory of its socket. It would keep the next one
// from starting under another host name.
func sweep(dir string) {
	if socket, err := os.Readlink(filepath.Join(dir, "SingletonSocket")); err == nil {
		os.Remove(socket)
		os.Remove(filepath.Join(filepath.Dir(socket), "SingletonCookie"))
		os.Remove(filepath.Dir(socket)) // only when it is empty
	}
	for _, name := range []string{"SingletonLock", "SingletonCookie", "SingletonSocket"} {
		os.Remove(filepath.Join(dir, name))
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".org.chromium.*")); err == nil {
		for _, dir := range left {
			os.RemoveAll(dir)
		}
	}
}

// cacheSize is how many bytes the answers take that a Chrome has kept in a
// profile.
func cacheSize(dir string) (bytes int) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "Cache", "Cache_Data", "*"))
	if err != nil {
		return 0
	}
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			bytes += int(st.Size())
		}
	}
	return bytes
}

// me names this process as holder reads it.
func me() string {
	words := append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...)
	s := strings.Join(words, " ")
	if len(s) > 80 {
		s = words[0]
	}
	return fmt.Sprintf("%d %s\n", os.Getpid(), s)
}

// holder names the process that has the lock, as it wrote itself.
func holder(file string) string {
	b, _ := os.ReadFile(file)
	pid, command, ok := strings.Cut(strings.TrimSpace(string(b)), " ")
	switch {
	case !ok:
		return "another shopwatch"
	case pid == strconv.Itoa(os.Getpid()):
		return "this process itself"
	}
	return fmt.Sprintf("process %s (%s)", pid, command)
}

// outsider returns the process id of a Chrome that runs on a profile whose
// lock is free, 0 when there is none. A full Chrome names itself in a link:
// host-pid.
func outsider(dir string) int {
	link, err := os.Readlink(filepath.Join(dir, "SingletonLock"))
	if err != nil {
		return 0
	}
	host, err := os.Hostname()
	number, ok := strings.CutPrefix(link, host+"-")
	if err != nil || !ok {
		return 0 // of another host, or of a container that is no more
	}
	pid, err := strconv.Atoi(number)
	if err != nil || pid <= 0 {
		return 0
	}
	p, err := os.FindProcess(pid)
	if err != nil || p.Signal(syscall.Signal(0)) != nil {
		return 0
	}
	// The number may have gone to another process since, or belong to a Chrome
	// without a window that a killed shopwatch has left behind.
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err == nil && (!bytes.Contains(bytes.ToLower(line), []byte("chrom")) || bytes.Contains(line, []byte("--enable-automation"))) {
		return 0
	}
	return pid
}
