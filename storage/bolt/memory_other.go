//go:build !linux

package bolt

// releaseMemory gives back the memory of the mapped file, where that is known how.
func (t tx) releaseMemory() {}
