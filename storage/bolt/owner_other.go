//go:build !unix

package bolt

func keepOwner(string, string) error { return nil }
