//go:build !unix

package browser

import "errors"

// diskSize is not known on this system.
func diskSize(string) (int64, error) { return 0, errors.ErrUnsupported }
