//go:build !linux

package browser_test

func openNetwork() error { return nil }
