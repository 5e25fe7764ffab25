//go:build !unix

package browser

// MaxFiles returns how many files this process, and a Chrome that it starts,
// may each have open at once; 0 when that is not known.
func MaxFiles() uint64 { return 0 }
