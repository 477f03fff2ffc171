// Package accel gives programs the GPUs of their machine, or says why there are none.
//
// Owns: the --gpu flag, who does which work, the line that says so.
// Promises: auto never fails, and says in one line what will do the work; a GPU that was asked for by its index and is not there is an
// error. What a backend cannot do, the CPU does, and a line says why.
// Never: computes anything.
// Start here: Open.
package accel
