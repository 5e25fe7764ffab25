// Package fleet lets several daemons on one PostgreSQL database share the work: each
// time that a schedule names is scanned once, by whoever is free, at one pace for
// all of them.
//
// The truth is in two tables. A row of leases says who may do a thing, until when;
// its epoch is another one for each holder. A row of slots is a scan to be made; who
// makes it writes its epoch there, and what he read is kept in one transaction with
// "it is done", which fails when somebody else has it by now. River, the job engine,
// says when a worker may look at a slot. It is neither asked whether a slot was done
// nor who does it: it completes a job for whoever says so, also for one that was
// frozen while another took over.
//
// Every daemon is a worker with a lease of its own (worker/NAME), without which
// it writes nothing. Of what one that died was at, the others hear by the end of that
// lease. A scan has a lease too (scan/GATE/EGRESS/PROFILE), which carries the time at
// which the next page may be asked for; the cool-down has the same key.
//
// Times are those of the database. Between two looks at it a worker goes by how far its own
// clock has come, never by what it shows.
package fleet
