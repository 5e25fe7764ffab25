// Package web is the local HTTP API of shopwatch and a client for it.
//
// bbolt lets one process in, so while the daemon runs the commands ask it. When
// it does not run they ask a [Server] of their own in the same process, through
// the same [Client]: a person sees no difference.
package web
