// Package daemon joins the parts of shopwatch into what scans storefronts and
// sends reports: for as long as the daemon runs, or for one command.
package daemon
