// Package train trains whole cohorts of simulated devices on a GPU.
//
// Owns: the kernels' memory and launches for local training, the draws in the form in which they travel to the device, which shapes
// the kernels take.
// Promises: a member's cuts, dropout, negatives and coins are the CPU's. Its update is the CPU engine's but for the order in which float32 sums
// are added (within 1e-4 of its norm); the same cohort gives the same integers on the same kind of GPU. A shape that does not fit and a GPU that fails are
// errors, and nothing of the caller's has changed then.
// Never: keeps a model or a history from one cohort to the next.
// Start here: New, which gives a learning.Backend.
package train
