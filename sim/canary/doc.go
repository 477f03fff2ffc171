// Package canary attacks simulated rounds: devices that include a known vector or none, and somebody who reads only the sums.
//
// Owns: the canary devices of a simulated federation, their coins, the guesses from what is published, the finding.
// Promises: canaries are members like all others, with the policy that devices are shipped with, and the protocol knows nothing
// of them; guesses come from published sums and the auditor's own directions, never from the coins; the numbers of guesses are
// fixed before the first round.
// Never: reads a device, says that noise is enough because an attack failed.
// Start here: Run. Rules: design: privacy, section 14.
package canary
