// Package baseline trains the recommenders that a model has to beat, at one place and from everybody's history.
//
// Owns: random, popularity, ItemKNN, EASE and iALS, with the settings that did best on a validation split of MovieLens 1M, and NeuMF
// as its authors train it.
// Promises: the same training data and seed give the same scores on the same machine; training sees a split.Train alone;
// whatever grows with the square of the catalogue has a limit, checked before memory is taken.
// Never: runs in a round: these see histories that no device gives away.
// Start here: Popularity, then IALS. Settings and figures: docs/decisions/0038.
package baseline
