// Package api is the local HTTP API of shopwatch: JSON for programs, a client
// for it, and the guard that everything behind it shares. The pages for people
// are those of package web, which main hands to the server.
//
// bbolt lets one process in, so while the daemon runs the commands ask it. When
// it does not run they ask a [Server] of their own in the same process, through
// the same [Client]: a person sees no difference.
package api
