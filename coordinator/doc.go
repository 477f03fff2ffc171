// Package coordinator drives rounds: it recruits, ticks, journals, commits and publishes.
//
// Owns: the one goroutine that steps the round machine, the connections, the log in memory, the order of writes.
// Promises: nothing is sent, received for good or published before its record is durable; start-up runs the same code as
// the normal path; Run returns when everything it started has ended.
// Never: sees a single device's vector unmasked, decides what a round may ask (that is coordinator/round), knows a vendor.
// Start here: Coordinator.Run, then turn in loop.go, commit in commit.go and settle in settle.go.
package coordinator
