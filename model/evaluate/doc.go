// Package evaluate judges recommenders on titles that were held out before any training.
//
// Owns: leave-one-out under three protocols (uniform negatives, negatives by popularity, the whole catalogue), what the
// lists of ten are like, segments of people and titles, intervals over users and over seeds.
// Promises: the same split, seed and scores give the same figures; a tie and a score that is not a number count against the
// model; models and baselines are judged by the same lines. A backend's places are those of the CPU in the cases that both rank.
// Never: trains, opens a file, hands a scorer anything but a user's number and training history.
// Start here: New and Judge.Measure; MeasureWith and Bench for backends that rank many at once. Protocols and
// their pitfalls: docs/decisions/0038, Krichene and Rendle 2020.
package evaluate
