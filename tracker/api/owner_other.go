//go:build !unix

package api

// owner returns whom a file belongs to, -1 when that is not known.
func owner(string) int { return -1 }
