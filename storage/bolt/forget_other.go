//go:build !linux

package bolt

// forget gives back the memory of the mapped file, where that is known how.
func (t tx) forget() {}
