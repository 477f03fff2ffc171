// Package model holds the recommenders: their parameters, the snapshot file, local training, scoring and the server's step.
//
// Owns: the two families (two-tower and NCF), the layout and snapshot formats, the local function and its hash, and the
// server optimiser.
// Promises: the same inputs and the same generator give the same bytes on the same machine; whatever a file says is checked
// before memory is taken for it; an update has as many coordinates as the layout and no NaN or infinity.
// Never: reads a clock or a file, clips or adds noise (that is privacy's), sees which title is held out while it trains.
// Start here: Snapshot, then Model and its Train, then Optimizer.Apply. Design: accuracy 3 to 5.
package model
