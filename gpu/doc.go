// Package gpu is the one place that speaks to a graphics processor: memory, streams and kernel launches over CUDA's driver.
//
// Owns: the driver, loaded while the program runs (no cgo, no build tag), contexts, the memory budget of a device, what its errors mean.
// Promises: one binary runs with a GPU and without; without one Count and Open say ErrNone. Every error names the driver's call and its
// own word for what happened; ErrMemory and ErrLost tell the two apart that a caller acts on. Sizes are checked before the driver is asked.
// Never: decides what is computed, falls back by itself (whoever computes does, on the CPU), writes to a log.
// Start here: Open.
package gpu
