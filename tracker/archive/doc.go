// Package archive writes and reads captures: files that hold what a scan or a
// look at an item page was answered, so that others can look at it and shopwatch
// can read it again.
//
// A capture is a WACZ file (a ZIP archive with WARC records, a list of pages and
// digests of everything), which the web's archivists have viewers for. Over the
// browser's protocol neither the bytes nor the headers can be had as they were
// sent, so bodies are decoded and headers rebuilt, and the file says so. What
// identifies an account is left out, and the file lists what that was.
//
// Whoever reads a capture does not trust it: everything in it is bounded.
package archive
