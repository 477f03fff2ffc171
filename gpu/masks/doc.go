// Package masks expands and adds the masks of secure aggregation on GPUs: an aggregation.Expander for thousands of keys at once.
//
// Owns: how keys are spread over devices, launches and pieces of a vector; where key bytes are on a device and when they are wiped.
// Promises: the sums are aggregation's own, word for word, whatever the devices, the budget and the order; a whole sum or an error. Keys are
// zeroed in device memory and in pinned memory before Expand returns, unless the device is lost, whose memory goes with its context.
// Never: falls back to the CPU (aggregation.OffloadAccumulator does), prints a key, keeps a term.
// Start here: New, Expander.Expand; Rows adds vectors that are on a device already.
package masks
