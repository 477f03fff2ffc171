// Package round is one federated round as a deterministic state machine.
//
// Owns: the phases, every member's standing, the roster, the survivors, and what the coordinator may ask of whom.
// Promises: Output is a function of Config and the events in order; the included set is decided once and is in the log
// before the first reveal is asked; for one member either self-mask shares or pair-key shares are asked, never both;
// every phase ends by its deadline.
// Never: reads a clock, draws randomness, touches a network, a file or a model.
// Start here: Machine.Step, then Settle. Rules: the secure aggregation specification, sections 4 and 8 to 11.
//
//	Recruit -> Keys -> Shares -> Inputs -> Unmask -> Settle -> Done
//	     \_______\________\________\_________\_________\-----> Failed
package round
