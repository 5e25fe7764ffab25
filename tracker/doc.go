// Package tracker is the vocabulary of shopwatch, and the rule by which scans
// become catalogs.
//
// A storefront is one seller's shop on a marketplace. A scan is one reading of
// it: the products that its listing pages showed, a verdict on whether that
// was all of them, and the evidence for the verdict. [Reconcile] compares a
// scan with the catalog, which is what is known of the storefront's products,
// and says what changed. Changes are appended to a log; a report is the part
// of the log that one channel is told at once.
//
// The law of the package, and of the program: seeing a product proves that it
// is there; not seeing it proves that it is gone only in a complete scan.
// Nothing but Reconcile may conclude that a product is gone.
//
// The package does no I/O, reads no clock and writes no log.
package tracker
