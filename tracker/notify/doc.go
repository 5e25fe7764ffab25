// Package notify sends reports.
//
// The change log is the outbox. For each channel the package cuts the log into
// reports, each written with its deliveries before anything is sent; a delivery
// then waits until its recipient took it, refused it for good, or was tried
// for days. Whatever happens in between, also to the program, a delivery is sent
// again under the same ID and nothing else is lost.
//
// A [Sender] leads to one kind of destination. Adding a kind is one file, and
// one line in [Kinds].
package notify
