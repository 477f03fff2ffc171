// Package split parts histories into what training may see and what judges it.
//
// Owns: the NCF text format (He et al. 2017, the files beside their code), the validation split, the drawing of negatives.
// Promises: a Train holds no title that is held out from the same user; the same seed draws the same negatives; a file is
// refused with its line, field and value, and no announced number takes memory before it is checked.
// Never: opens a file, trains or scores.
// Start here: Train and Split, then HoldOut; for files ReadTrain, ReadTest, ReadNegatives and Join.
package split
