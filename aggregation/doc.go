// Package aggregation adds integer vectors so that the adder learns their sum and no single one of them.
//
// Owns: the quantiser, the neighbour graph and its thresholds, session keys, secret sharing, sealing, masks, the sum.
// Promises: the sum that comes out is the exact sum mod 2^w of what went in, for every set of survivors that the threshold
// allows; a vector that leaves Secrets.Mask is uniform to anyone without its keys; secrets do not print and can be zeroed; no
// input from outside makes it panic.
// Never: reads a clock or a source of randomness of its own, decides who takes part, adds noise or clips (that is privacy),
// keeps a key longer than its caller does.
// Start here: Secrets.Mask on the device, SelfMask, PairMasks and CPUAccumulator at the coordinator; FindDegree for how many
// neighbours. The protocol is SecAgg+ (Bell, Bonawitz, Gascón, Lepoint, Raykova 2020, ePrint 2020/704) with a threshold that
// holds when the coordinator picks who drops out; comments name the sections of its design, "secure aggregation 5.2".
package aggregation
