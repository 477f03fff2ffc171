// Package attack audits this system by attacking it: canary devices in simulated rounds, and membership inference on a model
// that was trained with and without noise.
//
// Owns: the plan of an audit, its runs, its report for people and programs.
// Promises: everything follows from the seed; every lower bound is printed beside the claim that it is held against; a claim
// that is refuted is an error, and so is an audit that did not find the noise missing.
// Never: touches a real coordinator, device or history; calls a failed attack a proof.
// Start here: Run. Rules: the privacy specification, section 13.
package attack
