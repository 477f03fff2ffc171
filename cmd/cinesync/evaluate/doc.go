// Package evaluate trains on a split that anyone can bring and judges the last round beside the baselines.
//
// Owns: the files of a split, the run over seeds, the report as table, JSON and picture.
// Promises: a trainer is handed a split.Train and nothing that judges it; the last round is judged, never the best; no report
// shows uniform negatives alone; the same files, task and seed give the same report.
// Never: trains by itself (that is a Trainer's), tunes anything.
// Start here: Run. Measures: model/evaluate.
package evaluate
