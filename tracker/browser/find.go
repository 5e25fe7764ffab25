package browser

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrMissing says that no Chrome was found.
var ErrMissing = errors.New("no Chrome found: install chromium-headless-shell (on Debian: apt-get install chromium-headless-shell), or set browser.path")

// shells are the places of chrome-headless-shell, which needs half the memory
// and half the time of the full browser. Debian's /usr/bin/chromium-headless-shell
// is a script that stays between us and the browser, so that killing it leaves
// the browser behind; the program itself is preferred.
var shells = []string{
	"/usr/lib/chromium/chromium-headless-shell",
	"chrome-headless-shell",
	"headless-shell",
	"headless_shell",
}

// browsers are the names of full browsers.
var browsers = []string{
	"chromium",
	"chromium-browser",
	"google-chrome-stable",
	"google-chrome",
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium",
}

// Find returns the program to run: path itself when it is set, else the first
// Chrome that this machine has. Its error wraps ErrMissing when there is none.
func Find(path string) (string, error) {
	if path != "" {
		p, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("browser.path cannot be run: %w: %w", err, ErrMissing)
		}
		return real(p), nil
	}
	for _, name := range append(shells[:len(shells):len(shells)], browsers...) {
		if p, err := exec.LookPath(name); err == nil {
			return real(p), nil
		}
	}
	return "", ErrMissing
}

// FindVisible returns a full browser, which can show a window.
func FindVisible() (string, error) {
	for _, name := range browsers {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("a window needs the full browser (on Debian: apt-get install chromium): %w", ErrMissing)
}

// Shell reports whether path is the headless shell, which shows no window and
// takes no lock on its profile.
func Shell(path string) bool {
	base := filepath.Base(path)
	return bytes.Contains([]byte(base), []byte("headless"))
}

// real replaces Debian's wrapper script of the headless shell by the program.
func real(path string) string {
	const program = "/usr/lib/chromium/chromium-headless-shell"
	if path == program {
		return path
	}
	head := make([]byte, 256)
	f, err := os.Open(path)
	if err != nil {
		return path
	}
	defer f.Close()
	n, _ := f.Read(head)
	if bytes.HasPrefix(head[:n], []byte("#!")) && bytes.Contains(head[:n], []byte(program)) {
		return program
	}
	return path
}
