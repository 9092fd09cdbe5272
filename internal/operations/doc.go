// Package operations does what lasts. An operation is a row that says what is wanted; this package
// carries it to its end, whatever happens to the process that began it.
//
// A kind of operation is a Plan: a table of steps, do beside undo, to be reviewed before the code.
// Each step is recorded before it begins and when it has ended, so that any replica can go on from
// there; what a step did just before its process died it does again, and must stand that.
//
// A replica works on an operation while it holds its lease, which it renews every few seconds. One
// that dies loses its leases, and others go on. One that only slept finds its writes refused (the
// lease's epoch has moved on) and stops.
//
// Waiting holds no worker: an operation whose provider is busy, or whose next attempt is due later,
// is a row with a time.
package operations
