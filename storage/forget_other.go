//go:build !linux

package storage

// forget gives back the memory of the mapped file, where that is known how.
func (t tx) forget() {}
