package browser

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Oldest is the oldest version of Chrome that understands everything it is
// asked for: before it, addresses could not be blocked by URLPattern.
const Oldest = 143

// ErrSandbox says that the system does not let Chrome make its sandbox.
var ErrSandbox = errors.New("the system refuses Chrome its sandbox: allow user namespaces for it, or, inside a container that is sandbox enough, set browser.flags to {no-sandbox: true}; never run it as root")

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

// explain says what can be done about a Chrome that did not start. What Chrome
// itself said comes last.
func explain(err error) error {
	said := strings.ToLower(err.Error())
	switch {
	case strings.Contains(said, "sandbox"), strings.Contains(said, "namespace"), strings.Contains(said, "zygote"):
		return fmt.Errorf("%w (%w)", ErrSandbox, err)
	case strings.Contains(said, "shared libraries"):
		return fmt.Errorf("a library that Chrome needs is not installed; install Chrome by the package manager, which brings it (%w)", err)
	}
	return err
}
