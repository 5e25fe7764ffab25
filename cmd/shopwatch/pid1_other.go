//go:build !linux

package main

func asInit() (status int, was bool) { return 0, false }
