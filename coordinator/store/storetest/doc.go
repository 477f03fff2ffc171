// Package storetest is the conformance suite of coordinator.Store.
//
// Owns: what every store must do, as tests.
// Promises: a store that passes may be used by a coordinator whatever it is made of.
// Never: looks inside a store; needs more than one place to put it.
// Start here: Run, and SoakLedger for the debits of many hands through crashes.
package storetest
