// Package demo shows the whole promise with real parts on one machine: devices with their own SQLite histories, QUIC on
// loopback, secure aggregation, noise, a published model, its recommendations and its audit.
//
// Owns: the folder it makes and marks, the devices it starts, the faults it plans, the check of every sum.
// Promises: everything it shows was computed by the same code that a real device, coordinator and auditor run.
// Never: turns noise off; claims a privacy that so few devices cannot have.
// Start here: Run.
package demo
